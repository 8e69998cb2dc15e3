//! The only code that touches files, namespaces and system calls.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the layer that the ban points to"
)]

pub mod allocator;
mod bounded;
pub mod child;
pub mod clock;
pub mod executable;
pub mod fd_links;
pub mod file_limits;
pub mod harden;
pub mod in_root;
pub mod interface;
pub mod limits;
pub mod lines;
mod numbers;
pub mod opened_file;
pub mod own;
pub mod own_code;
pub mod own_file;
pub mod own_image;
pub mod place;
pub mod proc_dir;
pub mod program;
pub mod random;
pub mod ranges;
pub mod report_file;
#[cfg(test)]
pub(crate) mod scratch;
pub mod self_copy;
pub mod sock_diag;
pub mod terminal;
pub mod time_box;
pub mod tool;
pub mod unix_socket;

pub use bounded::{Truncation, Until, read_bounded};
pub use in_root::InRoot;
pub use proc_dir::{ProcDir, ProcessDir};
