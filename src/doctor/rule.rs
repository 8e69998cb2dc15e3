//! What a rule is, and what it answers.

use serde_json::{Value, json};

use super::facts::{Facts, NotJudged};
pub(crate) use crate::model::severity::Severity;

/// One thing that can be wrong with a container.
pub(crate) struct Rule {
    /// `SPY-RES-001`: it never changes its meaning, and a number that is given up is not used again.
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    pub(crate) title: &'static str,
    /// The fields of the document that it reads, the section first.
    pub(crate) reads: &'static [&'static str],
    /// Why it matters.
    pub(crate) why: &'static str,
    /// What to change, where the evidence has nothing better.
    pub(crate) remedy: &'static str,
    /// What would show that the finding is wrong.
    pub(crate) wrong_if: &'static str,
    pub(crate) judge: fn(&Facts<'_>) -> Judged,
}

impl Rule {
    /// As `/v1/explain` tells it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "severity": self.severity,
            "title": self.title,
            "why": self.why,
            "remedy": self.remedy,
            "wrong_if": self.wrong_if,
            "reads": self.reads,
        })
    }
}

/// The evidence, empty where nothing is wrong; or why the rule cannot be judged.
pub(crate) type Judged = Result<Vec<Evidence>, NotJudged>;

/// What shows that something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// A sentence part with the values and where they were read.
    pub(crate) says: String,
    /// How surely this is what harms, in percent: findings of one severity are sorted by it.
    pub(crate) certainty: u8,
    /// The remedy with the values of this container.
    pub(crate) remedy: Option<String>,
}

impl Evidence {
    pub(crate) fn new(certainty: u8, says: impl Into<String>) -> Self {
        Self {
            says: says.into(),
            certainty,
            remedy: None,
        }
    }

    pub(crate) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }
}

/// The evidence of several places. One that was not seen counts where there is no evidence: what was
/// found stays found.
///
/// # Errors
/// There is no evidence, and this was not seen.
pub(super) fn gather(
    found: impl IntoIterator<Item = Result<Option<Evidence>, NotJudged>>,
) -> Judged {
    let mut evidence = Vec::new();
    let mut unseen = None;
    for one in found {
        match one {
            Ok(one) => evidence.extend(one),
            Err(why) => unseen = unseen.or(Some(why)),
        }
    }
    match unseen {
        Some(why) if evidence.is_empty() => Err(why),
        _ => Ok(evidence),
    }
}
