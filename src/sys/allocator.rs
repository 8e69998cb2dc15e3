//! One arena for all threads.

#![allow(unsafe_code, reason = "mallopt(3) has no safe wrapper")]

/// Keeps glibc from giving each thread an arena of its own, which costs a reader of
/// small files 64 MiB of address space, memory and time. Call it before any thread starts.
pub fn share_one_arena() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt only sets a number, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
