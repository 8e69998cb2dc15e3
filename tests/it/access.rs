//! `spyhole access` against the kernel: what it says is what the kernel does, the
//! reason is the comparison that fails, and the remedy works when it is followed.

use std::os::unix::process::CommandExt;

use serde_json::Value;

use crate::lab::{Container, Lab, Output, Setup, example, process, requires_root, spyhole};

/// What a viewer says about access, after its exit code was looked at.
fn access(viewer: Setup) -> Value {
    let output = viewer.args(["access", "-o", "json"]).run();
    assert_eq!(output.code, Some(0), "{output}");
    document(&output)["access"].clone()
}

fn document(output: &Output) -> Value {
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output}"));
    assert_every_null_has_its_gap(&document, &output.to_string());
    document
}

/// A `null` anywhere in the section must be told in `gaps`.
fn assert_every_null_has_its_gap(document: &Value, output: &str) {
    fn nulls(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Null => found.push(path.to_owned()),
            Value::Object(map) => {
                for (key, value) in map {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    nulls(value, &path, found);
                }
            }
            Value::Array(all) => all.iter().for_each(|value| nulls(value, path, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    nulls(&document["access"], "", &mut found);
    for field in found {
        let gaps = document["gaps"].as_array().unwrap();
        let told = gaps
            .iter()
            .any(|gap| gap["section"] == "access" && gap["field"] == field.as_str());
        assert!(told, "no gap for {field}: {output}");
    }
}

fn check<'a>(access: &'a Value, what: &str) -> &'a Value {
    let checks = access["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["what"] == what);
    found.unwrap_or_else(|| panic!("no check {what}: {access:#}"))
}

fn outcome<'a>(access: &'a Value, what: &str) -> &'a str {
    check(access, what)["outcome"].as_str().unwrap()
}

fn reasons(access: &Value) -> Vec<&str> {
    let blockers = access["blockers"].as_array().unwrap();
    blockers
        .iter()
        .map(|blocker| blocker["reason"].as_str().unwrap())
        .collect()
}

fn evidence(access: &Value) -> String {
    access["blockers"].to_string()
}

/// Nothing was refused; the lab mounts no cgroup file system.
fn assert_all_allowed(access: &Value) {
    for check in access["checks"].as_array().unwrap() {
        let wanted = match check["what"].as_str() {
            Some("cgroup_files") => "unsupported",
            _ => "allowed",
        };
        assert_eq!(check["outcome"], wanted, "{access:#}");
    }
    for empty in ["blockers", "remedies", "ruled_out"] {
        assert_eq!(access[empty].as_array().unwrap().len(), 0, "{access:#}");
    }
}

/// What the kernel says to the same viewer: each path, opened and read, or its link read.
fn kernel(viewer: Setup, file: &str) -> String {
    let path = format!("/proc/1/{file}");
    let output = viewer.args(["peek", &path]).run();
    let text = output.stdout_text();
    let word = |name: &str| {
        let words = text.split_whitespace();
        let mut found = words.filter_map(|word| word.strip_prefix(name));
        found
            .next()
            .unwrap_or_else(|| panic!("no {name}: {output}"))
            .to_owned()
    };
    let links = ["root", "exe", "cwd", "ns/mnt", "fd/0"];
    let said = if links.contains(&file) {
        word("readlink=")
    } else if file == "fd" || word("open=") != "ok" {
        word("open=")
    } else {
        word("read=")
    };
    match said.split(':').next() {
        Some("ok") => "allowed".to_owned(),
        _ => said,
    }
}

const FILES: [(&str, &str); 16] = [
    ("status", "status"),
    ("arguments", "cmdline"),
    ("mounts", "mountinfo"),
    ("limits", "limits"),
    ("cgroup_membership", "cgroup"),
    ("sockets", "net/tcp"),
    ("environment", "environ"),
    ("files", "root"),
    ("program", "exe"),
    ("working_directory", "cwd"),
    ("descriptors", "fd"),
    ("socket_owners", "fd/0"),
    ("memory_map", "maps"),
    ("memory_rollup", "smaps_rollup"),
    ("io", "io"),
    ("namespaces", "ns/mnt"),
];

