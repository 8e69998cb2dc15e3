//! `/v1/server`: what this server was started to allow, and the probes that it declares. Looks at
//! nothing.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::Server;
use super::problem::Problem;
use super::query::Query;
use super::reply::{JSON, Reply, text};
use crate::render;

/// The answer.
///
/// # Errors
/// A parameter, which it does not take.
pub(super) fn answer(server: &Server, query: &Query) -> Result<Reply, Problem> {
    query.nothing_else()?;
    let options = &server.options;
    let document = json!({
        "schema": "spyhole/server/v1",
        "version": env!("CARGO_PKG_VERSION"),
        "allow_files": options.allow_files,
        "allow_reveal": options.allow_reveal,
        "allow_connect": options.allow_connect,
        "probes": server.probes.declared(&options.ready_on),
    });
    let body = render::escape::json(document.to_string());
    Ok(text(StatusCode::OK, JSON, body))
}

/// The schema of the answer.
pub(super) fn properties() -> Value {
    let flag = json!({"type": "boolean"});
    json!({
        "version": {"type": "string"},
        "allow_files": flag,
        "allow_reveal": flag,
        "allow_connect": flag,
        "probes": {"type": "array", "items": {
            "type": "object",
            "description": "A declared probe; last is null until it was asked.",
            "required": ["name", "check", "gates_ready", "last"],
        }},
    })
}
