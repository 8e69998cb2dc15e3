//! The certificates of a chain, one a row.

use super::Style;
use crate::model::certificate::{Certificate, KeyAlgorithm, PublicKey};
use crate::render::tables::table::{Cell, Heading, Table};

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
            Cell::of(Some(&certificate.subject), |name| outside(name)),
            Cell::of(Some(&certificate.issuer), |name| outside(name)),
            Cell::of(Some(&certificate.not_after), |end| end.rfc3339().into()),
            Cell::of(Some(&certificate.public_key), key),
        ];
        if style.wide {
            row.extend([
                Cell::of(Some(&certificate.not_before), |begin| {
                    begin.rfc3339().into()
                }),
                Cell::of(Some(&certificate.serial), |serial| outside(serial)),
                outside(&certificate.signature_algorithm),
                outside(&certificate.subject_alternative_names.join(", ")),
            ]);
        }
        row.push(certificate.fingerprint_sha256.clone().into());
        row
    };
    Table {
        headings: titles.into_iter().map(Heading::left).collect(),
        rows: chain.iter().enumerate().map(row).collect(),
        ..Table::default()
    }
}

fn key(key: &PublicKey) -> Cell {
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
