//! The commands of a way.

use std::time::Duration;

use serde_json::{Value, json};

use super::choose::Choice;
use super::kubectl::{Kubectl, step};
use super::pod::{Ephemeral, Target, at, capabilities, containers};
use super::{AttachError, KubectlOptions, PullPolicy, image, port};
use crate::attach::plan::{NAME_PREFIX, Plan, Step, container_name};
use crate::model::escape::escaped;
use crate::sys::own_image;

/// What spyhole shall do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    /// The words of its command line.
    pub(super) args: Vec<String>,
    /// The words of the one that is run in a container which is there.
    pub(super) exec_args: Vec<String>,
    pub(super) kind: TaskKind,
    /// Whether the server is given its token by stdin.
    pub(super) token: bool,
    /// How long spyhole itself gives a look.
    pub(super) time: Option<Duration>,
    /// Where a server listens in the pod.
    port: u16,
    /// The words behind `kubectl` that forward the port of this server once more.
    again: Vec<String>,
}

/// What a look may take where `--timeout` does not say it.
const LOOK_TIME: Duration = Duration::from_secs(30);

/// How long a command takes at most by its own `--timeout`; `None` for those that have none: an
/// application that is started, and checks with a time each.
fn own_time(words: &[String]) -> Option<Duration> {
    let command = words.iter().find(|word| !word.starts_with('-'));
    if command.is_some_and(|word| matches!(word.as_str(), "run" | "check")) {
        return None;
    }
    let joined = |word: &String| word.strip_prefix("--timeout=").map(str::to_owned);
    let apart = || {
        let at = words.iter().position(|word| word == "--timeout")?;
        words.get(at + 1).cloned()
    };
    let given = words.iter().find_map(joined).or_else(apart);
    let given = given.and_then(|time| humantime::parse_duration(&time).ok());
    Some(given.unwrap_or(LOOK_TIME))
}

/// How long spyhole stays, and how one reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TaskKind {
    /// It prints a document and ends.
    Once,
    /// It serves, until no request comes any more.
    Serve,
    /// A person talks with it.
    Attached,
    /// It serves, and a second spyhole in its container writes what is in files: a log is no place
    /// for that.
    Copy,
}

