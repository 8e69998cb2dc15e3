//! What follows from the registry: the section of the feature `sample-section` is not named
//! anywhere in `src/cli` or `src/serve`, and is there in all that they offer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

const SPYHOLE: &str = env!("CARGO_BIN_EXE_spyhole");
const NAME: &str = "personality";

/// A process that ends with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A target whose addresses are not chosen at random: that shows in its personality.
fn target() -> Running {
    let target = Running::start(Command::new("setarch").args(["-R", "sleep", "600"]));
    let comm = format!("/proc/{}/comm", target.pid());
    until(|| fs::read_to_string(&comm).is_ok_and(|comm| comm == "sleep\n"));
    target
}

fn until(done: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("it did not happen within a minute");
}

fn said(words: &[&str]) -> String {
    let output = Command::new(SPYHOLE).args(words).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn document(words: &[&str]) -> Value {
    serde_json::from_str(&said(words)).unwrap()
}

#[test]
fn the_command_line_offers_it() {
    assert!(said(&["help", "commands"]).contains("\n  personality "));
    assert!(said(&[NAME, "--help"]).contains("--names"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(said(&["completions", shell]).contains(NAME), "{shell}");
    }
    assert!(said(&["man", NAME]).contains("names"));
}

#[test]
fn it_shows_what_the_kernel_says_and_is_in_dump() {
    let target = target();
    let pid = target.pid();
    let text = fs::read_to_string(format!("/proc/{pid}/personality")).unwrap();
    let mask = u32::from_str_radix(text.trim(), 16).unwrap();
    assert_eq!(mask & 0x4_0000, 0x4_0000, "setarch -R");
    for command in [NAME, "setarch", "dump"] {
        let shown = document(&[command, "--pid", &pid, "-o", "json"]);
        assert_eq!(shown[NAME]["mask"], mask, "{command}");
    }
    let table = said(&[NAME, "--pid", &pid, "--names"]);
    assert!(table.contains(text.trim()), "{table}");
    assert!(table.contains("fixed"), "{table}");
}

#[test]
fn access_tries_the_file_that_it_reads() {
    let target = target();
    let access = document(&["access", "--pid", &target.pid(), "-o", "json"]);
    let checks = access["access"]["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["what"] == NAME).unwrap();
    assert_eq!(check["outcome"], "allowed");
    let path = check["path"].as_str().unwrap();
    assert!(path.ends_with("/personality"), "{path}");
}

#[test]
fn the_schema_has_it() {
    let schema: Value = serde_json::from_str(&said(&["schema"])).unwrap();
    let field = &schema["properties"][NAME];
    assert!(field.is_object(), "{field}");
    assert!(schema["$defs"]["Personality"]["properties"]["mask"].is_object());
    let target = target();
    let shown = document(&["dump", "--pid", &target.pid(), "-o", "json"]);
    assert!(shown[NAME].is_object());
    let schema = jsonschema::validator_for(&schema).unwrap();
    if let Err(why) = schema.validate(&shown) {
        panic!("{why}");
    }
}

#[test]
fn the_endpoint_has_its_route_its_parameters_and_its_metrics() {
    let target = target();
    let notes = tempfile::tempdir().unwrap();
    let socket = notes.path().join("socket");
    let listen = format!("unix:{}", socket.display());
    let _server = Running::start(
        Command::new(SPYHOLE)
            .args(["serve", "--listen", &listen, "--insecure-no-auth"])
            .args(["--pid", &target.pid()])
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    until(|| UnixStream::connect(&socket).is_ok());
    assert!(get(&socket, "/").contains("/v1/personality"));
    let shown: Value = serde_json::from_str(&get(&socket, "/v1/personality?names")).unwrap();
    assert!(shown[NAME]["mask"].is_u64(), "{shown}");
    let dump: Value = serde_json::from_str(&get(&socket, "/v1/dump")).unwrap();
    assert_eq!(dump[NAME], shown[NAME]);
    let api: Value = serde_json::from_str(&get(&socket, "/openapi.json")).unwrap();
    let parameters = &api["paths"]["/v1/personality"]["get"]["parameters"];
    let parameters = parameters.as_array().unwrap();
    assert!(parameters.iter().any(|one| one["name"] == "names"));
    assert!(api["components"]["schemas"]["Personality"].is_object());
    let metrics = get(&socket, "/metrics");
    assert!(
        metrics.contains("\nspyhole_address_space_randomized 0\n"),
        "{metrics}"
    );
}

/// The body of an answer.
fn get(socket: &Path, path: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    body.to_owned()
}
