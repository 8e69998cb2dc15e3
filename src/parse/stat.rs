//! `/proc/PID/stat` and `/proc/PID/task/TID/stat`: one line, the cheapest look at a process.
//!
//! Read for every process of a walk, hence by hand and in a single pass.

use super::{Malformed, text};

/// A process or thread as `/proc/PID/stat` tells it; field numbers are those of proc(5).
///
/// Pids are those of the PID namespace of the `/proc` that was read. Only [`areas`](Self::areas)
/// needs a ptrace check; other fields that do (`kstkesp`, `wchan`, `exit_code`) are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Field 1: the process id.
    pub pid: i32,
    /// Field 2, without its parentheses: up to 15 bytes that the process may set at will, up to
    /// 63 for a kernel worker. Raw: it may hold `)`, blanks, newlines and terminal escapes.
    pub comm: Vec<u8>,
    /// Field 3: the state letter, such as `R`, `S`, `D`, `Z`, `T`, `t`, `X`, `I`.
    pub state: u8,
    /// Field 4: the parent's process id; 0 if it is outside of the PID namespace.
    pub ppid: i32,
    /// Field 5: the process group id.
    pub pgrp: i32,
    /// Field 6: the session id.
    pub session: i32,
    /// Field 7: the device number of the controlling terminal, 0 for none; see
    /// [`tty::name`](super::tty::name).
    pub tty_nr: i32,
    /// Field 8: the foreground process group of the terminal, -1 without one.
    pub tpgid: i32,
    /// Field 9: the kernel's `PF_*` flags.
    pub flags: u32,
    /// Field 14: CPU time in user mode, in clock ticks (`_SC_CLK_TCK`, 100 a second).
    pub utime_ticks: u64,
    /// Field 15: CPU time in kernel mode, in clock ticks.
    pub stime_ticks: u64,
    /// Field 19: nice, 19 (low) to -20 (high).
    pub nice: i64,
    /// Field 20: threads in the process.
    pub num_threads: u32,
    /// Field 22: start after boot, in clock ticks; not namespaced before Linux 5.5, relative to
    /// the reader's time namespace since.
    pub starttime_ticks: u64,
    /// Field 23: virtual memory in bytes.
    pub vsize_bytes: u64,
    /// Field 24: resident pages. The kernel's counter is approximate and may be below zero for
    /// a moment, which is 0 here.
    pub rss_pages: u64,
    /// Fields 48 to 51; `None` before Linux 3.5, in sandboxes that do not say, where the ptrace
    /// check refuses, and for what has no memory: all of them print zeros or nothing.
    pub areas: Option<ArgsAndEnv>,
}

/// Where arguments and environment are in the memory of a process, as addresses. The kernel puts
/// them there at `execve`, the environment right behind the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArgsAndEnv {
    /// Field 48: the first byte of the arguments.
    pub arg_start: u64,
    /// Field 49: the byte behind the last of them.
    pub arg_end: u64,
    /// Field 50: the first byte of the environment.
    pub env_start: u64,
    /// Field 51: the byte behind the last of it.
    pub env_end: u64,
}

/// `PF_EXITING` of the kernel's `sched.h`.
const PF_EXITING: u32 = 0x4;
/// `PF_KTHREAD` of the kernel's `sched.h`.
const PF_KTHREAD: u32 = 0x0020_0000;

impl Stat {
    /// Reads the content of one `stat` file.
    ///
    /// # Errors
    /// If a field up to 24 is missing, cut, or not a number of its type.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let (pid, rest) =
            text::split_once(bytes, b' ').ok_or(malformed("pid in /proc/PID/stat"))?;
        let rest = rest.strip_prefix(b"(").ok_or(COMM)?;
        // comm may hold `)`, and nothing after it does: the last one ends it.
        let end = rest.iter().rposition(|byte| *byte == b')').ok_or(COMM)?;
        let (comm, rest) = rest.split_at_checked(end).ok_or(COMM)?;
        let rest = rest.strip_prefix(b") ").ok_or(COMM)?;

