//! `spyhole doctor` and `spyhole explain`.

use core::net::{IpAddr, SocketAddr};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Args, Command, ValueEnum as _};

use super::doctor_config::{self, DoctorConfig, FailOn, Policy};
use super::exit::Exit;
use super::global::Global;
use super::output::is_wrong_place;
use super::saved_document::saved_document;
use super::scan_options::options;
use super::{Failure, attached, given, report_with_progress, written};
use crate::doctor::{self, Diagnosis, Expectations, Ignored};
use crate::model::Report;
use crate::model::escape::escaped;
use crate::model::format::Format;
use crate::probe::dns::{self, Manner, Name, RecordType};
use crate::render;
use crate::sections::requests_of_doctor;

pub(super) const DOCTOR: &str = "doctor";
pub(super) const EXPLAIN: &str = "explain";
/// The variable that names the file of `--config`.
const CONFIG: &str = "SPYHOLE_CONFIG";

/// What `spyhole doctor` takes.
#[derive(Debug, Args)]
struct DoctorArgs {
    /// Judge a saved document (spyhole dump -o json) instead of a running container; - for stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "connect")]
    from: Option<PathBuf>,
    /// Exit with 1 if a finding is at least this severe: problem, risk, hint or never (default
    /// problem).
    #[arg(long, value_name = "SEVERITY", value_enum, hide_possible_values = true)]
    fail_on: Option<FailOn>,
    /// Leave out the findings of this rule, and say why (repeatable).
    #[arg(long, value_name = "ID=REASON")]
    ignore: Vec<Ignored>,
    /// Report a problem if no process of the target listens on this TCP port (repeatable).
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    expect_port: Vec<u16>,
    /// Make what this level of the Pod Security Standards forbids a problem: baseline or restricted.
    #[arg(long, value_name = "LEVEL", value_enum, hide_possible_values = true)]
    policy: Option<Policy>,
    #[arg(
        long,
        value_name = "FILE",
        help = "Read ignore, fail-on, expect-port and policy from this file, one a line (default: that of \
            SPYHOLE_CONFIG)"
    )]
    config: Option<PathBuf>,
    /// Also connect to the target's TCP listeners, for the certificates that they serve, and ask its
    /// name servers whether they answer.
    #[arg(long)]
    connect: bool,
}

/// Their subcommands.
pub(super) fn commands() -> [Command; 2] {
    let explain = Command::new(EXPLAIN)
        .about("Explain a finding of doctor, or list all of them")
        .after_help("Example:\n  spyhole explain SPY-RES-001")
        .arg(clap::Arg::new("id").value_name("ID"));
    let doctor = DoctorArgs::augment_args(Command::new(DOCTOR))
        .about("Find what is wrong with a container, worst first")
        .long_about(None)
        .after_help(
            "Exit codes: 0 nothing as severe as --fail-on, 1 found, 4 no rule could be judged (with \
             --strict: not all of them).\n\
             Formats: table, json, sarif, junit.\n\n\
             Example:\n  spyhole doctor --fail-on risk\n  spyhole doctor --policy restricted -o sarif\n  \
             spyhole doctor --from dump.json",
        );
    [doctor, explain]
}

/// Judges and prints.
///
/// # Errors
/// The document cannot be read, there is no target, or the output cannot be written.
pub(super) fn run(
    own: &ArgMatches,
    global: &Global,
    words: &[std::ffi::OsString],
) -> Result<Exit, Failure> {
    let asked: DoctorArgs = given(own)?;
    let format = global.output.unwrap_or(Format::Table);
    if matches!(format, Format::Wide | Format::Yaml | Format::Pem) {
        let word = format.to_possible_value();
        let word = word.as_ref().map_or("", |word| word.get_name());
        return Err(Failure::usage(format!(
            "-o {word} is not supported for doctor; use table, json, sarif or junit"
        )));
    }
    let (mut expected, fail_on) = expectations(&asked)?;
    let report = match &asked.from {
        Some(path) => saved_document(path, "--from ")?,
        None => {
            report_with_progress(
                global,
                options(global)?,
                requests_of_doctor(asked.connect),
                Format::Json,
            )?
            .1
        }
    };
    if asked.connect && !global.no_connect {
        expected.silent_name_servers = ask_name_servers(&report);
    }
    let diagnosis = doctor::examine(&report, &expected);
    attached::wait(words);
    let printed = match format {
        Format::Json => render::document(&diagnosis, &mut io::stdout().lock()),
        Format::Sarif => {
            let sarif = doctor::sarif(&diagnosis, report.target.as_ref());
            render::document(&sarif, &mut io::stdout().lock())
        }
        Format::Junit => {
            let text = doctor::junit(&diagnosis, fail_on.severity());
            io::stdout().lock().write_all(text.as_bytes())
        }
        _ => print_lines(&doctor::lines(&diagnosis)),
    };
    if let Err(error) = printed {
        written(&error)?;
    }
    if asked.from.is_none() && is_wrong_place(&report) {
        return Ok(Exit::Target);
    }
    Ok(exit(&diagnosis, fail_on, global.strict))
}

