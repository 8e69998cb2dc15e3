//! The integration tests: one binary, so that the harness is built and linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, at the line that says why"
)]

mod lab;
mod layers;
mod podman;
mod sockets;
