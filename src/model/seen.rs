//! A value that was seen, or the reason why it was not.

#[cfg(test)]
use std::borrow::Cow;

#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::reason::Reason;

/// A field that may be unreadable.
///
/// An [`Unseen`] is made only by [`Gaps`](super::Gaps), which records the gap
/// at the same moment: a `null` without its gap cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// It was read.
    Value(T),
    /// It could not be read; `null` in JSON, `?` in a table.
    Unseen(Unseen),
}

/// Why a field could not be read. The whole story is in the report's gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unseen {
    reason: Reason,
}

impl Unseen {
    pub(super) fn new(reason: Reason) -> Self {
        Self { reason }
    }

    /// The reason, as the gap tells it.
    #[must_use]
    pub fn reason(self) -> Reason {
        self.reason
    }
}

impl<T> Seen<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unseen(_) => None,
        }
    }

    /// Turns the value into another one and leaves an unseen one unseen.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Value(value) => Seen::Value(change(value)),
            Self::Unseen(unseen) => Seen::Unseen(unseen),
        }
    }
}

impl<T: Serialize> Serialize for Seen<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Unseen(_) => serializer.serialize_none(),
        }
    }
}

/// The key of what stands for an unseen field while a document is read; no document may hold it.
pub(super) const MARK: &str = "\u{0}unseen";

impl Unseen {
    /// What stands for it while a document is read.
    pub(super) fn mark(self) -> Value {
        let reason = serde_json::to_value(self.reason).unwrap_or_default();
        Value::Object(Map::from_iter([(MARK.to_owned(), reason)]))
    }
}

/// From a value or a mark, never from a bare `null`: only [`read`](super::read) knows its gap.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Seen<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(source)?;
        if let Some(reason) = value.get(MARK) {
            let reason = Reason::deserialize(reason).map_err(D::Error::custom)?;
            return Ok(Self::Unseen(Unseen::new(reason)));
        }
        if value.is_null() {
            return Err(D::Error::custom("null, expected a value"));
        }
        T::deserialize(value)
            .map(Self::Value)
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
impl<T: JsonSchema> JsonSchema for Seen<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Seen_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({"anyOf": [value, {"type": "null", "description": "not readable: see gaps"}]})
    }
}
