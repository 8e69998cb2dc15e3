//! Why spyhole cannot be put beside a container of a pod, or did not do its work there, apart
//! from what kubectl itself refuses.

use std::fmt;
use std::io;

/// Why a target cannot be inspected. Names and words of the cluster are escaped already.
#[derive(Debug)]
pub(crate) enum TargetRefusal {
    /// kubectl's output is not JSON.
    NotJson(serde_json::Error),
    /// The pod lacks a field that every pod has.
    Incomplete { pod: String, lacks: &'static str },
    /// A pod of Windows.
    Windows { pod: String },
    /// A pod that the kubelet runs from a file.
    StaticPod { pod: String },
    /// The pod has no node yet; `why` as the scheduler says it, empty where it says nothing.
    NotScheduled { pod: String, why: String },
    /// The pod has ended, in this phase.
    PodEnded { pod: String, phase: String },
    /// The pod has no container of that name.
    NoContainer {
        pod: String,
        name: String,
        others: Vec<String>,
    },
    /// The container does not run.
    NotRunning {
        pod: String,
        container: String,
        state: StoppedState,
    },
    /// spyhole was killed before it was done.
    Killed { reason: String, code: u8 },
    /// The target ended, and spyhole with it; `line` shows its last output.
    TargetEnded {
        pod: String,
        container: String,
        code: u8,
        reason: String,
        runs_again: bool,
        line: String,
    },
    /// The pod is gone, or another one has its name.
    PodDeleted { namespace: String, pod: String },
    /// The node cut the document off.
    DocumentIncomplete,
    /// The server printed no address in time; `line` shows its log.
    NotServing {
        container: String,
        image: String,
        said: String,
        line: String,
    },
    /// The server ended.
    ServerEnded {
        container: String,
        code: u8,
        reason: String,
        said: String,
    },
    /// A container that was reused ended in the middle of its output.
    ReuseCutShort { code: u8 },
    /// A container that was reused did not do.
    NotReused(NotReused),
    /// The file with the container's fields cannot be written.
    CustomFile(io::Error),
}

/// How a container stands that does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoppedState {
    /// It has ended; `line` shows its last output.
    Ended {
        code: u8,
        reason: String,
        line: String,
    },
    /// The kubelet starts it again and again.
    Restarting {
        reason: String,
        message: String,
        line: String,
    },
    /// It has not been started.
    Waiting { reason: String, message: String },
    /// Its node has not reported it.
    Unreported,
}

/// Why a container of spyhole cannot be used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotReused {
    /// It has ended.
    Ended,
    /// The command in it ended early.
    EndedEarly { code: u8 },
    /// kubectl refuses; the first line of its refusal.
    Refused(String),
}

impl From<TargetRefusal> for crate::attach::AttachError {
    fn from(refusal: TargetRefusal) -> Self {
        Self::Target(Box::new(refusal))
    }
}

impl std::error::Error for TargetRefusal {}

impl fmt::Display for TargetRefusal {
    #[expect(clippy::too_many_lines, reason = "a table: one arm for each refusal")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "kubectl did not return valid JSON: {error}"),
            Self::Incomplete { pod, lacks } => {
                write!(f, "the pod {pod} has no {lacks} in kubectl's output")
            }
            Self::Windows { pod } => write!(
                f,
                "the pod {pod} runs Windows, which is not supported: spyhole reads Linux /proc"
            ),
            Self::StaticPod { pod } => write!(
                f,
                "the pod {pod} is a static pod: Kubernetes cannot add a container to it; inspect \
                 it from its node"
            ),
            Self::NotScheduled { pod, why } => {
                let colon = if why.is_empty() { "" } else { ": " };
                write!(
                    f,
                    "the pod {pod} is not scheduled to a node yet{colon}{why}"
                )
            }
            Self::PodEnded { pod, phase } => write!(
                f,
                "the pod {pod} has ended ({phase}): no process is running. To find out why an \
                 application ends, start it with spyhole run"
            ),
            Self::NoContainer { pod, name, others } => write!(
                f,
                "the pod {pod} has no container {name}; there {} {}",
                if others.len() == 1 { "is" } else { "are" },
                others.join(", ")
            ),
            Self::NotRunning {
                pod,
                container,
                state,
            } => write!(f, "the container {container} of the pod {pod} {state}"),
            Self::Killed { reason, code } => write!(
                f,
                "spyhole was terminated early: {reason} (exit code {code}). If the target ended, \
                 all processes in its PID namespace ended with it"
            ),
            Self::TargetEnded {
                pod,
                container,
                code,
                reason,
                runs_again,
                line,
            } => {
                write!(
                    f,
                    "the container {container} of the pod {pod} {} (exit code {code}, {reason}), \
                     and spyhole ended with it: {}\n  {line} shows its last output",
                    if *runs_again {
                        "was restarted"
                    } else {
                        "ended"
                    },
                    if *runs_again {
                        TO_THE_NEW_ONE
                    } else {
                        ONCE_IT_RUNS
                    }
                )
            }
            Self::PodDeleted { namespace, pod } => write!(
                f,
                "the pod {namespace}/{pod} was deleted, and spyhole ended with it"
            ),
            Self::DocumentIncomplete => f.write_str(
                "the document is incomplete. A node keeps 10 MiB of a container's log by default: \
                 request one section, such as `-- ps -o json`",
            ),
            Self::NotServing {
                container,
                image,
                said,
                line,
            } => write!(
                f,
                "{container} of the image {image} does not serve; its output: {said}\n  {line} \
                 shows all of it"
            ),
            Self::ServerEnded {
                container,
                code,
                reason,
                said,
            } => write!(
                f,
                "{container} ended with {code} ({reason}); its output: {said}{}",
                if said.contains(IN_USE) {
                    "\n  A retry adds another container, which listens on another port"
                } else {
                    ""
                }
            ),
            Self::ReuseCutShort { code } => write!(
                f,
                "the reused container failed: {}; its output is incomplete. Use --new to add \
                 another one",
                NotReused::EndedEarly { code: *code }
            ),
            Self::NotReused(why) => why.fmt(f),
            Self::CustomFile(error) => write!(f, "cannot write the file for kubectl: {error}"),
        }
    }
}

/// As the end of "the container … ".
impl fmt::Display for StoppedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { code, reason, line } => {
                write!(f, "has ended with {code} ({reason}){STAYS_NOT_UP}{line}")
            }
            Self::Restarting {
                reason,
                message,
                line,
            } => write!(
                f,
                "keeps restarting: {reason}{}{STAYS_NOT_UP}{line}",
                beside(message)
            ),
            Self::Waiting { reason, message } => {
                write!(f, "is not running yet: {reason}{}", beside(message))
            }
            Self::Unreported => f.write_str("is not running yet: its node has not reported it"),
        }
    }
}

impl fmt::Display for NotReused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("it has ended"),
            Self::EndedEarly { code } => write!(f, "it ended early (exit code {code})"),
            Self::Refused(line) => f.write_str(line),
        }
    }
}

/// What the kernel says of a port that another process has.
const IN_USE: &str = "Address already in use";

const TO_THE_NEW_ONE: &str = "run the same command again to inspect the new process";
const ONCE_IT_RUNS: &str = "run the same command again once it is running; if it does not stay up, start \
    it with spyhole run, which reports why it ends";

const STAYS_NOT_UP: &str = ". spyhole needs a running process; if the application does not stay \
    up, start it with spyhole run, which reports why it ends (spyhole install copies it into a \
    volume). Last output: ";

fn beside(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(" ({message})")
    }
}
