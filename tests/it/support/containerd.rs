//! A real containerd for the tests: without Docker and without Kubernetes, driven by `ctr`, with
//! all that it has in one temporary directory. A guard process ends its containers and itself when
//! the test run ends, in whatever way it ends.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::lab::example;
use super::lab::process::{Output, run};
use super::podman::write_program;

/// The sample application as an image.
const WEBAPP_IMAGE: &str = "docker.io/library/spyhole-test-webapp:it";
/// How long containerd may take until it answers, on a busy machine too.
const START: Duration = Duration::from_mins(2);

/// Starts containerd with the configuration in the directory `$1`, waits until the test run is
/// gone, then ends it.
const GUARD: &str = r#"
trap '' HUP INT TERM
directory=$1
containerd --config "$directory/config.toml" </dev/null >"$directory/log" 2>&1 &
daemon=$!
cat
for namespace in default shop; do
    ctr="ctr --address $directory/sock --namespace $namespace"
    for task in $($ctr tasks list --quiet); do
        $ctr tasks kill --signal SIGKILL "$task"
        $ctr tasks delete --force "$task"
        $ctr containers delete "$task"
    done
done
kill "$daemon"
wait "$daemon"
rm -rf --one-file-system "$directory"
"#;

/// containerd with a directory of its own.
pub(crate) struct ContainerdLab {
    directory: PathBuf,
    /// The guard acts once this is closed: on drop, or by the kernel.
    _guard: ChildStdin,
}

/// A container, ended and removed when it is dropped.
pub(crate) struct ContainerdContainer {
    namespace: &'static str,
    id: String,
    pub pid: i64,
}

impl Drop for ContainerdContainer {
    fn drop(&mut self) {
        let lab = ContainerdLab::get();
        lab.ctr(
            self.namespace,
            &["tasks", "kill", "--signal", "SIGKILL", &self.id],
        );
        lab.ctr(self.namespace, &["tasks", "delete", "--force", &self.id]);
        lab.ctr(self.namespace, &["containers", "delete", &self.id]);
    }
}

