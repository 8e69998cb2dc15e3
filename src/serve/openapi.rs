//! The routes as `OpenAPI` 3.1: paths from the registry, parameters from the flags that clap
//! reads, schemas from the types that are written.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ValueEnum};
use serde_json::{Map, Value, json};

use super::about;
use super::findings;
use super::problem;
use super::query::{COMMON, Common, CommonKind};
use super::reply::PAGE_FILES;
use super::routes::{Access, Kind, Route, routes};
use crate::model::format::Format;
use crate::model::schema;
use crate::render::metrics::Form;
use crate::sections::section::Section;

/// The description of every route.
///
/// # Errors
/// None that is known: it is plain data.
pub(super) fn document() -> serde_json::Result<String> {
    let schemas = Schemas {
        report: json!({"$ref": "#/components/schemas/Report"}),
        problem: json!({"$ref": "#/components/schemas/Problem"}),
        definitions: definitions()?,
    };
    let paths: Map<String, Value> = routes()
        .map(|route| (path(&route), item(&route, &schemas)))
        .collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "spyhole",
            "description": "Inspect a running container that has no shell. \
                A null in a document means not readable; its gaps list the reason. A flag may be \
                given without a value: ?threads is ?threads=true.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"clientCertificate": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "clientCertificate": {"type": "mutualTLS"},
            },
        },
    });
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}

struct Schemas {
    report: Value,
    problem: Value,
    definitions: Map<String, Value>,
}

/// The definitions of the document's schema, moved to where this description has its own.
fn definitions() -> serde_json::Result<Map<String, Value>> {
    let mut report = schema::document()?;
    point_to_components(&mut report);
    let mut definitions = Map::new();
    if let Some(fields) = report.as_object_mut() {
        fields.remove("$schema");
        if let Some(Value::Object(own)) = fields.remove("$defs") {
            definitions = own;
        }
    }
    definitions.insert("Report".to_owned(), report);
    definitions.insert("Problem".to_owned(), problem::schema());
    Ok(definitions)
}

fn point_to_components(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == "$ref" => {
                        *text = text.replacen("#/$defs/", "#/components/schemas/", 1);
                    }
                    other => point_to_components(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(point_to_components),
        _ => {}
    }
}

/// The path as a template.
fn path(route: &Route) -> String {
    match route.kind {
        Kind::Probe | Kind::PageFile => format!("{}{{name}}", route.path),
        _ => format!("{}{}", route.path, route.name),
    }
}

/// What can be done there: to read, and nothing else.
fn item(route: &Route, schemas: &Schemas) -> Value {
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({"description": route.about, "content": content(route, schemas)}),
    );
    if let Kind::FileContent = route.kind {
        let part = json!({"description": "The range", "content": content(route, schemas)});
        responses.insert("206".to_owned(), part);
    }
    if matches!(route.kind, Kind::Schema | Kind::OpenApi | Kind::PageFile) {
        let held = json!({"description": "Not modified (If-None-Match)"});
        responses.insert("304".to_owned(), held);
    }
    let problem = json!({"application/problem+json": {"schema": schemas.problem}});
    for (status, description) in problems(route) {
        let answer = json!({"description": description, "content": problem});
        responses.insert(status.to_owned(), answer);
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.about,
        "parameters": parameters(route),
        "responses": responses,
    });
    if route.access == Access::Public
        && let Some(fields) = operation.as_object_mut()
    {
        fields.insert("security".to_owned(), json!([]));
    }
    json!({"get": operation})
}

fn operation_id(route: &Route) -> String {
    let words = path(route);
    let words = words.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        "index".to_owned()
    } else {
        words.join("_")
    }
}

