//! What is done, in which order, and what comes of it.

use serde_json::{Value, json};

use super::fake::{FakeKubectl, Level, fixture};

/// The pod after a container of spyhole was added: the name is not known before, so whatever
/// was asked for is there.
fn with_state(kubectl: &FakeKubectl, name: &str, count: usize, state: &Value) {
    let mut pod: Value = serde_json::from_str(&fixture("non-root")).unwrap();
    pod["status"]["ephemeralContainerStatuses"] = json!([{"name": name, "state": state}]);
    kubectl.answer(&format!("get-pod.{count}"), &pod.to_string());
}

/// A run in which the new container stands so, one state after the other. As its name is
/// random, the pod names all that is asked for: the fake replaces it in its answers.
fn run(states: &[Value], log: &str, args: &[&str]) -> (FakeKubectl, crate::lab::Output) {
    let kubectl = FakeKubectl::with("non-root", Level::Labelled("restricted"));
    for (index, state) in states.iter().enumerate() {
        with_state(&kubectl, "SPYHOLE", index + 2, state);
    }
    kubectl.answer("logs", log);
    let seen = kubectl.spyhole(args);
    (kubectl, seen)
}

fn ended(code: i64) -> Value {
    json!({"terminated": {"exitCode": code, "reason": if code == 0 {"Completed"} else {"Error"}}})
}

#[test]
fn the_document_comes_whole_with_the_exit_code_of_spyhole() {
    let document = format!(
        "{{\"schema\":\"spyhole/v1\",\"x\":\"{}\"}}\n",
        "y".repeat(1 << 20)
    );
    let states = [
        json!({"waiting": {"reason": "ContainerCreating"}}),
        json!({"running": {}}),
        ended(4),
    ];
    let (kubectl, seen) = run(&states, &document, &["web"]);
    assert_eq!(seen.code, Some(4), "{}", seen.stderr_text());
    assert!(seen.stdout == document.as_bytes(), "not the same document");
    let calls = kubectl.calls();
    let verbs: Vec<_> = calls
        .lines()
        .map(|call| call.split(' ').next().unwrap())
        .collect();
    assert_eq!(verbs, ["get", "get", "debug", "get", "get", "get", "logs"]);
    assert!(calls.contains("-- --quiet dump\n"), "{calls}");
    let custom: Value = serde_json::from_str(&kubectl.kept("custom")).unwrap();
    assert_eq!(
        custom["securityContext"],
        json!({
            "runAsUser": 1000, "runAsGroup": 3000, "runAsNonRoot": true,
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
        })
    );
    let words = seen.stderr_text();
    for word in ["as 1000:3000", "ContainerCreating", "runs", "stays listed"] {
        assert!(words.contains(word), "{word}: {words}");
    }
}

#[test]
fn a_document_that_was_cut_is_not_passed_off_as_whole() {
    let (_, seen) = run(&[ended(0)], ":3}\n", &["web", "-q"]);
    assert_eq!(seen.code, Some(3), "{seen}");
    assert!(seen.stderr_text().contains("is incomplete"), "{seen}");
}

/// A log holds both of spyhole's streams: the exit code tells which of them is in it.
#[test]
fn what_is_no_document_goes_to_stderr() {
    for code in [2, 3, 5] {
        let words = "spyhole: ambiguous target: several containers match\n";
        let (_, seen) = run(&[ended(code)], words, &["web", "-q", "--", "ps"]);
        assert_eq!(seen.code, i32::try_from(code).ok(), "{seen}");
        assert_eq!(seen.stdout_text(), "", "{code}");
        assert_eq!(seen.stderr_text(), words, "{code}");
    }
    for code in [0, 1, 4] {
        let document = "fails: tcp:127.0.0.1:9\n";
        let (_, seen) = run(&[ended(code)], document, &["web", "-q", "--", "ps"]);
        assert_eq!(seen.code, i32::try_from(code).ok(), "{seen}");
        assert_eq!(seen.stdout_text(), document, "{code}");
        assert_eq!(seen.stderr_text(), "", "{code}");
    }
    // A part of a document is none either.
    let (_, seen) = run(&[ended(137)], "{\"schema\":", &["web", "-q"]);
    assert_eq!(seen.code, Some(3), "{seen}");
    assert_eq!(seen.stdout_text(), "");
}

