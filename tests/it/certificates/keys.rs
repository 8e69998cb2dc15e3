//! Private keys: told to fit or not, whoever may read them; never shown.

use std::fs;
use std::path::Path;
use std::process::Command;

use data_encoding::{BASE64, HEXLOWER};
use serde_json::json;

use super::house::{Days, House, at, authority, gap_of, look, server};
use crate::host::{run, shell};

#[needs(root)]
fn the_key_beside_is_told_to_fit_or_not() {
    let house = House::new();
    let ca = authority("ca");
    let own = |name: &str| ca.issue(name, Days(-1, 90));
    let (tls, other, both, server_, old) = (
        own("tls"),
        own("other"),
        own("both"),
        own("server"),
        own("old"),
    );
    let with_key = format!("{}{}", both.pem, both.key.serialize_pem());
    for (name, content) in [
        ("a/tls.crt", tls.pem.clone()),
        ("a/tls.key", tls.key.serialize_pem()),
        ("b/tls.crt", other.pem.clone()),
        ("b/tls.key", old.key.serialize_pem()),
        ("c/both.pem", with_key),
        ("d/fullchain.pem", format!("{}{}", server_.pem, ca.pem)),
        ("d/privkey.pem", server_.key.serialize_pem()),
        ("e/server.pem", own("alone").pem),
        ("f/ca.crt", ca.pem.clone()),
        ("f/odd-name.key", old.key.serialize_pem()),
    ] {
        house.write(&format!("certs/{name}"), content);
    }
    let web = server().bind(&house.path("certs"), "/certs").start();
    let seen = look(&web, &[]);
    let key = |path: &str| {
        let key = &at(&seen, path)["private_key"];
        (key["path"].clone(), key["matches"].clone())
    };
    assert_eq!(
        key("/certs/a/tls.crt"),
        (json!("/certs/a/tls.key"), json!(true))
    );
    assert_eq!(
        key("/certs/b/tls.crt"),
        (json!("/certs/b/tls.key"), json!(false))
    );
    assert_eq!(
        key("/certs/c/both.pem"),
        (json!("/certs/c/both.pem"), json!(true))
    );
    assert_eq!(
        key("/certs/d/fullchain.pem"),
        (json!("/certs/d/privkey.pem"), json!(true))
    );
    for alone in ["/certs/e/server.pem", "/certs/f/ca.crt"] {
        assert!(at(&seen, alone).get("private_key").is_none(), "{alone}");
    }
    let viewer = |words: &[&str]| {
        let viewer = web.spyhole().uid(1000).caps("none");
        viewer.args(["certs"]).args(words).run()
    };
    viewer(&["--min-days", "1"]).ended_with(1);
    viewer(&["--min-days", "1", "--dir", "/certs/a"]).ended_with(0);
    let table = viewer(&[]).stdout_text();
    assert!(
        table.contains("/certs/b/tls.crt: the key in /certs/b/tls.key does not match"),
        "{table}"
    );
}

#[needs(root)]
fn who_may_read_a_key_is_told() {
    let house = House::new();
    let leaf = authority("ca").issue("leaf", Days(-1, 90));
    for (name, mode) in [("all", 0o644), ("owner", 0o400), ("group", 0o440)] {
        house.write(&format!("certs/{name}/tls.crt"), &leaf.pem);
        house.write(&format!("certs/{name}/tls.key"), leaf.key.serialize_pem());
        house.mode(&format!("certs/{name}/tls.key"), mode);
    }
    let group = house.path("certs/group/tls.key");
    std::os::unix::fs::chown(&group, None, Some(1000)).unwrap();
    let web = server().bind(&house.path("certs"), "/certs").start();
    let root = web.spyhole().caps("+sys_ptrace");
    let seen = root.args(["certs", "-o", "json"]).run().document();
    for (name, target, all) in [
        ("all", true, true),
        ("owner", false, false),
        ("group", true, false),
    ] {
        let key = &at(&seen, &format!("/certs/{name}/tls.crt"))["private_key"];
        assert_eq!(key["matches"], true, "{name}");
        assert_eq!(key["readable_by_target"], target, "{name}");
        assert_eq!(key["readable_by_all"], all, "{name}");
    }
    let table = web
        .spyhole()
        .caps("+sys_ptrace")
        .args(["certs"])
        .run()
        .stdout_text();
    assert!(
        table.contains("/certs/all/tls.key: private key is world-readable (mode 0644)"),
        "{table}"
    );
    assert!(
        table.contains("/certs/owner/tls.key: not readable by the target's user"),
        "{table}"
    );
    // The viewer that may not read it does not guess.
    let seen = look(&web, &[]);
    let key = &at(&seen, "/certs/owner/tls.crt")["private_key"];
    assert_eq!(key["path"], "/certs/owner/tls.key");
    assert!(key["matches"].is_null(), "{key}");
}