/// The forms of an answer.
fn content(route: &Route, schemas: &Schemas) -> Value {
    let text = json!({"schema": {"type": "string"}});
    match route.kind {
        Kind::Health | Kind::Ready | Kind::Probe => json!({"text/plain": text}),
        Kind::Index => json!({"text/plain": text, "text/html": text}),
        Kind::Page | Kind::PageFile => {
            let kinds = PAGE_FILES.iter();
            let kinds = kinds.filter_map(|(_, kind)| kind.split(';').next());
            kinds.map(|kind| (kind.to_owned(), text.clone())).collect()
        }
        Kind::Schema => json!({"application/schema+json": {"schema": {"type": "object"}}}),
        Kind::OpenApi => json!({"application/json": {"schema": {"type": "object"}}}),
        Kind::Metrics => {
            let forms = [Form::Text, Form::OpenMetrics];
            let kinds = forms.map(|form| form.content_type().split(';').next());
            let kinds = kinds.into_iter().flatten();
            kinds.map(|kind| (kind.to_owned(), text.clone())).collect()
        }
        Kind::Files => json!({"application/json": {"schema": file_listing()}}),
        Kind::FileContent => {
            json!({"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}})
        }
        Kind::Doctor => json!({"application/json": {"schema": diagnosis()}, "text/plain": text}),
        Kind::Why => json!({"application/json": {"schema": holders()}, "text/plain": text}),
        Kind::Explain => json!({"application/json": {"schema": rules()}, "text/plain": text}),
        Kind::Server => {
            let schema = answer(
                "What this server allows and declares.",
                &about::properties(),
            );
            json!({"application/json": {"schema": schema}})
        }
        Kind::Dump | Kind::Section(_) => {
            let mut forms = json!({
                "application/json": {"schema": schemas.report},
                "application/yaml": {"schema": schemas.report},
                "text/plain": text,
            });
            if has_pem(route)
                && let Some(forms) = forms.as_object_mut()
            {
                forms.insert("application/x-pem-file".to_owned(), text);
            }
            forms
        }
    }
}

/// Whether there are certificates to be had.
fn has_pem(route: &Route) -> bool {
    matches!(route.kind, Kind::Section(section) if section.info.pem)
}

fn problems(route: &Route) -> Vec<(&'static str, &'static str)> {
    let mut all = Vec::new();
    if route.access != Access::Public {
        all.push(("401", "Missing or invalid token"));
    }
    if let Kind::Server = route.kind {
        all.push(("400", "Unknown or invalid parameter"));
    }
    if let Kind::Explain = route.kind {
        all.extend([
            ("400", "Unknown or invalid parameter"),
            ("404", "No such rule"),
        ]);
    }
    if matches!(
        route.kind,
        Kind::Dump | Kind::Section(_) | Kind::Doctor | Kind::Why
    ) {
        all.extend([
            ("400", "Unknown or invalid parameter"),
            (
                "403",
                "Showing secrets, or connecting to a server that the request names, is not allowed \
                 on this server",
            ),
            ("404", "No such process or container"),
            ("409", "Ambiguous: several containers match"),
            (
                "503",
                "Too many concurrent requests, or no visible processes",
            ),
            ("504", "The scan timed out"),
            ("507", "The response is larger than --max-response"),
        ]);
    }
    if matches!(route.kind, Kind::Files | Kind::FileContent) {
        all.extend([
            ("400", "Unknown or invalid parameter"),
            (
                "403",
                "Files are not served, or this one is held back as a secret, is never read, or \
                 cannot be read",
            ),
            ("404", "No such file, process or container"),
            ("409", "Ambiguous: several containers match"),
            (
                "503",
                "Too many files are being sent, or the target cannot be entered",
            ),
            ("504", "The file system of the target did not respond"),
            ("507", "The response is larger than --max-response"),
        ]);
    }
    if let Kind::FileContent = route.kind {
        all.push(("416", "The range is beyond the end of the file"));
    }
    if let Kind::Probe = route.kind {
        all.extend([("404", "Probe not found"), ("503", "The probe failed")]);
    }
    if let Kind::PageFile = route.kind {
        all.push(("404", "No such file"));
    }
    all.push(("default", "Any other error in the request"));
    all
}

fn parameters(route: &Route) -> Vec<Value> {
    match route.kind {
        Kind::Probe => named("The name of the probe as declared."),
        Kind::PageFile => named("The path of the file below web/."),
        Kind::Dump => commons(route).collect(),
        Kind::Files | Kind::FileContent => of_files(route),
        Kind::Doctor | Kind::Why | Kind::Explain => of_findings(route),
        Kind::Section(section) => commons(route).chain(own(section)).collect(),
        _ => Vec::new(),
    }
}

/// What [`super::files`] takes.
fn of_files(route: &Route) -> Vec<Value> {
    let text = json!({"type": "string"});
    let path = parameter(
        "path",
        "The absolute path in the target's root.",
        &json!({"type": "string", "pattern": "^/"}),
        true,
    );
    let reveal = parameter(
        "reveal_file",
        "Show this file even if it is a secret, by its exact path; refused unless the server was \
         started with --allow-reveal.",
        &json!({"type": "array", "items": text}),
        false,
    );
    let which = commons(route).filter(|one| {
        let name = one["name"].as_str().unwrap_or_default();
        matches!(name, "pid" | "container" | "self")
    });
    let mut all = vec![path, reveal];
    all.extend(which);
    if let Kind::FileContent = route.kind {
        all.push(json!({
            "name": "Range",
            "in": "header",
            "description": "One range of bytes.",
            "schema": {"type": "string"},
        }));
    }
    all
}

/// The name at the end of a path.
fn named(description: &str) -> Vec<Value> {
    vec![json!({
        "name": "name",
        "in": "path",
        "required": true,
        "description": description,
        "schema": {"type": "string"},
    })]
}

/// What [`super::findings`] takes.
fn of_findings(route: &Route) -> Vec<Value> {
    let text = json!({"type": "string"});
    let own = match route.kind {
        Kind::Doctor => vec![
            parameter(
                "expect_port",
                "Report a problem if no process of the target listens on this TCP port.",
                &json!({"type": "array", "items": integer(1, u16::MAX.into())}),
                false,
            ),
            parameter(
                "ignore",
                "Leave out the findings of this rule: ID=REASON.",
                &json!({"type": "array", "items": text}),
                false,
            ),
        ],
        Kind::Why => vec![
            parameter(
                "subject",
                "What is held: :PORT, PID, NAME or PATH.",
                &text,
                true,
            ),
            parameter(
                "all",
                "Look at every visible process, not only the target's.",
                &json!({"type": "boolean"}),
                false,
            ),
        ],
        _ => vec![parameter(
            "id",
            "Only this rule, such as SPY-RES-001.",
            &text,
            false,
        )],
    };
    let commons = COMMON.iter().map(|one| common(one, &findings::FORMATS));
    let looks = !matches!(route.kind, Kind::Explain);
    let commons = commons.filter(|one| looks || one["name"] == "output");
    own.into_iter().chain(commons).collect()
}

/// The answer of `/v1/doctor`.
fn diagnosis() -> Value {
    answer(
        "What is wrong, worst first, and what could not be judged; docs/findings.md lists the rules.",
        &json!({
            "findings": {"type": "array", "items": {
                "type": "object",
                "required": ["id", "severity", "title", "evidence", "why", "remedy", "wrong_if"],
            }},
            "not_judged": {"type": "array", "items": {
                "type": "object",
                "required": ["id", "field"],
            }},
            "rules_judged": {"type": "integer", "minimum": 0},
        }),
    )
}

/// The answer of `/v1/why`.
fn holders() -> Value {
    answer(
        "The processes that hold it, and why; docs/why.md describes the fields.",
        &json!({
            "asked": {"type": "string"},
            "verdict": {"type": "string", "enum": ["held", "not_held", "unknown"]},
            "holders": {"type": "array", "items": {
                "type": "object",
                "required": ["pid", "name", "holds", "chain", "uid", "doubts", "not_seen"],
            }},
            "not_seen": {"type": "array", "items": {
                "type": "object",
                "required": ["field", "reason"],
            }},
        }),
    )
}

/// The answer of `/v1/explain`.
fn rules() -> Value {
    answer(
        "The rules of doctor.",
        &json!({"rules": {"type": "array", "items": {
            "type": "object",
            "required": ["id", "severity", "title", "why", "remedy", "wrong_if", "reads"],
        }}}),
    )
}

/// An object in which all of these are.
fn answer(description: &str, properties: &Value) -> Value {
    let names = properties.as_object().into_iter().flat_map(Map::keys);
    let required: Vec<&str> = names.map(String::as_str).chain(["schema"]).collect();
    json!({
        "type": "object",
        "description": description,
        "required": required,
        "properties": properties,
    })
}

/// The answer of `/v1/files`.
fn file_listing() -> Value {
    let entry = json!({
        "type": "object",
        "description": "A file as ls and stat tell of it; docs/copy.md lists its fields.",
        "required": ["path", "kind", "mode", "uid", "gid", "size_bytes", "modified_at"],
    });
    json!({
        "type": "object",
        "properties": {
            "schema": {"type": "string"},
            "version": {"type": "string"},
            "taken_at": {"type": "string", "format": "date-time"},
            "entry": entry,
            "entries": {"type": "array", "items": entry},
            "missing": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["schema", "version", "taken_at", "entry", "missing"],
    })
}

fn commons(route: &Route) -> impl Iterator<Item = Value> {
    let formats = Format::value_variants().iter().copied();
    let formats = formats.filter(|format| !format.is_exchange());
    let formats: Vec<Format> = formats
        .filter(|format| *format != Format::Pem || has_pem(route))
        .collect();
    COMMON.iter().map(move |one| common(one, &formats))
}

fn common(common: &Common, formats: &[Format]) -> Value {
    let schema = match common.kind {
        CommonKind::Flag => json!({"type": "boolean"}),
        CommonKind::Format => words(formats),
        CommonKind::Pid => integer(1, i64::from(i32::MAX)),
        CommonKind::Text => json!({"type": "string"}),
        CommonKind::Texts => json!({"type": "array", "items": {"type": "string"}}),
    };
    parameter(common.name, common.about, &schema, false)
}

fn words(values: &[impl ValueEnum]) -> Value {
    let values = values.iter().filter_map(ValueEnum::to_possible_value);
    let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
    json!({"type": "string", "enum": names})
}

/// The parameters of a section: the flags of its command.
fn own(section: &Section) -> Vec<Value> {
    let mut command = section.command();
    command.build();
    // A path on spyhole's own side is named by the operator, not by a client; a path of any bytes is
    // for the command line alone.
    let is_path = |arg: &Arg| {
        let kind = arg.get_value_parser().type_id();
        kind == TypeId::of::<PathBuf>() || kind == TypeId::of::<OsString>()
    };
    let shown = |arg: &&Arg| !arg.is_hide_set() && arg.get_id() != "help" && !is_path(arg);
    let flags = command.get_arguments().filter(shown);
    flags
        .map(|arg| {
            let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
            parameter(
                arg.get_id().as_str(),
                &about,
                &schema(arg),
                arg.is_required_set(),
            )
        })
        .collect()
}

fn parameter(name: &str, about: &str, schema: &Value, required: bool) -> Value {
    let mut parameter = json!({
        "name": name,
        "in": "query",
        "description": about,
        "schema": schema,
    });
    if required && let Some(fields) = parameter.as_object_mut() {
        fields.insert("required".to_owned(), true.into());
    }
    parameter
}

/// What the parser of a flag takes.
fn schema(arg: &Arg) -> Value {
    if matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse) {
        return json!({"type": "boolean"});
    }
    let kind = arg.get_value_parser().type_id();
    let is = |other: TypeId| kind == other;
    let possible = arg.get_possible_values();
    let one = if !possible.is_empty() {
        let names: Vec<&str> = possible
            .iter()
            .map(clap::builder::PossibleValue::get_name)
            .collect();
        json!({"type": "string", "enum": names})
    } else if is(TypeId::of::<u8>()) {
        integer(0, u8::MAX.into())
    } else if is(TypeId::of::<u16>()) {
        integer(0, u16::MAX.into())
    } else if is(TypeId::of::<u32>()) {
        integer(0, u32::MAX.into())
    } else if is(TypeId::of::<i32>()) {
        integer(i32::MIN.into(), i32::MAX.into())
    } else if is(TypeId::of::<u64>()) || is(TypeId::of::<usize>()) {
        json!({"type": "integer", "minimum": 0})
    } else if is(TypeId::of::<i64>()) {
        json!({"type": "integer"})
    } else if is(TypeId::of::<Duration>()) {
        json!({"type": "string", "pattern": "^(0|[0-9]{1,6}(ns|us|ms|s|m|h))$", "examples": ["500ms"]})
    } else {
        json!({"type": "string"})
    };
    let many = arg
        .get_num_args()
        .is_some_and(|count| count.max_values() > 1)
        || arg.get_value_delimiter().is_some()
        || matches!(arg.get_action(), ArgAction::Append);
    if many {
        json!({"type": "array", "items": one})
    } else {
        one
    }
}

fn integer(least: i64, greatest: i64) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": greatest})
}

#[cfg(test)]
mod tests;
