//! Each row of docs/attach.md, "Which settings it picks", in namespaces that enforce each level; and the
//! other ways into a pod.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::cluster::{Cluster, Namespace, SPYHOLE, output, pod, restricted, tells_user};
use crate::{Verdict, holds};

const PRIVILEGED: Option<&str> = Some("privileged");
const BASELINE: Option<&str> = Some("baseline");
const RESTRICTED: Option<&str> = Some("restricted");

/// As whom spyhole runs, with which capabilities, and whether the environment of the target is seen.
struct Expected {
    uid: u32,
    gid: u32,
    added: Value,
    is_seen: bool,
}

fn as_user(uid: u32, gid: u32) -> Expected {
    Expected {
        uid,
        gid,
        added: Value::Null,
        is_seen: true,
    }
}

fn by_ptrace() -> Expected {
    Expected {
        uid: 0,
        gid: 0,
        added: json!(["SYS_PTRACE", "DAC_READ_SEARCH"]),
        is_seen: true,
    }
}

/// A look into a pod of this security context, by a namespace of this level.
fn look(
    cluster: &Cluster,
    level: Option<&str>,
    context: &Value,
    expected: impl Fn(&Value) -> Expected,
) {
    let namespace = cluster.namespace(level);
    let started = namespace.start(&pod("web", context));
    assert_look(&namespace, &[], &expected(&started));
}

fn assert_look(namespace: &Namespace<'_>, flags: &[&str], expected: &Expected) {
    let words = [&["web"], flags, &["-o", "json", "--", "env"]].concat();
    let seen = namespace.spyhole(&words);
    let added = namespace.added("web");
    let container = added
        .last()
        .unwrap_or_else(|| panic!("nothing was added: {seen}"));
    let context = &container["securityContext"];
    assert_eq!(context["runAsUser"], expected.uid, "{seen}\n{container:#}");
    assert_eq!(context["runAsGroup"], expected.gid, "{seen}\n{container:#}");
    assert_eq!(
        context["capabilities"]["add"], expected.added,
        "{container:#}"
    );
    let variables = &seen.json()["environment"][0]["variables"];
    assert_eq!(sees_environment(variables), expected.is_seen, "{seen}");
    assert_eq!(seen.code, if expected.is_seen { 0 } else { 4 }, "{seen}");
}

/// Whether the variable of the pod is there.
fn sees_environment(variables: &Value) -> bool {
    let kept = |one: &Value| one["name"] == "KEPT" && one["value"] == "yes";
    variables.as_array().is_some_and(|all| all.iter().any(kept))
}

pub(crate) fn user_and_group_known(cluster: &Cluster) -> Verdict {
    let context = restricted(&json!({"runAsUser": 1000, "runAsGroup": 3000}));
    for level in [RESTRICTED, BASELINE, PRIVILEGED] {
        look(cluster, level, &context, |_| as_user(1000, 3000));
    }
    holds()
}

pub(crate) fn capabilities_of_a_file(cluster: &Cluster) -> Verdict {
    let user = json!({"runAsUser": 1000, "runAsGroup": 3000});
    let mut context = restricted(&user);
    context["capabilities"]["add"] = json!(["NET_BIND_SERVICE"]);
    look(cluster, RESTRICTED, &context, |_| as_user(1000, 3000));
    context["allowPrivilegeEscalation"] = true.into();
    look(cluster, BASELINE, &context, |_| as_user(1000, 3000));
    look(cluster, PRIVILEGED, &context, |_| by_ptrace());
    holds()
}

pub(crate) fn group_not_known(cluster: &Cluster) -> Verdict {
    let context = restricted(&json!({"runAsUser": 1000}));
    for level in [RESTRICTED, BASELINE] {
        look(cluster, level, &context, |_| as_user(1000, 0));
    }
    look(cluster, PRIVILEGED, &context, |started| {
        if tells_user(started) {
            as_user(1000, 0)
        } else {
            by_ptrace()
        }
    });
    holds()
}

pub(crate) fn root(cluster: &Cluster) -> Verdict {
    let root = json!({"runAsUser": 0});
    look(cluster, BASELINE, &root, |_| as_user(0, 0));
    look(cluster, PRIVILEGED, &root, |_| as_user(0, 0));
    let more = json!({"runAsUser": 0, "capabilities": {"add": ["SYS_ADMIN"]}});
    look(cluster, PRIVILEGED, &more, |_| by_ptrace());
    // The group too, where the pod says it.
    let dropped = json!({"runAsUser": 0, "capabilities": {"drop": ["ALL"]}});
    look(cluster, BASELINE, &dropped, |_| as_user(0, 0));
    holds()
}