impl Task {
    /// # Errors
    /// Where words and flags contradict each other.
    pub(super) fn of(options: &KubectlOptions, target: &Target) -> Result<Self, AttachError> {
        let text = |word: &std::ffi::OsString| word.to_string_lossy().into_owned();
        let given: Vec<String> = options.command.iter().map(text).collect();
        let serves = given.first().is_some_and(|word| word == "serve");
        if options.serve && !given.is_empty() && !serves {
            return Err(AttachError::Usage(format!(
                "--serve serves all sections: remove {}",
                escaped(given.concat().as_bytes())
            )));
        }
        if given.iter().any(|word| port::is_listen(word)) {
            return Err(AttachError::Usage(
                "remove --listen: spyhole chooses a free port in the pod; --port sets the local one"
                .to_owned(),
            ));
        }
        let serve = options.serve || serves;
        let kind = if options.copy.is_some() {
            TaskKind::Copy
        } else if serve {
            TaskKind::Serve
        } else if options.stdin || options.tty {
            TaskKind::Attached
        } else {
            TaskKind::Once
        };
        let time = own_time(&given);
        let mut args: Vec<String> = options.passed_on.iter().map(text).collect();
        let again = again(options, &args, &given);
        let names_target = |word: &String| {
            ["-c", "--pid", "--pod", "--self"]
                .iter()
                .any(|flag| word.starts_with(flag))
                || word.starts_with("--container")
        };
        if target.shares_processes && !given.iter().chain(&args).any(names_target) {
            // Among all containers of a node others may have the same name, but none the same id.
            let id = target.container_id.as_ref().filter(|_| target.host_pid);
            args.push(format!("--container={}", id.unwrap_or(&target.container)));
        }
        // stdout and stderr of a container are one log: words would break the document.
        if kind == TaskKind::Once && !is_terminal() {
            args.push("--quiet".to_owned());
        }
        let own_access = |word: &String| OWN_ACCESS.iter().any(|flag| word.starts_with(flag));
        let token = kind == TaskKind::Serve && !given.iter().any(own_access);
        let mut exec_args = Vec::new();
        match (kind, given.is_empty()) {
            (TaskKind::Copy, _) => {
                exec_args = [&*args, &*given].concat();
                args.extend(SERVE.map(str::to_owned));
            }
            (TaskKind::Serve, true) => args.extend(SERVE.map(str::to_owned)),
            (TaskKind::Once | TaskKind::Attached, true) => {
                let told = args.iter().any(|word| word.starts_with("--output"));
                let default = if is_terminal() && !told {
                    "overview"
                } else {
                    "dump"
                };
                args.push(default.to_owned());
            }
            (TaskKind::Serve, false) if token => {
                let rest = given.into_iter().skip(1);
                let rest = rest.filter(|word| word != TOKEN_STDIN);
                args.extend(["serve".to_owned(), TOKEN_STDIN.to_owned()]);
                args.extend(rest);
            }
            _ => {
                let image = image_for_spec(&given, target);
                args.extend(given);
                args.extend(image);
            }
        }
        if kind == TaskKind::Serve {
            let missing = LIMITS
                .iter()
                .filter(|(flag, _)| !args.iter().any(|word| word.starts_with(flag)));
            let missing: Vec<String> = missing
                .map(|(flag, time)| format!("{flag}={time}"))
                .collect();
            args.extend(missing);
        }
        if exec_args.is_empty() {
            exec_args.clone_from(&args);
        }
        let port = port::free(&target.document);
        if matches!(kind, TaskKind::Copy | TaskKind::Serve) {
            args.extend(port::listen(port));
        }
        Ok(Self {
            args,
            exec_args,
            kind,
            token,
            time,
            port,
            again,
        })
    }
}

/// The flag of `spec` for the image of the target, which the pod names and nothing in the container.
fn image_for_spec(given: &[String], target: &Target) -> Option<String> {
    let is_named = |word: &String| word.starts_with("--image") || word.starts_with("--from");
    if given.first()? != "spec" || given.iter().any(is_named) {
        return None;
    }
    let containers = containers(at(&target.document, &["spec"]));
    let own = containers
        .into_iter()
        .find(|one| at(one, &["name"]) == target.container.as_str())?;
    let image = at(own, &["image"]).as_str()?;
    Some(format!("--image={image}"))
}

/// As [`Task::again`].
fn again(options: &KubectlOptions, flags: &[String], given: &[String]) -> Vec<String> {
    let mut words = vec!["spyhole".to_owned(), options.pod.clone()];
    words.extend(
        options
            .container
            .iter()
            .map(|name| format!("--container={name}")),
    );
    words.extend(flags.iter().cloned());
    words.push("--serve".to_owned());
    if !given.is_empty() {
        words.push("--".to_owned());
        words.extend(given.iter().cloned());
    }
    words
}

/// A token that it made would stand in the log of the container.
const TOKEN_STDIN: &str = "--token-stdin";
/// Flags of `serve` by which it takes another token, or none.
const OWN_ACCESS: [&str; 3] = ["--token-file", "--client-ca", "--insecure-no-auth"];
const SERVE: [&str; 4] = ["serve", TOKEN_STDIN, "--lifetime=1h", "--idle-exit=15m"];
/// A server ends by itself: an ephemeral container cannot be removed.
const LIMITS: [(&str, &str); 2] = [("--lifetime", "1h"), ("--idle-exit", "15m")];
/// The same in words.
pub(super) const LIFETIME: &str = "1 hour";
pub(super) const IDLE: &str = "15 minutes";
/// spyhole in its image.
const PROGRAM: &str = "/spyhole";

fn is_terminal() -> bool {
    use std::io::IsTerminal;
    std::io::stdout().is_terminal()
}

