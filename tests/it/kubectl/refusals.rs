//! Each refusal is a sentence with its remedy.

use serde_json::{Value, json};

use super::fake::{FakeKubectl, Level, fixture};

const VIOLATES: &str = "Error from server (Forbidden): pods \"web\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"app\" must set securityContext.allowPrivilegeEscalation=false)";

#[test]
fn a_pod_that_breaks_the_level_by_itself_is_said_before_and_after() {
    let kubectl = FakeKubectl::with("root", Level::Labelled("restricted"));
    let planned = kubectl.spyhole(["web", "--dry-run"]).ended_with(0);
    let said = planned.stderr_text();
    assert!(
        said.contains("the pod itself does not fit Pod Security restricted"),
        "{said}"
    );
    assert!(
        said.contains("container app: runAsNonRoot is not true, runAsUser=0"),
        "{said}"
    );

    kubectl.answer("debug.refused", VIOLATES);
    let refused = kubectl.spyhole(["web"]).ended_with(3).stderr_text();
    let cause = "admits only Pod Security restricted:latest, and the pod itself violates it: ";
    assert!(refused.contains(cause), "{refused}");
    assert!(
        refused.contains("kubectl debug node/node-a --profile=sysadmin"),
        "{refused}"
    );
    assert!(!refused.contains("Use --level"), "{refused}");

    let fitting = FakeKubectl::with("non-root", Level::Labelled("restricted"));
    let planned = fitting.spyhole(["web", "--dry-run"]).ended_with(0);
    assert!(
        !planned.stderr_text().contains("the pod itself"),
        "{planned}"
    );
}

#[test]
fn the_version_of_the_server_counts_where_the_rules_differ() {
    let with = |minor: &str| {
        let kubectl = FakeKubectl::with("user-namespace", Level::Labelled("restricted"));
        let mut pod: Value = serde_json::from_str(&fixture("user-namespace")).unwrap();
        let context = &mut pod["spec"]["containers"][0]["securityContext"];
        *context = json!({
            "runAsUser": 0,
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        });
        pod["status"]["containerStatuses"][0]["user"] = Value::Null;
        kubectl.answer("get-pod", &pod.to_string());
        let version = json!({"serverVersion": {"major": "1", "minor": minor}});
        kubectl.answer("version", &version.to_string());
        kubectl.spyhole(["web", "--dry-run"]).ended_with(0)
    };
    let old = with("34").stderr_text();
    assert!(
        old.contains("runAsNonRoot is not true, runAsUser=0"),
        "{old}"
    );
    assert!(old.contains("as 65532:65532"), "{old}");
    for minor in ["35", "36+"] {
        let new = with(minor).stderr_text();
        assert!(!new.contains("the pod itself"), "{new}");
        assert!(new.contains("as 0:0"), "{new}");
    }
}

