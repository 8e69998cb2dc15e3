//! The only code that opens connections.
//!
//! Every one has a deadline that holds for each read and write, and a bound on what it takes
//! in: a server that is silent, slow or endless ends with a word for it.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the layer that the ban on connections points to"
)]

pub mod connect;
pub mod dns;
pub mod http;
pub mod starttls;
pub mod tls;
pub mod wire;

pub use connect::Peer;
