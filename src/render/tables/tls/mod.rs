//! What a TLS server showed, as a person reads it: what is wrong first, its evidence beside it,
//! what to do last.

mod chain;
mod facts;
mod words;

use self::chain::chain;
use self::facts::{client, name, session, stapled, time};
use self::words::failed;
pub(super) use self::words::{problem, with};
use super::table::{Cell, Heading, Table};
use crate::model::certificate::common_name;
use crate::model::seen::Seen;
use crate::model::time::Timestamp;
use crate::model::tls::{OcspStatus, TlsLook};
use crate::model::trust_store::{PlaceState, Runtime, TrustPlace, TrustStore};
use crate::model::verdict::{Authorities, Finding, Judgement, Problem, Verdict};

/// How to show it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Only what decides, and how long it lasts.
    pub short: bool,
    /// Also each certificate.
    pub chain: bool,
    /// With more columns.
    pub wide: bool,
}

/// The answer, and the chain where it is asked for.
#[must_use]
pub(crate) fn tables(look: &TlsLook, now: Timestamp, style: Style) -> Vec<Table> {
    let mut card = Table {
        headings: vec![Heading::left(""), Heading::left("")],
        rows: rows(look, now, style)
            .into_iter()
            .map(Line::cells)
            .collect(),
        ..Table::default()
    };
    if !style.short {
        card.notes = notes(look);
    }
    let mut tables = vec![card];
    if style.chain && !look.chain.is_empty() {
        tables.push(chain(&look.chain, style));
    }
    tables
}

/// Shown in place of a missing answer: the notes say why.
#[must_use]
pub(crate) fn unseen() -> Table {
    Table {
        headings: vec![Heading::left("SERVER")],
        rows: vec![vec![Cell::Unseen]],
        ..Table::default()
    }
}

/// What is wrong, a line each, for where no table is printed.
#[must_use]
pub(crate) fn refusals(look: &TlsLook) -> Vec<String> {
    let lines = rows(look, Timestamp::now(), Style::default());
    let wrong = lines.into_iter().filter(|line| line.mark != Mark::Good);
    wrong
        .filter(|line| line.mark != Mark::Fact)
        .map(|line| format!("{} {}: {}", line.mark.sign(), line.what, line.says))
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Good,
    Bad,
    Warning,
    Unknown,
    Fact,
}

impl Mark {
    fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Warning => "!",
            Self::Unknown => "?",
            Self::Fact => " ",
        }
    }
}

struct Line {
    mark: Mark,
    what: &'static str,
    says: String,
    /// Whether it does not decide.
    aside: bool,
}

impl Line {
    fn new(mark: Mark, what: &'static str, says: impl Into<String>) -> Self {
        Self {
            mark,
            what,
            says: says.into(),
            aside: false,
        }
    }

    fn cells(self) -> Vec<Cell> {
        let what = format!("{} {}", self.mark.sign(), self.what);
        // Words of the server and of its certificates are in it.
        vec![what.into(), Cell::Outside(self.says.as_str().into())]
    }
}

fn rows(look: &TlsLook, now: Timestamp, style: Style) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(failure) = &look.failure {
        lines.push(Line::new(Mark::Bad, failed(failure.reason), &*failure.says));
    }
    let mut verdicts = look.verdicts.iter();
    if let Some(first) = verdicts.next() {
        deciding(look, first, &mut lines);
        if !style.short {
            lines.extend(verdicts.map(|verdict| Line {
                aside: true,
                ..other(verdict, first)
            }));
            lines.extend(unjudged(look));
        }
        if !style.short || first.judgement != Judgement::Verified {
            lines.extend(name(look));
        }
    }
    if let Some(leaf) = look.chain.first() {
        lines.push(time(look, leaf, now));
    }
    if let Some(staple) = &look.ocsp_staple
        && (!style.short || staple.status == OcspStatus::Revoked)
    {
        lines.push(stapled(staple));
    }
    if !style.short {
        lines.extend(client(look));
        lines.extend(session(look.session.as_ref(), look.took));
    }
    lines.sort_by_key(|line| match line.mark {
        Mark::Bad if !line.aside => 0,
        Mark::Unknown if !line.aside => 1,
        Mark::Fact => 3,
        _ => 2,
    });
    lines
}

/// The verdict that counts: each of its findings, but those that have a line of their own.
fn deciding(look: &TlsLook, verdict: &Verdict, lines: &mut Vec<Line>) {
    if verdict.judgement == Judgement::Verified {
        let what = with(verdict.authorities);
        lines.push(Line::new(Mark::Good, what, verifies(verdict)));
    }
    let store = look.trust_store.as_ref().and_then(Seen::value);
    let of_target = verdict.authorities == Authorities::Target;
    let nobody = store.filter(|store| of_target && trusts_nobody(store));
    for finding in &verdict.findings {
        let own_line = match finding.problem {
            Problem::NameMismatch => true,
            Problem::Expired | Problem::NotYetValid => finding.certificate == Some(0),
            _ => false,
        };
        if finding.fatal && own_line {
            continue;
        }
        let says = match (finding.problem, nobody) {
            (Problem::UnknownIssuer | Problem::SelfSigned, Some(store)) => no_roots(store),
            _ => finding.says.clone(),
        };
        let mark = match (finding.fatal, verdict.judgement) {
            (false, _) => Mark::Warning,
            (true, Judgement::CannotVerify) => Mark::Unknown,
            (true, _) => Mark::Bad,
        };
        lines.push(Line::new(mark, problem(finding.problem), says));
    }
    if verdict.judgement == Judgement::CannotVerify && fatal(verdict).next().is_none() {
        let says = "not verified: it uses a feature that spyhole does not support";
        lines.push(Line::new(Mark::Unknown, with(verdict.authorities), says));
    }
}

