//! The check of a server's certificate.

use core::net::SocketAddr;

use super::dial::{address, local_server, name_files, shares_network, unix};
use super::reason::{CertificateFinding, CertificateSeen, CheckNote, CheckOutcome, CheckReason};
use super::spec::{Tls, Verify};
use super::{CheckContext, ask};
use crate::model::certificate::Certificate;
use crate::model::gap::{Gap, Refusal};
use crate::model::tls::{FailureReason, ResolvedBy, Step, TlsLook};
use crate::model::truth_value::TruthValue;
use crate::model::units::DAY_SECONDS;
use crate::model::verdict::Authorities;
use crate::probe::endpoint::{Endpoint, Host, is_of_namespace};
use crate::sections::certificates::leaves::dated_of_chain;
use crate::sections::certificates::verify::truth_of;
use crate::sections::tls::{self as tls_section, TlsQuery};

/// The question to the section `tls`.
pub(super) fn tls_request(wanted: &Tls) -> TlsQuery {
    let mut query = TlsQuery::default();
    query.endpoint = wanted.endpoint.to_string();
    query.servername.clone_from(&wanted.server_name);
    query
}

/// A server shows a certificate that is to be believed, for long enough.
pub(super) fn tls(wanted: &Tls, context: &mut CheckContext) -> CheckOutcome {
    if !context.may_dial {
        return CheckOutcome::unknown(CheckReason::ConnectDisabled);
    }
    let notes = match tls_sight(wanted, context) {
        Ok(notes) => notes,
        Err(outcome) => return outcome,
    };
    let shares = shares_network(context);
    let (scan, gaps) = match context.scan() {
        Ok(scan) => scan,
        Err(outcome) => return outcome,
    };
    let Some(look) = ask(&tls_request(wanted), scan, gaps).tls else {
        let mut gaps = gaps.as_slice().iter();
        let gap = gaps.find(|gap| gap.section == tls_section::INFO.name);
        let unseen = CheckReason::TlsNotSeen(gap.map(refusal_of));
        return CheckOutcome::unknown(unseen).with_notes(notes);
    };
    if shares == Some(false)
        && let Some(other) = of_other_network(wanted, &look, context)
    {
        return CheckOutcome::unknown(other).with_notes(notes);
    }
    judge(wanted, &look).with_notes(notes)
}

/// Whether the endpoint means the same to spyhole as to the target, before it is dialled.
fn tls_sight(wanted: &Tls, context: &mut CheckContext) -> Result<Vec<CheckNote>, CheckOutcome> {
    match &wanted.endpoint {
        Endpoint::Unix(path) => {
            // Dialled in the target's root by the section itself; an abstract one is of a namespace.
            if path.starts_with('@') {
                return unix(path, context).map(|to| to.notes);
            }
            Ok(Vec::new())
        }
        Endpoint::Tcp(Host::Name(name), _) => name_files(name, context).map(|(_, notes)| notes),
        Endpoint::Tcp(host, port) => {
            address(host, *port, &wanted.endpoint, context).map(|to| to.notes)
        }
    }
}

/// What of an answer from another network namespace means something else to the target.
fn of_other_network(
    wanted: &Tls,
    look: &TlsLook,
    context: &mut CheckContext,
) -> Option<CheckReason> {
    let address = |dialled: &String| dialled.parse::<SocketAddr>().ok();
    let dialled = look.dialled.as_ref().and_then(address);
    if dialled.is_some_and(|address| is_of_namespace(address.ip())) {
        return Some(CheckReason::AddressOfOtherNetwork(
            wanted.endpoint.to_string(),
        ));
    }
    let resolution = look.resolution.as_ref()?;
    if !matches!(resolution.by, ResolvedBy::Dns | ResolvedBy::Nobody) {
        return None;
    }
    let name = wanted.endpoint.to_string();
    let (files, _) = name_files(&name, context).ok()?;
    let server = local_server(&files)?;
    Some(CheckReason::ResolverOfOtherNetwork { name, server })
}

fn judge(wanted: &Tls, look: &TlsLook) -> CheckOutcome {
    if let Some(failure) = &look.failure {
        // The system refused spyhole, not the server.
        let is_own = failure.step == Step::Connect && failure.reason == FailureReason::Io;
        let is_silent = failure.step == Step::Resolve
            && look.from_target_network.value() == Some(&false)
            && matches!(
                failure.reason,
                FailureReason::NoResolver | FailureReason::Timeout
            );
        let answer = if is_own || is_silent {
            TruthValue::Unknown
        } else {
            TruthValue::False
        };
        return CheckOutcome::new(answer, CheckReason::TlsFailed(Box::new(failure.clone())));
    }
    let chain = dated_of_chain(&look.chain);
    let Some(seconds) = chain.filter_map(Certificate::remaining).min() else {
        return CheckOutcome::new(false, CheckReason::NoCertificateSent);
    };
    let seen = |finding| {
        CheckReason::Certificate(Box::new(CertificateSeen {
            of: look.endpoint.clone(),
            days: seconds.div_euclid(DAY_SECONDS),
            wanted: wanted.min_days,
            finding,
        }))
    };
    if seconds.div_euclid(DAY_SECONDS) < i64::from(wanted.min_days) || seconds < 0 {
        return CheckOutcome::new(false, seen(CertificateFinding::TooSoon));
    }
    if dated_of_chain(&look.chain).any(Certificate::is_not_yet_valid) {
        return CheckOutcome::new(false, seen(CertificateFinding::NotYetValid));
    }
    let authorities = match wanted.verify {
        Verify::None => return CheckOutcome::new(true, seen(CertificateFinding::None)),
        Verify::Target => Authorities::Target,
        Verify::Mozilla => Authorities::Mozilla,
    };
    let mut verdicts = look.verdicts.iter();
    let Some(verdict) = verdicts.find(|verdict| verdict.authorities == authorities) else {
        return CheckOutcome::unknown(seen(CertificateFinding::NoTrustStore(None)));
    };
    let answer = truth_of(verdict.judgement);
    let finding = match (answer, verdict.findings.first()) {
        (TruthValue::True, _) => CertificateFinding::None,
        (_, finding) => {
            let says = finding.map(|finding| finding.says.clone());
            CertificateFinding::Verdict(says.unwrap_or_default())
        }
    };
    CheckOutcome::new(answer, seen(finding))
}

pub(super) fn refusal_of(gap: &Gap) -> Refusal {
    Refusal {
        reason: gap.reason,
        errno: gap.errno.clone(),
        needs: gap.needs.as_deref().map(Into::into),
    }
}
