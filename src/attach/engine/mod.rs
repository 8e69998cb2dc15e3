//! `spyhole podman CONTAINER` and `spyhole docker CONTAINER`: one more container beside it, by
//! the user's own engine, which is asked for its containers; nothing is stored in it.

mod choose;
mod container;
mod identity;
mod refusal;
mod serve;
mod words;

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use clap::Args;

pub(crate) use refusal::EngineRefusal;

use super::AttachError;
use super::copy::{self, CopyRequest};
use super::plan::{Plan, RunAs, line_for_terminal};
use crate::model::escape::escaped;
use crate::sys::own_image;
use crate::sys::tool::{OwnProgram, Said, ask_within, hand_over_listening, read_from, stream};
use choose::{BinarySource, Situation};
use container::Container;
use identity::ProcessIdentities;
use refusal::{EngineReason, NoFile, StoppedContainer};

/// The inspection of a container is some KiB.
const ANSWER_BYTES: usize = 16 << 20;
/// An engine answers at once, or is ill.
const ANSWER_TIME: Duration = Duration::from_mins(1);
/// What the engine says last is what it refused.
const LAST_WORDS: usize = 8 << 10;
/// Exit codes of `run` that are the engine's own.
const ENGINES_OWN: std::ops::RangeInclusive<u8> = 125..=127;
/// SIGKILL, as an exit code.
const KILLED: u8 = 137;

/// What `spyhole podman` and `spyhole docker` take.
#[derive(Debug, Args)]
pub(crate) struct EngineOptions {
    /// The container to inspect, by name or id.
    #[arg(id = "beside", value_name = "CONTAINER")]
    pub container: String,
    /// Use this image, whose entrypoint is spyhole (default: the image spyhole if present, else
    /// this program is mounted into the container's image).
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Run the HTTP API next to the target, and forward a port of this machine to it.
    #[arg(long, visible_alias = "port-forward")]
    pub serve: bool,
    /// Open the page in a browser, with --serve.
    #[arg(long, requires = "serve")]
    pub open: bool,
    /// Local port for --serve.
    #[arg(long, value_name = "PORT", default_value_t = PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Print the command without running it.
    #[arg(long)]
    pub dry_run: bool,
    /// The spyhole command to run there (default: shell on a terminal, else dump).
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,

    /// What `cp` is to copy; the command is then what writes the archive.
    #[arg(skip)]
    pub copy: Option<CopyRequest>,
}

/// Where spyhole serves by itself.
const PORT: u16 = 7794;

/// The program that runs the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// `docker`.
    Docker,
    /// `podman`.
    Podman,
}

impl Engine {
    /// As it is called.
    fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    fn refuses(self, reason: EngineReason) -> AttachError {
        EngineRefusal {
            engine: self,
            reason,
        }
        .into()
    }

    /// Exports an image of this name: what it prints goes to `sink`, piece by piece.
    ///
    /// # Errors
    /// The engine is not there, has no such image, or its output is not taken.
    pub(crate) fn export(
        self,
        image: &str,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), AttachError> {
        let words = ["image", "save", image].map(OsString::from);
        let said = stream(OsStr::new(self.program()), &words, sink)?;
        if said.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&said.stderr).trim().to_owned();
        Err(self.refuses(EngineReason::NotExported {
            image: image.to_owned(),
            said: words,
        }))
    }

    /// Whether it has an image of this name.
    pub(crate) fn has_image(self, image: &str) -> bool {
        let said = self.ask(&["image", "inspect", "--format", "{{.Id}}", image]);
        said.is_ok_and(|said| said.status.success())
    }

    /// The runtime that it starts containers with, as it calls it.
    pub(crate) fn runtime(self) -> Option<String> {
        let field = match self {
            Self::Docker => "{{.DefaultRuntime}}",
            Self::Podman => "{{.Host.OCIRuntime.Name}}",
        };
        let said = self.ask(&["info", "--format", field]).ok()?;
        let name = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        (said.status.success() && !name.is_empty()).then_some(name)
    }

    fn ask(self, words: &[&str]) -> Result<Said, AttachError> {
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        let program = OsStr::new(self.program());
        Ok(ask_within(program, &words, ANSWER_BYTES, ANSWER_TIME)?)
    }
}

