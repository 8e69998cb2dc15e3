//! Every exit code there is.

use std::process::ExitCode;

use crate::model::truth_value::TruthValue;

/// How a run ends. Scripts rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was done.
    Done = 0,
    /// A check or the doctor says no; grep found nothing; diff found a difference.
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
    /// That of a spyhole which ended with this code.
    pub(crate) fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::CheckFailed,
            2 => Self::Usage,
            3 => Self::Target,
            4 => Self::Unreadable,
            _ => Self::Internal,
        }
    }

    /// The code of an answer.
    #[must_use]
    pub fn of(answer: TruthValue) -> Self {
        match answer {
            TruthValue::True => Self::Done,
            TruthValue::Unknown => Self::Unreadable,
            TruthValue::False => Self::CheckFailed,
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
        use TruthValue::{False, True, Unknown};
        let code =
            |answers: &[TruthValue]| Exit::of(TruthValue::all(answers.iter().copied())) as u8;
        assert_eq!([code(&[Unknown, False]), code(&[True, False])], [1, 1]);
        assert_eq!([code(&[True, Unknown]), code(&[True])], [4, 0]);
    }
}
