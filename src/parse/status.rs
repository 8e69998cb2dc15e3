//! `/proc/PID/status`: ids, masks and security state of a process.
//!
//! Read for every process of a walk, hence by hand and only for what is used. Groups may be
//! 65,536 numbers, so a bound on reading this file should not be below 1 MiB.

use super::{Malformed, text};

/// The lines of `/proc/PID/status`; a line that this kernel does not print is `None`.
///
/// gVisor prints few of them; a kernel thread has no `Vm` lines. Numbers of users, groups and
/// processes are as the reader's namespaces see them. The name is not here: `status` escapes it,
/// [`Stat`](super::stat::Stat) has it raw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// `TracerPid`: the tracer's pid, 0 for none.
    pub tracer_pid: Option<i32>,
    /// `Uid`: user ids.
    pub uid: Option<Ids>,
    /// `Gid`: group ids.
    pub gid: Option<Ids>,
    /// `Groups`: supplementary group ids, in the kernel's order.
    pub groups: Option<Vec<u32>>,
    /// `NStgid`: process id in each PID namespace, the reader's first, the process's own last.
    /// Since Linux 4.1.
    pub ns_tgid: Option<Vec<i32>>,
    /// `NSpid`: thread id in each PID namespace, the reader's first. Since Linux 4.1.
    pub ns_pid: Option<Vec<i32>>,
    /// `VmLck`: locked memory.
    pub vm_lck_bytes: Option<u64>,
    /// `VmRSS`: resident memory; approximate.
    pub vm_rss_bytes: Option<u64>,
    /// `VmSwap`: swapped-out anonymous memory, since Linux 2.6.34.
    pub vm_swap_bytes: Option<u64>,
    /// `ShdPnd`: signals pending for the process; for masks see [`signals`](super::signals).
    pub shd_pnd: Option<u64>,
    /// `SigBlk`: signals blocked.
    pub sig_blk: Option<u64>,
    /// `SigIgn`: signals ignored.
    pub sig_ign: Option<u64>,
    /// `SigCgt`: signals caught.
    pub sig_cgt: Option<u64>,
    /// `CapInh`: inheritable set; for masks see [`capabilities`](super::capabilities).
    pub cap_inh: Option<u64>,
    /// `CapPrm`: permitted set.
    pub cap_prm: Option<u64>,
    /// `CapEff`: effective set.
    pub cap_eff: Option<u64>,
    /// `CapBnd`: bounding set, since Linux 2.6.26.
    pub cap_bnd: Option<u64>,
    /// `CapAmb`: ambient set, since Linux 4.3.
    pub cap_amb: Option<u64>,
    /// `NoNewPrivs`, since Linux 4.10.
    pub no_new_privs: Option<bool>,
    /// `Seccomp`: 0 off, 1 strict, 2 filter. Since Linux 3.8.
    pub seccomp: Option<u8>,
    /// `Seccomp_filters`: how many are attached, since Linux 5.9.
    pub seccomp_filters: Option<u32>,
}

/// The four ids of a `Uid` or `Gid` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids {
    /// Who started it.
    pub real: u32,
    /// Who it acts as.
    pub effective: u32,
    /// What it may go back to (set-user-ID).
    pub saved: u32,
    /// Who it is to the filesystem, and to ptrace checks on `/proc`.
    pub filesystem: u32,
}

