//! For each pod and each level, the commands: as a golden file, for a person to judge.

use std::fmt::Write;
use std::fs;

use serde_json::Value;

use super::fake::{FakeKubectl, Level, fixture, steady};

const PODS: [&str; 16] = [
    "non-root",
    "user-of-the-pod",
    "group-not-told",
    "user-from-the-node",
    "user-of-the-image",
    "nothing-said",
    "root",
    "root-with-net-admin",
    "privileged",
    "file-capabilities",
    "several-containers",
    "shared-processes",
    "user-namespace",
    "confined",
    "spyhole-there",
    "spyhole-ended",
];

const LEVELS: [Level<'static>; 4] = [
    Level::Labelled("restricted"),
    Level::Labelled("baseline"),
    Level::None,
    Level::Unreadable,
];

#[test]
fn two_dashes_before_the_command_are_optional() {
    let of = |words: &[&str]| {
        let kubectl = FakeKubectl::with("non-root", Level::None);
        steady(&kubectl.spyhole(words).ended_with(0).stdout_text())
    };
    let plain = of(&["web", "--dry-run", "ss", "-tlnp", "-o", "json"]);
    assert!(plain.contains(" ss -tlnp -o json"), "{plain}");
    assert_eq!(
        plain,
        of(&["web", "--dry-run", "--", "ss", "-tlnp", "-o", "json"])
    );
}

#[test]
fn the_commands_for_each_pod_are_as_they_were_judged() {
    let mut text = String::new();
    for pod in PODS {
        let mut before = String::new();
        for level in LEVELS {
            let kubectl = FakeKubectl::with(pod, level);
            let seen = kubectl.spyhole(["web", "--dry-run"]).ended_with(0);
            writeln!(text, "# {pod}, {level:?}").unwrap();
            for line in seen.stderr_text().lines() {
                writeln!(text, "#   {}", steady(line)).unwrap();
            }
            let commands = steady(&seen.stdout_text());
            // What comes after is the same for all; runs.rs and real.rs show it.
            let telling: String = commands
                .split_inclusive('\n')
                .filter(|line| {
                    !line.starts_with("kubectl wait") && !line.starts_with("kubectl logs")
                })
                .collect();
            let same = telling == before;
            text.push_str(if same { "(the same)\n" } else { &telling });
            text.push('\n');
            before = telling;
            let calls = kubectl.calls();
            assert!(
                calls
                    .lines()
                    .all(|call| call.starts_with("get ") || call.starts_with("version ")),
                "a dry run only reads: {calls}"
            );
        }
    }
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/kubectl-dry-run.txt"
    );
    if std::env::var_os("BLESS").is_some() {
        fs::write(golden, &text).unwrap();
    }
    let expected = fs::read_to_string(golden).unwrap_or_default();
    for (now, before) in text.lines().zip(expected.lines()) {
        assert_eq!(now, before, "if that is meant: BLESS=1 cargo test");
    }
    assert_eq!(
        text.len(),
        expected.len(),
        "if that is meant: BLESS=1 cargo test"
    );
}

#[test]
fn a_dry_run_needs_nothing_but_a_shell_to_be_run() {
    let kubectl = FakeKubectl::with("confined", Level::Labelled("restricted"));
    let seen = kubectl.spyhole([
        "web",
        "--dry-run",
        "--",
        "env",
        "--reveal",
        "it's",
        "--reveal=a b",
    ]);
    let line = seen.stdout_text();
    let line = line.lines().nth(1).unwrap();
    let said = crate::host::shell(&format!("printf '%s|' {line}"));
    assert!(
        said.stdout_text()
            .ends_with("|--|--quiet|env|--reveal|it's|--reveal=a b|"),
        "{said}"
    );
}

