//! What an engine prints when a container does not start, and the exit code of `run`.
//!
//! Measured with Podman 4.3, Docker 20.10, runc 1.1 and crun 1.8; where a later version words it
//! otherwise, that stands behind it.

use super::judge_start::{ExecError, Start, StartFailure};
use super::report::{Prediction, Runtime};
use super::tree::Unresolved;

/// The engine that is asked to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Podman,
    Docker,
}

/// runc ends with 1 where execve(2) fails, since 1.2 with 255.
const EXEC_CODES: &[u8] = &[1, 255];

/// What each engine does. Of crun only Podman is known.
pub(super) fn predict(start: &Start, runtime: Runtime) -> Vec<Prediction> {
    let engines: &[Engine] = match runtime {
        Runtime::Runc => &[Engine::Podman, Engine::Docker],
        Runtime::Crun => &[Engine::Podman],
    };
    let of = |engine: &Engine| {
        let said = start
            .failure
            .as_ref()
            .and_then(|failure| said(start, failure, runtime, *engine));
        let engine = match engine {
            Engine::Podman => "podman",
            Engine::Docker => "docker",
        };
        match said {
            None => Prediction {
                engine,
                starts: true,
                messages: Vec::new(),
                exit_codes: Vec::new(),
            },
            Some((messages, exit_codes)) => Prediction {
                engine,
                starts: false,
                messages,
                exit_codes: exit_codes.to_vec(),
            },
        }
    };
    engines.iter().map(of).collect()
}

