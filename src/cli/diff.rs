//! `spyhole diff`: what differs between two documents.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{ArgMatches, Args, Command};
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderValue};

use super::ask::{WAITING, in_reader};
use super::exit::Exit;
use super::global::Global;
use super::progress::Progress;
use super::saved_document::{self, saved_document};
use super::scan_options::options;
use super::{Failure, attached, given, report_with_progress, written};
use crate::ask::fetch::{FetchFailure, FetchPart, FetchRequest, FetchTarget, HttpUrl};
use crate::compare::{self, Outcome};
use crate::model::Report;
use crate::model::escape::escaped;
use crate::model::format::Format;
use crate::model::read::Limits;
use crate::render;
use crate::sections::requests_of_certificates;
use crate::sections::tls::given_authorities;
use crate::sys::own_file;
use crate::trust;

pub(super) const DIFF: &str = "diff";

/// How long a server may take where `--timeout` does not say it.
const TIMEOUT: Duration = Duration::from_secs(30);
const TOKEN_LIMIT: u64 = 64 << 10;

/// What it takes.
#[derive(Debug, Args)]
struct DiffArgs {
    #[arg(
        value_name = "A",
        help = "A saved document (dump -o json), - for stdin, the URL of a server (spyhole serve), or \
                with --container a container"
    )]
    first: Option<OsString>,
    #[arg(
        value_name = "B",
        help = "Likewise; without it the container as it is now"
    )]
    second: Option<OsString>,
    /// Read the token for the server A from this file.
    #[arg(long, value_name = "FILE")]
    token_file_a: Option<PathBuf>,
    /// Read the token for the server B from this file.
    #[arg(long, value_name = "FILE")]
    token_file_b: Option<PathBuf>,
    /// Verify the server A with the CA certificates in this file.
    #[arg(long, value_name = "FILE")]
    ca_a: Option<PathBuf>,
    /// Verify the server B with the CA certificates in this file.
    #[arg(long, value_name = "FILE")]
    ca_b: Option<PathBuf>,
    /// Print a JSON Patch (RFC 6902) that turns the document A into the document B.
    #[arg(long)]
    patch: bool,
}

/// Its subcommand.
pub(super) fn command() -> Command {
    DiffArgs::augment_args(Command::new(DIFF))
        .about("Show what differs between two containers, or between before and now")
        .long_about(None)
        .after_help(
            "Pids and ephemeral ports are aligned by what a process runs and what a socket talks to; \
             values that vary by themselves are counted, not shown. + is in B alone, - in A alone.\n\n\
             Exit codes: 0 no difference, 1 different, 4 nothing comparable.\n\n\
             Examples:\n  spyhole diff before.json after.json\n  spyhole diff before.json\n  \
             spyhole diff --container web-1 web-2",
        )
}

/// One of the two.
enum Source {
    File(PathBuf),
    Server(HttpUrl),
    Container(Option<String>),
}

/// Compares and prints.
pub(super) fn run(own: &ArgMatches, global: &Global, words: &[OsString]) -> Result<Exit, Failure> {
    let asked: DiffArgs = given(own)?;
    let format = global.output.unwrap_or(Format::Table);
    if !matches!(format, Format::Table | Format::Json) {
        return Err(Failure::usage(
            "diff prints a table or json: use -o json or --patch",
        ));
    }
    let [before, after] = sources(&asked, global)?;
    let before = document(
        before,
        asked.token_file_a.as_deref(),
        asked.ca_a.as_deref(),
        global,
    )?;
    let after = document(
        after,
        asked.token_file_b.as_deref(),
        asked.ca_b.as_deref(),
        global,
    )?;
    let internal = |error: serde_json::Error| Failure::internal(error.to_string());
    let comparison = compare::compare(&before, &after).map_err(internal)?;
    attached::wait(words);
    let mut out = io::stdout().lock();
    let printed = if asked.patch {
        let patch = compare::patch(&before, &after).map_err(internal)?;
        render::document(&patch, &mut out)
    } else if format == Format::Json {
        render::document(&comparison, &mut out)
    } else {
        let mut lines = compare::lines(&comparison).into_iter();
        lines.try_for_each(|line| writeln!(out, "{line}"))
    };
    if let Err(error) = printed {
        written(&error)?;
    }
    Ok(match comparison.outcome() {
        Outcome::Same => Exit::Done,
        Outcome::Different => Exit::CheckFailed,
        Outcome::NothingComparable => Exit::Unreadable,
    })
}

