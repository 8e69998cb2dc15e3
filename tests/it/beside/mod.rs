//! `spyhole podman CONTAINER` and `spyhole docker CONTAINER`, as a person at their machine types
//! it: the engine is found in PATH and asked by its own words.

mod docker;
mod docker_engine;
mod limits;
mod podman;
mod refusals;
mod serve;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::host::{self, list};
use super::lab::{self, Output};
use super::podman::{PodmanLab, write_program};
use crate::docker::DockerLab;

/// A PATH in which an engine stands before all else.
struct Desk {
    directory: TempDir,
}

impl Desk {
    /// With the Podman of the tests.
    fn with_podman() -> Self {
        let desk = Self::bare();
        PodmanLab::get().program_in(desk.path());
        desk
    }

    /// With the Docker of the tests.
    fn with_docker() -> Self {
        let desk = Self::bare();
        DockerLab::get().program_in(desk.path());
        desk
    }

    /// With a program of this name and text.
    fn with(name: &str, text: &str) -> Self {
        let desk = Self::bare();
        desk.put(name, text);
        desk
    }

    fn bare() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    fn put(&self, name: &str, text: &str) {
        write_program(&self.path().join(name), text);
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn search_path(&self) -> OsString {
        let others = env::var_os("PATH").unwrap();
        let own = self.path().to_owned();
        env::join_paths(std::iter::once(own).chain(env::split_paths(&others))).unwrap()
    }

    /// spyhole with these words.
    fn spyhole(&self, words: &[&str]) -> Output {
        let mut command = Command::new(lab::spyhole());
        command.args(words).env("PATH", self.search_path());
        host::run(command.env_remove("SPYHOLE_IMAGE"))
    }

    /// A line of sh.
    fn shell(&self, line: &str) -> Output {
        let mut command = Command::new("sh");
        host::run(command.args(["-c", line]).env("PATH", self.search_path()))
    }

    /// The words of each call of the engine so far.
    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path().join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// What `access` says was refused, or may be hidden.
fn denied(seen: &Output) -> Vec<String> {
    let document = seen.document();
    let checks = list(&document["access"], "checks");
    assert!(checks.len() > 10, "{document:#}");
    let stands =
        |check: &&Value| ["allowed", "unsupported"].contains(&check["outcome"].as_str().unwrap());
    let denied = checks.iter().filter(|check| !stands(check));
    denied.map(Value::to_string).collect()
}
