//! The archive of a release.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{EPOCH, dist, name, names_in, program, release, unpacked};
use crate::host::run;

#[test]
fn an_archive_made_twice_is_the_same() {
    let again = TempDir::new().unwrap();
    dist(again.path(), |command| {
        // Neither the zone nor the rights of whoever makes it may be seen.
        command.env("TZ", "Asia/Tokyo").env("RIGHTS", "0077");
    })
    .ended_with(0);
    let files = names_in(release());
    assert_eq!(files, names_in(again.path()));
    let ends = [
        ".tar.gz",
        ".deb",
        ".tgz",
        ".cdx.json",
        ".yaml",
        "SHA256SUMS",
    ];
    for end in ends {
        assert!(files.iter().any(|file| file.ends_with(end)), "{files:?}");
    }
    for file in files {
        let [first, second] =
            [release(), again.path()].map(|place| fs::read(place.join(&file)).unwrap());
        assert!(first == second, "{file} is another one");
    }
}

#[test]
fn an_archive_names_nobody_and_holds_nothing_that_krew_refuses() {
    let archive = release().join(format!("{}.tar.gz", name()));
    let listing = run(Command::new("tar")
        .env("TZ", "UTC")
        .args(["--numeric-owner", "--full-time", "-tvzf"])
        .arg(&archive))
    .ended_with(0)
    .stdout_text();
    let date = run(Command::new("date").args(["-u", "-d", &format!("@{EPOCH}"), "+%F %T"]));
    let date = date.stdout_text().trim().to_owned();
    assert!(listing.lines().count() > 20, "{listing}");
    for line in listing.lines() {
        assert!(line.starts_with(['-', 'd']), "{line}");
        assert!(line.contains(" 0/0 ") && line.contains(&date), "{line}");
        assert!(line.contains(&format!(" {}/", name())), "{line}");
        assert!(!line.contains(".."), "{line}");
        let mode = &line[1..10];
        let right = match &line[..1] {
            "d" => "rwxr-xr-x",
            _ if line.ends_with("/spyhole") => "rwxr-xr-x",
            _ => "rw-r--r--",
        };
        assert_eq!(mode, right, "{line}");
    }
}

#[test]
fn an_archive_holds_the_program_its_licences_and_its_documents() {
    let top = unpacked();
    assert_eq!(
        names_in(&top),
        [
            "CHANGELOG.md",
            "LICENSE-APACHE",
            "LICENSE-MIT",
            "README.md",
            "SECURITY.md",
            "THIRD-PARTY.txt",
            "completions",
            "man",
            "spyhole"
        ]
    );
    let packed = fs::read(top.join("spyhole")).unwrap();
    assert!(packed == fs::read(program()).unwrap());
    assert_eq!(
        names_in(&top.join("completions")),
        ["_spyhole", "spyhole.bash", "spyhole.fish"]
    );
    // A page for each command, and one for the whole.
    let mut commands = spyhole::api::command();
    commands.build();
    let mut pages = vec!["spyhole.1".to_owned()];
    pages.extend(
        commands
            .get_subcommands()
            .map(|command| format!("spyhole-{}.1", command.get_name())),
    );
    pages.sort();
    let mut found = names_in(&top.join("man/man1"));
    found.sort();
    assert_eq!(found, pages);
}

#[test]
fn manual_pages_are_set_without_a_warning() {
    let pages = unpacked().join("man/man1");
    // A line that is too short to be spread out is a matter of widths: no fault of the page.
    let set = |page: &Path| {
        run(Command::new("groff")
            .args(["-man", "-Kutf8", "-Tutf8", "-ww", "-Wbreak", "-z"])
            .arg(page))
    };
    for name in names_in(&pages) {
        let said = set(&pages.join(&name));
        assert_eq!(
            (said.code, said.stderr.len()),
            (Some(0), 0),
            "{name}: {said}"
        );
    }
    let broken = pages.with_file_name("broken.1");
    fs::write(&broken, ".TH BROKEN 1\n.SH NAME\nbroken \\*[nowhere]\n").unwrap();
    assert!(!set(&broken).stderr.is_empty(), "groff sees no fault");
}

#[test]
fn the_checksums_are_those_of_the_files() {
    let check = |place: &Path| {
        run(Command::new("sha256sum")
            .args(["--check", "--strict", "SHA256SUMS"])
            .current_dir(place))
    };
    check(release()).ended_with(0);
    let sums = fs::read_to_string(release().join("SHA256SUMS")).unwrap();
    let named: Vec<&str> = sums
        .lines()
        .map(|line| line.split_once("  ").unwrap().1)
        .collect();
    let mut files = names_in(release());
    files.retain(|file| file != "SHA256SUMS");
    assert_eq!(named, files);

    let copy = TempDir::new().unwrap();
    run(Command::new("cp")
        .arg("-r")
        .arg(release().join("."))
        .arg(copy.path()))
    .ended_with(0);
    fs::write(copy.path().join("spyhole.yaml"), "another").unwrap();
    check(copy.path()).ended_with(1);
}

#[test]
fn what_cannot_be_packed_is_a_sentence_and_leaves_what_was_there() {
    let into = TempDir::new().unwrap();
    fs::write(into.path().join("before"), "").unwrap();
    for (binary, says) in [
        ("/nowhere/spyhole", "there is no /nowhere/spyhole"),
        ("/bin/false", "none of these runs here"),
        ("Cargo.toml", "neither for amd64 nor for arm64"),
    ] {
        let seen = dist(into.path(), |command| {
            command.env("BINARY", binary);
        })
        .ended_with(1);
        assert!(seen.stderr_text().contains(says), "{seen}");
        assert_eq!(names_in(into.path()), ["before"]);
    }
}
