//! Paths of the target from the shell's working directory on: each is made one from `/` on before its
//! command sees it, so that what is decided by paths is decided as everywhere else.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use clap::{ArgMatches, Command};

use super::super::files::FilesCommand;
use super::super::section_commands::SectionCommand;
use super::super::{habits, parse, run};
use super::words::Word;
use crate::parse::glob::Glob;
use crate::sys::forked::capture;

/// Flags of paths that stand for themselves.
const PATH: &str = "PATH";
/// How long the names of a directory may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of the names of a directory.
const NAMES_BYTES: usize = 4 << 20;
/// Words that a pattern may become.
const EXPANDED: usize = 10_000;

/// A path from `/` on.
pub(super) fn absolute(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        return path.to_vec();
    }
    let mut rest = path;
    while let Some(shorter) = rest.strip_prefix(b"./") {
        rest = shorter;
    }
    let mut whole = directory.to_vec();
    if !matches!(rest, b"" | b".") {
        if !whole.ends_with(b"/") {
            whole.push(b'/');
        }
        whole.extend_from_slice(rest);
    }
    whole
}

/// A command line whose paths begin at `/`; where its command looks at all of `/` unless a path is
/// given, at the working directory.
pub(super) fn from_root(words: Vec<OsString>, directory: &[u8]) -> Vec<OsString> {
    let Ok(line) = parse(&words) else {
        return words;
    };
    let Some((name, own)) = line.matches.subcommand() else {
        return words;
    };
    let command = match FilesCommand::named(name.as_ref()) {
        Some(command) => Some(command.command()),
        None => SectionCommand::named(name.as_ref()).map(SectionCommand::command),
    };
    let command = command.or_else(|| (name == "why").then(super::super::why::command));
    let Some(mut command) = command else {
        return words;
    };
    // The arguments of a view are not there before.
    command.build();
    let mut words = words;
    let mut has_start = false;
    for (value_name, values) in paths_of(&command, own) {
        let skipped = usize::from(name == "grep" && own.get_raw("patterns").is_none());
        let values: Vec<&OsStr> = match value_name {
            // The paths stand before the expression.
            "PATH|EXPRESSION" => values
                .into_iter()
                .take_while(|word| is_start(word))
                .collect(),
            "PATTERN|PATH" => values.into_iter().skip(skipped).collect(),
            _ => values,
        };
        has_start |= !values.is_empty() && value_name != "REVEALED";
        let mut at = words.len();
        for value in values.iter().rev() {
            let Some(joined) = joined(directory, value_name, value) else {
                continue;
            };
            let before = words.get(..at).unwrap_or_default();
            let matching = |word: &OsString| ends_with_value(word, value);
            let Some(found) = before.iter().rposition(matching) else {
                continue;
            };
            if let Some(word) = words.get_mut(found) {
                let kept = word.len() - value.len();
                let mut whole = word.as_bytes().get(..kept).unwrap_or_default().to_vec();
                whole.extend(joined);
                *word = OsString::from_vec(whole);
            }
            // Paths of one kind stand in their order.
            at = found;
        }
    }
    let recursive = |own: &ArgMatches| {
        let flag = |id| own.get_flag(id);
        flag("recursive") || flag("dereference_recursive")
    };
    let looks_from_root = match name {
        "ls" | "du" | "find" => true,
        "grep" => recursive(own),
        _ => false,
    };
    if looks_from_root && !has_start && directory != b"/" {
        let start = OsString::from_vec(directory.to_vec());
        match habits::command_at(&words).filter(|_| name == "find") {
            Some(at) => words.insert(at + 1, start),
            None => words.push(start),
        }
    }
    words
}

/// The arguments that are paths of the target, with their values.
fn paths_of<'a>(command: &Command, own: &'a ArgMatches) -> Vec<(&'static str, Vec<&'a OsStr>)> {
    const NAMES: [&str; 6] = [
        PATH,
        "PATH|EXPRESSION",
        "PATTERN|PATH",
        "PATH|PID",
        "PATH|PORT/PROTOCOL",
        ":PORT|PID|NAME|PATH",
    ];
    let mut found = Vec::new();
    for arg in command.get_arguments() {
        let value_name = arg.get_value_names().and_then(<[_]>::first);
        let Some(value_name) =
            value_name.and_then(|given| NAMES.iter().find(|name| *name == &given.as_str()))
        else {
            continue;
        };
        let values = own.try_get_raw(arg.get_id().as_str()).ok().flatten();
        let values: Vec<&OsStr> = values.into_iter().flatten().collect();
        if !values.is_empty() {
            let is_word = arg.get_long().is_none();
            found.push((if is_word { *value_name } else { "REVEALED" }, values));
        }
    }
    found
}

fn is_start(word: &OsStr) -> bool {
    !matches!(word.as_bytes(), [b'-', _, ..] | b"(" | b")" | b"!" | b",")
}

fn ends_with_value(word: &OsStr, value: &OsStr) -> bool {
    let (word, value) = (word.as_bytes(), value.as_bytes());
    word == value
        || word
            .strip_suffix(value)
            .is_some_and(|flag| flag.ends_with(b"="))
}

