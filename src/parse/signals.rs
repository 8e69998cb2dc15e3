//! Signal numbers and the masks of `/proc/PID/status`, by name as kill(1) says them.
//!
//! Numbers are those of x86, ARM, RISC-V and most others; MIPS, SPARC, Alpha and PA-RISC differ.

use std::borrow::Cow;

/// The names of signals 1 to 31, without `SIG`.
pub(crate) const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// The first real-time signal that glibc leaves to programs. It keeps 32 and 33 for its threads
/// (musl 34 too), so those two have no name.
const RTMIN: u8 = 34;

/// The last signal.
const MAX: u8 = 64;

/// `15` → `TERM`, `35` → `RTMIN+1`; `None` for what is no signal or has no name.
#[must_use]
pub(crate) fn name(number: u8) -> Option<Cow<'static, str>> {
    match number {
        RTMIN => Some("RTMIN".into()),
        _ if (RTMIN..=MAX).contains(&number) => {
            Some(format!("RTMIN+{}", number.saturating_sub(RTMIN)).into())
        }
        _ => {
            let name = NAMES.get(usize::from(number.checked_sub(1)?))?;
            Some(Cow::Borrowed(*name))
        }
    }
}

/// Whether a mask holds a signal: bit 0 is signal 1.
#[must_use]
pub(crate) fn contains(mask: u64, number: u8) -> bool {
    number
        .checked_sub(1)
        .and_then(|bit| mask.checked_shr(u32::from(bit)))
        .is_some_and(|shifted| shifted & 1 == 1)
}

/// The signals of a mask, by rising number; a signal without a name is its number.
pub(crate) fn names(mask: u64) -> impl Iterator<Item = Cow<'static, str>> {
    (1..=MAX)
        .filter(move |number| contains(mask, *number))
        .map(|number| name(number).unwrap_or_else(|| number.to_string().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(mask: u64) -> Vec<String> {
        names(mask).map(Cow::into_owned).collect()
    }

    #[test]
    fn names_are_those_of_the_c_library() {
        for (number, expected) in [
            (libc::SIGHUP, "HUP"),
            (libc::SIGKILL, "KILL"),
            (libc::SIGTERM, "TERM"),
            (libc::SIGCHLD, "CHLD"),
            (libc::SIGWINCH, "WINCH"),
            (libc::SIGSYS, "SYS"),
        ] {
            assert_eq!(name(number.try_into().unwrap()).unwrap(), expected);
        }
        assert_eq!(name(34).unwrap(), "RTMIN");
        assert_eq!(name(64).unwrap(), "RTMIN+30");
        for none in [0, 32, 33, 65, 255] {
            assert_eq!(name(none), None);
        }
    }

    #[test]
    fn masks_are_spelled_out() {
        assert_eq!(all(0x4002), ["INT", "TERM"]);
        assert_eq!(all(0x0000_0001_8000_0000), ["32", "33"]);
        assert_eq!(all(1 << 63), ["RTMIN+30"]);
        assert_eq!(all(0), Vec::<String>::new());
        assert_eq!(all(u64::MAX).len(), 64);
    }

    proptest! {
        #[test]
        fn never_panics(mask: u64, signal: u8) {
            let _ = (self::name(signal), contains(mask, signal));
        }
    }
}