impl ContainerdLab {
    /// The one of this test run, with the image of the sample application in both namespaces.
    pub(crate) fn get() -> &'static Self {
        Self::find().unwrap_or_else(|why| panic!("no containerd: {why}"))
    }

    /// It, or why there is none.
    pub(crate) fn find() -> Result<&'static Self, &'static String> {
        static CURRENT: OnceLock<Result<ContainerdLab, String>> = OnceLock::new();
        CURRENT.get_or_init(Self::build).as_ref()
    }

    /// The sample application, by `ctr run` with these flags.
    pub(crate) fn webapp(
        &self,
        namespace: &'static str,
        id: &str,
        flags: &[&str],
    ) -> ContainerdContainer {
        let words = [
            &["run", "--detach", "--null-io", "--snapshotter", "native"],
            flags,
            &[WEBAPP_IMAGE, id],
        ];
        let started = self.ctr(namespace, &words.concat());
        assert_eq!(started.code, Some(0), "ctr run {id}: {started}");
        let mut container = ContainerdContainer {
            namespace,
            id: id.to_owned(),
            pid: 0,
        };
        container.pid = self.pid(namespace, id);
        container
    }

    /// What `ctr tasks list` says.
    fn pid(&self, namespace: &str, id: &str) -> i64 {
        let listed = self.ctr(namespace, &["tasks", "list"]).stdout_text();
        let row = |line: &str| {
            let mut words = line.split_whitespace();
            let pid = words.next().filter(|name| *name == id).and(words.next())?;
            (words.next() == Some("RUNNING")).then(|| pid.parse().unwrap())
        };
        listed
            .lines()
            .find_map(row)
            .unwrap_or_else(|| panic!("{id}: {listed}"))
    }

    /// Any command of ctr.
    pub(crate) fn ctr(&self, namespace: &str, words: &[&str]) -> Output {
        run(OsStr::new("ctr"), |command| {
            command
                .arg("--address")
                .arg(self.directory.join("sock"))
                .args(["--namespace", namespace])
                .args(words);
        })
    }

    /// Writes a program named `ctr` that is ctr with this containerd, in this directory: for PATH.
    pub(crate) fn program_in(&self, directory: &Path) {
        let text = format!(
            "#!/bin/sh\nPATH='{}'\nexec ctr --address '{}' \"$@\"\n",
            env::var("PATH").unwrap(),
            self.directory.join("sock").display(),
        );
        write_program(&directory.join("ctr"), &text);
    }

    fn build() -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("not root".to_owned());
        }
        for program in ["containerd", "ctr"] {
            let path = env::var_os("PATH").unwrap_or_default();
            if !env::split_paths(&path).any(|directory| directory.join(program).exists()) {
                return Err(format!(
                    "{program} is not installed: scripts/prepare installs it"
                ));
            }
        }
        let lab = Self::start().map_err(|why| why.to_string())?;
        lab.await_answer()?;
        let image = lab
            .make_image(&example("webapp"))
            .map_err(|why| why.to_string())?;
        for namespace in ["default", "shop"] {
            let words = ["images", "import", "--snapshotter", "native", &image];
            let imported = lab.ctr(namespace, &words);
            if imported.code != Some(0) {
                return Err(imported.to_string());
            }
        }
        Ok(lab)
    }

    fn start() -> io::Result<Self> {
        // Short: the path of a socket has 107 bytes at most.
        let name = format!("spyhole-it-containerd-{}", std::process::id());
        let directory = env::temp_dir().join(name);
        fs::create_dir(&directory)?;
        let at = directory.display();
        let config = format!(
            "version = 2\n\
             root = \"{at}/root\"\n\
             state = \"{at}/state\"\n\
             oom_score = 0\n\
             disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\n\
             address = \"{at}/sock\"\n"
        );
        fs::write(directory.join("config.toml"), config)?;
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(&directory)
            // Not in the group that a terminal or a runner kills.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let held = guard.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            directory,
            _guard: held,
        })
    }

    fn await_answer(&self) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let answer = self.ctr("default", &["version"]);
            if answer.code == Some(0) {
                return Ok(());
            }
            if start.elapsed() > START {
                let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                return Err(format!("{answer}\n{log}"));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// An archive as `docker save` writes it, with this program alone.
    fn make_image(&self, program: &Path) -> io::Result<String> {
        let name = program.file_name().unwrap().to_string_lossy();
        let directory = self.directory.join("image");
        let root = directory.join("root");
        fs::create_dir_all(&root)?;
        fs::copy(program, root.join(&*name))?;
        let layer = directory.join("layer.tar");
        tar(&root, &layer, &["."]);
        let summed = run(OsStr::new("sha256sum"), |command| {
            command.arg(&layer);
        });
        let summed = summed.stdout_text();
        let digest = summed.split_whitespace().next().unwrap();
        let config = serde_json::json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "config": {"Entrypoint": [format!("/{name}")], "WorkingDir": "/", "User": "1000:1000"},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
        });
        fs::write(directory.join("config.json"), config.to_string())?;
        let manifest = serde_json::json!([{
            "Config": "config.json",
            "RepoTags": [WEBAPP_IMAGE],
            "Layers": ["layer.tar"],
        }]);
        fs::write(directory.join("manifest.json"), manifest.to_string())?;
        let archive = self.directory.join("image.tar");
        tar(
            &directory,
            &archive,
            &["manifest.json", "config.json", "layer.tar"],
        );
        Ok(archive.display().to_string())
    }
}

fn tar(directory: &Path, archive: &Path, names: &[&str]) {
    let made = run(OsStr::new("tar"), |command| {
        command
            .args(["--create", "--owner=0", "--group=0", "--directory"])
            .arg(directory)
            .arg("--file")
            .arg(archive)
            .args(names);
    });
    assert_eq!(made.code, Some(0), "{made}");
}
