//! The map of the house, top to bottom. A layer may call those below it, never one above:
//!
//! | layer | what it does |
//! |---|---|
//! | [`cli`] | words of the command line → a resolved request; the table of exit codes |
//! | [`serve`] | the HTTP endpoint |
//! | [`attach`] | the engineer's side: through kubectl, docker or podman beside the container |
//! | [`in_container`] | inside the application's own container: `install` and `run` |
//! | [`render`] | model → table, JSON, YAML |
//! | [`sections`] | one file a section: ask `sys`, parse, fill the model |
//! | [`probe`] | the only code that opens connections |
//! | [`parse`] | kernel and file formats: bytes → plain data, pure |
//! | [`sys`] | the only code that touches files, namespaces and system calls |
//! | [`model`] | what was seen: plain data with units in its names, no I/O |

pub mod attach;
pub mod check;
pub mod cli;
pub mod in_container;
pub mod model;
pub mod parse;
pub mod pki;
pub mod probe;
pub mod redact;
pub mod render;
pub mod rights;
pub mod scan;
pub mod sections;
pub mod serve;
pub mod sys;
pub mod trust;