#[test]
fn quiet_says_nothing_and_passes_the_document() {
    let (_, seen) = run(&[ended(0)], "{}\n", &["web", "-q"]);
    assert_eq!(seen.code, Some(0), "{seen}");
    assert_eq!(seen.stderr_text(), "");
    assert_eq!(seen.stdout_text(), "{}\n");
}

#[test]
fn a_container_of_spyhole_that_runs_is_used_again() {
    let kubectl = FakeKubectl::with("spyhole-there", Level::Labelled("restricted"));
    kubectl.answer("exec", "PID\n1\n");
    kubectl.answer(
        "exec.stderr",
        "a note\ncommand terminated with exit code 4\n",
    );
    kubectl.answer("exec.code", "4");
    let seen = kubectl.spyhole(["web", "--", "ps"]);
    assert_eq!(seen.code, Some(4), "{seen}");
    assert_eq!(seen.stdout_text(), "PID\n1\n");
    assert!(seen.stderr_text().ends_with("a note\n"), "{seen}");
    let calls = kubectl.calls();
    assert!(
        calls.ends_with(
            "exec --namespace=shop web --container=spyhole-7xk2q -- /spyhole --quiet ps\n"
        ),
        "{calls}"
    );
    assert!(!calls.contains("debug"), "{calls}");
}

/// The container that runs there ends under the command, or may not be used: another one is added.
#[test]
fn what_cannot_be_used_again_is_replaced() {
    let forbidden = "Error from server (Forbidden): pods \"web\" is forbidden: User \"jane\" cannot \
         create resource \"pods/exec\" in API group \"\" in the namespace \"shop\"\n";
    let gone = "error: unable to upgrade connection: container not found (\"spyhole-7xk2q\")\n";
    for (stderr, code, why) in [
        (
            "command terminated with exit code 137\n",
            137,
            "ended early (exit code 137)",
        ),
        (
            "command terminated with exit code 126\n",
            126,
            "exit code 126",
        ),
        (forbidden, 1, "\"jane\" is not allowed to create pods/exec"),
        (gone, 1, "container not found"),
    ] {
        let run = |args: &[&str]| {
            let kubectl = FakeKubectl::with("spyhole-there", Level::Labelled("restricted"));
            // What was said before the end is a part of an answer.
            kubectl.answer("exec", "{\"schema\":");
            kubectl.answer("exec.stderr", stderr);
            kubectl.answer("exec.code", &code.to_string());
            with_state(&kubectl, "SPYHOLE", 2, &ended(0));
            kubectl.answer("logs", "{}\n");
            let seen = kubectl.spyhole(args).ended_with(0);
            assert!(kubectl.calls().contains("\ndebug "), "{}", kubectl.calls());
            assert_eq!(seen.stdout_text(), "{}\n");
            seen.stderr_text()
        };
        let words = run(&["web"]);
        assert!(words.contains("spyhole-7xk2q cannot be reused"), "{words}");
        assert!(words.contains(why), "{words}");
        assert_eq!(run(&["web", "-q"]), "");
    }
}

/// A container that only prints one document ends with it, and whatever runs in it then as well.
#[test]
fn only_a_container_that_serves_is_used_again() {
    for (args, used) in [
        (json!(["serve", "--lifetime=1h"]), true),
        (json!(["--quiet", "dump"]), false),
        (json!([]), false),
    ] {
        let mut pod: Value = serde_json::from_str(&fixture("spyhole-there")).unwrap();
        pod["spec"]["ephemeralContainers"][0]["args"] = args.clone();
        let kubectl = FakeKubectl::with("spyhole-there", Level::None);
        kubectl.answer("get-pod", &pod.to_string());
        let seen = kubectl
            .spyhole(["web", "--dry-run", "--", "ps"])
            .ended_with(0);
        let adds = seen.stdout_text().contains("kubectl debug");
        assert_eq!(adds, !used, "{args}: {seen}");
    }
}

/// A container that was added stays listed in the pod: not for a slip of the keyboard.
#[test]
fn words_that_spyhole_does_not_take_add_no_container() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    for (words, said) in [
        (&["pss"][..], "unrecognized subcommand 'pss'"),
        (&["ps", "--al"], "'--al'"),
        (&["ps", "-o", "jsn"], "\"jsn\""),
        (&["check", "tcp"], "tcp"),
        (
            &["--timeout=1s", "mounts", "--space-timeout=9s"],
            "--space-timeout",
        ),
    ] {
        let words = [&["web", "--"], words].concat();
        let seen = kubectl.spyhole(words).ended_with(2);
        assert!(seen.stderr_text().contains(said), "{said}: {seen}");
        assert_eq!(seen.stdout_text(), "");
    }
    let help = kubectl.spyhole(["web", "--", "ps", "--help"]).ended_with(0);
    assert!(
        help.stdout_text().contains("Usage: spyhole processes"),
        "{help}"
    );
    assert_eq!(kubectl.calls(), "", "nothing was asked of a cluster");
}

