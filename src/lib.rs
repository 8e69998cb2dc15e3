//! The layers, top to bottom. Each may import those below it, never one above:
//!
//! | layer | what it does |
//! |---|---|
//! | [`cli`] | the command line → a request; exit codes |
//! | [`serve`] | the HTTP endpoint |
//! | [`attach`] | puts spyhole beside a container through kubectl, docker or podman |
//! | [`in_container`] | runs inside the application's own container: `install` and `run` |
//! | [`check`] | checks for probes and scripts: yes, no or unknown |
//! | [`sections`] | one file or folder a section: from a scan to its part of the document |
//! | [`render`] | model → tables, JSON, YAML, metrics |
//! | [`trust`] | which authorities a program's runtime trusts |
//! | [`scan`] | finds the target and walks /proc once for all sections |
//! | [`probe`] | opens connections: TLS, HTTP, DNS |
//! | [`rights`] | the kernel's access rules: which of them refused, and what would pass |
//! | [`pki`] | verifies certificate chains |
//! | [`redact`] | finds secrets in values, arguments and text |
//! | [`parse`] | kernel and file formats: bytes → plain data |
//! | [`sys`] | files, namespaces and system calls |
//! | [`model`] | the document: plain data with units in its names, no I/O |

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
