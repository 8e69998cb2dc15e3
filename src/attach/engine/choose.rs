//! The way beside a container: the least that reads all of it. Pure.

use std::collections::BTreeSet;

use super::Engine;
use super::container::Container;
use super::identity::{ProcessIdentities, ProcessIdentity, Source};
use crate::attach::plan::{Plan, RunAs, Step};
use crate::parse::capabilities;

/// Where the program stands in a container that was made for another.
pub(super) const ENTRY: &str = "/.spyhole";
/// The `AppArmor` profiles of the engines: what runs under one may read what runs under the same.
const OWN_PROFILES: [&str; 2] = ["docker-default", "containers-default-"];
/// The most supplementary groups that are passed to an engine.
const GROUPS_LIMIT: usize = 32;
/// More names than a sentence bears.
const NAMES_SHOWN: usize = 4;

/// What the plan depends on.
#[derive(Debug)]
pub(super) struct Situation<'a> {
    pub(super) engine: Engine,
    pub(super) container: &'a Container,
    pub(super) identities: &'a ProcessIdentities,
    pub(super) carrier: &'a BinarySource,
    /// Whether a person sits before it.
    pub(super) terminal: bool,
    /// The name of the new container, where a server is to run in it.
    pub(super) server: Option<&'a str>,
    /// The words for spyhole.
    pub(super) command: &'a [String],
}

/// What brings the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BinarySource {
    /// An image that has it as its entrypoint.
    Image(String),
    /// This machine's file, mounted into a container of the target's own image.
    File {
        path: String,
        /// The image that is not there.
        instead_of: String,
    },
}

/// The plan.
pub(super) fn plan(situation: &Situation<'_>) -> Plan {
    let (run_as, why) = choose_user(situation.container, situation.identities);
    let mut because = vec![why];
    if let BinarySource::File { instead_of, .. } = situation.carrier {
        because.push(format!(
            "image {instead_of} not found: this program is mounted read-only into a container of \
             the target's image"
        ));
    }
    Plan {
        run_as,
        because,
        limits: limits(situation),
        steps: vec![Step {
            file: None,
            words: words(situation, run_as),
        }],
    }
}

/// The target's own user where that reads everything, root otherwise.
fn choose_user(container: &Container, identities: &ProcessIdentities) -> (RunAs, String) {
    let (root, whos) = (RunAs::RootWithPtrace, &identities.whos);
    let users: BTreeSet<_> = whos
        .iter()
        .map(|identity| (identity.uid, identity.gid))
        .collect();
    let Some(&(uid, gid)) = users.first() else {
        let why = "the user of its processes cannot be read from here";
        return (root, format!("{why}: using root with SYS_PTRACE"));
    };
    if users.len() > 1 {
        let several = users.iter().map(|(uid, gid)| format!("{uid}:{gid}"));
        let several = some(several.collect());
        let why = format!("its processes run as different users ({several})");
        return (root, format!("{why}: SYS_PTRACE is required"));
    }
    if whos.iter().any(|identity| identity.closed) {
        let why = "one of its processes is not dumpable, or changed its user";
        return (
            root,
            format!("{why}: SYS_PTRACE is required, the same user is not sufficient"),
        );
    }
    let held = |identity: &ProcessIdentity| identity.permitted.unwrap_or(0);
    let held = whos.iter().fold(0, |all, identity| all | held(identity));
    if held != 0 {
        let names = some(capabilities::names(held).map(Into::into).collect());
        let why = format!("its processes have capabilities ({names})");
        return (
            root,
            format!("{why}: reading them requires the same capabilities, or SYS_PTRACE"),
        );
    }
    let told = whos.iter().all(|identity| identity.permitted.is_some());
    if !told && (uid == 0 || container.privileged) {
        let why = "the capabilities of its processes cannot be read from here";
        return (root, format!("{why}: using root with SYS_PTRACE"));
    }
    let why = match identities.source {
        Source::Here | Source::Top => "all its processes run as that user without capabilities",
        Source::Asked | Source::Nowhere => "it was started as that user without capabilities",
    };
    (
        RunAs::Target { uid, gid },
        format!("{why}: using the same user"),
    )
}

fn limits(situation: &Situation<'_>) -> Vec<String> {
    let (engine, container) = (situation.engine.program(), situation.container);
    let mut limits = Vec::new();
    if container.state.paused {
        let name = &container.name;
        limits.push(format!(
            "{name} is paused: its state is frozen until: {engine} unpause {name}"
        ));
    }
    if !container.pod.is_empty() {
        limits.push("it is a member of the pod until it exits".to_owned());
    }
    if looks_unconfined(container) {
        limits.push(
            "it runs unconfined by AppArmor, because the container's profile is not the engine's \
             default"
                .to_owned(),
        );
    }
    if !container.process_label.is_empty() {
        limits.push(
            "it runs without an SELinux label, which would prevent it from reading another \
             container"
                .to_owned(),
        );
    }
    limits
}