#[needs(root)]
fn keystores_open_with_the_password_of_the_user_only() {
    let house = House::new();
    let leaf = authority("ca").issue("leaf", Days(-1, 90));
    let (crt, key) = (
        house.write("crt", &leaf.pem),
        house.write("key", leaf.key.serialize_pem()),
    );
    let password = house.write("password", "correct horse\n");
    let store = house.path("store.p12");
    let from_file = format!("file:{}", password.display());
    let mut openssl = Command::new("openssl");
    openssl
        .args(["pkcs12", "-export", "-in"])
        .arg(&crt)
        .arg("-inkey")
        .arg(&key);
    run(openssl
        .arg("-out")
        .arg(&store)
        .args(["-passout", &from_file]))
    .ended_with(0);
    house.mode("store.p12", 0o644);
    let web = server().copy(&store, "/certs/store.p12").start();
    let seen = look(&web, &[]);
    assert!(at(&seen, "/certs/store.p12")["certificates"].is_null());
    let gap = gap_of(&seen, "denied", "/certs/store.p12");
    assert!(
        gap["needs"].as_str().unwrap().contains("--password-file"),
        "{gap}"
    );
    let viewer = web
        .spyhole()
        .uid(1000)
        .caps("none")
        .copy(&password, "/password");
    let words = ["certs", "--password-file", "/password", "-o", "json"];
    let seen = viewer.args(words).run().document();
    let file = at(&seen, "/certs/store.p12");
    assert_eq!(file["certificates"][0]["subject"], "CN=leaf", "{file:#}");
    assert_eq!(file["private_key"]["matches"], true, "{file:#}");
    // From a pipe, which gives what is in it once.
    let seen = shell(&format!(
        "cat {} | \"$0\" --pid $$ certs --file {} --password-file /dev/stdin -o json",
        password.display(),
        store.display()
    ));
    let file = &seen.document()["certificates"]["files"][0];
    assert_eq!(file["certificates"][0]["subject"], "CN=leaf", "{file:#}");
    let none = web.spyhole().uid(1000).caps("none");
    none.args(["certs", "--password-file", "/none"])
        .run()
        .ended_with(2);
}

#[needs(root)]
fn nothing_of_a_key_is_in_any_output() {
    let house = House::new();
    let leaf = authority("ca").issue("leaf", Days(-1, 90));
    let key = house.write("certs/tls.key", leaf.key.serialize_pem());
    house.write("certs/tls.crt", &leaf.pem);
    house.write(
        "certs/both.pem",
        format!("{}{}", leaf.key.serialize_pem(), leaf.pem),
    );
    house.write(
        "certs/broken.pem",
        leaf.key.serialize_pem().replace("END", "MEND"),
    );
    let mut openssl = Command::new("openssl");
    openssl.args(["genpkey", "-algorithm", "RSA", "-out"]);
    run(openssl.arg(house.path("certs/rsa.key"))).ended_with(0);
    house.mode("certs/rsa.key", 0o644);
    let web = server()
        .bind(&house.path("certs"), "/certs")
        .args([
            "--cert=/certs/tls.crt",
            "--key=/certs/tls.key",
            "--listen=127.0.0.1:8443",
        ])
        .start();
    let mut needles = Vec::new();
    for path in [&key, &house.path("certs/rsa.key")] {
        needles.extend(needles_of(path));
    }
    for output in ["table", "wide", "json", "yaml", "pem"] {
        for words in [
            &["certs"][..],
            &["certs", "--served"],
            &["certs", "--dir", "/certs"],
            &["dump"],
        ] {
            let viewer = web.spyhole().uid(1000).caps("none");
            let shown = viewer.args(words).args(["-o", output]).run();
            let all = [shown.stdout.as_slice(), &shown.stderr].concat();
            assert!(words[0] == "dump" || !shown.stdout.is_empty(), "{shown}");
            for needle in &needles {
                let found = all
                    .windows(needle.len())
                    .any(|window| window == needle.as_slice());
                assert!(!found, "{words:?} -o {output} shows part of a private key");
            }
        }
    }
}

/// Pieces of the secret part of a key, in every dress.
fn needles_of(path: &Path) -> Vec<Vec<u8>> {
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-outform", "DER", "-in"]).arg(path);
    let der = run(&mut openssl).ended_with(0).stdout;
    let mut openssl = Command::new("openssl");
    openssl
        .args(["pkey", "-pubout", "-outform", "DER", "-in"])
        .arg(path);
    let public = run(&mut openssl).ended_with(0).stdout;
    // Pieces that are in the public half are for everyone.
    let secret = |piece: &&[u8]| !public.windows(piece.len()).any(|window| window == *piece);
    let pieces = der.windows(12).step_by(4).skip(5).filter(secret);
    let mut needles: Vec<Vec<u8>> = Vec::new();
    for piece in pieces {
        needles.push(piece.to_vec());
        needles.push(HEXLOWER.encode(piece).into_bytes());
        needles.push(HEXLOWER.encode(piece).to_uppercase().into_bytes());
        needles.push(BASE64.encode(piece).into_bytes());
    }
    assert!(needles.len() > 20, "{}", path.display());
    // As it stands in the file.
    let text = fs::read_to_string(path).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('-') && line.len() > 20);
    let quarter = |line: &str| {
        line.as_bytes()
            .chunks(16)
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>()
    };
    let lines: Vec<Vec<u8>> = lines
        .flat_map(quarter)
        .filter(|piece| piece.len() == 16)
        .collect();
    needles.extend(lines.into_iter().skip(2).filter(|piece| {
        let piece = BASE64.decode(piece).unwrap_or_default();
        piece.len() == 12 && secret(&piece.as_slice())
    }));
    needles
}
