//! The integration tests: one binary, so that the harness is built and linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, at the line that says why"
)]

#[macro_use]
extern crate needs;

mod access;
mod agreement;
mod ask;
mod attached;
mod audit;
mod beside;
mod calls;
mod capabilities;
mod certificate_forms;
mod certificates;
mod checks;
mod checks_unseen;
mod circles;
mod containerd;
mod copied_proc;
mod copy;
mod diff;
mod dns;
mod doctor;
mod document;
mod documents;
mod engines;
mod entrypoint;
mod fake_proc;
mod files;
mod first_thread;
mod go_build;
mod habits;
mod hang;
mod hostile;
mod image;
mod install;
mod jvm;
mod kubectl;
mod layers;
mod manifests;
mod mounts;
mod naming;
mod network;
mod node_names;
mod one_walk;
mod open_files;
mod output;
mod overview;
mod own_image;
mod package;
mod process_details;
mod program;
mod progress;
mod resources;
mod rewritten;
mod run;
mod saved_documents;
mod secrets;
mod serve;
mod serve_metrics;
mod serve_openapi;
mod shell;
mod sidecar;
mod sockets;
mod spec;
mod support;
mod targets;
mod tls;
mod tool_views;
mod top;
mod trust_runtimes;
mod trust_store;
mod truth;
mod truths;
mod ward;
mod why;
mod wording;
mod wrappers;

use support::{docker, fake, host, keyboard, lab, patience, podman};
