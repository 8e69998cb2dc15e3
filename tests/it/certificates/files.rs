//! Finding files, reading them, and saying what is there.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::{Value, json};

use super::house::{Days, House, at, authority, files, gap_of, look, openssl_x509, paths, server};
use crate::host::{list, run};

const POD: &str = "pods/3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94/volumes";

/// One certificate for each way that may lead to it.
#[needs(root)]
fn each_way_leads_to_its_file() {
    let house = House::new();
    let ca = authority("ca");
    let mut setup = server();
    for (way, inside) in [
        ("usual", "/etc/tls/server.crt"),
        ("telling", "/etc/my-pki/deep/er/server.pem"),
        ("cwd", "/beside.pem"),
        ("env", "/odd/named"),
        ("env-dir", "/odd/directory/x.crt"),
        ("list", "/odd/list.pem"),
        ("arg", "/odd/argument.pem"),
        ("fd", "/odd/held.pem"),
        ("nowhere", "/odd/nobody-names-it.pem"),
    ] {
        let pem = ca.issue(way, Days(-1, 90)).pem;
        setup = setup.copy(&house.write(way, pem), inside);
    }
    house.write(
        &format!("{POD}/kubernetes.io~secret/web-tls/tls.crt"),
        &ca.pem,
    );
    house.write(
        &format!("{POD}/kubernetes.io~configmap/bundle/deep/ca.crt"),
        &ca.issue("cm", Days(-1, 9)).pem,
    );
    house.write(
        "empty-dir/shallow.pem",
        &ca.issue("shallow", Days(-1, 9)).pem,
    );
    house.write(
        "empty-dir/deep/deep.pem",
        &ca.issue("deep", Days(-1, 9)).pem,
    );
    let setup = setup
        .bind(
            &house.path(&format!("{POD}/kubernetes.io~secret/web-tls")),
            "/odd/volume",
        )
        .bind(
            &house.path(&format!("{POD}/kubernetes.io~configmap/bundle")),
            "/odd/config",
        )
        .bind(&house.path("empty-dir"), "/odd/scratch");
    let web = setup
        .env("NODE_EXTRA_CA_CERTS", "/odd/named")
        .env("SSL_CERT_DIR", "/odd/directory")
        .env("FILES", "a,/odd/list.pem:/odd/none.pem")
        .args(["--cert=/odd/argument.pem", "--hold=/odd/held.pem"])
        .start();
    let seen = look(&web, &[]);
    let found: Vec<(&str, &Value)> = files(&seen)
        .iter()
        .map(|file| (file["path"].as_str().unwrap(), &file["found_by"]))
        .collect();
    let environment = |name: &str| json!([{ "environment": name }]);
    let expected = [
        ("/beside.pem", json!(["usual_place"])),
        ("/etc/my-pki/deep/er/server.pem", json!(["usual_place"])),
        ("/etc/tls/server.crt", json!(["usual_place"])),
        ("/odd/argument.pem", json!(["argument"])),
        ("/odd/config/deep/ca.crt", json!(["volume"])),
        ("/odd/directory/x.crt", environment("SSL_CERT_DIR")),
        ("/odd/held.pem", json!(["argument", "open_file"])),
        ("/odd/list.pem", environment("FILES")),
        ("/odd/named", environment("NODE_EXTRA_CA_CERTS")),
        ("/odd/scratch/shallow.pem", json!(["usual_place"])),
        ("/odd/volume/tls.crt", json!(["volume"])),
    ];
    let expected: Vec<(&str, &Value)> = expected.iter().map(|(path, by)| (*path, by)).collect();
    assert_eq!(found, expected);
    assert_eq!(
        seen["certificates"]["missing"],
        json!([{"path": "/odd/none.pem", "found_by": [{"environment": "FILES"}]}])
    );
}

