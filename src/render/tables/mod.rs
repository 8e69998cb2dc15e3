//! Model → tables, one file a section: headings, cells, notes. How wide and in which colour they
//! are printed is [`render`](super)'s affair.

pub(crate) mod access;
pub(crate) mod capabilities;
pub(crate) mod certificates;
pub(crate) mod containers;
pub(crate) mod df;
pub(crate) mod environment;
pub(crate) mod mounts;
pub(crate) mod network;
#[cfg(feature = "sample-section")]
pub(crate) mod personality;
pub(crate) mod processes;
pub(crate) mod program;
pub(crate) mod resources;
pub(crate) mod sockets;
pub(crate) mod table;
pub(crate) mod tls;
pub(crate) mod tree;
pub(crate) mod trust_store;

pub(crate) use table::Table;
