//! The only code that touches files, namespaces and system calls.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the layer that the ban points to"
)]

pub(crate) mod allocator;
mod attempts;
mod beneath;
mod bounded;
pub(crate) mod child;
pub(crate) mod clock;
pub(crate) mod console;
pub(crate) mod destination;
mod errno;
pub(crate) mod executable;
pub(crate) mod fd_links;
pub(crate) mod file_limits;
pub(crate) mod forked;
pub(crate) mod harden;
pub(crate) mod image_file;
pub(crate) mod in_root;
pub(crate) mod interface;
pub(crate) mod limits;
pub(crate) mod lines;
pub(crate) mod netlink;
mod numbers;
pub(crate) mod open_files;
pub(crate) mod opened_file;
mod orphans;
pub(crate) mod own;
pub(crate) mod own_code;
pub(crate) mod own_file;
pub(crate) mod own_image;
pub(crate) mod place;
pub(crate) mod proc_dir;
pub(crate) mod program;
pub(crate) mod random;
pub(crate) mod ranges;
pub(crate) mod reader_process;
pub(crate) mod remote_fs;
pub(crate) mod report_file;
#[cfg(test)]
pub(crate) mod scratch;
pub(crate) mod self_copy;
pub(crate) mod target_file;
pub(crate) mod terminal;
mod thread_files;
pub(crate) mod time_box;
pub(crate) mod tool;
pub(crate) mod tree_entry;
pub(crate) mod unix_socket;

pub(crate) use bounded::Truncation;
pub(crate) use in_root::InRoot;
pub(crate) use proc_dir::{ProcDir, ProcessDir};
pub(crate) use thread_files::{OwnTables, own_tables};
