//! Reports of images that are made in memory.

use std::iter;

use serde_json::{Value, json};

use super::choose::Chosen;
use super::documents::read;
use super::kept::Kept;
use super::report::SourceKind;
use super::sniff::Program;
use super::tree::{Node, NodeKind};
use super::*;

const TOKEN: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";

/// An image of one layer, with a program at `app`.
struct Made(Collected);

impl Made {
    fn new() -> Self {
        let mut made = Self(Collected::new());
        made.program(
            "app",
            0o755,
            Program::Elf {
                machine: 62,
                interpreter: None,
            },
        );
        made
    }

    fn node(&mut self, path: &str, mode: u16, kind: NodeKind) {
        let node = Node {
            kind,
            mode,
            layer: 0,
            uid: 0,
            gid: 0,
            modified_seconds: 0,
        };
        self.0.tree.put(path.as_bytes(), node);
    }

    fn file(&mut self, path: &str, mode: u16) -> u32 {
        let file = self.0.tree.add_file(1, 0).unwrap();
        self.node(path, mode, NodeKind::File(file));
        file
    }

    fn program(&mut self, path: &str, mode: u16, program: Program) {
        let file = self.file(path, mode);
        self.0.programs.insert(file, program);
    }

    fn link(&mut self, path: &str, goal: &str) {
        self.node(path, 0o777, NodeKind::Link(goal.as_bytes().into()));
    }

    fn report(&self, config: &Value) -> Value {
        self.report_of(&json!({"os": "linux", "architecture": "amd64", "config": config}))
    }

    fn report_of(&self, config: &Value) -> Value {
        let config = read("the configuration", config.to_string().as_bytes()).unwrap();
        let chosen = Chosen {
            kind: SourceKind::DockerArchive,
            tags: Vec::new(),
            config_digest: String::new(),
            config,
            layers: Vec::new(),
        };
        let parts = Parts {
            collected: &self.0,
            chosen: Some(&chosen),
            sizes: Vec::new(),
            stored_bytes: Vec::new(),
            runtime: Runtime::Runc,
            redactor: &Redactor::new(b"key"),
            unread: root_dir::Unread::default(),
        };
        serde_json::to_value(parts.report()).unwrap()
    }
}

fn has_finding(report: &Value, id: &str) -> bool {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().any(|one| one["id"] == id)
}

#[test]
fn no_secret_of_the_configuration_is_shown() {
    let made = Made::new();
    let line = format!("/app --token={TOKEN} --password=hunter2xyz");
    for config in [
        json!({"Entrypoint": [line]}),
        json!({"Entrypoint": ["/app"], "User": format!("web:{TOKEN}")}),
        json!({"Entrypoint": ["/app"], "User": TOKEN}),
        json!({"Entrypoint": ["/app"], "WorkingDir": format!("/app/{TOKEN}")}),
        json!({"Entrypoint": [format!("/app/{TOKEN}")], "StopSignal": TOKEN}),
        json!({"Cmd": [TOKEN], "Volumes": {TOKEN: {}}, "ExposedPorts": {TOKEN: {}}, "Env": [TOKEN]}),
    ] {
        let report = made.report(&config);
        assert_eq!(report["start"]["verdict"], "no", "{report}");
        let text = report.to_string();
        assert!(
            !text.contains(TOKEN) && !text.contains("hunter2xyz"),
            "{text}"
        );
    }
}

#[test]
fn secrets_of_what_an_image_may_run_besides_are_found() {
    let made = Made::new();
    for (key, value) in [
        (
            "Healthcheck",
            json!({"Test": ["CMD-SHELL", format!("curl -H 'Authorization: Bearer {TOKEN}' localhost")]}),
        ),
        ("OnBuild", json!([format!("RUN login {TOKEN}")])),
        ("Shell", json!(["/app", "-c", TOKEN])),
    ] {
        let report = made.report(&json!({"Entrypoint": ["/app"], key: value}));
        assert!(has_finding(&report, "IMG-002"), "{key}: {report}");
        assert!(!report.to_string().contains(TOKEN), "{key}");
    }
}

#[test]
fn accounts_behind_a_link_are_not_known() {
    let mut made = Made::new();
    made.file("nix/store/passwd", 0o644);
    made.link("etc/passwd", "/nix/store/passwd");
    let report = made.report(&json!({"Entrypoint": ["/app"], "User": "web"}));
    assert_eq!(report["start"]["verdict"], "unknown");
    assert_eq!(report["accounts"]["users"], Value::Null);
    assert_eq!(report["gaps"][0]["reason"], "limit");
    assert!(!has_finding(&report, "IMG-001"));
    for user in ["", "7:7"] {
        let report = made.report(&json!({"Entrypoint": ["/app"], "User": user}));
        assert_eq!(report["start"]["verdict"], "yes", "{user}");
    }
}