#[test]
fn what_the_user_knows_decides() {
    let kubectl = FakeKubectl::with("user-of-the-image", Level::None);
    let as_known = kubectl
        .spyhole([
            "web",
            "--dry-run",
            "--run-as",
            "101:102",
            "--level=restricted",
        ])
        .ended_with(0);
    let text = as_known.stdout_text();
    assert!(text.contains(r#""runAsUser":101"#), "{as_known}");
    assert!(text.contains(r#""runAsGroup":102"#), "{as_known}");
    assert!(text.contains("--profile=restricted"), "{as_known}");
    assert!(!kubectl.calls().contains("namespace shop"), "it was told");
}

#[test]
fn root_is_a_choice_of_its_own() {
    let kubectl = FakeKubectl::with("non-root", Level::Labelled("baseline"));
    let plan = |flags: &[&str]| {
        let words = [&["web", "--dry-run"], flags].concat();
        kubectl.spyhole(words).ended_with(0)
    };
    let by_ptrace = plan(&["--as-root"]);
    let text = by_ptrace.stdout_text();
    let added = r#""capabilities":{"add":["SYS_PTRACE","DAC_READ_SEARCH"],"drop":["ALL"]}"#;
    assert!(
        text.contains(added) && text.contains("--profile=general"),
        "{by_ptrace}"
    );
    let refused =
        "baseline does not admit SYS_PTRACE and DAC_READ_SEARCH: the container will be refused";
    assert!(by_ptrace.stderr_text().contains(refused), "{by_ptrace}");
    // The pod's own user dropped everything, which is no measure for root.
    let by_id = plan(&["--run-as=0"]);
    let text = by_id.stdout_text();
    assert!(
        text.contains(r#""runAsUser":0"#) && !text.contains("drop"),
        "{by_id}"
    );
    let words = "--run-as 0; the target is user 1000";
    assert!(by_id.stderr_text().contains(words), "{by_id}");
    let both = kubectl.spyhole(["web", "--as-root", "--run-as=0"]);
    both.ended_with(2);
}

#[test]
fn flags_of_kubectl_go_with_each_of_its_commands() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    let seen = kubectl
        .spyhole([
            "pod/web",
            "-n",
            "shop",
            "--context=prod",
            "--kubeconfig=/tmp/k",
            "--as=jane",
            "--as-group=a",
            "--as-group=b",
            "--dry-run",
        ])
        .ended_with(0);
    let flags = "--context=prod --kubeconfig=/tmp/k --as=jane --as-group=a --as-group=b";
    assert_eq!(
        kubectl.calls(),
        format!(
            "get {flags} --namespace=shop pod web --output=json\nget {flags} namespace shop --output=json\n"
        )
    );
    let text = seen.stdout_text();
    let commands = text.lines().filter(|line| line.starts_with("kubectl "));
    for line in commands {
        assert!(
            line.contains(&format!("{flags} --namespace=shop")),
            "{line}"
        );
    }
}

#[test]
fn flags_of_spyhole_are_passed_on_to_where_it_looks() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    let seen = kubectl.spyhole(["web", "--dry-run", "-o", "yaml", "--strict", "--", "ps"]);
    let text = seen.stdout_text();
    assert!(
        text.contains("-- --output=yaml --strict --quiet ps\n"),
        "{seen}"
    );
}

#[test]
fn the_page_is_forwarded_from_a_server_that_ends_by_itself() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    let seen = kubectl.spyhole(["web", "--dry-run", "--serve", "--port=8800"]);
    let text = steady(&seen.stdout_text());
    assert!(
        text.contains(
            "--stdin --attach=false --arguments-only -- serve --token-stdin --lifetime=1h \
             --idle-exit=15m\n"
        ),
        "{seen}"
    );
    let rest = "kubectl attach --namespace=shop web --container=spyhole-NEW --stdin --quiet\n\
        kubectl logs --namespace=shop web --container=spyhole-NEW\n\
        kubectl port-forward --namespace=shop pod/web 8800:7794\n";
    assert!(text.ends_with(rest), "{seen}");
    // One that takes its token from elsewhere is given none.
    let own = ["web", "--dry-run", "--", "serve", "--token-file=/run/token"];
    let seen = kubectl.spyhole(own);
    let text = steady(&seen.stdout_text());
    assert!(
        text.contains("-- serve --token-file=/run/token --lifetime=1h --idle-exit=15m\n"),
        "{seen}"
    );
    assert!(
        !text.contains("kubectl attach") && !text.contains("--stdin"),
        "{seen}"
    );
}

#[test]
fn what_is_in_files_comes_by_exec_and_not_by_a_log() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    for (words, there) in [
        (
            &["cp", "/etc/../srv/app", "-"][..],
            "-- /spyhole tar -cf - -- /srv/app\n",
        ),
        (
            &["cp", "--reveal-file=/a", "/a", "/tmp"],
            "-- /spyhole tar --reveal-file=/a --for-cp -cf - -- /a\n",
        ),
        (
            &["--reveal-all", "cat", "/a"],
            "-- /spyhole --reveal-all cat /a\n",
        ),
        (&["tar", "cf", "-", "/a"], "-- /spyhole tar cf - /a\n"),
    ] {
        let seen = kubectl.spyhole([&["web", "--dry-run"], words].concat());
        let text = steady(&seen.ended_with(0).stdout_text());
        assert!(
            text.contains("-- serve --token-stdin --lifetime=1h --idle-exit=15m\n"),
            "{text}"
        );
        assert!(text.contains("kubectl wait "), "{text}");
        assert!(
            text.ends_with(there) && !text.contains("kubectl logs"),
            "{text}"
        );
    }
    // LOCAL is looked at before anything is added.
    let refused = kubectl.spyhole(["web", "cp", "/a", "/no/such/place"]);
    assert!(
        refused
            .ended_with(2)
            .stderr_text()
            .contains("does not exist")
    );
    assert!(
        kubectl
            .spyhole(["web", "tar", "xf", "-"])
            .ended_with(2)
            .stderr_text()
            .contains("extracting")
    );
}

#[test]
fn spec_is_told_the_image_that_the_pod_names() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    let planned = |words: &[&str]| {
        let all = [&["web", "--dry-run", "--"], words].concat();
        kubectl.spyhole(all).ended_with(0).stdout_text()
    };
    let own = " --image=registry.example/shop/web:1.4";
    assert!(planned(&["spec", "--kind", "Pod"]).contains(own));
    assert!(!planned(&["spec", "--image", "other"]).contains(own));
    assert!(!planned(&["ps"]).contains(own));
}

