//! Until when certificates are valid, and whether they verify.

use super::family::{Family, Labels, Merge};
use super::{Figures, Page, seconds};
use crate::model::Report;
use crate::model::certificate::{Certificate, CertificateFile, Certificates, Serves};
use crate::model::label::label;
use crate::model::seen::Seen;
use crate::model::tls::TlsLook;
use crate::model::verdict::{Authorities, Judgement};

/// Certificates that are shown: those that end first.
const CERTIFICATES: usize = 100;

/// The part of the sections `certificates` and `tls`.
pub(crate) fn collect(report: &Report, _: &Figures<'_>, page: &mut Page) {
    let (certificates, look) = (report.certificates.as_ref(), report.tls.as_ref());
    if certificates.is_some() || look.is_some() {
        let (families, more) = validity(certificates, look);
        page.add(families);
        page.fold("certificates", more);
    }
    let files = certificates.and_then(|all| all.files.value());
    let lists = files.map(|files| revocation_lists(files));
    page.add(lists);
    page.add(look.map(verified));
}

/// Until when each is valid, by the file that holds it or the listener that serves it, and how
/// many are not shown.
fn validity(certificates: Option<&Certificates>, look: Option<&TlsLook>) -> (Vec<Family>, usize) {
    let mut found: Vec<(Labels, &Certificate)> = Vec::new();
    let files = certificates.and_then(|all| all.files.value());
    for file in files.into_iter().flatten() {
        if let Seen::Value(held) = &file.certificates {
            let place = ("path", label(file.path.as_bytes()));
            found.extend(in_order(place, held));
        }
    }
    let listeners = certificates.iter().filter_map(|all| all.served.as_ref());
    for listener in listeners.flatten() {
        let Seen::Value(Serves::Tls { leaves }) = &listener.serves else {
            continue;
        };
        for leaf in leaves {
            let mut labels = labels(
                ("listener", label(listener.listens_on.as_bytes())),
                0,
                &leaf.certificate,
            );
            let name = leaf.server_name.as_deref().unwrap_or_default();
            labels.push(("server_name", label(name.as_bytes())));
            found.push((labels, &leaf.certificate));
        }
    }
    if let Some(look) = look {
        let place = ("endpoint", label(look.endpoint.as_bytes()));
        found.extend(in_order(place, &look.chain));
    }
    found.retain(|(_, certificate)| certificate.not_after.value().is_some());
    found.sort_by_key(|(_, certificate)| certificate.not_after.value().copied());
    let mut not_before = Family::gauge(
        "spyhole_certificate_not_before_timestamp_seconds",
        "Start of the certificate's validity, in Unix time.",
    )
    .merging(Merge::Greatest);
    let mut not_after = Family::gauge(
        "spyhole_certificate_not_after_timestamp_seconds",
        "End of the certificate's validity, in Unix time.",
    )
    .merging(Merge::Least);
    let folded = found.len().saturating_sub(CERTIFICATES);
    for (labels, certificate) in found.into_iter().take(CERTIFICATES) {
        if let Seen::Value(begin) = &certificate.not_before {
            not_before.add_labels(labels.clone(), seconds(*begin));
        }
        if let Seen::Value(end) = &certificate.not_after {
            not_after.add_labels(labels, seconds(*end));
        }
    }
    (vec![not_before, not_after], folded)
}

/// When the next revocation list is due, by the file and the issuer of the one that is there.
fn revocation_lists(files: &[CertificateFile]) -> Family {
    let mut family = Family::gauge(
        "spyhole_revocation_list_next_update_timestamp_seconds",
        "When the next certificate revocation list is due, in Unix time.",
    )
    .merging(Merge::Least);
    let lists = files.iter().flat_map(|file| {
        let of_file = move |list| (file, list);
        file.revocation_lists.iter().map(of_file)
    });
    for (file, list) in lists.take(CERTIFICATES) {
        if let Some(next) = list.next_update {
            let labels = vec![
                ("path", label(file.path.as_bytes())),
                ("issuer", label(list.issuer.as_bytes())),
            ];
            family.add_labels(labels, seconds(next));
        }
    }
    family
}

fn in_order<'a>(
    place: (&'static str, String),
    certificates: &'a [Certificate],
) -> impl Iterator<Item = (Labels, &'a Certificate)> {
    certificates
        .iter()
        .enumerate()
        .map(move |(position, certificate)| {
            let labels = labels(place.clone(), position, certificate);
            (labels, certificate)
        })
}

fn labels(place: (&'static str, String), position: usize, certificate: &Certificate) -> Labels {
    let subject = certificate.subject.value().map_or("", String::as_str);
    vec![
        place,
        ("position", position.to_string()),
        ("subject", label(subject.as_bytes())),
    ]
}

/// Whether the chain of a server verifies; a chain that could not be judged has no sample.
fn verified(look: &TlsLook) -> Family {
    let mut family = Family::gauge(
        "spyhole_certificate_verified",
        "1 if the server's chain verifies with these authorities, 0 if not; absent if unknown.",
    )
    .merging(Merge::Least);
    for verdict in &look.verdicts {
        let value = match verdict.judgement {
            Judgement::Verified => 1.0,
            Judgement::Refused => 0.0,
            Judgement::CannotVerify => continue,
        };
        let authorities = match verdict.authorities {
            Authorities::Target => "target",
            Authorities::Mozilla => "mozilla",
            Authorities::Given => "given",
        };
        let name = look.server_name.as_deref().unwrap_or_default();
        let labels = [
            ("endpoint", label(look.endpoint.as_bytes())),
            ("server_name", label(name.as_bytes())),
            ("authorities", authorities.to_owned()),
        ];
        family.add(labels, value);
    }
    family
}
