//! How a server is named, what is printed, and how it ends.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread;

use super::pki::Pki;
use super::servers::{SServer, serve, shake_hands, tls_of, wait_for_the_end};
use super::{Target, failure, look, says, tls};
use crate::host::{list, run, spyhole};
use crate::lab::Lab;

#[test]
fn pem_is_the_chain_that_openssl_reads() {
    let pki = Pki::new();
    let pair = pki.leaf("leaf", &["localhost"]);
    let intermediate = pki.word("intermediate.pem");
    let server = SServer::start(&pair, &["-cert_chain", &intermediate]);
    let seen = tls(&[&server.at("localhost"), "-o", "pem"]);
    let both = [&pair.certificate, &pki.path("intermediate.pem")]
        .map(|path| fs::read_to_string(path).unwrap().replace("\r\n", "\n"));
    assert_eq!(seen.stdout_text(), both.concat());
    fs::write(pki.path("served.pem"), &seen.stdout).unwrap();
    let mut x509 = Command::new("openssl");
    x509.args(["x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in"])
        .arg(pki.path("served.pem"));
    let subject = run(&mut x509).ended_with(0).stdout_text();
    assert_eq!(subject.trim(), "subject=CN=localhost");
}

#[test]
fn without_a_chain_pem_is_empty_and_stderr_says_why() {
    let server = serve(|mut stream| wait_for_the_end(&mut stream));
    let seen = tls(&[&server, "-o", "pem", "--timeout", "500ms"]).ended_with(1);
    assert_eq!(seen.stdout_text(), "");
    assert!(seen.stderr_text().contains("✗ timeout"), "{seen}");
}

#[test]
fn a_section_without_certificates_has_no_pem() {
    let seen = spyhole(["ps", "-o", "pem"]).ended_with(2);
    assert!(
        seen.stderr_text().contains("not supported for processes"),
        "{seen}"
    );
    assert!(seen.stdout.is_empty());
}

#[test]
fn the_days_that_are_left_are_compared() {
    let pki = Pki::new();
    let pair = pki.by_openssl("leaf", &["-newkey", "rsa:2048"], "-sha256");
    let server = SServer::start(&pair, &[]);
    let endpoint = server.at("localhost");
    let days = |wanted: &str| look(&[&endpoint, "--min-days", wanted])["min_days"].clone();
    assert_eq!(days("29")["enough"], true);
    assert_eq!(
        (&days("30")["enough"], &days("30")["left"]),
        (&false.into(), &29.into())
    );
    assert_eq!(look(&[&endpoint]).get("min_days"), None);
    let table = tls(&[&endpoint, "--min-days", "365"])
        .ended_with(1)
        .stdout_text();
    let time = table.lines().find(|line| line.contains(" time ")).unwrap();
    assert!(
        time.starts_with('✗') && time.contains("--min-days 365"),
        "{table}"
    );
}

#[test]
fn tables_show_session_and_chain_as_they_are_asked_for() {
    let pki = Pki::new();
    let pair = pki.leaf("leaf", &["localhost"]);
    let server = SServer::start(&pair, &["-tls1_2"]);
    let endpoint = server.at("localhost");
    let table = |words: &[&str]| tls(&[&[endpoint.as_str()], words].concat()).stdout_text();
    let usual = table(&[]);
    assert!(usual.contains("TLS 1.2, TLS_ECDHE_ECDSA_WITH_"), "{usual}");
    assert!(!usual.contains("SHA-256"), "{usual}");
    let short = table(&["--short"]);
    assert!(
        short.contains(" time ") && !short.contains("session"),
        "{short}"
    );
    assert!(short.lines().count() < usual.lines().count());
    for words in [&["--chain"][..], &["-o", "wide"]] {
        let chain = table(words);
        assert!(chain.contains("CN=Test Intermediate"), "{chain}");
    }
}

#[needs(root)]
fn a_unix_socket_is_found_in_the_root_of_the_target() {
    let pki = Pki::new();
    let config = tls_of(&pki.leaf("leaf", &["web"]));
    let web = Lab::webapp().uid(0).start();
    let place = format!("/proc/{}/root/tmp/tls.sock", web.host_pid);
    let listener = UnixListener::bind(&place).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            shake_hands(&config, &mut stream);
        }
    });
    let pid = web.host_pid.to_string();
    let ask = |path: &str| {
        let words = [
            "--pid",
            &pid,
            "tls",
            path,
            "--servername",
            "web",
            "-o",
            "json",
        ];
        spyhole(words).json()["tls"].clone()
    };
    let seen = ask("unix:/tmp/tls.sock");
    assert_eq!(seen.get("failure"), None, "{seen:#}");
    assert_eq!(seen["chain"][0]["subject"], "CN=web");
    assert_eq!(seen["dialled"], "unix:/tmp/tls.sock");
    assert_eq!(
        failure(&ask("unix:/tmp/none.sock"), "unreachable")["step"],
        "connect"
    );
}

