//! No secret leaves the target unasked: not in any format, not in an error.

use std::fs;
use std::path::Path;

use data_encoding::{BASE64, BASE64URL, HEXLOWER};
use serde_json::Value;
use tempfile::TempDir;

use super::host::{list, only};
use super::lab::{Container, Lab, Output};

/// One planted secret. The tokens are made up and put together here, so that no
/// scanner of sources takes them for real ones.
struct Planted {
    name: &'static str,
    value: String,
    /// What must not be seen: the value, or the part of it that is secret.
    secret: String,
    reason: &'static str,
}

fn planted() -> Vec<Planted> {
    let whole = |name, value: String, reason| Planted {
        name,
        secret: value.clone(),
        value,
        reason,
    };
    let jwt = [r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"sub":"lab"}"#]
        .map(|part| BASE64URL.encode(part.as_bytes()));
    let jwt = format!("{}.{}.{}", jwt[0], jwt[1], "c2lnbmF0dXJlLW9mLXRoZS1sYWI").replace('=', "");
    let pem = format!(
        "-----BEGIN {0}-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END {0}-----\n",
        concat!("PRIVATE", " KEY")
    );
    vec![
        whole("DB_PASSWORD", "correct horse battery".to_owned(), "name"),
        whole("SESSION_TOKEN", "0f1e2d3c4b5a69788796".to_owned(), "name"),
        Planted {
            name: "CACHE",
            value: format!("redis://cache:{}@10.0.0.5:6379/0", "tr0ub4dor-and-3"),
            secret: "tr0ub4dor-and-3".to_owned(),
            reason: "url_password",
        },
        whole("ASSERTION", jwt, "jwt"),
        Planted {
            name: "TLS_MATERIAL",
            value: pem,
            secret: "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".to_owned(),
            reason: "private_key",
        },
        whole(
            "CLOUD_ID",
            format!("AK{}{}", "IA", "Q4XW7Y2ZLAB3EFGH"),
            "aws_key",
        ),
        whole(
            "MAPS",
            format!("AI{}{}", "za", "SyB1cD3eF5gH7iJ9kL1mN3oP5qR7sT9uV1w"),
            "gcp_key",
        ),
        whole(
            "FORGE",
            format!("gh{}{}", "p_", "Zx81kQmv29TbLw73RnYc54Hd06Fg"),
            "github_token",
        ),
        whole(
            "NOISE",
            "qX7vR2mK9tWzL4nB8yHc3JfP6sDg1EaU".to_owned(),
            "high_entropy",
        ),
    ]
}

const API_KEY: &str = "k-9d41f7aa0c6e-of-the-lab";
const DB_SECRET: &str = "s3cr3t-of-the-database";
const BEARER: &str = "bearer-4fX8wQ1zT7-of-the-lab";

/// The sample application with all of them in its environment and three in its arguments.
fn vault() -> Container {
    let plant =
        |setup: super::lab::Setup, planted: &Planted| setup.env(planted.name, &planted.value);
    let setup = planted().iter().fold(Lab::webapp().uid(1000), plant);
    setup
        .env("LOG_LEVEL", "info")
        .arg(format!("--api-key={API_KEY}"))
        .arg(format!(
            "--database-url=postgres://app:{DB_SECRET}@db.internal/app"
        ))
        .args(["--database-url", &format!("Authorization: Bearer {BEARER}")])
        .start()
}

fn look(web: &Container, words: &[&str]) -> Output {
    web.spyhole().uid(1000).args(words).run()
}

/// Each way in which a secret could be written.
fn disguises(secret: &str) -> Vec<String> {
    let escaped = |byte: u8| {
        if byte.is_ascii_alphanumeric() {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    let url: String = secret.bytes().map(escaped).collect();
    let hex = HEXLOWER.encode(secret.as_bytes());
    // In base64 the first bytes of a group depend on where it starts: the middle shows.
    let shifted = (0..3).map(|shift| {
        let text = format!("{}{secret}", &"xxx"[..shift]);
        let whole = BASE64.encode(text.as_bytes());
        whole[4..whole.len() - 4].to_owned()
    });
    let reversed = secret.chars().rev().collect();
    let mut all = vec![secret.to_owned(), url, hex.to_uppercase(), hex, reversed];
    all.extend(shifted);
    all
}

fn assert_hidden(secret: &str, seen: &Output, words: &[&str]) {
    for (stream, text) in [
        ("stdout", seen.stdout_text()),
        ("stderr", seen.stderr_text()),
    ] {
        for disguise in disguises(secret) {
            assert!(
                !text.contains(&disguise),
                "{words:?} shows {disguise:?} on {stream}:\n{text}"
            );
        }
    }
}

fn all_secrets() -> Vec<String> {
    let mut secrets: Vec<String> = planted()
        .into_iter()
        .map(|planted| planted.secret)
        .collect();
    secrets.extend([API_KEY, DB_SECRET, BEARER].map(str::to_owned));
    secrets
}

fn variable<'a>(document: &'a Value, name: &str) -> &'a Value {
    let environment = &list(document, "environment")[0];
    only(list(environment, "variables"), |variable| {
        variable["name"] == name
    })
}