/// How it will be done.
#[derive(Debug, Clone)]
pub(super) struct Attachment {
    pub(super) plan: Plan,
    /// The container of spyhole.
    pub(super) container: String,
    pub(super) image: String,
    pub(super) kind: TaskKind,
    /// As [`Task::token`].
    pub(super) token: bool,
    /// As [`Task::time`].
    pub(super) time: Option<Duration>,
    /// Whether that container is there already.
    pub(super) reused: bool,
    /// As [`Task::again`].
    pub(super) again: Vec<String>,
    /// Whether a server ends after [`IDLE`] and [`LIFETIME`].
    pub(super) has_usual_limits: bool,
}

impl Attachment {
    /// With a container that is there already, unless it has to be a new one.
    ///
    /// # Errors
    /// Where the kernel gives no randomness for a name.
    pub(super) fn of(
        kubectl: &Kubectl,
        target: &Target,
        choice: Choice,
        task: &Task,
        options: &KubectlOptions,
        new: bool,
    ) -> Result<Self, AttachError> {
        let image = image(options)?;
        let there = target
            .ephemeral
            .iter()
            .find(|one| !new && serves(one, target, &choice, &image, task));
        let (container, reused) = match there {
            Some(one) => (one.name.clone(), true),
            None => (container_name()?, false),
        };
        let remote = there.and_then(|one| port::served(&one.args));
        let remote = remote.unwrap_or(task.port);
        let mut plan = Plan {
            run_as: choice.run_as,
            because: choice.because,
            limits: choice.limits,
            steps: Vec::new(),
        };
        let commands = Commands {
            kubectl,
            target,
            container: &container,
        };
        if reused {
            plan.because
                .push(format!("reusing spyhole's running container {container}"));
        } else {
            plan.limits.push(format!(
                "the container stays listed in the pod as {container}: Kubernetes cannot remove \
                 ephemeral containers"
            ));
            let file = format!("{container}.json");
            let custom = json!({ "securityContext": choice.context }).to_string();
            let add = commands.add(&image, choice.profile, &file, task, options);
            plan.steps.push(Step {
                file: Some((file, custom)),
                words: add,
            });
        }
        match (task.kind, reused) {
            (TaskKind::Once | TaskKind::Attached, true) => {
                plan.steps.push(step(commands.exec(task, options)));
            }
            (TaskKind::Once, false) => {
                plan.steps.push(step(commands.wait("terminated", options)));
                plan.steps.push(step(commands.logs()));
            }
            (TaskKind::Attached, false) if options.needs_terminal => {}
            (TaskKind::Attached, false) => plan.limits.push(
                "output before the terminal is attached may be lost; without -it it is complete"
                    .to_owned(),
            ),
            (TaskKind::Copy, _) => {
                if !reused {
                    plan.steps.push(step(commands.wait("running", options)));
                }
                plan.steps.push(step(commands.exec(task, options)));
            }
            (TaskKind::Serve, _) => {
                if !reused {
                    plan.steps.push(step(commands.wait("running", options)));
                }
                if task.token {
                    plan.steps.push(step(commands.attach()));
                }
                plan.steps.push(step(commands.logs()));
                plan.steps
                    .push(step(commands.forward(options.port, remote)));
            }
        }
        Ok(Self {
            plan,
            container,
            image,
            kind: task.kind,
            token: task.token,
            time: task.time,
            reused,
            again: task.again.clone(),
            has_usual_limits: LIMITS
                .iter()
                .all(|(flag, time)| task.args.contains(&format!("{flag}={time}"))),
        })
    }
}

/// Whether a container that runs already is what would be added, and stays: one that serves. Any
/// other ends once it has said what it was asked.
fn serves(one: &Ephemeral, target: &Target, choice: &Choice, image: &str, task: &Task) -> bool {
    let same = |key: &str| at(&one.security_context, &[key]) == at(&choice.context, &[key]);
    let added = |context: &Value| capabilities(at(context, &["capabilities", "add"]));
    one.running
        && one.name.starts_with(NAME_PREFIX)
        && one.image == image
        && one.target == target.container
        && same("runAsUser")
        && same("runAsGroup")
        && added(&one.security_context) == added(&choice.context)
        && port::served(&one.args).is_some()
        && one.args.iter().any(|word| word == "serve")
        && (task.kind != TaskKind::Serve || serves_alike(&one.args, &task.args))
}

