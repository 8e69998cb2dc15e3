//! Real containers for the tests, by Podman: what an engine adds to the bare
//! namespaces of `lab` (its cgroups, mounts, masks, hooks and manifests).
//!
//! Storage, state, locks and configuration lie in one temporary directory, so
//! that nobody's own containers are touched. A guard process removes it all
//! when the test run ends, in whatever way it ends.
//!
//! ```ignore
//! let podman = PodmanLab::get();
//! let web = podman.webapp(&["--user", "1000:1000"], &["--api-key=s3cret"]);
//! let seen = podman.viewer(&web, &["--user", "1000:1000"], &["ps"]);
//! assert_eq!(seen.code, Some(0), "{seen}");
//! ```
#![allow(
    dead_code,
    reason = "a library for the tests beside it, which use it piece by piece"
)]

mod container;
mod selftest;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;

pub(crate) use container::{KubePod, PodmanContainer};

use crate::lab::process::{Output, run};
use crate::lab::{example, spyhole};

/// The sample application as an image; the manifests name it too.
pub(crate) const WEBAPP_IMAGE: &str = "localhost/spyhole-test-webapp:it";
/// spyhole alone in an image.
pub(crate) const SPYHOLE_IMAGE: &str = "localhost/spyhole-test-spyhole:it";

/// Podman 5 warns on stderr where the machine has cgroups v1, whatever the command.
const NO_WARNING: &str = "PODMAN_IGNORE_CGROUPSV1_WARNING";

/// Waits until the test run is gone, then removes what it left: `$1` is the
/// directory, the rest how to call Podman on it.
const GUARD: &str = r#"
trap '' HUP INT TERM
cat
directory=$1
shift
"$@" pod rm --all --force --time 0
"$@" rm --all --force --time 0
umount --lazy "$directory/root/overlay"
rm -rf --one-file-system "$directory"
"#;

/// Podman with a storage of its own.
pub(crate) struct PodmanLab {
    directory: PathBuf,
    driver: &'static str,
    /// The guard acts once this is closed: on drop, or by the kernel.
    _guard: ChildStdin,
}

