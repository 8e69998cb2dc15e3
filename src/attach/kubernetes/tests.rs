//! Documents that others wrote, and the words of the command line.

use serde_json::{Value, json};

use super::admission::{Admission, shown_by};
use super::choose::{Given, choose};
use super::kubectl::Kubectl;
use super::pod::{Target, state};
use super::refusal::{self, KubectlRefusal, Operation};
use super::{AttachError, RunAs, User, pod_name, user};
use crate::model::pod_security::PodSecurityLevel::{Baseline, Privileged, Restricted};

const POD: &str = include_str!("../../../tests/fixtures/kubernetes/spyhole-there.json");

fn pod() -> Value {
    serde_json::from_str(POD).unwrap()
}

/// Every document that differs from this one at one place.
fn mutations(document: &Value, visit: &mut dyn FnMut(&Value)) {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!("--x\u{1b}[31m\n"),
        json!([]),
        json!([[], 7, null]),
        json!({}),
    ];
    let mut paths = Vec::new();
    collect(document, &mut String::new(), &mut paths);
    assert!(paths.len() > 50, "the fixture has lost its content");
    for path in paths {
        for value in &odd {
            let mut changed = document.clone();
            *changed.pointer_mut(&path).unwrap() = value.clone();
            visit(&changed);
        }
    }
}

fn collect(value: &Value, path: &mut String, paths: &mut Vec<String>) {
    paths.push(path.clone());
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(list) => (0..).map(|n: usize| n.to_string()).zip(list).collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        let length = path.len();
        path.push('/');
        path.push_str(&key);
        collect(child, path, paths);
        path.truncate(length);
    }
}

#[test]
fn no_document_brings_a_flag_or_an_escape_into_a_name() {
    let clean = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
    };
    let mut entered = 0;
    mutations(&pod(), &mut |document| {
        let _ = state(document, "spyhole-7xk2q");
        let admission = shown_by(document);
        match Target::of(document, "web", None, &Kubectl::default()) {
            Ok(target) => {
                entered += 1;
                let ephemeral = target.ephemeral.iter().map(|one| &one.name);
                let names = ephemeral.chain(&target.passed_over);
                assert!(names.chain([&target.container]).all(|name| clean(name)));
                assert!(clean(&target.namespace), "{}", target.namespace);
                let _ = choose(&target, &admission, Given::Nothing);
            }
            Err(error) => assert!(!error.to_string().contains('\u{1b}'), "{error}"),
        }
    });
    assert!(entered > 100, "only {entered}");
}

#[test]
fn an_unreadable_level_is_what_the_pod_shows_of_it() {
    let mut restricted = pod();
    // spyhole was added to it with less than restricted asks for.
    assert_eq!(shown_by(&restricted).level, Baseline);
    restricted["spec"]["ephemeralContainers"] = json!([]);
    assert_eq!(shown_by(&restricted).level, Restricted);
    let mut root = restricted.clone();
    root["spec"]["containers"][0]["securityContext"] = json!({});
    assert_eq!(shown_by(&root).level, Baseline);
    restricted["spec"]["hostNetwork"] = json!(true);
    assert_eq!(shown_by(&restricted).level, Privileged);
}

