//! Which rule of the kernel refuses an access: credentials compared as ptrace(2) and the file
//! mode do it.

pub mod file_mode;
pub mod ptrace_access;
