//! The crate, as `cargo install` gets it.

use std::path::Path;
use std::process::Command;

use super::top;
use crate::host::run;

/// What `cargo package` puts into the crate.
fn files() -> Vec<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "package",
            "--package=spyhole",
            "--list",
            "--locked",
            "--offline",
            "--allow-dirty",
        ])
        .current_dir(top());
    let said = run(&mut cargo).ended_with(0);
    said.stdout_text().lines().map(str::to_owned).collect()
}

#[test]
fn the_crate_holds_what_it_takes_to_build_it() {
    let files = files();
    for needed in [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "src/main.rs",
        "src/lib.rs",
    ] {
        assert!(
            files.iter().any(|file| file == needed),
            "{needed}: {files:?}"
        );
    }
    let read: Vec<String> = files
        .iter()
        .filter(|file| {
            Path::new(file)
                .extension()
                .is_some_and(|ending| ending == "rs")
        })
        .flat_map(|file| included(file))
        .collect();
    assert!(
        read.iter().any(|file| file == "src/model/schema.json"),
        "{read:?}"
    );
    for file in read {
        assert!(files.contains(&file), "{file} is read at build time");
    }
}

#[test]
fn the_crate_holds_nothing_else() {
    for file in files() {
        let right = file.starts_with("src/")
            || matches!(
                file.as_str(),
                "Cargo.toml"
                    | "Cargo.toml.orig"
                    | "Cargo.lock"
                    | ".cargo_vcs_info.json"
                    | ".cargo/config.toml"
                    | "CHANGELOG.md"
                    | "README.md"
                    | "SECURITY.md"
                    | "LICENSE-APACHE"
                    | "LICENSE-MIT"
            );
        assert!(right, "{file}");
    }
}

/// The files that a source reads by `include_…!` where it is no test.
fn included(source: &str) -> Vec<String> {
    if source.ends_with("tests.rs") {
        return Vec::new();
    }
    let text = super::text_of(source);
    let shipped = text.split("#[cfg(test)]").next().unwrap();
    let names = shipped.split("include_").skip(1).filter_map(|rest| {
        let (word, rest) = rest.split_once("!(\"")?;
        matches!(word, "str" | "bytes").then(|| rest.split('"').next().unwrap())
    });
    let beside = source.rsplit_once('/').unwrap().0;
    names.map(|name| format!("{beside}/{name}")).collect()
}
