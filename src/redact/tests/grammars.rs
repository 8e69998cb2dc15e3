//! Secrets planted by every grammar of the tables, among random neighbours: none survives.
//!
//! The grammars are made of the tables, so that a new row is tried without a new test.

use super::redactor;
use super::tables::{VALUE, command};
use crate::redact::tables::hashes::{HASHES, NAMED_HASHES, SCHEMES};
use crate::redact::tables::hooks::HOOKS;
use crate::redact::tables::programs::{PROGRAMS, RUNNERS};
use crate::redact::tables::words::{DIRECTIVES, WORDS, Word};
use crate::redact::text::steps;

/// Numbers that are the same in each run (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// A password as people and generators make them.
    fn password(&mut self) -> String {
        let mut text = self.of(&["Zebra", "kiwi", "Mango", "otter"]).to_owned();
        for _ in 0..2 + self.below(3) {
            text += self.of(&["7", "42", "1x", "0q9"]);
            text += self.of(&["Cross", "k", "Tr", "ly", "-Vw"]);
        }
        text + self.of(&["3", "8z"])
    }

    /// Words that say nothing, and end no command.
    fn neighbours(&mut self) -> Vec<String> {
        let words = [
            "--verbose",
            "--port=80",
            "a=b",
            "-v",
            "https://h/x",
            "--name=web",
            "x/y",
            "--",
            "--log-level",
            "info",
        ];
        (0..self.below(3))
            .map(|_| self.of(&words).to_owned())
            .collect()
    }
}

fn shown(args: &[String]) -> String {
    let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    let shown = redactor().arguments(&args);
    let texts = shown
        .iter()
        .map(|arg| String::from_utf8_lossy(arg.text.as_bytes()));
    texts.collect::<Vec<_>>().join("\u{1}")
}

/// The ways in which one text reaches a command line.
fn settings(text: &str) -> [Vec<String>; 3] {
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    [
        own(&["app", text, "--listen", ":80"]),
        own(&["app", "--config", text]),
        own(&["env", "A=b", "app", "-x", text]),
    ]
}

