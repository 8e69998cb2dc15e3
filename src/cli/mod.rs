//! Words of the command line → a resolved request → a document on stdout.
//!
//! stdout holds the document only; every other word goes to stderr.

mod advice;
mod argv0;
mod ask;
mod attached;
mod audit;
mod beforehand;
mod check;
mod copy;
mod deliver;
mod diff;
mod doctor;
mod doctor_config;
pub(crate) mod exit;
mod extras;
mod files;
pub(crate) mod global;
mod habits;
mod help;
mod image;
mod output;
mod overview;
mod progress;
mod run;
mod saved_document;
mod scan_options;
mod section_commands;
mod shell;
mod spec;
mod top;
mod why;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::attach::engine::Engine;
use crate::model::Report;
use crate::model::escape::escaped;
use crate::model::format::Format;
use crate::redact;
use crate::scan::needs::ScanOptions;
use crate::sections;
use crate::sections::Looked;
use crate::sections::registry;
use crate::sections::section;
use crate::sections::section::{Detail, Request};
use crate::serve::{self, ServeError};
use crate::sys;
use crate::sys::reader_process::NoAnswer;
use ask::AskCommand;
use exit::Exit;
use files::FilesCommand;
use global::Global;
use output::{default_format, pem, print, verdict};
use progress::Progress;
use scan_options::{SERVE_TIMEOUT, net_policy, options, redactor};
use section_commands::SectionCommand;

/// The command that answers HTTP.
const SERVE: &str = "serve";

/// Runs a command line and says how it ended.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    sys::allocator::share_one_arena();
    let words = argv0::spelled_out(words.into_iter().collect());
    match execute(&words) {
        Ok(exit) => exit,
        Err(failure) => {
            attached::wait(&words);
            // Where not even stderr can be written, the exit code has to do.
            let message = redact::sentence(&failure.message);
            let _ = writeln!(io::stderr(), "spyhole: {message}");
            failure.exit.into()
        }
    }
}

/// Why a run ended early, as a sentence, and with which code.
struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
        }
    }

    fn no_answer(none: &NoAnswer) -> Self {
        if let NoAnswer::Lost(why) = none {
            return Self::internal(format!("the scan ended without an answer: {why}"));
        }
        Self {
            exit: Exit::Unreadable,
            message: "timed out: a system call on a file of the target does not return; use \
                      --remote-fs=skip to leave out file systems that are not local"
                .to_owned(),
        }
    }

    fn internal(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Internal,
            message: message.into(),
        }
    }
}

/// The whole command line, from the registry; its own help is short.
#[must_use]
pub fn command() -> Command {
    listing().override_help(help::overview())
}

/// The same with a help that lists every command and flag.
fn listing() -> Command {
    let command = Command::new("spyhole")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(format!(
            "Without a command: overview on a terminal, else dump -o json.\n\nExamples:\n  spyhole access\n  spyhole ps -o wide\n  spyhole dump -o json\n\n{}",
            exit::HELP
        ))
        .disable_help_subcommand(true);
    // Augmenting takes the words about the flags for those about the command.
    Global::augment_args(command)
        .about("Inspect a running container that has no shell")
        .subcommands(section_commands::all().map(SectionCommand::command))
        .subcommands(files::commands())
        .subcommands(extras::commands())
        .subcommand(help::command())
        .subcommands(ask::commands())
        .subcommand(check::command())
        .subcommand(overview::command())
        .subcommands(doctor::commands())
        .subcommand(why::command())
        .subcommand(diff::command())
        .subcommand(audit::command())
        .subcommand(spec::command())
        .subcommand(copy::command())
        .subcommand(shell::command())
        .subcommand(top::command())
        .subcommands(deliver::commands())
        .subcommand(image::command())
        .subcommand(
            serve::options::ServeOptions::augment_args(Command::new(SERVE))
                .about("Serve what the commands show over HTTP, for probes, Prometheus and API \
                    clients")
                .long_about(None)
                .after_help("Example:\n  spyhole serve --listen 0.0.0.0:7794 --token-file /etc/spyhole/token"),
        )
}

