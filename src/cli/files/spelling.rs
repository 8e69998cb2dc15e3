//! What fingers type that clap cannot read: `tail -20`, `grep -5`, and the expression of `find`.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::{Args, Command, ValueEnum};

use super::find::takes_value;
use crate::cli::global::Global;
use crate::cli::habits;
use crate::model::format::Format;

/// The command line with such words as clap reads them.
pub(in crate::cli) fn in_clap_words(words: &[OsString]) -> Cow<'_, [OsString]> {
    let Some(at) = habits::command_at(words) else {
        return Cow::Borrowed(words);
    };
    let command = words.get(at).and_then(|word| word.to_str());
    let (before, after) = words.split_at(at + 1);
    let spelled = match command {
        Some("head" | "tail") => numbers(after, "--lines="),
        Some("grep") => numbers(after, "--context="),
        Some("find") => expression_last(after),
        _ => return Cow::Borrowed(words),
    };
    Cow::Owned(before.iter().cloned().chain(spelled).collect())
}

/// `-20` is a flag with its value.
fn numbers(words: &[OsString], flag: &str) -> Vec<OsString> {
    let mut spelled = Vec::with_capacity(words.len());
    let mut is_value = false;
    let mut are_paths = false;
    for word in words {
        let text = word.to_str().unwrap_or_default();
        let digits = text.strip_prefix('-').filter(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
        match digits {
            Some(digits) if !is_value && !are_paths => {
                spelled.push(format!("{flag}{digits}").into());
            }
            _ => spelled.push(word.clone()),
        }
        are_paths |= text == "--";
        // `-n -5`: a value.
        is_value = matches!(
            text,
            "-n" | "-c" | "--lines" | "--bytes" | "-e" | "-A" | "-B" | "-C" | "-m" | "-f" | "-s"
        );
    }
    spelled
}

/// The flags of spyhole before the words of `find`, wherever they stand.
fn expression_last(words: &[OsString]) -> Vec<OsString> {
    let global = Global::augment_args(Command::new(""));
    let takes_next = |name: &str| {
        global.get_arguments().any(|arg| {
            arg.get_action().takes_values() && arg.get_long().is_some_and(|long| long == name)
        })
    };
    let (mut flags, mut rest) = (Vec::new(), Vec::new());
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        let following = words
            .peek()
            .and_then(|next| next.to_str())
            .unwrap_or_default();
        match text {
            "--" => {
                rest.extend(words.by_ref().cloned());
            }
            "-h" | "-V" | "-q" => flags.push(word.clone()),
            "-c" => flags.extend([word.clone()].into_iter().chain(words.next().cloned())),
            "-o" if Format::from_str(following, false).is_ok() => {
                flags.extend([word.clone()].into_iter().chain(words.next().cloned()));
            }
            long if long.starts_with("--") => {
                flags.push(word.clone());
                if takes_next(long.trim_start_matches('-')) {
                    flags.extend(words.next().cloned());
                }
            }
            _ => {
                rest.push(word.clone());
                if takes_value(word.as_bytes()) == Some(true) {
                    rest.extend(words.next().cloned());
                }
            }
        }
    }
    flags.push(OsString::from_vec(b"--".to_vec()));
    flags.append(&mut rest);
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let spelled = in_clap_words(&words);
        let words = spelled.iter().map(|word| word.to_str().unwrap());
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_number_is_a_flag() {
        assert_eq!(spelled("spyhole tail -20 /x"), "spyhole tail --lines=20 /x");
        assert_eq!(
            spelled("spyhole -c web head -5 /x"),
            "spyhole -c web head --lines=5 /x"
        );
        assert_eq!(spelled("spyhole tail -n -5 /x"), "spyhole tail -n -5 /x");
        assert_eq!(
            spelled("spyhole grep -3 x /y"),
            "spyhole grep --context=3 x /y"
        );
        assert_eq!(spelled("spyhole tail -- -5"), "spyhole tail -- -5");
        assert_eq!(spelled("spyhole ps -5"), "spyhole ps -5");
    }

    #[test]
    fn flags_may_stand_anywhere_in_find() {
        for (line, expected) in [
            (
                "spyhole find / -name x -o -name y",
                "spyhole find -- / -name x -o -name y",
            ),
            (
                "spyhole find / -name x -o json",
                "spyhole find -o json -- / -name x",
            ),
            (
                "spyhole find -name --pid --pid 7 -c web",
                "spyhole find --pid 7 -c web -- -name --pid",
            ),
            ("spyhole find --cross /", "spyhole find --cross -- /"),
            ("spyhole find", "spyhole find --"),
        ] {
            assert_eq!(spelled(line), expected);
        }
    }
}
