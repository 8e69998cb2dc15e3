//! What spyhole says of a server is what openssl says of it at the same moment.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::pki::Pki;
use super::servers::{SServer, s_client};
use super::{Target, look};
use crate::host::{list, run};

/// The word behind a label in what `s_client` prints.
fn after<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let rest = text.split_once(label)?.1;
    Some(rest.lines().next()?.trim())
}

/// The IANA name of a suite, which is one and the same in TLS 1.3.
fn iana(openssl_name: &str) -> String {
    let mut command = std::process::Command::new("openssl");
    let listed = run(command.args(["ciphers", "-stdname", "ALL:@SECLEVEL=0"])).stdout_text();
    let named = |line: &str| {
        let mut words = line.split_whitespace();
        let iana = words.next()?.to_owned();
        (words.nth(1)? == openssl_name).then_some(iana)
    };
    listed.lines().find_map(named).unwrap()
}

/// The fingerprints of the blocks that `s_client` prints.
fn fingerprints(text: &str) -> Vec<String> {
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    blocks
        .map(|block| {
            let base64 = block.split("-----END").next().unwrap().replace('\n', "");
            let der = data_encoding::BASE64.decode(base64.as_bytes()).unwrap();
            data_encoding::HEXLOWER.encode(&Sha256::digest(der))
        })
        .collect()
}

fn assert_agrees(server: &SServer, words: &[&str], client_words: &[&str]) -> Value {
    let endpoint = server.at("localhost");
    let seen = look(&[&[endpoint.as_str()], words].concat());
    let openssl = s_client(&server.at("127.0.0.1"), client_words);
    let text = openssl.stdout_text();
    let new = after(&text, "New, ").unwrap_or_else(|| panic!("{openssl}"));
    let (protocol, cipher) = new.split_once(", Cipher is ").unwrap();
    let session = &seen["session"];
    assert_eq!(session["protocol"], protocol, "{seen:#}");
    assert_eq!(session["cipher_suite"], iana(cipher).as_str(), "{seen:#}");
    if let Some(alpn) = after(&text, "ALPN protocol: ") {
        assert_eq!(session["alpn"], alpn);
    } else {
        assert_eq!(session.get("alpn"), None);
    }
    // Of the server until OpenSSL 3.1, of the peer since.
    let group = after(&text, " Temp Key: ").unwrap();
    let group = match group.strip_prefix("ECDH, ").unwrap_or(group) {
        group if group.starts_with("X25519") => "X25519",
        group if group.starts_with("prime256v1") => "secp256r1",
        group if group.starts_with("secp384r1") => "secp384r1",
        other => panic!("{other}"),
    };
    assert_eq!(session["key_exchange_group"], group, "{seen:#}\n{text}");
    let chain: Vec<&str> = list(&seen, "chain")
        .iter()
        .map(|one| one["fingerprint_sha256"].as_str().unwrap())
        .collect();
    assert_eq!(chain, fingerprints(&text));
    seen
}

#[test]
fn every_suite_and_group_is_told_as_openssl_tells_it() {
    let pki = Pki::new();
    let ec = pki.leaf("ec", &["localhost"]);
    let rsa = pki.by_openssl("rsa", &["-newkey", "rsa:2048"], "-sha256");
    for suite in [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
    ] {
        let server = SServer::start(&ec, &["-tls1_3", "-ciphersuites", suite]);
        let seen = assert_agrees(&server, &[], &["-servername", "localhost"]);
        assert_eq!(seen["session"]["signature_checked"], true);
    }
    for suite in [
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "CHACHA20-POLY1305",
    ] {
        for (key, pair) in [("ECDSA", &ec), ("RSA", &rsa)] {
            let name = format!("ECDHE-{key}-{suite}");
            let server = SServer::start(pair, &["-tls1_2", "-cipher", &name]);
            let seen = assert_agrees(&server, &[], &["-servername", "localhost"]);
            assert_eq!(seen["session"]["signature_checked"], true);
        }
    }
    for group in ["X25519", "P-256", "P-384"] {
        let server = SServer::start(&rsa, &["-groups", group]);
        assert_agrees(&server, &[], &["-servername", "localhost"]);
    }
}

