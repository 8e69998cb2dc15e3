//! What holds for all input.

use proptest::collection::vec;
use proptest::prelude::*;

use super::cases::{ARGUMENTS_HIDDEN, SECRETS, VARIABLES_HIDDEN};
use super::redactor;
use crate::redact::Redactor;
use crate::redact::arguments::redact_afresh;
use crate::redact::text::steps;

/// Bytes with many of those that the detectors look for.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let telling = prop::sample::select(
        &b"=:@/?&;, \"'`\\-_.{}[]()$\nabcTOKENpasswordeyJ0123456789\xff\xe2\x80\xb9"[..],
    );
    let words = prop::sample::select(vec![
        "--password",
        "token=",
        "://",
        "-----BEGIN ",
        "PRIVATE KEY-----",
        "\\\"",
        "Bearer ",
        "curl -u ",
        "mysql -p",
        "eyJhbGciOiJub25lIn0.",
        "MIIE",
        "LS0tLS1CRUdJTi",
        "sha256:",
        "hooks.slack.com/services/",
        ":thin:",
        "${",
        "ghp_",
    ]);
    vec(
        prop_oneof![
            4 => vec(telling, 0..12),
            2 => words.prop_map(|word| word.as_bytes().to_vec()),
            1 => vec(any::<u8>(), 0..20),
        ],
        0..24,
    )
    .prop_map(|parts| parts.concat())
}

fn holds(text: &[u8], secret: &[u8]) -> bool {
    text.windows(secret.len()).any(|window| window == secret)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(name in any_bytes(), value in any_bytes(), args in vec(any_bytes(), 0..6)) {
        let redactor = redactor();
        let _ = redactor.variable(&name, &value);
        let _ = redactor.bare(&value);
        let out = redactor.arguments(&args);
        prop_assert_eq!(out.len(), args.len());
        for (arg, shown) in args.iter().zip(out) {
            prop_assert!(!shown.redacted.is_empty() || shown.text.as_bytes() == arg.as_slice(), "nothing hidden, nothing changed");
            let hidden: usize = shown.redacted.iter().map(|hidden| hidden.length_bytes).sum();
            let marks: usize = shown.redacted.iter().map(|hidden| format!("‹redacted {}›", hidden.length_bytes).len()).sum();
            prop_assert_eq!(shown.text.as_bytes().len() + hidden, arg.len() + marks, "each byte is shown or counted");
        }
    }

    #[test]
    fn no_planted_secret_is_shown(
        which in 0..SECRETS.len(),
        mut args in vec("[a-z/.]{0,12}|--[a-z]{1,8}(=[a-z0-9/]{0,8})?|-[a-z]|[a-z]+=[a-z]*", 0..8),
        place in any::<prop::sample::Index>(),
    ) {
        let (planted, secret) = SECRETS[which];
        let at = place.index(args.len() + 1);
        for (n, word) in planted.iter().enumerate() {
            args.insert(at + n, (*word).to_owned());
        }
        let bytes: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        for shown in redactor().arguments(&bytes) {
            prop_assert!(!holds(shown.text.as_bytes(), secret.as_bytes()), "{:?} in {:?}", secret, args);
        }
        // The same words as one title, or as a script.
        if !planted.iter().any(|word| word.contains(' ')) {
            let title = args.join(" ").into_bytes();
            for list in [vec![title.clone()], vec![b"sh".to_vec(), b"-c".to_vec(), title]] {
                for shown in redactor().arguments(&list) {
                    prop_assert!(!holds(shown.text.as_bytes(), secret.as_bytes()), "{:?} in {:?}", secret, list);
                }
            }
        }
    }

    /// What was met before is shown as if it were seen for the first time.
    #[test]
    fn what_was_met_before_changes_nothing(
        which in 0..SECRETS.len(),
        words in vec("[a-z/.]{0,12}|--[a-z]{1,8}(=[a-z0-9/]{0,8})?|-[a-z]|[a-z]+=[a-z]*|mysql|sh|login|password|--token|[A-Za-z0-9]{4,9}", 0..10),
        place in any::<prop::sample::Index>(),
    ) {
        let mut args: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let at = place.index(args.len() + 1);
        args.splice(at..at, SECRETS[which].0.iter().map(|word| word.as_bytes().to_vec()));
        let redactor = redactor();
        let afresh = redact_afresh(&redactor, &args);
        for _ in 0..2 {
            prop_assert_eq!(&redactor.arguments(&args), &afresh, "{:?}", args);
        }
    }

    #[test]
    fn fingerprints_tell_keys_and_values_apart(key in vec(any::<u8>(), 1..100), other in vec(any::<u8>(), 1..100), value in vec(any::<u8>(), 2..100)) {
        // HMAC pads keys with zeros: keys that differ in those only are one key.
        let trim = |key: &[u8]| key.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        let of = |key: &[u8], value: &[u8]| Redactor::new(key).variable(b"A_SECRET", value).map(|hidden| hidden.fingerprint);
        prop_assert_eq!(of(&key, &value), of(&key, &value));
        if key[..trim(&key)] != other[..trim(&other)] && of(&key, &value).is_some() {
            prop_assert_ne!(of(&key, &value), of(&other, &value));
        }
    }
}

