//! The manifest for krew, by the rules of krew's own `internal/index/validation` and by what its
//! `internal/installation` does with an archive.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{REPOSITORY, VERSION, architecture, dist, name, names_in, program, release, unpacked};
use crate::host::{list, only, run};

fn manifest() -> Value {
    let text = fs::read_to_string(release().join("spyhole.yaml")).unwrap();
    assert!(!text.contains('@') && !text.contains('#'), "{text}");
    serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{why}\n{text}"))
}

#[test]
fn the_manifest_is_one_that_krew_takes() {
    let manifest = manifest();
    assert_eq!(
        manifest["apiVersion"],
        "krew.googlecontainertools.github.com/v1alpha2"
    );
    assert_eq!(manifest["kind"], "Plugin");
    assert_eq!(manifest["metadata"]["name"], "spyhole");
    let spec = &manifest["spec"];
    assert_eq!(spec["version"], format!("v{VERSION}"));
    assert_eq!(spec["homepage"], REPOSITORY);
    let short = spec["shortDescription"].as_str().unwrap();
    // The house rules of the index: one line, no full stop.
    assert!(
        !short.contains('\n') && !short.ends_with('.') && short.len() <= 50,
        "{short}"
    );
    for key in ["description", "caveats"] {
        assert!(!spec[key].as_str().unwrap().is_empty(), "{key}");
    }
}

#[test]
fn each_platform_is_an_archive_with_its_checksum() {
    let manifest = manifest();
    let platform = only(list(&manifest["spec"], "platforms"), |_| true);
    assert_eq!(
        platform["selector"],
        serde_json::json!({"matchLabels": {"os": "linux", "arch": architecture()}})
    );
    let file = format!("{}.tar.gz", name());
    assert_eq!(
        platform["uri"],
        format!("{REPOSITORY}/releases/download/v{VERSION}/{file}")
    );
    let sum = run(Command::new("sha256sum").arg(release().join(&file))).ended_with(0);
    let sum = sum.stdout_text();
    assert_eq!(platform["sha256"].as_str(), sum.split_whitespace().next());
}

#[test]
fn what_krew_moves_out_of_the_archive_is_the_program_and_its_licences() {
    let manifest = manifest();
    let platform = only(list(&manifest["spec"], "platforms"), |_| true);
    let top = unpacked();
    let all = names_in(&top);
    let mut moved = BTreeSet::new();
    for operation in list(platform, "files") {
        assert_eq!(operation["to"], ".");
        let from = operation["from"].as_str().unwrap();
        let pattern = from.strip_prefix("*/").unwrap();
        let fits = |name: &&String| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => *name == pattern,
        };
        let fitting: Vec<_> = all.iter().filter(fits).cloned().collect();
        assert!(!fitting.is_empty(), "nothing is {from}");
        moved.extend(fitting);
    }
    let moved: Vec<_> = moved.into_iter().collect();
    assert_eq!(
        moved,
        [
            "LICENSE-APACHE",
            "LICENSE-MIT",
            "THIRD-PARTY.txt",
            "spyhole"
        ]
    );
    let bin = platform["bin"].as_str().unwrap();
    assert!(moved.iter().any(|name| name == bin));

    // krew links to it under the name by which kubectl finds its plugins.
    let krew = TempDir::new().unwrap();
    let link = krew.path().join("kubectl-spyhole");
    std::os::unix::fs::symlink(top.join(bin), &link).unwrap();
    let help = run(Command::new(link).arg("--help")).ended_with(0);
    assert!(help.stdout_text().contains("kubectl"), "{help}");
    assert!(help.stdout_text().contains("ephemeral container"), "{help}");
}

#[test]
fn each_archive_is_a_platform() {
    // What is packed for the other architecture is never run.
    let work = TempDir::new().unwrap();
    let foreign = work.path().join("foreign");
    let mut bytes = fs::read(program()).unwrap();
    bytes.truncate(64);
    bytes[18] = if architecture() == "amd64" { 183 } else { 62 };
    fs::write(&foreign, bytes).unwrap();
    let into = work.path().join("dist");
    dist(&into, |command| {
        let both = format!("{} {}", foreign.display(), program().display());
        command.env("BINARY", both).env("MAINTAINER", "");
    })
    .ended_with(0);
    let text = fs::read_to_string(into.join("spyhole.yaml")).unwrap();
    let manifest: Value = serde_saphyr::from_str(&text).unwrap();
    let platforms = list(&manifest["spec"], "platforms");
    let of = |key: &str| -> BTreeSet<String> {
        let values = platforms.iter().map(|platform| match key {
            "arch" => &platform["selector"]["matchLabels"]["arch"],
            other => &platform[other],
        });
        values
            .map(|value| value.as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(of("arch"), BTreeSet::from(["amd64".into(), "arm64".into()]));
    assert_eq!((of("sha256").len(), of("uri").len()), (2, 2), "{text}");
}

#[test]
fn without_a_place_of_releases_there_is_no_manifest_and_it_is_said() {
    let into = TempDir::new().unwrap();
    let seen = dist(into.path(), |command| {
        command.env_remove("REPOSITORY").env("MAINTAINER", "");
    })
    .ended_with(0);
    // Nor is there a package that is nobody's.
    assert!(
        seen.stderr_text()
            .contains("no package for Debian: MAINTAINER"),
        "{seen}"
    );
    assert!(
        !names_in(into.path())
            .iter()
            .any(|name| name.contains(".deb"))
    );
    let known = super::text_of("Cargo.toml").contains("\nrepository = ");
    assert_eq!(into.path().join("spyhole.yaml").exists(), known);
    assert_eq!(seen.stderr_text().contains("no manifest for krew"), !known);
}