/// Each target at each level: the least that reads it, and nothing that is not admitted.
#[test]
fn the_choice_is_admitted_wherever_it_is_made() {
    let contexts = [
        json!({}),
        json!({"runAsUser": 0}),
        json!({"runAsUser": 1000}),
        json!({"runAsUser": 1000, "runAsGroup": 1000}),
        json!({"runAsNonRoot": true}),
        json!({"privileged": true}),
        json!({"runAsUser": 0, "privileged": true}),
        json!({"runAsUser": 0, "capabilities": {"add": ["SYS_ADMIN", "CHOWN"]}}),
        json!({"runAsUser": 9, "runAsGroup": 9, "capabilities": {"add": ["cap_net_bind_service"]}}),
        json!({"runAsUser": 9, "runAsGroup": 9, "appArmorProfile": {"type": "Unconfined"}}),
    ];
    for context in contexts {
        for level in [Privileged, Baseline, Restricted] {
            for given in [
                Given::Nothing,
                Given::User(User {
                    uid: 7,
                    gid: Some(8),
                }),
                Given::User(User { uid: 0, gid: None }),
            ] {
                let mut document = pod();
                document["spec"]["containers"][0]["securityContext"] = context.clone();
                let target = Target::of(&document, "web", None, &Kubectl::default()).unwrap();
                let because = String::new();
                let choice = choose(&target, &Admission::new(level, because), given);
                let asked = &choice.context;
                let at = format!("{context} at {level:?}: {choice:?}");
                if level != Privileged {
                    assert_ne!(choice.run_as, RunAs::RootWithPtrace, "{at}");
                    assert_ne!(asked["appArmorProfile"]["type"], "Unconfined", "{at}");
                    let added = asked["capabilities"]["add"].to_string();
                    assert!(!added.contains("SYS_"), "{at}");
                }
                if level == Restricted {
                    assert_eq!(asked["runAsNonRoot"], true, "{at}");
                    assert_ne!(asked["runAsUser"], 0, "{at}");
                    assert_eq!(asked["capabilities"], json!({"drop": ["ALL"]}), "{at}");
                    assert_eq!(asked["seccompProfile"]["type"], "RuntimeDefault", "{at}");
                }
                assert_eq!(asked["allowPrivilegeEscalation"], false, "{at}");
                assert_eq!(asked["runAsNonRoot"], asked["runAsUser"] != 0, "{at}");
                assert!(asked["privileged"].is_null(), "{at}");
            }
        }
    }
}

/// What a target dropped that is not root is no measure of what root needs.
#[test]
fn root_beside_another_user_keeps_what_the_runtime_gives_it() {
    let dropped = json!({"drop": ["ALL"]});
    let root = Given::User(User { uid: 0, gid: None });
    for (own, level, capabilities) in [
        (json!({"runAsUser": 1000}), Privileged, json!({})),
        (json!({"runAsUser": 1000}), Baseline, json!({})),
        (json!({"runAsNonRoot": true}), Privileged, json!({})),
        (json!({"runAsUser": 0}), Privileged, dropped.clone()),
        // It may be root, and the user says that it is.
        (json!({}), Privileged, dropped.clone()),
    ] {
        let mut document = pod();
        document["status"]["containerStatuses"][0]["user"] = Value::Null;
        document["spec"]["securityContext"] = json!({});
        let context = &mut document["spec"]["containers"][0]["securityContext"];
        *context = own.clone();
        context["capabilities"] = dropped.clone();
        let target = Target::of(&document, "web", None, &Kubectl::default()).unwrap();
        let choice = choose(&target, &Admission::new(level, String::new()), root);
        let at = format!("{own} at {level:?}: {choice:?}");
        assert_eq!(choice.context["runAsUser"], 0, "{at}");
        assert_eq!(choice.context["capabilities"], capabilities, "{at}");
        let proposes = choice.limits.iter().any(|line| line.contains("--as-root"));
        assert_eq!(
            proposes,
            level == Privileged && capabilities == json!({}),
            "{at}"
        );
    }
}

#[test]
fn root_with_ptrace_is_what_was_asked_for_at_every_level() {
    for level in [Privileged, Baseline, Restricted] {
        let target = Target::of(&pod(), "web", None, &Kubectl::default()).unwrap();
        let admission = Admission::new(level, String::new());
        let choice = choose(&target, &admission, Given::RootWithPtrace);
        assert_eq!(choice.run_as, RunAs::RootWithPtrace);
        let added = json!(["SYS_PTRACE", "DAC_READ_SEARCH"]);
        assert_eq!(choice.context["capabilities"]["add"], added);
        assert_eq!(choice.context["runAsUser"], 0);
        let refused = choice
            .limits
            .iter()
            .any(|line| line.contains("will be refused"));
        assert_eq!(refused, level != Privileged, "{choice:?}");
    }
}