/// A command line that clap has taken.
#[derive(Clone)]
pub struct CommandLine {
    matches: ArgMatches,
    /// The section or view that the command is one of.
    look: Option<SectionCommand>,
}

impl CommandLine {
    fn of_look(matches: ArgMatches, look: SectionCommand) -> Self {
        Self {
            matches,
            look: Some(look),
        }
    }

    fn of_other(matches: ArgMatches) -> Self {
        Self {
            matches,
            look: None,
        }
    }

    /// Parsed by the whole command, which knows every word.
    fn whole(words: &[OsString]) -> Result<Self, clap::Error> {
        let matches = command().try_get_matches_from(words)?;
        let name = matches.subcommand_name().unwrap_or_default();
        let look = SectionCommand::named(name.as_ref());
        Ok(Self { matches, look })
    }
}

/// Parses a command line.
///
/// clap hands the global flags to every subcommand that there is, which costs as much
/// as a look at ten processes. So only the section that a word names is tried first;
/// where that does not parse, the whole command line decides and has the last word.
///
/// # Errors
/// What clap says: usage errors, and the help or the version that was asked for.
pub fn parse(words: &[OsString]) -> Result<CommandLine, clap::Error> {
    if words.get(1).is_some_and(|word| word == run::RUN) {
        // Not on to the sections: their names may be words of the application.
        let matches = run::parse(words);
        return matches
            .map(CommandLine::of_other)
            .or_else(|_| CommandLine::whole(words));
    }
    let words = habits::in_our_words(words).map_err(habits::Refused::into_clap)?;
    let words = files::tar::in_our_words(&words)?;
    let words = files::in_clap_words(&words);
    let words = &*words;
    if let Some(look) = words
        .iter()
        .skip(1)
        .find_map(|word| SectionCommand::named(word))
    {
        let narrow = Global::augment_args(Command::new("spyhole")).subcommand(look.command());
        if let Ok(matches) = narrow.try_get_matches_from(words)
            && matches.subcommand_name() == Some(look.name())
        {
            return Ok(CommandLine::of_look(matches, look));
        }
    }
    if words.get(1).is_some_and(|word| word == check::CHECK) {
        let narrow = Global::augment_args(Command::new("spyhole")).subcommand(check::command());
        if let Ok(matches) = narrow.try_get_matches_from(words) {
            return Ok(CommandLine::of_other(matches));
        }
    }
    if let Some(command) = files::named_in(words) {
        let narrow = Global::augment_args(Command::new("spyhole")).subcommand(command.command());
        match narrow.try_get_matches_from(words) {
            Ok(matches) if matches.subcommand_name() == Some(command.name) => {
                return Ok(CommandLine::of_other(matches));
            }
            Ok(_) => {}
            Err(error) => {
                if let Some(refused) = command.refusal(&error) {
                    return Err(refused);
                }
            }
        }
    }
    CommandLine::whole(words)
}

fn execute(words: &[OsString]) -> Result<ExitCode, Failure> {
    if let Some(done) = run::at_once(words) {
        return Ok(done);
    }
    match parse(words) {
        Ok(line) => dispatch(&line, words),
        Err(error) => clap_says(error, words).map(ExitCode::from),
    }
}

