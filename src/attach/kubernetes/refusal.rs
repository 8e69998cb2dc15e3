//! Each refusal as a sentence with its remedy. What is not known stays in kubectl's own words,
//! and is called that.

use std::fmt::Write as _;
use std::time::Duration;

use super::{AttachError, KubectlOptions};
use crate::attach::plan::quoted;
use crate::model::escape::escaped;
use crate::sys::own_image;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    ReadPod,
    ReadNamespace,
    Add,
    ReadLog,
    Exec,
}

impl Operation {
    fn words(self) -> &'static str {
        match self {
            Self::ReadPod => "cannot read the pod",
            Self::ReadNamespace => "cannot read the namespace",
            Self::Add => "cannot add a container to the pod",
            Self::ReadLog => "cannot read the output of spyhole's container",
            Self::Exec => "cannot run spyhole in its container",
        }
    }
}

/// What kubectl's refusal of a command means.
pub(super) fn of(operation: Operation, command: &[String], stderr: &[u8]) -> AttachError {
    let said = words(stderr);
    let sentence = admission(&said)
        .or_else(|| rights(&said))
        .or_else(|| plain(operation, command, &said))
        .unwrap_or_else(|| format!("{}: {said}", operation.words()));
    AttachError::Target(sentence)
}

/// Why a container that waits will not start; `None` where it may yet.
pub(super) fn waiting(image: &str, reason: &str, message: &str) -> Option<AttachError> {
    let colon = if message.is_empty() { "" } else { ": " };
    let sentence = match reason {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ErrImageNeverPull"
        | "InvalidImageName"
        | "ImageInspectError"
        | "RegistryUnavailable" => {
            let image = escaped(image.as_bytes());
            format!(
                "the node cannot pull the image {image}: {reason}{colon}{message}\n  {}",
                for_image(&image, reason)
            )
        }
        "CreateContainerConfigError" if message.contains("runAsNonRoot") => format!(
            "the node cannot start the image {}: {message}\n  The pod requires runAsNonRoot, and \
             the image has no numeric user: use spyhole's own image (65532), or set one with \
             --run-as UID:GID",
            escaped(image.as_bytes())
        ),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            format!("the node cannot start the container: {reason}{colon}{message}")
        }
        _ => return None,
    };
    Some(AttachError::Target(format!("{sentence}\n  {STAYS}")))
}

/// What helps where a node has no image.
fn for_image(image: &str, reason: &str) -> String {
    if reason == "ErrImageNeverPull" {
        return format!(
            "With pull policy Never the image must already be on the node: load it ({LOAD}), or \
             use --image-pull-policy=IfNotPresent"
        );
    }
    if own_image::is_of_localhost(image) {
        return format!(
            "localhost/ is podman's prefix for images built on the same machine, not a registry: \
             load it onto the node under this name ({LOAD}), or push it to a registry that the \
             node can reach and use that name with --image or SPYHOLE_IMAGE"
        );
    }
    if own_image::is_local(image) {
        return format!(
            "The name has no registry: load the image onto the node ({LOAD}; an image built by \
             podman is named localhost/{image}), or push it to a registry that the node can reach \
             and use that name with --image or SPYHOLE_IMAGE"
        );
    }
    "Registry credentials must be in the pod's imagePullSecrets".to_owned()
}

/// How an image gets onto a node; docs/attach.md has the whole lines.
const LOAD: &str = "kind load docker-image, minikube image load, k3s ctr images import, \
     ctr -n k8s.io images import";

/// A container whose program did not start.
pub(super) fn not_started(image: &str, reason: &str, message: &str) -> AttachError {
    AttachError::Target(format!(
        "the image {} does not start: {reason}: {message}\n  Its entrypoint must be spyhole, \
         built for the node's architecture\n  {STAYS}",
        escaped(image.as_bytes())
    ))
}

