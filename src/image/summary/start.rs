//! Whether it starts, without the secrets of its command.

use super::Parts;
use crate::image::choose::own_architecture;
use crate::image::findings;
use crate::image::judge_start::{self, ExecCause, Start, StartFailure};
use crate::image::report::{StartReport, StartVerdict};
use crate::image::runtime_words;
use crate::model::byte_string::ByteString;

impl Parts<'_> {
    /// Judges it, where there is a configuration.
    pub(super) fn judge_start(&self) -> Option<Start> {
        let chosen = self.chosen?;
        let machine = machine(&chosen.config.architecture);
        let start = judge_start::judge(self.collected, &chosen.config.config, machine);
        Some(self.hidden(start))
    }

    /// The same with its secrets replaced: all that is said of it is made of this.
    fn hidden(&self, start: Start) -> Start {
        let text = |bytes: &[u8]| self.redactor.text(bytes).into_owned();
        let words: Vec<Vec<u8>> = self.words(&start.words);
        let (command, shown) = (start.words.first(), words.first());
        // A path of the command ends in the word, which is hidden as a word is.
        let path = |path: &[u8]| match (command, shown) {
            (Some(command), Some(shown)) if !command.is_empty() => {
                match path.strip_suffix(command.as_slice()) {
                    Some(above) => [&text(above), shown.as_slice()].concat(),
                    None => text(path),
                }
            }
            _ => text(path),
        };
        let workdir = text(&start.workdir);
        let account = |name: Vec<u8>| {
            let all = self
                .chosen
                .map(|chosen| chosen.config.config.user.as_bytes());
            let all = all.unwrap_or_default();
            let shown = text(all);
            if shown == all { text(&name) } else { shown }
        };
        let failure = start.failure.map(|failure| match failure {
            StartFailure::UserNotFound(name) => StartFailure::UserNotFound(account(name)),
            StartFailure::GroupNotFound(name) => StartFailure::GroupNotFound(account(name)),
            StartFailure::WorkdirBelowFile(_) if workdir != start.workdir => {
                StartFailure::WorkdirBelowFile(workdir.clone())
            }
            StartFailure::WorkdirBelowFile(file) => StartFailure::WorkdirBelowFile(text(&file)),
            StartFailure::OnlyUnexecutable {
                path: at,
                is_directory,
            } => StartFailure::OnlyUnexecutable {
                path: path(&at),
                is_directory,
            },
            StartFailure::NotExecutableForUser(at) => StartFailure::NotExecutableForUser(path(&at)),
            StartFailure::Exec(error, cause) => StartFailure::Exec(
                error,
                match cause {
                    ExecCause::Loader(at) => ExecCause::Loader(text(&at)),
                    ExecCause::Interpreter(at) => ExecCause::Interpreter(text(&at)),
                    ExecCause::CarriageReturn(at) => ExecCause::CarriageReturn(text(&at)),
                    other => other,
                },
            ),
            other => other,
        });
        Start {
            executed_as: path(&start.executed_as),
            program: start.program.as_deref().map(path),
            interpreters: start.interpreters.iter().map(|at| text(at)).collect(),
            words,
            workdir,
            failure,
            ..start
        }
    }

    pub(super) fn start(&self, start: &Start) -> StartReport {
        let unknown = if self.collected.is_whole() {
            start.unknown
        } else {
            Some("not all files were held")
        };
        let mut predictions = runtime_words::predict(start, self.runtime);
        let fails = predictions.iter().any(|one| !one.starts);
        if unknown.is_some() {
            predictions.clear();
        }
        StartReport {
            verdict: match fails {
                _ if unknown.is_some() => StartVerdict::Unknown,
                true => StartVerdict::No,
                false => StartVerdict::Yes,
            },
            command: start
                .words
                .iter()
                .map(|word| word.as_slice().into())
                .collect(),
            uid: start.identity.as_ref().map(|who| who.uid),
            gid: start
                .identity
                .as_ref()
                .map(|who| who.gid)
                .filter(|_| unknown.is_none()),
            workdir: start.workdir.as_slice().into(),
            program: start.program.as_deref().map(ByteString::from),
            interpreters: start
                .interpreters
                .iter()
                .map(|path| path.as_slice().into())
                .collect(),
            cause: unknown
                .map(|what| format!("not known: {what}"))
                .or_else(|| findings::cause(start)),
            runtime: self.runtime,
            predictions,
        }
    }
}

/// `e_machine` of the programs of a platform; for an unnamed one that of this machine.
fn machine(architecture: &str) -> Option<u16> {
    let architecture = if architecture.is_empty() {
        own_architecture()
    } else {
        architecture
    };
    Some(match architecture {
        "386" => 3,
        "arm" => 40,
        "ppc64le" => 21,
        "s390x" => 22,
        "amd64" => 62,
        "arm64" => 183,
        "riscv64" => 243,
        "loong64" => 258,
        _ => return None,
    })
}
