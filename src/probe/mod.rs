//! The only code that opens connections.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the layer that the ban points to"
)]

pub mod dns;
