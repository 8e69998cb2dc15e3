//! The memory that this program's own file takes while it only waits.

#![allow(
    unsafe_code,
    reason = "the program headers are found by getauxval(3), and madvise(2) takes addresses"
)]

use std::slice;

/// Takes the program's code and constants out of this process's memory. What is still needed comes
/// back from the page cache, some 64 KiB at a time, when it is needed.
///
/// Where the headers cannot be found, everything stays as it is.
pub(crate) fn let_go() {
    // SAFETY: the kernel gives the address and the number of the headers of this very program,
    // which stay mapped for as long as it runs.
    let (address, headers) = unsafe {
        let address = libc::getauxval(libc::AT_PHDR);
        let count = libc::getauxval(libc::AT_PHNUM);
        let size = libc::getauxval(libc::AT_PHENT);
        let Ok(count) = usize::try_from(count) else {
            return;
        };
        if address == 0 || size != size_of::<libc::Elf64_Phdr>() as libc::c_ulong {
            return;
        }
        let first = address as *const libc::Elf64_Phdr;
        (address, slice::from_raw_parts(first, count))
    };
    let Some(own) = headers.iter().find(|one| one.p_type == libc::PT_PHDR) else {
        return;
    };
    let moved_by = address.wrapping_sub(own.p_vaddr);
    let Ok(Some(page)) = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE) else {
        return;
    };
    let within = page.unsigned_abs().wrapping_sub(1);
    let read_only =
        |one: &&libc::Elf64_Phdr| one.p_type == libc::PT_LOAD && one.p_flags & libc::PF_W == 0;
    for one in headers.iter().filter(read_only) {
        let start = moved_by.wrapping_add(one.p_vaddr) & !within;
        let end = moved_by.wrapping_add(one.p_vaddr).wrapping_add(one.p_memsz);
        let end = end.wrapping_add(within) & !within;
        // SAFETY: these pages are never written to, so all that goes is a copy of the file.
        unsafe {
            libc::madvise(
                start as *mut libc::c_void,
                usize::try_from(end.wrapping_sub(start)).unwrap_or(0),
                libc::MADV_DONTNEED,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_goes_on_without_its_pages() {
        let words: Vec<String> = (0..9).map(|number| format!("{number}")).collect();
        let_go();
        assert_eq!(words.concat(), "012345678");
        let_go();
        assert!(std::fs::read("/proc/self/stat").is_ok());
    }
}
