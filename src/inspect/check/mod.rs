//! Checks: a question with yes or no for an answer, for probes and scripts.

pub mod spec;

pub use spec::Check;
