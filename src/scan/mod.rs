//! Finds the target and walks /proc once for all sections.
//!
//! [`look`] opens /proc, selects the target and walks; [`reader`] reads the files of one process;
//! [`view`] holds what the sections then fill their part of the document from.

pub mod container_key;
pub mod containers;
pub(crate) mod limits;
pub mod look;
pub mod needs;
pub mod net_namespace;
pub mod no_target;
pub(crate) mod process_files;
pub mod reader;
pub mod security;
pub mod select;
pub mod snapshot;
pub mod view;
pub mod walk;
pub mod wrong_namespace;
