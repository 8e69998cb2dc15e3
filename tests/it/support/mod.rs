//! What the tests are built of; no test of spyhole itself.

pub(crate) mod fake;
pub(crate) mod host;
pub(crate) mod lab;
pub(crate) mod needs;
pub(crate) mod patience;
pub(crate) mod podman;
