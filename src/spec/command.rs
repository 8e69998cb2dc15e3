//! What the container is started with: the arguments of its outermost process.

use std::collections::BTreeSet;

use super::{Evidenced, Part, holds_secret, not_seen, process_name};
use crate::doctor::{Facts, NotJudged, seen_if_there};
use crate::model::process::Process;
use crate::model::secret::Argument;
use crate::model::seen::Seen;

/// A part of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// A secret, by the variable that it is to come from.
    Secret(String),
}

/// One argument.
pub(super) type Word = Vec<Piece>;

/// The process that the runtime started: the outermost wrapper, or the main process.
///
/// # Errors
/// It was not seen.
pub(super) fn first_process<'a>(facts: &Facts<'a>) -> Result<&'a Process, NotJudged> {
    let target = facts.target()?;
    let first = target.wrappers.first().map_or(target.pid, |one| one.pid);
    let processes = facts.processes()?;
    let found = processes.iter().find(|process| process.pid == first);
    found.map_or_else(|| facts.main_process(), Ok)
}

/// Its arguments; none where they are to be those of the image.
pub(super) fn command(facts: &Facts<'_>) -> Part<Word> {
    try_command(facts).unwrap_or_else(|why| {
        let why = not_seen("command and args", why);
        Part::unseen(&format!("{why}; the image's own entrypoint is started"))
    })
}

fn try_command(facts: &Facts<'_>) -> Result<Part<Word>, NotJudged> {
    let first = first_process(facts)?;
    let name = process_name(first);
    let args = seen_if_there("processes.args", first.args.as_ref())?;
    let Some([program, rest @ ..]) = args.map(Vec::as_slice) else {
        let why = format!("not seen: command and args: {name} has no arguments");
        return Ok(Part::unseen(&why));
    };
    let exe = first.exe.as_ref().and_then(Seen::value);
    let exe = exe.map(|exe| exe.to_text().into_owned());
    let title = program.text.to_text();
    if is_title(&title, exe.as_deref()) {
        return Ok(Part::unseen(&format!(
            "not seen: command and args: {name} has overwritten its arguments with the title \
             {title:?}; the image's own entrypoint is started"
        )));
    }
    let mut part = Part::default();
    let mut names = SecretNames {
        number: 0,
        taken: facts
            .variables()
            .into_iter()
            .flatten()
            .map(|variable| variable.name.to_text().into_owned())
            .collect(),
    };
    let mut add = |argument: &Argument, evidence: &str| {
        let mut says = evidence.to_owned();
        let word = word(argument, &mut names, &mut says);
        part.entries.push(Evidenced::new(word, says));
    };
    match exe.filter(|exe| title.starts_with('-') && !holds_secret(exe)) {
        // A login shell.
        Some(exe) => {
            let argument = Argument {
                text: exe.as_str().into(),
                redacted: Vec::new(),
            };
            add(
                &argument,
                &format!("exe of {name}, which calls itself {title:?}"),
            );
        }
        None => add(program, &format!("argument 0 of {name}")),
    }
    for (index, argument) in rest.iter().enumerate() {
        add(argument, &format!("argument {}", index + 1));
    }
    Ok(part)
}

/// Whether it is no argument but a title that the process has given itself, such as
/// `nginx: master process nginx`.
fn is_title(program: &str, exe: Option<&str>) -> bool {
    let is_file = exe.is_some_and(|exe| base_name(exe) == base_name(program));
    !is_file && (program.is_empty() || program.contains([' ', ':']))
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Variables for the secrets among the arguments.
struct SecretNames {
    number: usize,
    /// The names of the target's own variables.
    taken: BTreeSet<String>,
}

impl SecretNames {
    fn next(&mut self) -> String {
        loop {
            self.number += 1;
            let name = format!("SECRET_ARGUMENT_{}", self.number);
            if !self.taken.contains(&name) {
                return name;
            }
        }
    }
}

/// The pieces of an argument; each secret becomes a variable.
fn word(argument: &Argument, names: &mut SecretNames, says: &mut String) -> Word {
    let text = argument.text.to_text();
    if std::str::from_utf8(argument.text.as_bytes()).is_err() {
        says.push_str(", which is not UTF-8: bytes were replaced");
    }
    let mut pieces = Vec::new();
    let mut rest = &*text;
    for redacted in &argument.redacted {
        let mark = format!("‹redacted {}›", redacted.length_bytes);
        let Some((before, after)) = rest.split_once(&mark) else {
            continue;
        };
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(Piece::Secret(names.next()));
        says.push_str(", a secret: ");
        says.push_str(redacted.reason.describe());
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
    if pieces.is_empty() {
        pieces.push(Piece::Text(String::new()));
    }
    pieces
}

/// The variables that arguments take their secrets from.
pub(super) fn secrets(command: &Part<Word>) -> impl Iterator<Item = &str> {
    let pieces = command.entries.iter().flat_map(|word| &word.value);
    pieces.filter_map(|piece| match piece {
        Piece::Secret(name) => Some(name.as_str()),
        Piece::Text(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_of_a_secret_is_a_new_one() {
        let taken = ["SECRET_ARGUMENT_1", "SECRET_ARGUMENT_3"].map(str::to_owned);
        let mut names = SecretNames {
            number: 0,
            taken: taken.into(),
        };
        let names = [names.next(), names.next()];
        assert_eq!(names, ["SECRET_ARGUMENT_2", "SECRET_ARGUMENT_4"]);
    }

    #[test]
    fn a_title_is_no_program() {
        for (program, exe, title) in [
            ("nginx: master process nginx", "/usr/sbin/nginx", true),
            ("redis-server *:6379", "/usr/bin/redis-server", true),
            ("", "/app", true),
            ("/opt/my app/run", "/opt/my app/run", false),
            ("python3", "/usr/bin/python3.12", false),
            ("sleep", "/bin/busybox", false),
        ] {
            assert_eq!(is_title(program, Some(exe)), title, "{program}");
        }
    }
}