/// Puts spyhole beside the container and returns the exit code: that of what spyhole did there.
/// The plan is printed on stderr, unless `quiet`.
///
/// # Errors
/// [`AttachError`], as a sentence with its remedy.
pub(crate) fn run(engine: Engine, options: &EngineOptions, quiet: bool) -> Result<u8, AttachError> {
    let mut command = utf8(&options.command)?;
    let mut server = None;
    if options.serve {
        let (name, words) = serve::prepare(&command)?;
        (server, command) = (Some(name), words);
    }
    let container = inspect(engine, &options.container)?;
    if !container.is_up() {
        let stopped = StoppedContainer::of(&container);
        return Err(engine.refuses(EngineReason::NotRunning(stopped)));
    }
    let here = ProcessIdentities::here(&container);
    let carrier = carrier(engine, &container, options, here.is_some())?;
    let identities = here.unwrap_or_else(|| elsewhere(engine, &container));
    let mut plan = choose::plan(&Situation {
        engine,
        container: &container,
        identities: &identities,
        carrier: &carrier,
        // A terminal would change the bytes of an archive.
        terminal: options.copy.is_none()
            && server.is_none()
            && io::stdin().is_terminal()
            && io::stdout().is_terminal(),
        server: server.as_deref(),
        command: &command,
    });
    if let Some(name) = &server {
        plan.steps.push(serve::relay(engine, name, &carrier));
    }
    if !quiet {
        tell(&plan, &container);
    }
    if options.dry_run {
        let mut out = io::stdout();
        for step in &plan.steps {
            // The reader of a closed pipe has seen enough.
            let _ = writeln!(out, "{}", escaped(step.shown().as_bytes()));
        }
        return Ok(0);
    }
    match &options.copy {
        None if options.serve => serve::run(engine, &plan, &container, options, quiet),
        None => carry_out(engine, &plan, &container),
        Some(request) => copy_out(engine, &plan, &container, request, quiet),
    }
}

/// What the engine knows of a container.
fn inspect(engine: Engine, name: &str) -> Result<Container, AttachError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain);
    if !is_name {
        return Err(AttachError::Usage(format!(
            "{:?} is not a valid container name (letters, digits, _, . and - only)",
            escaped(name.as_bytes())
        )));
    }
    let said = engine.ask(&["container", "inspect", name])?;
    if said.status.success() {
        return Container::parse(&said.stdout)
            .ok_or_else(|| engine.refuses(EngineReason::UnexpectedOutput));
    }
    let words = String::from_utf8_lossy(&said.stderr);
    let reason = refusal::of_inspect(name, &words, || running(engine));
    Err(engine.refuses(reason))
}

/// The names of what runs; none where that cannot be known.
fn running(engine: Engine) -> Vec<String> {
    let said = engine.ask(&["container", "ls", "--format", "{{.Names}}"]);
    let said = said.map(|said| said.stdout).unwrap_or_default();
    let names = String::from_utf8_lossy(&said);
    names
        .lines()
        .map(|name| escaped(name.as_bytes()).into_owned())
        .collect()
}

/// What brings the program: the image that was named, the usual one, or this file.
fn carrier(
    engine: Engine,
    container: &Container,
    options: &EngineOptions,
    is_here: bool,
) -> Result<BinarySource, AttachError> {
    if let Some(image) = &options.image {
        if !own_image::is_name(image) {
            return Err(AttachError::Usage(format!(
                "--image {image:?} is not a valid image name"
            )));
        }
        return Ok(BinarySource::Image(image.clone()));
    }
    let usual = own_image::name();
    let image = engine.ask(&["image", "inspect", "--format", "{{.Id}}", &usual])?;
    if image.status.success() {
        return Ok(BinarySource::Image(usual));
    }
    let refused = |why| {
        engine.refuses(EngineReason::NoImage {
            name: container.name.clone(),
            image: usual.clone(),
            why,
        })
    };
    if !is_here {
        return Err(refused(NoFile::EngineElsewhere));
    }
    if container.image.is_empty() {
        return Err(refused(NoFile::ContainerWithoutImage));
    }
    let own = OwnProgram::find().map_err(|why| refused(NoFile::OwnFileUnknown(why.to_string())))?;
    let path = own.path.to_str().filter(|_| own.is_static && own.for_all);
    let path = path.ok_or_else(|| {
        refused(if own.is_static {
            NoFile::OwnFileMode
        } else {
            NoFile::OwnLibraries
        })
    })?;
    Ok(BinarySource::File {
        path: path.to_owned(),
        instead_of: usual,
    })
}

