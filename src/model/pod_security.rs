//! The Pod Security Standards of Kubernetes against a process that runs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A level of the standards, from loose to tight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PodSecurityLevel {
    /// Everything is allowed.
    Privileged,
    /// Known ways to more privileges are closed.
    Baseline,
    /// Hardened.
    Restricted,
}

impl PodSecurityLevel {
    /// The word of the label `pod-security.kubernetes.io/enforce`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }

    /// The level that the label's word names; `None` for any other word.
    #[must_use]
    pub fn of_label(word: &str) -> Option<Self> {
        let levels = [Self::Privileged, Self::Baseline, Self::Restricted];
        levels.into_iter().find(|level| level.as_str() == word)
    }
}

/// Whether a running process meets a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It meets the clause.
    Fits,
    /// It violates the clause.
    Fails,
    /// Unknown: it could not be read.
    Unseen,
    /// Not visible in a running process, or not reliably.
    NotJudged,
}

/// One clause of the standards.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Clause {
    /// The level that has this clause.
    pub level: PodSecurityLevel,
    /// Its name.
    pub clause: Cow<'static, str>,
    /// The result for the process.
    pub verdict: Verdict,
    /// The evidence, or why it is missing.
    pub evidence: String,
}

/// The level that the process meets.
///
/// It is judged from what runs, not from a manifest: a process that gave up privileges by
/// itself may fit a level to which its pod would not be admitted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PodSecurity {
    /// The tightest level of which no clause fails or is unseen; clauses that are not
    /// judged are left open.
    pub fits: PodSecurityLevel,
    /// Every clause of baseline and restricted.
    pub clauses: Vec<Clause>,
}

impl PodSecurity {
    /// The level that these clauses leave.
    #[must_use]
    pub fn of(clauses: Vec<Clause>) -> Self {
        let stands = |level| {
            let against = |clause: &Clause| {
                clause.level <= level && matches!(clause.verdict, Verdict::Fails | Verdict::Unseen)
            };
            !clauses.iter().any(against)
        };
        let levels = [PodSecurityLevel::Restricted, PodSecurityLevel::Baseline];
        let fits = levels.into_iter().find(|level| stands(*level));
        Self {
            fits: fits.unwrap_or(PodSecurityLevel::Privileged),
            clauses,
        }
    }

    /// The clauses of one verdict.
    pub fn having(&self, verdict: Verdict) -> impl Iterator<Item = &Clause> {
        self.clauses
            .iter()
            .filter(move |clause| clause.verdict == verdict)
    }
}