impl PodmanLab {
    /// The one of this test run, with its images built.
    pub(crate) fn get() -> &'static Self {
        Self::find().unwrap_or_else(|why| panic!("no Podman: {why}"))
    }

    /// The sample application, by `podman run` with these flags; waits until it stands.
    pub(crate) fn webapp(&'static self, flags: &[&str], args: &[&str]) -> PodmanContainer {
        let mut words = vec!["run", "--detach", "--network", "none"];
        words.extend(flags);
        words.push(WEBAPP_IMAGE);
        words.extend(args);
        let id = self.must(&words).stdout_text().trim().to_owned();
        PodmanContainer::stand(self, id, None, "ready ")
    }

    /// spyhole beside a container, PID and network shared, as an ephemeral
    /// container with a target: flags are those of `podman run`, such as
    /// `--user 1000:1000` or `--cap-add SYS_PTRACE`.
    pub(crate) fn viewer(&self, beside: &PodmanContainer, flags: &[&str], args: &[&str]) -> Output {
        self.beside(beside, flags, &[&[SPYHOLE_IMAGE], args].concat())
    }

    /// Another static program of this machine in the same place.
    pub(crate) fn program(
        &self,
        program: &Path,
        beside: &PodmanContainer,
        flags: &[&str],
        args: &[&str],
    ) -> Output {
        let volume = format!("{}:/program:ro", program.display());
        let own = ["--volume", &volume, "--entrypoint", "/program"];
        let flags = [&own, flags].concat();
        self.beside(beside, &flags, &[&[SPYHOLE_IMAGE], args].concat())
    }

    fn beside(&self, beside: &PodmanContainer, flags: &[&str], image: &[&str]) -> Output {
        let pid = format!("container:{}", beside.id);
        let mut words = vec!["run", "--rm", "--pid", &pid];
        match &beside.pod {
            // Podman lets nobody outside a pod join a member: the viewer becomes one.
            Some(pod) => words.extend(["--pod", pod]),
            None => words.extend(["--network", &pid]),
        }
        words.extend(flags);
        words.extend(image);
        self.podman(&words)
    }

    /// The pod of a manifest, by `podman kube play`; one pod at a time.
    pub(crate) fn kube_play(&'static self, manifest: &Path) -> KubePod {
        KubePod::play(self, manifest)
    }

    /// Any Podman command on this storage.
    pub(crate) fn podman(&self, words: &[&str]) -> Output {
        run(OsStr::new("podman"), |command| {
            command
                .env("CONTAINERS_CONF", self.directory.join("containers.conf"))
                .env(NO_WARNING, "1")
                .args(global_flags(&self.directory, self.driver))
                .args(words);
        })
    }

    /// Writes a program named `podman` that is Podman on this storage, and notes the words of
    /// each call as a line of `calls`, both in this directory: for PATH.
    pub(crate) fn program_in(&self, directory: &Path) {
        let mut words = vec!["podman".into()];
        words.extend(global_flags(&self.directory, self.driver));
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        let text = format!(
            "#!/bin/sh\necho \"$*\" >> '{}'\nPATH='{}'\nexport CONTAINERS_CONF='{}' {NO_WARNING}=1\nexec {} \"$@\"\n",
            directory.join("calls").display(),
            env::var("PATH").unwrap(),
            self.directory.join("containers.conf").display(),
            words.join(" ")
        );
        write_program(&directory.join("podman"), &text);
    }

    /// The same, where a failure is one of the test.
    pub(crate) fn must(&self, words: &[&str]) -> Output {
        let output = self.podman(words);
        assert_eq!(output.code, Some(0), "podman {words:?}: {output}");
        output
    }

    /// A script of the repository that calls Podman, or Buildah, on this storage by
    /// `$ENGINE_FLAGS`.
    pub(crate) fn script(&self, name: &str, change: impl FnOnce(&mut Command)) -> Output {
        let tmpdir = self.directory.join("tmp");
        let flags = format!("{} --tmpdir {}", self.storage_flags(), tmpdir.display());
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("scripts")
            .join(name);
        run(script.as_os_str(), |command| {
            command
                .env("CONTAINERS_CONF", self.directory.join("containers.conf"))
                .env(NO_WARNING, "1")
                .env("ENGINE_FLAGS", flags);
            change(command);
        })
    }

    /// What its storage is made of.
    pub(crate) fn driver(&self) -> &'static str {
        self.driver
    }

    /// The flags by which Podman and Buildah alike use this storage.
    pub(crate) fn storage_flags(&self) -> String {
        let below = |name| self.directory.join(name).display().to_string();
        format!(
            "--storage-driver {} --root {} --runroot {}",
            self.driver,
            below("root"),
            below("run")
        )
    }

    /// It, or why there is none.
    pub(crate) fn find() -> Result<&'static Self, &'static String> {
        static CURRENT: OnceLock<Result<PodmanLab, String>> = OnceLock::new();
        CURRENT.get_or_init(Self::build).as_ref()
    }

    fn build() -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("not root".to_owned());
        }
        if !installed("podman") {
            return Err("podman is not installed".to_owned());
        }
        // Overlay where the file system below allows it, plain copies otherwise.
        let mut failures = String::new();
        for driver in ["overlay", "vfs"] {
            let lab = Self::with(driver).map_err(|why| why.to_string())?;
            match lab.try_images() {
                Ok(()) => return Ok(lab),
                Err(failure) => failures.push_str(&failure),
            }
        }
        Err(failures)
    }

    fn with(driver: &'static str) -> io::Result<Self> {
        let name = format!("spyhole-it-podman-{}-{driver}", std::process::id());
        let directory = env::temp_dir().join(name);
        fs::create_dir(&directory)?;
        // File locks lie in our directory; those in shared memory are everyone's.
        let mut text = "[containers]\nnetns = \"none\"\n\
            default_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n\
            [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\n\
            lock_type = \"file\"\n"
            .to_owned();
        if installed("runc") {
            text.push_str("runtime = \"runc\"\n");
        }
        fs::write(directory.join("containers.conf"), text)?;
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(&directory)
            .arg("podman")
            .args(global_flags(&directory, driver))
            .env("CONTAINERS_CONF", directory.join("containers.conf"))
            // Not in the group that a terminal or a runner kills.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let held = guard.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            directory,
            driver,
            _guard: held,
        })
    }

    /// The two images, and one container as the proof that they run.
    fn try_images(&self) -> Result<(), String> {
        for (image, program, user) in [
            (WEBAPP_IMAGE, example("webapp"), "1000:1000"),
            (SPYHOLE_IMAGE, spyhole(), "65532:65532"),
        ] {
            self.try_image(image, &program, user)?;
        }
        let output = self.podman(&["run", "--rm", WEBAPP_IMAGE, "--help"]);
        success(&output)
    }

    fn try_image(&self, image: &str, program: &Path, user: &str) -> Result<(), String> {
        let name = program.file_name().unwrap().to_string_lossy();
        let context = self.directory.join(format!("{name}-image"));
        fs::create_dir(&context).map_err(|why| why.to_string())?;
        fs::copy(program, context.join(&*name)).map_err(|why| why.to_string())?;
        let text = format!(
            "FROM scratch\nCOPY {name} /{name}\nWORKDIR /\nUSER {user}\nENTRYPOINT [\"/{name}\"]\n"
        );
        fs::write(context.join("Dockerfile"), text).map_err(|why| why.to_string())?;
        let context = context.to_string_lossy();
        success(&self.podman(&["build", "--isolation", "chroot", "--tag", image, &context]))
    }
}

fn success(output: &Output) -> Result<(), String> {
    match output.code {
        Some(0) => Ok(()),
        _ => Err(output.to_string()),
    }
}

/// Written by another process: a file that this one had open for writing while some test forked
/// would be "text file busy".
pub(crate) fn write_program(path: &Path, text: &str) {
    let written = Command::new("sh")
        .args([
            "-c",
            "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"",
            "write",
        ])
        .arg(path)
        .arg(text)
        .status();
    assert!(written.unwrap().success(), "{}", path.display());
}

fn global_flags(directory: &Path, driver: &str) -> Vec<OsString> {
    let mut flags: Vec<OsString> = vec!["--storage-driver".into(), driver.into()];
    for (flag, below) in [
        ("--root", "root"),
        ("--runroot", "run"),
        ("--tmpdir", "tmp"),
    ] {
        flags.push(flag.into());
        flags.push(directory.join(below).into());
    }
    flags
}

fn installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).exists())
}
