//! Pods on a node by the names that the kubelet's log directories give them: a `DaemonSet` with the
//! node's /proc and `/var/log/pods`, on a node that is not at hand.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::fake::FakeProc;
use super::host::{list, only};
use super::lab::{Lab, Output, spyhole};

/// Pods by UID, namespace and name.
const PODS: [(&str, &str, &str); 3] = [
    ("1c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94", "shop", "web-1"),
    ("2c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94", "shop", "web-2"),
    ("3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94", "bank", "web-1"),
];
/// A pod whose logs have no directory.
const UNNAMED: &str = "4c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94";

struct Node {
    proc: FakeProc,
    logs: TempDir,
}

impl Node {
    /// Three pods with equal container names, and one that is not named.
    fn new() -> Self {
        let proc = FakeProc::new();
        proc.process(1).comm(b"systemd");
        proc.process(2).comm(b"kthreadd").child_of(0).cgroup("/");
        let logs = TempDir::new().unwrap();
        let mut pid = 100;
        for uid in PODS.iter().map(|(uid, ..)| *uid).chain([UNNAMED]) {
            let names: &[&str] = match uid {
                UNNAMED => &["pause", "app"],
                _ => &["pause", "app", "proxy"],
            };
            for name in names {
                pid += 1;
                let log = format!("/var/lib/kubelet/pods/{uid}/containers/{name}/1a2b3c4d");
                let roots = ["/", &log];
                let roots = if *name == "pause" {
                    &roots[..1]
                } else {
                    &roots[..]
                };
                proc.process(pid)
                    .comm(name.as_bytes())
                    .cgroup(&format!("/kubepods/burstable/pod{uid}/{pid:064x}"))
                    .mounts(roots);
            }
        }
        for (uid, namespace, name) in PODS {
            fs::create_dir(logs.path().join(format!("{namespace}_{name}_{uid}"))).unwrap();
        }
        // What no kubelet writes does no harm.
        for name in ["shop_\u{1b}[2J_x", "a_b_c_d", ".._.._.."] {
            fs::create_dir(logs.path().join(name)).unwrap();
        }
        Self { proc, logs }
    }

    fn spyhole(&self, words: &[&str]) -> Output {
        Lab::program(&spyhole())
            .uid(65532)
            .bind_read_only(self.proc.path(), "/host/proc")
            .bind_read_only(self.logs.path(), "/var/log/pods")
            .args(["--proc", "/host/proc"])
            .args(words)
            .run()
    }

    fn document(&self, words: &[&str]) -> Value {
        self.spyhole(&[words, &["-o", "json"]].concat()).document()
    }
}

#[needs(root)]
fn containers_and_processes_have_the_names_of_their_pods() {
    let node = Node::new();
    let document = node.document(&["containers"]);
    let containers = list(&document, "containers");
    for (uid, namespace, name) in PODS {
        let of_pod: Vec<_> = containers
            .iter()
            .filter(|one| one["pod_uid"] == uid)
            .collect();
        // The pause container has them too.
        assert_eq!(of_pod.len(), 3, "{document:#}");
        for one in of_pod {
            assert_eq!(
                (&one["pod"], &one["namespace"]),
                (&name.into(), &namespace.into())
            );
        }
    }
    let unnamed = only(containers, |one| {
        one["pod_uid"] == UNNAMED && one["name"] == "app"
    });
    assert_eq!((unnamed.get("pod"), unnamed.get("namespace")), (None, None));
    let table = node.spyhole(&["containers"]).stdout_text();
    assert!(
        table.lines().next().unwrap().ends_with("POD    NAMESPACE"),
        "{table}"
    );

    let document = node.document(&["ps", "--all"]);
    let processes = list(&document, "processes");
    let apps: Vec<_> = processes
        .iter()
        .filter(|one| one["comm"] == "app")
        .collect();
    let pods = apps
        .iter()
        .map(|one| (one["namespace"].as_str(), one["pod"].as_str()));
    let expected = PODS.map(|(_, namespace, name)| (Some(namespace), Some(name)));
    assert_eq!(
        pods.collect::<Vec<_>>(),
        [expected.as_slice(), &[(None, None)]].concat()
    );
    // Where a pod is not named, its UID tells it from others.
    let uids: Vec<_> = apps
        .iter()
        .filter_map(|one| one["pod_uid"].as_str())
        .collect();
    assert_eq!(uids, [UNNAMED]);
    let wide = node.spyhole(&["ps", "--all", "-o", "wide"]).stdout_text();
    let heading = wide.lines().next().unwrap();
    assert!(
        heading.contains("POD") && heading.contains("NAMESPACE"),
        "{wide}"
    );
}

#[needs(root)]
fn a_container_is_named_by_its_pod() {
    let node = Node::new();
    let pid_of = |words: &[&str]| {
        let document = node.document(&[words, &["ps"]].concat());
        let target = &document["target"];
        assert_eq!(target["chosen_by"], "container");
        let processes = list(&document, "processes");
        assert_eq!(processes.len(), 1, "{document:#}");
        target["pid"].as_i64().unwrap()
    };
    for words in [
        &["-c", "shop/web-1/app"][..],
        &["-c", "app", "--pod", "shop/web-1"],
        &["-c", "app", "--pod", PODS[0].0],
        &["-c", "1c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94/app"],
    ] {
        assert_eq!(pid_of(words), 102, "{words:?}");
    }
    assert_eq!(pid_of(&["-c", "web-2/proxy"]), 106);
    // Of a pod with one container, the pause container is not meant.
    assert_eq!(pid_of(&["--pod", UNNAMED]), 111);
    let document = node.document(&["--pod", "bank/web-1", "ps", "--all"]);
    let comms = list(&document, "processes")
        .iter()
        .map(|one| one["comm"].as_str().unwrap());
    assert_eq!(comms.collect::<Vec<_>>(), ["pause", "app", "proxy"]);
}

#[needs(root)]
fn what_is_ambiguous_is_answered_by_the_names_of_pods() {
    let node = Node::new();
    let flags = |words: &[&str]| {
        let seen = node.spyhole(&[words, &["ps"]].concat()).ended_with(3);
        let said = seen.stderr_text();
        let flag = |line: &str| {
            let line = line.trim().strip_prefix("--container ")?;
            line.split_whitespace().next().map(str::to_owned)
        };
        let flags: Vec<String> = said.lines().filter_map(flag).collect();
        assert!(!flags.is_empty(), "{seen}");
        for flag in &flags {
            let again = node.spyhole(&["-c", flag, "ps"]);
            assert_eq!(again.code, Some(0), "-c {flag}: {again}");
        }
        flags
    };
    assert_eq!(
        flags(&["-c", "app"]),
        [
            "shop/web-1/app",
            "shop/web-2/app",
            "bank/web-1/app",
            "pid-111"
        ]
    );
    assert_eq!(
        flags(&["-c", "web-1/app"]),
        ["shop/web-1/app", "bank/web-1/app"]
    );
    // Others have these names too, and are not listed.
    assert_eq!(
        flags(&["--pod", "web-2"]),
        ["shop/web-2/app", "shop/web-2/proxy"]
    );

    let seen = node.spyhole(&["--pod", "web-9", "ps"]).ended_with(3);
    assert!(
        seen.stderr_text()
            .starts_with("spyhole: no pod named \"web-9\"; visible"),
        "{seen}"
    );
    let unnamed = node.proc.spyhole(["--pod", "web-1", "ps"]).ended_with(3);
    assert!(unnamed.stderr_text().contains("/var/log/pods"), "{unnamed}");
}
