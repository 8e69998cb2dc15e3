//! What an engine refuses, with its evidence; `words` makes the sentences. Pure: engines say it in
//! their own words, which are known by what has not changed in them for years.

use super::Engine;
use super::container::Container;
use crate::model::escape::escaped;

/// More of an engine's own words than one reads.
const WORDS_SHOWN: usize = 300;

/// Why spyhole does not run beside a container of an engine. `said` is what the engine said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EngineRefusal {
    /// Who refuses.
    pub(super) engine: Engine,
    /// What.
    pub(super) reason: EngineReason,
}

/// What an engine refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EngineReason {
    /// This user may not use its socket.
    SocketDenied,
    /// It does not respond.
    Unreachable { said: String },
    /// There is no such container; these run, those that look like the name first.
    NoContainer { name: String, running: Vec<String> },
    /// The container cannot be inspected.
    InspectFailed { name: String, said: String },
    /// What it says of a container is not what it is known to say.
    UnexpectedOutput,
    /// Nothing runs in the container.
    NotRunning(StoppedContainer),
    /// The container ended while spyhole ran beside it.
    CutShort(StoppedContainer),
    /// No image has the program, and the engine cannot be handed the file.
    NoImage {
        name: String,
        image: String,
        why: NoFile,
    },
    /// The container ended before spyhole was beside it.
    ExitedMeanwhile { name: String },
    /// This spyhole is built for another architecture than the engine's machine.
    OtherArchitecture,
    /// The engine does not find the file: it runs elsewhere.
    FileNotFound,
    /// It does not print the image.
    NotExported { image: String, said: String },
    /// The engine neither has the image nor gets it.
    ImageNotFound,
    /// This user may not give `SYS_PTRACE`.
    CapabilityDenied { name: String },
    /// The limits of a new container are above those of this machine.
    LimitDenied { name: String, said: String },
    /// A policy or a mount option denies to execute the program.
    ExecDenied {
        name: String,
        code: u8,
        said: String,
    },
    /// Anything else.
    Other {
        name: String,
        code: u8,
        said: String,
    },
}

/// Why the engine cannot be handed the program's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoFile {
    /// The container is not in this machine's /proc.
    EngineElsewhere,
    /// Nothing to start beside it.
    ContainerWithoutImage,
    /// The file of this program is not found.
    OwnFileUnknown(String),
    /// Not everyone may read and execute it.
    OwnFileMode,
    /// It needs shared libraries.
    OwnLibraries,
}

/// A container in which nothing runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoppedContainer {
    /// Its name.
    pub name: String,
    /// As the engine calls its state.
    pub status: String,
    /// Whether the engine starts it again and again.
    pub restarting: bool,
    /// How it ended last.
    pub exit_code: i64,
    /// Whether its memory limit killed it.
    pub oom_killed: bool,
}

impl StoppedContainer {
    pub(super) fn of(container: &Container) -> Self {
        let state = &container.state;
        Self {
            name: container.name.clone(),
            status: state.status.clone(),
            restarting: state.restarting,
            exit_code: state.exit_code,
            oom_killed: state.oom_killed,
        }
    }
}

/// Why an engine answered nothing at all, whatever it was asked; `None` where it is another thing.
pub(super) fn of_engine(said: &str) -> Option<EngineReason> {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["permission denied"]) && has(&[".sock", "daemon socket", "API"]) {
        return Some(EngineReason::SocketDenied);
    }
    let unreachable = has(&[
        "Cannot connect to the Docker daemon",
        "Cannot connect to Podman",
        "unable to connect to Podman",
        "error during connect",
        "failed to connect to the docker API",
    ]);
    unreachable.then(|| EngineReason::Unreachable {
        said: last_words(said),
    })
}

/// What the refusal to inspect a container means; `running` lists those that run.
pub(super) fn of_inspect(
    name: &str,
    said: &str,
    running: impl FnOnce() -> Vec<String>,
) -> EngineReason {
    if let Some(reason) = of_engine(said) {
        return reason;
    }
    let name = name.to_owned();
    if !is_no_such_container(said) {
        let said = last_words(said);
        return EngineReason::InspectFailed { name, said };
    }
    let mut running = running();
    // What looks like the name comes first.
    running.sort_by_key(|one| !(one.contains(&name) || name.contains(one.as_str())));
    EngineReason::NoContainer { name, running }
}

/// Whether an engine says that there is no such container.
fn is_no_such_container(said: &str) -> bool {
    let said = said.to_lowercase();
    said.contains("no such container") || said.contains("no such object")
}