#[test]
fn a_terminal_is_passed_on() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    let seen = kubectl.spyhole(["web", "--dry-run", "-it", "--", "ps"]);
    assert!(
        seen.stdout_text()
            .contains("--stdin --tty --arguments-only -- ps\n"),
        "{seen}"
    );
    let refused = kubectl.spyhole(["web", "-it"]).ended_with(2);
    assert!(
        refused.stderr_text().contains("stdin is not one"),
        "{refused}"
    );
}

#[test]
fn a_container_that_was_reused_can_be_left_alone() {
    let kubectl = FakeKubectl::with("spyhole-there", Level::Labelled("restricted"));
    let seen = kubectl.spyhole(["web", "--dry-run", "--new"]);
    assert!(seen.stdout_text().contains("kubectl debug"), "{seen}");
    for other in [
        ["--image", "registry.example/spyhole:1"],
        ["--run-as", "7:7"],
    ] {
        let seen = kubectl.spyhole(["web", "--dry-run", other[0], other[1]]);
        assert!(seen.stdout_text().contains("kubectl debug"), "{seen}");
    }
}

#[test]
fn the_image_has_a_tag_and_is_fetched_only_from_where_it_can_be() {
    let kubectl = FakeKubectl::with("non-root", Level::None);
    let line = |variable: Option<&str>, args: &[&str]| {
        let mut command = kubectl.command();
        command.args(["web", "--dry-run"]).args(args);
        command.envs(variable.map(|image| ("SPYHOLE_IMAGE", image)));
        let seen = crate::host::run(&mut command).ended_with(0).stdout_text();
        let words = seen.split(" --target=").next().unwrap();
        words.split_once(" --image=").unwrap().1.to_owned()
    };
    let usual = concat!("spyhole:", env!("CARGO_PKG_VERSION"));
    let if_absent = " --image-pull-policy=IfNotPresent";
    // Neither a name without a tag nor `latest` may mean Always where no registry has it.
    for (variable, args, wanted) in [
        (None, &[][..], format!("{usual}{if_absent}")),
        (Some(""), &[], format!("{usual}{if_absent}")),
        (Some("-x"), &[], format!("{usual}{if_absent}")),
        (Some("spyhole"), &[], format!("spyhole{if_absent}")),
        (
            Some("localhost/spyhole:7"),
            &[],
            format!("localhost/spyhole:7{if_absent}"),
        ),
        (
            Some("registry.example/s:7"),
            &[],
            "registry.example/s:7".to_owned(),
        ),
        (
            Some("registry.example/s:7"),
            &["--image=spyhole:latest"],
            format!("spyhole:latest{if_absent}"),
        ),
        (
            None,
            &["--image-pull-policy=Always"],
            format!("{usual} --image-pull-policy=Always"),
        ),
    ] {
        assert_eq!(line(variable, args), wanted, "{variable:?} {args:?}");
    }
    let odd = kubectl
        .spyhole(["web", "--dry-run", "--image=a b"])
        .ended_with(2);
    assert!(
        odd.stderr_text().contains("not a valid image name"),
        "{odd}"
    );
}

/// Among the processes of a whole node the name `app` is that of many.
#[test]
fn with_the_pids_of_the_node_the_container_is_named_by_its_id() {
    let id = "0123456789abcdef".repeat(4);
    let mut pod: Value = serde_json::from_str(&fixture("non-root")).unwrap();
    pod["spec"]["hostPID"] = true.into();
    let container = |pod: &Value| {
        let kubectl = FakeKubectl::with("non-root", Level::None);
        kubectl.answer("get-pod", &pod.to_string());
        let seen = kubectl.spyhole(["web", "--dry-run", "--", "ps"]);
        let line = seen.ended_with(0).stdout_text();
        let (_, words) = line.split_once(" -- --container=").unwrap();
        words.split(' ').next().unwrap().to_owned()
    };
    pod["status"]["containerStatuses"][0]["containerID"] = format!("containerd://{id}").into();
    assert_eq!(container(&pod), id);
    for odd in ["containerd://", "x", "docker://$(x)", ""] {
        pod["status"]["containerStatuses"][0]["containerID"] = odd.into();
        assert_eq!(container(&pod), "app", "{odd}");
    }
    // What the containers of one pod share are names that only one of them has.
    pod["spec"]["hostPID"] = false.into();
    pod["spec"]["shareProcessNamespace"] = true.into();
    pod["status"]["containerStatuses"][0]["containerID"] = format!("cri-o://{id}").into();
    assert_eq!(container(&pod), "app");
}