#[test]
fn users_are_numbers() {
    assert_eq!(user("7"), Ok(User { uid: 7, gid: None }));
    assert_eq!(
        user("7:8"),
        Ok(User {
            uid: 7,
            gid: Some(8)
        })
    );
    for wrong in ["", "root", "-1", "7:", ":7", "7:8:9", "4294967295"] {
        assert!(user(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn pods_are_named_with_or_without_their_kind() {
    for word in ["web-7d9f.x", "pod/web-7d9f.x", "po/web-7d9f.x"] {
        assert_eq!(pod_name(word, &Kubectl::default()).unwrap(), "web-7d9f.x");
    }
    for wrong in ["", "-w", "pod/", "pod/-w", "deploy/web", "a/b/c", "w\u{1b}"] {
        assert!(pod_name(wrong, &Kubectl::default()).is_err(), "{wrong}");
    }
}

#[test]
fn each_refusal_of_kubectl_is_known_by_its_words() {
    let refusal = |operation, said: &str| {
        let command = ["kubectl", "get", "pod", "web"].map(str::to_owned);
        match refusal::of(operation, &command, said.as_bytes()) {
            AttachError::Kubectl(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    };
    let forbidden = refusal(
        Operation::Add,
        "Error from server (Forbidden): pods \"web\" is forbidden: User \"ann\" cannot patch \
         resource \"pods/ephemeralcontainers\" in API group \"\" in the namespace \"shop\"",
    );
    assert_eq!(
        forbidden,
        KubectlRefusal::Forbidden {
            user: Some("\"ann\"".to_owned()),
            verb: "patch".to_owned(),
            resource: "pods/ephemeralcontainers".to_owned(),
            namespace: Some("shop".to_owned()),
        }
    );
    let said = forbidden.to_string();
    assert!(said.contains("not allowed to patch"), "{said}");
    let denied = refusal(
        Operation::Add,
        "violates PodSecurity \"restricted:latest\": runAsNonRoot != true",
    );
    assert!(matches!(
        &denied,
        KubectlRefusal::PodSecurity { level, .. } if level == "restricted:latest"
    ));
    assert!(
        denied.to_string().contains("Use --level restricted;"),
        "{denied}"
    );
    for (operation, said, is_it) in [
        (
            Operation::ReadPod,
            "Error from server (NotFound): pods \"web\" not found",
            (|refusal| matches!(refusal, KubectlRefusal::NoPod { .. }))
                as fn(KubectlRefusal) -> bool,
        ),
        (
            Operation::ReadPod,
            "Error from server (NotFound): namespaces \"x\" not found",
            |refusal| matches!(refusal, KubectlRefusal::NoNamespace { .. }),
        ),
        (
            Operation::Add,
            "Error from server (NotFound): pods \"web\" not found",
            |refusal| matches!(refusal, KubectlRefusal::PodGone { .. }),
        ),
        (Operation::Add, "error: unknown flag: --custom", |refusal| {
            refusal == KubectlRefusal::KubectlTooOld
        }),
        (
            Operation::ReadPod,
            "error: You must be logged in",
            |refusal| refusal == KubectlRefusal::NotLoggedIn,
        ),
        (
            Operation::ReadPod,
            "Unable to connect to the server: EOF",
            |refusal| matches!(refusal, KubectlRefusal::ClusterUnreachable { .. }),
        ),
        (Operation::Exec, "something else", |refusal| {
            matches!(
                refusal,
                KubectlRefusal::Other {
                    operation: Operation::Exec,
                    ..
                }
            )
        }),
    ] {
        assert!(is_it(refusal(operation, said)), "{said}");
    }
}
