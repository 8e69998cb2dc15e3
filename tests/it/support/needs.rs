//! What a test may need of the machine, for `#[needs(…)]` of `tests/needs`: a function for each
//! word, which says what is missing.

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use super::containerd::ContainerdLab;
use super::docker::DockerLab;
use super::lab::{Lab, example};
use super::podman::PodmanLab;
use crate::kubectl::tool::Kubectl;
use crate::run::memory::Cgroup;

pub(crate) type Need = (&'static str, fn() -> Result<(), String>);

/// With another value of it the tests are compiled again, and none of them is `#[ignore]`d.
const _: Option<&str> = option_env!("CI");

/// Whether a test can run here, as `#[needs(…)]` asks it.
pub(crate) fn are_met(needs: &[Need]) -> bool {
    let met = |(name, met): &Need| {
        let named = format!("needs {name}");
        allowed(&named, &met())
    };
    needs.iter().all(met)
}

/// Whether a test, or a part of one, can go on with what is here. Where it cannot, a line on stderr
/// gives the reason; with `CI=true` the test fails.
pub(crate) fn allowed(what: &str, stands: &Result<(), String>) -> bool {
    let Err(why) = stands else { return true };
    let test = thread::current().name().unwrap_or_default().to_owned();
    let line = format!("skipped: {test}: {what}: {why}\n");
    assert!(!in_ci(), "no test may be skipped in CI\n{line}");
    // Not eprint!: libtest keeps that of a test that passes.
    drop(io::stderr().write_all(line.as_bytes()));
    false
}

fn in_ci() -> bool {
    env::var("CI").as_deref() == Ok("true")
}

/// A binary that was compiled without `CI=true` may have ignored tests in it.
#[test]
fn nothing_is_ignored_in_ci() {
    if in_ci() {
        let mut listing = Command::new(env::current_exe().unwrap());
        let ignored = listing.args(["--list", "--ignored"]).output().unwrap();
        let ignored = String::from_utf8(ignored.stdout).unwrap();
        assert!(!ignored.contains(": test"), "ignored:\n{ignored}");
    }
}

/// The right to make containers.
pub(crate) fn root() -> Result<(), String> {
    static MET: OnceLock<Result<(), String>> = OnceLock::new();
    let met = MET.get_or_init(|| {
        if !nix::unistd::geteuid().is_root() {
            return Err("not root".to_owned());
        }
        let tried = Lab::program(&example("lab")).args(["peek", "/"]).try_run();
        match tried.code {
            Some(0) => Ok(()),
            _ => Err(tried.to_string()),
        }
    });
    met.clone()
}

/// Podman, as root, with a storage that works here.
pub(crate) fn podman() -> Result<(), String> {
    PodmanLab::find().map(drop).map_err(Clone::clone)
}

/// Docker, as root, with a daemon of its own.
pub(crate) fn docker() -> Result<(), String> {
    DockerLab::find().map(drop).map_err(Clone::clone)
}

/// The runtime that Podman can be told to use.
pub(crate) fn crun() -> Result<(), String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|directory| directory.join("crun").exists());
    found
        .then_some(())
        .ok_or_else(|| "crun is not installed: scripts/prepare installs it".to_owned())
}

/// containerd, as root, with a directory of its own.
pub(crate) fn containerd() -> Result<(), String> {
    ContainerdLab::find().map(drop).map_err(Clone::clone)
}

/// Debian's registry of images, and the program that writes its file of users.
pub(crate) fn docker_registry() -> Result<(), String> {
    starts("docker-registry", "--version")?;
    starts("htpasswd", "-h")
}

/// What gives a program a terminal.
pub(crate) fn script() -> Result<(), String> {
    starts("script", "--version")
}

pub(crate) fn fuse() -> Result<(), String> {
    let opened = File::open("/dev/fuse").map(drop);
    opened.map_err(|why| format!("/dev/fuse: {why}"))
}

pub(crate) fn autofs() -> Result<(), String> {
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let listed = known.lines().any(|line| line.ends_with("\tautofs"));
    listed
        .then_some(())
        .ok_or_else(|| "no autofs in /proc/filesystems".to_owned())
}

