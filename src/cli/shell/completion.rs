//! What may stand where the cursor is: commands, flags and their values from clap's own definition,
//! processes, containers and paths of the target.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Arg, Command};
use serde_json::Value;

use super::super::habits;
use super::super::run;
use super::filters::FILTERS;
use super::paths::{absolute, names_in};
use super::words::{quoted_word, split_line};
use super::{BUILTINS, REFUSED, Session};
use crate::model::escape::must_hide;
use crate::sys::forked::capture;
use crate::terminal::line_editor::Completions;

/// A person waits no longer for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of a document that names are taken from.
const DOCUMENT: usize = 8 << 20;

/// The completions at a byte of a line.
pub(super) fn complete(session: &Session, line: &str, byte: usize) -> Completions {
    let before = line.get(..byte).unwrap_or_default();
    let command = before
        .rfind('|')
        .map_or(before, |at| before.get(at + 1..).unwrap_or_default());
    let is_filter = command.len() < before.len();
    let begun = last_word(command);
    let start = byte - begun.len();
    let done = command
        .get(..command.len() - begun.len())
        .unwrap_or_default();
    let words: Vec<String> = split_line(done)
        .unwrap_or_default()
        .pop()
        .unwrap_or_default()
        .into_iter()
        .map(|word| word.text)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let words = without_own_words(&words);
    // What is typed, with its backslashes.
    let typed = split_line(begun)
        .ok()
        .and_then(|mut line| line.pop()?.pop());
    let typed = typed.map(|word| word.text).unwrap_or_default();
    let names = if is_filter {
        if words.is_empty() {
            FILTERS.iter().map(|(name, _)| (*name).to_owned()).collect()
        } else {
            Vec::new()
        }
    } else {
        candidates(session, words, &typed)
    };
    let mut names: Vec<String> = names
        .into_iter()
        .filter(|name| name.starts_with(&typed) && !name.contains(must_hide))
        .collect();
    names.sort_unstable();
    names.dedup();
    let shown = |name: &String| {
        let end = name.trim_end_matches('/').rsplit('/').next();
        let end = end.filter(|_| name.starts_with('/') || name.contains('/'));
        let directory = if name.ends_with('/') { "/" } else { "" };
        end.map_or_else(|| name.clone(), |end| format!("{end}{directory}"))
    };
    let words = names.iter().map(|name| (quoted_word(name), shown(name)));
    Completions {
        start,
        words: words.collect(),
    }
}

/// What begins behind the last space that no backslash stands before.
fn last_word(text: &str) -> &str {
    let mut start = 0;
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        if character.is_whitespace() && !is_escaped {
            start = at + character.len_utf8();
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    text.get(start..).unwrap_or_default()
}

/// Without `spyhole`, and without `watch` and its flags.
fn without_own_words<'a, 'b>(words: &'a [&'b str]) -> &'a [&'b str] {
    let mut rest = words;
    loop {
        rest = match rest {
            ["watch", "-n", _, more @ ..] | ["spyhole" | "watch", more @ ..] => more,
            _ => return rest,
        };
    }
}

fn candidates(session: &Session, words: &[&str], typed: &str) -> Vec<String> {
    let mut whole = super::super::command();
    whole.build();
    let offered = whole
        .get_subcommands()
        .filter(|command| !REFUSED.contains(&command.get_name()));
    let Some((name, rest)) = words.split_first() else {
        let names = offered.flat_map(|command| {
            let aliases = command.get_visible_aliases().map(str::to_owned);
            std::iter::once(command.get_name().to_owned()).chain(aliases)
        });
        let own = BUILTINS.iter().map(|(name, _)| (*name).to_owned());
        let tools = habits::names().map(str::to_owned);
        let files = ["less", "wc", "sort"].map(str::to_owned);
        return names.chain(own).chain(tools).chain(files).collect();
    };
    match *name {
        "cd" => return paths(session, typed, true),
        "less" | "more" | "wc" | "sort" | "uniq" => return paths(session, typed, false),
        "use" => return containers(session),
        "help" => {
            return offered
                .map(|command| command.get_name().to_owned())
                .collect();
        }
        _ => {}
    }
    let Some(command) = subcommand(&whole, name) else {
        return Vec::new();
    };
    if let Some((flag, value)) = typed.split_once('=').filter(|_| typed.starts_with("--")) {
        let arg = flagged(command, flag);
        let values = arg
            .map(|arg| values(session, arg, value))
            .unwrap_or_default();
        return values
            .into_iter()
            .map(|value| format!("{flag}={value}"))
            .collect();
    }
    if typed.starts_with('-') {
        let flags = command.get_arguments().filter(|arg| !arg.is_hide_set());
        let flags = flags.filter_map(Arg::get_long);
        return flags.map(|flag| format!("--{flag}")).collect();
    }
    let of_flag = rest.last().and_then(|last| flagged(command, last));
    if let Some(arg) = of_flag.filter(|arg| arg.get_action().takes_values()) {
        return values(session, arg, typed);
    }
    let positionals = command.get_positionals();
    positionals
        .flat_map(|arg| values(session, arg, typed))
        .collect()
}