fn dispatch(line: &CommandLine, words: &[OsString]) -> Result<ExitCode, Failure> {
    let CommandLine {
        matches,
        look: named,
    } = line;
    let global = || global(matches);
    refuse_exchange_formats(matches)?;
    let exit = match (matches.subcommand(), named) {
        (None, _) if overview::is_default(&global()?) => overview::run(&global()?, words),
        (None | Some((extras::DUMP, _)), _) => look(registry::whole(), true, &global()?, words),
        (Some((_, own)), Some(named)) => {
            let request = named.request(own)?;
            look(vec![request], false, &global()?, words)
        }
        (Some((check::CHECK, own)), None) => {
            let global = global()?;
            check::run(own, &mut || options(&global))
        }
        (Some((doctor::DOCTOR, own)), None) => doctor::run(own, &global()?, words),
        (Some((overview::OVERVIEW, _)), None) => overview::run(&global()?, words),
        (Some((top::TOP, own)), None) => top::run(own, &global()?, words),
        (Some((why::WHY, own)), None) => why::run(own, &global()?, words),
        (Some((audit::AUDIT, own)), None) => audit::run(own, &global()?, words),
        (Some((diff::DIFF, own)), None) => diff::run(own, &global()?, words),
        (Some((spec::SPEC, own)), None) => spec::run(own, &global()?, words),
        (Some((doctor::EXPLAIN, own)), None) => doctor::explain(own),
        (Some((SERVE, own)), None) => serve(own, &global()?),
        (Some((extras::SCHEMA, _)), None) => extras::schema(),
        (Some((help::HELP, own)), None) => help::run(own),
        (Some((extras::COMPLETIONS, own)), None) => extras::completions(own),
        (Some((extras::MAN, own)), None) => extras::man(own),
        (Some((copy::CP, own)), None) => {
            attached::wait(words);
            copy::run(own, &global()?)
        }
        (Some((deliver::INSTALL, own)), None) => deliver::installed(own, &global()?, words),
        (Some((run::RUN, own)), None) => return run::started(own, &global()?),
        (Some((shell::SHELL, own)), None) => return shell::run(own, &global()?, words),
        (Some((image::IMAGE, own)), None) => image::run(own, &global()?, words),
        (Some((deliver::KUBECTL, own)), None) => return deliver::kubectl(own, words),
        (Some((deliver::DOCKER, own)), None) => {
            return deliver::beside(Engine::Docker, own, words);
        }
        (Some((deliver::PODMAN, own)), None) => {
            return deliver::beside(Engine::Podman, own, words);
        }
        (Some((name, own)), None) => {
            let global = global()?;
            if let Some(command) = AskCommand::named(name.as_ref()) {
                command.run(own, &global, words)
            } else if let Some(command) = FilesCommand::named(name.as_ref()) {
                attached::wait(words);
                command.run(own, &global)
            } else {
                Err(Failure::usage(format!("unknown command {name:?}")))
            }
        }
    };
    exit.map(ExitCode::from)
}

/// The flags of a command as the type that declares them.
fn given<O: FromArgMatches>(own: &ArgMatches) -> Result<O, Failure> {
    O::from_arg_matches(own).map_err(|error| Failure::usage(error.to_string()))
}

/// SARIF and `JUnit` hold findings, not sections.
fn refuse_exchange_formats(matches: &ArgMatches) -> Result<(), Failure> {
    let format = matches.try_get_one::<Format>("output").ok().flatten();
    let is_exchange = format.is_some_and(|format| format.is_exchange());
    if is_exchange && matches.subcommand_name() != Some(doctor::DOCTOR) {
        return Err(Failure::usage(
            "-o sarif and -o junit are supported for doctor alone; use table, wide, json or yaml",
        ));
    }
    Ok(())
}

fn global(matches: &ArgMatches) -> Result<Global, Failure> {
    let global = Global::from_arg_matches(matches);
    let global = global.map_err(|error| Failure::usage(error.to_string()))?;
    sys::remote_fs::set_policy(global.remote_fs);
    Ok(global)
}