pub(crate) fn memory_cgroup() -> Result<(), String> {
    static MET: OnceLock<Result<(), String>> = OnceLock::new();
    let met = MET.get_or_init(|| Cgroup::new("needed").map(drop));
    met.clone()
}

/// A kubectl that is supported.
pub(crate) fn kubectl() -> Result<(), String> {
    Kubectl::find().clone().map(drop)
}

/// The oldest and the newest kubectl that are supported.
pub(crate) fn each_kubectl() -> Result<(), String> {
    Kubectl::both().clone().map(drop)
}

/// getpcaps, setcap, getcap and capsh.
pub(crate) fn libcap() -> Result<(), String> {
    crate::capabilities::has_libcap()
        .then_some(())
        .ok_or_else(|| "libcap2-bin is not installed: scripts/prepare installs it".to_owned())
}

pub(crate) fn ss() -> Result<(), String> {
    starts("ss", "-V")
}

pub(crate) fn fuser() -> Result<(), String> {
    starts("fuser", "-V")
}

/// A JVM that waits, and a program of its runtime.
pub(crate) fn keytool() -> Result<(), String> {
    starts("keytool", "-help")
}

pub(crate) fn strace() -> Result<(), String> {
    starts("strace", "-V")
}

pub(crate) fn dpkg_deb() -> Result<(), String> {
    starts("dpkg-deb", "--version")
}

pub(crate) fn lintian() -> Result<(), String> {
    starts("lintian", "--version")
}

pub(crate) fn man() -> Result<(), String> {
    starts("man", "--version")
}

pub(crate) fn findmnt() -> Result<(), String> {
    starts("findmnt", "--version")
}

pub(crate) fn perl() -> Result<(), String> {
    starts("perl", "--version")
}

pub(crate) fn python3() -> Result<(), String> {
    starts("python3", "--version")
}

pub(crate) fn promtool() -> Result<(), String> {
    starts("promtool", "--version")
}

pub(crate) fn prometheus() -> Result<(), String> {
    starts("prometheus", "--version")
}

pub(crate) fn postgres() -> Result<(), String> {
    crate::tls::starttls_real::postgres_programs().map(drop)
}

pub(crate) fn exim() -> Result<(), String> {
    exists(Path::new("/usr/sbin/exim4"))
}

pub(crate) fn schemathesis() -> Result<(), String> {
    exists(&prepared("bin/schemathesis"))
}

pub(crate) fn gnutls_cli() -> Result<(), String> {
    starts("gnutls-cli", "--version")
}

/// Go, which serves a corpus of chains and says what it takes of them.
pub(crate) fn go() -> Result<(), String> {
    exists(&prepared("go/bin/go"))
}

/// gRPC for Python: a server of health checking, and its own client.
pub(crate) fn grpc() -> Result<(), String> {
    exists(&prepared("installed/grpcio"))
}

/// Where `scripts/prepare` puts what Debian does not have.
pub(crate) fn prepared(tool: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    tools.join(tool)
}

fn exists(path: &Path) -> Result<(), String> {
    path.exists().then_some(()).ok_or_else(|| {
        let path = path.display();
        format!("{path}: not there; scripts/prepare installs it")
    })
}

fn starts(tool: &str, version: &str) -> Result<(), String> {
    let mut command = Command::new(tool);
    let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
    let status = silent.arg(version).status().map(drop);
    status.map_err(|why| format!("{tool}: {why}; scripts/prepare installs it"))
}

pub(crate) fn nginx() -> Result<(), String> {
    starts("nginx", "-v")
}

pub(crate) fn curl() -> Result<(), String> {
    starts("curl", "--version")
}

/// musl, to link a program with.
pub(crate) fn musl_gcc() -> Result<(), String> {
    starts("musl-gcc", "--version")
}

/// Programs under other ids and capabilities.
pub(crate) fn setpriv() -> Result<(), String> {
    starts("setpriv", "--version")
}
