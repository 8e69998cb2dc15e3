use std::time::{Duration, SystemTime};

use super::*;
use crate::model::certificate::{CertificateDer, KeyAlgorithm, PublicKey};
use crate::model::seen::Seen;
use crate::model::time::Timestamp;
use crate::model::tls::{ClientCertificate, MinDays, Took};
use crate::model::trust_store::{Runtime, TrustStore};
use crate::model::verdict::{Authorities, Finding, Problem, Verdict};
use crate::render::tables::tls;

const DAY: u64 = 24 * 60 * 60;

fn leaf(now: SystemTime) -> Certificate {
    Certificate {
        subject: Seen::Value("CN=api.internal".to_owned()),
        issuer: Seen::Value("CN=R11".to_owned()),
        subject_alternative_names: vec!["DNS:api.internal".to_owned()],
        serial: Seen::Value("01".to_owned()),
        version: Seen::Value(3),
        not_before: Seen::Value(Timestamp(now - Duration::from_secs(DAY))),
        not_after: Seen::Value(Timestamp(now + Duration::from_secs(38 * DAY))),
        seconds_left: Seen::Value(38 * 24 * 60 * 60),
        public_key: Seen::Value(PublicKey {
            algorithm: KeyAlgorithm::Ed25519,
            bits: Some(256),
            curve: None,
            spki_pin_sha256: String::new(),
        }),
        signature_algorithm: "Ed25519".to_owned(),
        is_ca: Seen::Value(false),
        path_length: None,
        key_usages: None,
        extended_key_usages: None,
        fingerprint_sha256: "00".to_owned(),
        self_signed: false,
        chain_position: Some(0),
        faults: Vec::new(),
        der: CertificateDer(vec![0; 100].into()),
    }
}

fn verdict(authorities: Authorities, problem: Option<Problem>) -> Verdict {
    let finding = |problem| Finding {
        problem,
        fatal: true,
        certificate: None,
        says: "nobody trusts R11\u{1b}".to_owned(),
        at: None,
    };
    let path = ["CN=api.internal", "CN=R11", "CN=ISRG Root X1,O=ISRG"];
    Verdict {
        authorities,
        judgement: match problem {
            None => Judgement::Verified,
            Some(Problem::Unsupported) => Judgement::CannotVerify,
            Some(_) => Judgement::Refused,
        },
        path: match problem {
            None => path.map(str::to_owned).to_vec(),
            Some(_) => Vec::new(),
        },
        findings: problem.map(finding).into_iter().collect(),
        runtime: None,
    }
}

fn look(verdicts: Vec<Verdict>) -> TlsLook {
    TlsLook {
        endpoint: "api.internal:443".to_owned(),
        server_name: Some("api.internal".to_owned()),
        sni: Some("api.internal".to_owned()),
        starttls: None,
        from_target_network: Seen::Value(true),
        resolution: None,
        dialled: None,
        took: Took::default(),
        session: None,
        failure: None,
        client_certificate: ClientCertificate::NotAsked,
        chain: vec![leaf(SystemTime::now())],
        ocsp_staple: None,
        trust_store: Some(Seen::Value(TrustStore {
            runtime: Runtime::Go,
            evidence: String::new(),
            places: Vec::new(),
            roots: Some(Seen::Value(0)),
            expired_roots: Some(Seen::Value(0)),
            consequence: "the target has no CA bundle".to_owned(),
            error_text: Some("x509: certificate signed by unknown authority".to_owned()),
        })),
        verdicts,
        min_days: None,
    }
}

#[test]
fn the_first_verdict_and_the_days_decide() {
    let unknown = Some(Problem::UnknownIssuer);
    let well = |verdicts: &[(Authorities, Option<Problem>)]| {
        let verdicts = verdicts
            .iter()
            .map(|(whose, problem)| verdict(*whose, *problem));
        is_well(&look(verdicts.collect()))
    };
    assert!(well(&[(Authorities::Target, None)]));
    assert!(well(&[
        (Authorities::Given, None),
        (Authorities::Mozilla, unknown)
    ]));
    assert!(!well(&[
        (Authorities::Target, unknown),
        (Authorities::Mozilla, None)
    ]));
    assert!(!well(&[(Authorities::Target, Some(Problem::Unsupported))]));
    assert!(!well(&[]));
    let mut late = look(vec![verdict(Authorities::Target, None)]);
    late.min_days = Some(MinDays {
        wanted: 40,
        left: 38,
        enough: false,
    });
    assert!(!is_well(&late));
}

