//! Every exit code there is.

use std::process::ExitCode;

/// How a run ends. Scripts rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was done.
    Done = 0,
    /// A check says no.
    CheckFailed = 1,
    /// The command line, or what it names, cannot be used.
    Usage = 2,
    /// No target, more than one, or the wrong namespace.
    Target = 3,
    /// Nothing of what was asked could be read; with `--strict`, not all of it.
    Unreadable = 4,
    /// spyhole itself failed: a bug, or output that could not be written.
    Internal = 5,
}

impl Exit {
    /// The code of whatever answers yes, no or unknown. One precedence for every command: no beats
    /// unknown beats yes.
    #[must_use]
    pub fn of_answer(no: bool, unknown: bool) -> Self {
        match (no, unknown) {
            (true, _) => Self::CheckFailed,
            (false, true) => Self::Unreadable,
            (false, false) => Self::Done,
        }
    }
}

/// The table for the help.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done
  1  a check failed
  2  usage error
  3  no target, an ambiguous target, or the wrong PID namespace
  4  none of the requested data could be read; with --strict, not all of it
  5  internal error
If both 1 and 4 apply, it is 1.";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_beats_unknown_beats_yes() {
        let code = |no, unknown| Exit::of_answer(no, unknown) as u8;
        assert_eq!([code(true, true), code(true, false)], [1, 1]);
        assert_eq!([code(false, true), code(false, false)], [4, 0]);
    }
}
