//! What stands in the place of a secret.

#[cfg(test)]
use std::borrow::Cow;

#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::byte_string::ByteString;
pub use super::secret_kind::SecretKind;

/// Replaces a redacted value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Redacted {
    /// Why it is treated as a secret.
    pub reason: SecretKind,
    /// How long the value is.
    pub length_bytes: usize,
    /// The first 8 hexadecimal digits of HMAC-SHA-256 under this run's key: equal
    /// values have equal fingerprints, and nothing can be guessed offline without the key.
    pub fingerprint: String,
}

impl Redacted {
    /// What a table shows in place of the value.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self {
            reason,
            length_bytes,
            fingerprint,
        } = self;
        format!(
            "‹redacted {length_bytes}, #{fingerprint}: {}›",
            reason.describe()
        )
    }
}

/// One argument of a process.
///
/// In JSON a string, or where something was kept back the object
/// `{"text": "--token=‹redacted 32›", "redacted": [{…}]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The argument, with `‹redacted N›` in the place of each secret.
    pub text: ByteString,
    /// One for each secret in it, in order.
    pub redacted: Vec<Redacted>,
}

impl Serialize for Argument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.redacted.is_empty() {
            return self.text.serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("text", &self.text)?;
        map.serialize_entry("redacted", &self.redacted)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Held {
                text: ByteString,
                redacted: Vec<Redacted>,
            },
            Plain(ByteString),
        }
        Ok(match Form::deserialize(source)? {
            Form::Held { text, redacted } => Self { text, redacted },
            Form::Plain(text) => Self {
                text,
                redacted: Vec::new(),
            },
        })
    }
}

#[cfg(test)]
impl JsonSchema for Argument {
    fn schema_name() -> Cow<'static, str> {
        "Argument".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = generator.subschema_for::<ByteString>();
        let redacted = generator.subschema_for::<Redacted>();
        json_schema!({
            "description": "The argument; if it contains a secret, its redacted text and what was \
             redacted.",
            "anyOf": [
                text,
                {
                    "type": "object",
                    "properties": {
                        "text": text,
                        "redacted": {"type": "array", "items": redacted, "minItems": 1}
                    },
                    "required": ["text", "redacted"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
