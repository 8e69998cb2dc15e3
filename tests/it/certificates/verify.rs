//! `certificates --verify` and `check cert:PATH,verify` beside `openssl verify` with the same
//! authorities.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::house::{House, at, files, look, server};
use crate::host::{list, only};
use crate::lab::{Container, Lab, Output, Setup, example};
use crate::tls::target_verdicts::marked_as_go;

const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Certificate files, as they lie below /certs, and the authorities that the target trusts.
struct Files {
    house: House,
    /// Name, the leaf alone for `openssl`, and what a verifier that trusts `root` says.
    cases: Vec<(&'static str, PathBuf, Expected)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expected {
    Verified,
    Refused(&'static str),
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(30);
    params.not_after = now + Duration::days(90);
    params
}

impl Files {
    fn new() -> Self {
        let key = || KeyPair::generate().unwrap();
        let root = CertifiedIssuer::self_signed(authority("Test Root"), key()).unwrap();
        let between =
            CertifiedIssuer::signed_by(authority("Test Intermediate"), key(), &root).unwrap();
        let stranger = CertifiedIssuer::self_signed(authority("Stranger"), key()).unwrap();
        let house = House::new();
        house.write("bundle.pem", root.pem());
        house.write("ca.crt", root.pem());
        let mut files = Self {
            house,
            cases: Vec::new(),
        };
        let good = leaf("good.example");
        let good_key = key();
        files.house.write("good.key", good_key.serialize_pem());
        let good = good.signed_by(&good_key, &between).unwrap().pem();
        files.case(
            "good.crt",
            &good,
            &[&good, &between.pem()],
            Expected::Verified,
        );
        let order = [between.pem(), root.pem(), good.clone()];
        let order = order.each_ref().map(String::as_str);
        files.case("backwards.crt", &good, &order, Expected::Verified);
        let alone = Expected::Refused("unknown_issuer");
        files.case("alone.crt", &good, &[&good], alone);
        let mut old = leaf("old.example");
        old.not_after = OffsetDateTime::now_utc() - Duration::days(3);
        let old = old.signed_by(&key(), &between).unwrap().pem();
        let expired = Expected::Refused("expired");
        files.case("expired.crt", &old, &[&old, &between.pem()], expired);
        let other = leaf("other.example").signed_by(&key(), &stranger).unwrap();
        let other = other.pem();
        let chain = [other.as_str(), &stranger.pem()];
        let unknown = Expected::Refused("unknown_issuer");
        files.case("stranger.crt", &other, &chain, unknown);
        let mut client = leaf("client.example");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client = client.signed_by(&key(), &between).unwrap().pem();
        let chain = [client.as_str(), &between.pem()];
        files.case("client.crt", &client, &chain, Expected::Verified);
        // As `openssl req -x509` makes it: an authority by its extension, a server by its use.
        let mut own = leaf("own.example");
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own_key = key();
        files.house.write("own.key", own_key.serialize_pem());
        let own = own.self_signed(&own_key).unwrap().pem();
        files.case("own.crt", &own, &[&own], Expected::Refused("self_signed"));
        files
    }

    fn case(&mut self, name: &'static str, leaf: &str, chain: &[&str], expected: Expected) {
        self.house.write(name, chain.concat());
        let leaf = self.house.write(&format!("leaf-of-{name}"), leaf);
        self.cases.push((name, leaf, expected));
    }

    fn start_container(&self, mut setup: Setup) -> Container {
        let keys = ["good.key", "own.key", "ca.crt"];
        let names = self.cases.iter().map(|(name, ..)| *name);
        for name in names.chain(keys) {
            setup = setup.copy(&self.house.path(name), &format!("/certs/{name}"));
        }
        setup.start()
    }

    /// A program of Go's, which trusts the bundle.
    fn trusting(&self) -> Container {
        let go = self.house.path("go-server");
        marked_as_go(&example("tlsserver"), &go);
        let setup = Lab::program(&go).uid(1000).caps("none").ready("ready");
        self.start_container(setup.copy(&self.house.path("bundle.pem"), BUNDLE))
    }

    fn openssl_says(&self, name: &str, leaf: &Path) -> bool {
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-no-CApath", "-no-CAstore", "-CAfile"]);
        verify.arg(self.house.path("bundle.pem"));
        verify
            .arg("-untrusted")
            .arg(self.house.path(name))
            .arg(leaf);
        verify.output().unwrap().status.success()
    }
}

fn spyhole(container: &Container, words: &[&str]) -> Output {
    let viewer = container.spyhole().uid(1000).caps("none");
    viewer.args(words).run()
}

/// The verdict with the target's authorities.
fn verdict(file: &Value) -> &Value {
    only(list(file, "verdicts"), |one| one["authorities"] == "target")
}

#[needs(root)]
fn each_leaf_of_the_files_has_the_verdict_of_openssl() {
    let made = Files::new();
    let web = made.trusting();
    let seen = spyhole(&web, &["certs", "--verify", "-o", "json"]).ended_with(1);
    let seen = seen.json();
    crate::document::assert_keeps_the_contract(&seen, "certificates --verify");
    for (name, leaf, expected) in &made.cases {
        let path = format!("/certs/{name}");
        let file = at(&seen, &path);
        let verdict = verdict(file);
        let verified = verdict["judgement"] == "verified";
        assert_eq!(verified, *expected == Expected::Verified, "{file:#}");
        assert_eq!(verified, made.openssl_says(name, leaf), "{file:#}");
        if let Expected::Refused(problem) = expected {
            assert_eq!(verdict["findings"][0]["problem"], *problem, "{file:#}");
        }
        // Places are those of the file, also where the leaf is last.
        let place = usize::try_from(verdict["leaf"].as_u64().unwrap()).unwrap();
        let at_leaf = &file["certificates"][place];
        let subject = at_leaf["subject"].as_str().unwrap();
        assert!(subject.ends_with(".example"), "{file:#}");
        let check = spyhole(&web, &["check", &format!("cert:{path},verify")]);
        check.ended_with(i32::from(!verified));
        spyhole(&web, &["check", &format!("cert:{path},verify=mozilla")]).ended_with(1);
    }
    assert_eq!(at(&seen, "/certs/ca.crt")["verdicts"], json!([]));
    let plain = look(&web, &[]);
    assert!(
        files(&plain)
            .iter()
            .all(|file| file.get("verdicts").is_none())
    );
    // An authority alone answers neither yes nor no.
    let spec = "cert:/certs/ca.crt,verify";
    let check = spyhole(&web, &["check", spec]).ended_with(4);
    assert!(check.stdout_text().contains("only authorities"), "{check}");
}

#[needs(root)]
fn the_table_says_who_verifies_and_the_exit_code_is_the_worst() {
    let made = Files::new();
    let web = made.trusting();
    let all = spyhole(&web, &["certs", "--verify"]).ended_with(1);
    let table = all.stdout_text();
    let row = |file: &str| {
        let path = format!("/certs/{file}");
        let row = table.lines().find(|line| line.ends_with(&path));
        row.unwrap_or_else(|| panic!("{table}"))
    };
    assert!(
        table.lines().next().unwrap().contains("VERIFIES"),
        "{table}"
    );
    assert!(row("good.crt").contains("  yes  "), "{table}");
    assert!(
        row("alone.crt").contains("  no: unknown issuer  "),
        "{table}"
    );
    assert!(row("expired.crt").contains("  no: expired  "), "{table}");
    assert!(row("own.crt").contains("  no: self-signed  "), "{table}");
    let note = "/certs/alone.crt: good.example does not verify with the target's roots: ";
    assert!(table.contains(note), "{table}");
    assert!(table.contains("1 file with only authorities"), "{table}");

    let exit = |words: &[&str]| spyhole(&web, &[&["certs", "--verify"], words].concat());
    exit(&["--file", "/certs/good.crt"]).ended_with(0);
    exit(&["--file", "/certs/good.crt", "--file", "/certs/alone.crt"]).ended_with(1);
    exit(&["--file", "/certs/ca.crt"]).ended_with(4);
    spyhole(&web, &["certs"]).ended_with(0);
}

/// Nothing tells whom a program of Rust's trusts: that is neither yes nor no, but what has expired
/// is no in any case.
#[needs(root)]
fn without_the_targets_authorities_a_verdict_is_unknown() {
    let made = Files::new();
    let web = made.start_container(server());
    let exit = |file: &str| {
        let words = ["certs", "--verify", "--file", file];
        spyhole(&web, &words)
    };
    let unknown = exit("/certs/good.crt").ended_with(4).stdout_text();
    assert!(unknown.contains("  unknown  "), "{unknown}");
    let note = "1 certificate not verified: the target's trust store is unknown";
    assert!(unknown.contains(note), "{unknown}");
    exit("/certs/expired.crt").ended_with(1);
    let check = |spec: &str| spyhole(&web, &["check", spec]);
    let says = check("cert:/certs/good.crt,verify").ended_with(4);
    let why = "the target's trust store is unknown";
    assert!(says.stdout_text().contains(why), "{says}");
    check("cert:/certs/good.crt,verify=mozilla").ended_with(1);
    check("cert:/certs/good.crt,verify=none").ended_with(0);
    check("cert:/certs/good.crt").ended_with(0);
    check("cert:/certs/expired.crt,verify").ended_with(1);
    check("cert:/certs/good.crt,verify=all").ended_with(2);
    // A flag is a flag of its own kind of check only.
    check("file:/certs/good.crt,verify").ended_with(1);
}
