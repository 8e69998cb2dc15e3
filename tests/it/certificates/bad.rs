//! `certificates --min-days` and `check cert:` never pass what is bad: an expired certificate that
//! calls itself an authority, and files that cannot be read.

use std::fs;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::house::{Days, House, at, authority, gap_of, look, openssl_x509, server};
use crate::host::run;
use crate::lab::{Container, Lab, Output, example};

/// What `openssl` makes with these words, in a file of the house.
fn openssl(house: &House, name: &str, words: &[&str]) -> Vec<u8> {
    let path = house.path(name);
    let mut openssl = Command::new("openssl");
    run(openssl.args(words).arg("-out").arg(&path)).ended_with(0);
    house.mode(name, 0o644);
    fs::read(path).unwrap()
}

/// Whether openssl reads a certificate at the start of a file.
fn openssl_reads(house: &House, name: &str) -> bool {
    let mut openssl = Command::new("openssl");
    let openssl = openssl.args(["x509", "-noout", "-in"]);
    let output = openssl.arg(house.path(name)).output().unwrap();
    output.status.success()
}

/// Whether openssl says that the first certificate of a file is still valid.
fn openssl_says_valid(house: &House, name: &str) -> bool {
    let mut openssl = Command::new("openssl");
    let openssl = openssl.args(["x509", "-noout", "-checkend", "0", "-in"]);
    let output = openssl.arg(house.path(name)).output().unwrap();
    output.status.success()
}

