//! The HTTP endpoint: who is let in, what an attacker can do to it, and that it answers as the
//! command line does.

mod attacks;
mod auth;
mod equal;
mod guard;
mod hang;
pub(crate) mod lab;
mod last_answer;
mod lifecycle;
mod limits;
mod malformed;
mod memory;
mod page;
mod probes;
mod rotation;
mod sharing;
mod streams;
mod tls;
mod ways_out;
mod ways_out_places;

use crate::support::{http as client, server};