/// The path from `/` on; `None` for a word that is no path, or is one from `/` on already.
fn joined(directory: &[u8], value_name: &str, value: &OsStr) -> Option<Vec<u8>> {
    let value = value.as_bytes();
    let is_mixed = !matches!(
        value_name,
        PATH | "REVEALED" | "PATH|EXPRESSION" | "PATTERN|PATH"
    );
    let names_protocol = [&b"/tcp"[..], b"/udp"]
        .iter()
        .any(|end| value.ends_with(end));
    let is_path = matches!(value, b"." | b"..")
        || value.contains(&b'/') && !value.starts_with(b":") && !names_protocol;
    if value.starts_with(b"/") || value == b"-" || is_mixed && !is_path {
        return None;
    }
    Some(absolute(directory, value))
}

/// The words of a command with its patterns replaced by the names that match; one that matches none
/// stays as it is.
pub(super) fn expand(words: &[Word], flags: &[OsString], directory: &[u8]) -> Vec<OsString> {
    let name = words.first().map(|word| word.text.as_str());
    let is_expanded = name.is_some_and(|name| {
        !matches!(name, "find" | "tar")
            && (FilesCommand::named(name.as_ref()).is_some() || super::filters::is_filter(name))
    });
    // The first word of grep is no path.
    let mut is_pattern_of_grep = name == Some("grep");
    let mut expanded = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let is_flag = index == 0 || word.text.starts_with('-');
        let is_kept = is_flag || std::mem::take(&mut is_pattern_of_grep);
        let names = if is_expanded && word.is_pattern && !is_kept {
            names_matching(&word.text, flags, directory)
        } else {
            Vec::new()
        };
        if names.is_empty() || expanded.len() + names.len() > EXPANDED {
            expanded.push(word.text.clone().into());
        } else {
            expanded.extend(names);
        }
    }
    expanded
}

/// The names that a pattern matches, in its last part alone.
fn names_matching(pattern: &str, flags: &[OsString], directory: &[u8]) -> Vec<OsString> {
    let (above, last) = match pattern.rsplit_once('/') {
        Some((above, last)) => (format!("{above}/"), last),
        None => (String::new(), pattern),
    };
    let glob = Glob::parse(last.as_bytes(), false);
    let start = absolute(directory, above.as_bytes());
    let names = names_in(&start, flags, PATIENCE).into_iter();
    let names = names.filter(|(name, _)| {
        glob.matches(name) && (last.starts_with('.') || !name.starts_with(b"."))
    });
    let mut names: Vec<OsString> = names
        .map(|(name, _)| {
            let mut path = above.clone().into_bytes();
            path.extend(name);
            OsString::from_vec(path)
        })
        .collect();
    names.sort();
    names
}

/// The names in a directory of the target, and whether each is a directory; none where it cannot be
/// read.
pub(super) fn names_in(
    directory: &[u8],
    flags: &[OsString],
    patience: Duration,
) -> Vec<(Vec<u8>, bool)> {
    let words = |words: &[&str]| {
        let mut line: Vec<OsString> = vec!["spyhole".into()];
        line.extend(flags.iter().cloned());
        line.extend(["find".into(), "--".into()]);
        line.push(OsString::from_vec(directory.to_vec()));
        line.extend(words.iter().map(OsString::from));
        line
    };
    let listed = |more: &[&str]| {
        let line = words(&[&["-mindepth", "1", "-maxdepth", "1"], more].concat());
        let captured = capture(NAMES_BYTES, patience, true, || super::code_of(run(line)));
        let text = captured.map(|(text, _)| text).unwrap_or_default();
        let names = text.split(|byte| *byte == 0);
        let names = names.filter_map(|path| path.rsplit(|byte| *byte == b'/').next());
        let names = names.filter(|name| !name.is_empty());
        names.map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let directories = listed(&["-type", "d", "-print0"]);
    let names = listed(&["-print0"]).into_iter();
    names
        .map(|name| {
            let is_directory = directories.binary_search(&name).is_ok();
            (name, is_directory)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooted(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let words = from_root(words, b"/etc");
        let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn paths_begin_at_the_working_directory() {
        for (line, expected) in [
            (
                "spyhole cat passwd ./group /x",
                "spyhole cat /etc/passwd /etc/group /x",
            ),
            ("spyhole ls", "spyhole ls /etc"),
            ("spyhole ls -l ..", "spyhole ls -l /etc/.."),
            ("spyhole ls .", "spyhole ls /etc"),
            ("spyhole grep conf conf", "spyhole grep conf /etc/conf"),
            (
                "spyhole grep -e conf conf",
                "spyhole grep -e conf /etc/conf",
            ),
            ("spyhole grep -r x", "spyhole grep -r x /etc"),
            ("spyhole find -name x", "spyhole find /etc -name x"),
            ("spyhole find . -name ./x", "spyhole find /etc -name ./x"),
            (
                "spyhole -q find a b -type f",
                "spyhole -q find /etc/a /etc/b -type f",
            ),
            ("spyhole df .", "spyhole df /etc"),
            ("spyhole df", "spyhole df"),
            ("spyhole why ./x", "spyhole why /etc/x"),
            ("spyhole why nginx", "spyhole why nginx"),
            ("spyhole fuser 8080/tcp", "spyhole fuser 8080/tcp"),
            (
                "spyhole cat --reveal-file=key key",
                "spyhole cat --reveal-file=/etc/key /etc/key",
            ),
            ("spyhole ps aux", "spyhole ps aux"),
            ("spyhole no-such x", "spyhole no-such x"),
        ] {
            assert_eq!(rooted(line), expected);
        }
    }
}