#[test]
fn the_protocol_that_alpn_chose_is_told() {
    let pki = Pki::new();
    let pair = pki.leaf("leaf", &["localhost"]);
    let server = SServer::start(&pair, &["-alpn", "h2,http/1.1"]);
    let offers = ["--alpn", "http/1.1"];
    let seen = assert_agrees(&server, &offers, &["-alpn", "http/1.1"]);
    assert_eq!(seen["session"]["alpn"], "http/1.1");
    let seen = assert_agrees(
        &server,
        &["--alpn", "http/1.1,h2"],
        &["-alpn", "http/1.1,h2"],
    );
    assert_eq!(seen["session"]["alpn"], "h2");
    let seen = assert_agrees(&server, &[], &[]);
    assert_eq!(seen["session"].get("alpn"), None);
}

#[test]
fn the_chain_is_what_was_sent_whole_or_not() {
    let pki = Pki::new();
    let pair = pki.leaf("leaf", &["localhost"]);
    let alone = SServer::start(&pair, &[]);
    let seen = assert_agrees(&alone, &[], &[]);
    assert_eq!(list(&seen, "chain").len(), 1);
    let intermediate = pki.word("intermediate.pem");
    let whole = SServer::start(&pair, &["-cert_chain", &intermediate]);
    let seen = assert_agrees(&whole, &[], &[]);
    let positions: Vec<_> = list(&seen, "chain")
        .iter()
        .map(|one| one["chain_position"].as_u64())
        .collect();
    assert_eq!(positions, [Some(0), Some(1)]);
}

#[test]
fn a_name_brings_the_certificate_that_is_for_it() {
    let pki = Pki::new();
    let (first, second) = (
        pki.leaf("first", &["localhost"]),
        pki.leaf("second", &["other.example"]),
    );
    let (certificate, key) = (pki.word("second.pem"), pki.word("second.key"));
    drop(second);
    let words = [
        "-servername",
        "other.example",
        "-cert2",
        &certificate,
        "-key2",
        &key,
    ];
    let server = SServer::start(&first, &words);
    let other = ["--servername", "other.example"];
    let seen = assert_agrees(&server, &other, &["-servername", "other.example"]);
    assert_eq!(seen["chain"][0]["subject"], "CN=other.example");
    assert_eq!(
        (&seen["server_name"], &seen["sni"]),
        (&"other.example".into(), &"other.example".into())
    );
    let seen = assert_agrees(&server, &[], &["-servername", "localhost"]);
    assert_eq!(seen["chain"][0]["subject"], "CN=localhost");
    // Without a name, and for an address, none is asked for.
    let seen = assert_agrees(&server, &["--no-servername"], &["-noservername"]);
    assert_eq!(seen["chain"][0]["subject"], "CN=localhost");
    assert_eq!(
        (seen.get("sni"), &seen["server_name"]),
        (None, &"localhost".into())
    );
    let seen = look(&[&server.at("127.0.0.1")]);
    assert_eq!(
        (seen.get("sni"), &seen["server_name"]),
        (None, &"127.0.0.1".into())
    );
}

#[test]
fn keys_that_cannot_be_checked_show_their_certificate_all_the_same() {
    let pki = Pki::new();
    let cases: [(&str, &[&str], &str, &[&str]); 4] = [
        (
            "p521",
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
            "-sha512",
            &[],
        ),
        ("ed448", &["-newkey", "ed448"], "-sha256", &["-tls1_3"]),
        (
            "rsa1024",
            &["-newkey", "rsa:1024"],
            "-sha256",
            &["-cipher", "ALL:@SECLEVEL=0"],
        ),
        (
            "sha1",
            &["-newkey", "rsa:2048"],
            "-sha1",
            &["-cipher", "ALL:@SECLEVEL=0"],
        ),
    ];
    let target = Target::new();
    for (name, key, digest, words) in cases {
        let pair = pki.by_openssl(name, key, digest);
        let server = SServer::start(&pair, words);
        let seen = target.look(&[&server.at("localhost")]);
        assert_eq!(list(&seen, "chain").len(), 1, "{name}: {seen:#}");
        assert_eq!(seen.get("failure"), None, "{name}: {seen:#}");
        // SHA-1 in the certificate says nothing of the signature over the handshake.
        assert_eq!(
            seen["session"]["signature_checked"],
            name == "sha1",
            "{name}"
        );
    }
}

#[test]
fn a_stapled_answer_is_seen() {
    let pki = Pki::new();
    let pair = pki.leaf("leaf", &["localhost"]);
    // What it says is judged elsewhere: here it has to arrive.
    let response = pki.path("response.der");
    std::fs::write(&response, b"\x30\x03\x0a\x01\x06").unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let server = SServer::start(
            &pair,
            &[version, "-status_file", response.to_str().unwrap()],
        );
        let seen = look(&[&server.at("localhost")]);
        assert_eq!(seen["ocsp_staple"]["status"], "unusable", "{seen:#}");
    }
}
