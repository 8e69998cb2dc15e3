//! What a program needs to start: its file, the interpreter that its `#!` line names, its loader and
//! its libraries. Facts alone; what they mean is for those that ask.

pub(crate) mod file;
pub(crate) mod libraries;
pub(crate) mod loader;
pub(crate) mod search;
