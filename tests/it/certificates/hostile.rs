//! Files and directories that are made to mislead, to hang or to flood.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::house::{Days, House, at, authority, files, gap_of, look, paths, server};
use crate::host::{bytes, list};

#[needs(root)]
fn links_in_a_circle_and_fifos_end_and_hide_nothing() {
    let house = House::new();
    house.write("certs/good.crt", authority("ca").pem);
    fs::create_dir(house.path("certs/deep")).unwrap();
    symlink("loop.pem", house.path("certs/loop.pem")).unwrap();
    symlink("..", house.path("certs/deep/up")).unwrap();
    symlink("/certs", house.path("certs/deep/round")).unwrap();
    symlink("/proc/1/root/certs", house.path("certs/deep/magic")).unwrap();
    symlink("/dev/zero", house.path("certs/zero.pem")).unwrap();
    symlink("fifo.crt", house.path("certs/to-fifo.pem")).unwrap();
    mkfifo(&house.path("certs/fifo.crt"), Mode::S_IRWXU).unwrap();
    let web = server().bind(&house.path("certs"), "/certs").start();
    let seen = look(&web, &[]);
    assert_eq!(paths(&seen), ["/certs/good.crt"]);
    assert_eq!(gap_of(&seen, "io", "/certs/loop.pem")["errno"], "ELOOP");
    gap_of(&seen, "unsupported", "/certs/zero.pem");
    gap_of(&seen, "unsupported", "/certs/to-fifo.pem");
}

#[needs(root)]
fn links_never_lead_to_files_of_the_viewer() {
    let house = House::new();
    let inside = authority("inside");
    house.write("certs/x.txt", "");
    symlink("/own.pem", house.path("certs/absolute.pem")).unwrap();
    symlink("../../../../own.pem", house.path("certs/climbing.pem")).unwrap();
    let web = server()
        .copy(&house.write("inside", inside.pem), "/own.pem")
        .bind(&house.path("certs"), "/certs")
        .start();
    // The viewer has another file there.
    let outside = house.write("outside", authority("outside").pem);
    let viewer = web
        .spyhole()
        .uid(1000)
        .caps("none")
        .copy(&outside, "/own.pem");
    let seen = viewer.args(["certs", "-o", "json"]).run().document();
    let subjects: Vec<&str> = files(&seen)
        .iter()
        .flat_map(|file| list(file, "certificates"))
        .map(|certificate| certificate["subject"].as_str().unwrap())
        .collect();
    assert_eq!(subjects, ["CN=inside"]);
}

#[needs(root)]
fn a_crowd_is_cut_by_a_bound_that_is_told() {
    let house = House::new();
    let leaf = authority("ca").issue("leaf", Days(-1, 90));
    house.write("certs/0000.pem", &leaf.pem);
    for number in 1..10_000 {
        fs::write(house.path(&format!("certs/{number:04}.pem")), &leaf.pem).unwrap();
    }
    house.write("other/tls.crt", &leaf.pem);
    let web = server()
        .bind(&house.path("certs"), "/certs")
        .copy(&house.path("other/tls.crt"), "/odd/tls.crt")
        .env("TLS_CERT", "/odd/tls.crt")
        .start();
    let seen = look(&web, &[]);
    assert_eq!(files(&seen).len(), 1000);
    // What somebody names comes before what only lies there.
    at(&seen, "/odd/tls.crt");
    let gap = gap_of(&seen, "limit", "/certs");
    assert!(
        gap["needs"].as_str().unwrap().contains("--max-files"),
        "{gap}"
    );
    let few = look(&web, &["--max-files", "5"]);
    assert_eq!(files(&few).len(), 5);
}

#[needs(root)]
fn a_file_that_is_too_long_is_a_gap_that_file_closes() {
    let house = House::new();
    let pem = authority("ca").pem;
    house.write(
        "certs/long.pem",
        format!("{}{pem}", "# a comment\n".repeat(200_000)),
    );
    let huge = File::create(house.path("certs/huge.pem")).unwrap();
    huge.set_len(1 << 40).unwrap();
    house.write("certs/good.pem", &pem);
    let web = server().bind(&house.path("certs"), "/certs").start();
    let seen = look(&web, &[]);
    assert_eq!(list(at(&seen, "/certs/good.pem"), "certificates").len(), 1);
    assert!(at(&seen, "/certs/long.pem")["certificates"].is_null());
    assert!(at(&seen, "/certs/huge.pem")["certificates"].is_null());
    let gap = gap_of(&seen, "limit", "/certs/long.pem");
    assert!(gap["needs"].as_str().unwrap().contains("--file"), "{gap}");
    let named = look(
        &web,
        &["--file", "/certs/long.pem", "--file", "/certs/huge.pem"],
    );
    assert_eq!(list(at(&named, "/certs/long.pem"), "certificates").len(), 1);
    gap_of(&named, "limit", "/certs/huge.pem");
    // Alone it is all that was asked, and none of it was read.
    let viewer = web.spyhole().uid(1000).caps("none");
    let alone = viewer.args(["certs", "--file", "/certs/huge.pem"]).run();
    alone.ended_with(4);
}

#[needs(root)]
fn names_of_any_bytes_stay_whole_and_harmless() {
    let house = House::new();
    let ca = authority("a\u{1b}[31m\n# not a comment\u{202e}");
    house.write("certs/x", "");
    let names: [&[u8]; 3] = [b"\x1b[31m.pem", b"two\nlines.pem", b"\xff\xfe.pem"];
    for name in names {
        fs::write(house.path("certs").join(OsStr::from_bytes(name)), &ca.pem).unwrap();
    }
    let web = server().bind(&house.path("certs"), "/certs").start();
    let seen = look(&web, &[]);
    let mut found: Vec<Vec<u8>> = files(&seen)
        .iter()
        .map(|file| bytes(&file["path"]))
        .collect();
    found.sort();
    let mut expected: Vec<Vec<u8>> = names
        .iter()
        .map(|name| [b"/certs/", *name].concat())
        .collect();
    expected.sort();
    assert_eq!(found, expected);
    for words in [
        &["certs"][..],
        &["certs", "-o", "wide"],
        &["certs", "-o", "pem"],
    ] {
        let shown = web
            .spyhole()
            .uid(1000)
            .caps("none")
            .args(words)
            .run()
            .ended_with(0);
        let text = shown.stdout_text();
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{words:?}: {text:?}"
        );
        assert!(!text.contains("\n# not a comment"), "{text:?}");
        assert!(text.contains(r"two\nlines.pem"), "{text}");
    }
}
