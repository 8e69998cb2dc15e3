//! Reads a saved document back into the model.
//!
//! A document comes from anywhere: it is bounded in bytes, depth and values before any of it is
//! looked at, and what does not fit the model is an error that says where, without its content.
//! A `null` becomes [`Seen::Unseen`](super::Seen) with the reason that its gap names; a `null`
//! without a gap is an error, as such a document cannot be written. Keys that a later version
//! added are passed over.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::escape::escaped;
use super::gap::{Gap, Gaps, Subject};
use super::report::{Report, SCHEMA};
use super::seen::MARK;

/// How much of a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Its size.
    pub bytes: usize,
    /// Objects and lists within each other.
    pub depth: usize,
    /// Values, those within others included.
    pub values: usize,
}

impl Default for Limits {
    /// Several times what a node with ten thousand processes takes.
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            depth: 32,
            values: 8_000_000,
        }
    }
}

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// It has more bytes than the limit.
    TooLarge {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// It is nested deeper than the limit.
    TooDeep {
        /// How deep it may be.
        limit: usize,
    },
    /// It has more values than the limit.
    TooManyValues {
        /// How many it may have.
        limit: usize,
    },
    /// It is not JSON: truncated, or something else.
    NotJson {
        /// Of the text, from 1.
        line: usize,
        /// Of the line, from 1.
        column: usize,
    },
    /// A key stands twice in one object.
    DuplicateKey {
        /// Of the text, from 1.
        line: usize,
        /// Of the line, from 1.
        column: usize,
    },
    /// It is JSON, and no document of this form.
    OtherSchema,
    /// A `null` that no gap explains.
    NullWithoutGap {
        /// The key of the document.
        section: String,
        /// The keys within it.
        field: String,
    },
    /// A part that is not as the model has it.
    Malformed {
        /// The key of the document.
        section: String,
        /// What was expected.
        why: String,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(out, "document too large: {bytes} bytes, limit {limit}")
            }
            Self::TooDeep { limit } => {
                write!(out, "document nested deeper than {limit} levels")
            }
            Self::TooManyValues { limit } => {
                write!(out, "document has more than {limit} values")
            }
            Self::NotJson { line, column } => {
                write!(out, "not JSON: line {line}, column {column}")
            }
            Self::DuplicateKey { line, column } => {
                write!(out, "line {line}, column {column}: duplicate key")
            }
            Self::OtherSchema => write!(out, "not a document of schema {SCHEMA}"),
            Self::NullWithoutGap { section, field } => {
                write!(out, "{section}: {field} is null and no gap explains it")
            }
            Self::Malformed { section, why } => write!(out, "{section}: {why}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// The document that `dump -o json` wrote.
///
/// # Errors
/// [`ReadError`], for whatever is no such document.
pub fn read(text: &[u8]) -> Result<Report, ReadError> {
    read_within(text, Limits::default())
}

/// The same within other limits.
///
/// # Errors
/// As [`read`].
pub fn read_within(text: &[u8], limits: Limits) -> Result<Report, ReadError> {
    if text.len() > limits.bytes {
        return Err(ReadError::TooLarge {
            bytes: text.len(),
            limit: limits.bytes,
        });
    }
    let Value::Object(mut document) = parse(text, limits)? else {
        return Err(ReadError::OtherSchema);
    };
    if document.get("schema").and_then(Value::as_str) != Some(SCHEMA) {
        return Err(ReadError::OtherSchema);
    }
    let gaps: Vec<Gap> = match document.get("gaps") {
        Some(gaps) => serde_json::from_value(gaps.clone())
            .map_err(|error| malformed("gaps", &error.to_string()))?,
        None => return Err(malformed("gaps", "missing field `gaps`")),
    };
    let gaps = Gaps::restore(gaps);
    for (section, content) in document.iter_mut().filter(|(key, _)| *key != "gaps") {
        let mut place = Place {
            section,
            keys: Vec::new(),
            subject: None,
        };
        mark(content, &mut place, &gaps)?;
    }
    typed(document)
}

fn typed(document: Map<String, Value>) -> Result<Report, ReadError> {
    let error = match serde_json::from_value(Value::Object(document.clone())) {
        Ok(report) => return Ok(report),
        Err(error) => error.to_string(),
    };
    // Which part it is: what every document has, with one section at a time.
    let is_frame = |key: &str| ["schema", "version", "taken_at", "gaps"].contains(&key);
    let (frame, sections): (Map<_, _>, Map<_, _>) =
        document.into_iter().partition(|(key, _)| is_frame(key));
    for (section, content) in sections {
        let mut alone = frame.clone();
        alone.insert(section.clone(), content);
        if let Err(error) = serde_json::from_value::<Report>(Value::Object(alone)) {
            return Err(malformed(&section, &error.to_string()));
        }
    }
    Err(malformed("document", &error))
}

/// What was expected, without what stood there: that may be a secret.
fn malformed(section: &str, message: &str) -> ReadError {
    let why = match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if message.starts_with("missing field `") => message.to_owned(),
        None => "not in the form of the schema".to_owned(),
    };
    ReadError::Malformed {
        section: short(section),
        why: short(&why),
    }
}

/// Words of the document, for a line of an error.
fn short(text: &str) -> String {
    let cut: String = text.chars().take(200).collect();
    escaped(cut.as_bytes()).into_owned()
}

/// Where in the document a value stands.
struct Place<'a> {
    section: &'a str,
    keys: Vec<String>,
    /// The process or mount that it is about.
    subject: Option<Subject>,
}

