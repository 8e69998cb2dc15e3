//! The rarely asked fields of `/proc/PID/stat`, `/proc/PID/status` and `/proc/PID/io`.
//!
//! Apart from `Stat`, which is read for every process of a walk.

use super::{Malformed, text};

/// How a process is scheduled, and its page faults; field numbers are those of proc(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scheduling {
    /// Field 10: page faults that took no I/O.
    pub minor_faults: u64,
    /// Field 12: page faults that took I/O.
    pub major_faults: u64,
    /// Field 18: the priority inside of the kernel.
    pub priority: i64,
    /// Field 40: the priority of real-time policies, 1 to 99; 0 for others.
    pub realtime_priority: u32,
    /// Field 41: the number of the policy, sched(7).
    pub policy: u32,
}

/// I/O of a process: `/proc/PID/io`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Io {
    /// `rchar`: bytes that read(2) and the like returned.
    pub read_chars: Option<u64>,
    /// `wchar`: bytes that were given to write(2) and the like.
    pub written_chars: Option<u64>,
    /// `read_bytes`: bytes that came from storage.
    pub read_bytes: Option<u64>,
    /// `write_bytes`: bytes that went to storage, or will.
    pub written_bytes: Option<u64>,
}

impl Scheduling {
    /// Reads the content of one `stat` file.
    ///
    /// # Errors
    /// If a field is missing, cut, or not a number.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        // comm may hold `)`, and nothing after it does: the last one ends it.
        let end = bytes.iter().rposition(|byte| *byte == b')').ok_or(STAT)?;
        let line = bytes.get(end..).and_then(|rest| rest.strip_suffix(b"\n"));
        let fields: Vec<&[u8]> = text::words(line.ok_or(STAT)?).collect();
        // The `)` itself stands in the place of field 2.
        let field = |number: usize| fields.get(number - 2).copied().ok_or(STAT);
        Ok(Self {
            minor_faults: text::decimal(field(10)?).ok_or(STAT)?,
            major_faults: text::decimal(field(12)?).ok_or(STAT)?,
            priority: text::signed(field(18)?).ok_or(STAT)?,
            realtime_priority: text::decimal(field(40)?).ok_or(STAT)?,
            policy: text::decimal(field(41)?).ok_or(STAT)?,
        })
    }
}

/// `Cpus_allowed_list` of `/proc/PID/status`, such as `0-3,8`; `None` where this kernel has none.
#[must_use]
pub(crate) fn cpus_allowed(status: &[u8]) -> Option<String> {
    let mut lines = status.split(|byte| *byte == b'\n');
    let list = lines.find_map(|line| line.strip_prefix(b"Cpus_allowed_list:"))?;
    let list = list.trim_ascii();
    let known = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b',' | b'-');
    let fits = !list.is_empty() && list.iter().all(known);
    fits.then(|| String::from_utf8(list.to_vec()).ok())?
}

impl Io {
    /// Reads the content of one `io` file.
    ///
    /// # Errors
    /// If a line is not a name and a number, or the last one is cut.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut io = Self::default();
        for line in text::lines(bytes, "/proc/PID/io")? {
            let (name, value) = text::split_once(line, b':').ok_or(IO)?;
            let place = match name {
                b"rchar" => &mut io.read_chars,
                b"wchar" => &mut io.written_chars,
                b"read_bytes" => &mut io.read_bytes,
                b"write_bytes" => &mut io.written_bytes,
                _ => continue,
            };
            *place = Some(text::decimal(value.trim_ascii()).ok_or(IO)?);
        }
        Ok(io)
    }
}

const STAT: Malformed = Malformed {
    what: "a field of /proc/PID/stat",
    expected: "the 52 fields of proc(5)",
};
const IO: Malformed = Malformed {
    what: "a line of /proc/PID/io",
    expected: "a name and a number of bytes",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use crate::sys::scratch;

    const SAMPLE: &[u8] = b"7 (a) b) S 1 7 7 0 -1 4194560 11 22 33 44 5 6 7 8 20 0 1 0 99 1000 10 \
        18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 9 1 0 0 0 0 0 0 0 0 0 0 0\n";
    const IO_SAMPLE: &[u8] = b"rchar: 4292\nwchar: 1\nsyscr: 13\nsyscw: 0\nread_bytes: 4096\n\
        write_bytes: 8192\ncancelled_write_bytes: 0\n";

    #[test]
    fn fields_by_number() {
        let seen = Scheduling::parse(SAMPLE).unwrap();
        assert_eq!((seen.minor_faults, seen.major_faults), (11, 33));
        assert_eq!(
            (seen.priority, seen.realtime_priority, seen.policy),
            (20, 9, 1)
        );
        let io = Io::parse(IO_SAMPLE).unwrap();
        assert_eq!((io.read_bytes, io.written_bytes), (Some(4096), Some(8192)));
        assert_eq!((io.read_chars, io.written_chars), (Some(4292), Some(1)));
        let status = b"Cpus_allowed:\tf\nCpus_allowed_list:\t0-1,3\nMems_allowed:\t1\n";
        assert_eq!(cpus_allowed(status).as_deref(), Some("0-1,3"));
        assert_eq!(cpus_allowed(b"Cpus_allowed_list:\tx\n"), None);
    }

    #[test]
    fn of_this_very_test() {
        let own = Scheduling::parse(&scratch::read("/proc/self/stat")).unwrap();
        assert!(own.minor_faults > 0);
        assert!(
            Io::parse(&scratch::read("/proc/self/io"))
                .unwrap()
                .read_chars
                > Some(0)
        );
    }

    #[test]
    fn damage_is_no_panic() {
        mutate::survives(SAMPLE, |bytes| {
            let _ = Scheduling::parse(bytes);
        });
        mutate::survives(IO_SAMPLE, |bytes| {
            let _ = Io::parse(bytes);
            let _ = cpus_allowed(bytes);
        });
    }
}