type Said = (Vec<String>, &'static [u8]);

/// `None` where this engine starts it all the same.
fn said(start: &Start, failure: &StartFailure, runtime: Runtime, engine: Engine) -> Option<Said> {
    use Engine::Podman;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let command = start
        .words
        .first()
        .map(|word| text(word))
        .unwrap_or_default();
    let workdir = text(&start.workdir);
    let is_crun = runtime == Runtime::Crun;
    let by_engine = |podman: &'static [u8], docker: &'static [u8]| {
        if engine == Podman { podman } else { docker }
    };
    let refused = by_engine(&[126], &[125]);
    let one = |message: String, codes: &'static [u8]| Some((vec![message], codes));
    match failure {
        StartFailure::NoCommand if engine == Podman => one(
            "no command or entrypoint provided, and no CMD or ENTRYPOINT from image".to_owned(),
            &[125],
        ),
        StartFailure::NoCommand => Some((
            vec![
                "no command specified".to_owned(),
                "No command specified".to_owned(),
            ],
            &[125],
        )),
        StartFailure::UserNotFound(name) => one(
            format!(
                "unable to find user {}: no matching entries in passwd file",
                text(name)
            ),
            refused,
        ),
        StartFailure::GroupNotFound(name) => one(
            format!(
                "unable to find group {}: no matching entries in group file",
                text(name)
            ),
            refused,
        ),
        StartFailure::IdOutOfRange => one(
            "uids and gids must be in range 0-2147483647".to_owned(),
            refused,
        ),
        StartFailure::WorkdirRelative if is_crun => None,
        StartFailure::WorkdirRelative => one("Cwd must be an absolute path".to_owned(), refused),
        StartFailure::WorkdirNotDirectory if engine == Podman => {
            one(format!("workdir {workdir:?} exists on container"), refused)
        }
        StartFailure::WorkdirNotDirectory => one(
            format!("Cannot mkdir: {workdir} is not a directory"),
            refused,
        ),
        StartFailure::WorkdirBelowFile(file) if engine == Podman => {
            one(format!("{}: not a directory", text(file)), refused)
        }
        StartFailure::WorkdirBelowFile(_) => one(format!("{workdir}: not a directory"), refused),
        StartFailure::WorkdirLink(why) => match (engine, is_crun, why) {
            (Engine::Docker, _, Unresolved::NotFound) => None,
            (Engine::Docker, ..) => one("too many links in".to_owned(), refused),
            (Podman, true, Unresolved::NotFound) => one(
                format!("chdir `{workdir}`: No such file or directory"),
                &[127],
            ),
            (Podman, true, _) => one(
                format!("chdir `{workdir}`: Too many levels of symbolic links"),
                refused,
            ),
            (Podman, false, _) => one(format!("mkdir {workdir}: file exists"), refused),
        },
        _ if is_crun => Some(of_crun(start, &command, failure)),
        _ => Some(of_runc(start, &command, failure, engine)),
    }
}

fn of_runc(start: &Start, command: &str, failure: &StartFailure, engine: Engine) -> Said {
    let path = String::from_utf8_lossy(&start.executed_as).into_owned();
    let not_found: &[u8] = &[127];
    let denied: &[u8] = &[126];
    let other: &[u8] = if engine == Engine::Podman {
        &[126]
    } else {
        &[125]
    };
    match failure {
        StartFailure::Unreached(why) => {
            let codes = match why {
                Unresolved::NotFound => not_found,
                Unresolved::Denied => denied,
                _ => other,
            };
            let words = go_words(ExecError::from(*why));
            (
                vec![format!("exec: {command:?}: stat {command}: {words}")],
                codes,
            )
        }
        StartFailure::IsDirectory => (
            vec![
                format!("exec: {command:?}: permission denied"),
                format!("exec: {command:?}: is a directory"),
            ],
            &[126, 125],
        ),
        StartFailure::NotExecutable => (
            vec![format!("exec: {command:?}: permission denied")],
            denied,
        ),
        StartFailure::NotExecutableForUser(found) => {
            let found = String::from_utf8_lossy(found);
            let later = if command.contains('/') {
                format!("exec: {command:?}: permission denied")
            } else {
                format!("exec: {command:?}: executable file not found in $PATH")
            };
            (
                vec![format!("exec {found}: permission denied"), later],
                &[126, 127],
            )
        }
        StartFailure::Exec(error, _) => (
            vec![format!("exec {path}: {}", go_words(*error))],
            EXEC_CODES,
        ),
        _ => (
            vec![format!(
                "exec: {command:?}: executable file not found in $PATH"
            )],
            not_found,
        ),
    }
}

fn of_crun(start: &Start, command: &str, failure: &StartFailure) -> Said {
    let process = |path: &[u8], words: &str| {
        let path = String::from_utf8_lossy(path);
        vec![format!("exec container process `{path}`: {words}")]
    };
    match failure {
        StartFailure::Unreached(Unresolved::Denied) => {
            (process(command.as_bytes(), "Permission denied"), &[1])
        }
        StartFailure::NotExecutableForUser(path) => (process(path, "Permission denied"), &[1]),
        StartFailure::Unreached(Unresolved::NotADirectory) => {
            (vec!["open executable: Not a directory".to_owned()], &[126])
        }
        StartFailure::Unreached(Unresolved::Loop) => (
            vec!["open executable: Too many levels of symbolic links".to_owned()],
            &[126],
        ),
        StartFailure::IsDirectory
        | StartFailure::OnlyUnexecutable {
            is_directory: true, ..
        } => (
            vec!["open executable: Operation not permitted".to_owned()],
            &[126],
        ),
        StartFailure::NotExecutable | StartFailure::OnlyUnexecutable { .. } => (
            vec!["open executable: Permission denied".to_owned()],
            &[126],
        ),
        StartFailure::Exec(ExecError::NoEntry, _) => {
            let path = String::from_utf8_lossy(&start.executed_as);
            (
                vec![format!(
                    "exec container process (missing dynamic library?) `{path}`: No such file or directory"
                )],
                &[1],
            )
        }
        StartFailure::Exec(error, _) => (process(&start.executed_as, c_words(*error)), &[1]),
        _ => (
            vec![format!("executable file `{command}` not found")],
            &[127],
        ),
    }
}

impl From<Unresolved> for ExecError {
    fn from(why: Unresolved) -> Self {
        match why {
            Unresolved::NotFound => Self::NoEntry,
            Unresolved::NotADirectory => Self::NotADirectory,
            Unresolved::Loop => Self::Loop,
            Unresolved::Denied => Self::Denied,
        }
    }
}

/// As Go words an errno.
fn go_words(error: ExecError) -> &'static str {
    match error {
        ExecError::NoEntry => "no such file or directory",
        ExecError::Denied => "permission denied",
        ExecError::Format => "exec format error",
        ExecError::Loop => "too many levels of symbolic links",
        ExecError::NotADirectory => "not a directory",
        ExecError::BadLibrary => "accessing a corrupted shared library",
    }
}

/// As glibc words it.
fn c_words(error: ExecError) -> &'static str {
    match error {
        ExecError::NoEntry => "No such file or directory",
        ExecError::Denied => "Permission denied",
        ExecError::Format => "Exec format error",
        ExecError::Loop => "Too many levels of symbolic links",
        ExecError::NotADirectory => "Not a directory",
        ExecError::BadLibrary => "Accessing a corrupted shared library",
    }
}
