//! Bytes that the kernel or the target wrote: mostly, but not always, UTF-8.

use std::borrow::Cow;
use std::fmt;

use data_encoding::BASE64;
#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes from outside, kept as they are.
///
/// In JSON and YAML a string where the bytes are UTF-8, otherwise the object
/// `{"base64": "…", "lossy": "…"}`: nothing is lost, and a reader who only wants to
/// look reads `lossy`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteString(Box<[u8]>);

impl ByteString {
    /// The bytes as they came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text; what is not UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Whether there is no byte at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&[u8]> for ByteString {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for ByteString {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for ByteString {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl fmt::Debug for ByteString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl Serialize for ByteString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = std::str::from_utf8(&self.0) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("base64", &BASE64.encode(&self.0))?;
        map.serialize_entry("lossy", &self.to_text())?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for ByteString {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Bytes {
                base64: String,
                #[serde(rename = "lossy")]
                _lossy: String,
            },
        }
        match Form::deserialize(source)? {
            Form::Text(text) => Ok(text.as_str().into()),
            Form::Bytes { base64, .. } => match BASE64.decode(base64.as_bytes()) {
                Ok(bytes) => Ok(bytes.into()),
                Err(_) => Err(D::Error::custom("malformed bytes, expected base64")),
            },
        }
    }
}

#[cfg(test)]
impl JsonSchema for ByteString {
    fn schema_name() -> Cow<'static, str> {
        "ByteString".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Text; if the bytes are not UTF-8, their base64 and a lossy conversion.",
            "oneOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {
                        "base64": {"type": "string", "contentEncoding": "base64"},
                        "lossy": {"type": "string"}
                    },
                    "required": ["base64", "lossy"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_is_a_plain_string() {
        assert_eq!(
            serde_json::to_string(&ByteString::from("käse\u{1b}")).unwrap(),
            r#""käse\u001b""#
        );
    }

    #[test]
    fn other_bytes_come_back_whole() {
        let json = serde_json::to_value(ByteString::from(&b"a\xff"[..])).unwrap();
        assert_eq!(json["lossy"], "a\u{fffd}");
        let base64 = json["base64"].as_str().unwrap();
        assert_eq!(BASE64.decode(base64.as_bytes()).unwrap(), b"a\xff");
    }
}
