//! The port on which spyhole serves in a pod: the containers of a pod have one network namespace, and
//! the pods with `hostNetwork` that of their node.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pod::{State, at, containers, state};

/// Where spyhole serves by itself.
pub(super) const PORT: u16 = 7794;
/// From here on in the network namespace of a node: above the ports of Kubernetes' own programs
/// (10248 to 10259), and so that the last one is below those of Services (30000).
const ON_NODE: u16 = 20_000;
/// As many are chosen from there.
const ON_NODE_COUNT: u32 = 10_000;
/// The exit code of a `serve` whose port is in use.
const CANNOT_LISTEN: u8 = 2;
/// The flag of `serve`.
const LISTEN: &str = "--listen";

/// A port that nothing uses, as far as the document of the pod tells.
pub(super) fn free(document: &Value) -> u16 {
    let first = if at(document, &["spec", "hostNetwork"]) == true {
        on_node(at(document, &["metadata", "uid"]))
    } else {
        PORT
    };
    let used = used(document);
    let mut ports = first..=u16::MAX;
    ports.find(|port| !used.contains(port)).unwrap_or(first)
}

/// Pods of the same node shall not choose the same one: their ids are random.
fn on_node(uid: &Value) -> u16 {
    let digits = uid.as_str().and_then(|uid| uid.get(..8));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let offset = number.unwrap_or_default() % ON_NODE_COUNT;
    ON_NODE.saturating_add(u16::try_from(offset).unwrap_or_default())
}

/// The words that have `serve` listen there.
pub(super) fn listen(port: u16) -> Option<String> {
    (port != PORT).then(|| format!("{LISTEN}=127.0.0.1:{port}"))
}

/// Whether this word says where to listen.
pub(super) fn is_listen(word: &str) -> bool {
    word.starts_with(LISTEN)
}

/// The port of a `serve` with these arguments; `None` where a forwarded port does not lead to it.
pub(super) fn served(args: &[String]) -> Option<u16> {
    let places = places(args);
    if places.is_empty() {
        return Some(PORT);
    }
    let reached =
        |host: &str| ["0.0.0.0", "[::1]", "[::]"].contains(&host) || host.starts_with("127.");
    let mut addresses = places.iter().filter_map(|place| address(place));
    addresses
        .find(|(host, _)| reached(host))
        .map(|(_, port)| port)
}

/// The parts of `ADDR:PORT`; `None` for a socket in the file system.
fn address(place: &str) -> Option<(&str, u16)> {
    let (host, port) = place.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

/// The values of `--listen`.
fn places(args: &[String]) -> Vec<&str> {
    let mut places = Vec::new();
    let mut words = args.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if word == LISTEN {
            places.extend(words.next());
        } else if let Some(place) = word.strip_prefix(LISTEN) {
            places.extend(place.strip_prefix('='));
        }
    }
    places
}

/// Ports that the containers declare, that their probes ask, and on which a `serve` listens.
fn used(document: &Value) -> BTreeSet<u16> {
    let spec = at(document, &["spec"]);
    let port = |value: &Value| value.as_u64().and_then(|port| u16::try_from(port).ok());
    let mut used = BTreeSet::new();
    for container in containers(spec) {
        let declared = at(container, &["ports"]).as_array().into_iter().flatten();
        used.extend(declared.filter_map(|one| port(at(one, &["containerPort"]))));
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            let kinds = ["httpGet", "tcpSocket", "grpc"];
            used.extend(
                kinds
                    .map(|kind| at(container, &[probe, kind, "port"]))
                    .iter()
                    .filter_map(|value| port(value)),
            );
        }
        used.extend(listening(container));
    }
    let added = at(spec, &["ephemeralContainers"]).as_array();
    for container in added.into_iter().flatten() {
        let name = at(container, &["name"]).as_str().unwrap_or_default();
        // One that its node has not reported yet is about to start, and one that could not listen shows
        // that something else does.
        let is_free =
            |state| matches!(state, State::Terminated { code, .. } if code != CANNOT_LISTEN);
        if !state(document, name).is_some_and(is_free) {
            used.extend(listening(container));
        }
    }
    used
}