fn words(situation: &Situation<'_>, run_as: RunAs) -> Vec<String> {
    let container = situation.container;
    let beside = format!("container:{}", container.id);
    let mut words = vec![situation.engine.program().to_owned()];
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    add(&["run", "--rm"]);
    if situation.terminal {
        add(&["--interactive", "--tty"]);
    } else if let Some(name) = situation.server {
        add(&["--interactive", "--name", name]);
        // For its socket, by which connections come.
        add(&["--tmpfs", "/run:rw,mode=1777,size=64k"]);
    }
    // What it prints is for the user, not for a log.
    add(&["--log-driver", "none", "--pid", &beside]);
    if container.pod.is_empty() {
        add(&["--network", &beside]);
        match container.userns.as_str() {
            "" => {}
            "host" => add(&["--userns", "host"]),
            _ => add(&["--userns", &beside]),
        }
    } else {
        // Only members of a pod may join each other: spyhole becomes one.
        add(&["--pod", &container.pod]);
    }
    add(&["--cap-drop", "ALL"]);
    match run_as {
        RunAs::Target { uid, gid } => {
            add(&["--user", &format!("{uid}:{gid}")]);
            let groups = situation
                .identities
                .whos
                .iter()
                .flat_map(|identity| &identity.groups);
            let groups: BTreeSet<_> = groups.collect();
            for group in groups.into_iter().take(GROUPS_LIMIT) {
                add(&["--group-add", &group.to_string()]);
            }
        }
        RunAs::RootWithPtrace | RunAs::Stranger => {
            // Listing another's descriptors and opening its environment ask for the rights on
            // files first, and only then for those of ptrace. Those to read suffice.
            add(&["--user", "0:0", "--cap-add", "SYS_PTRACE"]);
            add(&["--cap-add", "DAC_READ_SEARCH"]);
        }
    }
    add(&["--security-opt", "no-new-privileges"]);
    if !container.process_label.is_empty() {
        add(&["--security-opt", "label=disable"]);
    }
    if looks_unconfined(container) {
        add(&["--security-opt", "apparmor=unconfined"]);
    }
    // Podman gives every container limits of its own choice, and fails where the machine's are
    // lower. What the target has was granted.
    if situation.engine == Engine::Podman {
        for limit in &container.limits {
            let (name, value) = (limit.name, &limit.value);
            add(&["--ulimit", &format!("{name}={value}:{value}")]);
        }
    }
    // The target's working directory need not be there, nor be open to this user.
    add(&["--read-only", "--workdir", "/"]);
    match situation.carrier {
        BinarySource::Image(image) => add(&[image]),
        BinarySource::File { path, .. } => {
            add(&["--mount", &mount(path), "--entrypoint", ENTRY]);
            // What the image brings for its own application.
            add(&["--no-healthcheck", "--pull", "never"]);
            if situation.engine == Engine::Podman {
                add(&["--image-volume", "ignore"]);
            }
            add(&[&container.image]);
        }
    }
    if others_in_sight(situation) && !names_target(situation.command) {
        add(&["--container", container.short_id()]);
    }
    words.extend(situation.command.iter().cloned());
    words
}

/// A bind mount, which fails where there is no such file; engines read it as one line of CSV.
fn mount(path: &str) -> String {
    let source = format!("source={path}");
    let source = if path.contains([',', '"']) {
        format!("\"{}\"", source.replace('"', "\"\""))
    } else {
        source
    };
    format!("type=bind,{source},target={ENTRY},readonly")
}

fn looks_unconfined(container: &Container) -> bool {
    let profile = &container.apparmor;
    !profile.is_empty() && !OWN_PROFILES.iter().any(|own| profile.starts_with(own))
}

/// Whether processes of others stand in the same PID namespace, so that the first of it need
/// not be the target's.
fn others_in_sight(situation: &Situation<'_>) -> bool {
    let asked = !matches!(situation.container.pid_mode.as_str(), "" | "private");
    situation.identities.shares_pids.unwrap_or(asked)
}

/// Whether the words for spyhole choose the target themselves.
fn names_target(command: &[String]) -> bool {
    let names = |word: &String| {
        let flag = word.split('=').next().unwrap_or_default();
        matches!(flag, "--container" | "--pid" | "--pod" | "--self")
            || (word.starts_with("-c") && !word.starts_with("--"))
    };
    command.iter().any(names)
}

/// The first few of a list, and how many more there are.
pub(super) fn some(names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let mut shown = names;
    shown.truncate(NAMES_SHOWN);
    let shown = shown.join(", ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
