//! Real containers for the tests, by the `lab` example: no engine, no daemon,
//! one system call behind each word, and all of it gone when the test ends.
//!
//! ```ignore
//! let web = Lab::webapp().uid(1000).caps("none").start();
//! let seen = web.spyhole().uid(1000).caps("none").args(["ps"]).run();
//! assert_eq!(seen.code, Some(0), "{seen}");
//! ```
#![allow(
    dead_code,
    reason = "a library for the tests beside it, which use it piece by piece"
)]

mod container;
pub(crate) mod process;
mod selftest;
mod setup;

use std::path::{Path, PathBuf};

pub(crate) use super::needs::allowed;
pub(crate) use container::{Container, Pod};
pub(crate) use process::Output;
pub(crate) use setup::Setup;

/// Where tests get their containers.
pub(crate) struct Lab;

impl Lab {
    /// The sample application, alone in its root; `start` waits until it stands.
    pub(crate) fn webapp() -> Setup {
        Setup::new(&example("webapp")).ready("ready ")
    }

    /// Any other static program, under its file name in the root.
    pub(crate) fn program(path: &Path) -> Setup {
        Setup::new(path)
    }

    /// spyhole alone in a container of its own, nothing shared.
    pub(crate) fn bare() -> Setup {
        Setup::new(&spyhole())
    }

    /// A pod with `shareProcessNamespace`: PID 1 is `/pause`.
    pub(crate) fn pod() -> Pod {
        Pod::new()
    }
}

/// The program under test.
pub(crate) fn spyhole() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_spyhole"))
}

/// One of the programs in `examples/`, which lies beside the program under test.
pub(crate) fn example(name: &str) -> PathBuf {
    let path = spyhole().with_file_name(name);
    assert!(
        path.exists(),
        "{} is not there: run `cargo build` (`cargo test` without --test does it too)",
        path.display()
    );
    path
}
