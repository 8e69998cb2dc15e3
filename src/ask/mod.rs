//! Questions to the network, as the target would ask them: with its files, in its network where
//! spyhole shares that, and never as if it did where it does not.

pub(crate) mod connect;
pub(crate) mod dns;
pub(crate) mod fetch;

use crate::check::CheckOutcome;
use crate::model::truth_value::TruthValue;
use crate::render::tables::Table;

/// What came of a question.
#[derive(Debug)]
pub(crate) struct Answered {
    /// What was seen.
    pub tables: Vec<Table>,
    /// Lines for stderr: what has to be known of the answer.
    pub notes: Vec<String>,
    /// Why there is no answer, a line for stderr.
    pub failure: Option<String>,
    /// Whether it is a good one.
    pub answer: TruthValue,
}

impl Answered {
    /// Nothing was asked, or nothing could be found to ask.
    fn failed(outcome: &CheckOutcome) -> Self {
        Self {
            tables: Vec::new(),
            notes: outcome.notes.iter().map(ToString::to_string).collect(),
            failure: Some(outcome.reason.to_string()),
            answer: outcome.answer,
        }
    }
}
