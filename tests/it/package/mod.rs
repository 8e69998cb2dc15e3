//! What makes spyhole a package: the archive of a release, the package for Debian, the completions and manual
//! pages in both, whose work is linked in, the Helm chart, and the manifest for krew.
//! What is only read is checked by `scripts/lint-packaging`.

mod archive;
mod chart;
mod completions;
mod deb;
mod krew;
mod linked;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::host::run;
use crate::lab::{Output, spyhole};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const EPOCH: &str = "1700000000";
const REPOSITORY: &str = "https://forge.example/house/spyhole";
const MAINTAINER: &str = "The House <house@forge.example.org>";

/// The top of the repository.
fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(name: &str) -> String {
    fs::read_to_string(top().join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// The program under test without what only a debugger reads, which is most of it.
fn program() -> &'static Path {
    static STRIPPED: OnceLock<PathBuf> = OnceLock::new();
    STRIPPED.get_or_init(|| {
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("spyhole-packaged");
        run(Command::new("objcopy")
            .arg("--strip-all")
            .args([&spyhole(), &to]))
        .ended_with(0);
        to
    })
}

/// `make dist` of the program under test into a directory.
fn dist(into: &Path, change: impl FnOnce(&mut Command)) -> Output {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"umask "$RIGHTS"; exec "$0""#])
        .arg(top().join("scripts/dist"))
        .env("RIGHTS", "0022")
        .env("BINARY", program())
        .env("DIST", into)
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .env("REPOSITORY", REPOSITORY)
        .env("MAINTAINER", MAINTAINER)
        .env("LEVEL", "1");
    change(&mut command);
    run(&mut command)
}

/// A release that was made once for all tests.
fn release() -> &'static Path {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let into = TempDir::new().unwrap();
        dist(into.path(), |_| {}).ended_with(0);
        into
    });
    made.path()
}

/// As releases, krew and images name what this machine is.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => panic!("spyhole is not released for {other}"),
    }
}

/// The archive of a release for this machine: its name without the ending.
fn name() -> String {
    format!("spyhole-{VERSION}-linux-{}", architecture())
}

/// That archive, unpacked once for all tests.
fn unpacked() -> PathBuf {
    static INTO: OnceLock<TempDir> = OnceLock::new();
    let into = INTO.get_or_init(|| {
        let into = TempDir::new().unwrap();
        let archive = release().join(format!("{}.tar.gz", name()));
        let mut tar = Command::new("tar");
        run(tar.arg("-xzf").arg(archive).arg("-C").arg(into.path())).ended_with(0);
        into
    });
    into.path().join(name())
}

/// The names in a directory, in order.
fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
