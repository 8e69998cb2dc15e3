//! What is said of a chain that a real server shows, with the authorities of `--ca`, and how the
//! command ends.

use std::fs;
use std::process::Command;

use rcgen::{CertificateParams, CustomExtension};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::Target;
use super::pki::{Pair, Pki};
use super::servers::SServer;
use crate::host::{list, only, run};

/// A server with the whole chain, and one who asks it with `--ca`.
struct Asked {
    pki: Pki,
    target: Target,
}

impl Asked {
    fn new() -> Self {
        Self {
            pki: Pki::new(),
            target: Target::new(),
        }
    }

    /// A certificate for `localhost` that is valid between these days from now.
    fn valid(&self, file: &str, from: i64, until: i64) -> Pair {
        let day = |days| OffsetDateTime::now_utc() + Duration::days(days) + Duration::hours(1);
        let change = |params: &mut CertificateParams| {
            (params.not_before, params.not_after) = (day(from), day(until));
        };
        self.pki.leaf_with(file, &["localhost"], change)
    }

    fn whole(&self, pair: &Pair, words: &[&str]) -> SServer {
        let intermediate = self.pki.word("intermediate.pem");
        SServer::start(pair, &[&["-cert_chain", &intermediate], words].concat())
    }

    /// The section, after it ended with that code.
    fn ends_with(&self, code: i32, server: &str, words: &[&str]) -> Value {
        let root = self.pki.word("root.pem");
        let words = [&[server, "--ca", &root, "-o", "json"], words].concat();
        self.target.tls(&words).ended_with(code).json()["tls"].clone()
    }
}

/// The verdict of these authorities.
fn verdict<'a>(look: &'a Value, authorities: &str) -> &'a Value {
    only(list(look, "verdicts"), |one| {
        one["authorities"] == authorities
    })
}

/// The one problem that decides against the chain for `--ca`, with what is said of it.
fn refused_for<'a>(look: &'a Value, problem: &str) -> &'a str {
    let verdict = verdict(look, "given");
    assert_eq!(verdict["judgement"], "refused", "{look:#}");
    let finding = only(list(verdict, "findings"), |one| one["fatal"] == true);
    assert_eq!(finding["problem"], problem, "{verdict:#}");
    finding["says"].as_str().unwrap()
}

#[test]
fn the_right_authority_makes_it_a_yes_and_decides_alone() {
    let asked = Asked::new();
    let server = asked.whole(&asked.pki.leaf("leaf", &["localhost"]), &[]);
    let seen = asked.ends_with(0, &server.at("localhost"), &[]);
    assert_eq!(seen["verdicts"][0], *verdict(&seen, "given"));
    let given = verdict(&seen, "given");
    assert_eq!(given["judgement"], "verified", "{seen:#}");
    let path: Vec<&str> = list(given, "path")
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert_eq!(
        path,
        ["CN=localhost", "CN=Test Intermediate", "CN=Test Root"]
    );
    assert_eq!(verdict(&seen, "mozilla")["judgement"], "refused");
    // Without it nobody knows the authority.
    asked.target.tls(&[&server.at("localhost")]).ended_with(1);
}

#[test]
fn each_thing_that_is_wrong_is_the_one_that_is_named() {
    let asked = Asked::new();
    let pair = asked.pki.leaf("other", &["other.example"]);
    let server = asked.whole(&pair, &[]);
    let seen = asked.ends_with(1, &server.at("localhost"), &[]);
    let says = refused_for(&seen, "name_mismatch");
    assert!(
        says.contains("localhost") && says.contains("other.example"),
        "{says}"
    );
    let named = ["--servername", "other.example"];
    asked.ends_with(0, &server.at("localhost"), &named);

    // Left out for certain where the certificate says that its issuer's can be had.
    let private = asked.pki.leaf("private", &["localhost"]);
    let with_url = |params: &mut CertificateParams| params.custom_extensions = vec![issuer_url()];
    let public = asked.pki.leaf_with("public", &["localhost"], with_url);
    for (pair, problem) in [
        (private, "unknown_issuer"),
        (public, "missing_intermediate"),
    ] {
        let server = SServer::start(&pair, &[]);
        let seen = asked.ends_with(1, &server.at("localhost"), &[]);
        let says = refused_for(&seen, problem);
        assert!(says.contains("CN=Test Intermediate"), "{says}");
    }

    for (file, from, until, problem) in [
        ("expired", -30, -2, "expired"),
        ("future", 2, 30, "not_yet_valid"),
    ] {
        let server = asked.whole(&asked.valid(file, from, until), &[]);
        let seen = asked.ends_with(1, &server.at("localhost"), &[]);
        refused_for(&seen, problem);
        let leaf = &seen["chain"][0];
        assert!(leaf["not_after"].is_string(), "{leaf:#}");
        assert_eq!(leaf["seconds_left"].as_i64().unwrap() < 0, until < 0);
    }

    let own = asked
        .pki
        .by_openssl("own", &["-newkey", "rsa:2048"], "-sha256");
    let server = SServer::start(&own, &[]);
    let seen = asked.ends_with(1, &server.at("localhost"), &[]);
    refused_for(&seen, "self_signed");
}

