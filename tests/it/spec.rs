//! `spyhole spec`: what it says runs again, is valid, and stays YAML whatever a target calls itself.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use super::host::{run, spyhole};
use super::lab::{self, Lab, Output};
use super::patience::eventually;
use super::podman::PodmanLab;
use super::support::idle::Idle;

const SECRET: &str = "correct horse battery staple";

fn yaml(output: &Output) -> Value {
    let text = output.stdout_text();
    let hidden = |one: char| one.is_control() && one != '\n';
    assert!(!text.chars().any(hidden), "{text}");
    serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{why}\n{text}"))
}

/// A document without what is measured anew in each run.
fn without_resources(mut document: Value) -> Value {
    if let Some(container) = document.as_object_mut() {
        container.remove("resources");
    }
    document
}

#[needs(root, podman)]
fn ten_applications_are_played_from_what_it_says_and_answer_again() {
    let webapp = lab::example("webapp");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/spec-play");
    let script = run(Command::new(path)
        .env("BIN", webapp.parent().unwrap())
        .env("STORAGE_DRIVER", PodmanLab::get().driver()));
    let script = script.ended_with(0);
    let said = script.stdout_text();
    let played = said
        .lines()
        .filter(|line| line.ends_with("| answers again |"));
    assert_eq!(played.count(), 10, "{script}");
    let docs = include_str!("../../docs/spec.md");
    for line in said.lines() {
        // Which version is the newest is that of the tool.
        let kept = line.split(" | 1.").next().unwrap();
        assert!(
            docs.contains(kept),
            "docs/spec.md has another line than {line}"
        );
    }
}

#[test]
fn a_watch_that_is_interrupted_writes_what_was_seen_until_then() {
    let target = Idle::sleep();
    let words = ["--pid", &target.id().to_string(), "spec", "--watch", "1h"].map(str::to_owned);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut command = Command::new(lab::spyhole());
        let child = command.args(&words).stdout(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        eventually("it catches the signal", || catches(pid, signal));
        kill(pid, signal).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        let text = String::from_utf8(ended.stdout).unwrap();
        assert!(text.contains("watched for "), "{text}");
    }
}

/// Whether a process has a handler for the signal: `SigCgt` of `proc_pid_status(5)`.
fn catches(pid: Pid, signal: Signal) -> Result<(), String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
    let is_caught = mask & 1 << (signal as i32 - 1) != 0;
    is_caught.then_some(()).ok_or(status)
}

