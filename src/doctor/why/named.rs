//! Finds the arguments and variables that name a port or a path.

use super::answer::{Setting, SettingKind};
use crate::model::environment::Variable;
use crate::model::escape::escaped;
use crate::model::secret::Argument;

/// As many of a process are shown.
pub(super) const SETTINGS: usize = 8;
/// A long value is cut: it is shown to be recognised.
const TEXT: usize = 200;

/// What a setting may name.
pub(super) enum WantedValue {
    Port(String),
    Path(String),
    /// Any port, where the name of the setting is that of an address.
    AnyPort,
}

/// The settings of a process that name one of these.
pub(super) fn settings(
    args: &[Argument],
    variables: &[Variable],
    wanted: &[WantedValue],
) -> Vec<Setting> {
    let mut found = Vec::new();
    let mut before: Option<String> = None;
    // The first word is the program.
    for argument in args.iter().skip(1) {
        let text = argument.text.to_text().into_owned();
        let flag = before.filter(|flag| is_flag(flag) && !flag.contains('=') && !is_flag(&text));
        let (name, value) = match text.split_once('=') {
            Some((name, value)) if is_flag(name) => (name, value),
            _ => (flag.as_deref().unwrap_or_default(), text.as_str()),
        };
        if wanted.iter().any(|one| one.is_named(name, value)) {
            let shown = flag.map_or_else(|| text.clone(), |flag| format!("{flag} {text}"));
            found.push(Setting::of(SettingKind::Argument, &shown));
        }
        before = Some(text);
    }
    let set = variables.iter().filter(|variable| !variable.shadowed);
    for variable in set {
        let Some(value) = &variable.value else {
            continue;
        };
        let (name, value) = (variable.name.to_text(), value.to_text());
        if wanted.iter().any(|one| one.is_named(&name, &value)) {
            let shown = format!("{name}={value}");
            found.push(Setting::of(SettingKind::Variable, &shown));
        }
    }
    found.truncate(SETTINGS);
    found
}

impl Setting {
    fn of(kind: SettingKind, text: &str) -> Self {
        let mut text = escaped(text.as_bytes()).into_owned();
        if let Some((end, _)) = text.char_indices().nth(TEXT) {
            text.truncate(end);
            text.push('…');
        }
        Self { kind, text }
    }
}

fn is_flag(text: &str) -> bool {
    text.starts_with('-')
}

impl WantedValue {
    fn is_named(&self, name: &str, value: &str) -> bool {
        match self {
            Self::Port(port) => occurs(value, port, |character| {
                character.is_alphanumeric() || character == '.'
            }),
            Self::Path(path) => occurs(value, path, |character| {
                character.is_alphanumeric() || "._-/".contains(character)
            }),
            Self::AnyPort => {
                let words = ["PORT", "LISTEN", "BIND", "ADDR"];
                let name = name.to_ascii_uppercase();
                let port = value.rsplit(':').next().unwrap_or_default();
                words.iter().any(|word| name.contains(word))
                    && port.parse::<u16>().is_ok_and(|port| port > 0)
            }
        }
    }
}

/// Whether a text contains a word that is not a part of a longer one.
fn occurs(text: &str, word: &str, continues: impl Fn(char) -> bool) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let (before, rest) = text.split_at_checked(at).unwrap_or_default();
        let after = rest.get(word.len()..).unwrap_or_default();
        let joined = |character: Option<char>| character.is_some_and(&continues);
        // A sentence may end behind it.
        let after = after.strip_suffix('.').unwrap_or(after);
        let last = before.chars().next_back().filter(|last| *last != '/');
        !joined(last) && !joined(after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_named_where_it_stands_alone() {
        let named = |value: &str| WantedValue::Port("80".to_owned()).is_named("", value);
        for value in [
            "80",
            ":80",
            "0.0.0.0:80",
            "http://x:80/a",
            "[::]:80",
            "443,80",
        ] {
            assert!(named(value), "{value}");
        }
        for value in ["8080", "10.0.0.80", "80.1.1.1", "a80", "", "808"] {
            assert!(!named(value), "{value}");
        }
    }

    #[test]
    fn a_path_is_named_whole() {
        let named = |value: &str| WantedValue::Path("/data/x".to_owned()).is_named("", value);
        assert!(named("/data/x") && named("file:///data/x?mode=ro"));
        assert!(!named("/data/x.log") && !named("/data/xy") && !named("/data"));
    }

    #[test]
    fn an_address_is_one_by_the_name_of_its_setting() {
        let named = |name, value| WantedValue::AnyPort.is_named(name, value);
        assert!(named("PORT", "8080") && named("--listen", "127.0.0.1:9090"));
        assert!(!named("WORKERS", "8") && !named("PORT", "http"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_searched(text: String, word in ".{1,5}") {
            occurs(&text, &word, char::is_alphanumeric);
        }
    }
}
