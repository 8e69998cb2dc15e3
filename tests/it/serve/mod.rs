//! The HTTP endpoint: who is let in, what an attacker can do to it, and that it answers as the
//! command line does.

mod attacks;
mod auth;
mod client;
mod equal;
mod guard;
pub(crate) mod lab;
mod lifecycle;
mod limits;
mod malformed;
mod probes;
mod rotation;
mod server;
mod sharing;
mod tls;
mod ways_out;