/// A container that did not start in its time; `logs` is the command that shows what it says.
pub(super) fn slow(
    options: &KubectlOptions,
    container: &str,
    words: &str,
    logs: &str,
) -> AttachError {
    AttachError::Target(format!(
        "{container} timed out; last known state: {words}\n  It may still finish: {logs} shows \
         its output, --timeout waits longer than {} s",
        options.timeout.as_secs()
    ))
}

/// A container that ended with a code that spyhole has no use for.
pub(super) fn not_spyhole(container: &str, image: &str, code: u8) -> AttachError {
    AttachError::Target(format!(
        "{} ended with exit code {code}, which is not one of spyhole's: is spyhole the entrypoint \
         of \
         the image {}?\n  {STAYS}",
        container,
        escaped(image.as_bytes())
    ))
}

/// A container that goes on after spyhole would have ended.
pub(super) fn no_end(container: &str, image: &str, time: Duration, logs: &str) -> AttachError {
    AttachError::Target(format!(
        "{} is still running after {} s, longer than spyhole takes: is spyhole the entrypoint of \
         the \
         image {}?\n  {logs} shows its output\n  {STAYS}",
        container,
        time.as_secs(),
        escaped(image.as_bytes())
    ))
}

const STAYS: &str = "The container stays listed in the pod; a retry adds another one";

/// The exit code of a program in a container, which kubectl tells on stderr.
pub(super) fn exit_code_beside(stderr: &[u8]) -> Option<u8> {
    let text = String::from_utf8_lossy(stderr);
    let (_, rest) = text.rsplit_once("command terminated with exit code ")?;
    rest.trim().parse().ok()
}

/// Pod Security, and other policies.
fn admission(said: &str) -> Option<String> {
    if let Some((_, rest)) = said.split_once("violates PodSecurity ") {
        let (level, why) = rest.split_once(": ").unwrap_or((rest, ""));
        let level = level.trim_matches(['"', '\\']);
        let word = level.split(':').next().unwrap_or_default();
        return Some(format!(
            "the namespace admits only Pod Security {level}, which the container violates: \
             {why}\n  Use --level {word}; the namespace's label \
             pod-security.kubernetes.io/enforce sets the level"
        ));
    }
    if let Some((_, rest)) = said.split_once("admission webhook ") {
        let (name, why) = rest
            .split_once(" denied the request: ")
            .unwrap_or((rest, ""));
        return Some(format!(
            "an admission policy of the cluster denied the container: {}: {why}\n  --level \
             restricted requests the least privileges; an administrator of the policy can allow \
             spyhole's image",
            name.trim_matches(['"', '\\'])
        ));
    }
    if said.contains("unable to validate against any security context constraint") {
        return Some(format!(
            "OpenShift's security context constraints denied the container: {said}\n  --level \
             restricted requests the least privileges; --run-as UID:GID sets a user of the \
             namespace's range"
        ));
    }
    None
}

/// `User "x" cannot patch resource "pods/ephemeralcontainers" in API group "" in the namespace
/// "y"`.
fn rights(said: &str) -> Option<String> {
    let (before, after) = said.split_once(" cannot ")?;
    let (verb, after) = after.split_once(" resource \"")?;
    let (resource, rest) = after.split_once('"')?;
    let user = before.rsplit_once("User ").map_or("you", |(_, user)| user);
    let place = rest
        .split_once("in the namespace ")
        .map_or("", |(_, name)| name.trim_matches('"'));
    let mut text = format!("{user} is not allowed to {verb} {resource}");
    if !place.is_empty() {
        let _ = write!(text, " in the namespace {place}");
    }
    let _ = write!(
        text,
        "\n  A role with this rule allows it:\n    - apiGroups: [\"\"]\n      resources: \
         [\"{resource}\"]\n      verbs: [\"{verb}\"]\n  \
         kubectl spyhole needs: {NEEDED}"
    );
    Some(text)
}

const NEEDED: &str = "get pods, patch pods/ephemeralcontainers, get pods/log; create pods/exec to \
    reuse spyhole's container, create pods/portforward for --serve";

