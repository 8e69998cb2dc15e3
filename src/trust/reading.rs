//! What was read at one place of a trust store.

use std::sync::Arc;
use std::time::SystemTime;

use crate::model::certificate::FileForm;
use crate::model::gap::Refusal;
use crate::model::trust_store::PlaceState;
use crate::parse::x509::ParsedCertificate;
use crate::pki::RuntimeBundle;
use crate::sys::Truncation;

/// What was found at a place.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) state: Result<PlaceState, Refusal>,
    /// What the runtime takes from it, each once.
    pub(super) roots: Result<Vec<Arc<ParsedCertificate>>, Refusal>,
    /// What is odd about it.
    pub(super) says: Option<String>,
}

impl Reading {
    pub(super) fn nothing(state: PlaceState) -> Self {
        Self {
            state: Ok(state),
            roots: Ok(Vec::new()),
            says: None,
        }
    }

    /// Whether an authority was found that has not expired.
    pub(super) fn gives_valid(&self, now: SystemTime) -> bool {
        let valid = |root: &Arc<ParsedCertificate>| root.not_after.is_some_and(|end| end >= now);
        self.roots
            .as_ref()
            .is_ok_and(|roots| roots.iter().any(valid))
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        Self {
            state: Err(refusal.clone()),
            roots: Err(refusal),
            says: None,
        }
    }
}

/// The contents of a file.
#[derive(Debug)]
pub(super) struct StoreFile {
    /// `None` for any other.
    pub(super) form: Option<FileForm>,
    pub(super) certificates: Vec<Arc<ParsedCertificate>>,
    /// What the runtime takes of it, where its reader of PEM is known.
    pub(super) bundle: Option<RuntimeBundle>,
    pub(super) needs_password: bool,
    pub(super) faults: usize,
    pub(super) cut: Truncation,
}
