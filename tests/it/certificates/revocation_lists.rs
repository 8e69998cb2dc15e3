//! Revocation lists in files of the target: they are shown, and expire as certificates do.

use rcgen::{
    CertificateParams, CertificateRevocationListParams, DnType, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::house::{House, at, look, server};
use crate::lab::{Container, Output};

/// A list that is due in so many days.
fn list(days: i64, entries: u64) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "lists.example");
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().unwrap();
    let now = OffsetDateTime::now_utc();
    let revoked = |serial: u64| RevokedCertParams {
        serial_number: SerialNumber::from(serial),
        revocation_time: now - Duration::days(40),
        reason_code: None,
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update: now - Duration::days(30),
        // Not to fall on the edge of a day.
        next_update: now + Duration::days(days) + Duration::hours(1),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: (1..=entries).map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let issuer = Issuer::from_params(&params, &key);
    list.signed_by(&issuer).unwrap().pem().unwrap()
}

fn spyhole(container: &Container, words: &[&str]) -> Output {
    container.spyhole().uid(1000).caps("none").args(words).run()
}

#[needs(root)]
fn a_revocation_list_is_shown_and_expires() {
    let house = House::new();
    let mut setup = server();
    for (name, days, entries) in [("good", 60, 3), ("soon", 5, 0), ("old", -2, 1)] {
        let file = house.write(&format!("{name}.crl"), list(days, entries));
        setup = setup.copy(&file, &format!("/etc/tls/{name}.crl"));
    }
    let web = setup.start();
    let seen = look(&web, &["--dir", "/etc/tls"]);
    let good = &at(&seen, "/etc/tls/good.crl")["revocation_lists"][0];
    assert_eq!(good["issuer"], "CN=lists.example", "{good:#}");
    assert_eq!(good["entries"], 3, "{good:#}");
    assert_eq!(good["seconds_left"].as_i64().unwrap() / 86_400, 60);
    let table = spyhole(&web, &["certs", "--dir", "/etc/tls"]);
    let table = table.ended_with(0).stdout_text();
    for words in [
        "(revocation list, 3 entries)",
        "(revocation list, 1 entry)",
        "old.crl: the revocation list of lists.example expired on ",
        "soon.crl: the revocation list of lists.example expires in 5 days, on ",
    ] {
        assert!(table.contains(words), "{words}: {table}");
    }
    let min_days = |file: &str| {
        let path = format!("/etc/tls/{file}");
        spyhole(&web, &["certs", "--file", &path, "--min-days", "14"])
    };
    let check = |file: &str| {
        let spec = format!("cert:/etc/tls/{file},min-days=14");
        spyhole(&web, &["check", &spec])
    };
    for (file, code) in [("good.crl", 0), ("soon.crl", 1), ("old.crl", 1)] {
        min_days(file).ended_with(code);
        check(file).ended_with(code);
    }
}