/// What the command line and the file expect; the command line has the last word.
fn expectations(asked: &DoctorArgs) -> Result<(Expectations, FailOn), Failure> {
    let named = asked.config.clone();
    let of_environment = || {
        let value = std::env::var_os(CONFIG);
        value.filter(|value| !value.is_empty()).map(PathBuf::from)
    };
    let config = match named.or_else(of_environment) {
        Some(path) => doctor_config::read(&path)?,
        None => DoctorConfig::default(),
    };
    let policy = asked.policy.or(config.policy);
    let fail_on = asked.fail_on.or(config.fail_on);
    let expected = Expectations {
        ports: [&asked.expect_port[..], &config.ports].concat(),
        // Of two reasons that of the command line counts.
        ignore: [&asked.ignore[..], &config.ignore].concat(),
        policy: policy.map(Policy::level),
        silent_name_servers: Vec::new(),
    };
    Ok((expected, fail_on.unwrap_or(FailOn::Problem)))
}

/// As long a name server is waited for; libc waits five seconds.
const NAME_SERVER_TIMEOUT: Duration = Duration::from_secs(3);

/// The name servers of the target that do not answer, asked for a name that cannot exist (RFC 6761).
fn ask_name_servers(report: &Report) -> Vec<String> {
    let sources = report.socket_sources.iter().flatten();
    let network = report.network.as_ref();
    let dns = network.and_then(|network| network.dns.as_ref());
    let file = dns.and_then(|dns| dns.resolv_conf.as_ref()?.value());
    let (Some(file), Ok(name)) = (file, Name::parse("spyhole.invalid")) else {
        return Vec::new();
    };
    // From another network another server answers.
    if !sources.into_iter().any(|source| source.same_as_viewer) {
        return Vec::new();
    }
    let silent = file.name_servers.iter().filter_map(|server| {
        let address: IpAddr = server.parse().ok()?;
        let deadline = Instant::now() + NAME_SERVER_TIMEOUT;
        let server = SocketAddr::new(address, 53);
        let reply = dns::ask(server, &name, RecordType::A, Manner::default(), deadline);
        reply.err().map(|why| format!("{address}: {why}"))
    });
    silent.collect()
}

fn exit(diagnosis: &Diagnosis, fail_on: FailOn, strict: bool) -> Exit {
    let fails = |severity| diagnosis.worst().is_some_and(|worst| worst >= severity);
    if fail_on.severity().is_some_and(fails) {
        return Exit::CheckFailed;
    }
    if diagnosis.rules_judged == 0 || strict && !diagnosis.not_judged.is_empty() {
        return Exit::Unreadable;
    }
    Exit::Done
}

/// Names and paths of the target stand in the lines: none of them makes another line.
pub(super) fn print_lines(lines: &[String]) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in lines {
        writeln!(out, "{}", escaped(line.as_bytes()))?;
    }
    out.flush()
}

/// Prints a rule, or the list of them.
///
/// # Errors
/// No such rule, or the output cannot be written.
pub(super) fn explain(own: &ArgMatches) -> Result<Exit, Failure> {
    let lines = match own.get_one::<String>("id") {
        None => doctor::index(),
        Some(id) => {
            let rule = doctor::find_rule(id).ok_or_else(|| {
                Failure::usage(format!(
                    "unknown rule {}; spyhole explain lists them",
                    escaped(id.as_bytes())
                ))
            })?;
            doctor::explanation(rule)
        }
    };
    match print_lines(&lines) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => written(&error),
    }
}