        let mut fields = Fields { rest };
        let state = match fields.next() {
            Some([letter]) => *letter,
            _ => return Err(STATE),
        };
        let stat = Self {
            pid: text::signed(pid)
                .and_then(|pid| pid.try_into().ok())
                .ok_or(malformed("pid in /proc/PID/stat"))?,
            comm: comm.to_vec(),
            state,
            ppid: fields.i32("ppid in /proc/PID/stat")?,
            pgrp: fields.i32("pgrp in /proc/PID/stat")?,
            session: fields.i32("session in /proc/PID/stat")?,
            tty_nr: fields.i32("tty_nr in /proc/PID/stat")?,
            tpgid: fields.i32("tpgid in /proc/PID/stat")?,
            flags: fields.unsigned("flags in /proc/PID/stat")?,
            utime_ticks: {
                fields.nth(3); // page faults
                fields.unsigned("utime in /proc/PID/stat")?
            },
            stime_ticks: fields.unsigned("stime in /proc/PID/stat")?,
            nice: {
                fields.nth(2); // times of waited-for children, priority
                fields.i64("nice in /proc/PID/stat")?
            },
            num_threads: fields.unsigned("num_threads in /proc/PID/stat")?,
            starttime_ticks: {
                fields.next(); // itrealvalue, 0 since Linux 2.6.17
                fields.unsigned("starttime in /proc/PID/stat")?
            },
            vsize_bytes: fields.unsigned("vsize in /proc/PID/stat")?,
            rss_pages: {
                let pages = fields.i64("rss in /proc/PID/stat")?;
                u64::try_from(pages).unwrap_or(0)
            },
            areas: fields.areas()?,
        };
        Ok(stat)
    }

    /// Whether it is a thread of the kernel, which has no command line, memory or files.
    #[must_use]
    pub(crate) fn is_kernel_thread(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }

    /// Whether it has no memory, program or arguments: a kernel thread, or what has
    /// ended or is about to, which gives up its memory before it becomes a zombie.
    #[must_use]
    pub(crate) fn is_bodiless(&self) -> bool {
        self.is_kernel_thread()
            || self.flags & PF_EXITING != 0
            || matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// What stands between blanks; what the end of input cuts is not given.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|b| matches!(b, b' ' | b'\n'))?;
        let (field, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..)?;
        Some(field)
    }
}

impl Fields<'_> {
    fn i32(&mut self, what: &'static str) -> Result<i32, Malformed> {
        i32(self.next().ok_or(malformed(what))?, what)
    }

    fn i64(&mut self, what: &'static str) -> Result<i64, Malformed> {
        self.next().and_then(text::signed).ok_or(malformed(what))
    }

    /// Fields 48 to 51, once 24 is read.
    fn areas(&mut self) -> Result<Option<ArgsAndEnv>, Malformed> {
        let Some(first) = self.nth(23) else {
            return Ok(None);
        };
        let mut addresses = [0; 4];
        let fields = std::iter::once(first).chain(self);
        for (address, field) in addresses.iter_mut().zip(fields) {
            *address = text::decimal(field).ok_or(malformed("addresses in /proc/PID/stat"))?;
        }
        let [arg_start, arg_end, env_start, env_end] = addresses;
        let areas = ArgsAndEnv {
            arg_start,
            arg_end,
            env_start,
            env_end,
        };
        Ok((env_end != 0).then_some(areas))
    }

    fn unsigned<T: text::Unsigned>(&mut self, what: &'static str) -> Result<T, Malformed> {
        self.next().and_then(text::decimal).ok_or(malformed(what))
    }
}

fn i32(field: &[u8], what: &'static str) -> Result<i32, Malformed> {
    text::signed(field)
        .and_then(|value| value.try_into().ok())
        .ok_or(malformed(what))
}

const COMM: Malformed = Malformed {
    what: "comm in /proc/PID/stat",
    expected: "a name in parentheses",
};

const STATE: Malformed = Malformed {
    what: "state in /proc/PID/stat",
    expected: "one letter",
};