/// Each check says what the kernel says to another program in the same place.
fn assert_as_the_kernel_says(
    access: &Value,
    web: &Container,
    viewer: impl Fn(Setup) -> Setup,
    name: &str,
) {
    for (what, file) in FILES {
        let said = kernel(viewer(web.beside(&example("lab"))), file);
        let found = check(access, what);
        match said.as_str() {
            "allowed" => assert_eq!(found["outcome"], "allowed", "{name}: {file}: {found}"),
            errno => {
                assert_eq!(found["outcome"], "denied", "{name}: {file}: {found}");
                assert_eq!(found["errno"], errno, "{name}: {file}: {found}");
            }
        }
    }
}

/// The viewer that a remedy makes: `runAsUser: 7, runAsGroup: 7`, `--user 7:7`, or
/// root with SYS_PTRACE.
fn follow(remedy: &Value, viewer: Setup) -> Setup {
    let commands: Vec<&str> = remedy["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|command| command.as_str().unwrap())
        .collect();
    let text = commands.join("\n");
    let after = |key: &str| {
        let (_, rest) = text.split_once(key)?;
        let number = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        number.parse::<u32>().ok()
    };
    if text.contains("--profile=general") || text.contains("--cap-add SYS_PTRACE") {
        return viewer.uid(0).caps("+sys_ptrace");
    }
    let (uid, gid) = match (after("runAsUser: "), after("runAsGroup: ")) {
        (Some(uid), Some(gid)) => (uid, gid),
        _ => {
            let uid = after("--user ").unwrap_or_else(|| panic!("whom? {text}"));
            (uid, after(&format!("--user {uid}:")).unwrap())
        }
    };
    let viewer = viewer.uid(uid).gid(gid);
    if text.contains("drop: [ALL]") {
        viewer.caps("none").no_new_privs()
    } else {
        viewer.caps("default")
    }
}

fn assert_remedies_work(access: &Value, web: &Container, name: &str) {
    let remedies = access["remedies"].as_array().unwrap();
    assert!(remedies.len() >= 2, "{name}: {access:#}");
    for remedy in remedies {
        println!("{name}: {remedy}");
        assert_all_allowed(&self::access(follow(remedy, web.spyhole())));
    }
}

#[test]
fn each_row_of_the_table_is_told_as_the_kernel_decides_it() {
    if !requires_root("access: who may look at whom") {
        return;
    }
    type Row = (
        &'static str,
        fn(Setup) -> Setup,
        fn(Setup) -> Setup,
        &'static [&'static str],
        &'static str,
    );
    let rows: [Row; 6] = [
        (
            "same uid and gid, no capability",
            |target| target.uid(1000),
            |viewer| viewer.uid(1000).caps("none").no_new_privs(),
            &[],
            "",
        ),
        (
            "same uid, other gid",
            |target| target.uid(1000),
            |viewer| viewer.uid(1000).gid(2000),
            &["gid"],
            "viewer gid 2000, target gid 1000",
        ),
        (
            "root with the default capabilities",
            |target| target.uid(1000),
            |viewer| viewer.uid(0),
            &["uid", "gid"],
            "viewer uid 0, target uid 1000",
        ),
        (
            "root without capabilities",
            |target| target.uid(0),
            |viewer| viewer.uid(0).caps("none"),
            &["capability"],
            "cap_chown",
        ),
        (
            "an ambient capability of the target",
            |target| target.uid(1000).caps("none").ambient("net_bind_service"),
            |viewer| viewer.uid(1000).caps("none"),
            &["capability"],
            "viewer lacks: cap_net_bind_service",
        ),
        (
            "root with SYS_PTRACE",
            |target| target.uid(1000),
            |viewer| viewer.uid(0).caps("+sys_ptrace"),
            &[],
            "",
        ),
    ];
    for (name, target, viewer, wanted, values) in rows {
        let web = target(Lab::webapp()).start();
        let seen = access(viewer(web.spyhole()));
        assert_as_the_kernel_says(&seen, &web, viewer, name);
        assert_eq!(reasons(&seen), wanted, "{name}: {seen:#}");
        for shared in ["pid_namespace", "network_namespace", "user_namespace"] {
            assert_eq!(seen["shared"][shared], true, "{name}: {seen:#}");
        }
        if let Some(first) = wanted.first() {
            for what in ["files", "environment"] {
                assert_eq!(check(&seen, what)["reason"], *first, "{name}: {seen:#}");
            }
            assert!(evidence(&seen).contains(values), "{name}: {seen:#}");
            assert_remedies_work(&seen, &web, name);
        } else {
            assert_all_allowed(&seen);
        }
    }
}

