//! What a person at a terminal, and a command that shows files, get at the end: the exit code, or why
//! there is none.

use std::process::Command;

use serde_json::{Value, json};

use super::fake::{FakeKubectl, Level, fixture};
use crate::keyboard::Keyboard;
use crate::lab::Output;

fn with_state(kubectl: &FakeKubectl, pod: &str, counts: std::ops::Range<usize>, state: &Value) {
    let mut pod: Value = serde_json::from_str(&fixture(pod)).unwrap();
    pod["status"]["ephemeralContainerStatuses"] = json!([{"name": "SPYHOLE", "state": state}]);
    for count in counts {
        kubectl.answer(&format!("get-pod.{count}"), &pod.to_string());
    }
}

fn ended(code: i64) -> Value {
    json!({"terminated": {"exitCode": code, "reason": "Error"}})
}

const GONE: &str = "if [ $count -gt 1 ]; then\n\
    echo 'Error from server (NotFound): pods \"web\" not found' >&2; exit 1\nfi\n";

/// The node reports the end a moment after the terminal is closed.
#[test]
fn after_a_terminal_the_exit_code_is_waited_for() {
    for code in [0, 4] {
        let kubectl = FakeKubectl::with("non-root", Level::Labelled("restricted"));
        with_state(&kubectl, "non-root", 3..5, &json!({"running": {}}));
        with_state(&kubectl, "non-root", 5..6, &ended(code));
        let seen = kubectl.spyhole(["web", "-i", "--", "stat", "/nope"]);
        let seen = seen.ended_with(i32::try_from(code).unwrap());
        assert!(!seen.stderr_text().contains("still running"), "{seen}");
    }
}

#[test]
fn a_pod_that_is_deleted_meanwhile_is_told_as_such() {
    let words = "the pod shop/web was deleted, and spyhole ended with it";
    for args in [&["-i", "--", "ps"][..], &["--", "ps"], &["cat", "/a"]] {
        let kubectl = FakeKubectl::with("non-root", Level::Labelled("restricted"));
        kubectl.answer("get-pod.runs", GONE);
        let args = [&["web", "-q"], args].concat();
        let seen = kubectl.spyhole(args).ended_with(3);
        assert!(seen.stderr_text().contains(words), "{seen}");
    }
    // It ends, and its containers with it.
    let kubectl = FakeKubectl::with("non-root", Level::Labelled("restricted"));
    let mut pod: Value = serde_json::from_str(&fixture("non-root")).unwrap();
    pod["metadata"]["deletionTimestamp"] = "2026-03-01T10:00:00Z".into();
    pod["status"]["ephemeralContainerStatuses"] = json!([{"name": "SPYHOLE", "state": ended(143)}]);
    for count in 2..5 {
        kubectl.answer(&format!("get-pod.{count}"), &pod.to_string());
    }
    let seen = kubectl.spyhole(["web", "-i", "--", "ps"]).ended_with(3);
    assert!(seen.stderr_text().contains(words), "{seen}");
}

/// The container cannot listen: its own words say so, and kubectl's do not.
#[test]
fn a_container_that_ended_under_a_file_command_says_why() {
    let log = "spyhole: cannot listen on 127.0.0.1:7794: Address already in use (os error 98)\n";
    let told = |states: &[Value], args: &[&str]| {
        let kubectl = FakeKubectl::with("non-root", Level::Labelled("restricted"));
        for (index, state) in states.iter().enumerate() {
            with_state(&kubectl, "non-root", index + 2..index + 3, state);
        }
        kubectl.answer("logs", log);
        kubectl.answer(
            "exec.refused",
            "error: unable to upgrade connection: container not found (\"spyhole-x\")\n",
        );
        let seen = kubectl
            .spyhole([&["web", "-q"], args].concat())
            .ended_with(3);
        let words = seen.stderr_text();
        assert!(words.contains(log.trim_end()), "{seen}");
        assert!(words.contains("A retry adds another container"), "{seen}");
        assert!(!words.contains("container not found"), "{seen}");
    };
    let directory = tempfile::TempDir::new().unwrap();
    let copy = ["cp", "/a", directory.path().to_str().unwrap()];
    for args in [&["cat", "/a"][..], &copy] {
        told(&[ended(2)], args);
        // It was seen running before it ended.
        told(
            &[json!({"running": {}}), json!({"running": {}}), ended(2)],
            args,
        );
    }
}

