//! The sentence of each refusal, with its remedy.

use std::fmt;

use super::refusal::{KubectlRefusal, Operation};
use crate::attach::plan::quoted;
use crate::own_image::ImageName;
use crate::sys::own_image;

impl Operation {
    fn words(self) -> &'static str {
        match self {
            Self::ReadPod => "cannot read the pod",
            Self::ReadNamespace => "cannot read the namespace",
            Self::Add => "cannot add a container to the pod",
            Self::ReadLog => "cannot read the output of spyhole's container",
            Self::Exec => "cannot run spyhole in its container",
            Self::Attach => "cannot write the token to spyhole's container",
        }
    }
}

impl std::error::Error for KubectlRefusal {}

impl fmt::Display for KubectlRefusal {
    #[expect(clippy::too_many_lines, reason = "a table: one arm for each refusal")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PodSecurity {
                level, pod, node, ..
            } if !pod.is_empty() => write!(
                f,
                "the namespace admits only Pod Security {level}, and the pod itself violates it: \
                 {}\n  No container can be added to such a pod, and a copy of it is refused too. \
                 Inspect it from its node (kubectl debug node/{node} --profile=sysadmin), or change \
                 the namespace's label pod-security.kubernetes.io/enforce",
                pod.join("; ")
            ),
            Self::PodSecurity { level, why, .. } => {
                let word = level.split(':').next().unwrap_or_default();
                write!(
                    f,
                    "the namespace admits only Pod Security {level}, which the container violates: \
                     {why}\n  Use --level {word}; the namespace's label \
                     pod-security.kubernetes.io/enforce sets the level"
                )
            }
            Self::AdmissionPolicy { name, why } => {
                let why = if why.is_empty() {
                    "no reason given"
                } else {
                    why
                };
                write!(
                    f,
                    "an admission policy of the cluster denied the container: {name}: {why}\n  \
                     --level restricted requests the least privileges, --image takes spyhole from \
                     another registry; an administrator of the policy can exempt the container"
                )
            }
            Self::WebhookFailed { name, why } => write!(
                f,
                "the cluster denies every change because its admission webhook {name} failed: \
                 {why}\n  Retry later, or ask an administrator of the webhook"
            ),
            Self::SecurityContextConstraints { said, uids } => {
                write!(
                    f,
                    "OpenShift's security context constraints denied the container: {said}\n  "
                )?;
                match uids {
                    Some((first, last)) => write!(
                        f,
                        "The namespace's user ids are {first} to {last}: --run-as {first}:0 uses \
                         the first, which is the one that its pods get by default; another user \
                         needs the constraint nonroot-v2 or anyuid"
                    ),
                    None => f.write_str(
                        "--level restricted requests the least privileges; an administrator can \
                         grant another constraint (oc adm policy add-scc-to-user)",
                    ),
                }
            }
            Self::Forbidden {
                user,
                verb,
                resource,
                namespace,
            } => {
                let user = user.as_deref().unwrap_or("you");
                write!(f, "{user} is not allowed to {verb} {resource}")?;
                if let Some(namespace) = namespace {
                    write!(f, " in the namespace {namespace}")?;
                }
                write!(
                    f,
                    "\n  A role with this rule allows it:\n    - apiGroups: [\"\"]\n      resources: \
                     [\"{resource}\"]\n      verbs: [\"{verb}\"]\n  \
                     kubectl spyhole needs: {NEEDED}\n  \
                     The ClusterRole spyhole-attach of manifests/rbac allows all of it"
                )
            }
            Self::KubectlTooOld => f.write_str(
                "this kubectl is older than 1.31: its debug command has no --custom. Set \
                 SPYHOLE_KUBECTL to a newer one",
            ),
            Self::NoEphemeralContainers => f.write_str(
                "the cluster does not support ephemeral containers (Kubernetes 1.25 or newer is \
                 required). Use a sidecar, or `spyhole install` into a volume",
            ),
            Self::NoNamespace { said, line } => {
                write!(f, "namespace not found: {said}\n  {line} {OTHERS}")
            }
            Self::NoPod { said, line } => write!(f, "pod not found: {said}\n  {line} {OTHERS}"),
            Self::PodGone { said } => write!(f, "the pod no longer exists: {said}"),
            Self::NotLoggedIn => f.write_str(
                "kubectl is not logged in: credentials of the current context are missing or \
                 expired",
            ),
            Self::ClusterUnreachable { said, line } => write!(
                f,
                "kubectl cannot reach the cluster: {said}\n  {line} shows the current one; \
                 --context and --kubeconfig select another"
            ),
            Self::NoContext { said, line } => write!(f, "{said}\n  {line} lists existing ones"),
            Self::StaticPod => f.write_str(
                "the pod is a static pod: Kubernetes cannot add a container to it; inspect it from \
                 its node",
            ),
            Self::Other { operation, said } => write!(f, "{}: {said}", operation.words()),
            Self::ImagePull {
                image,
                reason,
                message,
            } => write!(
                f,
                "the node cannot pull the image {image}: {}\n  {}\n  {STAYS}",
                with_reason(reason, message),
                for_image(image, reason)
            ),
            Self::NoNumericUser { image, message } => write!(
                f,
                "the node cannot start the image {image}: {message}\n  The pod requires \
                 runAsNonRoot, and the image has no numeric user: use spyhole's own image (65532), \
                 or set one with --run-as UID:GID\n  {STAYS}"
            ),
            Self::CannotStart { reason, message } => write!(
                f,
                "the node cannot start the container: {}\n  {STAYS}",
                with_reason(reason, message)
            ),
            Self::EntrypointFailed {
                image,
                reason,
                message,
            } => write!(
                f,
                "the image {image} does not start: {reason}: {message}\n  Its entrypoint must be \
                 spyhole, built for the node's architecture\n  {STAYS}"
            ),
            Self::Slow {
                container,
                state,
                timeout,
                line,
            } => write!(
                f,
                "{container} timed out; last known state: {state}\n  It may still finish: {line} \
                 shows its output, --timeout waits longer than {} s",
                timeout.as_secs()
            ),
            Self::NotSpyhole {
                container,
                image,
                code,
            } => write!(
                f,
                "{container} ended with exit code {code}, which is not one of spyhole's: is \
                 spyhole the entrypoint of the image {image}?\n  {STAYS}"
            ),
            Self::NoEnd {
                container,
                image,
                after,
                line,
            } => write!(
                f,
                "{container} is still running after {} s, longer than spyhole takes: is spyhole \
                 the entrypoint of the image {image}?\n  {line} shows its output\n  {STAYS}",
                after.as_secs()
            ),
        }
    }
}

