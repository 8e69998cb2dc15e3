//! Gives memory back to the kernel when what took it has ended: the last look, the last connection.
//! At once, so that a server that idles does nothing.

use crate::sys::own::{self, OwnMemory};
use crate::sys::{allocator, own_code};

/// What a server may keep.
const KEPT: OwnMemory = OwnMemory {
    resident_bytes: 5 << 20,
    anonymous_bytes: 3 << 19,
};

/// Gives back what is free, and the pages of the program, where the server holds more than it may
/// keep. It takes about as long as a look at a few processes.
pub(super) fn give_back() {
    let is_plenty = |now: OwnMemory| {
        now.resident_bytes > KEPT.resident_bytes || now.anonymous_bytes > KEPT.anonymous_bytes
    };
    if own::memory().is_some_and(is_plenty) {
        allocator::give_back();
        own_code::let_go();
    }
}
