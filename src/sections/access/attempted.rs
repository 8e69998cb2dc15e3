//! What one attempt to read came to.

use crate::model::access::What;
use crate::model::gap::Refusal;
use crate::rights::ptrace_access::AccessCheck;

/// One attempt.
pub(super) struct Attempted {
    pub(super) what: What,
    /// What the kernel asks for there.
    pub(super) check: AccessCheck,
    /// What was tried.
    pub(super) path: String,
    pub(super) result: Result<(), Refusal>,
    /// Whether what was refused is only a part.
    pub(super) partly: bool,
}