/// With its first process the kernel kills every other one of a PID namespace.
#[test]
fn a_target_that_ended_took_spyhole_along() {
    let with_target = |count: u64, state: &Value, last: &Value| {
        let kubectl = FakeKubectl::with("non-root", Level::Labelled("restricted"));
        let mut pod: Value = serde_json::from_str(&fixture("non-root")).unwrap();
        pod["status"]["ephemeralContainerStatuses"] =
            json!([{"name": "SPYHOLE", "state": ended(137)}]);
        let target = &mut pod["status"]["containerStatuses"][0];
        target["restartCount"] = count.into();
        target["state"] = state.clone();
        target["lastState"] = last.clone();
        for number in 2..4 {
            kubectl.answer(&format!("get-pod.{number}"), &pod.to_string());
        }
        let seen = kubectl.spyhole(["web", "-q"]).ended_with(3);
        assert_eq!(seen.stdout_text(), "");
        seen.stderr_text()
    };
    let failed = json!({"terminated": {"exitCode": 2, "reason": "Error"}});
    let restarted = with_target(1, &json!({"running": {}}), &failed);
    for words in [
        "the container app of the pod web was restarted (exit code 2, Error), and spyhole ended with it: \
         run the same command again",
        "kubectl logs --namespace=shop web --container=app --previous shows its last output",
    ] {
        assert!(restarted.contains(words), "{words}: {restarted}");
    }
    let ended = with_target(0, &failed, &json!({}));
    assert!(
        ended.contains("of the pod web ended (exit code 2, Error)"),
        "{ended}"
    );
    assert!(!ended.contains("--previous"), "{ended}");
    let crashing = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    let waits = with_target(1, &crashing, &failed);
    assert!(
        waits.contains("once it is running; if it does not stay up"),
        "{waits}"
    );
}

/// Where root with `SYS_PTRACE` is admitted, a look that needs it says so.
#[test]
fn a_look_that_ptrace_would_help_proposes_it() {
    let document = "{\"gaps\":[{\"reason\":\"not_dumpable\"}]}\n";
    let said = |level, args: &[&str]| {
        let kubectl = FakeKubectl::with("non-root", level);
        with_state(&kubectl, "SPYHOLE", 2, &ended(4));
        kubectl.answer("logs", document);
        let seen = kubectl.spyhole(args).ended_with(4);
        assert_eq!(seen.stdout_text(), document);
        seen.stderr_text()
    };
    let words = "not everything could be read (the process is not dumpable): --as-root reads it";
    assert!(said(Level::None, &["web"]).contains(words));
    assert!(said(Level::Labelled("privileged"), &["web"]).contains(words));
    assert!(!said(Level::None, &["web", "--as-root"]).contains(words));
    assert_eq!(said(Level::None, &["web", "-q"]), "");
    for level in ["baseline", "restricted"] {
        assert!(
            !said(Level::Labelled(level), &["web"]).contains("--as-root"),
            "{level}"
        );
    }
}

#[test]
fn what_will_not_start_is_told_as_soon_as_it_is_known() {
    let waiting =
        |reason: &str, message: &str| json!({"waiting": {"reason": reason, "message": message}});
    let cases = [
        (
            waiting("ErrImagePull", "pull access denied"),
            &[
                concat!("cannot pull the image spyhole:", env!("CARGO_PKG_VERSION")),
                "\n    spyhole image load kind\n    spyhole image load minikube\n",
                "\n    spyhole image push REGISTRY/spyhole ",
                "--image",
                "stays listed",
            ][..],
        ),
        (
            waiting("ErrImageNeverPull", "not present with pull policy of Never"),
            &[
                "\n    spyhole image load containerd    on each node",
                "--image-pull-policy=IfNotPresent",
            ],
        ),
        (
            waiting(
                "CreateContainerConfigError",
                "container has runAsNonRoot and image has non-numeric user (nonroot)",
            ),
            &["non-numeric user", "--run-as UID:GID"],
        ),
        (
            waiting("CreateContainerError", "no such\u{1b}[31m target"),
            &[r"no such\x1b[31m target"],
        ),
        (
            json!({"terminated": {"exitCode": 128, "reason": "StartError", "message": "exec: no such file"}}),
            &["does not start", "exec: no such file", "architecture"],
        ),
        (
            json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
            &["terminated early: OOMKilled"],
        ),
    ];
    for (state, words) in cases {
        let (_, seen) = run(&[state], "", &["web"]);
        assert_eq!(seen.code, Some(3), "{seen}");
        for word in words {
            assert!(seen.stderr_text().contains(word), "{word}: {seen}");
        }
    }
}

