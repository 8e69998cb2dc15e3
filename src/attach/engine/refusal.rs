//! What an engine refuses, as a sentence with its remedy. Pure: engines say it in their own
//! words, which are known by what has not changed in them for years.

use super::Engine;
use super::choose::some;
use super::container::Container;
use crate::model::escape::escaped;

/// More of an engine's own words than one reads.
const WORDS_SHOWN: usize = 300;

/// Why an engine answered nothing at all, whatever it was asked; `None` where it is another thing.
pub(super) fn of_engine(engine: Engine, said: &str) -> Option<String> {
    let program = engine.program();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["permission denied"]) && has(&[".sock", "daemon socket", "API"]) {
        let group = match engine {
            Engine::Docker => "join the group docker, or use: sudo spyhole docker",
            Engine::Podman => "use the socket of your own user, or: sudo spyhole podman",
        };
        return Some(format!("permission denied to use {program}: {group}"));
    }
    let unreachable = has(&[
        "Cannot connect to the Docker daemon",
        "Cannot connect to Podman",
        "unable to connect to Podman",
        "error during connect",
        "failed to connect to the docker API",
    ]);
    unreachable.then(|| {
        let remedy = match engine {
            Engine::Docker => "start it (systemctl start docker), or choose another one (docker context ls, DOCKER_HOST)",
            Engine::Podman => "start it (podman machine start), or choose another one (podman system connection list, CONTAINER_HOST)",
        };
        format!("{program} does not respond: {remedy}; its output: {}", last_words(said))
    })
}

/// Whether an engine says that there is no such container.
pub(super) fn is_no_such_container(said: &str) -> bool {
    let said = said.to_lowercase();
    said.contains("no such container") || said.contains("no such object")
}

/// There is no such container; these run.
pub(super) fn no_such_container(engine: Engine, name: &str, mut running: Vec<String>) -> String {
    let program = engine.program();
    // What looks like the name comes first.
    running.sort_by_key(|one| !(one.contains(name) || name.contains(one.as_str())));
    let others = match engine {
        Engine::Docker => "",
        Engine::Podman => "; containers of root or other users are visible only to them",
    };
    if running.is_empty() {
        return format!("{program} has no container {name} and no running containers{others}");
    }
    format!(
        "{program} has no container {name}; running: {}{others}",
        some(running)
    )
}

/// It is there, but nothing runs in it.
pub(super) fn not_running(engine: Engine, container: &Container) -> String {
    let (program, name, state) = (engine.program(), &container.name, &container.state);
    let code = state.exit_code;
    if state.restarting {
        return format!(
            "{name} keeps restarting: it exited with code {code}; start it under spyhole run to \
             see why, or read: {program} logs {name}"
        );
    }
    match state.status.as_str() {
        "created" | "configured" | "initialized" => {
            format!("{name} has not been started: {program} start {name}")
        }
        _ => format!(
            "{name} is not running: it exited with code {code}{}; read: {program} logs {name}, or \
             start it under spyhole run to see why",
            how(code, state.oom_killed)
        ),
    }
}

/// What an exit code of a container means, where it has a meaning of its own.
fn how(code: i64, oom_killed: bool) -> String {
    if oom_killed {
        return ", killed at the memory limit".to_owned();
    }
    match code {
        126 => ", its program could not be executed".to_owned(),
        127 => ", its program was not found".to_owned(),
        129..=192 => format!(", by signal {}", code.saturating_sub(128)),
        _ => String::new(),
    }
}

/// No image has the program, and the engine cannot be handed the file.
pub(super) fn no_image(engine: Engine, container: &Container, image: &str, why: &str) -> String {
    let (program, name) = (engine.program(), &container.name);
    format!(
        "{program} has no image {image}, and {why}: build it with `make image`, or use one that \
         {program} can pull: spyhole {program} {name} --image REGISTRY/spyhole"
    )
}

/// The engine itself ended so: 125 it refused, 126 and 127 the program could not be started.
pub(super) fn of_run(engine: Engine, container: &Container, code: u8, said: &str) -> String {
    let (program, name) = (engine.program(), &container.name);
    // Warnings come before it, and may be of anything.
    let line = last_line(said);
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    if let Some(why) = of_engine(engine, line) {
        return why;
    }
    if has(&[
        "is not running",
        "unless container",
        "No such container",
        "cannot join",
    ]) {
        return format!("{name} exited in the meantime: {program} ps --all");
    }
    if has(&["exec format error", "Exec format error"]) {
        return format!(
            "this spyhole is built for a different architecture than {program}'s machine: use an \
             image for that architecture with --image"
        );
    }
    if has(&[
        "bind source path does not exist",
        "statfs",
        "no such file or directory",
    ]) {
        return format!(
            "{program} cannot find the program: it runs on another machine or in a container; use \
             --image with an image that {program} can pull"
        );
    }
    if has(&[
        "image not known",
        "initializing source",
        "did not resolve",
        "pull access denied",
        "manifest unknown",
        "No such image",
        "Unable to find image",
    ]) {
        return format!(
            "{program} can neither find nor pull the image: build it with `make image`, or use \
             another one with --image"
        );
    }
    if has(&["SYS_PTRACE", "DAC_READ_SEARCH", "apability"]) {
        return format!(
            "{program} does not grant SYS_PTRACE to this user, and reading {name} requires it: \
             sudo spyhole {program} {name}"
        );
    }
    if code == 126 || has(&["permission denied", "operation not permitted"]) {
        return format!(
            "{program} was denied to run spyhole next to {name} (exit code {code}): SELinux, \
             AppArmor, or a file system mounted noexec; its output: {}",
            last_words(said)
        );
    }
    format!(
        "{program} did not run spyhole next to {name} (exit code {code}); its output: {}",
        last_words(said)
    )
}

/// The last line that says something, harmless and not too long.
pub(super) fn last_words(said: &str) -> String {
    let short: String = last_line(said).chars().take(WORDS_SHOWN).collect();
    escaped(short.as_bytes()).into_owned()
}

fn last_line(said: &str) -> &str {
    let says = |line: &&str| !line.is_empty() && !line.starts_with("Run 'docker");
    let line = said.lines().rev().map(str::trim).find(says);
    line.unwrap_or("nothing")
}
