//! `spyhole check https://…`, as a kubelet asks: the answer counts, the certificate does not.

use super::pki::Pki;
use super::servers::{SServer, serve};
use crate::host::spyhole;

#[track_caller]
fn check(spec: &str, code: i32, words: &str) {
    let seen = spyhole(["--self", "check", spec]).ended_with(code);
    assert!(seen.stdout_text().contains(words), "{spec}: {seen}");
}

#[test]
fn a_server_behind_tls_answers_whoever_signed_its_certificate() {
    let pki = Pki::new();
    let server = SServer::start(&pki.leaf("leaf", &["nobody.example"]), &[]);
    let url = format!("https://{}/", server.at("127.0.0.1"));
    check(&url, 0, "responded 200");
    check(
        &format!("{url},status=200,body~s_server"),
        0,
        "responded 200",
    );
    check(&format!("{url},status=404"), 1, "404 to 404 expected");
    check(&format!("{url},body~no such words"), 1, "does not contain");
}

#[test]
fn what_does_not_speak_tls_is_told() {
    let plain = serve(|mut stream| {
        use std::io::Write;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    check(&format!("https://{plain}/"), 1, "fails");
    let pki = Pki::new();
    let server = SServer::start(&pki.leaf("leaf", &["localhost"]), &[]);
    check(&format!("http://{}/", server.at("127.0.0.1")), 1, "fails");
}
