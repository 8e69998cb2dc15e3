//! What the application in a scratch container thinks of a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::pki::{Pair, Pki};
use crate::host::{list, only, run};
use crate::lab::{Container, Lab, Output, Setup, example};

const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A server's certificate with its chain, and a program that looks at where Go does.
struct House {
    pki: Pki,
    pair: Pair,
    go: PathBuf,
}

impl House {
    fn new() -> Self {
        let pki = Pki::new();
        let pair = pki.leaf("leaf", &["localhost"]);
        let intermediate = fs::read(pki.path("intermediate.pem")).unwrap();
        let chain = [fs::read(&pair.certificate).unwrap(), intermediate].concat();
        fs::write(&pair.certificate, chain).unwrap();
        let go = pki.path("go-server");
        marked_as_go(&example("tlsserver"), &go);
        Self { pki, pair, go }
    }

    /// Anybody's server, with its certificate.
    fn serves(&self, setup: Setup) -> Setup {
        let setup = setup.copy(&self.pair.certificate, "/tls.crt");
        let setup = setup.copy(&self.pair.key, "/tls.key").ready("ready");
        let words = ["--cert=/tls.crt", "--key=/tls.key", "--listen=0.0.0.0:8443"];
        setup.args(words)
    }

    /// One that is Go's, as its own target.
    fn go(&self) -> Setup {
        self.serves(Lab::program(&self.go))
    }
}

/// The program with the build information that Go's linker leaves, by which it is recognised.
pub(crate) fn marked_as_go(program: &Path, marked: &Path) {
    let mut info = b"\xff Go buildinf:\x08\x02".to_vec();
    info.extend([0; 16]);
    info.extend(b"\x08go1.22.3\x00");
    let section = marked.with_extension("info");
    fs::write(&section, info).unwrap();
    let mut add = std::ffi::OsString::from(".go.buildinfo=");
    add.push(&section);
    let mut objcopy = Command::new("objcopy");
    objcopy.arg("--add-section").arg(add);
    run(objcopy.arg(program).arg(marked)).ended_with(0);
}

fn ask(web: &Container, words: &[&str]) -> Output {
    let viewer = web.spyhole().caps("+sys_ptrace,+dac_read_search");
    viewer.args(["tls", "localhost:8443"]).args(words).run()
}

fn look(web: &Container) -> (Option<i32>, Value) {
    let output = ask(web, &["-o", "json"]);
    let document = output.json();
    crate::document::assert_keeps_the_contract(&document, "tls of a container");
    (output.code, document["tls"].clone())
}

fn judgement<'a>(look: &'a Value, authorities: &str) -> &'a str {
    let verdicts = list(look, "verdicts");
    let verdict = only(verdicts, |one| one["authorities"] == authorities);
    verdict["judgement"].as_str().unwrap()
}

#[needs(root)]
fn an_image_without_bundle_is_the_reason_and_the_table_begins_with_it() {
    let house = House::new();
    let web = house.go().start();
    let (code, seen) = look(&web);
    assert_eq!(code, Some(1));
    assert_eq!(seen["verdicts"][0]["authorities"], "target", "{seen:#}");
    assert_eq!(judgement(&seen, "target"), "refused");
    assert_eq!(judgement(&seen, "mozilla"), "refused");
    let table = ask(&web, &[]).ended_with(1).stdout_text();
    let first = table.lines().next().unwrap();
    assert!(first.starts_with("✗ unknown issuer"), "{table}");
    let says = "the target has no CA bundle: none of the 8 paths that Go searches exists: its \
        trust store is empty, so every TLS connection will fail";
    assert!(first.contains(says), "{table}");
    let printed = "The application prints: x509: certificate signed by unknown authority";
    assert!(table.contains(printed), "{table}");
}

#[needs(root)]
fn a_bundle_in_the_image_verifies_what_mozilla_refuses() {
    let house = House::new();
    let web = house.go().copy(&house.pki.path("root.pem"), BUNDLE).start();
    let (code, seen) = look(&web);
    assert_eq!(judgement(&seen, "target"), "verified", "{seen:#}");
    assert_eq!(judgement(&seen, "mozilla"), "refused");
    assert_eq!(code, Some(0));
    let table = ask(&web, &[]).stdout_text();
    assert!(!table.contains("The application prints"), "{table}");
}

#[needs(root)]
fn a_variable_that_leads_nowhere_takes_the_bundle_away() {
    let house = House::new();
    let web = house.go().copy(&house.pki.path("root.pem"), BUNDLE);
    let web = web
        .env("SSL_CERT_FILE", "/etc/nowhere.pem")
        .env("SSL_CERT_DIR", "/none");
    let web = web.start();
    let (code, seen) = look(&web);
    assert_eq!(judgement(&seen, "target"), "refused", "{seen:#}");
    assert_eq!(code, Some(1));
    let table = ask(&web, &[]).stdout_text();
    let first = table.lines().next().unwrap();
    assert!(
        first.contains("SSL_CERT_FILE points to /etc/nowhere.pem, which does not exist"),
        "{table}"
    );
    assert!(!first.contains("the target has no CA bundle"), "{table}");
}

/// The sample application has no TLS in it: no verdict is made up for it, and that is said.
#[needs(root)]
fn a_program_whose_authorities_are_not_known_gets_no_verdict_of_its_own() {
    let house = House::new();
    let web = Lab::webapp().start();
    let beside = web.beside(&example("tlsserver")).share_pid(false);
    let _server = house.serves(beside).start();
    let (code, seen) = look(&web);
    assert_eq!(code, Some(1));
    assert_eq!(seen["trust_store"]["runtime"], "rust", "{seen:#}");
    assert_eq!(seen["trust_store"].get("roots"), None);
    let authorities: Vec<_> = list(&seen, "verdicts")
        .iter()
        .map(|one| &one["authorities"])
        .collect();
    assert_eq!(authorities, ["mozilla"], "{seen:#}");
    let consequence = seen["trust_store"]["consequence"].as_str().unwrap();
    let table = ask(&web, &[]).stdout_text();
    let line = format!("? with the target's roots  {consequence}");
    assert!(table.lines().any(|one| one == line), "{table}");
}
