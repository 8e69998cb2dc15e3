//! The real kubectl, with this plugin in front and an API server of one pod behind: what arrives
//! there is what was meant.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::fake::fixture;
use super::server::ApiServer;
use super::tool::Kubectl;
use crate::host;
use crate::lab::{self, Container, Lab, Output};

/// Somebody with a configuration that leads to the server, and the plugin in PATH.
struct Engineer {
    home: TempDir,
    kubectl: Kubectl,
}

impl Engineer {
    fn of(server: &ApiServer) -> Self {
        Self::with(server, Kubectl::find().as_ref().unwrap())
    }

    fn with(server: &ApiServer, kubectl: &Kubectl) -> Self {
        let home = TempDir::new().unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": format!("http://127.0.0.1:{}", server.port)}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "jane", "namespace": "shop"}}],
            "users": [{"name": "jane", "user": {}}],
        });
        fs::write(home.path().join("config"), config.to_string()).unwrap();
        std::os::unix::fs::symlink(lab::spyhole(), home.path().join("kubectl-spyhole")).unwrap();
        Self {
            home,
            kubectl: kubectl.clone(),
        }
    }

    fn command(&self, program: &str) -> Command {
        let home = self.home.path();
        let path = std::env::var("PATH").unwrap_or_default();
        let own = [home, self.kubectl.directory()].map(|one| one.display().to_string());
        let mut command = Command::new(program);
        command
            .env("PATH", format!("{}:{path}", own.join(":")))
            .env("HOME", home)
            .env("KUBECONFIG", home.join("config"))
            .env_remove("SPYHOLE_KUBECTL")
            .env_remove("SPYHOLE_IMAGE")
            .current_dir(home);
        command
    }

    /// As the engineer types it: kubectl finds the plugin by its name.
    fn kubectl_spyhole(&self, args: &[&str]) -> Output {
        let program = self.kubectl.program.to_str().unwrap();
        host::run(self.command(program).arg("spyhole").args(args))
    }
}

#[needs(each_kubectl)]
fn what_was_meant_arrives_and_the_document_comes_back() {
    for kubectl in Kubectl::both().as_ref().unwrap() {
        assert_arrives(kubectl);
    }
}

fn assert_arrives(kubectl: &Kubectl) {
    let server = ApiServer::start(&fixture("non-root"), "restricted");
    let document = format!(
        "{{\"schema\":\"spyhole/v1\",\"pad\":\"{}\"}}\n",
        "é".repeat(1 << 19)
    );
    server.says(&document);
    let engineer = Engineer::with(&server, kubectl);
    let seen = engineer.kubectl_spyhole(&["web", "--image=registry.example/spyhole:1"]);
    assert_eq!(seen.code, Some(0), "{}", seen.stderr_text());
    assert!(seen.stdout == document.as_bytes(), "not the same document");
    let added = server.added();
    let [container] = added.as_slice() else {
        panic!("{added:#?}");
    };
    let name = container["name"].as_str().unwrap();
    assert!(name.starts_with("spyhole-") && name.len() == 13, "{name}");
    assert_eq!(container["image"], "registry.example/spyhole:1");
    assert_eq!(container["targetContainerName"], "app");
    assert_eq!(container["args"], json!(["--quiet", "dump"]));
    assert_eq!(
        container["command"],
        Value::Null,
        "the image's own entrypoint"
    );
    assert_eq!(
        container["securityContext"],
        json!({
            "runAsUser": 1000, "runAsGroup": 3000, "runAsNonRoot": true,
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
        })
    );
    assert!(
        seen.stderr_text()
            .contains(&format!("{name}: ContainerCreating")),
        "{}",
        seen.stderr_text()
    );
}

