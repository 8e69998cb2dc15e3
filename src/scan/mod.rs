//! Finds the target and walks /proc once for all sections.
//!
//! [`look`] opens /proc, selects the target and walks; [`reader`] reads the files of one process;
//! [`view`] holds what the sections then fill their part of the document from.

pub mod container_key;
pub mod look;
pub mod net_namespace;
pub mod no_target;
pub mod reader;
pub mod security;
pub mod select;
pub mod view;
pub mod walk;
pub mod wrong_namespace;