/// The pod is older than the label: nothing can be added, which is said before and after.
pub(crate) fn root_in_restricted(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(None);
    let started = namespace.start(&pod("web", &json!({"runAsUser": 0})));
    namespace.enforce(RESTRICTED);
    let refused = namespace.spyhole(&["web", "--", "ps"]).ended_with(3);
    refused.says("but: the pod itself does not fit Pod Security restricted");
    refused.says(
        "and the pod itself violates it: container app: runAsNonRoot is not true, runAsUser=0",
    );
    let node = started["spec"]["nodeName"].as_str().unwrap();
    refused.says(&format!("kubectl debug node/{node} --profile=sysadmin"));
    cluster.kubectl(&["get", "node", node]).ended_with(0);
    assert!(namespace.added("web").is_empty());
    // A copy is refused too, as the words say.
    let image = format!("--image={SPYHOLE}");
    let words = [
        "debug",
        "web",
        "--copy-to=copy",
        &image,
        "--profile=restricted",
    ];
    let copied = namespace.kubectl(&words);
    assert!(
        copied.code != 0 && copied.stderr.contains("violates PodSecurity"),
        "{copied}"
    );
    holds()
}

/// The user is the image's, 4242:4242; of its group, runtimes make what they do: the node tells.
pub(crate) fn user_of_the_image(cluster: &Cluster) -> Verdict {
    let told = |started: &Value| {
        let user = &started["status"]["containerStatuses"][0]["user"]["linux"];
        let id = |key: &str| user[key].as_u64().and_then(|id| u32::try_from(id).ok());
        id("uid").zip(id("gid")).map(|(uid, gid)| {
            assert_eq!(uid, 4242, "{user}");
            as_user(uid, gid)
        })
    };
    let unseen = |uid| Expected {
        is_seen: false,
        ..as_user(uid, uid)
    };
    let context = restricted(&json!({}));
    look(cluster, RESTRICTED, &context, |started| {
        told(started).unwrap_or(unseen(65532))
    });
    look(cluster, BASELINE, &json!({}), |started| {
        told(started).unwrap_or(unseen(0))
    });
    look(cluster, PRIVILEGED, &json!({}), |started| {
        told(started).unwrap_or(by_ptrace())
    });
    holds()
}