#[test]
fn a_way_that_would_not_work_is_not_offered() {
    if !requires_root("access: an ambient capability of the target") {
        return;
    }
    let target = Lab::webapp()
        .uid(1000)
        .caps("none")
        .ambient("net_bind_service");
    let web = target.start();
    let seen = access(web.spyhole().uid(65532).caps("none"));
    let ruled_out = &seen["ruled_out"][0];
    assert!(
        ruled_out["because"]
            .as_str()
            .unwrap()
            .contains("NET_BIND_SERVICE"),
        "{seen:#}"
    );
    assert!(
        !seen["remedies"].to_string().contains("runAsUser"),
        "{seen:#}"
    );
    assert_eq!(
        reasons(&seen)[..3],
        ["uid", "gid", "capability"],
        "all of them"
    );
}

#[test]
fn a_capability_that_a_user_was_given_in_vain_is_told() {
    if !requires_root("access: SYS_PTRACE for a user who is not root") {
        return;
    }
    let web = Lab::webapp().uid(1000).start();
    let trapped = |viewer: Setup| viewer.uid(65532).caps("+sys_ptrace");
    let seen = access(trapped(web.spyhole()));
    assert_as_the_kernel_says(&seen, &web, trapped, "trapped");
    let wanted = "SYS_PTRACE was granted but is not effective: a non-root user gets no \
                  capability from securityContext.capabilities.add on Kubernetes and Docker";
    assert!(evidence(&seen).contains(wanted), "{seen:#}");
    assert_remedies_work(&seen, &web, "trapped");
    // As Podman does it: ambient, and so effective.
    let given = web
        .spyhole()
        .uid(65532)
        .ambient("sys_ptrace,dac_read_search");
    assert_all_allowed(&access(given));
}

#[test]
fn sys_ptrace_alone_does_not_open_the_files_of_another() {
    if !requires_root("access: SYS_PTRACE and nothing else") {
        return;
    }
    let web = Lab::webapp().uid(1000).start();
    let bare = |viewer: Setup| viewer.uid(0).caps("=sys_ptrace");
    let seen = access(bare(web.spyhole()));
    assert_as_the_kernel_says(&seen, &web, bare, "SYS_PTRACE alone");
    assert_eq!(outcome(&seen, "files"), "allowed");
    assert_eq!(check(&seen, "environment")["reason"], "capability");
    assert!(evidence(&seen).contains("CAP_DAC_READ_SEARCH"), "{seen:#}");
    assert_remedies_work(&seen, &web, "SYS_PTRACE alone");
}

#[test]
fn a_target_that_is_not_dumpable_is_told() {
    if !requires_root("access: a target that is not dumpable") {
        return;
    }
    let web = Lab::webapp()
        .uid(1000)
        .caps("none")
        .arg("--undumpable")
        .start();
    let twin = |viewer: Setup| viewer.uid(1000).caps("none");
    let seen = access(twin(web.spyhole()));
    assert_as_the_kernel_says(&seen, &web, twin, "not dumpable");
    assert_eq!(seen["target"]["dumpable"], false);
    assert_eq!(reasons(&seen), ["not_dumpable"], "{seen:#}");
    assert!(
        evidence(&seen).contains("belong to 0:0, it runs as uid 1000"),
        "{seen:#}"
    );
    assert_eq!(seen["ruled_out"].as_array().unwrap().len(), 1, "{seen:#}");
    assert_remedies_work(&seen, &web, "not dumpable");
    // Root owns its files either way: found by what is left.
    let root = Lab::webapp()
        .uid(0)
        .caps("none")
        .arg("--undumpable")
        .start();
    let seen = access(root.spyhole().uid(0).caps("none"));
    assert_eq!(outcome(&seen, "files"), "denied");
    let confined = !seen["viewer"]["security_label"].is_null();
    let wanted = if confined { "denied" } else { "not_dumpable" };
    assert_eq!(reasons(&seen), [wanted], "{seen:#}");
    assert!(seen["target"]["dumpable"].is_null());
}

