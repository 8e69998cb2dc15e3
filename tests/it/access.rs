//! `spyhole access` against the kernel: what it says is what the kernel does, the
//! reason is the comparison that fails, and the remedy works when it is followed.

mod places;

use serde_json::Value;

use crate::lab::{Container, Lab, Output, Setup, example};

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
/// root with `SYS_PTRACE`.
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
    let root = [
        "add: [SYS_PTRACE, DAC_READ_SEARCH]",
        "--cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH",
    ];
    if root.iter().any(|words| text.contains(words)) {
        return viewer.uid(0).caps("=sys_ptrace,dac_read_search");
    }
    let by_kubernetes = after("runAsUser: ").zip(after("runAsGroup: "));
    let (uid, gid) = by_kubernetes.unwrap_or_else(|| {
        let uid = after("--user ").unwrap_or_else(|| panic!("whom? {text}"));
        (uid, after(&format!("--user {uid}:")).unwrap())
    });
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

/// Name, target, viewer; the reasons, first one first, and what the evidence holds.
type Row = (
    &'static str,
    fn(Setup) -> Setup,
    fn(Setup) -> Setup,
    &'static [&'static str],
    &'static str,
);
const ROWS: [Row; 6] = [
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

#[needs(root)]
fn each_row_of_the_table_is_told_as_the_kernel_decides_it() {
    for (name, target, viewer, wanted, values) in ROWS {
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

#[needs(root)]
fn a_way_that_would_not_work_is_not_offered() {
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
        !seen["remedies"].to_string().contains("runAsUser: 1000"),
        "{seen:#}"
    );
    assert_eq!(
        reasons(&seen)[..3],
        ["uid", "gid", "capability"],
        "all of them"
    );
}

#[needs(root)]
fn a_capability_that_a_user_was_given_in_vain_is_told() {
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

#[needs(root)]
fn sys_ptrace_alone_does_not_open_the_files_of_another() {
    let web = Lab::webapp().uid(1000).start();
    let bare = |viewer: Setup| viewer.uid(0).caps("=sys_ptrace");
    let seen = access(bare(web.spyhole()));
    assert_as_the_kernel_says(&seen, &web, bare, "SYS_PTRACE alone");
    assert_eq!(outcome(&seen, "files"), "allowed");
    assert_eq!(check(&seen, "environment")["reason"], "capability");
    assert!(evidence(&seen).contains("CAP_DAC_READ_SEARCH"), "{seen:#}");
    assert_remedies_work(&seen, &web, "SYS_PTRACE alone");
}

#[needs(root)]
fn a_target_that_is_not_dumpable_is_told() {
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