impl Status {
    /// Reads the content of one `status` file.
    ///
    /// Linux escapes the newlines of a hostile name, gVisor does not. So what stands above the
    /// `State` line is forgotten when that comes, and of two lines with one key the last counts: a
    /// name has 15 bytes, too few for a `State` line and another.
    ///
    /// # Errors
    /// If a line that is read holds something else than it should, or the last one is cut.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut status = Self::default();
        let mut result = Ok(());
        for line in text::lines(bytes, "/proc/PID/status")? {
            let Some((key, value)) = text::split_once(line, b':') else {
                continue;
            };
            if key == b"State" {
                status = Self::default();
                result = Ok(());
            } else {
                result = result.and(status.set(key, value.trim_ascii()));
            }
        }
        result.map(|()| status)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        match packed(key) {
            keys::TRACER_PID if key == b"TracerPid" => {
                self.tracer_pid = some(pid(value), TRACER_PID)?
            }
            keys::UID => self.uid = some(ids(value), UID)?,
            keys::GID => self.gid = some(ids(value), GID)?,
            keys::GROUPS => self.groups = some(list(value, text::decimal), GROUPS)?,
            keys::NS_TGID => self.ns_tgid = some(list(value, pid), NS_TGID)?,
            keys::NS_PID => self.ns_pid = some(list(value, pid), NS_PID)?,
            keys::VM_LCK => self.vm_lck_bytes = some(text::kibibytes(value), VM_LCK)?,
            keys::VM_RSS => self.vm_rss_bytes = some(text::kibibytes(value), VM_RSS)?,
            keys::VM_SWAP => self.vm_swap_bytes = some(text::kibibytes(value), VM_SWAP)?,
            keys::SHD_PND => self.shd_pnd = some(text::hexadecimal(value), SHD_PND)?,
            keys::SIG_BLK => self.sig_blk = some(text::hexadecimal(value), SIG_BLK)?,
            keys::SIG_IGN => self.sig_ign = some(text::hexadecimal(value), SIG_IGN)?,
            keys::SIG_CGT => self.sig_cgt = some(text::hexadecimal(value), SIG_CGT)?,
            keys::CAP_INH => self.cap_inh = some(text::hexadecimal(value), CAP_INH)?,
            keys::CAP_PRM => self.cap_prm = some(text::hexadecimal(value), CAP_PRM)?,
            keys::CAP_EFF => self.cap_eff = some(text::hexadecimal(value), CAP_EFF)?,
            keys::CAP_BND => self.cap_bnd = some(text::hexadecimal(value), CAP_BND)?,
            keys::CAP_AMB => self.cap_amb = some(text::hexadecimal(value), CAP_AMB)?,
            keys::NO_NEW_PRIVS if key == b"NoNewPrivs" => {
                self.no_new_privs = some(flag(value), NO_NEW_PRIVS)?
            }
            keys::SECCOMP => self.seccomp = some(text::decimal(value), SECCOMP)?,
            keys::SECCOMP_FILTERS if key == b"Seccomp_filters" => {
                self.seccomp_filters = some(text::decimal(value), SECCOMP_FILTERS)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// A line that is there must be readable: `Ok(None)` is never the answer.
fn some<T>(value: Option<T>, malformed: Malformed) -> Result<Option<T>, Malformed> {
    value.map(Some).ok_or(malformed)
}

fn ids(value: &[u8]) -> Option<Ids> {
    let mut words = text::words(value).map(text::decimal);
    let ids = Ids {
        real: words.next()??,
        effective: words.next()??,
        saved: words.next()??,
        filesystem: words.next()??,
    };
    words.next().is_none().then_some(ids)
}

fn list<T>(value: &[u8], item: impl Fn(&[u8]) -> Option<T>) -> Option<Vec<T>> {
    text::words(value).map(item).collect()
}

fn pid(value: &[u8]) -> Option<i32> {
    text::decimal::<u32>(value)?.try_into().ok()
}

fn flag(value: &[u8]) -> Option<bool> {
    match value {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}

/// A key as a number, by which its line is found among some sixty: its last eight bytes, which are
/// all of most keys.
#[inline]
const fn packed(mut key: &[u8]) -> u64 {
    let mut number = 0_u64;
    while let [first, rest @ ..] = key {
        number = (number << 8) | *first as u64;
        key = rest;
    }
    number
}

macro_rules! lines {
    ($($name:ident = $key:literal, $expected:literal;)*) => {
        $(
            const $name: Malformed = Malformed {
                what: concat!($key, " in /proc/PID/status"),
                expected: $expected,
            };
        )*

        mod keys {
            $(pub(super) const $name: u64 = super::packed($key.as_bytes());)*
        }
    };
}

lines! {
    TRACER_PID = "TracerPid", "a process id";
    UID = "Uid", "four user ids";
    GID = "Gid", "four group ids";
    GROUPS = "Groups", "group ids";
    NS_TGID = "NStgid", "process ids";
    NS_PID = "NSpid", "thread ids";
    VM_LCK = "VmLck", "a number of kB";
    VM_RSS = "VmRSS", "a number of kB";
    VM_SWAP = "VmSwap", "a number of kB";
    SHD_PND = "ShdPnd", "a hexadecimal mask";
    SIG_BLK = "SigBlk", "a hexadecimal mask";
    SIG_IGN = "SigIgn", "a hexadecimal mask";
    SIG_CGT = "SigCgt", "a hexadecimal mask";
    CAP_INH = "CapInh", "a hexadecimal mask";
    CAP_PRM = "CapPrm", "a hexadecimal mask";
    CAP_EFF = "CapEff", "a hexadecimal mask";
    CAP_BND = "CapBnd", "a hexadecimal mask";
    CAP_AMB = "CapAmb", "a hexadecimal mask";
    NO_NEW_PRIVS = "NoNewPrivs", "0 or 1";
    SECCOMP = "Seccomp", "a small number";
    SECCOMP_FILTERS = "Seccomp_filters", "a decimal number";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    const SAMPLE: &[u8] = include_bytes!("../../tests/fixtures/proc/status");
    const KERNEL_THREAD: &[u8] = include_bytes!("../../tests/fixtures/proc/status.kthreadd");
    const OLD: &[u8] = b"Name:\tsleep\nState:\tS (sleeping)\nUid:\t1\t2\t3\t4\nGroups:\t\n";

    #[test]
    fn each_line_is_read_in_its_unit() {
        let all_but_sys_resource = 0x1ff_feff_ffff;
        assert_eq!(
            Status::parse(SAMPLE),
            Ok(Status {
                tracer_pid: Some(0),
                uid: Some(Ids {
                    real: 0,
                    effective: 0,
                    saved: 0,
                    filesystem: 0
                }),
                gid: Some(Ids {
                    real: 0,
                    effective: 0,
                    saved: 0,
                    filesystem: 0
                }),
                groups: Some(vec![4, 27, 65534]),
                ns_tgid: Some(vec![8253, 1]),
                ns_pid: Some(vec![8253, 1]),
                vm_lck_bytes: Some(0),
                vm_rss_bytes: Some(1740 * 1024),
                vm_swap_bytes: Some(16 * 1024),
                shd_pnd: Some(0x100),
                sig_blk: Some(0x10000),
                sig_ign: Some(0x0038_4004),
                sig_cgt: Some(0x4b81_3efb),
                cap_inh: Some(0),
                cap_prm: Some(all_but_sys_resource),
                cap_eff: Some(all_but_sys_resource),
                cap_bnd: Some(all_but_sys_resource),
                cap_amb: Some(0),
                no_new_privs: Some(true),
                seccomp: Some(2),
                seccomp_filters: Some(1),
            })
        );
    }

    #[test]
    fn a_line_that_is_not_there_is_none() {
        let status = Status::parse(OLD).unwrap();
        let ids = Ids {
            real: 1,
            effective: 2,
            saved: 3,
            filesystem: 4,
        };
        assert_eq!(
            status,
            Status {
                uid: Some(ids),
                groups: Some(vec![]),
                ..Status::default()
            }
        );
        let kthreadd = Status::parse(KERNEL_THREAD).unwrap();
        assert_eq!(
            (kthreadd.vm_rss_bytes, kthreadd.vm_swap_bytes),
            (None, None)
        );
        assert_eq!(Status::parse(b""), Ok(Status::default()));
    }

    #[test]
    fn a_hostile_name_forges_no_line() {
        // prctl(PR_SET_NAME, "x\nUid:\t0 0 0 0") as Linux prints it, and as gVisor does.
        let linux = b"Name:\tx\\nUid:\t0 0 0 0\nUmask:\t0022\nState:\tS\n";
        let gvisor = b"Name:\tx\nUid:\t0 0 0 0\nState:\tS\n";
        let broken = b"Name:\tx\nUid:\tx\nState:\tS\n";
        for bytes in [&linux[..], gvisor, broken] {
            assert_eq!(Status::parse(bytes).unwrap().uid, None);
        }
        let state_too = b"Name:\tx\nState:\nUid:0 0 0 0\nState:\tS\nUid:\t1 1 1 1\n";
        assert_eq!(Status::parse(state_too).unwrap().uid.unwrap().real, 1);
    }

    #[test]
    fn nonsense_is_named_and_never_zero() {
        for (line, what) in [
            ("Uid:\t0\t0\t0\n", "Uid in /proc/PID/status"),
            ("Uid:\t0\t0\t0\t0\t0\n", "Uid in /proc/PID/status"),
            ("Gid:\t0\t0\t0\t4294967296\n", "Gid in /proc/PID/status"),
            ("Groups:\t-1\n", "Groups in /proc/PID/status"),
            ("NSpid:\t2147483648\n", "NSpid in /proc/PID/status"),
            (
                "VmRSS:\t99999999999999999999 kB\n",
                "VmRSS in /proc/PID/status",
            ),
            (
                "VmSwap:\t18446744073709551615 kB\n",
                "VmSwap in /proc/PID/status",
            ),
            ("CapEff:\t1ffffffffffffffff\n", "CapEff in /proc/PID/status"),
            ("CapEff:\t\n", "CapEff in /proc/PID/status"),
            ("NoNewPrivs:\t2\n", "NoNewPrivs in /proc/PID/status"),
            ("Seccomp:\t256\n", "Seccomp in /proc/PID/status"),
            ("CapEff:\t000001ff", "/proc/PID/status"),
        ] {
            assert_eq!(Status::parse(line.as_bytes()).unwrap_err().what, what);
        }
    }

    #[test]
    fn survives_damage() {
        mutate::survives(SAMPLE, |bytes| {
            let _ = Status::parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = Status::parse(&bytes);
        }

        #[test]
        fn any_value_of_any_key_is_safe(
            key in "Uid|Groups|NSpid|VmSwap|CapEff|Seccomp",
            value in "[ \t0-9a-fkB-]{0,40}",
        ) {
            let _ = Status::parse(format!("{key}:\t{value}\n").as_bytes());
        }
    }
}
