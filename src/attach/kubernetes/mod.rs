//! `kubectl spyhole POD`: an ephemeral container, by the user's own kubectl: its configuration,
//! its login and its rights. Read the pod, choose the way that will be admitted and will see,
//! print it, run it.

mod admission;
mod choose;
mod ending;
mod kubectl;
mod plan;
mod pod;
mod pod_security;
mod port;
mod refusal;
mod reuse;
mod run;
mod stream;
mod target_refusal;
#[cfg(test)]
mod tests;
mod words;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

pub(crate) use refusal::KubectlRefusal;
pub(crate) use target_refusal::TargetRefusal;

use super::AttachError;
use super::copy::CopyRequest;
use super::plan::{Plan, RunAs, line_for_terminal};
use crate::model::escape::escaped;
use crate::model::pod_security::PodSecurityLevel;
use crate::sys::own_image;
use admission::Admission;
use choose::Given;
use kubectl::Kubectl;
use plan::{Attachment, Task};
use pod::Target;
use port::PORT;
use stream::{Ended, Frame};

/// The subcommand that is the plugin of kubectl.
pub(crate) const COMMAND: &str = "kubectl";

/// What `kubectl spyhole` takes.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct KubectlOptions {
    /// The pod to inspect: NAME or pod/NAME.
    #[arg(value_name = "POD")]
    pub pod: String,
    /// The spyhole command to run there (default: shell on a terminal, else dump).
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,

    /// The container to inspect (default: the pod's default container, or the first).
    #[arg(short, long, value_name = "NAME")]
    pub container: Option<String>,
    /// Run the HTTP API next to the target and forward its port to this machine.
    #[arg(long, visible_alias = "port-forward")]
    pub serve: bool,
    /// Open the page in a browser, with --serve.
    #[arg(long, requires = "serve")]
    pub open: bool,
    /// Local port for --serve.
    #[arg(long, value_name = "PORT", default_value_t = PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Pass stdin to spyhole.
    #[arg(short = 'i', long)]
    pub stdin: bool,
    /// Allocate a terminal for spyhole.
    #[arg(short = 't', long)]
    pub tty: bool,

    /// Use this image of spyhole (or set SPYHOLE_IMAGE).
    #[arg(long, value_name = "IMAGE", help_heading = CONNECTION)]
    pub image: Option<String>,
    /// When to pull the image: Always, IfNotPresent or Never.
    #[arg(long, value_name = "POLICY", hide_possible_values = true, help_heading = CONNECTION)]
    pub image_pull_policy: Option<PullPolicy>,
    /// Run as this user and group (default: the target's, as found in the pod).
    #[arg(long, value_name = "UID[:GID]", value_parser = user, help_heading = CONNECTION)]
    pub run_as: Option<User>,
    /// Run as root that reads every process.
    #[arg(long, conflicts_with = "run_as", help_heading = CONNECTION, help = AS_ROOT)]
    pub as_root: bool,
    /// Assume this Pod Security level for the namespace: privileged, baseline or restricted.
    #[arg(long, value_name = "LEVEL", value_parser = level, help_heading = CONNECTION)]
    pub level: Option<PodSecurityLevel>,
    /// Always add a new ephemeral container, even if a usable one is running.
    #[arg(long, help_heading = CONNECTION)]
    pub new: bool,
    /// Print the commands without running them.
    #[arg(long, help_heading = CONNECTION)]
    pub dry_run: bool,
    /// Wait at most this long for the container to start.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration, help_heading = CONNECTION)]
    pub timeout: Duration,
    /// Print only errors on stderr.
    #[arg(short, long, help_heading = CONNECTION)]
    pub quiet: bool,

    /// Namespace of the pod.
    #[arg(short, long, value_name = "NAME", help_heading = KUBECTL)]
    pub namespace: Option<String>,
    /// Use this kubeconfig context.
    #[arg(long, value_name = "NAME", help_heading = KUBECTL)]
    pub context: Option<String>,
    /// Use this kubeconfig cluster.
    #[arg(long, value_name = "NAME", help_heading = KUBECTL)]
    pub cluster: Option<String>,
    /// Use this kubeconfig user.
    #[arg(long, value_name = "NAME", help_heading = KUBECTL)]
    pub user: Option<String>,
    /// Use this kubeconfig file.
    #[arg(long, value_name = "FILE", help_heading = KUBECTL)]
    pub kubeconfig: Option<String>,
    /// Impersonate this user.
    #[arg(long = "as", value_name = "USER", help_heading = KUBECTL)]
    pub impersonate: Option<String>,
    /// Impersonate this group (repeatable).
    #[arg(long, value_name = "GROUP", action = ArgAction::Append, help_heading = KUBECTL)]
    pub as_group: Vec<String>,

    /// Flags of the command line that are meant for spyhole beside the target.
    #[arg(skip)]
    pub passed_on: Vec<OsString>,
    /// What `cp` or a command that shows files brings; the command is then what writes it.
    #[arg(skip)]
    pub copy: Option<CopyRequest>,
    /// How long the command is to take by its own flags, beyond a look.
    #[arg(skip)]
    pub lasts: Duration,
    /// Whether the terminal is for a command that needs one, and was not asked for by flags.
    #[arg(skip)]
    pub needs_terminal: bool,
}

