//! The certificates of a chain, one a row.

use super::{Style, heading};
use crate::model::certificate::{Certificate, KeyAlgorithm};
use crate::render::tables::table::{Cell, Table};

pub(super) fn chain(chain: &[Certificate], style: Style) -> Table {
    let mut titles = vec!["SENT", "SUBJECT", "ISSUER", "NOT AFTER", "KEY"];
    if style.wide {
        titles.extend(["NOT BEFORE", "SERIAL", "SIGNATURE", "NAMES"]);
    }
    titles.push("SHA-256");
    let row = |(sent, certificate): (usize, &Certificate)| {
        let outside = |text: &str| Cell::Outside(text.into());
        let mut row = vec![
            Cell::number(sent),
            outside(&certificate.subject),
            outside(&certificate.issuer),
            certificate.not_after.rfc3339().into(),
            key(certificate),
        ];
        if style.wide {
            row.extend([
                certificate.not_before.rfc3339().into(),
                outside(&certificate.serial),
                outside(&certificate.signature_algorithm),
                outside(&certificate.subject_alternative_names.join(", ")),
            ]);
        }
        row.push(certificate.fingerprint_sha256.clone().into());
        row
    };
    Table {
        headings: titles.into_iter().map(heading).collect(),
        rows: chain.iter().enumerate().map(row).collect(),
        ..Table::default()
    }
}

fn key(certificate: &Certificate) -> Cell {
    let key = &certificate.public_key;
    let kind = match key.algorithm {
        KeyAlgorithm::Rsa => "RSA",
        KeyAlgorithm::RsaPss => "RSA-PSS",
        KeyAlgorithm::Ecdsa => "ECDSA",
        KeyAlgorithm::Ed25519 => "Ed25519",
        KeyAlgorithm::Ed448 => "Ed448",
        KeyAlgorithm::Dsa => "DSA",
        KeyAlgorithm::Other => "other",
    };
    match (key.algorithm, &key.curve, key.bits) {
        (_, Some(curve), _) => Cell::Outside(format!("{kind} {curve}").as_str().into()),
        (KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss, _, Some(bits)) => {
            format!("{kind} {bits}").into()
        }
        _ => kind.into(),
    }
}