/// The ids of the processes where this machine's /proc does not show them.
fn elsewhere(engine: Engine, container: &Container) -> ProcessIdentities {
    let columns: &[&str] = match engine {
        Engine::Docker => &["-eo", "pid,uid,gid"],
        Engine::Podman => &["user,group,capprm"],
    };
    let said = engine.ask(&[&["top", &container.id], columns].concat());
    let listed = said.ok().filter(|said| said.status.success());
    let read = |said: Said| {
        let text = String::from_utf8_lossy(&said.stdout);
        match engine {
            Engine::Docker => ProcessIdentities::from_docker_top(&text),
            Engine::Podman => ProcessIdentities::from_podman_top(&text),
        }
    };
    listed
        .and_then(read)
        .unwrap_or_else(|| ProcessIdentities::asked(container))
}

/// The plan in a few lines; a closed stderr is no error.
fn tell(plan: &Plan, container: &Container) {
    let identity = match plan.run_as {
        RunAs::Target { uid, gid } => format!("as uid {uid} gid {gid}, without capabilities"),
        RunAs::RootWithPtrace => "as root with SYS_PTRACE and DAC_READ_SEARCH".to_owned(),
        RunAs::Stranger => "as the image's default user".to_owned(),
    };
    let (name, id) = (&container.name, container.short_id());
    let mut lines = vec![format!("next to {name} ({id}), {identity}")];
    lines.extend(
        plan.because
            .iter()
            .chain(&plan.limits)
            .map(|line| format!("  {line}")),
    );
    for line in lines {
        let _ = writeln!(io::stderr(), "{}", line_for_terminal(&line));
    }
}

fn carry_out(engine: Engine, plan: &Plan, container: &Container) -> Result<u8, AttachError> {
    for step in &plan.steps {
        let Some((program, words)) = step.words.split_first() else {
            continue;
        };
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        let (status, said) = hand_over_listening(OsStr::new(program), &words, LAST_WORDS)?;
        let code = code_of(status);
        if ENGINES_OWN.contains(&code) {
            let said = String::from_utf8_lossy(&said);
            return Err(engine.refuses(refusal::of_run(container, code, &said)));
        }
        if code == KILLED
            && let Ok(now) = inspect(engine, &container.id)
            && !now.is_up()
        {
            // All processes of a PID namespace die with its first one.
            let stopped = StoppedContainer::of(&now);
            return Err(engine.refuses(EngineReason::CutShort(stopped)));
        }
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}

/// Runs the plan and unpacks what it writes.
fn copy_out(
    engine: Engine,
    plan: &Plan,
    container: &Container,
    request: &CopyRequest,
    quiet: bool,
) -> Result<u8, AttachError> {
    let words = plan.steps.first().map(|step| step.words.as_slice());
    let Some((program, words)) = words.and_then(<[String]>::split_first) else {
        return Ok(0);
    };
    let words: Vec<_> = words.iter().map(OsString::from).collect();
    let (received, said) = read_from(OsStr::new(program), &words, |input| request.receive(input))?;
    let code = code_of(said.status);
    if ENGINES_OWN.contains(&code) {
        let said = String::from_utf8_lossy(&said.stderr);
        return Err(engine.refuses(refusal::of_run(container, code, &said)));
    }
    copy::say_lines(&said.stderr);
    let explained = !said.stderr.is_empty();
    Ok(copy::ended(request, received, code, explained, quiet)?)
}

fn code_of(status: ExitStatus) -> u8 {
    let of_signal = || status.signal().map(|signal| signal.saturating_add(128));
    let code = status.code().or_else(of_signal);
    code.and_then(|code| code.try_into().ok()).unwrap_or(1)
}

fn utf8(command: &[OsString]) -> Result<Vec<String>, AttachError> {
    let word = |word: &OsString| word.to_str().map(str::to_owned);
    let words: Option<_> = command.iter().map(word).collect();
    words.ok_or_else(|| {
        AttachError::Usage(
            "the arguments of the command are not valid \
        UTF-8"
                .to_owned(),
        )
    })
}