/// A server that is dead, though its node has not said so, is replaced.
#[test]
fn a_file_command_adds_a_container_where_the_one_there_is_dead() {
    let says = |stderr: &str| {
        let kubectl = FakeKubectl::with("spyhole-there", Level::Labelled("restricted"));
        kubectl.answer("exec.1", "");
        let script = format!(
            "if [ $count -eq 1 ]; then echo '{stderr}' >&2; exit 1; fi\nprintf content; exit 0\n"
        );
        kubectl.answer("exec.runs", &script);
        with_state(&kubectl, "spyhole-there", 2..4, &json!({"running": {}}));
        let seen = kubectl.spyhole(["web", "cat", "/a"]);
        (kubectl, seen)
    };
    for stderr in [
        "error: unable to upgrade connection: container not found (\"spyhole-7xk2q\")",
        "command terminated with exit code 137",
    ] {
        let (kubectl, seen) = says(stderr);
        let seen = seen.ended_with(0);
        assert_eq!(seen.stdout_text(), "content", "{seen}");
        let words = seen.stderr_text();
        assert!(words.contains("spyhole-7xk2q cannot be reused"), "{words}");
        let calls = kubectl.calls();
        assert!(calls.contains("--listen=127.0.0.1:7795\n"), "{calls}");
    }
    // Without the right another container is of no more use.
    let (kubectl, seen) = says(
        "Error from server (Forbidden): pods \"web\" is forbidden: User \"jane\" cannot create \
         resource \"pods/exec\" in API group \"\" in the namespace \"shop\"",
    );
    let words = seen.ended_with(3).stderr_text();
    for expected in [
        "\"jane\" is not allowed to create pods/exec in the namespace shop",
        "create pods/exec for cat, cp and other commands on files",
        "The ClusterRole spyhole-attach of manifests/rbac allows all of it",
    ] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    assert!(!kubectl.calls().contains("debug"), "{}", kubectl.calls());
}

fn at_terminal(kubectl: &FakeKubectl, args: &[&str]) -> String {
    let mut command: Command = kubectl.command();
    command.args(["web", "--dry-run"]).args(args);
    let mut keys = Keyboard::start(&mut command, 4000, 30);
    assert_eq!(keys.ends(), Ok(0), "{}", keys.shown());
    keys.shown().replace("\r\n", "\n")
}

/// A screen needs the terminal, and whoever did not type -it has no use for words about it.
#[test]
fn what_needs_a_terminal_is_attached_to_it() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    for (args, words) in [
        (&[][..], "shell --idle-exit=15m"),
        (&["shell"], "shell --idle-exit=15m"),
        (&["shell", "--idle-exit=1h"], "shell --idle-exit=1h"),
        (&["top"], "top"),
        (&["top", "-d", "2"], "top -d 2"),
    ] {
        let text = at_terminal(&kubectl, args);
        let line = format!("--stdin --tty --arguments-only -- {words}\n");
        assert!(text.contains(&line), "{args:?}: {text}");
        assert!(!text.contains("without -it"), "{args:?}: {text}");
    }
    let text = at_terminal(&kubectl, &["-it", "--", "ps"]);
    assert!(text.contains("without -it it is complete"), "{text}");
    let text = at_terminal(&kubectl, &["--", "top", "-b", "-n", "2"]);
    assert!(text.contains("--attach=false"), "{text}");
}

#[test]
fn without_a_terminal_top_has_an_end_or_is_refused() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    for words in [&["top"][..], &["top", "-b"]] {
        let seen = kubectl.spyhole([&["web"], words].concat()).ended_with(2);
        assert!(
            seen.stderr_text()
                .contains("use kubectl spyhole web top -b -n 1, or"),
            "{seen}"
        );
    }
    assert_eq!(kubectl.calls(), "");
    let plan = |words: &[&str]| -> Output {
        kubectl
            .spyhole([&["web", "--dry-run"], words].concat())
            .ended_with(0)
    };
    // The time that a command is to take is added to that of its start.
    for (words, seconds) in [
        (&["top", "-b", "-n", "10", "-d", "4"][..], 110),
        (&["spec", "--watch", "50s"], 110),
        (&["ps", "--sample=5s"], 65),
        (&["ps"], 60),
    ] {
        let seen = plan(words);
        let time = format!("--timeout={seconds}s\n");
        assert!(seen.stdout_text().contains(&time), "{words:?}: {seen}");
    }
}

#[test]
fn a_command_before_the_pod_is_answered_with_the_right_line() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    for (words, line) in [
        (
            &["cp", "web:/etc/hosts", "."][..],
            "kubectl spyhole web cp /etc/hosts .",
        ),
        (
            &["ps", "web", "-o", "json"],
            "kubectl spyhole web ps -o json",
        ),
        (&["top", "web"], "kubectl spyhole web top"),
    ] {
        let seen = kubectl.spyhole(words).ended_with(2);
        let line = format!("\n  The pod comes first: {line}\n");
        assert!(seen.stderr_text().contains(&line), "{seen}");
    }
    let seen = kubectl.spyhole(["web", "pss"]).ended_with(2);
    assert!(!seen.stderr_text().contains("comes first"), "{seen}");
    assert_eq!(kubectl.calls(), "");
}
