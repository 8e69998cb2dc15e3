//! The sentence of each refusal, with its remedy.

use std::fmt;

use super::Engine;
use super::choose::some;
use super::refusal::{EngineReason, EngineRefusal, NoFile, StoppedContainer};

impl std::error::Error for EngineRefusal {}

impl fmt::Display for EngineRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = self.engine;
        let program = engine.program();
        match &self.reason {
            EngineReason::SocketDenied => {
                let group = match engine {
                    Engine::Docker => "join the group docker, or use: sudo spyhole docker",
                    Engine::Podman => "use the socket of your own user, or: sudo spyhole podman",
                };
                write!(f, "permission denied to use {program}: {group}")
            }
            EngineReason::Unreachable { said } => {
                let remedy = start(engine);
                write!(
                    f,
                    "{program} does not respond: {remedy}; its output: {said}"
                )
            }
            EngineReason::NoContainer { name, running } => {
                let others = match engine {
                    Engine::Docker => "",
                    Engine::Podman => {
                        "; containers of root or other users are visible only to them"
                    }
                };
                if running.is_empty() {
                    return write!(
                        f,
                        "{program} has no container {name} and no running containers{others}"
                    );
                }
                let running = some(running.clone());
                write!(
                    f,
                    "{program} has no container {name}; running: {running}{others}"
                )
            }
            EngineReason::InspectFailed { name, said } => {
                write!(f, "{program} cannot inspect {name}: {said}")
            }
            EngineReason::UnexpectedOutput => write!(
                f,
                "{program} returned unexpected output for `container inspect`"
            ),
            EngineReason::NotRunning(container) => f.write_str(&not_running(program, container)),
            EngineReason::CutShort(container) => write!(
                f,
                "the scan was cut short: {}",
                not_running(program, container)
            ),
            EngineReason::NoImage { name, image, why } => write!(
                f,
                "{program} has no image {image}, and {why}: load it with `spyhole image load \
                 {program}`, or use one that {program} can pull: spyhole {program} {name} --image \
                 REGISTRY/spyhole"
            ),
            EngineReason::ExitedMeanwhile { name } => {
                write!(f, "{name} exited in the meantime: {program} ps --all")
            }
            EngineReason::OtherArchitecture => write!(
                f,
                "this spyhole is built for a different architecture than {program}'s machine: use \
                 an image for that architecture with --image"
            ),
            EngineReason::FileNotFound => write!(
                f,
                "{program} cannot find the program: it runs on another machine or in a container; \
                 use --image with an image that {program} can pull"
            ),
            EngineReason::NotExported { image, said } => {
                write!(f, "{program} cannot save the image {image}: {said}")
            }
            EngineReason::ImageNotFound => write!(
                f,
                "{program} can neither find nor pull the image: load it with `spyhole image load \
                 {program}`, or use another one with --image"
            ),
            EngineReason::CapabilityDenied { name } => write!(
                f,
                "{program} does not grant SYS_PTRACE to this user, and reading {name} requires it: \
                 sudo spyhole {program} {name}"
            ),
            EngineReason::LimitDenied { name, said } => write!(
                f,
                "{program} cannot run a container next to {name}: its limits for new containers \
                 are higher than this machine allows; lower them (default_ulimits in \
                 containers.conf, --default-ulimit of dockerd); its output: {said}"
            ),
            EngineReason::ExecDenied { name, code, said } => write!(
                f,
                "{program} was denied to run spyhole next to {name} (exit code {code}): SELinux, \
                 AppArmor, or a file system mounted noexec; its output: {said}"
            ),
            EngineReason::Other { name, code, said } => write!(
                f,
                "{program} did not run spyhole next to {name} (exit code {code}); its output: {said}"
            ),
        }
    }
}

/// How to start an engine, or to choose another one.
fn start(engine: Engine) -> &'static str {
    match engine {
        Engine::Docker => {
            "start it (systemctl start docker), or choose another one (docker context ls, \
             DOCKER_HOST)"
        }
        Engine::Podman => {
            "start it (podman machine start), or choose another one (podman system connection \
             list, CONTAINER_HOST)"
        }
    }
}

impl fmt::Display for NoFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EngineElsewhere => f.write_str(
                "the engine runs on another machine: the container is not in this machine's /proc",
            ),
            Self::ContainerWithoutImage => f.write_str("the container has no image to reuse"),
            Self::OwnFileUnknown(why) => {
                write!(
                    f,
                    "this program's file cannot be found for mounting ({why})"
                )
            }
            Self::OwnFileMode => f.write_str(
                "this program's file is not readable and executable by everyone (chmod 755)",
            ),
            Self::OwnLibraries => {
                f.write_str("this program needs shared libraries that the container lacks")
            }
        }
    }
}

/// It is there, but nothing runs in it.
fn not_running(program: &str, container: &StoppedContainer) -> String {
    let StoppedContainer {
        name,
        status,
        restarting,
        exit_code,
        oom_killed,
    } = container;
    if *restarting {
        return format!(
            "{name} keeps restarting: it exited with code {exit_code}; start it under spyhole run \
             to see why, or read: {program} logs {name}"
        );
    }
    match status.as_str() {
        "created" | "configured" | "initialized" => {
            format!("{name} has not been started: {program} start {name}")
        }
        _ => format!(
            "{name} is not running: it exited with code {exit_code}{}; read: {program} logs \
             {name}, or start it under spyhole run to see why",
            how(*exit_code, *oom_killed)
        ),
    }
}

/// What a reserved exit code of a container means.
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
