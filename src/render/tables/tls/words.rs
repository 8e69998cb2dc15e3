//! What each verdict is called.

use crate::model::tls::FailureReason;
use crate::model::verdict::{Authorities, Problem};

pub(in crate::render::tables) fn with(authorities: Authorities) -> &'static str {
    match authorities {
        Authorities::Target => "with the target's roots",
        Authorities::Mozilla => "with Mozilla's roots",
        Authorities::Given => "with --ca",
    }
}

pub(super) fn failed(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::UnknownName => "unknown name",
        FailureReason::NoResolver => "no resolver",
        FailureReason::ConnectionRefused => "refused",
        FailureReason::Unreachable => "unreachable",
        FailureReason::Timeout => "timeout",
        FailureReason::Closed => "closed",
        FailureReason::NotTls => "not TLS",
        FailureReason::OldProtocol => "old protocol",
        FailureReason::Alert => "handshake refused",
        FailureReason::ClientCertificate => "client certificate",
        FailureReason::Incompatible => "incompatible",
        FailureReason::NoStarttls => "no STARTTLS",
        FailureReason::Io => "system error",
    }
}

pub(in crate::render::tables) fn problem(problem: Problem) -> &'static str {
    match problem {
        Problem::Revoked => "revoked",
        Problem::BadSignature => "bad signature",
        Problem::Expired => "expired",
        Problem::NotYetValid => "not valid yet",
        Problem::NameMismatch => "name",
        Problem::UnknownIssuer => "unknown issuer",
        Problem::MissingIntermediate => "missing intermediate",
        Problem::SelfSigned => "self-signed",
        Problem::NotForServers => "not for servers",
        Problem::IssuerNotCa => "issuer is not a CA",
        Problem::NameConstraint => "name constraint",
        Problem::WeakKey => "weak key",
        Problem::WeakSignature => "weak signature",
        Problem::Unsupported => "cannot verify",
        Problem::RefusedByRuntime => "runtime",
        Problem::Untidy => "untidy",
        Problem::Malformed => "malformed",
    }
}
