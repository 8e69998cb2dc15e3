//! The cluster, its namespaces, and kubectl with the plugin.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::image::{self, Entry};

/// spyhole, and the example `webapp` as an image whose user is 4242:4242.
pub(crate) const SPYHOLE: &str = "localhost/spyhole:cluster-test";
pub(crate) const WEBAPP: &str = "localhost/spyhole-example:cluster-test";
/// A kubectl may wait so long for a pod.
const READY: &str = "--timeout=180s";

pub(crate) struct Cluster {
    /// The minor version of the server.
    pub(crate) minor: u32,
    version: String,
    nodes: Vec<String>,
    /// The plugin in a directory of PATH.
    plugin: TempDir,
}

/// What a command said, and its exit code.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cluster {
    /// Asks the cluster who it is, and brings the images.
    pub(crate) fn connect() -> Result<Self, String> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        set("KUBECONFIG")
            .ok_or("KUBECONFIG is not set: it names the cluster, and never the default one")?;
        let load = set("CLUSTER_LOAD").ok_or(
            "CLUSTER_LOAD is not set: a command that brings an image onto the nodes and gets the path \
             of its archive, such as CLUSTER_LOAD='kind load image-archive'",
        )?;
        let plugin = TempDir::new().map_err(|why| why.to_string())?;
        symlink(program("spyhole"), plugin.path().join("kubectl-spyhole")).unwrap();
        let mut cluster = Self {
            minor: 0,
            version: String::new(),
            nodes: Vec::new(),
            plugin,
        };
        let said = cluster.kubectl(&["version", "--output=json"]);
        let version: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        let server = &version["serverVersion"];
        let minor = server["minor"]
            .as_str()
            .map(|minor| minor.trim_end_matches('+'));
        cluster.minor = minor
            .and_then(|minor| minor.parse().ok())
            .ok_or_else(|| format!("kubectl does not reach a server: {said}"))?;
        cluster.version = format!(
            "server {}, kubectl {}",
            server["gitVersion"].as_str().unwrap_or_default(),
            version["clientVersion"]["gitVersion"]
                .as_str()
                .unwrap_or_default()
        );
        let nodes = cluster
            .kubectl(&["get", "nodes", "--output=json"])
            .ended_with(0)
            .json();
        for node in nodes["items"].as_array().unwrap() {
            let info = &node["status"]["nodeInfo"];
            cluster.nodes.push(format!(
                "{}: {}, Linux {}, {}",
                node["metadata"]["name"].as_str().unwrap(),
                info["containerRuntimeVersion"].as_str().unwrap(),
                info["kernelVersion"].as_str().unwrap(),
                info["osImage"].as_str().unwrap(),
            ));
        }
        cluster.bring_images(&load);
        Ok(cluster)
    }

    fn bring_images(&self, load: &str) {
        let place = self.plugin.path();
        let spyhole = stripped(&program("spyhole"), place);
        let webapp = stripped(&program("webapp"), place);
        let temporary = Entry {
            path: "tmp/",
            mode: 0o1777,
            content: None,
        };
        let archive = place.join("spyhole.tar");
        let program = Entry {
            path: "spyhole",
            mode: 0o555,
            content: Some(&spyhole),
        };
        let config = json!({"User": "65532:65532", "Entrypoint": ["/spyhole"], "WorkingDir": "/"});
        image::write(&archive, SPYHOLE, &[temporary, program], &config);
        bring(load, &archive);
        let archive = place.join("webapp.tar");
        let program = Entry {
            path: "webapp",
            mode: 0o555,
            content: Some(&webapp),
        };
        let config = json!({"User": "4242:4242", "Entrypoint": ["/webapp"], "WorkingDir": "/"});
        image::write(&archive, WEBAPP, &[program], &config);
        bring(load, &archive);
    }

    /// A command of kubectl.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: &[A]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("kubectl");
        command
            .args(args)
            .env("PATH", format!("{}:{path}", self.plugin.path().display()))
            .env("SPYHOLE_IMAGE", SPYHOLE)
            .env_remove("SPYHOLE_KUBECTL")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn kubectl<A: AsRef<OsStr>>(&self, args: &[A]) -> Output {
        output(&mut self.command(args))
    }

    /// A new namespace that enforces this level of Pod Security, or none.
    pub(crate) fn namespace(&self, level: Option<&str>) -> Namespace<'_> {
        let name = format!("spyhole-test-{}", letters());
        let namespace = Namespace {
            cluster: self,
            name,
        };
        self.kubectl(&["create", "namespace", &namespace.name])
            .ended_with(0);
        namespace.enforce(level);
        namespace
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.version)?;
        write!(f, "{}", self.nodes.join("\n"))
    }
}

/// A namespace, which goes when this is dropped.
pub(crate) struct Namespace<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) name: String,
}

