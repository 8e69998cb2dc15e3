//! The target's files: which of them may be read, how a tree of them is walked, and what of their
//! content is shown.
//!
//! Every command that shows content takes it from [`content`]: there it is decided what is never
//! read, what is held back as a secret, and what is redacted. All of it runs in a reader process
//! ([`output`]), which is left behind where a file system of the target does not answer.

pub(crate) mod content;
pub(crate) mod describe;
pub(crate) mod error;
mod forms;
mod mounts;
pub(crate) mod output;
pub(crate) mod read_decision;
pub(crate) mod tar;
pub(crate) mod target_files;
pub(crate) mod walk;

pub(crate) use content::Content;
pub(crate) use error::{FileError, FileErrorKind};
pub(crate) use output::{FilesEnd, Message, Output, Stopped, run_in_reader};
pub(crate) use target_files::{FilesOptions, TargetFiles};
pub(crate) use walk::{Walk, WalkEntry, WalkOptions, WalkOrder};
