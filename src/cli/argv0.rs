//! One file under many names: linked as `ss` it is `spyhole ss`, as `kubectl-spyhole` it is
//! the plugin of kubectl.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::ask::{self, AskCommand};
use super::files::{self, FilesCommand};
use super::section_commands::{self, SectionCommand};
use crate::model::escape::escaped;

/// The name under which kubectl finds its plugin.
const PLUGIN: &str = "kubectl-spyhole";

/// The command line with the command that the program's name selects.
pub(super) fn spelled_out(mut words: Vec<OsString>) -> Vec<OsString> {
    let asks_version = matches!(&words[..], [_, only] if only == "--version" || only == "-V");
    let name = called(&words)
        .filter(|_| !asks_version)
        .map(OsStr::to_owned);
    if let Some(name) = name
        && let Some(command) = command(&name)
    {
        // Under the very name: `netstat` and `ss` are one command with different flags.
        let as_called = if name == PLUGIN { command.into() } else { name };
        words.insert(1, as_called);
    }
    words
}

/// The text of help or of a usage error, its usage as one types it under the program's own name.
pub(super) fn as_called(text: String, words: &[OsString]) -> String {
    let Some((name, command)) = called(words).and_then(|name| Some((name, command(name)?))) else {
        return text;
    };
    let name = name.to_string_lossy();
    let typed = if name == PLUGIN {
        "kubectl spyhole"
    } else {
        &*name
    };
    text.replacen(
        &format!("Usage: {name} {command}"),
        &format!("Usage: {typed}"),
        1,
    )
}

/// The name that the program was called by, without its directory.
fn called(words: &[OsString]) -> Option<&OsStr> {
    words.first().map(Path::new).and_then(Path::file_name)
}

/// The command that a name of the program selects; `None` for any other name.
fn command(name: &OsStr) -> Option<&'static str> {
    if name == PLUGIN {
        return Some(crate::attach::kubernetes::COMMAND);
    }
    let section = SectionCommand::named(name).map(SectionCommand::name);
    let asks = || AskCommand::named(name).map(|command| command.name);
    let of_files = || FilesCommand::named(name).map(|command| command.name);
    section.or_else(of_files).or_else(asks)
}

/// Checks that a link of this name would be a command.
///
/// # Errors
/// A sentence that lists the names there are.
pub(super) fn check(name: &str) -> Result<(), String> {
    if command(OsStr::new(name)).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = names().chain([PLUGIN]).collect();
    Err(format!(
        "--link {}: unknown command; valid commands: all, {}",
        escaped(name.as_bytes()),
        names.join(", ")
    ))
}

/// Every name but that of kubectl's plugin.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    section_commands::names()
        .chain(files::names())
        .chain(ask::names())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(words: &[&str]) -> Vec<OsString> {
        spelled_out(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn a_link_named_as_a_command_is_that_command() {
        assert_eq!(spelled(&["/spy/ss", "-tln"]), ["/spy/ss", "ss", "-tln"]);
        assert_eq!(spelled(&["ps"]), ["ps", "ps"]);
    }

    #[test]
    fn every_name_that_is_linked_is_its_command() {
        let all: Vec<&str> = names().collect();
        assert!(
            ["ss", "ls", "curl", "dig", "id", "tar"]
                .iter()
                .all(|name| all.contains(name))
        );
        for name in all {
            assert_eq!(spelled(&[name, "x"]), [name, name, "x"]);
            let asked = crate::cli::parse(&spelled(&[name, "--help"]));
            let help = asked.err().filter(|help| !help.use_stderr());
            assert!(help.is_some(), "{name}");
        }
    }

    #[test]
    fn the_plugin_of_kubectl_is_known_by_its_name() {
        assert_eq!(
            spelled(&["/usr/bin/kubectl-spyhole", "web"]),
            ["/usr/bin/kubectl-spyhole", "kubectl", "web"]
        );
    }

    #[test]
    fn the_version_is_that_of_the_program() {
        assert_eq!(spelled(&["ps", "--version"]), ["ps", "--version"]);
        assert_eq!(spelled(&["ps", "-V"]), ["ps", "-V"]);
    }

    #[test]
    fn usage_is_told_as_it_is_typed() {
        let told = |text: &str, words: &[&str]| as_called(text.to_owned(), &spelled(words));
        assert_eq!(
            told("Usage: ss sockets [OPTIONS]", &["/spy/ss", "-h"]),
            "Usage: ss [OPTIONS]"
        );
        assert_eq!(
            told(
                "Usage: kubectl-spyhole kubectl <POD>",
                &["/bin/kubectl-spyhole"]
            ),
            "Usage: kubectl spyhole <POD>"
        );
        assert_eq!(
            told("Usage: spyhole sockets [OPTIONS]", &["/spyhole", "ss"]),
            "Usage: spyhole sockets [OPTIONS]"
        );
    }

    #[test]
    fn a_link_may_have_any_name_that_is_a_command() {
        for name in ["ps", "processes", "caps", "df", "ls", "grep", PLUGIN] {
            assert_eq!(check(name), Ok(()));
        }
        for name in ["", "spyhole", "../ps", "serve", "p\ns"] {
            let refused = check(name).unwrap_err();
            assert!(refused.contains(", ps, "), "{refused}");
            assert!(!refused.contains('\n'), "{refused}");
        }
    }

    #[test]
    fn any_other_name_stands_for_nothing() {
        for words in [
            &["/spyhole", "ss"][..],
            &["spyhole-1.0"],
            &["serve"],
            &[""],
            &[],
        ] {
            assert_eq!(spelled(words), words);
        }
    }
}