#[test]
fn secrets_of_the_tables_stay_hidden_with_neighbours() {
    for (args, _) in ARGUMENTS_HIDDEN {
        let bytes: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        let hidden = redactor()
            .arguments(&bytes)
            .iter()
            .map(|arg| arg.redacted.len())
            .sum::<usize>();
        assert!(hidden > 0, "{args:?}");
    }
    // What is hidden as a variable is hidden as `NAME=value` too, but for the whole of it.
    for (name, value, _) in VARIABLES_HIDDEN {
        let argument = format!("{name}={value}").into_bytes();
        let shown = redactor().arguments(&[b"env".to_vec(), argument]);
        assert!(!shown[1].redacted.is_empty(), "{name}={value}");
    }
}

#[test]
fn steps_are_linear() {
    // Twice the text, twice the steps; a quadratic search takes four times as many.
    const SIZE: usize = 4 << 10;
    let taken = |pattern: &str, size: usize| {
        let text = pattern.repeat(size / pattern.len()).into_bytes();
        steps::of(|| {
            let redactor = redactor();
            let _ = redactor.arguments(&[b"x".to_vec(), text.clone()]);
            let _ = redactor.arguments(&[b"sh".to_vec(), b"-c".to_vec(), text.clone()]);
            let _ = redactor.variable(b"NAME", &text);
        })
    };
    for pattern in [
        "a",
        "=",
        ":",
        "@",
        "\"",
        "'",
        "`",
        "\\",
        "-",
        "--password ",
        "a=",
        "token=",
        "token=/a",
        ";a",
        "a;",
        "a:b@",
        "://",
        "://a:",
        "a://b:c@d ",
        "://@",
        "-----BEGIN ",
        "-----BEGIN A-----",
        "eyJ",
        "eyJ/",
        "eyJ.",
        "ghp_/",
        "curl -u \"a ",
        "mysql -p'",
        "\"key\":",
        "\"password\":\"",
        "password: ",
        "key=/a/",
        ",key=a",
        ";key=a,",
        "x=1;a=b,c ",
        "Bearer ",
        "{",
        "(",
        "$(",
        ":thin:",
        "aB3xK9/",
        "aB3.",
        "MIIE",
        "LS0tLS1CRUdJTi",
        "123456789:",
        "\\\"token\\\":\\\"",
        "--key 'a",
        "hooks.slack.com/services/://",
        "aaaaaaaaaaaaaaaaaaaa ",
        "eyJhbGciOiJub25lIn0.a/",
        "$(",
        "[\"token\":",
        "a:@/@/",
        "--token \"",
        "token=true ",
        "SG./",
        "<password>",
        "<a b=\"",
        "{\"a\":{",
        "{\"name\":\"TOKEN\",",
        "login('u',",
        "password => ",
        "IDENTIFIED BY ",
        "PASSWORD $a$",
        "send \"a",
        "$6$",
        "{SSHA}",
        "a:1:b:c:d\n",
        "a/b@",
        "%3A",
        "//a:b@",
        "echo a | ",
        "mysql -p",
        "$(echo ",
        "machine h login u password ",
        "hc-ping.com/://",
    ] {
        let (once, twice) = (taken(pattern, SIZE), taken(pattern, 2 * SIZE));
        assert!(
            twice <= once * 5 / 2 + 1024,
            "{pattern:?}: {once}, then {twice}"
        );
        assert!(once <= 2000 * SIZE, "{pattern:?}: {once}");
    }
}
