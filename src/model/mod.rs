//! What was seen: plain data with units in its names, and no I/O.
//!
//! A section's data lives in its own file here, together with the columns of
//! its table. Fields that may be unreadable are [`Seen`].

pub mod access;
pub mod access_table;
pub mod byte_string;
pub mod capabilities;
pub mod capabilities_table;
pub mod certificate;
pub mod certificate_table;
pub mod container;
pub mod environment;
pub mod escape;
pub mod format;
pub mod gap;
pub mod label;
pub mod mount;
pub mod mount_table;
pub mod own;
pub mod pod_security;
pub mod process;
pub mod process_group;
pub mod process_table;
pub mod report;
pub mod run_report;
pub mod schema;
pub mod secret;
pub mod secret_kind;
pub mod seen;
pub mod shell;
pub mod socket;
pub mod socket_table;
pub mod table;
pub mod target;
pub mod time;
pub mod tls;
pub mod tls_table;
pub mod tree;
pub mod trust_store;
pub mod trust_store_table;
pub mod units;
pub mod verdict;
pub mod volume;

pub use byte_string::ByteString;
pub use gap::{Gap, Gaps, Reason, Refusal, Subject};
pub use report::Report;
pub use seen::{Seen, Unseen};
pub use table::{Cell, Table};