/// Whether two servers allow the same and take their token alike. Where they listen may differ.
fn serves_alike(one: &[String], other: &[String]) -> bool {
    let telling = |words: &[String]| -> Vec<String> {
        let words = words.iter().filter(|word| !port::is_listen(word));
        words.cloned().collect()
    };
    telling(one) == telling(other)
}

struct Commands<'a> {
    kubectl: &'a Kubectl,
    target: &'a Target,
    container: &'a str,
}

impl Commands<'_> {
    fn words(&self, words: &[&str]) -> Vec<String> {
        self.kubectl.words(&self.target.namespace, words)
    }

    fn add(
        &self,
        image: &str,
        profile: &str,
        file: &str,
        task: &Task,
        options: &KubectlOptions,
    ) -> Vec<String> {
        let mut words = self.words(&["debug", &self.target.pod, "--quiet"]);
        words.push(format!("--image={image}"));
        // Without a tag, or as latest, kubelet would ask a registry that has no such image.
        let if_absent = own_image::is_local(image).then_some(PullPolicy::IfNotPresent);
        if let Some(policy) = options.image_pull_policy.or(if_absent) {
            words.push(format!("--image-pull-policy={}", policy.as_str()));
        }
        words.push(format!("--target={}", self.target.container));
        words.push(format!("--container={}", self.container));
        words.push(format!("--profile={profile}"));
        words.push(format!("--custom={file}"));
        if task.kind == TaskKind::Attached {
            words.push("--stdin".to_owned());
            words.extend(options.tty.then(|| "--tty".to_owned()));
        } else {
            // What is written to stdin later needs it open from the start.
            let stdin = task.token || task.kind == TaskKind::Copy;
            words.extend(stdin.then(|| "--stdin".to_owned()));
            words.push("--attach=false".to_owned());
        }
        words.extend(["--arguments-only".to_owned(), "--".to_owned()]);
        words.extend(task.args.iter().cloned());
        words
    }

    fn exec(&self, task: &Task, options: &KubectlOptions) -> Vec<String> {
        let mut words = self.words(&["exec", &self.target.pod]);
        words.push(format!("--container={}", self.container));
        words.extend(options.stdin.then(|| "--stdin".to_owned()));
        words.extend(options.tty.then(|| "--tty".to_owned()));
        words.extend(["--".to_owned(), PROGRAM.to_owned()]);
        words.extend(task.exec_args.iter().cloned());
        words
    }

    fn wait(&self, state: &str, options: &KubectlOptions) -> Vec<String> {
        let mut words = self.words(&["wait"]);
        words.push(format!("pod/{}", self.target.pod));
        words.push(format!(
            "--for=jsonpath={{.status.ephemeralContainerStatuses[?(@.name==\"{}\")].state.{state}}}",
            self.container
        ));
        let time = match state {
            "terminated" => options.timeout.saturating_add(options.lasts),
            _ => options.timeout,
        };
        words.push(format!("--timeout={}s", time.as_secs().max(1)));
        words
    }

    /// What writes the token to the server's stdin.
    fn attach(&self) -> Vec<String> {
        let container = format!("--container={}", self.container);
        self.words(&["attach", &self.target.pod, &container, "--stdin", "--quiet"])
    }

    fn logs(&self) -> Vec<String> {
        let container = format!("--container={}", self.container);
        self.words(&["logs", &self.target.pod, &container])
    }

    fn forward(&self, local: u16, remote: u16) -> Vec<String> {
        let ports = format!("{local}:{remote}");
        self.words(&["port-forward", &format!("pod/{}", self.target.pod), &ports])
    }
}
