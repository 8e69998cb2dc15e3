//! Whether a chain is to be believed, with the evidence.

use std::time::SystemTime;

use crate::model::certificate::Certificate;
use crate::model::tls::{OcspStaple, OcspStatus};
use crate::model::verdict::{Authorities, Judgement, Verdict};

/// Trusted authorities.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    certificates: Vec<Certificate>,
}

impl Roots {
    /// Mozilla's, as built in.
    #[must_use]
    pub fn mozilla() -> Self {
        Self::default()
    }

    /// These certificates.
    #[must_use]
    pub fn of(certificates: Vec<Certificate>) -> Self {
        Self { certificates }
    }

    /// Whether there is no authority at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }
}

/// What is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The certificates as the server showed them, the leaf first.
    pub chain: &'a [Certificate],
    /// Who is trusted.
    pub roots: &'a Roots,
    /// Whose authorities these are.
    pub authorities: Authorities,
    /// The name or address that was asked for; `None`: names are not compared.
    pub server_name: Option<&'a str>,
    /// The moment to judge at.
    pub now: SystemTime,
    /// What the server stapled.
    pub staple: Option<&'a OcspStaple>,
}

/// Judges a chain.
#[must_use]
pub fn judge(question: &Question) -> Verdict {
    Verdict {
        authorities: question.authorities,
        judgement: Judgement::CannotVerify,
        path: Vec::new(),
        findings: Vec::new(),
    }
}

/// Reads a stapled OCSP response about the leaf of a chain.
#[must_use]
pub fn staple(_response: &[u8], _chain: &[Certificate], _now: SystemTime) -> OcspStaple {
    OcspStaple {
        status: OcspStatus::Unusable,
        this_update: None,
        next_update: None,
        revoked_at: None,
        revocation_reason: None,
        signed_by_issuer: None,
    }
}