/// The engine itself ended so: 125 it refused, 126 and 127 the program could not be started.
pub(super) fn of_run(container: &Container, code: u8, said: &str) -> EngineReason {
    let name = container.name.clone();
    // Warnings come before it, and may be of anything.
    let line = last_line(said);
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    if let Some(reason) = of_engine(line) {
        return reason;
    }
    // Docker says first that it pulls, and last why it could not: no network, no login, no such name.
    let never_pulled =
        said.contains("Unable to find image") && !said.contains("Downloaded newer image");
    let no_image = has(&[
        "image not known",
        "initializing source",
        "did not resolve",
        "pull access denied",
        "manifest unknown",
        "No such image",
    ]);
    if never_pulled || no_image {
        return EngineReason::ImageNotFound;
    }
    if has(&[
        "is not running",
        "unless container",
        "No such container",
        "cannot join",
    ]) {
        return EngineReason::ExitedMeanwhile { name };
    }
    if has(&["exec format error", "Exec format error"]) {
        return EngineReason::OtherArchitecture;
    }
    if has(&[
        "bind source path does not exist",
        "statfs",
        "no such file or directory",
    ]) {
        return EngineReason::FileNotFound;
    }
    if has(&["SYS_PTRACE", "DAC_READ_SEARCH", "apability"]) {
        return EngineReason::CapabilityDenied { name };
    }
    let said = last_words(said);
    let line = line.to_lowercase();
    if line.contains("rlimit") {
        return EngineReason::LimitDenied { name, said };
    }
    // Limits, mounts, cgroups and id maps are denied in the same words.
    let denied = ["permission denied", "operation not permitted"];
    if line.contains("exec") && denied.iter().any(|words| line.contains(words)) {
        return EngineReason::ExecDenied { name, code, said };
    }
    EngineReason::Other { name, code, said }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Vec<String> {
        ["db", "web-1"].map(str::to_owned).into()
    }

    #[test]
    fn each_refusal_to_inspect_is_known_by_its_words() {
        let reason = |said: &str| of_inspect("web", said, running);
        assert_eq!(
            reason("Error: no such container web"),
            EngineReason::NoContainer {
                name: "web".to_owned(),
                // What looks like the name comes first.
                running: ["web-1", "db"].map(str::to_owned).into(),
            }
        );
        let denied = "permission denied while trying to connect to the Docker daemon socket at \
                      unix:///var/run/docker.sock";
        assert_eq!(reason(denied), EngineReason::SocketDenied);
        assert!(matches!(
            reason("Cannot connect to the Docker daemon at unix:///x. Is it running?"),
            EngineReason::Unreachable { .. }
        ));
        assert!(matches!(
            reason("something else"),
            EngineReason::InspectFailed { .. }
        ));
    }

    #[test]
    fn only_what_denies_the_program_is_said_to_do_so() {
        let container = Container {
            name: "web".to_owned(),
            ..Container::default()
        };
        let reason = |said: &str| of_run(&container, 126, said);
        for said in [
            "Error: runc: runc create failed: unable to start container process: error during \
             container init: error setting rlimits for ready process: error setting rlimit type \
             7: operation not permitted: OCI permission denied",
            "Error: crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied",
        ] {
            assert!(
                matches!(reason(said), EngineReason::LimitDenied { .. }),
                "{said}"
            );
        }
        for said in [
            "Error: runc: exec: \"/.spyhole\": permission denied: OCI permission denied",
            "Error: crun: exec `/.spyhole`: Permission denied: OCI permission denied",
            "docker: Error response from daemon: OCI runtime create failed: exec: \
             \"/.spyhole\": permission denied: unknown.",
        ] {
            assert!(
                matches!(reason(said), EngineReason::ExecDenied { .. }),
                "{said}"
            );
        }
        for said in [
            "Error: crun: mount `proc` to `proc`: Operation not permitted: OCI permission denied",
            "Error: crun: creating cgroup directory `/sys/fs/cgroup/x`: Permission denied",
        ] {
            assert!(matches!(reason(said), EngineReason::Other { .. }), "{said}");
        }
    }

    #[test]
    fn the_sentence_names_cause_and_remedy() {
        let stopped = StoppedContainer {
            name: "web".to_owned(),
            status: "exited".to_owned(),
            restarting: false,
            exit_code: 137,
            oom_killed: true,
        };
        let refusal = EngineRefusal {
            engine: Engine::Podman,
            reason: EngineReason::NotRunning(stopped),
        };
        let says = refusal.to_string();
        assert!(says.contains("killed at the memory limit"), "{says}");
        assert!(says.contains("podman logs web"), "{says}");
    }
}