/// Puts a mark with its reason in the place of each `null`.
fn mark(value: &mut Value, place: &mut Place<'_>, gaps: &Gaps) -> Result<(), ReadError> {
    match value {
        Value::Null => {
            let field = if place.keys.is_empty() {
                place.section.to_owned()
            } else {
                place.keys.join(".")
            };
            let unseen = gaps
                .restored(section_of(place.section), &field, place.subject.as_ref())
                .ok_or_else(|| ReadError::NullWithoutGap {
                    section: short(place.section),
                    field: short(&field),
                })?;
            *value = unseen.mark();
            Ok(())
        }
        Value::Array(all) => all.iter_mut().try_for_each(|one| mark(one, place, gaps)),
        Value::Object(all) => {
            if all.contains_key(MARK) {
                return Err(malformed(place.section, ""));
            }
            let outer = place.subject.clone();
            if let Some(subject) = subject(all) {
                place.subject = Some(subject);
            }
            for (key, one) in all.iter_mut() {
                place.keys.push(key.clone());
                mark(one, place, gaps)?;
                place.keys.pop();
            }
            place.subject = outer;
            Ok(())
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// The section whose gaps tell of a key: some sections have several.
fn section_of(key: &str) -> &str {
    match key {
        "socket_sources" | "socket_sums" => "sockets",
        "decoded" => "capabilities",
        key => key,
    }
}

fn subject(object: &Map<String, Value>) -> Option<Subject> {
    if let Some(pid) = object.get("pid").and_then(Value::as_i64) {
        return i32::try_from(pid).ok().map(Subject::Pid);
    }
    let path = object.get("mount_point").or_else(|| object.get("path"));
    path.and_then(Value::as_str).map(Subject::from)
}

fn parse(text: &[u8], limits: Limits) -> Result<Value, ReadError> {
    let mut left = limits.values;
    let mut source = serde_json::Deserializer::from_slice(text);
    let bounded = Bounded {
        left: &mut left,
        depth: limits.depth,
    };
    let parsed = bounded
        .deserialize(&mut source)
        .and_then(|value| source.end().map(|()| value));
    parsed.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        if message.starts_with(DEEP) {
            ReadError::TooDeep {
                limit: limits.depth,
            }
        } else if message.starts_with(MANY) {
            ReadError::TooManyValues {
                limit: limits.values,
            }
        } else if message.starts_with(TWICE) {
            ReadError::DuplicateKey { line, column }
        } else {
            ReadError::NotJson { line, column }
        }
    })
}

/// What [`Bounded`] says, to be known again.
const DEEP: &str = "too deep";
const MANY: &str = "too many";
const TWICE: &str = "twice";

/// Any JSON within the bounds on values and depth.
struct Bounded<'a> {
    left: &'a mut usize,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        *self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| D::Error::custom(MANY))?;
        source.deserialize_any(self)
    }
}

impl<'a> Bounded<'a> {
    fn below<E: serde::de::Error>(self) -> Result<(&'a mut usize, usize), E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom(DEEP))?;
        Ok((self.left, depth))
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("number"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
        let (left, depth) = self.below()?;
        let mut values = Vec::new();
        while let Some(value) = all.next_element_seed(Bounded { left, depth })? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
        let (left, depth) = self.below()?;
        let mut values = Map::new();
        while let Some(key) = all.next_key::<String>()? {
            let value = all.next_value_seed(Bounded { left, depth })?;
            if values.insert(key, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests;