const CONNECTION: &str = "Connection";
const AS_ROOT: &str = "Run as root with SYS_PTRACE and DAC_READ_SEARCH, which reads every process";
const KUBECTL: &str = "kubectl";

/// When a node fetches the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum PullPolicy {
    /// Each time.
    Always,
    /// Where it is not there.
    IfNotPresent,
    /// It must be there.
    Never,
}

impl PullPolicy {
    fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// A user of the target, as its user namespace numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    /// Its number.
    pub uid: u32,
    /// Its group, where that is known.
    pub gid: Option<u32>,
}

/// Puts spyhole beside the container and returns the exit code.
///
/// # Errors
/// [`AttachError`], as a sentence with its remedy.
pub(crate) fn run(options: &KubectlOptions) -> Result<u8, AttachError> {
    let kubectl = Kubectl::of(options)?;
    let name = pod_name(&options.pod, &kubectl)?;
    if options.tty && !io::stdin().is_terminal() && !options.dry_run {
        return Err(AttachError::Usage(
            "-t requires a terminal, but stdin is not one".to_owned(),
        ));
    }
    let container = options.container.as_deref();
    let target = Target::of(&kubectl.pod(&name)?, &name, container, &kubectl)?;
    let admission = admission::of(&kubectl, &target, options.level)?;
    let choice = choose::choose(&target, &admission, given(options));
    let task = Task::of(options, &target)?;
    let attachment = |new| Attachment::of(&kubectl, &target, choice.clone(), &task, options, new);
    let first = attachment(options.new)?;
    tell(&target, &first.plan, options.quiet);
    if options.dry_run {
        return print(&first.plan);
    }
    let run = |attachment: &Attachment| {
        let mut frame = Frame::default();
        let ended = run::run(&kubectl, &target, attachment, options, &mut frame);
        if !options.quiet {
            propose_root(&frame, attachment, &admission);
        }
        ended.map_err(|error| admission.explain(error, &target))
    };
    let why = match run(&first)? {
        Ended::With(code) => return Ok(code),
        Ended::NotReused(why) => why,
    };
    let second = attachment(true)?;
    if !options.quiet {
        let words = format!(
            "{} cannot be reused, so {} is added: {why}",
            first.container, second.container
        );
        let _ = writeln!(io::stderr(), "{}", line_for_terminal(&words));
    }
    match run(&second)? {
        Ended::With(code) => Ok(code),
        Ended::NotReused(why) => Err(TargetRefusal::NotReused(why).into()),
    }
}

