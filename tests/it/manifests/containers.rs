//! What the manifests say, done in real containers.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::build::{all, pods};
use super::{custom, words};
use crate::host::{list, run};
use crate::lab::{Container, Lab, Setup};
use crate::patience::eventually;
use crate::serve_metrics::server::TOKEN;

/// Who a container is, by its securityContext.
fn as_told(setup: Setup, context: &Value) -> Setup {
    assert_eq!(context["allowPrivilegeEscalation"], false, "{context}");
    assert_eq!(context["readOnlyRootFilesystem"], true, "{context}");
    assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]));
    let added = context["capabilities"]["add"].as_array();
    let added: Vec<_> = added
        .into_iter()
        .flatten()
        .map(|name| name.as_str().unwrap().to_lowercase())
        .collect();
    let caps = match added.as_slice() {
        [] => "none".to_owned(),
        names => format!("={}", names.join(",")),
    };
    // The image's own user, where nothing else is said.
    let id = |key: &str| u32::try_from(context[key].as_u64().unwrap_or(65_532)).unwrap();
    setup
        .uid(id("runAsUser"))
        .gid(id("runAsGroup"))
        .caps(&caps)
        .no_new_privs()
        .read_only()
}

#[needs(root)]
fn each_custom_container_sees_what_the_readme_says() {
    let web = Lab::webapp()
        .uid(1000)
        .caps("none")
        .env("GREETING", "hello")
        .start();
    for (name, container) in custom() {
        let setup = as_told(web.spyhole(), &container["securityContext"]);
        let seen = setup.args(["dump", "-o", "json"]).run().document();
        let refused: Vec<_> = list(&seen, "gaps")
            .iter()
            .filter(|gap| gap["reason"] == "uid" || gap["reason"] == "capability")
            .collect();
        let whole = name != "restricted.yaml";
        assert_eq!(refused.is_empty(), whole, "{name}: {refused:#?}");
        let environment = &seen["environment"][0]["variables"];
        assert_eq!(
            environment.to_string().contains("GREETING"),
            whole,
            "{name}: {environment}"
        );
        assert!(list(&seen, "processes").len() >= 3, "{name}");
    }
}

#[needs(root)]
fn root_with_ptrace_alone_cannot_open_what_belongs_to_another() {
    let web = Lab::webapp().uid(1000).caps("none").start();
    let seen = web.spyhole().uid(0).caps("=sys_ptrace");
    let seen = seen.args(["env", "-o", "json"]).run().json();
    assert!(seen["environment"][0]["variables"].is_null(), "{seen}");
}

#[needs(kubectl, root)]
fn the_sidecar_stands_before_the_application_and_then_sees_it() {
    let built = all()
        .iter()
        .find(|one| one.folder == "example/with-sidecar");
    let (_, pod) = pods(&built.unwrap().documents)[0];
    let sidecar = &pod["initContainers"][0];
    let mut context = sidecar["securityContext"].clone();
    for key in ["runAsUser", "runAsGroup"] {
        context[key] = pod["securityContext"][key].clone();
    }
    let secret = TempDir::new().unwrap();
    fs::write(secret.path().join("token"), TOKEN).unwrap();
    open_to_all(secret.path());

    let shared = Lab::pod();
    let server = as_told(shared.spyhole(), &context)
        .bind_read_only(secret.path(), "/etc/spyhole")
        .args(words(&sidecar["args"]))
        .start();
    let probe = words(&sidecar["livenessProbe"]["exec"]["command"]);
    let alive = || as_told(shared.spyhole(), &context).args(&probe[1..]).run();
    eventually("the probe succeeds", || {
        let said = alive();
        (said.code == Some(0)).then_some(()).ok_or(said)
    });
    // One application after the other, and the probe holds with any number of them.
    let user = |setup: Setup| setup.uid(1000).caps("none");
    let _app = user(shared.webapp()).start();
    assert_eq!(alive().code, Some(0));
    let metrics = asked(&server, "/metrics");
    assert!(metrics.contains("spyhole_look_success 1"), "{metrics}");
    assert!(
        metrics.contains(r#"spyhole_process_group_open_fds{name="webapp"}"#),
        "{metrics}"
    );
    // The lab's pause process is root's, a kubelet's has the user of the pod.
    let gaps = metrics.lines();
    let gaps: Vec<_> = gaps
        .filter(|line| line.contains("reason=\"uid\""))
        .collect();
    let of_pause = [
        r#"spyhole_gaps{section="open_files",reason="uid"} 2"#,
        r#"spyhole_gaps{section="processes",reason="uid"} 1"#,
    ];
    assert_eq!(gaps, of_pause, "{metrics}");
    let _other = user(shared.webapp())
        .args(["--listen", "127.0.0.1:8081"])
        .start();
    assert_eq!(alive().code, Some(0));
}

/// What a server in the network of that container answers.
fn asked(beside: &Container, path: &str) -> String {
    let network = format!("--net=/proc/{}/ns/net", beside.host_pid);
    let said = run(Command::new("nsenter")
        .args([&network, "curl", "--silent", "--show-error", "--fail"])
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        .arg(format!("http://127.0.0.1:7794{path}")));
    said.ended_with(0).stdout_text()
}

/// So that a user of the lab can read it, as the files of a Secret can be.
fn open_to_all(directory: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
}

#[needs(kubectl, root)]
fn a_mounted_proc_shows_the_processes_of_the_node_to_anybody() {
    let built = all().iter().find(|one| one.folder == "node").unwrap();
    let (_, pod) = pods(&built.documents)[0];
    let container = &pod["containers"][0];
    let mount = container["volumeMounts"].as_array().unwrap();
    let mount = mount.iter().find(|mount| mount["name"] == "proc").unwrap();
    assert_eq!(mount["readOnly"], true);
    let path = mount["mountPath"].as_str().unwrap();
    let args = words(&container["args"]);
    let flag = args.iter().find(|arg| arg.starts_with("--proc")).unwrap();
    assert_eq!(*flag, format!("--proc={path}"));
    let mut context = container["securityContext"].clone();
    for key in ["runAsUser", "runAsGroup"] {
        context[key] = pod["securityContext"][key].clone();
    }
    let setup = as_told(Lab::bare(), &context);
    let setup = setup.bind_read_only("/proc".as_ref(), path);
    let seen = setup.args(["ps", "-o", "json", flag]).run().document();
    let own = std::process::id();
    let processes = list(&seen, "processes");
    let this = processes.iter().find(|one| one["pid"] == own).unwrap();
    assert!(!list(this, "args").is_empty(), "{this}");
    assert!(this["rss_bytes"].as_u64().unwrap() > 0, "{this}");
    assert!(this["exe"].is_null(), "{this}");
}
