//! Making the server's own process a poor prey: a process beside it under the same uid can
//! neither read its token from memory nor use it to gain anything.

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs,
};

/// What reading takes, where the viewer may use it at all.
const READING: CapabilitySet = CapabilitySet::SYS_PTRACE
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::DAC_OVERRIDE);

/// No new privileges, and not dumpable: to be called before anything secret is read.
///
/// What the kernel refuses is left as it is: this only takes away.
pub(crate) fn seclude() {
    let _ = set_no_new_privs(true);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// No capability beyond those that reading takes. To be called once it listens, for a port
/// below 1024 takes another one, and before the first thread is made: capabilities belong to
/// threads.
///
/// What the kernel refuses is left as it is: this only takes away.
pub(crate) fn keep_reading_only() {
    let Ok(held) = capabilities(None) else { return };
    // Without CAP_SYS_PTRACE a process may be read only by one that holds all of its
    // capabilities: then each of them may be what reading takes.
    if !held.effective.contains(CapabilitySet::SYS_PTRACE) {
        return;
    }
    let kept = CapabilitySets {
        effective: held.effective & READING,
        permitted: held.permitted & READING,
        inheritable: CapabilitySet::empty(),
    };
    let _ = set_capabilities(None, kept);
}
