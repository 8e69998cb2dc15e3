//! A directory that looks like /proc, for what no machine at hand has: other
//! kernels, sandboxes, nodes of a cluster. spyhole reads it through `--proc DIR`.
//!
//! ```ignore
//! let fake = FakeProc::new();
//! fake.process(1).comm(b"nginx").cgroup("/docker/0123…");
//! let seen = fake.spyhole(["containers", "-o", "json"]).document();
//! ```

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use super::host;
use super::lab::Output;

/// How long its machine has been up.
pub(crate) const UPTIME_SECONDS: u64 = 100_000;

/// The directory; it goes when this is dropped.
pub(crate) struct FakeProc {
    dir: TempDir,
}

impl FakeProc {
    /// Without a process.
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("meminfo"), "MemTotal:        8000000 kB\n").unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let booted = now.as_secs() - UPTIME_SECONDS;
        fs::write(
            dir.path().join("stat"),
            format!("cpu  1 2 3\nbtime {booted}\n"),
        )
        .unwrap();
        fs::write(
            dir.path().join("uptime"),
            format!("{UPTIME_SECONDS}.00 1.00\n"),
        )
        .unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A process with everything that a usual kernel shows; each method changes one file.
    /// All have the same root, so they are one container until their cgroups or mounts differ.
    pub(crate) fn process(&self, pid: i32) -> FakeProcess {
        FakeProcess::write(self.path(), pid)
    }

    /// spyhole, looking into this /proc.
    pub(crate) fn spyhole<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        let mut all: Vec<OsString> = vec!["--proc".into(), self.path().into()];
        all.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        host::spyhole(all)
    }
}

/// One numbered directory.
pub(crate) struct FakeProcess {
    dir: PathBuf,
    pid: i32,
    comm: Vec<u8>,
    state: u8,
    ppid: i32,
}

impl FakeProcess {
    fn write(proc: &Path, pid: i32) -> Self {
        let dir = proc.join(pid.to_string());
        fs::create_dir_all(dir.join("ns")).unwrap();
        fs::create_dir_all(dir.join("fd")).unwrap();
        fs::create_dir_all(dir.join("root")).unwrap();
        let (comm, state) = (b"app".to_vec(), b'S');
        let process = Self {
            dir,
            pid,
            comm,
            state,
            ppid: i32::from(pid > 1),
        };
        process
            .rewrite_stat()
            .file("status", status(pid))
            .file("cmdline", b"app\0--serve\0")
            .file("environ", b"PATH=/bin\0")
            .file("cgroup", b"0::/\n")
            .file("limits", LIMITS)
            .file("oom_score", b"0\n")
            .file("oom_score_adj", b"0\n")
            .file("smaps_rollup", SMAPS_ROLLUP)
            .file("uid_map", b"         0          0 4294967295\n")
            .file("mountinfo", "20 1 0:20 / / rw - overlay overlay rw\n")
            .link("exe", "/app")
            .link("cwd", "/")
            // A mount namespace for each process, unless it joins another's.
            .link(
                "ns/mnt",
                format!("mnt:[{}]", 4_026_531_000 + i64::from(pid)),
            )
    }

    /// Any file of it, byte by byte.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.dir.join(name), content).unwrap();
        self
    }

    /// As if this kernel did not have the file or directory.
    pub(crate) fn without(self, name: &str) -> Self {
        let path = self.dir.join(name);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        self
    }

    pub(crate) fn link(self, name: &str, goal: impl AsRef<OsStr>) -> Self {
        let path = self.dir.join(name);
        drop(fs::remove_file(&path));
        symlink(goal.as_ref(), path).unwrap();
        self
    }

    pub(crate) fn comm(mut self, comm: &[u8]) -> Self {
        self.comm = comm.to_vec();
        self.rewrite_stat()
    }

    pub(crate) fn child_of(mut self, ppid: i32) -> Self {
        self.ppid = ppid;
        self.rewrite_stat()
    }

    /// Ended, not waited for: no memory, no namespaces, no mounts.
    pub(crate) fn zombie(mut self) -> Self {
        self.state = b'Z';
        self.rewrite_stat()
            .file("cmdline", b"")
            .file("mountinfo", b"")
            .without("exe")
            .without("ns")
    }

    /// The path in the unified hierarchy.
    pub(crate) fn cgroup(self, path: &str) -> Self {
        self.file("cgroup", format!("0::{path}\n"))
    }

    /// The roots of its mounts: the first at `/`, the others somewhere below. The
    /// device of the first is the process's own.
    pub(crate) fn mounts(self, roots: &[&str]) -> Self {
        let mut text = format!(
            "20 1 0:{} {} / rw - overlay overlay rw\n",
            self.pid + 100,
            roots[0]
        );
        for (index, root) in roots.iter().enumerate().skip(1) {
            let id = 20 + index;
            writeln!(
                text,
                "{id} 20 8:1 {root} /mnt/{index} rw - ext4 /dev/sda1 rw"
            )
            .unwrap();
        }
        self.file("mountinfo", text)
    }

    /// In the container of another process: the same mounts, cgroup and mount namespace.
    pub(crate) fn in_the_container_of(self, other: &Self) -> Self {
        for file in ["mountinfo", "cgroup"] {
            fs::copy(other.dir.join(file), self.dir.join(file)).unwrap();
        }
        let namespace = fs::read_link(other.dir.join("ns/mnt")).unwrap();
        self.link("ns/mnt", namespace)
    }

    /// The lines of `status` that start so are missing.
    pub(crate) fn status_without(self, keys: &[&str]) -> Self {
        let text = fs::read_to_string(self.dir.join("status")).unwrap();
        let kept = |line: &&str| !keys.iter().any(|key| line.starts_with(&format!("{key}:")));
        let mut kept: String = text.lines().filter(kept).collect::<Vec<_>>().join("\n");
        kept.push('\n');
        self.file("status", kept)
    }

    /// `status` with one line in place of another.
    pub(crate) fn status_with(self, key: &str, value: &str) -> Self {
        let process = self.status_without(&[key]);
        let text = fs::read_to_string(process.dir.join("status")).unwrap();
        process.file("status", format!("{text}{key}:\t{value}\n"))
    }

    fn rewrite_stat(self) -> Self {
        let Self { pid, ppid, .. } = self;
        let mut stat = format!("{pid} (").into_bytes();
        stat.extend_from_slice(&self.comm);
        stat.extend_from_slice(b") ");
        stat.push(self.state);
        let started = 1_000 + pid;
        stat.extend_from_slice(
            format!(
                " {ppid} {pid} {pid} 0 -1 4194560 900 0 0 0 150 50 0 0 20 0 1 0 {started} 10485760 256 \
                 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
            )
            .as_bytes(),
        );
        self.file("stat", stat)
    }
}

fn status(pid: i32) -> String {
    format!(
        "Name:\tapp\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t0\n\
         TracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t64\nGroups:\t0 \n\
         NStgid:\t{pid}\nNSpid:\t{pid}\nVmLck:\t       0 kB\nVmRSS:\t    1024 kB\n\
         VmSwap:\t       0 kB\nThreads:\t1\nSigPnd:\t0000000000000000\n\
         ShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\n\
         SigCgt:\t0000000000004000\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n\
         CapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\n\
         NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n"
    )
}

const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units     
Max open files            1024                 524288               files     
";

const SMAPS_ROLLUP: &str = "\
00400000-7ffd0000 ---p 00000000 00:00 0                                  [rollup]
Rss:                1024 kB
Pss:                 700 kB
";