/// Everything else that has a known meaning.
fn plain(operation: Operation, command: &[String], said: &str) -> Option<String> {
    let has = |words: &str| said.contains(words);
    let sentence = if has("unknown flag: --custom") || has("unknown flag: --profile") {
        "this kubectl is older than 1.31: its debug command has no --custom. Set SPYHOLE_KUBECTL \
         to a newer one"
            .to_owned()
    } else if has("ephemeral containers are disabled")
        || (operation == Operation::Add && has("the server could not find the requested resource"))
    {
        "the cluster does not support ephemeral containers (Kubernetes 1.25 or newer is \
         required). Use a sidecar, or `spyhole install` into a volume"
            .to_owned()
    } else if operation == Operation::ReadPod && has("(NotFound)") {
        let what = if has("namespaces \"") {
            "namespace"
        } else {
            "pod"
        };
        format!(
            "{what} not found: {}\n  {} lists existing ones; --context selects another cluster, \
             --namespace another namespace",
            after_colon(said),
            alike(command, &["get", "pods", "--all-namespaces"], &CLUSTER)
        )
    } else if operation == Operation::Add && has("(NotFound)") {
        format!("the pod no longer exists: {}", after_colon(said))
    } else if has("Unauthorized") || has("must be logged in") {
        "kubectl is not logged in: credentials of the current context are missing or expired"
            .to_owned()
    } else if has("was refused - did you specify the right host or port")
        || has("Unable to connect to the server")
        || has("connection refused")
    {
        format!(
            "kubectl cannot reach the cluster: {said}\n  {} shows the current one; --context and \
             --kubeconfig select another",
            alike(command, &["config", "current-context"], &CONFIGURATION)
        )
    } else if has("context was not found") || (has("does not exist") && has("context")) {
        let line = alike(command, &["config", "get-contexts"], &CONFIGURATION);
        format!("{said}\n  {line} lists existing ones")
    } else if has("static pods do not support ephemeral containers") {
        "the pod is a static pod: Kubernetes cannot add a container to it; inspect it from its node"
            .to_owned()
    } else {
        return None;
    };
    Some(sentence)
}

/// Flags that say which configuration of kubectl counts, and which cluster.
const CONFIGURATION: [&str; 1] = ["--kubeconfig="];
const CLUSTER: [&str; 6] = [
    "--context=",
    "--cluster=",
    "--user=",
    "--kubeconfig=",
    "--as=",
    "--as-group=",
];

/// Another command to paste, for the place that this one was for.
fn alike(command: &[String], words: &[&str], flags: &[&str]) -> String {
    let program = command.first().map_or("kubectl", String::as_str);
    let same = |word: &&str| flags.iter().any(|flag| word.starts_with(flag));
    let given = command.iter().map(String::as_str).filter(same);
    let line = std::iter::once(program)
        .chain(words.iter().copied())
        .chain(given);
    let line: Vec<_> = line.map(quoted).collect();
    escaped(line.join(" ").as_bytes()).into_owned()
}

fn after_colon(said: &str) -> &str {
    said.split_once("): ").map_or(said, |(_, rest)| rest)
}

/// kubectl's words in one line of bounded length, which no terminal obeys.
fn words(stderr: &[u8]) -> String {
    let lines = stderr.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    // The client's own log (`E1124 …  memcache.go:265]`) says the same before, at more length.
    let telling =
        lines.filter(|line| !line.is_empty() && !line.starts_with(b"Warning:") && !is_log(line));
    let mut text = String::new();
    for line in telling {
        if text.len() + line.len() > WORDS {
            text.push_str(" …");
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&escaped(line));
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    if text.is_empty() {
        return "nothing".to_owned();
    }
    text.to_owned()
}

/// How much of kubectl's words is repeated.
const WORDS: usize = 4 << 10;

fn is_log(line: &[u8]) -> bool {
    matches!(line, [b'E' | b'W' | b'I', month, rest @ ..]
        if month.is_ascii_digit() && rest.contains(&b']') && rest.contains(&b':'))
}
