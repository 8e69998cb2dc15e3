//! Kernel and file formats: bytes → plain data. Nothing here opens anything.
//!
//! Every function takes the whole content of one file (or of one link) and never panics, whatever
//! the bytes. A value that the kernel did not print is `None`, never zero; a value that was
//! printed and makes no sense is [`Malformed`]. Kernel files end each line with a newline, so
//! a last line without one was cut by the reader and is malformed too: half a number is a lie.
//!
//! `procfs-core` is not used for these: its `limits` and `smaps_rollup` overflow on an empty
//! line and on a huge number, its text is UTF-8 only (one interface with an odd name loses all of
//! `net/dev` and `net/route`: [`net_text`]), and it leaves mountinfo escaped.

pub(crate) mod accounts;
pub(crate) mod bundle;
pub(crate) mod capabilities;
pub(crate) mod capability_text;
pub(crate) mod certificate_file;
pub(crate) mod certificate_paths;
pub(crate) mod cgroup;
pub(crate) mod cgroup_files;
pub(crate) mod cmdline;
pub(crate) mod container_id;
pub(crate) mod elf;
pub(crate) mod environ;
pub(crate) mod fd_link;
pub(crate) mod fdinfo;
pub(crate) mod file_capabilities;
pub(crate) mod glob;
pub(crate) mod hosts;
pub(crate) mod hpack;
pub(crate) mod hsperfdata;
pub(crate) mod id_map;
pub(crate) mod ip_literal;
pub(crate) mod limits;
pub(crate) mod maps;
pub(crate) mod mountinfo;
pub(crate) mod namespace_link;
pub(crate) mod net_counters;
pub(crate) mod net_tables;
pub(crate) mod net_text;
pub(crate) mod netlink;
pub(crate) mod ocsp;
#[cfg(feature = "sample-section")]
pub(crate) mod personality;
pub(crate) mod pod_logs;
pub(crate) mod posix_regex;
pub(crate) mod reach;
pub(crate) mod resolv_conf;
pub(crate) mod revocation_list;
pub(crate) mod rtnetlink;
pub(crate) mod scheduling;
pub(crate) mod security_label;
pub(crate) mod signals;
pub(crate) mod signed;
pub(crate) mod smaps_rollup;
pub(crate) mod sock_diag;
pub(crate) mod stat;
pub(crate) mod statm;
pub(crate) mod status;
pub(crate) mod system;
pub(crate) mod tar;
pub(crate) mod token_times;
pub(crate) mod tty;
pub(crate) mod x509;

mod ber;
mod text;

#[cfg(test)]
pub(crate) mod mutate;

/// Bytes that are not in the format they should be in.
///
/// It does not name the file that was read: the caller, who opened it, adds that once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is malformed, expected {expected}")]
pub struct Malformed {
    /// The item, such as "starttime in /proc/PID/stat".
    pub what: &'static str,
    /// What should have stood there, such as "a decimal number".
    pub expected: &'static str,
}

#[cfg(test)]
mod tests {
    use super::Malformed;

    #[test]
    fn malformed_reads_as_a_sentence() {
        let error = Malformed {
            what: "starttime in /proc/PID/stat",
            expected: "a decimal number",
        };
        assert_eq!(
            error.to_string(),
            "starttime in /proc/PID/stat is malformed, expected a decimal number"
        );
    }
}
