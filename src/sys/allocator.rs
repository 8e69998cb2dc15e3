//! One arena for all threads, and what is free in it goes back.

#![allow(
    unsafe_code,
    reason = "mallopt(3) and malloc_trim(3) have no safe wrapper"
)]

/// Keeps glibc from giving each thread an arena of its own, which costs a reader of
/// small files 64 MiB of address space, memory and time. Call it before any thread starts.
pub(crate) fn share_one_arena() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt only sets a number, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives large pieces, such as answers, pages of their own, which go back to the kernel as soon as
/// they are free. Else glibc takes ever larger ones from the heap, once it has seen one come and go,
/// and what lies beside them keeps the heap large.
pub(crate) fn keep_large_pieces_apart() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt only sets a number.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
    }
}

#[cfg(target_env = "gnu")]
const LARGE_BYTES: libc::c_int = 32 << 10;

/// Gives back to the kernel what glibc keeps for later, as after a crowd of connections or a
/// large answer. It takes about as long as a look at a few processes: not for every request.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim only gives back pages that hold nothing, under the allocator's lock.
    unsafe {
        libc::malloc_trim(0);
    }
}