impl Namespace<'_> {
    /// A command of kubectl for this namespace.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut words = vec![args[0], "--namespace", &self.name];
        words.extend(&args[1..]);
        self.cluster.command(&words)
    }

    pub(crate) fn kubectl(&self, args: &[&str]) -> Output {
        output(&mut self.command(args))
    }

    /// `kubectl spyhole POD …`, as it is typed.
    pub(crate) fn spyhole(&self, args: &[&str]) -> Output {
        let mut command = self.cluster.command(&["spyhole"]);
        output(
            command
                .args(args.iter().take(1))
                .args(["--namespace", &self.name])
                .args(&args[1..]),
        )
    }

    /// From now on.
    pub(crate) fn enforce(&self, level: Option<&str>) {
        let Some(level) = level else { return };
        let label = format!("pod-security.kubernetes.io/enforce={level}");
        let words = ["label", "--overwrite", "namespace", &self.name, &label];
        self.cluster.kubectl(&words).ended_with(0);
    }

    /// Creates or changes what these documents say.
    pub(crate) fn try_apply(&self, documents: &[Value]) -> Output {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": documents}).to_string();
        with_stdin(&mut self.command(&["apply", "--filename=-"]), &list)
    }

    pub(crate) fn apply(&self, documents: &[Value]) {
        self.try_apply(documents).ended_with(0);
    }

    /// Starts a pod; the document once it is ready.
    pub(crate) fn start(&self, pod: &Value) -> Value {
        self.apply(std::slice::from_ref(pod));
        let name = pod["metadata"]["name"].as_str().unwrap();
        self.wait_for(&format!("pod/{name}"), "condition=Ready");
        self.get(&format!("pod/{name}"))
    }

    pub(crate) fn wait_for(&self, what: &str, condition: &str) {
        let waited = self.kubectl(&["wait", what, &format!("--for={condition}"), READY]);
        if waited.code != 0 {
            let described = self.kubectl(&["describe", what.split(' ').next().unwrap()]);
            panic!("{what} is not {condition}: {waited}\n{described}");
        }
    }

    pub(crate) fn get(&self, what: &str) -> Value {
        self.kubectl(&["get", what, "--output=json"])
            .ended_with(0)
            .json()
    }

    /// The ephemeral containers of a pod, as they were admitted.
    pub(crate) fn added(&self, pod: &str) -> Vec<Value> {
        let pod = self.get(&format!("pod/{pod}"));
        let added = pod["spec"]["ephemeralContainers"].as_array();
        added.cloned().unwrap_or_default()
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        if std::env::var_os("CLUSTER_KEEP").is_none() {
            self.cluster
                .kubectl(&["delete", "namespace", &self.name, "--wait=false"]);
        }
    }
}

impl Output {
    /// Fails unless it ended so.
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|why| panic!("no JSON: {why}\n{self}"))
    }

    /// Fails unless stderr has these words.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) {
        assert!(self.stderr.contains(words), "{words:?} is not in {self}");
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = |text: &str| text.chars().take(3000).collect::<String>();
        write!(
            f,
            "exit code {}\nstdout: {}\nstderr: {}",
            self.code,
            cut(&self.stdout),
            cut(&self.stderr)
        )
    }
}

/// Runs a command to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    let ended = command
        .output()
        .unwrap_or_else(|why| panic!("{command:?}: {why}"));
    Output {
        code: ended.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
    }
}

/// Runs a command that reads this text.
pub(crate) fn with_stdin(command: &mut Command, text: &str) -> Output {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    output(command.stdin(file))
}

/// A pod of one container `app` of the example, which its user may be anybody of.
pub(crate) fn pod(name: &str, context: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": false,
            "containers": [{
                "name": "app", "image": WEBAPP, "imagePullPolicy": "IfNotPresent",
                "env": [{"name": "KEPT", "value": "yes"}],
                "securityContext": context,
            }],
        },
    })
}

/// Whether the node tells the user of a running container.
pub(crate) fn tells_user(pod: &Value) -> bool {
    pod["status"]["containerStatuses"][0]["user"]["linux"].is_object()
}

/// What restricted asks for, and these fields.
pub(crate) fn restricted(more: &Value) -> Value {
    let mut context = json!({
        "runAsNonRoot": true, "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    });
    let fields = more.as_object().unwrap().clone();
    context.as_object_mut().unwrap().extend(fields);
    context
}

/// A program that was built beside this one.
fn program(name: &str) -> PathBuf {
    let spyhole = PathBuf::from(env!("CARGO_BIN_EXE_spyhole"));
    let program = spyhole.with_file_name(name);
    assert!(
        program.exists(),
        "{} is not built: cargo build",
        program.display()
    );
    program
}

/// A program without what only a debugger reads, where strip(1) is there.
fn stripped(program: &Path, place: &Path) -> Vec<u8> {
    let small = place.join(format!("{}.small", program.file_name().unwrap().display()));
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&small).arg(program);
    let done = strip.output().is_ok_and(|ended| ended.status.success());
    fs::read(if done { &small } else { program }).unwrap()
}

fn bring(load: &str, archive: &Path) {
    let mut sh = Command::new("sh");
    sh.args(["-c", &format!("{load} \"$1\""), "sh"])
        .arg(archive);
    output(&mut sh).ended_with(0);
    fs::remove_file(archive).unwrap();
}

/// Five letters that are not the same each time.
fn letters() -> String {
    let place = TempDir::new().unwrap();
    let name = place
        .path()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    name.to_lowercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .skip(3)
        .take(5)
        .collect()
}