#[needs(kubectl)]
fn each_way_arrives_as_it_was_chosen() {
    let no_escalation = |more: Value| {
        let mut context =
            json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true});
        let all = context.as_object_mut().unwrap();
        all.extend(more.as_object().unwrap().clone());
        context
    };
    let seccomp = json!({"type": "RuntimeDefault"});
    let cases = [
        (
            "nothing-said",
            "privileged",
            no_escalation(json!({
                "runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": false,
                "capabilities": {"drop": ["ALL"], "add": ["SYS_PTRACE", "DAC_READ_SEARCH"]},
            })),
        ),
        (
            "root",
            "baseline",
            no_escalation(json!({
                "runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": false, "seccompProfile": seccomp,
                "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            })),
        ),
        (
            "user-of-the-image",
            "restricted",
            no_escalation(json!({
                "runAsUser": 65532, "runAsGroup": 65532, "runAsNonRoot": true,
                "seccompProfile": seccomp, "capabilities": {"drop": ["ALL"]},
            })),
        ),
        (
            "confined",
            "restricted",
            no_escalation(json!({
                "runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": true,
                "seccompProfile": seccomp, "capabilities": {"drop": ["ALL"]},
                "appArmorProfile": {"type": "Localhost", "localhostProfile": "shop-web"},
                "seLinuxOptions": {"level": "s0:c123,c456"},
            })),
        ),
    ];
    for (pod, level, context) in cases {
        let server = ApiServer::start(&fixture(pod), level);
        server.says("{}\n");
        Engineer::of(&server)
            .kubectl_spyhole(&["web"])
            .ended_with(0);
        assert_eq!(server.added()[0]["securityContext"], context, "{pod}");
    }
}

/// From the pod's document to the target's environment: each way is run as it arrived.
#[needs(kubectl, root)]
fn each_way_reads_what_it_was_chosen_to_read() {
    // The pod, the level, who the target then is, and whether its environment is seen.
    let cases = [
        ("non-root", "restricted", (1000, 3000, "none"), true),
        ("group-not-told", "restricted", (1000, 0, "none"), true),
        ("group-not-told", "restricted", (1000, 7, "none"), false),
        ("group-not-told", "privileged", (1000, 7, "none"), true),
        (
            "user-of-the-image",
            "restricted",
            (4242, 4242, "none"),
            false,
        ),
        (
            "user-of-the-image",
            "privileged",
            (4242, 4242, "none"),
            true,
        ),
        ("root", "baseline", (0, 0, "=net_bind_service"), true),
        ("root", "restricted", (0, 0, "=net_bind_service"), false),
        (
            "root-with-net-admin",
            "privileged",
            (0, 0, "+net_admin"),
            true,
        ),
    ];
    for (pod, level, (uid, gid, caps), is_seen) in cases {
        let server = ApiServer::start(&fixture(pod), level);
        let web = Lab::webapp()
            .uid(uid)
            .gid(gid)
            .caps(caps)
            .env("KEPT", "yes")
            .start();
        server.runs_on(Box::new(move |container| node(&web, container)));
        let log = Engineer::of(&server).kubectl_spyhole(&["web", "-o", "json", "--", "env"]);
        let document = log.json();
        let variables = document["environment"][0]["variables"].as_array();
        assert_eq!(
            variables.is_some(),
            is_seen,
            "{pod} at {level}, {uid}:{gid}: {log}"
        );
    }
}

/// A node: the container beside its target, with what its security context gives.
fn node(web: &Container, container: &Value) -> (i32, String) {
    let context = &container["securityContext"];
    let id = |key: &str| u32::try_from(context[key].as_u64().unwrap()).unwrap();
    let names = |key: &str| {
        let list = context["capabilities"][key].as_array();
        let names = list.into_iter().flatten();
        let names = names.map(|name| name.as_str().unwrap().to_lowercase());
        names.collect::<Vec<_>>()
    };
    let (added, all_dropped) = (names("add").join(","), names("drop") == ["all"]);
    let caps = match (added.as_str(), all_dropped) {
        // Kubernetes gives none that takes effect to anybody but root.
        _ if id("runAsUser") != 0 => "none".to_owned(),
        ("", true) => "none".to_owned(),
        ("", false) => "default".to_owned(),
        (added, true) => format!("={added}"),
        (added, false) => format!("+{added}"),
    };
    let args = container["args"].as_array().unwrap().iter();
    let seen = web
        .spyhole()
        .uid(id("runAsUser"))
        .gid(id("runAsGroup"))
        .caps(&caps)
        .no_new_privs()
        .args(args.map(|arg| arg.as_str().unwrap()))
        .run();
    // A log holds both.
    (seen.code.unwrap(), seen.stdout_text() + &seen.stderr_text())
}

#[needs(kubectl)]
fn the_lines_of_a_dry_run_do_in_a_shell_what_a_run_does() {
    let server = ApiServer::start(&fixture("shared-processes"), "restricted");
    server.says("PID\n1\n");
    let engineer = Engineer::of(&server);
    let dry = engineer.kubectl_spyhole(&["web", "--dry-run", "--", "env", "--reveal", "it's"]);
    assert!(server.added().is_empty(), "{dry}");
    let script = dry.stdout_text();
    let seen = host::run(engineer.command("sh").args(["-ec", &script]));
    assert_eq!(seen.code, Some(0), "{seen}");
    assert!(seen.stdout_text().ends_with("PID\n1\n"), "{seen}");
    let by_hand = server.added();
    assert_eq!(
        by_hand[0]["args"],
        json!(["--container=app", "--quiet", "env", "--reveal", "it's"])
    );
    let server = ApiServer::start(&fixture("shared-processes"), "restricted");
    server.says("PID\n1\n");
    Engineer::of(&server)
        .kubectl_spyhole(&["web", "--", "env", "--reveal", "it's"])
        .ended_with(0);
    let without_name = |mut container: Value| {
        container["name"] = Value::Null;
        container
    };
    assert_eq!(
        without_name(server.added()[0].clone()),
        without_name(by_hand[0].clone())
    );
}

/// By the line that is pasted and by the run itself, with the oldest and the newest kubectl.
#[needs(each_kubectl)]
fn root_with_ptrace_arrives_as_it_was_asked_for() {
    let context = json!({
        "runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": false,
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"], "add": ["SYS_PTRACE", "DAC_READ_SEARCH"]},
    });
    for kubectl in Kubectl::both().as_ref().unwrap() {
        let server = ApiServer::start(&fixture("non-root"), "privileged");
        server.says("{}\n");
        let engineer = Engineer::with(&server, kubectl);
        let dry = engineer.kubectl_spyhole(&["web", "--as-root", "--dry-run"]);
        let script = dry.ended_with(0).stdout_text();
        host::run(engineer.command("sh").args(["-ec", &script])).ended_with(0);
        engineer
            .kubectl_spyhole(&["web", "--as-root"])
            .ended_with(0);
        let added = server.added();
        assert_eq!(added.len(), 2);
        for container in added {
            assert_eq!(container["securityContext"], context, "{kubectl:?}");
        }
    }
}

#[needs(kubectl)]
fn refusals_of_a_server_come_through_kubectl_as_sentences() {
    let cases = [
        (
            "pods \"web\" is forbidden: User \"jane\" cannot patch resource \"pods/ephemeralcontainers\" in API group \"\" in the namespace \"shop\"",
            "\"jane\" is not allowed to patch pods/ephemeralcontainers in the namespace shop",
        ),
        (
            "pods \"web\" is forbidden: violates PodSecurity \"restricted:latest\": unrestricted capabilities",
            "admits only Pod Security restricted:latest, which the container violates: unrestricted capabilities",
        ),
    ];
    for (message, sentence) in cases {
        let server = ApiServer::start(&fixture("non-root"), "restricted");
        server.refuses(message);
        let seen = Engineer::of(&server)
            .kubectl_spyhole(&["web"])
            .ended_with(3);
        assert!(seen.stderr_text().contains(sentence), "{seen}");
    }
    let server = ApiServer::start(&fixture("non-root"), "restricted");
    let engineer = Engineer::of(&server);
    let seen = engineer.kubectl_spyhole(&["wbe"]).ended_with(3);
    assert!(seen.stderr_text().contains("pod not found"), "{seen}");
    let seen = engineer
        .kubectl_spyhole(&["web", "--context=prod"])
        .ended_with(3);
    assert!(seen.stderr_text().contains("get-contexts"), "{seen}");
    let config = engineer.home.path().join("config");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace(&server.port.to_string(), "1")).unwrap();
    let seen = engineer.kubectl_spyhole(&["web"]).ended_with(3);
    assert!(
        seen.stderr_text().contains("cannot reach the cluster"),
        "{seen}"
    );
}
