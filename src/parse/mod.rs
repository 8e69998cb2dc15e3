//! Kernel and file formats: bytes → plain data. Nothing here opens anything.
//!
//! Every function takes the whole content of one file (or of one link) and never panics, whatever
//! the bytes. A value that the kernel did not print is `None`, never zero; a value that was
//! printed and makes no sense is [`Malformed`]. Kernel files end each line with a newline, so
//! a last line without one was cut by the reader and is malformed too: half a number is a lie.
//!
//! `procfs-core` is not used for these: its `limits` and `smaps_rollup` overflow on an empty
//! line and on a huge number, its text is UTF-8 only, and it leaves mountinfo escaped.

pub mod accounts;
pub mod capabilities;
pub mod capability_text;
pub mod certificate_file;
pub mod certificate_paths;
pub mod cgroup;
pub mod cmdline;
pub mod container_id;
pub mod elf;
pub mod environ;
pub mod file_capabilities;
pub mod hosts;
pub mod id_map;
pub mod ip_literal;
pub mod key_ids;
pub mod limits;
pub mod maps;
pub mod mountinfo;
pub mod namespace_link;
pub mod net_tables;
pub mod ocsp;
#[cfg(feature = "sample-section")]
pub mod personality;
pub mod reach;
pub mod resolv_conf;
pub mod security_label;
pub mod signals;
pub mod signed;
pub mod smaps_rollup;
pub mod sock_diag;
pub mod stat;
pub mod status;
pub mod system;
pub mod tty;
pub mod x509;

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