#[needs(root)]
fn a_hostile_target_gives_the_same_document_in_each_form() {
    let hostile = "a\n- b: c\n\u{1b}[31m#\u{202e}$(X) $$ \"'\\: {}[]&*!|>%@`~ \u{ffff}";
    let web = Lab::webapp()
        .uid(1000)
        .caps("none")
        .read_only()
        .env("PLAIN", hostile)
        .env("TRUE", "yes")
        .env("a\nb", "a name that Kubernetes does not take")
        .env("DB_PASSWORD", SECRET)
        .env_bytes("BYTES", b"\xff\xfe: #")
        .args([
            "--listen",
            "0.0.0.0:8080",
            "--hostile-name",
            "--non-utf8",
            "--no-zombie",
        ])
        .arg(format!("--api-key={SECRET}"))
        .start();
    let spec = |words: &[&str]| {
        let viewer = web.spyhole().uid(0).caps("+sys_ptrace,+dac_read_search");
        viewer.args(["spec"]).args(words).run().ended_with(0)
    };
    let container = spec(&[]);
    let manifest = yaml(&container);
    for words in [
        &[][..],
        &["--kind", "Pod"],
        &["--kind", "Deployment"],
        &["--compose"],
    ] {
        let text = spec(words);
        assert!(!text.stdout_text().contains(SECRET), "{text}");
        let data = spec(&[words, &["-o", "json"]].concat()).json();
        let same = (yaml(&text), data["manifest"].clone());
        if words.is_empty() {
            assert_eq!(without_resources(same.0), without_resources(same.1));
        }
        for reference in data["evidence"].as_array().unwrap() {
            let path = reference["path"].as_str().unwrap();
            assert!(data["manifest"].pointer(path).is_some(), "{reference}");
        }
    }

    let variable = |name: &str| {
        let all = manifest["env"].as_array().unwrap();
        let found = all.iter().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {container}"))
    };
    let kept = hostile.replace("$(", "$$(").replace("$$ ", "$$$ ");
    assert_eq!(variable("PLAIN")["value"], kept);
    assert_eq!(variable("TRUE")["value"], "yes");
    assert_eq!(
        variable("DB_PASSWORD")["valueFrom"]["secretKeyRef"]["key"],
        "DB_PASSWORD"
    );
    let last = manifest["args"].as_array().unwrap().last().unwrap();
    assert_eq!(last, "--api-key=$(SECRET_ARGUMENT_1)");
    assert!(variable("SECRET_ARGUMENT_1")["valueFrom"].is_object());
    let names = manifest["env"].as_array().unwrap();
    assert!(
        names
            .iter()
            .all(|one| !one["name"].as_str().unwrap().contains('\n'))
    );
    assert_eq!(manifest["ports"][0]["containerPort"], 8080);
    assert_eq!(manifest["securityContext"]["runAsUser"], 1000);
    assert_eq!(
        manifest["securityContext"]["capabilities"]["drop"][0],
        "ALL"
    );
    assert_eq!(manifest["securityContext"]["readOnlyRootFilesystem"], true);

    let asked = spec(&["--connect"]);
    let probe = &yaml(&asked)["readinessProbe"];
    assert_eq!(probe["httpGet"]["port"], 8080, "{asked}");
    assert!(yaml(&asked).get("volumeMounts").is_none(), "{asked}");
}

#[test]
fn a_saved_document_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sound = root.join("src/doctor/tests/sound.json");
    let mut saved: Value = serde_json::from_slice(&fs::read(&sound).unwrap()).unwrap();
    let sound = sound.to_str().unwrap();
    let pod = spyhole(["spec", "--from", sound, "--kind", "Pod"]);
    let context = &yaml(&pod)["spec"]["containers"][0]["securityContext"];
    assert_eq!(context["readOnlyRootFilesystem"], true);

    let mounts = saved["mounts"].as_array_mut().unwrap();
    let is_root = |mount: &&mut Value| mount["mount_point"] == "/";
    let root = mounts.iter_mut().find(is_root).unwrap();
    root["writable"] = true.into();
    let directory = TempDir::new().unwrap();
    let writable = directory.path().join("dump.json");
    fs::write(&writable, saved.to_string()).unwrap();
    let writable = writable.to_str().unwrap();
    let pod = spyhole([
        "spec", "--from", writable, "--kind", "Pod", "--image", "web:1.2",
    ]);
    let text = pod.stdout_text();
    let document = yaml(&pod);
    let container = &document["spec"]["containers"][0];
    assert_eq!(container["image"], "web:1.2");
    // Times of files are not in it.
    let context = &container["securityContext"];
    assert!(context.get("readOnlyRootFilesystem").is_none(), "{text}");
    assert!(
        text.contains("# not seen: readOnlyRootFilesystem"),
        "{text}"
    );
    assert!(text.contains("# left out: probes"), "{text}");

    for (words, code) in [
        (&["spec", "--from", "/nowhere.json"][..], 2),
        (&["spec", "--from", sound, "--connect"], 2),
        (&["spec", "--from", sound, "-o", "wide"], 2),
        (&["spec", "--from", sound, "--watch", "1m"], 2),
        (&["spec", "--image", "a b"], 2),
        (&["spec", "--from", sound, "--reveal-all"], 2),
        (&["spec", "--from", sound, "--reveal", "PATH"], 2),
        (&["spec", "--connect", "--no-connect"], 2),
        (&["spec", "--compose", "--connect"], 2),
    ] {
        spyhole(words).ended_with(code);
    }
}
