//! Deserializes a request from the decoded pairs of a query string.
//!
//! A name that comes several times is a list; every value is text that is read as what the field
//! is. A number that is optional is left out where its text is empty: so forms send it.

use std::cell::Cell;
use std::iter;
use std::time::Duration;

use serde::de::value::{Error, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{
    self, Deserialize as _, DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor,
};
use serde::forward_to_deserialize_any;

/// Why a query makes no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct QueryError {
    /// The parameter that cannot be read; `None` where only the request as a whole is wrong.
    pub parameter: Option<String>,
    /// What is wrong, as a sentence.
    pub why: String,
}

/// The value that the pairs make.
///
/// # Errors
/// A parameter that there is not, or whose value cannot be read.
pub(super) fn from_pairs<T: DeserializeOwned>(pairs: &[(String, String)]) -> Result<T, QueryError> {
    let progress = Progress::default();
    let mut parameters: Vec<Parameter<'_>> = Vec::new();
    for (name, text) in pairs {
        match parameters.iter_mut().find(|known| known.name == name) {
            Some(known) => known.texts.push(text),
            None => parameters.push(Parameter {
                name,
                texts: vec![text],
                is_optional: false,
                progress: &progress,
            }),
        }
    }
    loop {
        let entries = parameters
            .iter()
            .map(|parameter| (Name(parameter), parameter.clone()));
        let end = iter::from_fn(|| {
            progress.at.set(None);
            None
        });
        let made = T::deserialize(MapDeserializer::new(entries.chain(end)));
        match (made, progress.left_out.take()) {
            (Err(_), Some(name)) => parameters.retain(|known| known.name != name),
            (made, _) => {
                return made.map_err(|error: Error| QueryError {
                    parameter: progress.at.get().map(str::to_owned),
                    why: error.to_string(),
                });
            }
        }
    }
}

#[derive(Default)]
struct Progress<'a> {
    /// The parameter that is read.
    at: Cell<Option<&'a str>>,
    /// A number that turned out to be left out: all is read again without it, as serde has
    /// chosen by then that it is there.
    left_out: Cell<Option<&'a str>>,
}

#[derive(Clone)]
struct Parameter<'a> {
    name: &'a str,
    texts: Vec<&'a str>,
    is_optional: bool,
    progress: &'a Progress<'a>,
}

/// The name of a parameter, which is that of a field.
struct Name<'p, 'a>(&'p Parameter<'a>);

impl IntoDeserializer<'_> for Name<'_, '_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Name<'_, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.progress.at.set(Some(self.0.name));
        visitor.visit_str(self.0.name)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'a> Parameter<'a> {
    fn text(&self) -> Result<&'a str, Error> {
        match self.texts[..] {
            [text] => Ok(text),
            _ => Err(Error::custom("expected one value, got several")),
        }
    }
}

impl IntoDeserializer<'_> for Parameter<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident: $number:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let text = self.text()?;
            if text.is_empty() && self.is_optional {
                self.progress.left_out.set(Some(self.name));
            }
            let number: $number = text.parse().map_err(Error::custom)?;
            number.into_deserializer().$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Parameter<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.texts[..] {
            [text] => visitor.visit_str(text),
            _ => self.deserialize_seq(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text()? {
            // As check boxes of forms send it.
            "true" | "on" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => Err(Error::invalid_value(
                de::Unexpected::Str(other),
                &"\"true\", \"on\" or \"false\"",
            )),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(Self {
            is_optional: true,
            ..self
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(StrDeserializer::new(self.text()?))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = self.texts.iter().map(|text| Parameter {
            texts: vec![*text],
            is_optional: false,
            ..self
        });
        visitor.visit_seq(SeqDeserializer::new(items))
    }

    numbers! {
        deserialize_i8: i8,
        deserialize_i16: i16,
        deserialize_i32: i32,
        deserialize_i64: i64,
        deserialize_u8: u8,
        deserialize_u16: u16,
        deserialize_u32: u32,
        deserialize_u64: u64,
        deserialize_f32: f32,
        deserialize_f64: f64,
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier
        ignored_any
    }
}

/// Reads a duration such as `500ms` for a field of a query.
pub(crate) fn duration<'de, D: serde::Deserializer<'de>>(
    source: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(source)?;
    humantime::parse_duration(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Asked {
        flag: bool,
        port: Option<u16>,
        days: Option<i64>,
        name: Option<String>,
        pids: Vec<i32>,
        words: Vec<String>,
        count: u32,
    }

    fn pairs(texts: &[(&str, &str)]) -> Vec<(String, String)> {
        texts
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn an_empty_number_is_left_out_and_an_empty_text_is_a_text() {
        let read = pairs(&[("port", ""), ("name", ""), ("days", ""), ("pids", "7")]);
        let asked = Asked {
            name: Some(String::new()),
            pids: vec![7],
            ..Asked::default()
        };
        assert_eq!(from_pairs::<Asked>(&read), Ok(asked));
    }

    #[test]
    fn the_parameter_at_fault_is_named() {
        for (texts, at_fault) in [
            (
                &[("port", "80"), ("pids", "x"), ("flag", "true")][..],
                "pids",
            ),
            (&[("flag", "yes"), ("port", "80")], "flag"),
            (&[("flag", "on"), ("count", "")], "count"),
            (&[("port", "1"), ("name", "x"), ("port", "2")], "port"),
            (&[("name", "x"), ("nmae", "y")], "nmae"),
        ] {
            let refused = from_pairs::<Asked>(&pairs(texts)).unwrap_err();
            assert_eq!(refused.parameter.as_deref(), Some(at_fault), "{refused}");
        }
    }

    proptest! {
        /// What HTML forms send is read as the library for them reads it from the encoded text.
        #[test]
        fn forms_are_read_as_forms(
            texts in prop::collection::vec(
                ("flag|port|days|name|pids|words|count", "|true|false|on|7|-7|70000|x y|é&="),
                0..5,
            ),
        ) {
            let encoded = serde_html_form::to_string(&texts).unwrap();
            let other: Option<Asked> = serde_html_form::from_str(&encoded).ok();
            prop_assert_eq!(from_pairs(&texts).ok(), other);
        }
    }
}