#[test]
fn waiting_ends() {
    let states = vec![json!({"waiting": {"reason": "ContainerCreating"}}); 20];
    let (_, seen) = run(&states, "", &["web", "--timeout=1s"]);
    assert_eq!(seen.code, Some(3), "{seen}");
    let words = seen.stderr_text();
    assert!(words.contains("ContainerCreating\n"), "{words}");
    assert!(words.contains("--timeout waits longer than 1 s"), "{words}");
    assert!(
        words.contains("kubectl logs --namespace=shop web --container=spyhole-"),
        "{words}"
    );
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    kubectl.answer("get-pod.refused", "");
    let script = "#!/bin/sh\nexec cat /dev/zero\n";
    kubectl.answer("kubectl", script);
    let seen = kubectl.spyhole(["web"]).ended_with(3);
    assert!(seen.stderr_text().contains("more than 16 MiB"), "{seen}");
}

#[test]
fn an_image_that_podman_built_is_told_as_such() {
    let waiting = json!({"waiting": {"reason": "ErrImagePull", "message": "connection refused"}});
    let args = ["web", "--image=localhost/spyhole:7"];
    let (_, seen) = run(&[waiting], "", &args);
    assert_eq!(seen.code, Some(3), "{seen}");
    let said = seen.stderr_text();
    assert!(said.contains("not a registry"), "{said}");
    let line = "\n    spyhole image load k3s --tag localhost/spyhole:7    on each node\n";
    assert!(said.contains(line), "{said}");
}

#[test]
fn an_image_that_its_registry_does_not_have_can_be_pushed() {
    let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "not found"}});
    for (image, line) in [
        (
            "r.example/spyhole:7",
            Some("\n    spyhole image push r.example/spyhole:7\n"),
        ),
        ("r.example/spyhole@sha256:0", None),
    ] {
        let name = format!("--image={image}");
        let (_, seen) = run(std::slice::from_ref(&waiting), "", &["web", &name]);
        let said = seen.ended_with(3).stderr_text();
        assert!(said.contains("imagePullSecrets"), "{said}");
        assert_eq!(
            said.contains("spyhole image push"),
            line.is_some(),
            "{said}"
        );
        assert!(said.contains(line.unwrap_or_default()), "{said}");
    }
}

/// nginx, or any other program that stays: it is no look, and says nothing that could be shown.
#[test]
fn an_image_that_is_not_spyhole_is_not_waited_for_without_end() {
    let states = vec![json!({"running": {}}); 60];
    let args = ["web", "--image=nginx", "--", "ps", "--timeout=1s"];
    let (_, seen) = run(&states, "", &args);
    assert_eq!(seen.code, Some(3), "{seen}");
    assert_eq!(seen.stdout_text(), "");
    let said = seen.stderr_text();
    for words in [
        "still running after 11 s",
        "is spyhole the entrypoint of the image nginx?",
        "kubectl logs --namespace=shop web --container=spyhole-",
        "stays listed",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// It ends with a code that spyhole never has.
#[test]
fn a_program_that_is_not_spyhole_is_told_by_its_exit_code() {
    let args = ["web", "-q", "--image=nginx"];
    let (_, seen) = run(&[ended(127)], "exec: --quiet: not found\n", &args);
    assert_eq!(seen.code, Some(3), "{seen}");
    assert_eq!(seen.stdout_text(), "");
    let said = seen.stderr_text();
    assert!(said.starts_with("exec: --quiet: not found\n"), "{said}");
    assert!(said.contains("exit code 127"), "{said}");
    assert!(
        said.contains("is spyhole the entrypoint of the image nginx?"),
        "{said}"
    );
}
