//! `spyhole fetch`: what a server of HTTP answers to the target.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::{ArgAction, ArgMatches, Args, Command};
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};

use super::super::exit::Exit;
use super::super::files::escaping::TerminalPieces;
use super::super::files::without_short;
use super::super::global::Global;
use super::super::progress::Progress;
use super::super::{Failure, given, written};
use super::{AskCommand, WAITING, in_reader, is_json, print_notes};
use crate::ask::fetch::{
    FetchFailure, FetchPart, FetchRequest, FetchSeen, FetchTarget, HttpUrl, client_of_target,
};
use crate::model::escape::escaped;
use crate::model::truth_value::TruthValue;
use crate::render;
use crate::sections::tls::given_authorities;
use crate::sys::own_file;
use crate::trust;

pub(super) const FETCH: AskCommand = AskCommand {
    name: "fetch",
    aliases: &["curl", "wget"],
    command,
    run,
};

/// How long all of it may take where `--timeout` does not say it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What it takes.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct FetchArgs {
    /// The URL, of http or https.
    #[arg(value_name = "URL", value_parser = HttpUrl::parse)]
    url: HttpUrl,
    /// Send HEAD, and print the headers.
    #[arg(short = 'I', long)]
    head: bool,
    /// Print the headers before the body.
    #[arg(short = 'i', long)]
    include: bool,
    /// Follow redirects; never to a weaker scheme, and without credentials to another host.
    #[arg(short = 'L', long)]
    location: bool,
    /// Add a header; 'Name:' removes one (repeatable).
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = header, action = ArgAction::Append)]
    header: Vec<Header>,
    /// Do not verify the server's certificate.
    #[arg(short = 'k', long)]
    insecure: bool,
    /// Print each step with its time, requests and responses on stderr; secrets redacted.
    #[arg(short = 'v', long)]
    verbose: bool,
    /// Write the body to this file, in spyhole's own file system.
    #[arg(short = 'o', long = "output-file", value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Exit with 1 if the status is 400 or more, and print no body.
    #[arg(short = 'f', long)]
    fail: bool,
    /// Ask for gzip, and unpack it.
    #[arg(long)]
    compressed: bool,
    /// Stop after this many bytes of a body (default 64 MiB; 1 MiB with --output json).
    #[arg(long, value_name = "N")]
    max_bytes: Option<u64>,
    #[arg(
        short = 'x',
        long,
        value_name = "URL",
        help = "Use this proxy (default: the target's http_proxy, https_proxy, all_proxy, no_proxy)"
    )]
    proxy: Option<String>,
    /// Hosts to reach without a proxy; * for all.
    #[arg(long, value_name = "LIST")]
    noproxy: Option<String>,
    /// Verify with the CA certificates in this file (PEM or DER; in spyhole's own file system).
    #[arg(long, value_name = "FILE", visible_alias = "cacert")]
    ca: Option<PathBuf>,
    /// Show this client certificate if the server asks for one (PEM or DER; a file of the target);
    /// needs --as-target.
    #[arg(long, value_name = "FILE", requires = "as_target")]
    cert: Option<String>,
    /// Private key of the client certificate, a file of the target (default: in the file of --cert).
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<String>,
    /// Send another method than GET or HEAD; needs --as-target.
    #[arg(short = 'X', long, value_name = "METHOD", conflicts_with = "head")]
    request: Option<Method>,
    /// Send this body (POST); needs --as-target.
    #[arg(
        short = 'd',
        long,
        value_name = "TEXT",
        requires = "as_target",
        conflicts_with = "head"
    )]
    data: Option<String>,
    /// Allow requests that may change something.
    #[arg(long)]
    as_target: bool,
    /// On a terminal, write control characters as they are.
    #[arg(long)]
    raw: bool,
}

/// A header that was given, without its value to be left out.
type Header = (HeaderName, Option<HeaderValue>);

fn header(text: &str) -> Result<Header, String> {
    let wrong = || "expected 'Name: value', or 'Name:' to leave it out".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
    let value = value.trim();
    if value.is_empty() {
        return Ok((name, None));
    }
    let value = HeaderValue::from_str(value).map_err(|_| wrong())?;
    Ok((name, Some(value)))
}

fn command() -> Command {
    let command = FetchArgs::augment_args(Command::new(FETCH.name))
        .about("Fetch a URL with the target's resolver, trust store and proxies")
        .long_about(None)
        .after_help(
            "Exit codes: 0 a response (with -f: below 400), 1 none, or not trusted, 4 unknown.\n\n\
             Examples:\n  spyhole fetch http://127.0.0.1:8080/health\n  \
             spyhole fetch -IL https://example.com",
        );
    without_short(command, &["output"])
}

impl FetchArgs {
    fn method(&self) -> Result<Method, Failure> {
        if self.head {
            return Ok(Method::HEAD);
        }
        let method = match (&self.request, &self.data) {
            (Some(method), _) => method.clone(),
            (None, Some(_)) => Method::POST,
            (None, None) => Method::GET,
        };
        let reads = method == Method::GET || method == Method::HEAD;
        if reads || self.as_target {
            return Ok(method);
        }
        Err(Failure::usage(format!(
            "-X {method} may change something; add --as-target to send it as the target would"
        )))
    }

