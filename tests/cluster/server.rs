//! `--serve`: the port, the reuse, the interrupt, and a target that ends.

use std::fs::{self, File};
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tempfile::TempDir;

use crate::cluster::{Cluster, Namespace, SPYHOLE, pod};
use crate::http::{free_port, get};
use crate::patience::eventually;
use crate::{Verdict, holds};

/// `kubectl spyhole web --serve`, running.
struct Served {
    child: Child,
    words: TempDir,
    port: u16,
}

impl Served {
    fn start(namespace: &Namespace<'_>) -> Self {
        let words = TempDir::new().unwrap();
        let port = free_port();
        let mut command = namespace.cluster.command(&["spyhole", "web", "--serve"]);
        command
            .args(["--namespace", &namespace.name, "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(words.path().join("stderr")).unwrap());
        let child = command.spawn().unwrap();
        let mut served = Self { child, words, port };
        eventually("the server tells its token", || {
            let ended = served.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", served.said());
            served.token()
        });
        eventually("the port is forwarded", || get(port, "/healthz", ""));
        served
    }

    fn said(&self) -> String {
        fs::read_to_string(self.words.path().join("stderr")).unwrap()
    }

    fn token(&self) -> Option<String> {
        let said = self.said();
        let (_, rest) = said.split_once("with the token ")?;
        rest.lines()
            .next()
            .filter(|_| rest.contains('\n'))
            .map(str::to_owned)
    }

    fn end(&mut self) -> Option<i32> {
        let code = eventually("it ends", || self.child.try_wait().unwrap());
        code.code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn serve_and_reuse(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(None);
    namespace.start(&pod("web", &json!({"runAsUser": 1000, "runAsGroup": 1000})));
    let mut served = Served::start(&namespace);
    let token = served.token().unwrap();
    let (status, body) = get(served.port, "/v1/environment", &token).unwrap();
    assert!(status == 200 && body.contains("KEPT"), "{status} {body}");
    assert_eq!(
        get(served.port, "/v1/environment", "another").unwrap().0,
        401
    );

    let added = namespace.added("web");
    let name = added[0]["name"].as_str().unwrap();
    let again = namespace
        .spyhole(&["web", "-o", "json", "--", "env"])
        .ended_with(0);
    again.says(&format!("reusing spyhole's running container {name}"));
    assert!(again.stdout.contains("KEPT"), "{again}");
    assert_eq!(namespace.added("web").len(), 1, "nothing else was added");
    let new = namespace
        .spyhole(&["web", "--new", "-o", "json", "--", "env"])
        .ended_with(0);
    assert!(new.stdout.contains("KEPT"), "{new}");
    assert_eq!(namespace.added("web").len(), 2);

    // To the plugin alone, as by a supervisor; a terminal sends it to kubectl as well.
    kill(
        Pid::from_raw(served.child.id().cast_signed()),
        Signal::SIGINT,
    )
    .unwrap();
    assert_eq!(served.end(), Some(0), "{}", served.said());
    let said = served.said();
    assert!(
        said.contains(&format!("{name} still serves in the pod")),
        "{said}"
    );
    let line = format!(
        "kubectl spyhole --namespace={} web --serve forwards",
        namespace.name
    );
    assert!(said.contains(&line), "{said}");
    holds()
}

/// The target ends under a server, which its kernel ends too; the words say so.
pub(crate) fn target_restarts(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(None);
    let mut short = pod("web", &json!({"runAsUser": 1000, "runAsGroup": 1000}));
    let app = &mut short["spec"]["containers"][0];
    app["image"] = SPYHOLE.into();
    app["args"] = json!(["serve", "--listen=127.0.0.1:9999", "--lifetime=25s"]);
    namespace.start(&short);
    let mut served = Served::start(&namespace);
    // kubectl notices that a port leads nowhere when somebody uses it.
    let port = served.port;
    eventually("kubectl gives the port up", || {
        let _ = get(port, "/healthz", "");
        served.child.try_wait().unwrap()
    });
    assert_eq!(served.end(), Some(3), "{}", served.said());
    let said = served.said();
    assert!(said.contains("the container app of the pod web "), "{said}");
    assert!(
        said.contains("spyhole ended with it: run the same command again"),
        "{said}"
    );
    // Which is true.
    namespace.wait_for("pod/web", "condition=Ready");
    let again = namespace.spyhole(&["web", "-o", "json", "--", "ps"]);
    assert!(matches!(again.code, 0 | 4), "{again}");
    holds()
}
