//! The section `personality`.

use serde::{Deserialize, Serialize};

use super::seen::Seen;

/// Leaves the address space of a program where it was linked to be: `setarch -R`.
pub const ADDR_NO_RANDOMIZE: u32 = 0x004_0000;

/// How the kernel runs the main process: personality(2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Personality {
    /// Its id.
    pub pid: i32,
    /// The execution domain and its flags.
    pub mask: Seen<u32>,
}

impl Personality {
    /// Whether its addresses are chosen at random, as far as it says so itself.
    #[must_use]
    pub fn randomizes(&self) -> Option<bool> {
        Some(self.mask.value()? & ADDR_NO_RANDOMIZE == 0)
    }
}