#[needs(root)]
fn no_secret_in_any_command_in_any_format() {
    let web = vault();
    let commands: [&[&str]; 11] = [
        &["ps"],
        &["ps", "--all", "--tree", "--threads"],
        &["ps", "--columns", "pid,exe,command,comm"],
        &["ps", "--sort", "command", "-f"],
        &["env"],
        &["env", "--all", "--all-vars"],
        &["env", "DB_PASSWORD", "NOISE"],
        &["containers"],
        &["dump"],
        &[],
        &["--pid", "1", "dump"],
    ];
    for command in commands {
        for format in ["table", "wide", "json", "yaml"] {
            let words = [command, &["-o", format]].concat();
            let seen = look(&web, &words).ended_with(0);
            assert!(!seen.stdout.is_empty());
            for secret in all_secrets() {
                assert_hidden(&secret, &seen, &words);
            }
        }
    }
}

#[needs(root)]
fn no_secret_in_an_error() {
    let web = vault();
    let errors: [(&[&str], i32); 6] = [
        (&["ps", "--columns", "nope"], 2),
        (&["env", "--nope"], 2),
        (&["-c", "nope", "env"], 3),
        (&["--pid", "4999", "env"], 3),
        (&["--proc", "/nowhere", "env"], 3),
        (&["env", "--fingerprint-key-file", "/nowhere"], 2),
    ];
    for (words, code) in errors {
        let seen = look(&web, words).ended_with(code);
        assert!(seen.stdout.is_empty() && !seen.stderr.is_empty(), "{seen}");
        for secret in all_secrets() {
            assert_hidden(&secret, &seen, words);
        }
    }
    // A viewer who may not look is told why, and nothing else.
    let stranger = web.spyhole().uid(65532).caps("none").args(["dump"]).run();
    for secret in planted() {
        assert_hidden(&secret.secret, &stranger, &["dump, as a stranger"]);
    }
}

#[needs(root)]
fn a_redacted_value_tells_why_how_long_and_which() {
    let document = look(&vault(), &["env", "-o", "json"]).document();
    for planted in planted() {
        let variable = variable(&document, planted.name);
        assert_eq!(variable.get("value"), None, "{variable:#}");
        let redacted = &variable["redacted"];
        assert_eq!(redacted["reason"], planted.reason, "{}", planted.name);
        assert_eq!(
            redacted["length_bytes"],
            planted.value.len(),
            "{}",
            planted.name
        );
        let fingerprint = redacted["fingerprint"].as_str().unwrap();
        let hex = fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(fingerprint.len() == 8 && hex, "{fingerprint:?}");
    }
    let shown = variable(&document, "LOG_LEVEL");
    assert_eq!(
        (&shown["value"], shown.get("redacted")),
        (&"info".into(), None)
    );
}

#[needs(root)]
fn of_an_argument_only_the_secret_is_replaced() {
    let web = vault();
    let document = look(&web, &["ps", "-o", "json"]).document();
    let main = only(list(&document, "processes"), |process| process["pid"] == 1);
    let texts: Vec<&str> = list(main, "args")
        .iter()
        .filter_map(|arg| arg["text"].as_str())
        .collect();
    assert_eq!(texts.len(), 3, "{main:#}");
    assert_eq!(texts[0], format!("--api-key=‹redacted {}›", API_KEY.len()));
    let url = format!(
        "--database-url=postgres://app:‹redacted {}›@db.internal/app",
        DB_SECRET.len()
    );
    assert_eq!(texts[1], url);
    let header = format!("Authorization: Bearer ‹redacted {}›", BEARER.len());
    assert_eq!(texts[2], header);
    let table = look(&web, &["ps"]).stdout_text();
    assert!(
        table.contains(&format!("--api-key=‹redacted {}›", API_KEY.len())),
        "{table}"
    );
}

