//! What a request showed, as data.

use serde_json::{Value, json};

use super::super::{document, set};
use crate::model::byte_string::ByteString;
use crate::model::truth_value::TruthValue;

/// The parts, collected for one document.
#[derive(Debug, Default)]
pub(crate) struct FetchSeen {
    notes: Vec<String>,
    responses: Vec<Value>,
    /// Of the response that is on its way.
    headers: Vec<Value>,
    version: String,
    /// Of the last response.
    body: Vec<u8>,
}

impl FetchSeen {
    /// The status line, and the headers.
    pub(crate) fn head(&mut self, lines: &[String]) {
        let mut lines = lines.iter();
        let status = lines.next().map(String::as_str).unwrap_or_default();
        status
            .split(' ')
            .next()
            .unwrap_or_default()
            .clone_into(&mut self.version);
        let header = |line: &String| {
            let (name, value) = line.split_once(": ")?;
            Some(json!({"name": name, "value": value}))
        };
        self.headers = lines.filter_map(header).collect();
    }

    /// A piece of the body.
    pub(crate) fn body(&mut self, piece: &[u8]) {
        self.body.extend_from_slice(piece);
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// How a response came.
    pub(crate) fn done(&mut self, mut how: Value) {
        set(&mut how, "version", Some(std::mem::take(&mut self.version)));
        set(&mut how, "headers", Some(std::mem::take(&mut self.headers)));
        self.responses.push(how);
    }

    /// All of it: schema `spyhole/fetch/v1`.
    pub(crate) fn document(self, answer: TruthValue, failure: Option<&str>) -> Value {
        let mut seen = json!({"responses": self.responses});
        if !self.body.is_empty() {
            let body = ByteString::from(self.body);
            set(&mut seen, "body", Some(json!(body)));
        }
        document("fetch", answer, &self.notes, failure, &seen)
    }
}
