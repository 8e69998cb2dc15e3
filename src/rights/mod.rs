//! Which rule of the kernel refuses an access: credentials compared as ptrace(2) and the file
//! mode do it.

pub(crate) mod default_capabilities;
pub(crate) mod file_mode;
pub(crate) mod pod_security;
pub(crate) mod ptrace_access;
