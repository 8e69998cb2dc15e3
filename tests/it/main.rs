//! The integration tests: one binary, so that the harness is built and linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, at the line that says why"
)]

mod access;
mod capabilities;
mod certificate_forms;
mod certificates;
mod checks;
mod dns;
mod document;
mod documents;
mod engines;
mod fake;
mod fake_proc;
mod host;
mod hostile;
mod lab;
mod layers;
mod mounts;
mod naming;
mod one_walk;
mod output;
mod package;
mod podman;
mod secrets;
mod serve;
mod serve_metrics;
mod serve_openapi;
mod sockets;
mod targets;
mod tls;
mod trust_store;
mod truth;