    fn request(self, max_bytes: u64) -> Result<FetchRequest, Failure> {
        let authorities = self.ca.as_deref().map(given_authorities).transpose();
        Ok(FetchRequest {
            method: self.method()?,
            authorities: authorities.map_err(Failure::usage)?,
            url: self.url,
            proxy: self.proxy,
            no_proxy: self.noproxy,
            headers: self.header,
            data: self.data.map(Bytes::from),
            follow: self.location,
            insecure: self.insecure,
            fail: self.fail,
            compressed: self.compressed,
            max_bytes: self.max_bytes.unwrap_or(max_bytes),
            client: None,
        })
    }
}

fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let mut asked: FetchArgs = given(own)?;
    let is_json = is_json(global);
    let mut printer = Printer {
        verbose: asked.verbose,
        is_quiet: global.quiet,
        heads: (asked.include || asked.head) && !is_json,
        file: asked.output_file.clone(),
        open: None,
        terminal: (io::stdout().is_terminal() && !asked.raw).then(TerminalPieces::default),
        written: Ok(()),
        seen: is_json.then(FetchSeen::default),
    };
    let identity = asked.cert.take().map(|cert| {
        let key = asked.key.take().unwrap_or_else(|| cert.clone());
        (cert, key)
    });
    let mut request = asked.request(if is_json { 1 << 20 } else { 64 << 20 })?;
    let deadline = Instant::now() + global.timeout.unwrap_or(TIMEOUT);
    let target = in_reader(global, trust::FILES, move |context| {
        let target = FetchTarget::read(context).map_err(|none| FetchFailure::of(&none))?;
        let client = identity.map(|(cert, key)| client_of_target(context, &cert, &key));
        Ok((target, client.transpose()?))
    })?;
    let ended = target.and_then(|(target, client)| {
        request.client = client;
        let unseen = target.unseen_notes(&request);
        for note in target.notes.iter().cloned().chain(unseen) {
            let _ = printer.take(FetchPart::Note(note));
        }
        let mut progress = Some(Progress::start(WAITING, global));
        let sink = &mut |part: FetchPart<'_>| {
            progress = None;
            printer.take(part)
        };
        request.send(&target, deadline, sink)
    });
    let arrived = ended.is_ok();
    if let Err(error) = printer.end(arrived) {
        return written(&error);
    }
    let (answer, failure) = match ended {
        Ok(()) => (TruthValue::True, None),
        Err(failure) => (failure.answer, Some(failure.says)),
    };
    if let Some(seen) = printer.seen {
        let document = seen.document(answer, failure.as_deref());
        if let Err(error) = render::document(&document, &mut io::stdout().lock()) {
            return written(&error);
        }
    } else if let Some(says) = failure {
        let _ = writeln!(io::stderr(), "spyhole: fetch: {}", escaped(says.as_bytes()));
    }
    Ok(match answer {
        TruthValue::True => Exit::Done,
        answer => Exit::of(answer),
    })
}

/// Where the parts go.
struct Printer {
    verbose: bool,
    is_quiet: bool,
    heads: bool,
    file: Option<PathBuf>,
    /// The file, once something is for it.
    open: Option<Box<dyn Write>>,
    /// Where the body goes to a terminal.
    terminal: Option<TerminalPieces>,
    /// Why nothing more can be written.
    written: io::Result<()>,
    /// What is collected in place of printing it.
    seen: Option<FetchSeen>,
}

impl Printer {
    fn take(&mut self, part: FetchPart<'_>) -> Result<(), String> {
        let is_collected = match part {
            FetchPart::Word(_) => false,
            FetchPart::Body(_) => self.file.is_none(),
            _ => true,
        };
        if let Some(seen) = &mut self.seen
            && is_collected
        {
            match part {
                FetchPart::Body(piece) => seen.body(piece),
                FetchPart::Head(lines) => seen.head(lines),
                FetchPart::Note(note) => seen.note(note),
                FetchPart::Done(how) => seen.done(how),
                FetchPart::Word(_) => {}
            }
            return Ok(());
        }
        let result = match part {
            FetchPart::Word(line) if self.verbose => {
                writeln!(io::stderr(), "{}", escaped(line.as_bytes()))
            }
            FetchPart::Head(lines) if self.heads => {
                let lines = lines.iter().map(|line| escaped(line.as_bytes()));
                let text = lines.collect::<Vec<_>>().join("\n");
                self.write(format!("{text}\n\n").as_bytes())
            }
            FetchPart::Note(note) => {
                print_notes(&[note], self.is_quiet);
                Ok(())
            }
            FetchPart::Word(_) | FetchPart::Head(_) | FetchPart::Done(_) => Ok(()),
            FetchPart::Body(piece) => match &mut self.terminal {
                Some(terminal) if self.file.is_none() => {
                    let mut shown = Vec::new();
                    terminal.add(piece, &mut shown);
                    self.write(&shown)
                }
                _ => self.write(piece),
            },
        };
        result.map_err(|error| {
            let says = format!("cannot write the output: {error}");
            self.written = Err(error);
            says
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(path) = &self.file else {
            let mut out = io::stdout().lock();
            return out.write_all(bytes).and_then(|()| out.flush());
        };
        let file = match &mut self.open {
            Some(file) => file,
            None => self.open.insert(own_file::create(path)?),
        };
        file.write_all(bytes)
    }

    /// What is left; a response without a body leaves an empty file.
    fn end(&mut self, arrived: bool) -> io::Result<()> {
        std::mem::replace(&mut self.written, Ok(()))?;
        if let Some(mut terminal) = self.terminal.take() {
            let mut shown = Vec::new();
            terminal.end(&mut shown);
            if self.file.is_none() && !shown.is_empty() {
                self.write(&shown)?;
            }
        }
        if arrived && self.file.is_some() {
            self.write(b"")?;
        }
        Ok(())
    }
}
