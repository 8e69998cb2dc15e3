//! The stack of a reader, and the signals that are blocked while it is started.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

use nix::errno::Errno;

/// As large as that of a main thread; only what is touched takes memory.
const STACK_BYTES: usize = 8 << 20;
const GUARD_BYTES: usize = 64 << 10;

/// A mapped stack, unmapped when its reader has ended.
pub(super) struct Stack {
    bottom: *mut c_void,
}

impl Stack {
    pub(super) fn map() -> Result<Self, Errno> {
        // SAFETY: a new private mapping, and then its lowest pages without access, so that a
        // stack that grows too far ends the reader and not what lies below.
        unsafe {
            let bottom = libc::mmap(
                ptr::null_mut(),
                STACK_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE,
                -1,
                0,
            );
            if bottom == libc::MAP_FAILED {
                return Err(Errno::last());
            }
            libc::mprotect(bottom, GUARD_BYTES, libc::PROT_NONE);
            Ok(Self { bottom })
        }
    }

    pub(super) fn top(&self) -> *mut c_void {
        self.bottom.wrapping_byte_add(STACK_BYTES)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing runs on it any more.
        unsafe { libc::munmap(self.bottom, STACK_BYTES) };
    }
}

/// Blocks every signal of this thread until it is dropped: a reader starts with the same mask.
pub(super) struct Signals {
    before: libc::sigset_t,
}

impl Signals {
    pub(super) fn block() -> Self {
        // SAFETY: both sets are written whole before they are read.
        unsafe {
            let mut every = MaybeUninit::<libc::sigset_t>::zeroed();
            let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
            libc::sigfillset(every.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, every.as_ptr(), before.as_mut_ptr());
            Self {
                before: before.assume_init(),
            }
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // SAFETY: a set that was in use before.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut());
        }
    }
}
