//! A real Docker for the tests: a daemon of their own, without network and without iptables, that
//! keeps all that it has in one temporary directory. A guard process removes its containers and
//! ends it when the test run ends, in whatever way it ends.

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

use crate::lab::example;
use crate::lab::process::{Output, run};
use crate::podman::write_program;

/// The sample application as an image.
pub(crate) const WEBAPP_IMAGE: &str = "spyhole-test-webapp:it";
/// How long the daemon may take until it answers, on a busy machine too.
const START: Duration = Duration::from_mins(2);

/// Starts the daemon of the directory `$1`, waits until the test run is gone, then ends it.
const GUARD: &str = r#"
trap '' HUP INT TERM
directory=$1
dockerd --iptables=false --bridge=none --data-root "$directory/data" --exec-root "$directory/exec" \
    --host "unix://$directory/sock" --pidfile "$directory/pid" </dev/null >"$directory/log" 2>&1 &
daemon=$!
cat
export DOCKER_HOST="unix://$directory/sock"
docker ps --all --quiet | xargs --no-run-if-empty docker rm --force
kill "$daemon"
wait "$daemon"
rm -rf --one-file-system "$directory"
"#;

/// Docker with a daemon of its own.
pub(crate) struct DockerLab {
    directory: PathBuf,
    /// The guard acts once this is closed: on drop, or by the kernel.
    _guard: ChildStdin,
}

/// A container, removed with force when it is dropped.
pub(crate) struct DockerContainer {
    pub id: String,
}

impl Drop for DockerContainer {
    fn drop(&mut self) {
        DockerLab::get().docker(&["rm", "--force", &self.id]);
    }
}

impl DockerLab {
    /// The one of this test run, with the image of the sample application.
    pub(crate) fn get() -> &'static Self {
        Self::find().unwrap_or_else(|why| panic!("no Docker: {why}"))
    }

    /// It, or why there is none.
    pub(crate) fn find() -> Result<&'static Self, &'static String> {
        static CURRENT: OnceLock<Result<DockerLab, String>> = OnceLock::new();
        CURRENT.get_or_init(Self::build).as_ref()
    }

    /// The sample application, by `docker run` with these flags; waits until it stands.
    pub(crate) fn webapp(&self, flags: &[&str], args: &[&str]) -> DockerContainer {
        let words = [&["--network", "none"], flags, &[WEBAPP_IMAGE], args].concat();
        let container = self.run(&words);
        let start = Instant::now();
        while !self
            .docker(&["logs", &container.id])
            .to_string()
            .contains("ready ")
        {
            assert!(start.elapsed() < START, "{} is not ready", container.id);
            thread::sleep(Duration::from_millis(50));
        }
        container
    }

    /// `docker run --detach` with these words.
    pub(crate) fn run(&self, words: &[&str]) -> DockerContainer {
        let started = self.must(&[&["run", "--detach"], words].concat());
        let id = started.stdout_text().trim().to_owned();
        DockerContainer { id }
    }

    /// Any command of docker.
    pub(crate) fn docker(&self, words: &[&str]) -> Output {
        run(OsStr::new("docker"), |command| {
            self.choose(command.args(words));
        })
    }

    /// The same, where a failure is one of the test.
    pub(crate) fn must(&self, words: &[&str]) -> Output {
        let output = self.docker(words);
        assert_eq!(output.code, Some(0), "docker {words:?}: {output}");
        output
    }

    /// The containers in the process namespace of another.
    pub(crate) fn companions(&self, of: &DockerContainer) -> Vec<String> {
        let format = "{{.HostConfig.PidMode}}";
        let all = self.must(&["ps", "--all", "--quiet", "--no-trunc"]);
        let is_beside = |id: &&str| {
            // Another test may have removed it by now.
            let mode = self.docker(&["container", "inspect", "--format", format, id]);
            mode.stdout_text().contains(&of.id)
        };
        let ids = all.stdout_text();
        ids.lines().filter(is_beside).map(str::to_owned).collect()
    }

    /// Makes a command and what it starts talk to this daemon.
    pub(crate) fn choose(&self, command: &mut Command) {
        command
            .env("DOCKER_HOST", self.host())
            .env("DOCKER_BUILDKIT", "0")
            .env_remove("DOCKER_CONTEXT");
    }

    /// The address of the daemon, as `DOCKER_HOST` has it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.directory.join("sock").display())
    }

    fn build() -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("not root".to_owned());
        }
        for program in ["dockerd", "docker"] {
            let path = env::var_os("PATH").unwrap_or_default();
            if !env::split_paths(&path).any(|directory| directory.join(program).exists()) {
                return Err(format!(
                    "{program} is not installed: scripts/prepare installs it"
                ));
            }
        }
        let lab = Self::start().map_err(|why| why.to_string())?;
        lab.await_answer()?;
        lab.add_image(WEBAPP_IMAGE, &example("webapp"), "1000:1000")?;
        Ok(lab)
    }

    fn start() -> io::Result<Self> {
        // Short: the path of a socket has 107 bytes at most.
        let name = format!("spyhole-it-docker-{}", std::process::id());
        let directory = env::temp_dir().join(name);
        fs::create_dir(&directory)?;
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
            let answer = self.docker(&["version", "--format", "{{.Server.Version}}"]);
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

    fn add_image(&self, image: &str, program: &Path, user: &str) -> Result<(), String> {
        let name = program.file_name().unwrap().to_string_lossy();
        let context = self.directory.join(format!("{name}-image"));
        fs::create_dir(&context).map_err(|why| why.to_string())?;
        fs::copy(program, context.join(&*name)).map_err(|why| why.to_string())?;
        let text = format!(
            "FROM scratch\nCOPY {name} /{name}\nWORKDIR /\nUSER {user}\nENTRYPOINT [\"/{name}\"]\n"
        );
        fs::write(context.join("Dockerfile"), text).map_err(|why| why.to_string())?;
        let built = self.docker(&["build", "--tag", image, &context.to_string_lossy()]);
        match built.code {
            Some(0) => Ok(()),
            _ => Err(built.to_string()),
        }
    }

    /// A script of the repository that calls this docker.
    pub(crate) fn script(&self, name: &str, change: impl FnOnce(&mut Command)) -> Output {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
        run(scripts.join(name).as_os_str(), |command| {
            self.choose(command.env("ENGINE", "docker"));
            change(command);
        })
    }

    /// Writes a program named `docker` that is Docker with this daemon, and notes the words of each
    /// call as a line of `calls`, both in this directory: for PATH.
    pub(crate) fn program_in(&self, directory: &Path) {
        let text = format!(
            "#!/bin/sh\necho \"$*\" >> '{}'\nPATH='{}'\nexport DOCKER_HOST='{}'\nexec docker \"$@\"\n",
            directory.join("calls").display(),
            env::var("PATH").unwrap(),
            self.host(),
        );
        write_program(&directory.join("docker"), &text);
    }
}