#[needs(root)]
fn reveal_shows_the_one_that_is_named() {
    let web = vault();
    for planted in planted() {
        let words = ["env", "--reveal", planted.name, "-o", "json"];
        let seen = look(&web, &words);
        assert_eq!(
            variable(&seen.document(), planted.name)["value"],
            planted.value.as_str()
        );
        let others = all_secrets()
            .into_iter()
            .filter(|secret| *secret != planted.secret);
        others.for_each(|secret| assert_hidden(&secret, &seen, &words));
    }
    let words = ["ps", "--reveal", "api-key", "-o", "json"];
    let seen = look(&web, &words);
    assert!(seen.stdout_text().contains(API_KEY), "{seen}");
    for secret in [DB_SECRET, BEARER] {
        assert_hidden(secret, &seen, &words);
    }
}

#[needs(root)]
fn reveal_all_shows_all() {
    let web = vault();
    let seen = look(&web, &["dump", "--reveal-all", "-o", "json"]);
    let document = seen.document();
    for planted in planted() {
        assert_eq!(
            variable(&document, planted.name)["value"],
            planted.value.as_str()
        );
    }
    let text = seen.stdout_text();
    for secret in [API_KEY, DB_SECRET, BEARER] {
        assert!(text.contains(secret), "{secret}: {text}");
    }
    assert!(!text.contains("redacted"), "{text}");
}

/// Fingerprints of the planted variables, with a key file of these bytes or without one.
fn fingerprints(web: &Container, key: Option<&[u8]>) -> Vec<String> {
    let shelf = TempDir::new().unwrap();
    let path = shelf.path().join("key");
    let mut setup = web.spyhole().uid(1000).args(["env", "-o", "json"]);
    if let Some(key) = key {
        fs::write(&path, key).unwrap();
        setup = setup
            .bind_read_only(&path, "/key")
            .args(["--fingerprint-key-file", "/key"]);
    }
    let document = setup.run().document();
    let of = |planted: &Planted| {
        variable(&document, planted.name)["redacted"]["fingerprint"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    planted().iter().map(of).collect()
}

#[needs(root)]
fn fingerprints_compare_under_one_key_and_not_without() {
    let (web, again) = (vault(), vault());
    let key = [7; 32];
    let first = fingerprints(&web, Some(&key));
    assert_eq!(first, fingerprints(&again, Some(&key)), "two pods, one key");
    let different = |other: Vec<String>| first.iter().zip(&other).all(|(one, other)| one != other);
    assert!(different(fingerprints(&web, Some(&[8; 32]))), "another key");
    assert!(
        different(fingerprints(&web, None)),
        "a key of the run's own"
    );
    assert_ne!(fingerprints(&web, None), fingerprints(&web, None));
}

#[needs(root)]
fn equal_values_have_equal_fingerprints_in_one_document() {
    let same = "the same in both places";
    let web = Lab::webapp()
        .uid(1000)
        .env("DB_PASSWORD", same)
        .env("PGPASSWORD", same);
    let web = web.env("OTHER_PASSWORD", "another one altogether").start();
    let document = look(&web, &["env", "-o", "json"]).document();
    let of = |name: &str| variable(&document, name)["redacted"]["fingerprint"].clone();
    assert!(of("DB_PASSWORD").is_string(), "{document:#}");
    assert_eq!(of("DB_PASSWORD"), of("PGPASSWORD"));
    assert_ne!(of("DB_PASSWORD"), of("OTHER_PASSWORD"));
}

#[test]
fn a_key_that_is_too_short_is_refused() {
    let shelf = TempDir::new().unwrap();
    let file = shelf.path().join("short.key");
    for length in [0, 1, 15] {
        fs::write(&file, vec![b'k'; length]).unwrap();
        let said = refused(&file);
        for word in [
            file.to_str().unwrap(),
            &format!("{length} bytes"),
            "at least 16",
            "/dev/urandom",
        ] {
            assert!(said.contains(word), "no {word:?} in {said}");
        }
    }
    fs::write(&file, [b'k'; 16]).unwrap();
    let words = [
        "containers",
        "--fingerprint-key-file",
        file.to_str().unwrap(),
    ];
    super::host::spyhole(words).ended_with(0);
    let absent = shelf.path().join("absent.key");
    assert!(refused(&absent).contains("No such file"));
}

fn refused(key: &Path) -> String {
    let words = ["env", "--fingerprint-key-file", key.to_str().unwrap()];
    let seen = super::host::spyhole(words).ended_with(2);
    assert!(seen.stdout.is_empty(), "{seen}");
    seen.stderr_text()
}
