//! One request → one response.

use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderMap,
    HeaderName, HeaderValue, REFERRER_POLICY, TRANSFER_ENCODING, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, StatusCode};

use super::Server;
use super::about;
use super::answer::Answer;
use super::bounded::{unwritten, write};
use super::caller::Caller;
use super::collect::Looked;
use super::files;
use super::findings;
use super::guard::Admitted;
use super::log::{Entry, shortened};
use super::metrics;
use super::page;
use super::probes;
use super::problem::{HttpError, Problem};
use super::query::Query;
use super::reply::{JSON, Reply, TEXT, text};
use super::routes::{self, Kind, Route};
use super::static_document;
use crate::model::format::Format;
use crate::model::time::Timestamp;
use crate::render::{self, Style};
use crate::scan::needs::ScanOptions;
use crate::sections;
use crate::sections::registry;
use crate::sections::section;
use crate::sections::section::Detail;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PROBLEM: &str = "application/problem+json";

/// Answers, and writes down that it did.
pub(super) async fn answer(
    server: Arc<Server>,
    caller: Caller,
    request: Request<Incoming>,
) -> Result<Reply, Infallible> {
    let began = Instant::now();
    caller.standing.asked.store(true, Ordering::Relaxed);
    let mut reply = match decide(&server, &caller, &request).await {
        Ok(reply) => reply,
        Err(error) => {
            if !error.after.is_zero() {
                tokio::time::sleep(error.after).await;
            }
            refused(&error)
        }
    };
    protect(reply.headers_mut());
    server.metrics.answered(reply.status());
    let body = hyper::body::Body::size_hint(reply.body());
    server.log.request(|| Entry {
        time: Timestamp::now(),
        peer: caller.ends.peer,
        method: request.method().clone(),
        path: shortened(request.uri().path()).into(),
        status: reply.status().as_u16(),
        bytes: body.exact().unwrap_or_default(),
        seconds: began.elapsed().as_secs_f64(),
    });
    Ok(reply)
}

async fn decide(
    server: &Arc<Server>,
    caller: &Caller,
    request: &Request<Incoming>,
) -> Result<Reply, HttpError> {
    well_formed(request, server.options.head_bytes()).map_err(|problem| HttpError {
        close: true,
        ..problem.into()
    })?;
    let uri = request.uri();
    let found = routes::find(uri.path(), page::is_wanted(request.headers()));
    let access = found.map(|(route, _)| route.access);
    let admitted = server.guard.admit(access, caller, request);
    if let Some(fault) = server.guard.take_fault() {
        server.log.say(&format!(
            "--token-file: {fault}; the previous token stays in use"
        ));
    }
    let admitted = admitted?;
    server.connections.asked();
    if admitted == Admitted::Known {
        caller.standing.trusted.store(true, Ordering::Relaxed);
    }
    let Some((route, name)) = found else {
        let unknown = Problem::new(StatusCode::NOT_FOUND, "not found; GET / lists all routes");
        return Err(unknown.into());
    };
    Ok(dispatch(server, caller, route, name, request).await?)
}

/// Refuses what this server has no use for before anything else is looked at: methods that
/// change something, bodies, and every way to say how long one is.
fn well_formed(request: &Request<Incoming>, most: usize) -> Result<(), Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET and HEAD are supported",
        ));
    }
    let headers = request.headers();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    if headers.contains_key(TRANSFER_ENCODING) || lengths.any(|length| length != "0") {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "a request body is not supported",
        ));
    }
    let fields = headers.iter();
    let bytes: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if bytes + request.uri().path().len() + request.uri().query().unwrap_or_default().len() > most {
        return Err(Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            format!("the request line and headers exceed {} KiB", most >> 10),
        ));
    }
    Ok(())
}

