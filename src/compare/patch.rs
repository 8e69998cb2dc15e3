//! A JSON Patch between two documents (RFC 6902).

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::Report;

/// One operation.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Operation {
    Add { path: String, value: Value },
    Remove { path: String },
    Replace { path: String, value: Value },
}

/// What turns the first document into the second one. Entries of lists are compared by their place.
///
/// # Errors
/// A document that cannot be written as JSON.
pub(crate) fn patch(before: &Report, after: &Report) -> Result<Vec<Operation>, serde_json::Error> {
    let (before, after) = (serde_json::to_value(before)?, serde_json::to_value(after)?);
    let mut operations = Vec::new();
    between(&before, &after, "", &mut operations);
    Ok(operations)
}

fn between(before: &Value, after: &Value, path: &str, operations: &mut Vec<Operation>) {
    match (before, after) {
        _ if before == after => {}
        (Value::Object(before), Value::Object(after)) => {
            between_objects(before, after, path, operations);
        }
        (Value::Array(before), Value::Array(after)) => {
            between_lists(before, after, path, operations);
        }
        _ => operations.push(Operation::Replace {
            path: path.to_owned(),
            value: after.clone(),
        }),
    }
}

fn between_objects(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    path: &str,
    operations: &mut Vec<Operation>,
) {
    let below = |key: &str| format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
    for (key, value) in before {
        match after.get(key) {
            Some(other) => between(value, other, &below(key), operations),
            None => operations.push(Operation::Remove { path: below(key) }),
        }
    }
    for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
        operations.push(Operation::Add {
            path: below(key),
            value: value.clone(),
        });
    }
}

fn between_lists(before: &[Value], after: &[Value], path: &str, operations: &mut Vec<Operation>) {
    for (index, (value, other)) in before.iter().zip(after).enumerate() {
        between(value, other, &format!("{path}/{index}"), operations);
    }
    // From the end, so that the places before keep their numbers.
    for index in (after.len()..before.len()).rev() {
        let path = format!("{path}/{index}");
        operations.push(Operation::Remove { path });
    }
    for value in after.iter().skip(before.len()) {
        operations.push(Operation::Add {
            path: format!("{path}/-"),
            value: value.clone(),
        });
    }
}