const OTHERS: &str = "lists existing ones; --context selects another cluster, --namespace another \
    namespace";

const STAYS: &str = "The container stays listed in the pod; a retry adds another one";

const NEEDED: &str = "get pods, patch pods/ephemeralcontainers, get pods/log; create pods/exec for \
    cat, cp and other commands on files and to reuse spyhole's container, create pods/attach and \
    pods/portforward for --serve";

fn with_reason(reason: &str, message: &str) -> String {
    if message.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason}: {message}")
    }
}

/// What helps where a node has no image: the lines that bring it there.
fn for_image(image: &str, reason: &str) -> String {
    let load = lines_to_load(image);
    if reason == "ErrImageNeverPull" {
        return format!(
            "With pull policy Never the image must already be on the node: load it there, or use \
             --image-pull-policy=IfNotPresent{load}"
        );
    }
    let push = "spyhole image push REGISTRY/spyhole    to a registry that the node can reach; \
                use that name with --image or SPYHOLE_IMAGE";
    if own_image::is_of_localhost(image) {
        return format!(
            "localhost/ is podman's prefix for images built on the same machine, not a registry: \
             load spyhole's image onto the node under this name, or push it to a \
             registry{load}\n    {push}"
        );
    }
    if own_image::is_local(image) {
        return format!(
            "The name has no registry: load spyhole's image onto the node, or push it to a \
             registry{load}\n    {push}"
        );
    }
    let credentials = "Registry credentials must be in the pod's imagePullSecrets";
    if ImageName::parse(image).is_err() {
        return credentials.to_owned();
    }
    format!(
        "{credentials}; if the registry does not have the image:\n    spyhole image push {}",
        quoted(image)
    )
}

/// A line for each kind of cluster; only the person knows which one it is.
fn lines_to_load(image: &str) -> String {
    let name = if image == own_image::name() {
        String::new()
    } else {
        format!(" --tag {}", quoted(image))
    };
    let places = [
        ("kind", ""),
        ("minikube", ""),
        ("k3s", "    on each node"),
        ("containerd", "    on each node with another containerd"),
    ];
    let line = |(place, note)| format!("\n    spyhole image load {place}{name}{note}");
    places.map(line).concat()
}