const fn malformed(what: &'static str) -> Malformed {
    Malformed {
        what,
        expected: "a whole decimal number of its range",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    const CAT: &[u8] = b"8253 (cat) R 6470 6470 5072 34816 8253 4194304 106 7 3 2 11 12 -13 14 20 -5 1 0 117415 3133440 407 18446744073709551615 93871851601920 93871851621801 140726878728720 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 93871851637808 93871851639424 93872810610688 140726878730671 140726878730790 140726878730790 140726878732267 0\n";
    const KTHREADD: &[u8] = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 0 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 1 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    /// `CAT` with one of its fields (by proc(5)'s number) replaced.
    fn with_field(number: usize, value: &str) -> Vec<u8> {
        let text = String::from_utf8(CAT.to_vec()).unwrap();
        let mut fields: Vec<&str> = text.trim_end().split(' ').collect();
        fields[number - 1] = value;
        format!("{}\n", fields.join(" ")).into_bytes()
    }

    #[test]
    fn each_field_is_taken_from_its_place() {
        assert_eq!(
            Stat::parse(CAT),
            Ok(Stat {
                pid: 8253,
                comm: b"cat".to_vec(),
                state: b'R',
                ppid: 6470,
                pgrp: 6470,
                session: 5072,
                tty_nr: 34816,
                tpgid: 8253,
                flags: 4_194_304,
                utime_ticks: 11,
                stime_ticks: 12,
                nice: -5,
                num_threads: 1,
                starttime_ticks: 117_415,
                vsize_bytes: 3_133_440,
                rss_pages: 407,
                areas: Some(ArgsAndEnv {
                    arg_start: 140_726_878_730_671,
                    arg_end: 140_726_878_730_790,
                    env_start: 140_726_878_730_790,
                    env_end: 140_726_878_732_267,
                }),
            })
        );
    }

    #[test]
    fn kernel_threads_are_told_by_their_flag() {
        assert!(Stat::parse(KTHREADD).unwrap().is_kernel_thread());
        assert!(!Stat::parse(CAT).unwrap().is_kernel_thread());
    }

    #[test]
    fn comm_ends_at_the_last_parenthesis() {
        for comm in [
            "",
            "a) R 1 1 (b",
            "(((",
            ")))",
            "x\ny) Z 0",
            "\x1b[2J",
            ") ",
        ] {
            let stat = Stat::parse(&with_field(2, &format!("({comm})"))).unwrap();
            assert_eq!(stat.comm, comm.as_bytes());
            assert_eq!((stat.state, stat.ppid), (b'R', 6470));
        }
        let mut latin1 = b"1 (\xe9t\xe9)".to_vec();
        latin1.extend_from_slice(&CAT[10..]);
        assert_eq!(Stat::parse(&latin1).unwrap().comm, b"\xe9t\xe9");
    }

    #[test]
    fn a_negative_rss_is_zero() {
        assert_eq!(Stat::parse(&with_field(24, "-3")).unwrap().rss_pages, 0);
    }

    #[test]
    fn numbers_out_of_range_are_malformed_and_named() {
        for (field, value, what) in [
            (1, "2147483648", "pid in /proc/PID/stat"),
            (3, "RR", "state in /proc/PID/stat"),
            (4, "-2147483649", "ppid in /proc/PID/stat"),
            (9, "4294967296", "flags in /proc/PID/stat"),
            (14, "-1", "utime in /proc/PID/stat"),
            (22, "18446744073709551616", "starttime in /proc/PID/stat"),
            (24, "9223372036854775808", "rss in /proc/PID/stat"),
            (49, "x", "addresses in /proc/PID/stat"),
        ] {
            let error = Stat::parse(&with_field(field, value)).unwrap_err();
            assert_eq!(error.what, what);
        }
    }

    #[test]
    fn what_follows_rss_may_be_missing_but_never_half() {
        let upto = |field: &str| {
            let end = CAT.windows(field.len()).position(|w| w == field.as_bytes());
            &CAT[..end.unwrap() + field.len()]
        };
        assert!(
            Stat::parse(upto(" 407")).is_err(),
            "407 might be cut from 4071"
        );
        let short = Stat::parse(upto(" 407 ")).unwrap();
        assert_eq!(short.areas, None);
        assert_eq!(Stat::parse(upto(" 140726878732267")).unwrap().areas, None);
    }

    #[test]
    fn where_the_addresses_are_not_shown_they_are_unknown() {
        assert_eq!(Stat::parse(KTHREADD).unwrap().areas, None);
    }

    #[test]
    fn survives_damage() {
        mutate::survives(CAT, |bytes| {
            let _ = Stat::parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = Stat::parse(&bytes);
            let _ = Stat::parse(&[b"1 (", &bytes[..]].concat());
            let _ = Stat::parse(&[b"1 (x) R ", &bytes[..]].concat());
        }

        #[test]
        fn any_comm_comes_back(comm in proptest::collection::vec(any::<u8>(), 0..64)) {
            let line = [b"8253 (", &comm[..], &CAT[9..]].concat();
            prop_assert_eq!(Stat::parse(&line).unwrap().comm, comm);
        }
    }
}
