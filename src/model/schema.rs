//! The published JSON Schema of the document.
//!
//! It is made of the types by a test, which fails where they and the file part, and is built in
//! as text: to make it at run time takes half a MiB of program.

use serde_json::Value;

/// Made of [`Report`](super::Report); a line for each value, so that changes can be read.
const DOCUMENT: &str = include_str!("schema.json");

/// What the sample section adds to it: objects are joined, lists continued.
#[cfg(feature = "sample-section")]
const SAMPLE_SECTION: &str = include_str!("schema.sample-section.json");

/// The schema of the document, as data.
///
/// # Errors
/// None that is known: a test reads it.
pub fn document() -> serde_json::Result<Value> {
    let document = serde_json::from_str(DOCUMENT)?;
    #[cfg(feature = "sample-section")]
    let document = join(document, serde_json::from_str(SAMPLE_SECTION)?);
    Ok(document)
}

#[cfg(feature = "sample-section")]
fn join(base: Value, more: Value) -> Value {
    match (base, more) {
        (Value::Object(mut base), Value::Object(more)) => {
            for (name, field) in more {
                let known = base.remove(&name).unwrap_or_default();
                base.insert(name, join(known, field));
            }
            Value::Object(base)
        }
        (Value::Array(mut base), Value::Array(more)) => {
            base.extend(more);
            Value::Array(base)
        }
        (_, more) => more,
    }
}

/// The same as text, indented.
///
/// # Errors
/// As [`document`].
pub fn text() -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&document()?)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use schemars::generate::SchemaSettings;
    #[cfg(not(feature = "sample-section"))]
    use serde::Serialize;
    #[cfg(not(feature = "sample-section"))]
    use serde_json::ser::{PrettyFormatter, Serializer};

    use super::*;
    use crate::model::Report;

    #[cfg(feature = "sample-section")]
    #[test]
    fn the_file_of_the_sample_section_is_what_the_types_add() {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let schema = settings.into_generator().into_root_schema_for::<Report>();
        assert_eq!(document().unwrap(), schema.to_value());
    }

    #[cfg(not(feature = "sample-section"))]
    #[test]
    fn the_file_is_what_the_types_say() {
        // The other contract would ask for keys that are left out where they say nothing.
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let schema = settings.into_generator().into_root_schema_for::<Report>();
        let mut made = Vec::new();
        let lines = PrettyFormatter::with_indent(b"");
        let mut serializer = Serializer::with_formatter(&mut made, lines);
        schema.to_value().serialize(&mut serializer).unwrap();
        made.push(b'\n');
        if std::env::var_os("BLESS").is_some() {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/model/schema.json");
            #[expect(
                clippy::disallowed_methods,
                reason = "the file is the product's own source"
            )]
            std::fs::write(file, &made).unwrap();
            return;
        }
        assert!(
            DOCUMENT.as_bytes() == made,
            "the types have changed; if readers may see that: BLESS=1 cargo test --lib schema"
        );
    }
}
