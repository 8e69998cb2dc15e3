//! The crowd: idle processes for the contenders to look at. Each is this binary executed again
//! (a forked copy would share one command line), with a command line as found in clusters, and
//! none survives the harness.

use std::ffi::CString;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode, Stdio};

use nix::sys::prctl;
use nix::sys::signal::Signal;

use crate::{ROLE, sys};

/// Command lines of 15 to some 900 bytes; `#` becomes a number of the process's own.
const COMMAND_LINES: &[&[&str]] = &[
    &["nginx: worker process"],
    &[
        "/usr/sbin/nginx",
        "-g",
        "daemon off; error_log /dev/stderr info;",
    ],
    &["postgres: app orders 10.1.#.7(5#) idle in transaction"],
    &[
        "/app/server",
        "--port=80#",
        "--config=/etc/app/config.yaml",
        "--log-format=json",
        "--id=#",
    ],
    &["redis-server *:6379"],
    &[
        "python3",
        "-m",
        "gunicorn",
        "shop.wsgi:application",
        "--bind",
        "0.0.0.0:8000",
        "--name",
        "worker-#",
    ],
    &[
        "node",
        "--max-old-space-size=512",
        "/srv/web/dist/main.js",
        "--instance",
        "#",
    ],
    &[
        "/opt/java/openjdk/bin/java",
        "-Xms256m",
        "-Xmx1024m",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=200",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:HeapDumpPath=/tmp/dump-#",
        "-Djava.security.egd=file:/dev/urandom",
        "-Dfile.encoding=UTF-8",
        "-Dspring.profiles.active=production,kubernetes",
        "-Dserver.port=8080",
        "-Dlogging.config=/etc/app/logback.xml",
        "-Dcom.sun.management.jmxremote.port=9010",
        "-classpath",
        "/app/lib/spring-boot-3.3.2.jar:/app/lib/spring-core-6.1.11.jar:\
         /app/lib/spring-web-6.1.11.jar:/app/lib/jackson-databind-2.17.2.jar:\
         /app/lib/hikaricp-5.1.0.jar:/app/lib/postgresql-42.7.3.jar:\
         /app/lib/micrometer-core-1.13.2.jar:/app/lib/netty-handler-4.1.111.jar:\
         /app/lib/logback-classic-1.5.6.jar:/app/lib/kafka-clients-3.7.1.jar:/app/orders.jar",
        "org.example.orders.Application",
        "--instance=#",
    ],
];

/// Idle processes, which end when this is dropped or when the harness dies.
pub(crate) struct Crowd(Vec<Child>);

impl Crowd {
    /// Starts that many and returns when all are up. Only to be called in the main thread:
    /// the members die with the thread that started them.
    pub(crate) fn gather(size: usize) -> Result<Self, String> {
        Self::gather_with(size, || Ok(Stdio::null()))
    }

    /// The same, each with a descriptor of its own as stdin.
    pub(crate) fn gather_with(
        size: usize,
        mut stdin: impl FnMut() -> io::Result<Stdio>,
    ) -> Result<Self, String> {
        let hard_limit = sys::raise_process_limit();
        let fail = |up: usize, error: &dyn std::fmt::Display| {
            format!(
                "{up} of {size} idle processes started (hard process limit {hard_limit}): {error}"
            )
        };
        let (mut ready, writer) = io::pipe().map_err(|error| fail(0, &error))?;
        let mut crowd = Self(Vec::with_capacity(size));
        for (number, line) in (0..size).zip(COMMAND_LINES.iter().cycle()) {
            let child = stdin()
                .and_then(|stdin| start(number, line, stdin, &writer))
                .map_err(|error| fail(number, &error))?;
            crowd.0.push(child);
        }
        // Each writes one byte once it is what it will be, and closes its end: the end of the
        // stream means that nobody is still on the way.
        drop(writer);
        let mut bytes = Vec::new();
        ready
            .read_to_end(&mut bytes)
            .map_err(|error| fail(0, &error))?;
        if bytes.len() == size {
            Ok(crowd)
        } else {
            Err(fail(bytes.len(), &"the others ended early"))
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

fn start(number: usize, line: &[&str], stdin: Stdio, ready: &io::PipeWriter) -> io::Result<Child> {
    let number = number.to_string();
    let mut words = line.iter().map(|word| word.replace('#', &number));
    Command::new(std::env::current_exe()?)
        .arg0(words.next().unwrap_or_default())
        .args(words)
        .env_clear()
        .env(ROLE, "idle")
        .stdin(stdin)
        .stdout(ready.try_clone()?)
        .stderr(Stdio::null())
        .spawn()
}

/// Whether this process was started as a member of the crowd. Its words are a disguise, so the
/// environment tells.
pub(crate) fn is_member() -> bool {
    std::env::var_os(ROLE).is_some_and(|role| role == "idle")
}

/// The life of a member. If the harness died before the death signal was asked for, nobody
/// holds the other end of the pipe and the write fails.
pub(crate) fn stand_idle() -> ExitCode {
    let up = prctl::set_pdeathsig(Signal::SIGKILL).is_ok()
        && prctl::set_name(&short_name()).is_ok()
        && io::stdout()
            .write_all(b".")
            .and_then(|()| io::stdout().flush())
            .is_ok()
        && std::fs::File::open("/dev/null")
            .is_ok_and(|null| nix::unistd::dup2_stdout(null).is_ok());
    if !up {
        return ExitCode::FAILURE;
    }
    loop {
        nix::unistd::pause();
    }
}

/// What the kernel would have called the program that argv names.
fn short_name() -> CString {
    let program = std::env::args().next().unwrap_or_default();
    let program = program.split([':', ' ']).next().unwrap_or_default();
    let base = program.rsplit('/').next().unwrap_or_default();
    CString::new(base.chars().take(15).collect::<String>()).unwrap_or_default()
}