/// Looks, and prints the document; `whole` where it is that of every section.
fn look(
    requests: Vec<Box<dyn Request>>,
    whole: bool,
    global: &Global,
    words: &[OsString],
) -> Result<Exit, Failure> {
    let format = global.output.unwrap_or_else(|| default_format(whole));
    let options = options(global)?;
    fit(&requests, options.timeout)?;
    let (requests, report) = report_with_progress(global, options, requests, format)?;
    let requests = &*requests;
    let pem = if format == Format::Pem {
        Some(pem(&report, requests)?)
    } else {
        None
    };
    attached::wait(words);
    if let Err(error) = print(&report, requests, format, pem.as_deref(), global) {
        written(&error)?;
    }
    let exit = verdict(&report, requests, format, global);
    // The program ends: to take a large document apart would only cost time.
    std::mem::forget(report);
    Ok(exit)
}

/// The document of these requests; what takes long is said on stderr.
fn report_with_progress(
    global: &Global,
    options: ScanOptions,
    requests: Vec<Box<dyn Request>>,
    format: Format,
) -> Result<(Vec<Box<dyn Request>>, Report), Failure> {
    let _progress = Progress::start("reading the target", global);
    report(options, requests, format)
}

/// The document of these requests.
fn report(
    options: ScanOptions,
    requests: Vec<Box<dyn Request>>,
    format: Format,
) -> Result<(Vec<Box<dyn Request>>, Report), Failure> {
    let looked = sections::report_in_reader(options, requests, Detail::of(format));
    let Looked { requests, report } = looked.map_err(|none| Failure::no_answer(&none))?;
    let report = report.map_err(|none| Failure {
        exit: Exit::Target,
        message: advice::no_target(&none),
    })?;
    Ok((requests, report))
}

/// Refuses requests that ask for more time than the whole look may take.
fn fit(requests: &[Box<dyn Request>], timeout: Duration) -> Result<(), Failure> {
    requests.iter().try_for_each(|request| {
        section::fits(&**request, timeout)
            .map_err(|(flag, why)| Failure::usage(format!("--{flag}: {why}")))
    })
}

fn serve(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let options = serve::options::ServeOptions::from_arg_matches(own)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let options = options.with_environment(|name| std::env::var_os(name));
    if (global.reveal_all || !global.reveal.is_empty()) && !options.allow_reveal {
        return Err(Failure::usage(
            "--reveal and --reveal-all would show secrets to every HTTP client: use serve \
             --allow-reveal, which lets each request ask for them",
        ));
    }
    let look = serve::options::ScanDefaults {
        proc: global.proc.clone(),
        pid: global.pid,
        container: global.container.clone(),
        pod: global.pod.clone(),
        own: global.own,
        timeout: global.timeout.unwrap_or(SERVE_TIMEOUT),
        net: net_policy(global),
        redactor: redactor(global)?,
    };
    let served = serve::run(options, look);
    served.map(|()| Exit::Done).map_err(|error| Failure {
        exit: match error {
            ServeError::Usage(_) | ServeError::Listen { .. } => Exit::Usage,
            ServeError::System { .. } => Exit::Internal,
        },
        message: error.to_string(),
    })
}

/// Help and version are documents; everything else that clap has to say is a usage error.
fn clap_says(mut error: clap::Error, words: &[OsString]) -> Result<Exit, Failure> {
    if attached::wait(words) {
        // It was laid out for a terminal without a size.
        error = parse(words).err().unwrap_or(error);
    }
    if let Some(instead) = advice::instead_of_command(&error) {
        return Err(Failure::usage(instead));
    }
    let text = argv0::as_called(error.render().to_string(), words);
    if error.use_stderr() {
        let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        // clap repeats words as they came.
        let lines = text.lines().map(|line| escaped(line.as_bytes()));
        let text = lines.collect::<Vec<_>>().join("\n");
        return Err(Failure::usage(format!(
            "{text}{}",
            advice::for_usage(&error)
        )));
    }
    io::stdout()
        .write_all(text.as_bytes())
        .map(|()| Exit::Done)
        .or_else(|error| written(&error))
}

/// A closed pipe is no error: the reader had enough.
fn written(error: &io::Error) -> Result<Exit, Failure> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(Exit::Done);
    }
    Err(Failure::internal(format!(
        "cannot write the output: {error}"
    )))
}