#[test]
fn accounts_that_are_too_long_are_not_known() {
    let mut made = Made::new();
    let file = made.file("etc/passwd", 0o644);
    made.0.kept.insert(file, Kept::TooLong);
    let report = made.report(&json!({"Entrypoint": ["/app"], "User": "web"}));
    assert_eq!(report["start"]["verdict"], "unknown");
    made.0
        .kept
        .insert(file, Kept::Text((*b"root:x:0:0").into()));
    let report = made.report(&json!({"Entrypoint": ["/app"], "User": "web"}));
    assert_eq!(report["start"]["verdict"], "no");
}

#[test]
fn authorities_behind_a_link_are_not_missing() {
    let mut made = Made::new();
    let config = json!({"Entrypoint": ["/app"]});
    assert!(has_finding(&made.report(&config), "IMG-009"));
    made.file("nix/store/authorities", 0o644);
    made.link("etc/ssl/cert.pem", "/nix/store/authorities");
    let report = made.report(&config);
    assert!(!has_finding(&report, "IMG-009"));
    assert_eq!(report["gaps"][0]["count"], 1);
}

#[test]
fn headers_that_were_not_read_make_no_verdict() {
    let mut made = Made::new();
    made.program("far", 0o755, Program::Unknown);
    let report = made.report(&json!({"Entrypoint": ["/far"]}));
    assert_eq!(report["start"]["verdict"], "unknown");
    assert_eq!(report["gaps"][0]["reason"], "limit");
}

#[test]
fn a_hard_link_to_nothing_takes_the_certainty_of_a_failure() {
    let mut made = Made::new();
    let config = json!({"Entrypoint": ["/none"]});
    assert_eq!(made.report(&config)["start"]["verdict"], "no");
    made.0.tree.link(b"x", b"y", 0);
    assert_eq!(made.report(&config)["start"]["verdict"], "unknown");
    let report = made.report(&json!({"Entrypoint": ["/app"]}));
    assert_eq!(report["start"]["verdict"], "yes");
}

#[test]
fn numbers_of_users_have_a_largest() {
    let made = Made::new();
    for (user, verdict) in [
        ("2147483647:2147483647", "yes"),
        ("2147483648", "no"),
        ("1:4294967296", "no"),
        ("-1", "no"),
    ] {
        let report = made.report(&json!({"Entrypoint": ["/app"], "User": user}));
        let start = &report["start"];
        assert_eq!(start["verdict"], verdict, "{user}");
        if verdict == "no" {
            let message = &start["predictions"][0]["messages"][0];
            assert_eq!(message, "uids and gids must be in range 0-2147483647");
        }
    }
}

#[test]
fn an_entrypoint_of_an_empty_word_is_none() {
    let report = Made::new().report(&json!({"Entrypoint": [""], "Cmd": ["/app"]}));
    assert_eq!(report["start"]["verdict"], "yes");
}

#[test]
fn what_engines_mount_over_is_not_known() {
    let report = Made::new().report(&json!({"Entrypoint": ["/proc/self/exe"]}));
    assert_eq!(report["start"]["verdict"], "unknown");
}

#[test]
fn secrets_beyond_what_is_listed_are_seen() {
    let plain = iter::repeat_n("A=b".to_owned(), 1000);
    let variables: Vec<String> = plain.chain([format!("B={TOKEN}")]).collect();
    let mut history = vec![json!({"created_by": "x", "empty_layer": true}); 1000];
    history.push(json!({"created_by": format!("RUN echo {TOKEN}")}));
    let mut made = Made::new();
    for number in 0..1001 {
        made.file(&format!("s{number}"), 0o4755);
    }
    let report = made.report_of(&json!({
        "architecture": "amd64", "history": history,
        "config": {"Entrypoint": ["/app"], "Env": variables},
    }));
    let places: Vec<&Value> = report["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["place"])
        .collect();
    assert_eq!(places, ["history", "environment"]);
    let gaps: Vec<(&Value, &Value)> = report["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["what"], &one["count"]))
        .collect();
    for what in [
        "files with setuid or setgid",
        "lines of the history",
        "variables",
    ] {
        assert!(
            gaps.contains(&(&json!(what), &json!(1))),
            "{what}: {gaps:?}"
        );
    }
}