/// What kubectl says at which command, and what has to be in the sentence.
const REFUSED: [(&str, &str, &[&str]); 20] = [
    (
        "get-pod",
        "Error from server (Forbidden): pods \"web\" is forbidden: User \"jane\" cannot get resource \"pods\" in API group \"\" in the namespace \"shop\"",
        &[
            "\"jane\" is not allowed to get pods in the namespace shop",
            "resources: [\"pods\"]",
            "verbs: [\"get\"]",
        ],
    ),
    (
        "debug",
        "Error from server (Forbidden): pods \"web\" is forbidden: User \"jane\" cannot patch resource \"pods/ephemeralcontainers\" in API group \"\" in the namespace \"shop\"",
        &[
            "\"jane\" is not allowed to patch pods/ephemeralcontainers in the namespace shop",
            "resources: [\"pods/ephemeralcontainers\"]",
            "verbs: [\"patch\"]",
        ],
    ),
    (
        "debug",
        "Error from server (Forbidden): pods \"web\" is forbidden: violates PodSecurity \"restricted:latest\": unrestricted capabilities (container \"spyhole-x\" must set securityContext.capabilities.drop=[\"ALL\"])",
        &[
            "admits only Pod Security restricted:latest",
            "unrestricted capabilities",
            "--level restricted",
        ],
    ),
    (
        "debug",
        "Error from server: admission webhook \"validate.kyverno.svc-fail\" denied the request: images come from registry.example",
        &[
            "an admission policy of the cluster",
            "validate.kyverno.svc-fail: images come from registry.example",
        ],
    ),
    // Kyverno, in lines.
    (
        "debug",
        "Error from server: admission webhook \"validate.kyverno.svc-fail\" denied the request: \n\nresource Pod/shop/web was blocked due to the following policies \n\ndisallow-capabilities-strict:\n  require-drop-all: 'validation failure: Containers must drop `ALL` capabilities.'\n",
        &[
            "denied the container: validate.kyverno.svc-fail: resource Pod/shop/web was blocked due to the following policies disallow-capabilities-strict: require-drop-all: 'validation failure: Containers must drop `ALL` capabilities.'\n",
            "--level restricted",
            "--image takes",
        ],
    ),
    // Gatekeeper, a line for each constraint.
    (
        "debug",
        "Error from server (Forbidden): admission webhook \"validation.gatekeeper.sh\" denied the request: [psp-privilege-escalation] Privilege escalation container is not allowed: spyhole-x\n[allowed-repos] container <spyhole-x> has an invalid image repo <spyhole:1>, allowed repos are [\"registry.example/\"]\n",
        &[
            "denied the container: validation.gatekeeper.sh: [psp-privilege-escalation] Privilege escalation container is not allowed: spyhole-x [allowed-repos] container",
            "--image takes spyhole from another registry",
        ],
    ),
    (
        "debug",
        "Error from server: admission webhook \"policy.example\" denied the request without explanation\n",
        &["denied the container: policy.example: no reason given\n"],
    ),
    (
        "debug",
        "Error from server (Forbidden): pods \"web\" is forbidden: ValidatingAdmissionPolicy 'no-debug.example' with binding 'no-debug' denied request: ephemeral containers are not permitted\n",
        &["denied the container: no-debug.example: ephemeral containers are not permitted\n"],
    ),
    (
        "debug",
        "Error from server (InternalError): Internal error occurred: failed calling webhook \"validate.kyverno.svc-fail\": failed to call webhook: Post \"https://kyverno-svc.kyverno.svc:443/validate/fail?timeout=10s\": no endpoints available for service \"kyverno-svc\"\n",
        &[
            "its admission webhook validate.kyverno.svc-fail failed: no endpoints available for service",
            "Retry later",
        ],
    ),
    // OpenShift: most of what it lists are constraints that the user cannot have.
    (
        "debug",
        "Error from server (Forbidden): pods \"web\" is forbidden: unable to validate against any security context constraint: [provider \"anyuid\": Forbidden: not usable by user or serviceaccount, provider restricted-v2: .ephemeralContainers[0].runAsUser: Invalid value: 65532: must be in the ranges: [1000920000, 1000929999], provider \"restricted\": Forbidden: not usable by user or serviceaccount, provider \"nonroot-v2\": Forbidden: not usable by user or serviceaccount, provider \"privileged\": Forbidden: not usable by user or serviceaccount]\n",
        &[
            "denied the container: provider restricted-v2: .ephemeralContainers[0].runAsUser: Invalid value: 65532: must be in the ranges: [1000920000, 1000929999]\n",
            "user ids are 1000920000 to 1000929999: --run-as 1000920000:0 uses the first",
        ],
    ),
    (
        "debug",
        "error: unknown flag: --custom\nSee 'kubectl debug --help' for usage.",
        &["older than 1.31", "SPYHOLE_KUBECTL"],
    ),
    (
        "debug",
        "error: ephemeral containers are disabled for this cluster (error from server: \"the server could not find the requested resource\").",
        &[
            "does not support ephemeral containers",
            "1.25",
            "spyhole install",
        ],
    ),
    (
        "debug",
        "Error from server (NotFound): pods \"web\" not found",
        &["the pod no longer exists"],
    ),
    (
        "get-pod",
        "Error from server (NotFound): pods \"web\" not found",
        &["pod not found: pods \"web\" not found", "--all-namespaces"],
    ),
    (
        "get-pod",
        "Error from server (NotFound): namespaces \"shop\" not found",
        &["namespace not found"],
    ),
    (
        "get-pod",
        "E1124 02:04:05.123456    4242 memcache.go:265] \"Unhandled Error\" err=\"couldn't get current server API group list\"\nThe connection to the server localhost:8080 was refused - did you specify the right host or port?",
        &["cannot reach the cluster: The connection", "--kubeconfig"],
    ),
    (
        "get-pod",
        "error: context \"prod\" does not exist",
        &["context \"prod\" does not exist", "get-contexts"],
    ),
    (
        "get-pod",
        "error: You must be logged in to the server (Unauthorized)",
        &["kubectl is not logged in"],
    ),
    (
        "get-pod",
        "something \u{1b}[31mnew\u{202e}",
        &[r"cannot read the pod: something \x1b[31mnew\u{202e}"],
    ),
    ("debug", "", &["cannot add a container to the pod: nothing"]),
];

#[test]
fn each_refusal_is_a_sentence_with_its_remedy() {
    for (at, said, words) in REFUSED {
        let kubectl = FakeKubectl::with("non-root", Level::None);
        kubectl.answer(&format!("{at}.refused"), &format!("{said}\n"));
        let seen = kubectl.spyhole(["web", "-q"]).ended_with(3);
        assert_eq!(seen.stdout_text(), "");
        for word in words {
            assert!(seen.stderr_text().contains(word), "{word}: {seen}");
        }
        assert!(!seen.stderr_text().contains("memcache"), "{seen}");
    }
}

