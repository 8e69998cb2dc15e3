//! What listeners serve, against the files.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::house::{Days, House, Issued, authority, gap_of, look, server};
use crate::host::{list, only};
use crate::lab::Container;

const POD: &str = "pods/3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94/volumes/kubernetes.io~secret/tls";
const WORDS: [&str; 3] = [
    "--cert=/certs/tls.crt",
    "--key=/certs/tls.key",
    "--listen=0.0.0.0:8443",
];

/// A volume as the kubelet writes it.
struct Secret(House);

impl Secret {
    fn new(issued: &Issued) -> Self {
        let secret = Self(House::new());
        secret.revision("..first", issued);
        for file in ["tls.crt", "tls.key"] {
            let link = secret.0.path(&format!("{POD}/{file}"));
            symlink(format!("..data/{file}"), link).unwrap();
        }
        secret
    }

    /// Writes another revision, and swaps the link that leads to it.
    fn revision(&self, name: &str, issued: &Issued) {
        let at = |file: &str| format!("{POD}/{name}/{file}");
        self.0.write(&at("tls.crt"), &issued.pem);
        self.0.write(&at("tls.key"), issued.key.serialize_pem());
        let new = self.0.path(&format!("{POD}/..data_tmp"));
        symlink(name, &new).unwrap();
        fs::rename(&new, self.0.path(&format!("{POD}/..data"))).unwrap();
    }

    fn volume(&self) -> std::path::PathBuf {
        self.0.path(POD)
    }
}

fn served(container: &Container, words: &[&str]) -> Value {
    look(container, &[&["--served"], words].concat())
}

fn listener<'a>(document: &'a Value, listens_on: &str) -> &'a Value {
    let served = list(&document["certificates"], "served");
    only(served, |one| one["listens_on"] == listens_on)
}

#[needs(root)]
fn a_rotation_that_was_never_reloaded_is_said_to_be_one() {
    let ca = authority("ca");
    let secret = Secret::new(&ca.issue("api.example", Days(-60, 30)));
    let web = server()
        .bind(&secret.volume(), "/certs")
        .args(WORDS)
        .start();
    let before = served(&web, &[]);
    let seen = listener(&before, "0.0.0.0:8443");
    assert_eq!(
        (&seen["pids"], &seen["dialled"]),
        (&json!([1]), &json!("127.0.0.1:8443"))
    );
    let leaf = &seen["serves"]["leaves"][0];
    assert_eq!(leaf["against_files"], "same", "{seen:#}");
    assert_eq!(leaf["path"], "/certs/tls.crt");

    secret.revision("..second", &ca.issue("api.example", Days(-1, 90)));
    let after = served(&web, &[]);
    let leaf = &listener(&after, "0.0.0.0:8443")["serves"]["leaves"][0];
    assert_eq!(leaf["against_files"], "older_than_file", "{leaf:#}");
    assert_eq!(leaf["path"], "/certs/tls.crt");
    let old = &leaf["certificate"]["not_after"];
    assert!(leaf["file_not_after"].as_str() > old.as_str(), "{leaf:#}");
    let viewer = |words: &[&str]| {
        let viewer = web.spyhole().uid(1000).caps("none");
        viewer.args(["certs", "--served"]).args(words).run()
    };
    let table = viewer(&[]).ended_with(0).stdout_text();
    assert!(table.contains("not reloaded"), "{table}");
    viewer(&["--min-days", "1"]).ended_with(1);

    // Started anew, it serves the file.
    let web = server()
        .bind(&secret.volume(), "/certs")
        .args(WORDS)
        .start();
    let leaf = &listener(&served(&web, &[]), "0.0.0.0:8443")["serves"]["leaves"][0].clone();
    assert_eq!(leaf["against_files"], "same");
}

#[needs(root)]
fn what_is_on_no_disk_and_what_is_no_tls_is_told() {
    let secret = Secret::new(&authority("ca").issue("api.example", Days(-1, 90)));
    let words = ["--plain=127.0.0.1:8080", "--listen=[::1]:8443"];
    let web = server()
        .bind(&secret.volume(), "/certs")
        .args(&WORDS[..2])
        .args(words)
        .start();
    for file in ["..first/tls.crt", "..first/tls.key"] {
        fs::remove_file(secret.volume().join(file)).unwrap();
    }
    let seen = served(&web, &[]);
    let leaf = &listener(&seen, "[::1]:8443")["serves"]["leaves"][0];
    assert_eq!(leaf["against_files"], "not_on_disk", "{leaf:#}");
    let plain = &listener(&seen, "127.0.0.1:8080")["serves"];
    assert_eq!(plain["kind"], "not_tls", "{plain:#}");
    assert!(
        plain["says"].as_str().unwrap().starts_with("HTTP/1.1 400"),
        "{plain:#}"
    );
}

#[needs(root)]
fn nobody_is_dialled_unless_it_was_asked_for() {
    let secret = Secret::new(&authority("ca").issue("api.example", Days(-1, 90)));
    let web = server()
        .bind(&secret.volume(), "/certs")
        .args(WORDS)
        .start();
    assert!(look(&web, &[])["certificates"].get("served").is_none());
    let seen = served(&web, &["--no-connect"]);
    let one = listener(&seen, "0.0.0.0:8443");
    assert!(
        one["serves"].is_null() && one.get("dialled").is_none(),
        "{one:#}"
    );
    let gap = gap_of(&seen, "denied", "0.0.0.0:8443");
    assert!(
        gap["needs"].as_str().unwrap().contains("--no-connect"),
        "{gap}"
    );
    // From another network there is no way to it.
    let viewer = web.spyhole().uid(1000).caps("none").share_net(false);
    let seen = viewer
        .args(["certs", "--served", "-o", "json"])
        .run()
        .document();
    assert!(listener(&seen, "0.0.0.0:8443")["serves"].is_null());
    let gap = gap_of(&seen, "unsupported", "0.0.0.0:8443");
    assert!(
        gap["needs"].as_str().unwrap().contains("network namespace"),
        "{gap}"
    );
}

#[needs(root)]
fn a_listener_that_is_silent_costs_its_time_only() {
    let secret = Secret::new(&authority("ca").issue("api.example", Days(-1, 90)));
    let web = server()
        .bind(&secret.volume(), "/certs")
        .args(WORDS)
        .args(["--silent=127.0.0.1:8080"])
        .start();
    let seen = served(&web, &[]);
    assert!(listener(&seen, "127.0.0.1:8080")["serves"].is_null());
    gap_of(&seen, "timeout", "127.0.0.1:8080");
    let leaf = &listener(&seen, "0.0.0.0:8443")["serves"]["leaves"][0];
    assert_eq!(leaf["against_files"], "same");
}
