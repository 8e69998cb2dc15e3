//! What kubectl and the cluster refuse, with its evidence; `words` makes the sentences. What is not
//! known stays in kubectl's own words.

use std::time::Duration;

use super::{AttachError, KubectlOptions};
use crate::attach::plan::quoted;
use crate::model::escape::escaped;

/// Why spyhole does not run beside a container of a pod. Texts are harmless to a terminal; `said`
/// is what kubectl said, `line` a command to paste.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KubectlRefusal {
    /// The namespace admits this Pod Security level only, with its version; `pod` is what of the
    /// pod itself breaks it, and `node` where it runs.
    PodSecurity {
        level: String,
        why: String,
        pod: Vec<String>,
        node: String,
    },
    /// An admission webhook, or a `ValidatingAdmissionPolicy`, denied the container.
    AdmissionPolicy { name: String, why: String },
    /// An admission webhook failed, and the cluster denies what it cannot judge.
    WebhookFailed { name: String, why: String },
    /// `OpenShift`'s security context constraints did.
    SecurityContextConstraints {
        /// Without the constraints that the user may not use.
        said: String,
        /// The user ids that the namespace allows, the last one included.
        uids: Option<(u32, u32)>,
    },
    /// RBAC denies the user a verb on a resource.
    Forbidden {
        user: Option<String>,
        verb: String,
        resource: String,
        namespace: Option<String>,
    },
    /// This kubectl has no `debug --custom`.
    KubectlTooOld,
    /// The cluster has no ephemeral containers.
    NoEphemeralContainers,
    /// There is no such namespace.
    NoNamespace { said: String, line: String },
    /// There is no such pod.
    NoPod { said: String, line: String },
    /// The pod was there a moment ago.
    PodGone { said: String },
    /// The credentials of the context are missing or expired.
    NotLoggedIn,
    /// The API server does not answer.
    ClusterUnreachable { said: String, line: String },
    /// The configuration has no such context.
    NoContext { said: String, line: String },
    /// A static pod takes no ephemeral container.
    StaticPod,
    /// Anything else.
    Other { operation: Operation, said: String },
    /// The node cannot pull the image.
    ImagePull {
        image: String,
        reason: String,
        message: String,
    },
    /// The pod has runAsNonRoot, and the image names its user.
    NoNumericUser { image: String, message: String },
    /// The node cannot start the container.
    CannotStart { reason: String, message: String },
    /// The program of the image does not start.
    EntrypointFailed {
        image: String,
        reason: String,
        message: String,
    },
    /// The container did not start in time.
    Slow {
        container: String,
        state: String,
        timeout: Duration,
        line: String,
    },
    /// The container ended with a code that spyhole does not have.
    NotSpyhole {
        container: String,
        image: String,
        code: u8,
    },
    /// The container goes on after spyhole would have ended.
    NoEnd {
        container: String,
        image: String,
        after: Duration,
        line: String,
    },
}

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    ReadPod,
    ReadNamespace,
    Add,
    ReadLog,
    Exec,
    Attach,
}

/// What kubectl's refusal of a command means.
pub(super) fn of(operation: Operation, command: &[String], stderr: &[u8]) -> AttachError {
    let said = words(stderr);
    let known = admission(&said)
        .or_else(|| rights(&said))
        .or_else(|| plain(operation, command, &said));
    known
        .unwrap_or(KubectlRefusal::Other { operation, said })
        .into()
}

/// Why a container that waits will not start; `None` where it may yet.
pub(super) fn waiting(image: &str, reason: &str, message: &str) -> Option<AttachError> {
    let (image, message) = (escaped(image.as_bytes()).into_owned(), message.to_owned());
    let refusal = match reason {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ErrImageNeverPull"
        | "InvalidImageName"
        | "ImageInspectError"
        | "RegistryUnavailable" => KubectlRefusal::ImagePull {
            image,
            reason: reason.to_owned(),
            message,
        },
        "CreateContainerConfigError" if message.contains("runAsNonRoot") => {
            KubectlRefusal::NoNumericUser { image, message }
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            KubectlRefusal::CannotStart {
                reason: reason.to_owned(),
                message,
            }
        }
        _ => return None,
    };
    Some(refusal.into())
}

