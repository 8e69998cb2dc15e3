//! `spyhole spec`: the Kubernetes container that the running one should be.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Args, Command, ValueEnum};
use serde::Serialize;

use super::exit::Exit;
use super::global::Global;
use super::output::is_wrong_place;
use super::progress::Progress;
use super::saved_document::saved_document;
use super::scan_options::options;
use super::{Failure, attached, given, report, report_with_progress, written};
use crate::check::{self, Check, CheckOutcome, CheckReason};
use crate::files::FilesOptions;
use crate::model::Report;
use crate::model::format::Format;
use crate::model::truth_value::TruthValue;
use crate::render;
use crate::sections::resources::ResourcesQuery;
use crate::spec::{self, Answering, Beside, PortAnswer, Reference, ResourceWatch, SpecKind, Tree};
use crate::sys::console;

pub(super) const SPEC: &str = "spec";

/// Ports that are asked.
const PORTS: usize = 8;
/// How long one question to a port may take.
const ASK_SECONDS: u32 = 2;
/// Looks of a watch, if not more often than the least and not more seldom than the longest pause.
const LOOKS: u32 = 60;
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// What health is usually asked at, and what else may be there.
const PATHS: [&str; 5] = ["/healthz", "/readyz", "/health", "/ready", "/"];

/// `--kind`.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Kind {
    /// One entry of `containers`.
    #[default]
    #[value(name = "Container", alias = "container")]
    Container,
    /// A pod.
    #[value(name = "Pod", alias = "pod")]
    Pod,
    /// A Deployment of one replica.
    #[value(name = "Deployment", alias = "deployment")]
    Deployment,
}

/// What `spyhole spec` takes.
#[derive(Debug, Args)]
struct SpecArgs {
    /// Read a saved document (spyhole dump -o json) instead of a running container; - for stdin.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["connect", "watch"])]
    from: Option<PathBuf>,
    /// Write a Container, a Pod or a Deployment (default Container).
    #[arg(
        long,
        value_name = "KIND",
        value_enum,
        hide_possible_values = true,
        hide_default_value = true,
        default_value = "Container"
    )]
    kind: Kind,
    /// Write a service of Compose instead, which has no probes.
    #[arg(long, conflicts_with_all = ["kind", "connect"])]
    compose: bool,
    /// Use this image: nothing in a container names its own.
    #[arg(long, value_name = "REF", value_parser = image)]
    image: Option<String>,
    /// Follow the use of memory and CPU for this long, such as 10m, or until Ctrl-C, and take the
    /// highest.
    #[arg(long, value_name = "DURATION", value_parser = watch)]
    watch: Option<Duration>,
    /// Ask the ports that are listened on, by TCP, HTTP and gRPC, and write probes for those that
    /// answer.
    #[arg(long)]
    connect: bool,
}

fn image(text: &str) -> Result<String, String> {
    let is_usual = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_usual
        .then(|| text.to_owned())
        .ok_or_else(|| "expected the name of an image".to_owned())
}

fn watch(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).ok();
    let fits = |one: &Duration| (Duration::from_secs(1)..=Duration::from_hours(24)).contains(one);
    duration
        .filter(fits)
        .ok_or_else(|| "expected a duration from 1s to 24h, such as 10m".to_owned())
}

/// Its subcommand.
pub(super) fn command() -> Command {
    SpecArgs::augment_args(Command::new(SPEC))
        .about("Write the Kubernetes container that the running one should be, each line with its evidence")
        .long_about(None)
        .after_help(
            "Capabilities, and directories that are written to, are there where something was seen that \
             needs them; need that leaves no trace cannot be seen. What is redacted stays so.\n\
             Formats: yaml (default), json, with the evidence beside the manifest.\n\n\
             Exit codes: 0 done, 4 nothing of the target could be read (with --strict: not all of it).\n\n\
             Example:\n  spyhole spec\n  spyhole spec --kind Deployment --image web:1.2 --connect\n  \
             spyhole spec --watch 10m --compose\n  spyhole spec --from dump.json -o json",
        )
}

/// The form of `-o json`.
#[derive(Serialize)]
struct SpecDocument {
    schema: &'static str,
    manifest: Tree,
    evidence: Vec<Reference>,
    remarks: Vec<Reference>,
}

