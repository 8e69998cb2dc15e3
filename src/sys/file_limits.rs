//! The most that is read of one file of each kind, wherever it is read. What is longer is cut
//! there, and what is then not known is a gap.

/// `mountinfo`: a hostile one has 100,000 mounts, the kernel's own limit, with long paths.
pub(crate) const MOUNTINFO: usize = 32 << 20;
/// `status` holds every supplementary group: 65,536 of up to ten digits.
pub(crate) const STATUS: usize = 1 << 20;
/// `environ`: bounded by the kernel to a quarter of the stack limit, usually 2 MiB.
pub(crate) const ENVIRON: usize = 4 << 20;
/// `cmdline`: likewise.
pub(crate) const CMDLINE: usize = 4 << 20;
/// `maps`: programs with 100,000 mappings have 10 MiB of them; libraries come first enough.
pub(crate) const MAPS: usize = 8 << 20;
/// `net/protocols`: a line for each protocol.
pub(crate) const NET_PROTOCOLS: usize = 1 << 20;
/// A table below `net` that is no list of sockets: interfaces, routes, neighbours, counters.
pub(crate) const NET_TABLE: usize = 4 << 20;
/// What has a few lines: `stat`, `limits`, `cgroup`, `uid_map`, the files of a cgroup, of
/// `/proc/sys` and the like.
pub(crate) const SMALL: usize = 64 << 10;
/// `/etc/passwd` and `/etc/group`.
pub(crate) const ACCOUNTS: usize = 1 << 20;
/// `/etc/hosts` and `/etc/resolv.conf`: a hosts file of a block list has 100,000 lines.
pub(crate) const NAMES: usize = 8 << 20;
/// `/etc/ld.so.cache`.
pub(crate) const LIBRARIES: usize = 8 << 20;
/// A file of certificates or of a key that was asked for by name.
pub(crate) const CERTIFICATES: usize = 16 << 20;
/// A bundle of authorities, of which 150 have 250 KiB, or a keystore.
pub(crate) const AUTHORITIES: usize = 8 << 20;
/// `config.json` of a bundle: some tens of KiB, most of it the seccomp profile.
pub(crate) const BUNDLE: usize = 1 << 20;