fn sources(asked: &DiffArgs, global: &Global) -> Result<[Source; 2], Failure> {
    let of_word = |word: &OsString| source(word, global.container.is_some());
    let live = || Source::Container(global.container.clone());
    match (&asked.first, &asked.second) {
        (None, _) => Err(Failure::usage(
            "nothing to compare with; use: spyhole diff A B, spyhole diff A, or spyhole diff \
             --container A B",
        )),
        (Some(one), None) => match of_word(one)? {
            // `--container web-1 web-2`
            other @ Source::Container(_) => Ok([live(), other]),
            saved => Ok([saved, live()]),
        },
        (Some(first), Some(second)) if first == "-" && second == "-" => {
            Err(Failure::usage("only one of the two documents can be -"))
        }
        (Some(first), Some(second)) => Ok([of_word(first)?, of_word(second)?]),
    }
}

fn source(word: &OsString, is_container: bool) -> Result<Source, Failure> {
    let text = word.to_str().unwrap_or_default();
    let scheme = text
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https") => {
            let url = HttpUrl::parse(text).map_err(Failure::usage)?;
            Ok(Source::Server(url.below("v1/dump")))
        }
        _ if is_container && !text.is_empty() && own_file::stamp(word.as_ref()).is_none() => {
            Ok(Source::Container(Some(text.to_owned())))
        }
        _ => Ok(Source::File(word.into())),
    }
}

fn document(
    source: Source,
    token: Option<&Path>,
    ca: Option<&Path>,
    global: &Global,
) -> Result<Report, Failure> {
    match source {
        Source::Container(container) => {
            let mut options = options(global)?;
            options.choice.container = container;
            let requests = requests_of_certificates();
            Ok(report_with_progress(global, options, requests, Format::Json)?.1)
        }
        Source::File(path) => saved_document(&path, ""),
        Source::Server(url) => {
            let shown = escaped(url.to_string().as_bytes()).into_owned();
            saved_document::document(&served(url, token, ca, global)?, &shown)
        }
    }
}

/// The document that a server shows of its target.
fn served(
    url: HttpUrl,
    token: Option<&Path>,
    ca: Option<&Path>,
    global: &Global,
) -> Result<Vec<u8>, Failure> {
    let shown = escaped(url.to_string().as_bytes()).into_owned();
    let token = token.map(bearer).transpose()?;
    let request = FetchRequest {
        url,
        method: Method::GET,
        headers: token
            .map(|value| (AUTHORIZATION, Some(value)))
            .into_iter()
            .collect(),
        data: None,
        follow: false,
        insecure: false,
        fail: true,
        compressed: true,
        proxy: None,
        no_proxy: None,
        authorities: ca
            .map(given_authorities)
            .transpose()
            .map_err(Failure::usage)?,
        max_bytes: Limits::default().bytes as u64,
        client: None,
    };
    let deadline = Instant::now() + global.timeout.unwrap_or(TIMEOUT);
    // Asked by spyhole for itself: by its own resolver and proxies.
    let itself = Global {
        pid: i32::try_from(std::process::id()).ok(),
        container: None,
        pod: None,
        own: false,
        proc: PathBuf::from("/proc"),
        ..global.clone()
    };
    let target = in_reader(&itself, trust::FILES, FetchTarget::read)?;
    let target = target.map_err(|outcome| FetchFailure::of(&outcome));
    let mut text = Vec::new();
    let progress = Progress::start(WAITING, global);
    let asked = target.and_then(|target| {
        let sink = &mut |part: FetchPart<'_>| {
            if let FetchPart::Body(piece) = part {
                text.extend_from_slice(piece);
            }
            Ok(())
        };
        request.send(&target, deadline, sink)
    });
    drop(progress);
    asked.map_err(|failure| Failure {
        exit: Exit::Unreadable,
        message: format!("{shown}: {}", failure.says),
    })?;
    Ok(text)
}

fn bearer(path: &Path) -> Result<HeaderValue, Failure> {
    let shown = escaped(path.as_os_str().as_encoded_bytes()).into_owned();
    let wrong = |why: String| Failure::usage(format!("{shown}: {why}"));
    let bytes = own_file::contents(path, TOKEN_LIMIT).map_err(|error| wrong(error.to_string()))?;
    let token = [b"Bearer ", bytes.trim_ascii()].concat();
    HeaderValue::from_bytes(&token).map_err(|_| wrong("is no token".to_owned()))
}