fn status(passes: bool) -> StatusCode {
    if passes {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

/// Ready while every probe that was named for it passes.
async fn ready(server: &Arc<Server>) -> Result<Reply, Problem> {
    for name in &server.options.ready_on {
        if !probes::ask(server, name).await?.passes {
            let body = format!("not ready: {name}\n");
            return Ok(text(StatusCode::SERVICE_UNAVAILABLE, TEXT, body));
        }
    }
    Ok(text(StatusCode::OK, TEXT, "ok\n"))
}

async fn dispatch(
    server: &Arc<Server>,
    caller: &Caller,
    route: Route,
    name: &str,
    request: &Request<Incoming>,
) -> Result<Reply, Problem> {
    match route.kind {
        // A link may carry what it likes behind its `?`.
        Kind::Page => return page::index(request),
        Kind::PageFile => return page::file(name, request),
        _ => {}
    }
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    match route.kind {
        Kind::Page | Kind::PageFile => Err(Problem::lost()),
        Kind::Health => Ok(text(StatusCode::OK, TEXT, "ok\n")),
        Kind::Ready => ready(server).await,
        Kind::Probe => {
            let last = probes::ask(server, name).await?;
            let known = server.guard.knows(caller, request.headers());
            Ok(text(status(last.passes), TEXT, probes::line(&last, known)))
        }
        Kind::Index => Ok(text(StatusCode::OK, TEXT, index())),
        Kind::Schema => static_document::answer(static_document::schema(), request.headers()),
        Kind::OpenApi => static_document::answer(static_document::openapi(), request.headers()),
        Kind::Metrics => {
            let answer = metrics::scrape(server, request).await?;
            answer.reply(&server.streams, server.look.timeout).await
        }
        Kind::Files => files::list(server, &query).await,
        Kind::FileContent => files::content(server, &query, request).await,
        Kind::Doctor => findings::diagnosis(server, &query, request).await,
        Kind::Why => findings::holders(server, &query, request).await,
        Kind::Explain => findings::rules(&query, request),
        Kind::Server => about::answer(server, &query),
        Kind::Dump => {
            query.nothing_else()?;
            document(server, registry::whole(), &query, request).await
        }
        Kind::Section(section) => {
            let asked = query.request(section)?;
            section::fits(&*asked, server.look.timeout).map_err(|(flag, why)| {
                Problem::bad(format!("{}: {why}", flag.replace('-', "_")))
            })?;
            document(server, vec![asked], &query, request).await
        }
    }
}

/// Looks, or shares the look of others who ask the same.
async fn document(
    server: &Arc<Server>,
    asked: Vec<Box<dyn section::Request>>,
    query: &Query,
    request: &Request<Incoming>,
) -> Result<Reply, Problem> {
    let format = query.format(request.headers());
    let options = query.options(&server.options, &server.look)?;
    if asked.iter().any(|one| one.dials_endpoint()) && options.net.to_endpoint().is_none() {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            if server.options.allow_connect {
                "connections are disabled by --no-connect"
            } else {
                "connecting to a server that a request names is disabled; start the server with \
                 --allow-connect, or declare the endpoint with --probe NAME=tls:HOST:PORT"
            },
        ));
    }
    let uri = request.uri();
    let question = format!(
        "{} {} {format:?}",
        uri.path(),
        uri.query().unwrap_or_default()
    );
    let most = usize::from(server.options.max_response) << 20;
    let patience = server.look.timeout + server.look.net.to_endpoint().unwrap_or_default();
    let bare = query.no_headers;
    let look = move || look_and_write(&asked, bare, options, format, most);
    let outcome = server.collector.ask(question, patience, look).await;
    outcome?.reply(&server.streams, patience).await
}

fn look_and_write(
    requests: &[Box<dyn section::Request>],
    bare: bool,
    options: ScanOptions,
    format: Format,
    most: usize,
) -> Looked {
    let detail = Detail::of(format);
    let report =
        sections::report(options, requests, detail).map_err(|none| Problem::no_target(&none))?;
    let style = Style {
        bare,
        ..Style::default()
    };
    let (content_type, written) = match format {
        Format::Json | Format::Sarif | Format::Junit => {
            let document = Answer::document(JSON, report, most);
            return document.map_err(|error| unwritten(&error, most));
        }
        Format::Yaml => {
            let yaml = write(most, |out| render::yaml(&report, out));
            ("application/yaml", yaml)
        }
        Format::Pem => {
            let held = requests.iter().filter_map(|request| request.pem(&report));
            let blocks: Vec<String> = held.collect();
            if blocks.is_empty() {
                return Err(Problem::bad(
                    "output: pem is only available for certificates",
                ));
            }
            let copied = write(most, |out| {
                blocks
                    .iter()
                    .try_for_each(|pem| out.write_all(pem.as_bytes()))
            });
            ("application/x-pem-file", copied)
        }
        Format::Table | Format::Wide => {
            let tables = sections::tables(&report, requests, detail);
            let text = write(most, |out| render::tables(&tables, &report, style, out));
            (TEXT, text)
        }
    };
    let body = written.map_err(|error| unwritten(&error, most))?;
    Ok(Answer::text(content_type, body))
}

fn index() -> String {
    let lines = routes::routes().map(|route| {
        let path = format!("{}{}", route.path, route.name);
        format!("{path:<22}  {}\n", route.about)
    });
    let mut text: String = lines.collect();
    text.push_str(
        "\nParameters are the flags of the command, for example \
         /v1/processes?threads&output=table\n",
    );
    text
}

fn refused(error: &HttpError) -> Reply {
    let status = error.problem.status;
    let mut reply = text(status, PROBLEM, error.problem.body());
    let headers = reply.headers_mut();
    if error.challenge {
        let bearer = HeaderValue::from_static("Bearer realm=\"spyhole\"");
        headers.insert(WWW_AUTHENTICATE, bearer);
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    if error.close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    reply
}

/// Security headers for browsers, on every answer; the page has its own of some.
fn protect(headers: &mut HeaderMap) {
    for (name, value) in &PROTECTION {
        headers.entry(name).or_insert_with(|| value.clone());
    }
}

/// Constants: validating the header values again would cost each answer.
static PROTECTION: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ),
];
