//! The engineer's side: spyhole put beside a container by the tool that is there already,
//! with its configuration and its rights. Each way is a [`plan`]: read what the target is, choose
//! the way that will be admitted and will see, print it, run it.

pub(crate) mod copy;
pub(crate) mod engine;
pub(crate) mod kubernetes;
pub(crate) mod plan;
mod served;
pub(crate) mod token;

use rustix::io::Errno;

use crate::sys::tool::ToolError;

/// What `serve` prints once it listens; what started it waits for that.
pub(crate) const LISTENING: &str = "listening on";

/// Why spyhole could not be put beside a container.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttachError {
    /// The tool that would do it does not run.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The words of the command line cannot be meant so.
    #[error("{0}")]
    Usage(String),
    /// kubectl or the cluster refuses.
    #[error("{0}")]
    Kubectl(#[from] kubernetes::KubectlRefusal),
    /// The engine refuses.
    #[error("{0}")]
    Engine(#[from] engine::EngineRefusal),
    /// A copy ended early.
    #[error(transparent)]
    Copy(#[from] copy::CopyFailure),
    /// The kernel gives no random bytes for a token or a name.
    #[error("cannot get random bytes: {0}")]
    Random(#[from] Errno),
    /// There is no such target, or it cannot be entered.
    #[error("{0}")]
    Target(Box<kubernetes::TargetRefusal>),
}
