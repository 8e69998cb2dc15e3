//! `spyhole diff`: replicas differ in nothing, and what differs is named.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::host::{list, spyhole};
use super::lab::{Container, Lab, Setup};
use crate::support::server::Server;

/// Files that a test leaves for `diff`.
struct Shelf(TempDir);

impl Shelf {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let shelf = Self(TempDir::new().unwrap());
        for (name, bytes) in files {
            fs::write(shelf.path(name), bytes).unwrap();
        }
        shelf
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// A container with a name of its own.
fn webapp(hostname: &str) -> Setup {
    Lab::webapp()
        .uid(1000)
        .caps("none")
        .hostname(hostname)
        .env("HOSTNAME", hostname)
}

fn replica(hostname: &str) -> Container {
    let webapp = webapp(hostname).env("MODE", "production");
    let webapp = webapp.env("DB_PASSWORD", "correct horse battery");
    webapp
        .args(["--listen", "0.0.0.0:8080", "--no-zombie"])
        .start()
}

/// Its document, with the fingerprints of a key that two share.
fn dump(web: &Container, key: &Shelf) -> Vec<u8> {
    let viewer = web.spyhole().uid(1000).caps("none");
    let viewer = viewer.bind_read_only(&key.path("key"), "/key");
    let words = ["dump", "-o", "json", "--fingerprint-key-file", "/key"];
    viewer.args(words).run().ended_with(0).stdout
}

fn diff(shelf: &Shelf, words: &[&str]) -> super::lab::Output {
    let words = words.iter().map(|word| {
        if word.contains(".json") {
            shelf.path(word).to_str().unwrap().to_owned()
        } else {
            (*word).to_owned()
        }
    });
    spyhole(std::iter::once("diff".to_owned()).chain(words))
}

#[needs(root)]
fn replicas_differ_in_nothing_and_what_differs_is_named() {
    let shelf = Shelf::new(&[("key", b"a key that both have".as_slice())]);
    let sick = webapp("web-6d5f-ccccc")
        .env("MODE", "debug")
        .env("DB_PASSWORD", "hunter2 hunter2 hunter")
        .env("EXTRA", "1")
        .args(["--listen", "127.0.0.1:9090", "--no-zombie"]);
    let containers = [
        ("one.json", replica("web-6d5f-aaaaa")),
        ("two.json", replica("web-6d5f-bbbbb")),
        ("sick.json", sick.start()),
        // As a pod that is named after its program.
        ("webapp.json", replica("webapp")),
    ];
    for (name, web) in &containers {
        fs::write(shelf.path(name), dump(web, &shelf)).unwrap();
    }

    let same = diff(&shelf, &["one.json", "two.json"]);
    let text = same.stdout_text();
    assert!(text.starts_with("no difference\nfolded: "), "{same}");
    same.ended_with(0);

    let named = diff(&shelf, &["one.json", "webapp.json"]);
    assert!(!named.stdout_text().contains("processes"), "{named}");

    let differs = diff(&shelf, &["one.json", "sick.json"]).ended_with(1);
    let text = differs.stdout_text();
    for line in [
        "~ environment MODE: production → debug",
        "+ environment EXTRA=1",
        "+ sockets tcp port 9090 local_addresses 127.0.0.1",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}: {text}");
    }
    assert!(text.contains("environment DB_PASSWORD redacted"), "{text}");
    assert!(
        !text.contains("horse") && !text.contains("hunter2"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );

    let document = diff(&shelf, &["one.json", "sick.json", "-o", "json"]).json();
    let changes = list(&document, "changes");
    let mode = changes.iter().find(|change| change["entry"] == "MODE");
    let mode = mode.unwrap_or_else(|| panic!("no change of MODE: {document}"));
    assert_eq!(
        (&mode["before"], &mode["after"]),
        (&"production".into(), &"debug".into())
    );

    let patch = diff(&shelf, &["one.json", "sick.json", "--patch"])
        .ended_with(1)
        .json();
    let read = |name| serde_json::from_slice(&fs::read(shelf.path(name)).unwrap()).unwrap();
    assert_eq!(patched(read("one.json"), &patch), read("sick.json"));
}

/// A JSON Patch applied, as RFC 6902 has it: of the three operations that are written.
fn patched(mut document: Value, operations: &Value) -> Value {
    for operation in operations.as_array().unwrap() {
        let path = operation["path"].as_str().unwrap();
        let (parent, key) = path.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/").replace("~0", "~");
        let value = operation.get("value").cloned();
        match document.pointer_mut(parent).unwrap() {
            Value::Object(fields) => match value {
                Some(value) => drop(fields.insert(key, value)),
                None => drop(fields.remove(&key).unwrap()),
            },
            Value::Array(entries) => match value {
                Some(value) if key == "-" => entries.push(value),
                Some(value) => entries[key.parse::<usize>().unwrap()] = value,
                None => drop(entries.remove(key.parse().unwrap())),
            },
            other => panic!("{path}: {other}"),
        }
    }
    document
}

#[test]
fn a_server_is_compared_with_a_file_and_another_key_is_no_change() {
    let pid = std::process::id().to_string();
    let server = Server::start(&["--pid", &pid]);
    let files = [
        ("token", server.token().into_bytes()),
        ("wrong", b"wrong".to_vec()),
    ];
    let files = files
        .each_ref()
        .map(|(name, text)| (*name, text.as_slice()));
    let shelf = Shelf::new(&files);
    let saved = spyhole(["--pid", &pid, "dump", "-o", "json"]).stdout;
    fs::write(shelf.path("saved.json"), saved).unwrap();
    let (token, wrong) = (shelf.path("token"), shelf.path("wrong"));
    let words = ["saved.json", &server.url, "-o", "json", "--token-file-b"];
    let answer = diff(&shelf, &[&words[..], &[token.to_str().unwrap()]].concat());
    let document = answer.json();
    assert_eq!(document["schema"], "spyhole/diff/v1");
    let changed = list(&document, "changes").iter();
    let mut environment = changed.filter(|change| change["section"] == "environment");
    assert_eq!(environment.next(), None, "the same process: {answer}");
    let refused = diff(&shelf, &[&words[..], &[wrong.to_str().unwrap()]].concat());
    let said = refused.ended_with(4).stderr_text();
    assert!(said.contains("the server responded 401"), "{said}");
}

#[test]
fn what_cannot_be_compared_is_an_error_with_its_cause() {
    let bare =
        br#"{"schema":"spyhole/v1","version":"0","taken_at":"2026-11-23T19:26:00.007Z","gaps":[]}"#;
    let shelf = Shelf::new(&[("bare.json", bare.as_slice()), ("bad.json", b"{")]);
    let nothing = diff(&shelf, &["bare.json", "bare.json"]).ended_with(4);
    assert_eq!(
        nothing.stdout_text(),
        "nothing comparable: no value is in both\n"
    );
    let bad = diff(&shelf, &["bare.json", "bad.json"]).ended_with(2);
    assert!(bad.stderr_text().contains("not JSON: line 1"), "{bad}");
    let both = diff(&shelf, &["-", "-"]).ended_with(2);
    assert!(both.stderr_text().contains("only one"), "{both}");
    let none = diff(&shelf, &[]).ended_with(2);
    assert!(none.stderr_text().contains("spyhole diff A B"), "{none}");
}