#[needs(root)]
fn names_are_looked_up_in_the_hosts_file_of_the_target() {
    let pki = Pki::new();
    let pair = pki.leaf("leaf", &["api.internal"]);
    let server = SServer::start(&pair, &[]);
    fs::write(pki.path("hosts"), "127.0.0.1 api.internal\n").unwrap();
    let web = Lab::webapp().copy(&pki.path("hosts"), "/etc/hosts").start();
    let pid = web.host_pid.to_string();
    let endpoint = server.at("api.internal");
    let document = spyhole(["--pid", &pid, "tls", &endpoint, "-o", "json"]).json();
    let resolution = &document["tls"]["resolution"];
    assert_eq!(resolution["by"], "hosts", "{document:#}");
    assert_eq!(resolution["files_of"], "target");
    assert_eq!(resolution["addresses"], serde_json::json!(["127.0.0.1"]));
    assert_eq!(document["tls"]["sni"], "api.internal");
    // The container has a network of its own, and spyhole dials from the machine's.
    assert_eq!(document["tls"]["from_target_network"], false);
}

#[test]
fn what_cannot_be_asked_is_a_usage_error() {
    let pki = Pki::new();
    let pair = pki.leaf("leaf", &["localhost"]);
    let other = pki.leaf("other", &["localhost"]);
    let (certificate, key) = (
        pair.certificate.to_str().unwrap(),
        pair.key.to_str().unwrap(),
    );
    let empty = pki.word("empty.pem");
    fs::write(&empty, "nothing\n").unwrap();
    let none = pki.word("none.pem");
    let other_key = other.key.to_str().unwrap();
    let cases: [(&[&str], &str); 12] = [
        (&[], "HOST:PORT"),
        (&["api:x"], "port"),
        (&["http://api"], "https"),
        (&["api", "--servername", "a b"], "--servername"),
        (
            &["api", "--servername", "a", "--no-servername"],
            "--no-servername",
        ),
        (&["api", "--starttls", "gopher"], "smtp"),
        (&["api", "--alpn", ""], "--alpn"),
        (&["api", "--ca", &none], "none.pem"),
        (&["api", "--ca", &empty], "contains no certificate"),
        (&["api", "--cert", certificate], "--key"),
        (&["api", "--cert", key, "--key", key], "--cert"),
        (
            &["api", "--cert", certificate, "--key", other_key],
            "not the key",
        ),
    ];
    for (words, expected) in cases {
        let seen = tls(words).ended_with(2);
        assert!(seen.stderr_text().contains(expected), "{words:?}: {seen}");
        assert!(seen.stdout.is_empty(), "{seen}");
    }
}

#[test]
fn nothing_of_a_key_is_printed() {
    let pki = Pki::new();
    let pair = pki.leaf("leaf", &["localhost"]);
    let (certificate, key) = (
        pair.certificate.to_str().unwrap(),
        pair.key.to_str().unwrap(),
    );
    let server = SServer::start(&pair, &["-Verify", "1"]);
    let text = fs::read_to_string(&pair.key).unwrap();
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let der = data_encoding::BASE64.decode(base64.as_bytes()).unwrap();
    // The secret number of a key in PKCS#8, which stands behind what names its curve.
    let secret = &der[36..68];
    let forms = [
        data_encoding::HEXLOWER.encode(secret),
        data_encoding::BASE64.encode(&secret[..30]),
        base64[60..90].to_owned(),
    ];
    let endpoint = server.at("localhost");
    for format in ["table", "wide", "json", "yaml", "pem"] {
        let seen = tls(&[&endpoint, "--cert", certificate, "--key", key, "-o", format]);
        let said = [seen.stdout, seen.stderr].concat();
        assert!(!said.windows(secret.len()).any(|part| part == secret));
        let text = String::from_utf8_lossy(&said);
        assert!(
            forms.iter().all(|form| !text.contains(form)),
            "{format}: {text}"
        );
    }
}

#[test]
fn without_leave_to_connect_nothing_is_dialled() {
    let dialled = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let note = std::sync::Arc::clone(&dialled);
    let server = serve(move |_| note.store(true, std::sync::atomic::Ordering::SeqCst));
    let target = Target::new();
    let seen = target
        .tls(&[&server, "--no-connect", "-o", "json"])
        .ended_with(4);
    let document = seen.json();
    assert_eq!(document.get("tls"), None);
    let gap = list(&document, "gaps")
        .iter()
        .find(|gap| gap["section"] == "tls")
        .unwrap();
    assert!(
        gap["needs"].as_str().unwrap().contains("--no-connect"),
        "{gap:#}"
    );
    let table = target.tls(&[&server, "--no-connect"]).ended_with(4);
    assert!(table.stdout_text().contains("--no-connect"), "{table}");
    assert!(!dialled.load(std::sync::atomic::Ordering::SeqCst));
}

#[needs(root)]
fn where_nobody_else_is_in_sight_the_server_is_asked_all_the_same() {
    let seen = Lab::bare().args(["tls", "127.0.0.1:1", "-o", "json"]).run();
    assert_eq!(seen.code, Some(1), "{seen}");
    let document = seen.json();
    failure(&document["tls"], "connection_refused");
    assert!(
        seen.stderr_text()
            .contains("only its own container is visible"),
        "{seen}"
    );
}

#[test]
fn a_document_of_a_look_holds_no_word_of_a_url_but_host_and_port() {
    let server = serve(|mut stream| wait_for_the_end(&mut stream));
    let url = format!("https://me:hunter2hunter2@{server}/path?token=abc");
    let seen = tls(&[&url, "--timeout", "300ms", "-o", "json"]).ended_with(1);
    assert_eq!(seen.json()["tls"]["endpoint"], server.as_str());
    assert!(!seen.to_string().contains("hunter2"), "{seen}");
    assert!(says(&seen.json()["tls"]["failure"]).contains("sent nothing"));
}