/// Looks, and prints the manifest.
///
/// # Errors
/// There is no target, or the output cannot be written.
pub(super) fn run(own: &ArgMatches, global: &Global, words: &[OsString]) -> Result<Exit, Failure> {
    let asked: SpecArgs = given(own)?;
    let is_json = match global.output {
        None | Some(Format::Yaml) => false,
        Some(Format::Json) => true,
        Some(_) => {
            return Err(Failure::usage(
                "spec prints yaml or json: use -o yaml or -o json",
            ));
        }
    };
    if global.reveal_all || !global.reveal.is_empty() {
        return Err(Failure::usage(
            "--reveal and --reveal-all: a manifest is kept: spec prints no secret",
        ));
    }
    if asked.connect && global.no_connect {
        return Err(Failure::usage(
            "--connect opens network connections, which --no-connect forbids",
        ));
    }
    let mut beside = Beside {
        image: asked.image.clone(),
        ..Beside::default()
    };
    let report = match &asked.from {
        Some(path) => saved_document(path, "--from ")?,
        None => look(&asked, global, &mut beside)?,
    };
    let specified = spec::specify(&report, &beside);
    let kind = match (asked.compose, asked.kind) {
        (true, _) => SpecKind::Compose,
        (false, Kind::Container) => SpecKind::Container,
        (false, Kind::Pod) => SpecKind::Pod,
        (false, Kind::Deployment) => SpecKind::Deployment,
    };
    let lines = spec::document(&specified, kind);
    attached::wait(words);
    let mut out = io::stdout().lock();
    let printed = if is_json {
        let (evidence, remarks) = spec::references(&lines);
        let document = SpecDocument {
            schema: "spyhole/spec/v1",
            manifest: Tree::Map(lines),
            evidence,
            remarks,
        };
        render::document(&document, &mut out)
    } else {
        out.write_all(spec::yaml(&lines).as_bytes())
    };
    if let Err(error) = printed {
        written(&error)?;
    }
    if asked.from.is_none() && is_wrong_place(&report) {
        return Ok(Exit::Target);
    }
    let is_partial = global.strict && !report.gaps.is_empty();
    Ok(if specified.saw_anything() && !is_partial {
        Exit::Done
    } else {
        Exit::Unreadable
    })
}

/// The document of the target, and what is seen beside it.
fn look(asked: &SpecArgs, global: &Global, beside: &mut Beside) -> Result<Report, Failure> {
    if let Some(over) = asked.watch {
        beside.watch = Some(follow(over, global)?);
    }
    let report = report_with_progress(global, options(global)?, spec::requests(), Format::Json)?.1;
    if let Some(wanted) = spec::wanted_files(&report) {
        let options = FilesOptions {
            scan: options(global)?,
            reveal_files: Vec::new(),
            reveal_all: false,
            follow: false,
        };
        let changed = spec::find_changed_files(options, wanted);
        beside.changed = Some(changed.map_err(|none| Failure::no_answer(&none))?);
    }
    if asked.connect {
        let ports = spec::reachable_ports(&report);
        beside.unasked_ports = ports.len().saturating_sub(PORTS);
        let answers = ports.into_iter().take(PORTS);
        let answers = answers.map(|(port, address)| ask(port, address, global));
        beside.answers = Some(answers.collect::<Result<_, _>>()?);
    }
    Ok(report)
}

/// Looks at the use of resources again and again; a signal ends that early, not the command.
fn follow(over: Duration, global: &Global) -> Result<ResourceWatch, Failure> {
    let pause = (over / LOOKS).clamp(PAUSES.0, PAUSES.1);
    let begun = Instant::now();
    let mut watch = ResourceWatch::default();
    console::note_first_ending();
    let _progress = Progress::start("following the use of resources", global);
    loop {
        let request = Box::new(ResourcesQuery::default());
        let (_, seen) = report(options(global)?, vec![request], Format::Json)?;
        let passed = begun.elapsed();
        watch.take(&seen, passed);
        let left = over.saturating_sub(passed);
        if left.is_zero() || console::ending().is_some() {
            console::reset_signals();
            return Ok(watch);
        }
        console::pause(pause.min(left));
    }
}

/// What a port answers, as a kubelet would ask it.
fn ask(port: u16, address: core::net::IpAddr, global: &Global) -> Result<Answering, Failure> {
    let end = core::net::SocketAddr::new(address, port);
    let try_one = |words: String| -> Result<CheckOutcome, Failure> {
        let words = format!("{words},timeout={ASK_SECONDS}s");
        let check: Check = words.parse().map_err(Failure::usage)?;
        Ok(check::run_in_reader(&check, options(global)?))
    };
    let answering = |answer, says: String| Answering { port, answer, says };
    let passes = |outcome: &CheckOutcome| outcome.answer == TruthValue::True;
    let accepted = try_one(format!("tcp:{end}"))?;
    if !passes(&accepted) {
        return Ok(answering(None, accepted.to_string()));
    }
    for scheme in ["http", "https"] {
        for path in PATHS {
            let outcome = try_one(format!("{scheme}://{end}{path}"))?;
            if passes(&outcome) {
                let is_tls = scheme == "https";
                let says = format!("GET {path}: {outcome}");
                return Ok(answering(Some(PortAnswer::Http { path, is_tls }), says));
            }
            if !matches!(outcome.reason, CheckReason::HttpStatus { .. }) {
                break;
            }
        }
    }
    let outcome = try_one(format!("grpc:{end}"))?;
    Ok(if passes(&outcome) {
        answering(Some(PortAnswer::Grpc), outcome.to_string())
    } else {
        answering(Some(PortAnswer::Tcp), accepted.to_string())
    })
}
