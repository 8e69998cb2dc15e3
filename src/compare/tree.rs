//! A document as a tree whose lists are keyed by what an entry is, so that two can be laid side by
//! side.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::own_names::OwnNames;

/// A value, its fields, or the entries of a list by what they are.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Fields(BTreeMap<String, Tree>),
    Items(BTreeMap<String, Tree>),
    /// A value or a list of values; `null` was not readable.
    Leaf(Value),
}

/// What an entry of a list is known by: the first of these keys that it has.
const IDENTITIES: [&[&str]; 12] = [
    &["mount_point"],
    &["destination", "prefix_length", "table", "metric"],
    &["priority", "source", "action"],
    &["resource"],
    &["listens_on"],
    &["name"],
    &["path"],
    &["address"],
    &["level", "clause"],
    &["subject"],
    &["device"],
    &["comm"],
];

/// The fields of a report, `processes` and `sockets` left out.
pub(super) fn fields(object: &Map<String, Value>, own: &OwnNames) -> BTreeMap<String, Tree> {
    let field = |(name, value): (&String, &Value)| (name.clone(), tree(value, own));
    object.iter().map(field).collect()
}

/// The tree of a value, with what a container is called by itself replaced.
pub(super) fn tree(value: &Value, own: &OwnNames) -> Tree {
    match value {
        Value::Object(object) => match lossy(object) {
            Some(text) => Tree::Leaf(own.replaced(text).into()),
            None => Tree::Fields(fields(object, own)),
        },
        Value::Array(entries) => {
            let objects: Option<Vec<_>> = entries.iter().map(as_object).collect();
            match objects {
                Some(objects) if !objects.is_empty() => items(&objects, own),
                _ => Tree::Leaf(entries.iter().map(|entry| leaf(entry, own)).collect()),
            }
        }
        other => Tree::Leaf(leaf(other, own)),
    }
}

fn as_object(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object().filter(|object| lossy(object).is_none())
}

fn leaf(value: &Value, own: &OwnNames) -> Value {
    text(value).map_or_else(|| value.clone(), |text| own.replaced(text).into())
}

fn items(objects: &[&Map<String, Value>], own: &OwnNames) -> Tree {
    let mut items = BTreeMap::new();
    // How many entries of a name there are: those of a hostile list may all have the same.
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (index, object) in objects.iter().enumerate() {
        let identity = identity(object).unwrap_or_else(|| index.to_string());
        let mut key = own.replaced(&identity);
        let count = counts.entry(key.clone()).or_default();
        *count += 1;
        if *count > 1 {
            key = format!("{key} #{count}");
        }
        items.insert(key, Tree::Fields(fields(object, own)));
    }
    Tree::Items(items)
}

fn identity(object: &Map<String, Value>) -> Option<String> {
    let keys = IDENTITIES
        .iter()
        .find(|keys| keys.first().is_some_and(|key| object.contains_key(*key)))?;
    let parts = keys.iter().filter_map(|key| object.get(*key));
    let parts: Vec<String> = parts.map(plain).collect();
    Some(parts.join(" "))
}

/// A value as one word.
pub(super) fn plain(value: &Value) -> String {
    text(value).map_or_else(|| value.to_string(), str::to_owned)
}

/// The text of a string, also of one that is not UTF-8.
pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Object(object) => lossy(object),
        _ => None,
    }
}

/// Of `{"lossy": …, "base64": …}`, and of an argument with secrets in it.
fn lossy(object: &Map<String, Value>) -> Option<&str> {
    if let Some(text) = object
        .get("text")
        .filter(|_| object.contains_key("redacted"))
    {
        return self::text(text);
    }
    let is_bytes = object.len() == 2 && object.contains_key("base64");
    object.get("lossy").filter(|_| is_bytes)?.as_str()
}
