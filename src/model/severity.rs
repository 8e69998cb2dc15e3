//! How much a finding matters, of the doctor and of an audit.

use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// Could be better, and does no harm now.
    Hint,
    /// Will do harm under conditions that are likely.
    Risk,
    /// Does harm now.
    Problem,
}

impl Severity {
    /// The word of the option, the documents and, in upper case, of the tables.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Risk => "risk",
            Self::Problem => "problem",
        }
    }
}
