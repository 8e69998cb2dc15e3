//! Which Pod Security level the namespace of a pod admits.

use serde_json::Value;

use super::AttachError;
use super::kubectl::Kubectl;
use super::pod::{Target, at, capabilities, containers};
use crate::model::escape::escaped;
use crate::model::pod_security::BASELINE_CAPABILITIES;
use crate::model::pod_security::PodSecurityLevel::{self, Baseline, Privileged, Restricted};

/// The level that will be admitted, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Admission {
    pub(super) level: PodSecurityLevel,
    pub(super) because: String,
}

const LABEL: &str = "pod-security.kubernetes.io/enforce";

/// Reads the namespace's label, unless the user knows better.
///
/// # Errors
/// Where kubectl does not run. A namespace that may not be read counts as unlabelled.
pub(super) fn of(
    kubectl: &Kubectl,
    target: &Target,
    given: Option<PodSecurityLevel>,
) -> Result<Admission, AttachError> {
    if let Some(level) = given {
        return Ok(Admission {
            level,
            because: format!(
                "assuming {} for the namespace, as given by --level",
                level.as_str()
            ),
        });
    }
    match kubectl.namespace(&target.namespace) {
        Ok(namespace) => Ok(labelled(&namespace)),
        Err(AttachError::Target(_) | AttachError::Kubectl(_)) => Ok(shown_by(&target.document)),
        Err(other) => Err(other),
    }
}

/// What the label says.
pub(super) fn labelled(namespace: &Value) -> Admission {
    let label = at(namespace, &["metadata", "labels", LABEL]).as_str();
    let known = label.and_then(PodSecurityLevel::of_label);
    let (level, because) = match (label, known) {
        (_, Some(level)) => (
            level,
            format!("the namespace admits Pod Security {}", level.as_str()),
        ),
        (Some(other), None) => (
            Restricted,
            format!(
                "the namespace's level {} is unknown: assuming restricted",
                escaped(other.as_bytes())
            ),
        ),
        (None, None) => (
            Privileged,
            "the namespace has no Pod Security label: everything is admitted, unless the cluster \
             has a default"
                .to_owned(),
        ),
    };
    Admission { level, because }
}

/// Where the namespace may not be read: the pod was admitted, and so is what is no looser.
pub(super) fn shown_by(pod: &Value) -> Admission {
    let (level, because) = if beyond_baseline(pod) {
        (
            Privileged,
            "the pod itself is privileged, so the namespace admits privileged",
        )
    } else if beyond_restricted(pod) {
        (
            Baseline,
            "the pod itself is not restricted, so the namespace admits baseline",
        )
    } else {
        (Restricted, "using settings that every level admits")
    };
    Admission {
        level,
        because: format!("no permission to read the namespace's Pod Security level; {because}"),
    }
}

/// The capabilities among these that baseline does not let be added.
pub(super) fn beyond(added: &[String]) -> Vec<&str> {
    let names = added.iter().map(String::as_str);
    names
        .filter(|name| !BASELINE_CAPABILITIES.contains(name))
        .collect()
}

fn beyond_baseline(pod: &Value) -> bool {
    let spec = at(pod, &["spec"]);
    let host = ["hostPID", "hostIPC", "hostNetwork"];
    let volumes = at(spec, &["volumes"]).as_array().into_iter().flatten();
    host.iter().any(|key| at(spec, &[*key]) == true)
        || volumes
            .into_iter()
            .any(|volume| at(volume, &["hostPath"]).is_object())
        || containers(spec).iter().any(|container| {
            let context = at(container, &["securityContext"]);
            at(context, &["privileged"]) == true
                || !beyond(&capabilities(at(context, &["capabilities", "add"]))).is_empty()
        })
}

fn beyond_restricted(pod: &Value) -> bool {
    let spec = at(pod, &["spec"]);
    let pods = at(spec, &["securityContext"]);
    containers(spec).iter().any(|container| {
        let own = at(container, &["securityContext"]);
        let either = |key: &str| {
            if at(own, &[key]).is_null() {
                at(pods, &[key])
            } else {
                at(own, &[key])
            }
        };
        let dropped = capabilities(at(own, &["capabilities", "drop"]));
        either("runAsNonRoot") != true
            || either("runAsUser") == 0
            || at(either("seccompProfile"), &["type"]).as_str().is_none()
            || at(own, &["allowPrivilegeEscalation"]) != false
            || !dropped.iter().any(|name| name == "ALL")
    })
}