/// A container whose program did not start.
pub(super) fn not_started(image: &str, reason: &str, message: &str) -> AttachError {
    KubectlRefusal::EntrypointFailed {
        image: escaped(image.as_bytes()).into_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
    .into()
}

/// A container that did not start in its time; `logs` is the command that shows what it says.
pub(super) fn slow(
    options: &KubectlOptions,
    container: &str,
    words: &str,
    logs: &str,
) -> AttachError {
    KubectlRefusal::Slow {
        container: container.to_owned(),
        state: words.to_owned(),
        timeout: options.timeout,
        line: logs.to_owned(),
    }
    .into()
}

/// A container that ended with a code that spyhole has no use for.
pub(super) fn not_spyhole(container: &str, image: &str, code: u8) -> AttachError {
    KubectlRefusal::NotSpyhole {
        container: container.to_owned(),
        image: escaped(image.as_bytes()).into_owned(),
        code,
    }
    .into()
}

/// A container that goes on after spyhole would have ended.
pub(super) fn no_end(container: &str, image: &str, time: Duration, logs: &str) -> AttachError {
    KubectlRefusal::NoEnd {
        container: container.to_owned(),
        image: escaped(image.as_bytes()).into_owned(),
        after: time,
        line: logs.to_owned(),
    }
    .into()
}

/// The exit code of a program in a container, which kubectl tells on stderr.
pub(super) fn exit_code_beside(stderr: &[u8]) -> Option<u8> {
    let text = String::from_utf8_lossy(stderr);
    let (_, rest) = text.rsplit_once("command terminated with exit code ")?;
    rest.trim().parse().ok()
}

/// Pod Security, and other policies.
fn admission(said: &str) -> Option<KubectlRefusal> {
    if let Some((_, rest)) = said.split_once("violates PodSecurity ") {
        let (level, why) = rest.split_once(": ").unwrap_or((rest, ""));
        return Some(KubectlRefusal::PodSecurity {
            level: level.trim_matches(['"', '\\']).to_owned(),
            why: why.to_owned(),
            pod: Vec::new(),
            node: "NODE".to_owned(),
        });
    }
    if let Some((_, rest)) = said.split_once("failed calling webhook ") {
        let (name, why) = quoted_name(rest)?;
        let why = why.trim_start_matches([':', ' ']);
        // Where the API server asked is the administrator's concern.
        let asked = why
            .split_once("failed to call webhook: Post \"")
            .and_then(|(_, rest)| rest.split_once("\": "));
        return Some(KubectlRefusal::WebhookFailed {
            name: name.to_owned(),
            why: asked.map_or(why, |(_, why)| why).to_owned(),
        });
    }
    if let Some((_, rest)) = said.split_once("admission webhook ") {
        let (name, why) = quoted_name(rest)?;
        let why = why
            .strip_prefix(" denied the request: ")
            .unwrap_or_default();
        return Some(KubectlRefusal::AdmissionPolicy {
            name: name.to_owned(),
            why: why.to_owned(),
        });
    }
    if let Some((_, rest)) = said.split_once("ValidatingAdmissionPolicy ") {
        let (name, rest) = quoted_name(rest)?;
        let why = rest.split_once("denied request: ").map(|(_, why)| why);
        return Some(KubectlRefusal::AdmissionPolicy {
            name: name.to_owned(),
            why: why.unwrap_or_default().to_owned(),
        });
    }
    let (_, constraints) =
        said.split_once("unable to validate against any security context constraint: ")?;
    Some(KubectlRefusal::SecurityContextConstraints {
        said: usable_constraints(constraints),
        uids: allowed_uids(constraints),
    })
}

/// The name in quotes that begins this text, and the text behind it.
fn quoted_name(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches('\\');
    let quote = text
        .chars()
        .next()
        .filter(|first| ['"', '\''].contains(first))?;
    let (name, rest) = text.get(1..)?.split_once(quote)?;
    Some((name.trim_end_matches('\\'), rest))
}

/// What `OpenShift` says of the constraints that the user may use; most of its list are others.
fn usable_constraints(list: &str) -> String {
    const UNUSABLE: &str = "Forbidden: not usable by user or serviceaccount";
    let mut text = list
        .strip_prefix("[")
        .and_then(|list| list.strip_suffix("]"))
        .unwrap_or(list)
        .to_owned();
    while let Some(at) = text.find(UNUSABLE) {
        let begin = text
            .get(..at)
            .and_then(|before| before.rfind("provider \""));
        text.replace_range(begin.unwrap_or(at)..at + UNUSABLE.len(), "");
    }
    let telling = text.split(", ").filter(|part| !part.trim().is_empty());
    let telling = telling.collect::<Vec<_>>().join(", ");
    if telling.is_empty() {
        return "no constraint is usable by you".to_owned();
    }
    telling
}

/// The user ids of `Invalid value: 65532: must be in the ranges: [1000640000, 1000649999]`.
fn allowed_uids(constraints: &str) -> Option<(u32, u32)> {
    let (_, rest) = constraints.split_once("must be in the ranges: [")?;
    let (range, _) = rest.split_once(']')?;
    let (first, last) = range.split_once(", ")?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// `User "x" cannot patch resource "pods/ephemeralcontainers" in API group "" in the namespace
/// "y"`.
fn rights(said: &str) -> Option<KubectlRefusal> {
    let (before, after) = said.split_once(" cannot ")?;
    let (verb, after) = after.split_once(" resource \"")?;
    let (resource, rest) = after.split_once('"')?;
    let user = before.rsplit_once("User ").map(|(_, user)| user.to_owned());
    let namespace = rest
        .split_once("in the namespace ")
        .map(|(_, name)| name.trim_matches('"').to_owned());
    Some(KubectlRefusal::Forbidden {
        user,
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.filter(|name| !name.is_empty()),
    })
}

/// Everything else that has a known meaning.
fn plain(operation: Operation, command: &[String], said: &str) -> Option<KubectlRefusal> {
    let has = |words: &str| said.contains(words);
    Some(
        if has("unknown flag: --custom") || has("unknown flag: --profile") {
            KubectlRefusal::KubectlTooOld
        } else if has("ephemeral containers are disabled")
            || (operation == Operation::Add
                && has("the server could not find the requested resource"))
        {
            KubectlRefusal::NoEphemeralContainers
        } else if operation == Operation::ReadPod && has("(NotFound)") {
            let line = alike(command, &["get", "pods", "--all-namespaces"], &CLUSTER);
            let said = after_colon(said).to_owned();
            if has("namespaces \"") {
                KubectlRefusal::NoNamespace { said, line }
            } else {
                KubectlRefusal::NoPod { said, line }
            }
        } else if operation == Operation::Add && has("(NotFound)") {
            KubectlRefusal::PodGone {
                said: after_colon(said).to_owned(),
            }
        } else if has("Unauthorized") || has("must be logged in") {
            KubectlRefusal::NotLoggedIn
        } else if has("was refused - did you specify the right host or port")
            || has("Unable to connect to the server")
            || has("connection refused")
        {
            KubectlRefusal::ClusterUnreachable {
                said: said.to_owned(),
                line: alike(command, &["config", "current-context"], &CONFIGURATION),
            }
        } else if has("context was not found") || (has("does not exist") && has("context")) {
            KubectlRefusal::NoContext {
                said: said.to_owned(),
                line: alike(command, &["config", "get-contexts"], &CONFIGURATION),
            }
        } else if has("static pods do not support ephemeral containers") {
            KubectlRefusal::StaticPod
        } else {
            return None;
        },
    )
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
