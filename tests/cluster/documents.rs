//! Documents that are long, and several at once.

use std::thread;

use serde_json::{Value, json};

use crate::Verdict;
use crate::cluster::{Cluster, pod};

/// An environment whose bytes take six in JSON.
pub(crate) fn four_megabytes(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(None);
    let maps = ["first", "second"];
    for map in maps {
        let value = "\u{1}".repeat(96 << 10);
        let keys = (0..4).map(|number| (format!("{}_{number}", map.to_uppercase()), json!(value)));
        let data: serde_json::Map<String, Value> = keys.collect();
        let document = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": map}, "data": data,
        });
        // `apply` would keep the whole of it a second time, as an annotation.
        let text = document.to_string();
        let mut create = namespace.command(&["create", "--filename=-"]);
        crate::cluster::with_stdin(&mut create, &text).ended_with(0);
    }
    let mut long = pod("web", &json!({"runAsUser": 1000, "runAsGroup": 1000}));
    long["spec"]["containers"][0]["envFrom"] =
        json!(maps.map(|map| json!({"configMapRef": {"name": map}})));
    namespace.start(&long);
    let seen = namespace
        .spyhole(&["web", "-o", "json", "--reveal-all", "--", "env"])
        .ended_with(0);
    let document = seen.json();
    let variables = document["environment"][0]["variables"].as_array().unwrap();
    let whole = |one: &&Value| {
        one["value"]
            .as_str()
            .is_some_and(|value| value.len() == 96 << 10)
    };
    assert_eq!(
        variables.iter().filter(whole).count(),
        8,
        "the values are whole"
    );
    let bytes = seen.stdout.len();
    assert!(bytes >= 4 << 20, "{bytes} bytes");
    Verdict::Holds(format!("{bytes} bytes"))
}

/// Four people look into one pod at the same moment.
pub(crate) fn four_at_once(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(None);
    namespace.start(&pod("web", &json!({"runAsUser": 1000, "runAsGroup": 1000})));
    thread::scope(|scope| {
        let looks: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| namespace.spyhole(&["web", "-o", "json", "--", "env"])))
            .collect();
        for look in looks {
            let seen = look.join().unwrap().ended_with(0);
            assert!(seen.stdout.contains("KEPT"), "{seen}");
            seen.json();
        }
    });
    assert_eq!(namespace.added("web").len(), 4);
    crate::holds()
}
