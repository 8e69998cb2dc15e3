//! What was seen: plain data with units in its names, and no I/O.
//!
//! A section's data lives in its own file here, together with the columns of
//! its table. Fields that may be unreadable are [`Seen`].

pub mod access;
pub mod byte_string;
pub mod capabilities;
pub mod certificate;
pub mod container;
pub mod environment;
pub mod escape;
pub mod file;
pub mod format;
pub mod gap;
pub mod label;
pub mod mount;
pub mod network;
pub mod open_files;
#[cfg(feature = "sample-section")]
pub mod personality;
pub mod pod_security;
pub mod process;
pub mod process_details;
pub mod process_group;
pub mod program;
pub mod read;
pub mod reason;
pub mod report;
pub mod resources;
pub mod run_report;
pub mod schema;
pub mod secret;
pub mod secret_kind;
pub mod seen;
pub mod server_stats;
pub(crate) mod severity;
pub mod shell;
pub mod socket;
pub mod target;
pub mod time;
pub mod tls;
pub mod trust_store;
pub mod truth_value;
pub mod units;
pub mod verdict;
pub mod volume;

pub use byte_string::ByteString;
pub use gap::{Gap, Gaps, Reason, Refusal, Subject};
pub use report::Report;
pub use seen::{Seen, Unseen};
