//! Model → tables, one file a section: headings, cells, notes. How wide and in which colour they
//! are printed is [`render`](super)'s affair.

pub mod access;
pub mod capabilities;
pub mod certificates;
pub mod containers;
pub mod df;
pub mod environment;
pub mod mounts;
#[cfg(feature = "sample-section")]
pub mod personality;
pub mod processes;
pub mod sockets;
pub mod table;
pub mod tls;
pub mod tree;
pub mod trust_store;

pub use table::{Cell, Table};