#[needs(root)]
fn what_is_told_of_a_certificate_is_what_openssl_says() {
    let house = House::new();
    let ca = authority("the ca");
    let leaf = ca.issue("api.example", Days(-3, 30));
    let path = house.write("tls.crt", format!("{}{}", leaf.pem, ca.pem));
    let web = server().copy(&path, "/certs/tls.crt").start();
    let seen = look(&web, &[]);
    let file = at(&seen, "/certs/tls.crt");
    let [first, second] = list(file, "certificates").as_slice() else {
        panic!("two certificates: {file:#}")
    };
    let of = |words: &[&str]| openssl_x509(&path, words);
    let hex = of(&["-fingerprint", "-sha256"])
        .replace(':', "")
        .to_lowercase();
    assert_eq!(hex.split('=').nth(1), first["fingerprint_sha256"].as_str());
    let subject = of(&["-subject", "-nameopt", "RFC2253"]);
    assert_eq!(subject.strip_prefix("subject="), first["subject"].as_str());
    let serial = of(&["-serial"]).to_lowercase();
    let serial = serial
        .strip_prefix("serial=")
        .unwrap()
        .trim_start_matches('0');
    assert_eq!(
        first["serial"].as_str().unwrap().trim_start_matches('0'),
        serial
    );
    let ends = of(&["-enddate", "-dateopt", "iso_8601"]);
    let ends = ends.strip_prefix("notAfter=").unwrap().replace(' ', "T");
    let told = first["not_after"].as_str().unwrap();
    assert_eq!(format!("{}Z", &told[..19]), ends);
    let left = first["seconds_left"].as_i64().unwrap();
    assert!((30 * 86_400..=30 * 86_400 + 3600).contains(&left), "{left}");
    assert_eq!(
        (&first["chain_position"], &second["chain_position"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(
        (&first["is_ca"], &second["is_ca"]),
        (&json!(false), &json!(true))
    );
    let length = fs::metadata(&path).unwrap().len();
    assert_eq!(file["size_bytes"], length);
}

#[needs(root)]
fn a_projected_volume_is_listed_once_by_the_paths_that_people_know() {
    let house = House::new();
    let pem = authority("ca").issue("api", Days(-1, 90)).pem;
    let volume = format!("{POD}/kubernetes.io~projected/tls");
    house.write(&format!("{volume}/..2026_11_23/tls.crt"), pem);
    symlink("..2026_11_23", house.path(&format!("{volume}/..data"))).unwrap();
    symlink("..data/tls.crt", house.path(&format!("{volume}/tls.crt"))).unwrap();
    let web = server()
        .bind_read_only(&house.path(&volume), "/certs")
        .env("TLS_CERT", "/certs/..data/tls.crt")
        .args(["--hold=/certs/tls.crt"])
        .start();
    let seen = look(&web, &[]);
    let [file] = files(&seen).as_slice() else {
        panic!("one file: {seen:#}")
    };
    assert_eq!(file["path"], "/certs/tls.crt");
    assert_eq!(file["resolved_path"], "/certs/..2026_11_23/tls.crt");
    let by = json!(["argument", {"environment": "TLS_CERT"}, "volume", "usual_place", "open_file"]);
    assert_eq!(file["found_by"], by);
}

#[needs(root)]
fn a_scratch_image_without_any_file_is_seen_to_have_none() {
    let web = server().env("SSL_CERT_FILE", "/nowhere/ca.pem").start();
    let seen = look(&web, &[]);
    assert_eq!(seen["certificates"]["files"], json!([]));
    let missing =
        json!([{"path": "/nowhere/ca.pem", "found_by": [{"environment": "SSL_CERT_FILE"}]}]);
    assert_eq!(seen["certificates"]["missing"], missing);
    let table = web.spyhole().uid(1000).caps("none").args(["certs"]).run();
    let text = table.stdout_text();
    assert!(text.contains("no certificates found"), "{text}");
    assert!(
        text.contains(
            "/nowhere/ca.pem: SSL_CERT_FILE points to this path, but the file does not \
            exist"
        ),
        "{text}"
    );
}

#[needs(root)]
fn a_stranger_is_told_what_the_files_need_and_sees_no_empty_list() {
    let house = House::new();
    let path = house.write("tls.crt", authority("ca").pem);
    let web = server().copy(&path, "/certs/tls.crt").start();
    let stranger = web.spyhole().uid(65532).caps("none");
    let seen = stranger.args(["certs", "-o", "json"]).run().json();
    assert_eq!(seen["certificates"]["files"], Value::Null);
    let gaps = list(&seen, "gaps");
    let gap = gaps.iter().find(|gap| gap["field"] == "files").unwrap();
    assert_eq!(gap["reason"], "uid");
    assert!(gap["needs"].as_str().unwrap().contains("uid 1000"), "{gap}");
}

#[needs(root)]
fn only_what_is_named_is_looked_at() {
    let house = House::new();
    let ca = authority("ca");
    let (a, b) = (ca.issue("a", Days(-1, 9)), ca.issue("b", Days(-1, 90)));
    let web = server()
        .copy(&house.write("a", &a.pem), "/certs/a.crt")
        .copy(&house.write("b", &b.pem), "/odd/deep/without-ending")
        .copy(&house.write("text", "no certificate"), "/odd/text")
        .start();
    assert_eq!(
        paths(&look(&web, &["--file", "/certs/a.crt"])),
        ["/certs/a.crt"]
    );
    assert_eq!(
        paths(&look(&web, &["--dir", "/odd"])),
        ["/odd/deep/without-ending"]
    );
    let shallow = look(&web, &["--dir", "/odd", "--depth", "1"]);
    gap_of(&shallow, "limit", "/odd/deep");
    assert!(paths(&shallow).is_empty());

    let viewer = |words: &[&str]| {
        let viewer = web.spyhole().uid(1000).caps("none");
        viewer.args(["certs"]).args(words).run()
    };
    let pem = viewer(&["--file", "/odd/deep/without-ending", "-o", "pem"]).ended_with(0);
    let text = pem.stdout_text().replace("\r\n", "\n");
    let (comment, block) = text.split_once('\n').unwrap();
    assert_eq!(comment, "# /odd/deep/without-ending");
    assert_eq!(block, b.pem.replace("\r\n", "\n"));
    // As openssl reads it.
    let printed = house.write("printed.pem", &text);
    let words = ["-fingerprint", "-sha256"];
    assert_eq!(
        openssl_x509(&printed, &words),
        openssl_x509(&house.path("b"), &words)
    );

    viewer(&["--min-days", "5"]).ended_with(0);
    viewer(&["--min-days", "14"]).ended_with(1);
    viewer(&["--file", "/odd/deep/without-ending", "--min-days", "14"]).ended_with(0);
    viewer(&["--file", "/none", "-o", "json"]).ended_with(4);
    viewer(&["--file", "certs/a.crt"]).ended_with(2);
}

#[needs(root)]
fn the_roots_of_the_system_are_counted_and_listed_on_request() {
    let house = House::new();
    let bundle: String = (0..20)
        .map(|number| authority(&format!("root {number}")).pem)
        .collect();
    let leaf = authority("own").issue("own", Days(-1, 90));
    let web = server()
        .copy(
            &house.write("bundle", &bundle),
            "/etc/ssl/certs/ca-certificates.crt",
        )
        .copy(
            &house.write("one", authority("one").pem),
            "/etc/ssl/certs/one.pem",
        )
        .copy(&house.write("leaf", leaf.pem), "/etc/ssl/certs/own.pem")
        .env("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
        .start();
    let seen = look(&web, &[]);
    // A leaf that lies among them is no authority, and shown.
    assert_eq!(paths(&seen), ["/etc/ssl/certs/own.pem"]);
    assert_eq!(seen["certificates"]["files_left_out"], 2);
    let all = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/ssl/certs/one.pem",
        "/etc/ssl/certs/own.pem",
    ];
    let roots = look(&web, &["--roots"]);
    assert_eq!(paths(&roots), all);
    assert_eq!(list(at(&roots, all[0]), "certificates").len(), 20);
    let named = look(&web, &["--file", all[0]]);
    assert_eq!(paths(&named), [all[0]]);

    // A few of one's own in that variable are what the application was given.
    let web = server()
        .copy(&house.path("one"), "/etc/ssl/certs/one.pem")
        .env("SSL_CERT_FILE", "/etc/ssl/certs/one.pem")
        .start();
    assert_eq!(paths(&look(&web, &[])), ["/etc/ssl/certs/one.pem"]);
}

#[needs(root)]
fn files_that_the_viewer_may_not_read_are_gaps_and_still_listed() {
    let house = House::new();
    let ca = authority("ca");
    let path = house.write("tls.crt", &ca.pem);
    house.mode("tls.crt", 0o600);
    let web = server()
        .copy(&path, "/certs/secret.crt")
        .copy(&house.write("open.crt", &ca.pem), "/certs/open.crt")
        .start();
    let seen = look(&web, &[]);
    let file = at(&seen, "/certs/secret.crt");
    assert_eq!(file["certificates"], Value::Null);
    assert_eq!((&file["mode"], &file["uid"]), (&json!("0600"), &json!(0)));
    assert_eq!(file["readable_by_target"], false);
    let gap = gap_of(&seen, "denied", "/certs/secret.crt");
    assert_eq!(gap["field"], "files.certificates");
    assert!(
        gap["needs"]
            .as_str()
            .unwrap()
            .contains("CAP_DAC_READ_SEARCH"),
        "{gap}"
    );
    assert_eq!(list(at(&seen, "/certs/open.crt"), "certificates").len(), 1);

    let root = web
        .spyhole()
        .caps("+sys_ptrace")
        .args(["certs", "-o", "json"])
        .run()
        .document();
    let file = at(&root, "/certs/secret.crt");
    assert_eq!(list(file, "certificates").len(), 1);
    assert_eq!(file["readable_by_target"], false);
    let mut openssl = Command::new("openssl");
    run(openssl.args(["x509", "-noout", "-in"]).arg(&path)).ended_with(0);
}
