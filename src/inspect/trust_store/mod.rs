//! Where the main program of the target looks for the authorities that it trusts.

use super::view::View;
use super::visit::{Attempt, Files};
use crate::model::certificate::Certificate;
use crate::model::gap::{Reason, Refusal};
use crate::model::trust_store::TrustStore;

/// The files of the main process that tell it.
pub const FILES: Files = Files::ENVIRON.union(Files::EXE).union(Files::CMDLINE);

/// What was found.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The places, for the report.
    pub store: TrustStore,
    /// The authorities that the runtime takes from there; `None` where they could not be read,
    /// or are built into the program.
    pub roots: Option<Vec<Certificate>>,
}

/// Looks at the main process; gaps are recorded under the given section and
/// `trust_store`.
///
/// # Errors
/// Why nothing could be told.
pub fn find(_view: &mut View, _section: &str) -> Attempt<Trust> {
    Err(Refusal::of(Reason::Unsupported))
}