fn subcommand<'a>(whole: &'a Command, name: &str) -> Option<&'a Command> {
    let ours = match name {
        "netstat" => "ss",
        other => other,
    };
    whole.find_subcommand(ours)
}

/// The flag of a command that a word is.
fn flagged<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| {
        let long = arg
            .get_long()
            .is_some_and(|long| word.strip_prefix("--") == Some(long));
        let short = arg.get_short().map(|short| format!("-{short}"));
        long || short.as_deref() == Some(word)
    })
}

fn values(session: &Session, arg: &Arg, typed: &str) -> Vec<String> {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        return possible
            .iter()
            .map(|value| value.get_name().to_owned())
            .collect();
    }
    let names = arg.get_value_names().unwrap_or_default();
    let name = names.first().map_or("", |name| name.as_str());
    match (arg.get_id().as_str(), name) {
        ("container", _) => containers(session),
        ("pid" | "pids", _) | (_, "PID") => pids(session),
        (_, name) if name.contains("PATH") => paths(session, typed, false),
        _ => Vec::new(),
    }
}

/// Paths of the target that begin so.
fn paths(session: &Session, typed: &str, directories: bool) -> Vec<String> {
    let above = typed
        .rfind('/')
        .map_or("", |at| typed.get(..=at).unwrap_or_default());
    let start = absolute(&session.directory, above.as_bytes());
    let names = names_in(&start, &session.flags(), PATIENCE).into_iter();
    let last = typed.get(above.len()..).unwrap_or_default();
    let names = names.filter(|(_, is_directory)| !directories || *is_directory);
    let names = names.filter_map(|(name, is_directory)| {
        let name = String::from_utf8(name).ok()?;
        let is_hidden = name.starts_with('.') && !last.starts_with('.');
        let end = if is_directory { "/" } else { "" };
        (!is_hidden).then(|| format!("{above}{name}{end}"))
    });
    names.collect()
}

/// The names of the containers that are visible.
fn containers(session: &Session) -> Vec<String> {
    let document = document(&session.plain_flags(), &["containers", "-o", "json"]);
    let listed = document
        .as_ref()
        .and_then(|document| document["containers"].as_array());
    let name = |one: &Value| {
        let name = one["name"].as_str().or_else(|| one["id"].as_str())?;
        Some(name.to_owned())
    };
    listed.into_iter().flatten().filter_map(name).collect()
}

/// The ids of the target's processes.
fn pids(session: &Session) -> Vec<String> {
    let document = document(&session.flags(), &["ps", "-o", "json"]);
    let listed = document
        .as_ref()
        .and_then(|document| document["processes"].as_array());
    let pid = |one: &Value| Some(one["pid"].as_i64()?.to_string());
    listed.into_iter().flatten().filter_map(pid).collect()
}

fn document(flags: &[OsString], words: &[&str]) -> Option<Value> {
    let mut line: Vec<OsString> = vec!["spyhole".into()];
    line.extend(flags.iter().cloned());
    line.extend(words.iter().map(OsString::from));
    let (text, _) = capture(DOCUMENT, PATIENCE, true, || super::code_of(run(line)))?;
    serde_json::from_slice(&text).ok()
}