#[test]
fn days_that_do_not_suffice_make_a_no_of_a_yes() {
    let asked = Asked::new();
    let server = asked.whole(&asked.valid("leaf", -1, 30), &[]);
    let server = server.at("localhost");
    let seen = asked.ends_with(0, &server, &["--min-days", "30"]);
    let days = |left: i64, wanted: u32, enough: bool| serde_json::json!({"left": left, "wanted": wanted, "enough": enough});
    assert_eq!(seen["min_days"], days(30, 30, true));
    let seen = asked.ends_with(1, &server, &["--min-days", "31"]);
    assert_eq!(seen["min_days"], days(30, 31, false));
    assert_eq!(verdict(&seen, "given")["judgement"], "verified");
}

#[test]
fn an_address_is_looked_for_among_the_addresses() {
    let asked = Asked::new();
    let server = asked.whole(&asked.pki.leaf("ip", &["localhost", "127.0.0.1"]), &[]);
    asked.ends_with(0, &server.at("127.0.0.1"), &[]);
    let server = asked.whole(&asked.pki.leaf("name", &["localhost"]), &[]);
    let seen = asked.ends_with(1, &server.at("127.0.0.1"), &[]);
    refused_for(&seen, "name_mismatch");
}

#[test]
fn a_staple_of_the_issuer_decides_where_it_revokes() {
    let asked = Asked::new();
    let pair = asked.pki.leaf("leaf", &["localhost"]);
    for (revoked, code) in [(false, 0), (true, 1)] {
        let answer = ocsp_answer(&asked.pki, &pair, revoked);
        for version in ["-tls1_2", "-tls1_3"] {
            let server = asked.whole(&pair, &[version, "-status_file", &answer]);
            let seen = asked.ends_with(code, &server.at("localhost"), &[]);
            let staple = &seen["ocsp_staple"];
            let status = if revoked { "revoked" } else { "good" };
            assert_eq!(staple["status"], status, "{seen:#}");
            assert_eq!(staple["signed_by_issuer"], true);
            if revoked {
                let says = refused_for(&seen, "revoked");
                assert!(says.contains("keyCompromise"), "{says}");
                let short = [server.at("localhost"), "--short".to_owned()];
                let table = asked.target.tls(&[&short[0], &short[1]]).stdout_text();
                assert!(table.contains("revoked"), "{table}");
            }
        }
    }
}

/// Authority information access: where the issuer's certificate can be had.
fn issuer_url() -> CustomExtension {
    let url = b"http://ca.example/i.der";
    let method = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02";
    let der =
        |tag: u8, content: &[u8]| [&[tag, content.len().try_into().unwrap()], content].concat();
    let access = der(0x30, &[&method[..], &der(0x86, url)].concat());
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], der(0x30, &access))
}

/// The file with what the issuer says of a certificate, made by `openssl ocsp`.
fn ocsp_answer(pki: &Pki, pair: &Pair, revoked: bool) -> String {
    let mut openssl = Command::new("openssl");
    openssl
        .args(["x509", "-noout", "-serial", "-in"])
        .arg(&pair.certificate);
    let said = run(&mut openssl).ended_with(0).stdout_text();
    let serial = said.trim().strip_prefix("serial=").unwrap();
    let state = if revoked {
        format!("R\t400101000000Z\t260101000000Z,keyCompromise\t{serial}\tunknown\t/CN=x\n")
    } else {
        format!("V\t400101000000Z\t\t{serial}\tunknown\t/CN=x\n")
    };
    fs::write(pki.path("index.txt"), state).unwrap();
    let answer = pki.word(if revoked { "revoked.der" } else { "good.der" });
    let mut openssl = Command::new("openssl");
    openssl.current_dir(pki.house.path()).args(["ocsp"]);
    openssl.args(["-index", "index.txt", "-CA", "intermediate.pem"]);
    openssl.args(["-issuer", "intermediate.pem", "-cert"]);
    openssl.arg(&pair.certificate);
    openssl.args(["-rsigner", "intermediate.pem", "-rkey", "intermediate.key"]);
    openssl.args(["-ndays", "7", "-noverify", "-respout", &answer]);
    run(&mut openssl).ended_with(0);
    answer
}
