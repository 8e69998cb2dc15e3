//! The map of the house, top to bottom. A layer may call those below it, never one above:
//!
//! | layer | what it does |
//! |---|---|
//! | [`cli`] | words of the command line → a resolved request; the table of exit codes |
//! | [`render`] | model → table, JSON, YAML |
//! | [`inspect`] | one file a section: ask `sys`, parse, fill the model |
//! | [`probe`] | the only code that opens connections |
//! | [`parse`] | kernel and file formats: bytes → plain data, pure |
//! | [`sys`] | the only code that touches files, namespaces and system calls |
//! | [`model`] | what was seen: plain data with units in its names, no I/O |

pub mod cli;
pub mod inspect;
pub mod model;
pub mod parse;
pub mod probe;
pub mod render;
pub mod sys;
