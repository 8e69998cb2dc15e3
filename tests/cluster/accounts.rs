//! Accounts with more and less than the plugin needs, by the cluster's own RBAC.

use serde_json::{Value, json};

use crate::cluster::{Cluster, Namespace, Output, pod, restricted};
use crate::manifests::built_with;
use crate::{Verdict, holds};

pub(crate) fn five_roles(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(Some("restricted"));
    namespace.start(&pod(
        "web",
        &restricted(&json!({"runAsUser": 1000, "runAsGroup": 1000})),
    ));
    let [attach, view] = roles();

    let documented = Account::new(&namespace, "attach", &attach);
    let seen = documented
        .spyhole(&["web", "-o", "json", "--", "env"])
        .ended_with(0);
    seen.says("the namespace admits Pod Security restricted");
    assert!(seen.stdout.contains("KEPT"), "{seen}");
    let container = namespace.added("web")[0]["name"]
        .as_str()
        .unwrap()
        .to_owned();

    let reader = Account::new(&namespace, "view", &view);
    let log = reader
        .kubectl(&["logs", "web", "--container", &container])
        .ended_with(0);
    assert_eq!(log.stdout, seen.stdout);
    let refused = reader.spyhole(&["web", "--", "ps"]).ended_with(3);
    refused.says("is not allowed to patch pods/ephemeralcontainers in the namespace");
    refused.says("verbs: [\"patch\"]");

    let nobody = Account::new(&namespace, "nobody", &json!([]));
    let refused = nobody.spyhole(&["web", "--", "ps"]).ended_with(3);
    refused.says("is not allowed to get pods in the namespace");

    // The level is then that which the pod itself does not contradict.
    let no_namespaces = without(&attach, "namespaces");
    let blind = Account::new(&namespace, "blind", &no_namespaces);
    let seen = blind
        .spyhole(&["web", "-o", "json", "--", "env"])
        .ended_with(0);
    seen.says("no permission to read the namespace's Pod Security level");
    assert!(seen.stdout.contains("KEPT"), "{seen}");

    let no_log = without(&attach, "pods/log");
    let deaf = Account::new(&namespace, "deaf", &no_log);
    let refused = deaf.spyhole(&["web", "--", "ps"]).ended_with(3);
    refused.says("is not allowed to get pods/log in the namespace");

    let file = documented.spyhole(&["web", "cat", "/etc/hostname"]);
    assert_eq!(file.ended_with(0).stdout, "web\n");
    let no_exec = without(&attach, "pods/exec");
    let no_exec = Account::new(&namespace, "no-exec", &no_exec);
    let refused = no_exec
        .spyhole(&["web", "cat", "/etc/hostname"])
        .ended_with(3);
    refused.says("is not allowed to create pods/exec in the namespace");
    refused.says("The ClusterRole spyhole-attach of manifests/rbac allows all of it");

    let no_port = without(&attach, "pods/portforward");
    let no_port = Account::new(&namespace, "no-port", &no_port);
    let refused = no_port.spyhole(&["web", "--serve"]);
    assert_ne!(refused.code, 0, "{refused}");
    refused.says("pods/portforward");
    refused.says("still serves in the pod");
    holds()
}

/// The rules of the two roles in manifests/rbac.
fn roles() -> [Value; 2] {
    let built = built_with("rbac", "");
    ["spyhole-attach", "spyhole-view"].map(|name| {
        let role = built.iter().find(|one| one["metadata"]["name"] == name);
        role.unwrap()["rules"].clone()
    })
}

fn without(rules: &Value, resource: &str) -> Value {
    let mut rules = rules.clone();
    for rule in rules.as_array_mut().unwrap() {
        rule["resources"]
            .as_array_mut()
            .unwrap()
            .retain(|one| one != resource);
    }
    rules
        .as_array_mut()
        .unwrap()
        .retain(|rule| rule["resources"] != json!([]));
    rules
}

/// A service account of the namespace with a role of its own.
struct Account<'a> {
    namespace: &'a Namespace<'a>,
    impersonated: String,
}

impl<'a> Account<'a> {
    fn new(namespace: &'a Namespace<'a>, name: &str, rules: &Value) -> Self {
        const API: &str = "rbac.authorization.k8s.io";
        namespace.apply(&[
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}),
            json!({
                "apiVersion": format!("{API}/v1"), "kind": "Role",
                "metadata": {"name": name}, "rules": rules,
            }),
            json!({
                "apiVersion": format!("{API}/v1"), "kind": "RoleBinding", "metadata": {"name": name},
                "roleRef": {"apiGroup": API, "kind": "Role", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace.name}],
            }),
        ]);
        let impersonated = format!("--as=system:serviceaccount:{}:{name}", namespace.name);
        Self {
            namespace,
            impersonated,
        }
    }

    fn spyhole(&self, args: &[&str]) -> Output {
        let words = [&args[..1], &[&self.impersonated], &args[1..]].concat();
        self.namespace.spyhole(&words)
    }

    fn kubectl(&self, args: &[&str]) -> Output {
        let words = [&args[..1], &[&self.impersonated], &args[1..]].concat();
        self.namespace.kubectl(&words)
    }
}
