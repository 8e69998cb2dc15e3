//! `/v1/doctor`, `/v1/why` and `/v1/explain`: what is found in a document, and who holds what.

use std::io::{self, Write};

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::Request as HttpRequest;
use serde::Serialize;
use serde_json::{Value, json};

use super::Server;
use super::answer::Answer;
use super::bounded::{Writer, unwritten, write};
use super::collect::Looked;
use super::problem::Problem;
use super::query::Query;
use super::reply::{JSON, Reply, TEXT, text};
use crate::doctor::{self, Expectations, Ignored, WhySubject};
use crate::model::Report;
use crate::model::escape::escaped;
use crate::model::format::Format;
use crate::render;
use crate::sections::section::{Detail, Request};
use crate::sections::{self, requests_of_doctor, requests_of_holders};

/// The forms of these answers.
pub(super) const FORMATS: [Format; 2] = [Format::Table, Format::Json];
/// A question is no longer.
const QUESTION: usize = 4096;

/// What the rules find.
///
/// # Errors
/// What to answer instead.
pub(super) async fn diagnosis(
    server: &Server,
    query: &Query,
    request: &HttpRequest<Incoming>,
) -> Result<Reply, Problem> {
    let mut expected = Expectations::default();
    for (name, value) in query.rest() {
        match name.as_str() {
            "expect_port" => {
                let port = value.parse().ok().filter(|port| *port > 0);
                let port: u16 = port.ok_or_else(|| wrong(name, "a port from 1 to 65535"))?;
                expected.ports.push(port);
            }
            "ignore" => {
                let ignored: Result<Ignored, String> = value.parse();
                let ignore = &mut expected.ignore;
                ignore.push(ignored.map_err(|why| Problem::bad(format!("{name}: {why}")))?);
            }
            _ => return Err(wrong(name, "no such parameter")),
        }
    }
    let judge = move |report: &Report, format: Format, out: &mut Writer| {
        let diagnosis = doctor::examine(report, &expected);
        print(&diagnosis, format, out, || doctor::lines(&diagnosis))
    };
    answer(server, query, request, requests_of_doctor(false), judge).await
}

/// Who holds something, and why.
///
/// # Errors
/// What to answer instead.
pub(super) async fn holders(
    server: &Server,
    query: &Query,
    request: &HttpRequest<Incoming>,
) -> Result<Reply, Problem> {
    let mut asked: Option<String> = None;
    let mut all = false;
    for (name, value) in query.rest() {
        match name.as_str() {
            "subject" if asked.is_some() => return Err(wrong(name, "one value")),
            "subject" if value.len() > QUESTION => return Err(wrong(name, "at most 4096 bytes")),
            "subject" => asked = Some(value.clone()),
            "all" => all = value.parse().map_err(|_| wrong(name, "true or false"))?,
            _ => return Err(wrong(name, "no such parameter")),
        }
    }
    let asked = asked.ok_or_else(|| wrong("subject", ":PORT, PID, NAME or PATH"))?;
    let subject: WhySubject = asked
        .parse()
        .map_err(|why| Problem::bad(format!("subject: {why}")))?;
    let requests = requests_of_holders(all, subject.path());
    let explain = move |report: &Report, format: Format, out: &mut Writer| {
        let answer = doctor::explain_holders(report, &subject, &asked);
        print(&answer, format, out, || doctor::why_lines(&answer))
    };
    answer(server, query, request, requests, explain).await
}

/// The rules, or one of them.
///
/// # Errors
/// There is no such rule, or no such parameter.
pub(super) fn rules(query: &Query, request: &HttpRequest<Incoming>) -> Result<Reply, Problem> {
    let mut id: Option<&str> = None;
    for (name, value) in query.rest() {
        match name.as_str() {
            "id" if id.is_none() => id = Some(value),
            "id" => return Err(wrong(name, "one value")),
            _ => return Err(wrong(name, "no such parameter")),
        }
    }
    let chosen = match id {
        None => None,
        Some(id) => Some(doctor::find_rule(id).ok_or_else(|| {
            Problem::new(StatusCode::NOT_FOUND, "no such rule; /v1/explain lists all")
        })?),
    };
    if format(query, request) == Format::Table {
        let lines = chosen.map_or_else(doctor::index, doctor::explanation);
        return Ok(text(StatusCode::OK, TEXT, lines.join("\n") + "\n"));
    }
    let all: Vec<Value> = match chosen {
        Some(rule) => vec![rule.to_json()],
        None => doctor::rules().map(doctor::Rule::to_json).collect(),
    };
    let document = json!({"schema": "spyhole/rules/v1", "rules": all});
    Ok(text(StatusCode::OK, JSON, document.to_string()))
}

fn wrong(name: &str, expected: &str) -> Problem {
    Problem::bad(format!("{name}: expected {expected}"))
}

/// JSON, unless text is asked for.
fn format(query: &Query, request: &HttpRequest<Incoming>) -> Format {
    match query.format(request.headers()) {
        Format::Table | Format::Wide => Format::Table,
        _ => Format::Json,
    }
}

/// Looks, or shares the look of others who ask the same, and writes what is made of it.
async fn answer(
    server: &Server,
    query: &Query,
    request: &HttpRequest<Incoming>,
    requests: Vec<Box<dyn Request>>,
    make: impl FnOnce(&Report, Format, &mut Writer) -> io::Result<()> + Send + 'static,
) -> Result<Reply, Problem> {
    if query
        .format
        .is_some_and(|format| !FORMATS.contains(&format))
    {
        return Err(wrong("output", "table or json"));
    }
    let format = format(query, request);
    let options = query.options(&server.options, &server.look)?;
    let uri = request.uri();
    let asked = uri.query().unwrap_or_default();
    let question = format!("{} {asked} {format:?}", uri.path());
    let most = usize::from(server.options.max_response) << 20;
    let look = move || -> Looked {
        let report = sections::report(options, &requests, Detail::Document);
        let report = report.map_err(|none| Problem::no_target(&none))?;
        let body = write(most, |out| make(&report, format, out));
        let body = body.map_err(|error| unwritten(&error, most))?;
        let kind = if format == Format::Table { TEXT } else { JSON };
        Ok(Answer::text(kind, body))
    };
    let patience = server.look.timeout;
    let outcome = server.collector.ask(question, patience, look).await;
    outcome?.reply(&server.streams, patience).await
}

fn print(
    value: &impl Serialize,
    format: Format,
    out: &mut Writer,
    lines: impl FnOnce() -> Vec<String>,
) -> io::Result<()> {
    if format == Format::Json {
        return render::document(value, out);
    }
    lines()
        .iter()
        .try_for_each(|line| writeln!(out, "{}", escaped(line.as_bytes())))
}
