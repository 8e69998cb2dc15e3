//! What became of each place, and of all of them.

use std::sync::Arc;

use super::places::Place;
use super::reading::Reading;
use crate::model::gap::Refusal;
use crate::parse::x509::ParsedCertificate;

/// One place with what became of it.
pub(super) struct Judged {
    pub(super) place: Place,
    pub(super) reading: Reading,
    /// `None` where nothing tells.
    pub(super) used: Option<Result<bool, Refusal>>,
}

/// The trust store of the runtime.
pub(super) enum Sum {
    Roots(Vec<Arc<ParsedCertificate>>),
    /// It brings authorities along.
    BuiltIn,
    /// Nothing tells which places it uses.
    Uncertain,
    Unseen(Refusal),
}