/// A self-signed server certificate as `openssl req -x509` makes it, an authority by its extension,
/// and its key.
fn own_server(house: &House, name: &str, days: i64) {
    let mut params = CertificateParams::new(["own.example".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "own");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(400);
    params.not_after = now + Duration::days(days);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    house.write(&format!("{name}.crt"), pem);
    house.write(&format!("{name}.key"), key.serialize_pem());
}

fn spyhole(container: &Container, words: &[&str]) -> Output {
    let viewer = container.spyhole().uid(1000).caps("none");
    viewer.args(words).run()
}

fn min_days(container: &Container, words: &[&str]) -> Output {
    spyhole(container, &[&["certs", "--min-days", "14"], words].concat())
}

#[needs(root)]
fn an_expired_self_signed_server_certificate_is_no() {
    let house = House::new();
    own_server(&house, "own", -3);
    assert!(openssl_reads(&house, "own.crt") && !openssl_says_valid(&house, "own.crt"));
    // With its key, wherever both were found.
    let web = server()
        .copy(&house.path("own.crt"), "/certs/own.crt")
        .copy(&house.path("own.key"), "/etc/tls/other-name.key")
        .start();
    min_days(&web, &[]).ended_with(1);
    min_days(&web, &["--dir", "/certs"]).ended_with(1);
    min_days(&web, &["--file", "/certs/own.crt"]).ended_with(1);
    spyhole(&web, &["check", "cert:/certs/own.crt"]).ended_with(1);
    // In one file, behind another certificate.
    let key = fs::read_to_string(house.path("own.key")).unwrap();
    let own = fs::read_to_string(house.path("own.crt")).unwrap();
    let other = authority("ca").issue("other", Days(-1, 90)).pem;
    house.write("both.pem", format!("{other}{own}{key}"));
    let web = server()
        .copy(&house.path("both.pem"), "/certs/both.pem")
        .start();
    min_days(&web, &[]).ended_with(1);
    // Named alone: by the user, or by the application.
    let web = server()
        .copy(&house.path("own.crt"), "/odd/own.crt")
        .args(["--cert=/odd/own.crt"])
        .start();
    min_days(&web, &[]).ended_with(1);
    min_days(&web, &["--file", "/odd/own.crt"]).ended_with(1);
    // As it is served, whatever the files say.
    let listen = ["--cert=/own.crt", "--key=/own.key", "--listen=0.0.0.0:8443"];
    let web = Lab::program(&example("tlsserver"))
        .ready("ready")
        .copy(&house.path("own.crt"), "/own.crt")
        .copy(&house.path("own.key"), "/own.key")
        .args(listen)
        .start();
    let root = web
        .spyhole()
        .args(["certs", "--served", "--min-days", "14", "--dir", "/tmp"]);
    root.run().ended_with(1);
}

#[needs(root)]
fn a_certificate_that_is_not_valid_yet_is_no() {
    let house = House::new();
    let (ca, later) = (authority("ca"), Days(30, 90));
    let future = ca.issue("future.example", later);
    house.write("future.crt", &future.pem);
    house.write("future.key", future.key.serialize_pem());
    let web = server()
        .copy(&house.path("future.crt"), "/certs/tls.crt")
        .start();
    for words in [&[][..], &["--dir", "/certs"], &["--file", "/certs/tls.crt"]] {
        let seen = min_days(&web, words).ended_with(1);
        let text = seen.stdout_text();
        assert!(
            text.contains("future.example is not valid until "),
            "{seen}"
        );
    }
    let seen = spyhole(&web, &["check", "cert:/certs/tls.crt"]).ended_with(1);
    assert!(seen.stdout_text().contains("not valid yet"), "{seen}");
    let listen = ["--cert=/own.crt", "--key=/own.key", "--listen=0.0.0.0:8443"];
    let web = Lab::program(&example("tlsserver"))
        .ready("ready")
        .copy(&house.path("future.crt"), "/own.crt")
        .copy(&house.path("future.key"), "/own.key")
        .args(listen)
        .start();
    let root = |words: &[&str]| web.spyhole().args(words).run();
    root(&["certs", "--served", "--min-days", "14", "--dir", "/tmp"]).ended_with(1);
    root(&["check", "tls:127.0.0.1:8443,verify=none"]).ended_with(1);
    root(&["tls", "127.0.0.1:8443"]).ended_with(1);
}

#[needs(root)]
fn authorities_of_a_named_bundle_count_where_nothing_else_is_there() {
    let house = House::new();
    own_server(&house, "old", -3);
    let old = fs::read_to_string(house.path("old.crt")).unwrap();
    let (root, ca) = (authority("root"), authority("ca"));
    let leaf = ca.issue("leaf", Days(-1, 90)).pem;
    house.write("chain.pem", format!("{leaf}{}{old}", ca.pem));
    house.write("roots.pem", format!("{}{old}", root.pem));
    let web = server()
        .copy(&house.path("chain.pem"), "/certs/chain.pem")
        .copy(&house.path("roots.pem"), "/certs/roots.pem")
        .start();
    min_days(&web, &["--file", "/certs/chain.pem"]).ended_with(0);
    spyhole(&web, &["check", "cert:/certs/chain.pem"]).ended_with(0);
    min_days(&web, &["--file", "/certs/roots.pem"]).ended_with(1);
    spyhole(&web, &["check", "cert:/certs/roots.pem"]).ended_with(1);
    // Nobody named them.
    min_days(&web, &[]).ended_with(0);
}

#[needs(root)]
#[expect(clippy::too_many_lines, reason = "one case after the other")]
fn a_named_file_that_cannot_be_read_is_neither_yes_nor_no() {
    let house = House::new();
    let issued = authority("ca").issue("leaf", Days(-1, 90));
    let (pem, key) = (issued.pem.clone(), issued.key.serialize_pem());
    house.write("good.pem", &pem);
    house.write("good.key", &key);
    let good = house.path("good.pem");
    let good = good.to_str().unwrap();
    let der = openssl(
        &house,
        "good.der",
        &["x509", "-in", good, "-outform", "der"],
    );
    let in_key = house.path("good.key");
    let in_key = in_key.to_str().unwrap();
    let request = ["req", "-new", "-key", in_key, "-subj", "/CN=r"];
    openssl(&house, "request.pem", &request);
    openssl(
        &house,
        "request.der",
        &[&request[..], &["-outform", "der"]].concat(),
    );
    let keystore = ["pkcs12", "-export", "-in", good, "-inkey", in_key];
    let locked = [&keystore[..], &["-passout", "pass:secret"]].concat();
    openssl(&house, "locked.p12", &locked);
    let half = pem.len() / 2;
    let trimmed = pem.trim_end();
    for (name, content) in [
        ("empty.pem", Vec::new()),
        ("blank.crt", b"\n\n".to_vec()),
        (
            "page.crt",
            b"<!DOCTYPE html><html><body>404</body></html>\n".to_vec(),
        ),
        ("truncated.pem", pem.as_bytes()[..half].to_vec()),
        ("truncated.der", der[..der.len() - 9].to_vec()),
        (
            "second-truncated.pem",
            format!("{pem}{}", &pem[..half]).into_bytes(),
        ),
        (
            "second-truncated.der",
            [&der[..], &der[..der.len() - 9]].concat(),
        ),
        ("glued.pem", format!("{trimmed}{pem}").into_bytes()),
        ("not-base64.pem", pem.replacen("MI", "M*", 1).into_bytes()),
        ("wide.pem", {
            let wide = pem.bytes().flat_map(|byte| [byte, 0]);
            [0xff, 0xfe].into_iter().chain(wide).collect()
        }),
    ] {
        house.write(name, content);
    }
    let names = [
        "empty.pem",
        "blank.crt",
        "page.crt",
        "truncated.pem",
        "truncated.der",
        "second-truncated.pem",
        "second-truncated.der",
        "glued.pem",
        "not-base64.pem",
        "wide.pem",
        "request.pem",
        "request.der",
        "locked.p12",
    ];
    for name in names {
        let path = format!("/odd/{name}");
        let web = server()
            .copy(&house.path(name), &path)
            .copy(&good_file(&house), "/odd/fine")
            .args([format!("--cert={path}").as_str()])
            .start();
        // Named by the user, alone and beside one that is fine; by the application.
        for words in [
            &["--file", path.as_str()][..],
            &["--file", &path, "--file", "/odd/fine"],
            &[],
        ] {
            let seen = min_days(&web, words);
            assert_eq!(seen.code, Some(4), "{name} {words:?}: {seen}");
            assert!(
                seen.stderr_text().contains(&path),
                "{name} {words:?}: {seen}"
            );
            let seen = min_days(&web, &[words, &["-o", "json"]].concat());
            assert_eq!(seen.code, Some(4), "{name} {words:?}: {seen}");
            crate::document::assert_keeps_the_contract(&seen.json(), name);
        }
        let seen = spyhole(&web, &["check", &format!("cert:{path}")]);
        assert_eq!(seen.code, Some(4), "{name}: {seen}");
        assert!(seen.stdout_text().contains(&path), "{name}: {seen}");
    }
    // Where nobody names them, what was read decides, unless all of it was asked for.
    for name in ["truncated.pem", "page.crt", "empty.pem"] {
        let path = format!("/certs/{name}");
        let web = server()
            .copy(&house.path(name), &path)
            .copy(&good_file(&house), "/certs/good.pem")
            .start();
        min_days(&web, &[]).ended_with(0);
        min_days(&web, &["--strict"]).ended_with(4);
    }
    // No beats unknown.
    own_server(&house, "old", -3);
    let web = server()
        .copy(&house.path("old.crt"), "/odd/old.crt")
        .copy(&house.path("truncated.pem"), "/odd/truncated.pem")
        .start();
    let both = ["--file", "/odd/old.crt", "--file", "/odd/truncated.pem"];
    min_days(&web, &both).ended_with(1);
}

fn good_file(house: &House) -> std::path::PathBuf {
    assert!(openssl_says_valid(house, "good.pem"));
    house.path("good.pem")
}

#[needs(root)]
fn a_scan_that_finds_nothing_says_so() {
    let web = server().start();
    let nothing = min_days(&web, &[]).ended_with(0);
    assert!(
        nothing.stderr_text().contains("no certificate"),
        "{nothing}"
    );
    assert!(nothing.stderr_text().contains("--require"), "{nothing}");
    let quiet = min_days(&web, &["-q"]).ended_with(0);
    assert_eq!(quiet.stderr_text(), "");
    let required = min_days(&web, &["--require"]).ended_with(4);
    assert!(
        required.stderr_text().contains("no certificate"),
        "{required}"
    );
    // An authority that nobody named is nothing to check.
    let house = House::new();
    let web = server()
        .copy(&house.write("ca.crt", authority("ca").pem), "/certs/ca.crt")
        .start();
    min_days(&web, &["--require"]).ended_with(4);
    min_days(&web, &["--require", "--file", "/certs/ca.crt"]).ended_with(0);
}

#[needs(root)]
fn one_bad_field_is_null_and_the_others_are_what_openssl_says() {
    let house = House::new();
    let pem = authority("ca").issue("leaf", Days(-1, 90)).pem;
    let good = house.write("good.pem", pem);
    let good = good.to_str().unwrap();
    let mut der = openssl(
        &house,
        "good.der",
        &["x509", "-in", good, "-outform", "der"],
    );
    let mut dates = der
        .windows(2)
        .enumerate()
        .filter(|(_, two)| *two == [0x17, 13]);
    let (last, _) = dates.next_back().unwrap();
    // The month of its end.
    der[last + 4..last + 6].copy_from_slice(b"13");
    let bad = house.write("bad.der", der);
    let web = server().copy(&bad, "/certs/bad.der").start();
    let seen = look(&web, &["--file", "/certs/bad.der"]);
    crate::document::assert_keeps_the_contract(&seen, "a bad date");
    let certificate = &at(&seen, "/certs/bad.der")["certificates"][0];
    assert!(certificate["not_after"].is_null() && certificate["seconds_left"].is_null());
    gap_of(&seen, "malformed", "/certs/bad.der");
    assert_eq!(certificate["faults"], json!(["its notAfter is malformed"]));
    let told = |words: &[&str]| openssl_x509(&bad, &[&["-inform", "der"], words].concat());
    let subject = told(&["-subject", "-nameopt", "RFC2253"]);
    assert_eq!(
        subject.strip_prefix("subject="),
        certificate["subject"].as_str()
    );
    let serial = told(&["-serial"]).to_lowercase();
    assert_eq!(
        serial.strip_prefix("serial="),
        certificate["serial"].as_str()
    );
    let table = spyhole(&web, &["certs"]).ended_with(0);
    assert!(
        table.stdout_text().contains("its notAfter is malformed"),
        "{table}"
    );
    min_days(&web, &[]).ended_with(4);
    spyhole(&web, &["check", "cert:/certs/bad.der"]).ended_with(4);
}