#[test]
fn another_user_namespace_is_told() {
    if !requires_root("access: another user namespace") {
        return;
    }
    let web = Lab::webapp().uid(0).caps("none").start();
    let below = |viewer: Setup| viewer.uid(0).caps("all").userns();
    let seen = access(below(web.spyhole()));
    assert_as_the_kernel_says(&seen, &web, below, "below");
    assert_eq!(reasons(&seen)[0], "user_namespace", "{seen:#}");
    assert_eq!(check(&seen, "files")["reason"], "user_namespace");
    assert_eq!(seen["shared"]["user_namespace"], false);
    assert_eq!(seen["shared"]["network_namespace"], true);
    assert!(evidence(&seen).contains("\\\"0 0 1\\\""), "{seen:#}");
    let remedies = seen["remedies"].to_string();
    assert!(remedies.contains("--userns=container:NAME"), "{remedies}");
    // The lab joins the user namespace of the target, as another container of its pod does.
    assert_remedies_work(&seen, &web, "another user namespace");
}

#[test]
fn a_target_in_a_user_namespace_below_is_seen_from_beside_and_from_above() {
    if !requires_root("access: a target in a user namespace") {
        return;
    }
    let web = Lab::webapp().userns().uid(1000).start();
    assert_all_allowed(&access(web.spyhole().uid(1000)));
    // From the node: a stranger, whom the map of the target does not know.
    let pid = web.host_pid.to_string();
    let from_the_node = |uid: u32| {
        let output = process::run(spyhole().as_os_str(), |command| {
            command.args(["--pid", &pid, "access", "-o", "json"]);
            command.uid(uid).gid(uid);
        });
        assert_eq!(output.code, Some(0), "{output}");
        document(&output)["access"].clone()
    };
    let seen = from_the_node(65533);
    assert_eq!(reasons(&seen)[0], "user_namespace", "{seen:#}");
    assert_eq!(seen["shared"]["pid_namespace"], false, "{seen:#}");
    assert_eq!(seen["shared"]["network_namespace"], false, "{seen:#}");
    // The ids to take are those inside of its own namespace.
    assert!(
        seen["remedies"].to_string().contains("runAsUser: 1000"),
        "{seen:#}"
    );
    assert_all_allowed(&from_the_node(0));
}

#[test]
fn a_proc_that_hides_processes_is_told() {
    if !requires_root("access: hidepid") {
        return;
    }
    let web = Lab::webapp().uid(1000).start();
    for (options, word) in [
        ("hidepid=2,gid=4242", "hidepid=invisible"),
        ("hidepid=1,gid=4242", "hidepid=noaccess"),
    ] {
        let stranger = web.spyhole().uid(65532).caps("none").proc_options(options);
        let output = stranger.args(["access", "-o", "json"]).run();
        // It finds nobody but itself, which is the wrong place.
        assert_eq!(output.code, Some(3), "{output}");
        let seen = document(&output)["access"].clone();
        assert_eq!(outcome(&seen, "process_list"), "denied", "{seen:#}");
        assert_eq!(reasons(&seen), ["hidepid"], "{seen:#}");
        let told = evidence(&seen);
        assert!(
            told.contains(word) || told.contains(&options[..9]),
            "{told}"
        );
        assert!(told.contains("gid 4242"), "{told}");
        assert!(
            !seen["remedies"].to_string().contains("runAsUser: 65532"),
            "{seen:#}"
        );
    }
    let hidden = |viewer: Setup| viewer.proc_options("hidepid=2,gid=4242");
    // As a member of the group the target is there, and all that needs no ptrace.
    let member = access(hidden(web.spyhole()).uid(65532).gid(4242).caps("none"));
    assert_eq!(outcome(&member, "process_list"), "allowed", "{member:#}");
    assert_eq!(outcome(&member, "status"), "allowed");
    assert_eq!(check(&member, "files")["reason"], "uid");
    // As the target's user all of the target, though others may be hidden.
    let twin = access(hidden(web.spyhole()).uid(1000).caps("none"));
    assert_eq!(outcome(&twin, "files"), "allowed", "{twin:#}");
    assert_eq!(outcome(&twin, "process_list"), "partial", "{twin:#}");
    // With SYS_PTRACE everything.
    assert_all_allowed(&access(hidden(web.spyhole()).uid(0).caps("+sys_ptrace")));
}

