//! Arguments that were met before and held nothing: on a node most come again and again.
//!
//! Whether an argument alone gives a secret away depends on its bytes only, so the answer is kept
//! for the next process; what the words before it announce is looked at each time. Only what is
//! shown anyway is kept.

use std::cell::Cell;

/// A power of two. With `LONGEST` less than 200 KiB a thread.
const SLOTS: usize = 2048;
const LONGEST: usize = 88;

/// What is known of an argument that holds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quiet {
    /// No program, and nothing that announces a password.
    pub(super) idle: bool,
    /// A program would be looked for under this name.
    pub(super) may_start: bool,
    /// It has words of its own, and was looked at where no program was known.
    pub(super) spaced: bool,
}

/// Where an argument stands, as far as that says how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    First,
    Script,
    Other,
}

#[derive(Clone, Copy)]
struct Slot {
    length: u8,
    standing: Standing,
    quiet: Quiet,
    bytes: [u8; LONGEST],
}

const EMPTY: Slot = Slot {
    length: 0,
    standing: Standing::Other,
    quiet: Quiet {
        idle: false,
        may_start: false,
        spaced: false,
    },
    bytes: [0; LONGEST],
};

thread_local! {
    static MET: Cell<Vec<Slot>> = const { Cell::new(Vec::new()) };
}

/// The arguments that this thread has met.
pub(super) struct MetBefore(Vec<Slot>);

impl MetBefore {
    pub(super) fn of_thread() -> Self {
        Self(MET.take())
    }

    /// Keeps them for the next command line.
    pub(super) fn put_back(self) {
        MET.set(self.0);
    }

    /// What is known of `arg`. None: not met, or long ago.
    pub(super) fn find(&self, arg: &[u8], standing: Standing) -> Option<Quiet> {
        if arg.is_empty() || arg.len() > LONGEST {
            return None;
        }
        let slot = self.0.get(place(arg, standing))?;
        let same = usize::from(slot.length) == arg.len()
            && slot.standing == standing
            && slot.bytes.get(..arg.len()) == Some(arg);
        same.then_some(slot.quiet)
    }

    pub(super) fn keep(&mut self, arg: &[u8], standing: Standing, quiet: Quiet) {
        if arg.is_empty() || arg.len() > LONGEST {
            return;
        }
        if self.0.is_empty() {
            self.0.resize(SLOTS, EMPTY);
        }
        if let Some(slot) = self.0.get_mut(place(arg, standing))
            && let Some(bytes) = slot.bytes.get_mut(..arg.len())
        {
            bytes.copy_from_slice(arg);
            slot.length = u8::try_from(arg.len()).unwrap_or(0);
            slot.standing = standing;
            slot.quiet = quiet;
        }
    }
}

/// Eight bytes at a time; nothing depends on its strength, since the bytes are compared.
fn place(arg: &[u8], standing: Standing) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = arg.as_chunks::<8>();
    let mut hash = arg.len() as u64 * 4 + standing as u64;
    for word in words {
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
    }
    let tail = rest
        .iter()
        .fold(0, |tail, &byte| tail << 8 | u64::from(byte));
    hash = (hash.rotate_left(5) ^ tail).wrapping_mul(FACTOR);
    usize::try_from(hash >> 40).unwrap_or(0) % SLOTS
}