pub(crate) fn no_label(cluster: &Cluster) -> Verdict {
    let context = json!({"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}});
    look(cluster, None, &context, |_| by_ptrace());
    holds()
}

/// A look proposes `--as-root`, which then reads it.
pub(crate) fn not_dumpable(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(PRIVILEGED);
    start_closed(&namespace);
    let first = namespace
        .spyhole(&["web", "-o", "json", "--", "env"])
        .ended_with(4);
    assert!(
        first.json()["environment"][0]["variables"].is_null(),
        "{first}"
    );
    assert!(first.stdout.contains("not_dumpable"), "{first}");
    first.says("not everything could be read (the process is not dumpable): --as-root reads it");
    assert_look(&namespace, &["--as-root"], &by_ptrace());
    // Root without the capability does not do.
    let root = namespace
        .spyhole(&["web", "--run-as=0", "-o", "json", "--", "env"])
        .ended_with(4);
    root.says("--as-root adds it");
    holds()
}

/// Where the level does not admit it nothing is proposed, and it is refused.
pub(crate) fn as_root_is_refused(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(BASELINE);
    start_closed(&namespace);
    let first = namespace
        .spyhole(&["web", "-o", "json", "--", "env"])
        .ended_with(4);
    assert!(!first.stderr.contains("--as-root"), "{first}");
    let refused = namespace
        .spyhole(&["web", "--as-root", "--", "ps"])
        .ended_with(3);
    refused.says("Pod Security baseline does not admit SYS_PTRACE and DAC_READ_SEARCH");
    refused.says("the namespace admits only Pod Security baseline");
    holds()
}

fn start_closed(namespace: &Namespace<'_>) {
    let context = json!({"runAsUser": 1000, "runAsGroup": 1000, "capabilities": {"drop": ["ALL"]}});
    let mut closed = pod("web", &context);
    closed["spec"]["containers"][0]["args"] = json!(["--undumpable"]);
    namespace.start(&closed);
}

/// `kubectl debug --custom` with each file, as its README says.
pub(crate) fn custom_files(cluster: &Cluster) -> Verdict {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/ephemeral");
    for (file, level, profile, is_seen) in [
        ("same-user.yaml", RESTRICTED, "restricted", true),
        ("restricted.yaml", RESTRICTED, "restricted", false),
        ("ptrace.yaml", PRIVILEGED, "general", true),
    ] {
        let namespace = cluster.namespace(level);
        let context = restricted(&json!({"runAsUser": 1000, "runAsGroup": 1000}));
        namespace.start(&pod("web", &context));
        let custom = format!("--custom={}", files.join(file).display());
        let (image, profile) = (format!("--image={SPYHOLE}"), format!("--profile={profile}"));
        let words = [
            "debug",
            "web",
            &image,
            "--target=app",
            "--container=look",
            &profile,
            &custom,
            "--attach=false",
            "--",
            "/spyhole",
            "dump",
            "-o",
            "json",
            "-q",
        ];
        namespace.kubectl(&words).ended_with(0);
        let ended = "jsonpath={.status.ephemeralContainerStatuses[0].state.terminated}";
        namespace.wait_for("pod/web", ended);
        let log = namespace
            .kubectl(&["logs", "web", "--container=look"])
            .ended_with(0);
        let variables = &log.json()["environment"][0]["variables"];
        assert_eq!(sees_environment(variables), is_seen, "{file}: {log}");
    }
    holds()
}

/// spyhole in a volume of an application that does not stay up: the pod says why.
pub(crate) fn install_and_run(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(RESTRICTED);
    let mut failing = pod(
        "web",
        &restricted(&json!({"runAsUser": 1000, "runAsGroup": 1000})),
    );
    let mount = json!([{"name": "spy", "mountPath": "/spy"}]);
    failing["spec"]["volumes"] = json!([{"name": "spy", "emptyDir": {"sizeLimit": "64Mi"}}]);
    failing["spec"]["initContainers"] = json!([{
        "name": "install", "image": SPYHOLE, "imagePullPolicy": "IfNotPresent",
        "args": ["install", "/spy"], "volumeMounts": mount, "securityContext": restricted(&json!({})),
    }]);
    let app = &mut failing["spec"]["containers"][0];
    app["command"] = json!(["/spy/spyhole", "run", "--", "/not-there"]);
    app["terminationMessagePolicy"] = "FallbackToLogsOnError".into();
    app["volumeMounts"] = mount;
    failing["spec"]["restartPolicy"] = "Never".into();
    namespace.apply(&[failing]);
    namespace.wait_for("pod/web", "jsonpath={.status.phase}=Failed");
    let ended = &namespace.get("pod/web")["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(ended["exitCode"], 127, "{ended:#}");
    let message = ended["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("/not-there could not be started"),
        "{message}"
    );
    holds()
}

/// A terminal is attached a moment after the container has started: spyhole waits for it.
pub(crate) fn terminal(cluster: &Cluster) -> Verdict {
    if Command::new("script").arg("--version").output().is_err() {
        return Verdict::NotJudged(
            "script(1), which makes a terminal, is not installed".to_owned(),
        );
    }
    let namespace = cluster.namespace(RESTRICTED);
    let context = restricted(&json!({"runAsUser": 1000, "runAsGroup": 1000}));
    namespace.start(&pod("web", &context));
    let same_user =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/ephemeral/same-user.yaml");
    let by_hand = format!(
        "kubectl debug -it --namespace {} web --image={SPYHOLE} --target=app --profile=restricted \
         --custom={} -- /spyhole ps",
        namespace.name,
        same_user.display()
    );
    let by_plugin = format!(
        "kubectl spyhole web -it --namespace {} -- ps",
        namespace.name
    );
    let mut whole = 0;
    for line in [&by_hand, &by_plugin].into_iter().cycle().take(6) {
        let seen = output(&mut script(cluster, line)).ended_with(0);
        let text = &seen.stdout;
        assert!(
            text.contains("COMMAND") && text.contains("/webapp worker"),
            "{line}: {seen}"
        );
        whole += 1;
    }
    // The node reports the end a moment after the terminal is closed.
    let refused = format!(
        "kubectl spyhole web -it --namespace {} -- stat /nope",
        namespace.name
    );
    let seen = output(&mut script(cluster, &refused)).ended_with(4);
    assert!(!seen.stdout.contains("is still running"), "{seen}");
    Verdict::Holds(format!("{whole} of 6 whole"))
}

/// A line of a shell in a terminal of its own, with kubectl and the plugin as they are found elsewhere.
fn script(cluster: &Cluster, line: &str) -> Command {
    let kubectl = cluster.command::<&str>(&[]);
    let environment = kubectl
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--command", line, "/dev/null"])
        .envs(environment)
        .stdin(Stdio::null());
    command
}
