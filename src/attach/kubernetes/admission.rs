//! Which Pod Security level the namespace of a pod admits.

use serde_json::Value;

use super::AttachError;
use super::kubectl::Kubectl;
use super::pod::{Target, at};
use super::pod_security::{Violation, fits, shown, violations};
use super::refusal::KubectlRefusal;
use crate::attach::plan::quoted;
use crate::model::escape::escaped;
use crate::model::pod_security::PodSecurityLevel::{self, Baseline, Privileged, Restricted};
use crate::rights::pod_security::{BASELINE_CAPABILITIES, NEWEST_MINOR, USER_NAMESPACE_MINOR};

/// The level that will be admitted, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Admission {
    pub(super) level: PodSecurityLevel,
    pub(super) because: String,
    /// The minor version of Kubernetes whose rules count.
    pub(super) minor: u32,
    /// What of the pod itself breaks the level. It was admitted all the same: before the namespace
    /// had the level, or by an exemption.
    pub(super) broken: Vec<Violation>,
}

const LABEL: &str = "pod-security.kubernetes.io/enforce";
const VERSION_LABEL: &str = "pod-security.kubernetes.io/enforce-version";
/// The oldest version of Kubernetes whose rules are told from newer ones.
const OLDEST_MINOR: u32 = 29;

/// Reads the namespace's label, unless the user knows better.
///
/// # Errors
/// Where kubectl does not run. A namespace that may not be read counts as unlabelled.
pub(super) fn of(
    kubectl: &Kubectl,
    target: &Target,
    given: Option<PodSecurityLevel>,
) -> Result<Admission, AttachError> {
    let (mut admission, enforced) = match given {
        Some(level) => {
            let word = level.as_str();
            let because = format!("assuming {word} for the namespace, as given by --level");
            (Admission::new(level, because), None)
        }
        None => match kubectl.namespace(&target.namespace) {
            Ok(namespace) => (labelled(&namespace), enforced_minor(&namespace)),
            Err(AttachError::Target(_) | AttachError::Kubectl(_)) => {
                (shown_by(&target.document), None)
            }
            Err(other) => return Err(other),
        },
    };
    admission.judge_pod(&target.document, enforced, || kubectl.server_minor());
    Ok(admission)
}

impl Admission {
    pub(super) fn new(level: PodSecurityLevel, because: String) -> Self {
        Self {
            level,
            because,
            minor: NEWEST_MINOR,
            broken: Vec::new(),
        }
    }

    /// Judges the pod, by the version that the namespace names, else by that of the server, which is
    /// asked only where versions differ.
    fn judge_pod(
        &mut self,
        pod: &Value,
        enforced: Option<u32>,
        server_minor: impl FnOnce() -> Option<u32>,
    ) {
        let by = |minor| violations(pod, self.level, minor);
        let differs = by(OLDEST_MINOR) != by(NEWEST_MINOR);
        let users = at(pod, &["spec", "hostUsers"]) == false;
        self.minor = match enforced {
            Some(minor) => minor,
            None if differs || users => server_minor().unwrap_or(OLDEST_MINOR),
            None => NEWEST_MINOR,
        };
        self.broken = violations(pod, self.level, self.minor);
    }

    /// A refusal by Pod Security, with what of the pod itself breaks the level.
    pub(super) fn explain(&self, error: AttachError, target: &Target) -> AttachError {
        let AttachError::Kubectl(mut refusal) = error else {
            return error;
        };
        if let KubectlRefusal::PodSecurity {
            level, pod, node, ..
        } = &mut refusal
            && let Some(level) = level.split(':').next().and_then(PodSecurityLevel::of_label)
        {
            *pod = shown(&violations(&target.document, level, self.minor));
            if let Some(name) = at(&target.document, &["spec", "nodeName"]).as_str() {
                *node = quoted(&escaped(name.as_bytes()));
            }
        }
        refusal.into()
    }

    /// Whether restricted lets a container of this pod run as root.
    pub(super) fn lets_root(&self, target: &Target) -> bool {
        target.own_user_namespace && self.minor >= USER_NAMESPACE_MINOR
    }
}

/// The version of the rules that a namespace names; `None` for that of the server.
fn enforced_minor(namespace: &Value) -> Option<u32> {
    let version = at(namespace, &["metadata", "labels", VERSION_LABEL]).as_str()?;
    version.strip_prefix("v1.")?.parse().ok()
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
    Admission::new(level, because)
}

/// Where the namespace may not be read: the pod was admitted, and so is what is no looser.
pub(super) fn shown_by(pod: &Value) -> Admission {
    // The tighter one where versions differ: what fits it is admitted in any case.
    let level = fits(pod, OLDEST_MINOR).max(fits(pod, NEWEST_MINOR));
    let because = match level {
        Privileged => "the pod itself does not fit baseline, so the namespace admits privileged",
        Baseline => "the pod itself is not restricted, so the namespace admits baseline",
        Restricted => "using settings that every level admits",
    };
    let because = format!("no permission to read the namespace's Pod Security level; {because}");
    Admission::new(level, because)
}

/// The capabilities among these that baseline does not let be added.
pub(super) fn beyond(added: &[String]) -> Vec<&str> {
    let names = added.iter().map(String::as_str);
    names
        .filter(|name| !BASELINE_CAPABILITIES.contains(name))
        .collect()
}
