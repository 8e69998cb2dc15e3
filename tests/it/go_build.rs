//! What `spyhole program` says of Go programs, beside `go version -m`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::host::{run, spyhole};
use crate::support::needs::prepared;

/// Go itself, and what `scripts/prepare` installs that is written in it.
fn programs() -> Vec<String> {
    let prepared = ["go/bin/go", "go/bin/gofmt", "kubectl-1.37/kubectl"].map(prepared);
    let prepared = prepared
        .iter()
        .map(|path| path.to_str().unwrap().to_owned());
    let installed = [
        "/usr/bin/podman",
        "/usr/sbin/runc",
        "/usr/bin/buildah",
        "/usr/bin/prometheus",
    ];
    let installed = installed.map(str::to_owned);
    let all = prepared.chain(installed);
    all.filter(|path| Path::new(path).exists()).collect()
}

#[needs(go)]
fn versions_modules_and_settings_are_those_of_go_version_m() {
    let own = std::process::id().to_string();
    let programs = programs();
    assert!(programs.len() > 2, "{programs:?}");
    let mut with_dependencies = 0;
    for path in &programs {
        let mut go = Command::new(prepared("go/bin/go"));
        let told = run(go.args(["version", "-m", path]))
            .ended_with(0)
            .stdout_text();
        let (head, rows) = told.split_once('\n').unwrap();
        let version = head.rsplit(": ").next().unwrap();
        let rows: Vec<Vec<&str>> = rows
            .lines()
            .map(|row| row.trim_start().split('\t').collect())
            .collect();
        let named = |name: &str| rows.iter().find(|row| row[0] == name);
        let seen = spyhole(["program", "--pid", &own, "-o", "json", path]).json();
        let ours = &seen["program"]["elf"]["go"];
        assert_eq!(ours["version"], version, "{path} {ours:#}");
        assert_eq!(
            ours["package"].as_str(),
            named("path").map(|row| row[1]),
            "{path}"
        );
        assert_eq!(
            ours["module"].as_str(),
            named("mod").map(|row| row[1]),
            "{path}"
        );
        let module_version = named("mod").and_then(|row| row.get(2)).copied();
        assert_eq!(ours["module_version"].as_str(), module_version, "{path}");
        let dependencies = rows.iter().filter(|row| row[0] == "dep").count();
        assert_eq!(ours["dependencies"], dependencies, "{path}");
        with_dependencies += usize::from(dependencies > 5);
        let settings = rows.iter().filter(|row| row[0] == "build");
        let settings: BTreeMap<&str, String> = settings
            .map(|row| {
                let (name, value) = row[1].split_once('=').unwrap();
                let quoted = value.starts_with('"');
                let value = if quoted {
                    serde_json::from_str(value).unwrap()
                } else {
                    value.to_owned()
                };
                (name, value)
            })
            .collect();
        assert_eq!(ours["settings"], json!(settings), "{path}");
    }
    assert!(with_dependencies > 0, "{programs:?}");
}