#[test]
fn no_secret_of_a_program_survives_its_neighbours() {
    let mut chance = Chance(1);
    let mut failed = Vec::new();
    for (programs, _, patterns) in PROGRAMS {
        for program in programs.split_ascii_whitespace() {
            for pattern in patterns.iter().filter(|pattern| !pattern.ends_with(" F")) {
                let secret = chance.password();
                let mut words: Vec<String> = Vec::new();
                if chance.below(2) == 0 {
                    let runner = RUNNERS
                        .split_ascii_whitespace()
                        .nth(chance.below(12))
                        .unwrap();
                    words.push(runner.to_owned());
                }
                let attached = chance.below(2) == 0;
                let mut row = command(program, pattern, attached);
                // Options of any kind may follow the program, unless the very next word counts.
                if !pattern.contains('^') && !pattern.contains('_') {
                    row.insert(1, chance.of(&["--verbose", "--port=80", "--x"]).to_owned());
                }
                words.extend(row.into_iter().map(|word| word.replace(VALUE, &secret)));
                if !pattern.contains('$') {
                    words.extend(chance.neighbours());
                }
                let title = vec![words.join(" ")];
                let script = vec![
                    "sh".to_owned(),
                    "-c".to_owned(),
                    format!("cd /x && {}", words.join(" ")),
                ];
                for args in [words, title, script] {
                    if shown(&args).contains(&secret) {
                        failed.push(format!("{pattern}: {args:?}"));
                    }
                }
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{}: {:#?}",
        failed.len(),
        failed.iter().take(40).collect::<Vec<_>>()
    );
}

/// The grammars that a name and its value stand in; `N` and `X` are replaced.
#[rustfmt::skip]
const GRAMMARS: &[&str] = &[
    "N=X", "--N=X", "-DN=X", "a=b,N=X", "export N=\"X\"", "N='X' app", "/N:X",
    r#"{"a":1,"N":"X"}"#, r#"{"a":{"N":"X"}}"#, r#"{"N":{"a":"X"}}"#, r#"{"N":["X"]}"#, r#"{"name":"N","value":"X"}"#, r#"{"value":"X","name":"N"}"#, r#"{\"N\":\"X\"}"#, "{a: b, N: X}",
    "a: b\nN: X\n", "N:\n  - X\n", "N:\n  a: X\n", "- name: N\n  value: X\n", "N: |\n  X\n", "a:\n  N: 'X'\n", "[a]\nN = X\nb = c",
    "<N>X</N>", "<a key=\"N\" value=\"X\"/>", "<a name=\"N\">X</a>", "<a N=\"X\"/>", "<N><![CDATA[X]]></N>",
    "https://h/x?a=b&N=X", "https://h/?N=X#f", "jdbc:x://h/d?user=u&N=X&ssl=true", "Server=h;N=X;Encrypt=1", "host=h N=X dbname=d",
    "'N' => 'X'", "N = \"X\"", "$N = 'X'", "X-N: X",
];

#[test]
fn no_value_of_a_telling_name_survives_its_grammar() {
    let mut chance = Chance(2);
    let mut failed = Vec::new();
    let mut rows = 0;
    for (class, words) in WORDS {
        if !matches!(
            class,
            Word::Strong | Word::Credentials | Word::Secret | Word::Key
        ) {
            continue;
        }
        for word in words.split_ascii_whitespace() {
            // Three grammars a word; over all words each grammar comes often.
            for _ in 0..3 {
                let grammar = chance.of(GRAMMARS);
                // `$名` is no variable, and no header has letters beyond ASCII.
                if !word.is_ascii() && (grammar.starts_with('$') || grammar.starts_with("X-")) {
                    continue;
                }
                let secret = chance.password();
                let text = match grammar {
                    // The header's own `X`.
                    "X-N: X" => format!("X-{word}: {secret}"),
                    _ => grammar
                        .replace('N', "\u{1}")
                        .replace('X', &secret)
                        .replace('\u{1}', word),
                };
                rows += 1;
                for args in settings(&text) {
                    if shown(&args).contains(&secret) {
                        failed.push(format!("{grammar}: {args:?}"));
                    }
                }
                if redactor().variable(b"CONFIG", text.as_bytes()).is_none() {
                    failed.push(format!("CONFIG={text}"));
                }
            }
        }
    }
    assert!(rows > 1000, "{rows}");
    assert!(
        failed.is_empty(),
        "{} of {rows}: {:#?}",
        failed.len(),
        failed.iter().take(40).collect::<Vec<_>>()
    );
}

#[test]
fn no_value_of_a_format_survives_its_neighbours() {
    let mut chance = Chance(3);
    let mut failed = Vec::new();
    let mut forms: Vec<String> = Vec::new();
    forms.extend(
        DIRECTIVES
            .split_ascii_whitespace()
            .map(|directive| format!("{directive} X")),
    );
    forms.extend(HASHES.iter().map(|hash| format!("bob:{hash}abcX")));
    forms.extend(
        SCHEMES
            .iter()
            .map(|scheme| format!("{scheme}}}abcX").replace("}}", "}")),
    );
    forms.extend(
        NAMED_HASHES
            .iter()
            .map(|hash| format!("{hash}1000$saltsaltsaltsalt$X")),
    );
    forms.extend(
        [
            "postgres://u:X@h/d",
            "redis://:X@h",
            "u:X@tcp(h:1)/d",
            "hr/X@//h:1521/s",
            "jdbc:oracle:thin:u/X@h:1:s",
            "h:5432:d:u:X",
            "machine h login u password X",
            "CREATE USER u IDENTIFIED BY 'X'",
            "ALTER USER u PASSWORD $$X$$",
            "ALTER LOGIN u WITH PASSWORD = N'X'",
            "login('u', 'X')",
            "pgp_sym_encrypt(c, 'X')",
            "Authorization: Bearer X",
            "Cookie: a=X",
            "UID=u;PWD=X;",
            "http://u%3AX@h/",
        ]
        .map(str::to_owned),
    );
    let hooks = HOOKS.iter().map(|hook| match hook.strip_prefix("*/") {
        Some(path) => format!("https://hooks.example.com/{path}X"),
        None => format!("https://{}X", hook.replace('*', "a")),
    });
    for form in forms.into_iter().chain(hooks) {
        let secret = chance.password() + "0a1b2c3d4e5f";
        // Behind the host of a hook the first `X` is the secret's.
        let text = form.replacen('X', &secret, 1);
        for args in settings(&text) {
            if shown(&args).contains(&secret) {
                failed.push(format!("{args:?}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}: {failed:#?}", failed.len());
}

#[test]
fn every_grammar_takes_linear_steps() {
    let taken = |text: &str, times: usize| {
        let text = text.repeat(times).into_bytes();
        steps::of(|| {
            let _ = redactor().arguments(&[b"app".to_vec(), text.clone()]);
            let _ = redactor().arguments(&[b"sh".to_vec(), b"-c".to_vec(), text.clone()]);
            let _ = redactor().variable(b"CONFIG", &text);
        })
    };
    let mut chance = Chance(4);
    for grammar in GRAMMARS {
        for separator in ["", " ", ";", "\n", ","] {
            let text = grammar
                .replace('N', "db_token")
                .replace('X', &chance.password())
                + separator;
            let (once, twice) = (taken(&text, 128), taken(&text, 256));
            assert!(
                twice <= once * 5 / 2 + 4096,
                "{text:?}: {once}, then {twice}"
            );
        }
    }
}