#[test]
fn a_filter_that_refuses_openat2_changes_nothing() {
    if !requires_root("access: seccomp") {
        return;
    }
    let web = Lab::webapp().uid(1000).start();
    for profile in ["deny-openat2", "no-openat2", "default-like"] {
        let seen = access(web.spyhole().uid(1000).caps("none").seccomp(profile));
        assert_all_allowed(&seen);
        assert_eq!(seen["viewer"]["seccomp"], "filter");
        let stranger = access(web.spyhole().uid(1000).gid(7).caps("none").seccomp(profile));
        assert_eq!(reasons(&stranger), ["gid"], "{profile}: {stranger:#}");
    }
}

#[test]
fn the_table_has_the_answer_the_evidence_and_the_next_command() {
    if !requires_root("access: the table") {
        return;
    }
    let web = Lab::webapp().uid(1000).start();
    let all = web.spyhole().uid(1000).caps("none").arg("access").run();
    let text = all.stdout_text();
    assert_eq!(text.lines().count(), 4, "{all}");
    assert!(text.contains("uid 1000  gid 1000"), "{all}");
    assert!(
        text.contains("\nEverything of the target can be read"),
        "{all}"
    );
    let denied = web.spyhole().uid(0).arg("access").run();
    let text = denied.stdout_text();
    let place = |words: &str| {
        text.find(words)
            .unwrap_or_else(|| panic!("{words}? {denied}"))
    };
    let order = [
        "target  pid 1  webapp  uid 1000",
        "viewer  uid 0  gid 0  14 capabilities, without cap_sys_ptrace  same PID, network",
        "WHAT",
        "process list            yes",
        "environment             denied  not the same user: viewer uid 0, target uid 1000",
        "files of the target     denied  same",
        "also: not the same group: viewer gid 0, target gid 1000",
        "(Pod Security \"restricted\" admits this):\n  printf 'securityContext: {runAsUser: 1000,",
        "  kubectl debug -it POD --image=spyhole --target=CONTAINER --profile=restricted",
        "(needs \"privileged\" admission):\n  kubectl debug -it POD --image=spyhole:root",
    ];
    let places: Vec<usize> = order.iter().map(|words| place(words)).collect();
    assert!(places.is_sorted(), "{denied}");
    let bare = web.spyhole().uid(0).args(["access", "--no-headers"]).run();
    assert_eq!(
        bare.stdout_text().lines().count(),
        18,
        "a row for each check: {bare}"
    );
    let wide = web.spyhole().uid(0).args(["access", "-o", "wide"]).run();
    assert!(
        wide.stdout_text().contains("EACCES  /proc/1/environ"),
        "{wide}"
    );
}

#[test]
fn on_kubernetes_the_pod_is_named() {
    if !requires_root("access: the name of the pod") {
        return;
    }
    for (hostname, word) in [
        ("web-7d9f", "web-7d9f"),
        ("a;reboot $(x)", "'a;reboot $(x)'"),
    ] {
        let web = Lab::webapp().uid(1000).hostname(hostname).start();
        let beside = web
            .spyhole()
            .uid(0)
            .env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
        let seen = access(beside);
        let command = seen["remedies"][0]["commands"][1].as_str().unwrap();
        let start = format!("kubectl debug -it {word} --image=spyhole --target=CONTAINER ");
        assert!(command.starts_with(&start), "{seen:#}");
        assert!(!seen["remedies"].to_string().contains("docker"), "{seen:#}");
    }
}
