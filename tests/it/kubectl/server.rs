//! An API server of one pod, with just the routes that the real kubectl asks for: it keeps what
//! it is asked to add, and lets the container that was added start and end.

use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::http::{Request, answer, listen};

/// Runs a container and gives its exit code and its log.
pub(super) type Node = Box<dyn Fn(&Value) -> (i32, String) + Send>;

/// It serves until the tests end.
pub(super) struct ApiServer {
    pub(super) port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    pod: Value,
    level: &'static str,
    /// The document that an addition is refused with.
    refusal: Option<Value>,
    /// What the new container says.
    log: String,
    /// What runs it.
    node: Option<Node>,
    code: i32,
    /// The bodies of the additions.
    patches: Vec<Value>,
    /// How often the pod was read since.
    reads: usize,
}

impl ApiServer {
    pub(super) fn start(pod: &str, level: &'static str) -> Self {
        let state = Arc::new(Mutex::new(State {
            pod: serde_json::from_str(pod).unwrap(),
            level,
            refusal: None,
            log: String::new(),
            node: None,
            code: 0,
            patches: Vec::new(),
            reads: 0,
        }));
        let served = Arc::clone(&state);
        let address = listen(move |stream| {
            let state = Arc::clone(&served);
            thread::spawn(move || answer_on(&stream, &state));
        });
        let port = address.port();
        Self { port, state }
    }

    /// What the container says once it runs.
    pub(super) fn says(&self, log: &str) {
        log.clone_into(&mut self.state.lock().unwrap().log);
    }

    /// Has the container run.
    pub(super) fn runs_on(&self, node: Node) {
        self.state.lock().unwrap().node = Some(node);
    }

    /// Refuses to add anything, with these words.
    pub(super) fn refuses(&self, message: &str) {
        self.state.lock().unwrap().refusal = Some(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": "Forbidden", "code": 403,
            "details": {"name": "web", "kind": "pods"},
        }));
    }

    /// The containers that arrived, in their order.
    pub(super) fn added(&self) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        let all = state.patches.iter();
        all.flat_map(|patch| {
            let list = patch["spec"]["ephemeralContainers"].as_array();
            list.cloned().unwrap_or_default()
        })
        .collect()
    }
}

fn answer_on(stream: &TcpStream, state: &Mutex<State>) {
    let Some(asked) = Request::read(stream) else {
        return;
    };
    let mut state = state.lock().unwrap();
    let (status, kind, body) = route(&asked.method, &asked.path, &asked.body, &mut state);
    drop(state);
    answer(stream, status, kind, &body);
}

const POD: &str = "/api/v1/namespaces/shop/pods/web";

fn route(
    method: &str,
    path: &str,
    body: &[u8],
    state: &mut State,
) -> (&'static str, &'static str, Vec<u8>) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let document = |value: &Value| ("200 OK", JSON, value.to_string().into_bytes());
    match (method, path) {
        ("GET", "/version") => {
            document(&json!({"major": "1", "minor": "33", "gitVersion": "v1.33.0"}))
        }
        ("GET", "/api") => document(&json!({"kind": "APIVersions", "versions": ["v1"]})),
        ("GET", "/apis") => {
            document(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}))
        }
        ("GET", "/api/v1") => document(&resources()),
        ("GET", "/api/v1/namespaces/shop") => document(&json!({
            "kind": "Namespace", "apiVersion": "v1",
            "metadata": {"name": "shop", "labels": {"pod-security.kubernetes.io/enforce": state.level}},
        })),
        ("GET", POD) => {
            state.reads += 1;
            document(&state.now())
        }
        // What `kubectl wait` asks.
        ("GET", "/api/v1/namespaces/shop/pods") if !query.contains("watch=") => {
            state.reads += 1;
            document(&json!({
                "kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"},
                "items": [state.now()],
            }))
        }
        ("PATCH", path) if path == format!("{POD}/ephemeralcontainers") => {
            if let Some(refusal) = &state.refusal {
                return ("403 Forbidden", JSON, refusal.to_string().into_bytes());
            }
            let asked: Value = serde_json::from_slice(body).unwrap();
            if let Some(node) = &state.node {
                (state.code, state.log) = node(&asked["spec"]["ephemeralContainers"][0]);
            }
            state.patches.push(asked);
            state.reads = 0;
            document(&state.now())
        }
        ("GET", path) if path == format!("{POD}/log") => {
            ("200 OK", "text/plain", state.log.clone().into_bytes())
        }
        _ => {
            let name = path.rsplit('/').next().unwrap_or_default();
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
                "reason": "NotFound", "message": format!("pods \"{name}\" not found"),
                "details": {"name": name, "kind": "pods"},
            });
            ("404 Not Found", JSON, status.to_string().into_bytes())
        }
    }
}

const JSON: &str = "application/json";

impl State {
    /// The pod with what was added, which waits, runs and ends as it is read.
    fn now(&self) -> Value {
        let mut pod = self.pod.clone();
        let patches = self.patches.iter();
        let added: Vec<Value> = patches
            .filter_map(|patch| patch["spec"]["ephemeralContainers"].get(0).cloned())
            .collect();
        let state = match self.reads {
            0 | 1 => json!({"waiting": {"reason": "ContainerCreating"}}),
            2 => json!({"running": {"startedAt": "2026-03-01T10:00:00Z"}}),
            _ => json!({"terminated": {"exitCode": self.code, "reason": "Completed"}}),
        };
        let statuses: Vec<Value> = added
            .iter()
            .map(|one| json!({"name": one["name"], "image": one["image"], "state": state}))
            .collect();
        if !added.is_empty() {
            pod["spec"]["ephemeralContainers"] = json!(added);
            pod["status"]["ephemeralContainerStatuses"] = json!(statuses);
        }
        pod
    }
}

fn resources() -> Value {
    let resource = |name: &str, kind: &str, namespaced: bool, verbs: &[&str]| json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": verbs});
    json!({
        "kind": "APIResourceList", "groupVersion": "v1",
        "resources": [
            resource("namespaces", "Namespace", false, &["get", "list"]),
            resource("pods", "Pod", true, &["get", "list", "watch", "patch"]),
            resource("pods/ephemeralcontainers", "Pod", true, &["get", "patch"]),
            resource("pods/log", "Pod", true, &["get"]),
        ],
    })
}