/// The lines of the first table and its notes.
fn lines(look: &TlsLook, style: Style) -> Vec<String> {
    let tables = tls::tables(look, Timestamp::now(), style);
    let text = |cell: &crate::render::tables::table::Cell| match cell {
        crate::render::tables::table::Cell::Text(text) => text.to_string(),
        crate::render::tables::table::Cell::Outside(bytes) => {
            crate::model::escape::escaped(bytes.as_bytes()).into_owned()
        }
        _ => String::new(),
    };
    let rows = tables[0].rows.iter();
    rows.map(|row| row.iter().map(text).collect::<Vec<_>>().join("  "))
        .chain(tables[0].notes.iter().cloned())
        .collect()
}

#[test]
fn an_image_without_roots_is_told_with_the_remedy() {
    let look = look(vec![
        verdict(Authorities::Target, Some(Problem::UnknownIssuer)),
        verdict(Authorities::Mozilla, None),
    ]);
    let lines = lines(&look, Style::default());
    assert_eq!(lines[0], "✗ unknown issuer  the target has no CA bundle");
    assert_eq!(
        lines[1],
        "✓ with Mozilla's roots  verifies: api.internal ← R11 ← ISRG Root X1"
    );
    assert_eq!(lines[2], "✓ name  api.internal is in SAN: DNS:api.internal");
    assert!(lines[3].starts_with("✓ time  ") && lines[3].ends_with(", 38 days left"));
    assert_eq!(
        lines[4..],
        [
            "The application prints: x509: certificate signed by unknown authority",
            "Add to the image: COPY --from=alpine /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/",
        ]
    );
}

#[test]
fn what_others_say_of_it_is_told_once_and_escaped() {
    let unknown = Some(Problem::UnknownIssuer);
    let mut look = look(vec![
        verdict(Authorities::Given, unknown),
        verdict(Authorities::Mozilla, unknown),
    ]);
    look.trust_store = None;
    let shown = lines(&look, Style::default());
    assert_eq!(shown[0], r"✗ unknown issuer  nobody trusts R11\x1b");
    assert_eq!(shown[1], "✗ with Mozilla's roots  unknown issuer, as above");
    look.verdicts[0] = verdict(Authorities::Given, None);
    let shown = lines(&look, Style::default());
    assert!(shown[0].starts_with("✓ with --ca  verifies"), "{shown:?}");
    assert!(shown[1].starts_with("✗ with Mozilla's roots"), "{shown:?}");
    let short = Style {
        short: true,
        ..Style::default()
    };
    assert_eq!(lines(&look, short).len(), 2);
    assert_eq!(tls::refusals(&look).len(), 1);
}

#[test]
fn a_chain_is_printed_as_pem_of_64_columns() {
    let certificate = Certificate {
        der: CertificateDer(vec![0; 100].into()),
        ..leaf(SystemTime::now())
    };
    let text = certificate.pem();
    let widths: Vec<usize> = text.lines().map(str::len).collect();
    assert_eq!(widths, [27, 64, 64, 8, 25]);
}

#[test]
fn a_query_string_makes_the_same_query_but_names_no_files() {
    let words = r#"{"endpoint": "db:5432", "starttls": "postgres", "min_days": 3}"#;
    let query: TlsQuery = serde_json::from_str(words).unwrap();
    assert_eq!(
        (query.starttls, query.min_days),
        (Some(StartTls::Postgres), Some(3))
    );
    query.check().unwrap();
    for file in ["ca", "cert", "key"] {
        let words = format!(r#"{{"endpoint": "db", "{file}": "/etc/shadow"}}"#);
        assert!(serde_json::from_str::<TlsQuery>(&words).is_err(), "{file}");
    }
    assert!(TlsQuery::default().check().is_err());
}