#[test]
fn a_pod_that_cannot_be_entered_is_told_before_anything_is_added() {
    let cases = [
        ("windows", "runs Windows"),
        ("static", "static pod"),
        ("crash-loop", "CrashLoopBackOff (back-off 5m0s"),
        ("crash-loop", "spyhole run"),
        (
            "crash-loop",
            "kubectl logs --namespace=shop web --container=app --previous",
        ),
        ("pulling", "is not running yet: ContainerCreating"),
        ("completed", "has ended (succeeded)"),
    ];
    for (pod, word) in cases {
        let kubectl = FakeKubectl::with(pod, Level::None);
        let seen = kubectl.spyhole(["web"]).ended_with(3);
        assert!(seen.stderr_text().contains(word), "{word}: {seen}");
        assert_eq!(kubectl.calls().lines().count(), 1, "{}", kubectl.calls());
    }
}

#[test]
fn a_container_that_is_not_there_is_told_with_those_that_are() {
    let kubectl = FakeKubectl::with("several-containers", Level::None);
    let seen = kubectl.spyhole(["web", "-c", "ap"]).ended_with(3);
    assert!(
        seen.stderr_text()
            .contains("has no container ap; there are istio-proxy, app"),
        "{seen}"
    );
}

#[test]
fn names_that_are_flags_never_reach_kubectl() {
    let kubectl = FakeKubectl::with("hostile", Level::None);
    for name in ["--image=x", "-w", "pod/--x", "a b", "Web", "deploy/web", ""] {
        let seen = kubectl.spyhole(["--", name]);
        assert_eq!(seen.code, Some(2), "{name:?}: {seen}");
        if name.starts_with('-') {
            continue;
        }
        let seen = kubectl.spyhole([name]);
        assert_eq!(seen.code, Some(2), "{name:?}: {seen}");
    }
    assert_eq!(kubectl.calls(), "");
}

#[test]
fn a_hostile_pod_has_no_say_in_the_commands() {
    let kubectl = FakeKubectl::with("hostile", Level::None);
    let seen = kubectl.spyhole(["web", "--dry-run"]).ended_with(0);
    assert!(!seen.to_string().contains("evil"), "{seen}");
    assert!(seen.stdout_text().contains("--target=app"), "{seen}");
}

#[test]
fn no_kubectl_no_plugin() {
    use std::process::Command;
    let seen = crate::host::run(
        Command::new(crate::lab::spyhole())
            .args(["kubectl", "web"])
            .env("PATH", "/nowhere"),
    );
    assert_eq!(seen.code, Some(3), "{seen}");
    assert!(
        seen.stderr_text()
            .contains("kubectl is not installed, or not in PATH"),
        "{seen}"
    );
}

/// A line to paste is for the cluster and the namespace that were meant.
#[test]
fn hints_carry_namespace_and_context() {
    let kubectl = FakeKubectl::with("crash-loop", Level::None);
    let there = [
        "web",
        "--context=prod",
        "--kubeconfig=/tmp/k s",
        "-n",
        "shop",
    ];
    let flags = "--context=prod '--kubeconfig=/tmp/k s'";
    let said = kubectl.spyhole(there).ended_with(3).stderr_text();
    let line = format!("kubectl logs {flags} --namespace=shop web --container=app --previous");
    assert!(said.contains(&line), "{said}");
    let deployment = ["deploy/web", "--context=prod", "-n", "shop"];
    let said = kubectl.spyhole(deployment).ended_with(2).stderr_text();
    let line = "kubectl get --context=prod --namespace=shop pods lists them)";
    assert!(said.contains(line), "{said}");
    for (stderr, line) in [
        (
            "Error from server (NotFound): pods \"web\" not found",
            format!("kubectl get pods --all-namespaces {flags} lists"),
        ),
        (
            "Unable to connect to the server: no route",
            "kubectl config current-context '--kubeconfig=/tmp/k s' shows".to_owned(),
        ),
        (
            "error: context \"prod\" does not exist",
            "kubectl config get-contexts '--kubeconfig=/tmp/k s' lists".to_owned(),
        ),
    ] {
        kubectl.answer("get-pod.refused", stderr);
        let said = kubectl.spyhole(there).ended_with(3).stderr_text();
        assert!(said.contains(&line), "{said}");
    }
}

#[test]
fn a_pod_without_a_node_is_told_as_such() {
    let mut pod: Value = serde_json::from_str(&fixture("pulling")).unwrap();
    pod["spec"].as_object_mut().unwrap().remove("nodeName");
    pod["status"] = json!({"phase": "Pending"});
    let said = |pod: &Value| {
        let kubectl = FakeKubectl::with("pulling", Level::None);
        kubectl.answer("get-pod", &pod.to_string());
        kubectl.spyhole(["web"]).ended_with(3).stderr_text()
    };
    let bare = said(&pod);
    assert!(
        bare.contains("the pod web is not scheduled to a node yet\n"),
        "{bare}"
    );
    pod["status"]["conditions"] = json!([
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
         "message": "0/3 nodes are available: 3 Insufficient memory."},
    ]);
    let told = said(&pod);
    assert!(
        told.contains("is not scheduled to a node yet: Unschedulable: 0/3 nodes are available"),
        "{told}"
    );
    // With a node, it is the node that has not spoken yet.
    pod["spec"]["nodeName"] = "node-a".into();
    let later = said(&pod);
    assert!(
        later.contains("is not running yet: its node has not reported it"),
        "{later}"
    );
}