/// Says what would read a process that was not readable, where it is admitted.
fn propose_root(frame: &Frame, attachment: &Attachment, admission: &Admission) {
    let by_ptrace = attachment.plan.run_as == RunAs::RootWithPtrace;
    if by_ptrace || admission.level != PodSecurityLevel::Privileged {
        return;
    }
    if let Some(reason) = frame.ptrace_helps() {
        let _ = writeln!(
            io::stderr(),
            "not everything could be read ({}): --as-root reads it, which the namespace admits",
            reason.describe()
        );
    }
}

fn given(options: &KubectlOptions) -> Given {
    match options.run_as {
        _ if options.as_root => Given::RootWithPtrace,
        Some(user) => Given::User(user),
        None => Given::Nothing,
    }
}

/// The image that is put there.
fn image(options: &KubectlOptions) -> Result<String, AttachError> {
    match &options.image {
        None => Ok(own_image::name()),
        Some(image) if own_image::is_name(image) => Ok(image.clone()),
        Some(image) => Err(AttachError::Usage(format!(
            "--image {:?} is not a valid image name",
            escaped(image.as_bytes())
        ))),
    }
}

/// The plan in short, for a person.
fn tell(target: &Target, plan: &Plan, quiet: bool) {
    if quiet {
        return;
    }
    let identity = match plan.run_as {
        RunAs::Target { uid, gid } => format!("as {uid}:{gid}"),
        RunAs::RootWithPtrace => "as root with SYS_PTRACE and DAC_READ_SEARCH".to_owned(),
        RunAs::Stranger => "as 65532:65532".to_owned(),
    };
    let mut lines = vec![format!(
        "next to {} of {}/{}, {identity}",
        target.container, target.namespace, target.pod
    )];
    lines.extend(plan.because.iter().map(|line| format!("  {line}")));
    lines.extend(plan.limits.iter().map(|line| format!("  but: {line}")));
    for line in lines {
        let _ = writeln!(io::stderr(), "{}", line_for_terminal(&line));
    }
}

/// The commands alone, a line each.
fn print(plan: &Plan) -> Result<u8, AttachError> {
    let mut out = io::stdout().lock();
    for line in plan.steps.iter().flat_map(|step| {
        let lines = step.shown();
        lines.lines().map(str::to_owned).collect::<Vec<_>>()
    }) {
        match writeln!(out, "{}", escaped(line.as_bytes())) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            done => done.map_err(crate::sys::tool::ToolError::Output)?,
        }
    }
    Ok(0)
}

/// The name in `NAME` or `pod/NAME`; whatever else it holds, it cannot be taken for a flag.
fn pod_name(word: &str, kubectl: &Kubectl) -> Result<String, AttachError> {
    let name = match word.split_once('/') {
        None => word,
        Some(("pod" | "pods" | "po", name)) => name,
        Some((kind, _)) => {
            return Err(AttachError::Usage(format!(
                "a {} is not a pod; specify one of its pods ({} lists them)",
                escaped(kind.as_bytes()),
                kubectl.line(None, &["get", "pods"])
            )));
        }
    };
    let usual = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins_well || !name.chars().all(usual) || name.len() > 253 {
        return Err(AttachError::Usage(format!(
            "{} is not a valid pod name",
            crate::attach::plan::quoted(&escaped(name.as_bytes()))
        )));
    }
    Ok(name.to_owned())
}

fn user(text: &str) -> Result<User, String> {
    let number = |text: &str| {
        let number = text.parse::<u32>().ok().filter(|id| *id < u32::MAX);
        number.ok_or_else(|| format!("{text:?} is not a numeric user or group id"))
    };
    let (uid, gid) = match text.split_once(':') {
        Some((uid, gid)) => (uid, Some(number(gid)?)),
        None => (text, None),
    };
    Ok(User {
        uid: number(uid)?,
        gid,
    })
}

fn level(text: &str) -> Result<PodSecurityLevel, String> {
    PodSecurityLevel::of_label(text)
        .ok_or_else(|| "expected privileged, baseline or restricted".to_owned())
}