/// Another verdict: whether it comes out otherwise.
fn other(verdict: &Verdict, first: &Verdict) -> Line {
    let what = with(verdict.authorities);
    if verdict.judgement == Judgement::Verified {
        return Line::new(Mark::Good, what, verifies(verdict));
    }
    let mark = match verdict.judgement {
        Judgement::CannotVerify => Mark::Unknown,
        _ => Mark::Bad,
    };
    let known = |finding: &&Finding| {
        let same = |other: &Finding| {
            (other.problem, other.certificate) == (finding.problem, finding.certificate)
        };
        fatal(first).any(same)
    };
    let fresh = fatal(verdict).find(|finding| !known(finding));
    match fresh.or_else(|| fatal(verdict).next()) {
        Some(finding) if fresh.is_some() => Line::new(
            mark,
            what,
            format!("{}: {}", problem(finding.problem), finding.says),
        ),
        Some(finding) => Line::new(
            mark,
            what,
            format!("{}, as above", problem(finding.problem)),
        ),
        None => Line::new(mark, what, "does not verify"),
    }
}

fn fatal(verdict: &Verdict) -> impl Iterator<Item = &Finding> {
    verdict.findings.iter().filter(|finding| finding.fatal)
}

fn trusts_nobody(store: &TrustStore) -> bool {
    store.roots.as_ref().and_then(Seen::value) == Some(&0)
}

/// Why the trust store is empty. An image with an unused bundle is not one without.
fn no_roots(store: &TrustStore) -> String {
    let missing = |place: &TrustPlace| {
        place.variable.is_none() && place.state.value() == Some(&PlaceState::Missing)
    };
    if !store.places.is_empty() && store.places.iter().all(missing) {
        format!("the target has no CA bundle: {}", store.consequence)
    } else {
        store.consequence.clone()
    }
}

/// The target has no verdict, as its trust store is unknown.
fn unjudged(look: &TlsLook) -> Option<Line> {
    let store = look.trust_store.as_ref().and_then(Seen::value)?;
    let of_target = |verdict: &Verdict| verdict.authorities == Authorities::Target;
    if look.verdicts.iter().any(of_target) {
        return None;
    }
    let what = with(Authorities::Target);
    Some(Line {
        aside: true,
        ..Line::new(Mark::Unknown, what, &*store.consequence)
    })
}

fn verifies(verdict: &Verdict) -> String {
    let names: Vec<&str> = verdict
        .path
        .iter()
        .map(|name| common_name(name).unwrap_or(name))
        .collect();
    if names.is_empty() {
        "verifies".to_owned()
    } else {
        format!("verifies: {}", names.join(" ← "))
    }
}

/// What the application says of it, and what to do.
fn notes(look: &TlsLook) -> Vec<String> {
    let mut notes = Vec::new();
    if look.from_target_network.value() == Some(&false) {
        notes.push("Connected from spyhole's network namespace, not the target's.".to_owned());
    }
    let store = look.trust_store.as_ref().and_then(Seen::value);
    let of_target = look
        .verdicts
        .iter()
        .find(|verdict| verdict.authorities == Authorities::Target);
    if let (Some(store), Some(verdict)) = (store, of_target)
        && verdict.judgement != Judgement::Verified
        && let Some(error) = printed(store, verdict)
    {
        notes.push(format!("The application prints: {error}"));
        let mozilla = |verdict: &Verdict| {
            verdict.authorities == Authorities::Mozilla && verdict.judgement == Judgement::Verified
        };
        if trusts_nobody(store) && look.verdicts.iter().any(mozilla) {
            notes.extend(remedy(store.runtime).map(str::to_owned));
        }
    }
    notes
}

/// The error of the target's runtime: where its trust store is empty, or lacks the authority.
fn printed(store: &TrustStore, verdict: &Verdict) -> Option<String> {
    let issuer = |finding: &Finding| {
        matches!(
            finding.problem,
            Problem::UnknownIssuer | Problem::MissingIntermediate | Problem::SelfSigned
        )
    };
    let unknown = fatal(verdict)
        .any(issuer)
        .then(|| store.runtime.unknown_issuer_text().map(str::to_owned));
    store.error_text.clone().or_else(|| unknown.flatten())
}

/// What gives a runtime the usual roots; those with a store of their own form need another way.
fn remedy(runtime: Runtime) -> Option<&'static str> {
    match runtime {
        Runtime::Java | Runtime::Node => None,
        _ => Some(
            "Add to the image: COPY --from=alpine /etc/ssl/certs/ca-certificates.crt \
             /etc/ssl/certs/",
        ),
    }
}
