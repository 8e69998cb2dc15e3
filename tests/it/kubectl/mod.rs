//! `kubectl spyhole`: which way is taken for which pod, what comes of each refusal, and that the
//! real kubectl sends what was meant.

mod exits;
mod fake;
mod plans;
mod real;
mod refusals;
mod runs;
mod server;
mod serves;
pub(crate) mod tool;
