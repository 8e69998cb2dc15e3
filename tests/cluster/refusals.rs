//! Policies of a cluster that deny the container, in the API server's own words.

use serde_json::json;

use crate::cluster::{Cluster, Namespace, pod};
use crate::patience::eventually;
use crate::{Verdict, holds};

/// An object of the cluster, which goes when this is dropped.
struct Object<'a>(&'a Namespace<'a>, String);

impl<'a> Object<'a> {
    fn new(namespace: &'a Namespace<'a>, document: &serde_json::Value) -> Self {
        namespace.apply(std::slice::from_ref(document));
        let kind = document["kind"].as_str().unwrap();
        Self(
            namespace,
            format!("{kind}/{}", document["metadata"]["name"].as_str().unwrap()),
        )
    }
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        self.0.cluster.kubectl(&["delete", &self.1, "--wait=false"]);
    }
}

const API: &str = "admissionregistration.k8s.io/v1";

pub(crate) fn admission_policy(cluster: &Cluster) -> Verdict {
    if cluster.minor < 30 {
        return Verdict::NotJudged(format!("1.{} has no such policies", cluster.minor));
    }
    let namespace = cluster.namespace(None);
    namespace.start(&pod("web", &json!({"runAsUser": 1000, "runAsGroup": 1000})));
    let name = format!("{}.example", namespace.name);
    let rules = json!([{
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"],
        "resources": ["pods/ephemeralcontainers"],
    }]);
    let only_here = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace.name}});
    let _policy = Object::new(
        &namespace,
        &json!({
            "apiVersion": API, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": rules, "namespaceSelector": only_here},
                "validations": [{
                    "expression": "false", "message": "ephemeral containers are not permitted here",
                }],
            },
        }),
    );
    let _binding = Object::new(
        &namespace,
        &json!({
            "apiVersion": API, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        }),
    );
    assert_denied(
        &namespace,
        &format!("denied the container: {name}: ephemeral containers are not permitted here\n"),
    );
    holds()
}

pub(crate) fn failing_webhook(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(None);
    namespace.start(&pod("web", &json!({"runAsUser": 1000, "runAsGroup": 1000})));
    let name = format!("webhook.{}.example", namespace.name);
    let _webhook = Object::new(
        &namespace,
        &json!({
            "apiVersion": API, "kind": "ValidatingWebhookConfiguration", "metadata": {"name": name},
            "webhooks": [{
                "name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "failurePolicy": "Fail", "timeoutSeconds": 2,
                "clientConfig": {"url": "https://127.0.0.1:1/"},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}},
                "rules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"],
                    "resources": ["pods/ephemeralcontainers"],
                }],
            }],
        }),
    );
    assert_denied(
        &namespace,
        &format!("its admission webhook {name} failed: "),
    );
    holds()
}

/// The API server learns of a policy a moment after it was made.
fn assert_denied(namespace: &Namespace<'_>, words: &str) {
    eventually("the policy counts", || {
        let refused = namespace.spyhole(&["web", "-q", "--", "ps"]);
        let denied = refused.code == 3 && refused.stderr.contains(words);
        // What says other words will not change.
        assert!(denied || refused.code == 0, "{words:?} is not in {refused}");
        denied.then_some(()).ok_or(refused.to_string())
    });
}
