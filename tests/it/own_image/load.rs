//! The image in engines and clusters of this machine: real ones where they run here, else a program
//! of the test in place of theirs.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Saved, VERSION, image};
use crate::podman::{PodmanLab, write_program};
use crate::support::containerd::ContainerdLab;
use crate::support::docker::DockerLab;

/// PATH with this directory before all others.
fn path_with(directory: &Path) -> OsString {
    let path = env::var_os("PATH").unwrap();
    let others = env::split_paths(&path);
    env::join_paths([directory.to_owned()].into_iter().chain(others)).unwrap()
}

#[needs(podman)]
fn without_a_word_the_engine_that_responds_has_it_and_runs_it() {
    let (house, podman) = (TempDir::new().unwrap(), PodmanLab::get());
    podman.program_in(house.path());
    write_program(&house.path().join("docker"), "#!/bin/sh\nexit 1\n");
    let loaded = image(&["load"], |command| {
        command.env("PATH", path_with(house.path()));
    });
    let said = loaded.ended_with(0).stdout_text();
    assert!(
        said.contains(&format!("localhost/spyhole:{VERSION}\n")),
        "{said}"
    );
    let ids = Saved::get().ids();
    for (tag, id, uid) in [(VERSION, ids[0], 65532), ("root", ids[1], 0)] {
        let name = format!("localhost/spyhole:{tag}");
        let seen = podman.must(&["image", "inspect", &name]).document();
        assert_eq!(format!("sha256:{}", seen[0]["Id"].as_str().unwrap()), id);
        let run = ["run", "--rm", "--network", "none", &name];
        let own = [&run[..], &["--self", "ps", "-o", "json"]].concat();
        assert_eq!(podman.podman(&own).document()["target"]["uid"], uid);
    }
    let version = [
        "run",
        "--rm",
        "--network",
        "none",
        "localhost/spyhole:latest",
        "--version",
    ];
    assert_eq!(
        podman.must(&version).stdout_text(),
        format!("spyhole {VERSION}\n")
    );
}

#[needs(docker)]
fn docker_knows_it_by_the_same_id_and_runs_it() {
    let (house, docker) = (TempDir::new().unwrap(), DockerLab::get());
    docker.program_in(house.path());
    let loaded = image(&["load", "docker"], |command| {
        command.env("PATH", path_with(house.path()));
    });
    let said = loaded.ended_with(0).stdout_text();
    assert!(said.contains(&format!("spyhole:{VERSION}-root")), "{said}");
    for (tag, id) in ["latest", "root"].iter().zip(Saved::get().ids()) {
        let name = format!("spyhole:{tag}");
        let seen = docker.must(&["image", "inspect", &name]).document();
        assert_eq!(seen[0]["Id"], id);
    }
    let run = ["run", "--rm", "--network", "none", "spyhole", "--version"];
    assert_eq!(
        docker.must(&run).stdout_text(),
        format!("spyhole {VERSION}\n")
    );
}

#[needs(containerd, root)]
fn containerd_has_it_in_the_namespace_of_kubernetes() {
    let (house, lab) = (TempDir::new().unwrap(), ContainerdLab::get());
    lab.program_in(house.path());
    // Overlay does not work on every file system of a test.
    let words = ["load", "containerd", "--", "--snapshotter", "native"];
    let loaded = image(&words, |command| {
        command.env("PATH", path_with(house.path()));
    });
    let said = loaded.ended_with(0).stdout_text();
    assert!(
        said.contains(&format!("imported spyhole:{VERSION}\n")),
        "{said}"
    );
    let name = format!("docker.io/library/spyhole:{VERSION}");
    let listed = lab.ctr("k8s.io", &["images", "list"]).stdout_text();
    let row = listed
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")));
    let row = row.unwrap_or_else(|| panic!("{listed}"));
    assert!(row.contains(&Saved::get().digests()[1]), "{row}");
    let run = [
        "run",
        "--rm",
        "--snapshotter",
        "native",
        &name,
        "spyhole-own",
        "/spyhole",
        "--version",
    ];
    let said = lab.ctr("k8s.io", &run);
    assert_eq!(said.stdout_text(), format!("spyhole {VERSION}\n"), "{said}");
}

/// Notes its words, a line each, and the SHA-256 of what it reads: its stdin, or the file that is its
/// last word.
const STAND_IN: &str = r#"#!/bin/sh
printf '%s\n' "$@" >"${0%/*}/words"
for last; do :; done
[ "$last" = - ] || exec <"$last"
sha256sum >"${0%/*}/sum"
echo "Loaded: spyhole"
"#;

#[test]
fn each_cluster_gets_the_whole_archive_by_its_own_words() {
    for (place, flags, words) in [
        (
            "kind",
            &["--", "--name", "dev"][..],
            &["load", "image-archive", "--name", "dev"][..],
        ),
        ("minikube", &[], &["image", "load", "-"]),
        ("k3s", &[], &["ctr", "images", "import", "-"]),
    ] {
        let house = TempDir::new().unwrap();
        write_program(&house.path().join(place), STAND_IN);
        let loaded = image(&[&["load", place], flags].concat(), |command| {
            command.env("PATH", path_with(house.path()));
        });
        let said = loaded.ended_with(0).stdout_text();
        if place == "k3s" {
            assert_eq!(said.lines().next(), Some("imported spyhole:latest"));
            assert_eq!(said.lines().count(), 4, "{said}");
        } else {
            assert_eq!(said, "Loaded: spyhole\n");
        }
        let read = |name: &str| fs::read_to_string(house.path().join(name)).unwrap();
        let given = read("words");
        let mut given: Vec<_> = given.lines().collect();
        if place == "kind" {
            assert!(given.pop().unwrap().starts_with("/proc/"), "{given:?}");
        }
        assert_eq!(given, words);
        assert_eq!(read("sum")[..64], Saved::get().sha256());
    }
}

#[test]
fn a_refusal_is_repeated_harmlessly_and_a_missing_program_is_named() {
    let house = TempDir::new().unwrap();
    let refusal = "#!/bin/sh\nprintf 'no \\033[31mcluster\\n' >&2\nexit 7\n";
    write_program(&house.path().join("kind"), refusal);
    for (place, words) in [
        (
            "kind",
            &[
                "`kind load image-archive /proc/",
                "(exit code 7)",
                r"no \x1b[31mcluster",
            ][..],
        ),
        ("minikube", &["minikube is not installed, or not in PATH"]),
    ] {
        let refused = image(&["load", place], |command| {
            command.env("PATH", house.path());
        });
        let refused = refused.ended_with(3);
        for word in words {
            assert!(refused.stderr_text().contains(word), "{word}: {refused}");
        }
    }
    let none = image(&["load"], |command| {
        command.env("PATH", house.path());
    });
    let said = none.ended_with(3).stderr_text();
    assert!(
        said.contains("neither docker nor podman responds"),
        "{said}"
    );
}
