//! The section `mounts`: beside `findmnt` and `df`, in containers, with file systems that hang
//! and with files that lie.

mod container;
pub(crate) mod hang;
mod hostile;
mod live;
mod podman;

pub(crate) use hang::silent;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use serde_json::Value;

use crate::lab::process::{Output, run};
use crate::lab::spyhole;
use crate::support::idle::Idle;

const NONE: Option<&str> = None;

/// A mount namespace of one's own with a process in it, as a target without a container.
pub(crate) struct Namespace<'a> {
    /// Where the test may mount.
    pub(crate) house: &'a Path,
    pid: i32,
}

/// Does something on a thread that is in a mount namespace of its own.
pub(crate) fn in_new_namespace<T: Send>(work: impl FnOnce(&Namespace<'_>) -> T + Send) -> T {
    // Outside, where it is an empty directory to the last and goes away.
    let house = tempfile::tempdir().unwrap();
    on_a_thread(|| {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(NONE, "/", NONE, private, NONE).unwrap();
        let target = Idle::sleep();
        work(&Namespace {
            house: house.path(),
            pid: target.pid(),
        })
    })
}

impl Namespace<'_> {
    /// A directory of the house, made.
    fn directory(&self, name: impl AsRef<OsStr>) -> std::path::PathBuf {
        let path = self.house.join(name.as_ref());
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// `spyhole --pid TARGET` with these words.
    fn spyhole(&self, words: &[&str]) -> Output {
        run(spyhole().as_os_str(), |command| {
            command.args(["--pid", &self.pid.to_string()]).args(words);
        })
    }

    /// The document of `spyhole mounts` with these words.
    fn document(&self, words: &[&str]) -> Value {
        json(&self.spyhole(&[&["mounts", "-o", "json"], words].concat()))
    }
}

/// Does something in the mount namespace of a process, as the root of the machine.
fn inside<T: Send>(pid: i32, work: impl FnOnce() -> T + Send) -> T {
    let namespace = File::open(format!("/proc/{pid}/ns/mnt")).unwrap();
    on_a_thread(|| {
        unshare(CloneFlags::CLONE_FS).unwrap();
        setns(namespace, CloneFlags::CLONE_NEWNS).unwrap();
        work()
    })
}

/// A namespace belongs to a thread: the test runner's are left alone.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn tmpfs(path: &Path, options: &str) {
    fs::create_dir_all(path).unwrap();
    mount(
        Some("house"),
        path,
        Some("tmpfs"),
        MsFlags::empty(),
        Some(options),
    )
    .unwrap();
}

fn bind(source: &Path, target: &Path) {
    mount(Some(source), target, NONE, MsFlags::MS_BIND, NONE).unwrap();
}

fn json(output: &Output) -> Value {
    assert_eq!(output.code, Some(0), "{output}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output}"))
}

/// The mounts of a document that are at this place, in order.
fn all_at<'a>(document: &'a Value, point: &str) -> Vec<&'a Value> {
    let mounts = document["mounts"].as_array().unwrap();
    let here = |mount: &&Value| mount["mount_point"] == point;
    mounts.iter().filter(here).collect()
}

/// The only one there.
fn at<'a>(document: &'a Value, point: &str) -> &'a Value {
    let all = all_at(document, point);
    assert_eq!(all.len(), 1, "{point}: {all:?}");
    all[0]
}

/// The gap of a field with a reason.
fn gap<'a>(document: &'a Value, field: &str, reason: &str) -> &'a Value {
    let gaps = document["gaps"].as_array().unwrap();
    let found = gaps
        .iter()
        .find(|gap| gap["field"] == field && gap["reason"] == reason);
    found.unwrap_or_else(|| panic!("no gap {field} {reason} in {gaps:?}"))
}
