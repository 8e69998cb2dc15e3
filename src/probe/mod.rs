//! The only code that opens connections.
//!
//! Every one has a deadline that holds for each read and write, and a bound on what it takes
//! in: a server that is silent, slow or endless ends with a word for it.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the layer that the ban on connections points to"
)]

pub(crate) mod connect;
pub(crate) mod dns;
pub(crate) mod endpoint;
pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod http_client;
pub(crate) mod starttls;
pub(crate) mod tls;
pub(crate) mod wire;

pub(crate) use connect::Peer;
