//! What the tests are built of; no test of spyhole itself.

pub(crate) mod containerd;
pub(crate) mod docker;
pub(crate) mod fake;
pub(crate) mod fake_root;
pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod idle;
pub(crate) mod keyboard;
pub(crate) mod lab;
pub(crate) mod needs;
pub(crate) mod patience;
pub(crate) mod podman;
pub(crate) mod server;
