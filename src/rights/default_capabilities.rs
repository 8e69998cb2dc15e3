//! The capabilities that container runtimes give to root where nothing else is asked for.

/// The default of some runtimes.
pub(crate) struct DefaultCapabilities {
    /// Their names.
    pub runtimes: &'static [&'static str],
    /// As in `CapBnd`.
    pub mask: u64,
}

/// Docker's `DefaultCapabilities` and containerd's are the same 14; CRI-O and Podman give fewer.
pub(crate) const DEFAULTS: [DefaultCapabilities; 3] = [
    DefaultCapabilities {
        runtimes: &["docker", "containerd"],
        mask: DOCKER,
    },
    DefaultCapabilities {
        runtimes: &["podman"],
        mask: 0x8004_05fb,
    },
    DefaultCapabilities {
        runtimes: &["cri-o"],
        mask: 0x5fb,
    },
];

/// The default of Docker and containerd, the widest of all.
pub(crate) const DOCKER: u64 = 0xa804_25fb;

/// The default of a runtime.
#[must_use]
pub(crate) fn of(runtime: &str) -> Option<u64> {
    DEFAULTS
        .iter()
        .find(|default| default.runtimes.contains(&runtime))
        .map(|default| default.mask)
}
