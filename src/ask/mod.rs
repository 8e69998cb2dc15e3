//! Questions to the network, as the target would ask them: with its files, in its network where
//! spyhole shares that, and never as if it did where it does not.

pub(crate) mod connect;
pub(crate) mod dns;
pub(crate) mod fetch;

use core::time::Duration;

use serde_json::{Value, json};

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
    /// What was seen, as data; the rest of it is in the other fields.
    pub seen: Value,
}

impl Answered {
    /// Nothing was asked, or nothing could be found to ask.
    fn failed(outcome: &CheckOutcome) -> Self {
        Self {
            tables: Vec::new(),
            notes: outcome.notes.iter().map(ToString::to_string).collect(),
            failure: Some(outcome.reason.to_string()),
            answer: outcome.answer,
            seen: json!({}),
        }
    }

    /// All of it as data: schema `spyhole/NAME/v1`.
    pub(crate) fn document(&self, command: &str) -> Value {
        document(
            command,
            self.answer,
            &self.notes,
            self.failure.as_deref(),
            &self.seen,
        )
    }
}

/// What every document of a question has, with what was seen.
pub(crate) fn document(
    command: &str,
    answer: TruthValue,
    notes: &[String],
    failure: Option<&str>,
    seen: &Value,
) -> Value {
    let word = match answer {
        TruthValue::True => "yes",
        TruthValue::False => "no",
        TruthValue::Unknown => "unknown",
    };
    let mut document = json!({
        "schema": format!("spyhole/{command}/v1"),
        "version": env!("CARGO_PKG_VERSION"),
        "answer": word,
        "notes": notes,
    });
    set(&mut document, "failure", failure);
    if let (Value::Object(document), Value::Object(seen)) = (&mut document, seen) {
        document.extend(seen.clone());
    }
    document
}

/// A key, where there is something to say.
fn set(object: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let (Value::Object(object), Some(value)) = (object, value) {
        object.insert(key.to_owned(), value.into());
    }
}

/// To the microsecond.
fn seconds(time: Duration) -> Value {
    let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    json!(f64::from(micros) / 1e6)
}