/// The ports of a container whose command is `serve`, be it spyhole's or another's.
fn listening(container: &Value) -> Vec<u16> {
    let words = ["command", "args"].map(|key| at(container, &[key]).as_array());
    let words = words.into_iter().flatten().flatten();
    let words: Vec<String> = words
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect();
    if !words.iter().any(|word| word == "serve") {
        return Vec::new();
    }
    let places = places(&words);
    if places.is_empty() {
        return vec![PORT];
    }
    let addresses = places.iter().filter_map(|place| address(place));
    addresses.map(|(_, port)| port).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_port_is_the_first_that_nothing_of_the_pod_uses() {
        let server = json!({"name": "look", "command": ["/spyhole"], "args": ["serve"]});
        let elsewhere = json!({"name": "look", "args": ["serve", "--listen", "0.0.0.0:7795"]});
        let probed = json!({"livenessProbe": {"httpGet": {"port": 7794}}, "readinessProbe": {"grpc": {"port": "web"}}});
        let running = json!([{"name": "look", "state": {"running": {}}}]);
        let ended = json!([{"name": "look", "state": {"terminated": {"exitCode": 0}}}]);
        let refused = json!([{"name": "look", "state": {"terminated": {"exitCode": 2}}}]);
        for (pod, port) in [
            (json!({}), 7794),
            (
                json!({"spec": {"containers": [{"ports": [{"containerPort": 8080}]}]}}),
                7794,
            ),
            (
                json!({"spec": {"containers": [{"ports": [{"containerPort": 7794}, {"containerPort": 7795}]}]}}),
                7796,
            ),
            (json!({"spec": {"containers": [server]}}), 7795),
            (json!({"spec": {"initContainers": [server]}}), 7795),
            (json!({"spec": {"containers": [server, elsewhere]}}), 7796),
            (json!({"spec": {"containers": [elsewhere]}}), 7794),
            (json!({"spec": {"containers": [probed]}}), 7795),
            (json!({"spec": {"ephemeralContainers": [server]}}), 7795),
            (
                json!({"spec": {"ephemeralContainers": [server]}, "status": {"ephemeralContainerStatuses": running}}),
                7795,
            ),
            (
                json!({"spec": {"ephemeralContainers": [server]}, "status": {"ephemeralContainerStatuses": ended}}),
                7794,
            ),
            (
                json!({"spec": {"ephemeralContainers": [server]}, "status": {"ephemeralContainerStatuses": refused}}),
                7795,
            ),
        ] {
            assert_eq!(free(&pod), port, "{pod}");
        }
    }

    #[test]
    fn pods_in_the_network_of_their_node_have_ports_of_their_own() {
        let pod =
            |uid: Value| free(&json!({"metadata": {"uid": uid}, "spec": {"hostNetwork": true}}));
        assert_eq!(pod(json!("00002711-0000-4000-8000-000000000000")), 20_001);
        assert_eq!(pod(json!("00002712-0000-4000-8000-000000000000")), 20_002);
        assert_eq!(pod(json!("ffffffff-0000-4000-8000-000000000000")), 27_295);
        for odd in [json!(null), json!("é"), json!("-1")] {
            assert_eq!(pod(odd), 20_000);
        }
    }

    #[test]
    fn the_port_of_a_server_is_in_its_words() {
        for (line, port) in [
            ("serve --token-stdin", Some(7794)),
            ("serve --listen=127.0.0.1:7795", Some(7795)),
            ("serve --listen 0.0.0.0:1", Some(1)),
            ("serve --listen=unix:/x --listen=127.0.0.1:2", Some(2)),
            ("serve --listen=unix:/x", None),
            ("serve --listen=10.0.0.1:7794", None),
            ("serve --listen", Some(7794)),
        ] {
            assert_eq!(served(&words(line)), port, "{line}");
        }
        assert_eq!(listen(7794), None);
        assert_eq!(listen(7795).as_deref(), Some("--listen=127.0.0.1:7795"));
    }
}
