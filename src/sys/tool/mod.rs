//! Programs of the engineer's own machine: kubectl, docker, podman. Never those of a target.

#![allow(
    clippy::disallowed_methods,
    reason = "the engineer's side stands where such a program is; nothing beside a target calls this"
)]

mod background;
mod browser;
mod converse;
mod listen;
mod local_port;

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Signal, set_parent_process_death_signal};

pub(crate) use background::Background;
pub(crate) use browser::show;
pub(crate) use converse::{ask_within, feed_within, stream};
pub(crate) use listen::read_from;
pub(crate) use local_port::LocalPort;

/// A program that could not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    /// It is not there.
    #[error("{program} is not installed, or not in PATH")]
    NotFound {
        /// As it was called.
        program: String,
    },
    /// It could not be started, or not be waited for.
    #[error("cannot run {program}: {source}")]
    Start {
        /// As it was called.
        program: String,
        /// The error of starting it.
        source: io::Error,
    },
    /// It did not end in its time, and was ended.
    #[error("{program} timed out after {} s", .time.as_secs())]
    TimedOut {
        /// As it was called.
        program: String,
        /// How long it had.
        time: Duration,
    },
    /// It said more than anybody asked for, and was ended.
    #[error("{program} printed more than {} MiB", .bytes >> 20)]
    TooLong {
        /// As it was called.
        program: String,
        /// How much it could have said.
        bytes: usize,
    },
    /// What it says cannot be passed on.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
}

/// What a program said.
#[derive(Debug)]
pub(crate) struct Said {
    /// How it ended.
    pub status: ExitStatus,
    /// Its stdout.
    pub stdout: Vec<u8>,
    /// Its stderr.
    pub stderr: Vec<u8>,
}

/// Runs a program to its end with this terminal as its own.
///
/// # Errors
/// [`ToolError`], where it does not run.
pub(crate) fn hand_over(program: &OsStr, words: &[OsString]) -> Result<ExitStatus, ToolError> {
    Command::new(program)
        .args(words)
        .status()
        .map_err(|source| refused(program, source))
}

/// What ended a program that has this terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandOverEnd {
    /// Itself.
    ByItself,
    /// SIGINT or SIGTERM.
    Interrupted,
    /// This process, as there is nothing more for it to do.
    Over,
}

/// Runs a program to its end with this terminal as its own. SIGINT and SIGTERM end the program and not
/// this process, and so does `is_over`, which is asked again and again. `page` is opened in a browser
/// once the program says something on stdout.
///
/// # Errors
/// [`ToolError`], where it does not run.
pub(crate) fn hand_over_interruptible(
    program: &OsStr,
    words: &[OsString],
    page: Option<String>,
    is_over: &mut dyn FnMut() -> bool,
) -> Result<(ExitStatus, HandOverEnd), ToolError> {
    let refused = |source| refused(program, source);
    let mut command = Command::new(program);
    command.args(words);
    if page.is_some() {
        command.stdout(Stdio::piped());
    }
    end_with_this_process(&mut command);
    let _caught = Caught::begin();
    let mut child = command.spawn().map_err(refused)?;
    let shower = match (page, child.stdout.take()) {
        (Some(page), Some(stdout)) => {
            let shower = thread::Builder::new().spawn(move || show_when_ready(&page, stdout));
            Some(shower.map_err(refused)?)
        }
        _ => None,
    };
    let (mut passed_on, mut over) = (false, false);
    loop {
        if let Some(status) = child.try_wait().map_err(refused)? {
            // With it goes the file that led the browser there.
            let _ = shower.map(thread::JoinHandle::join);
            let end = if over {
                HandOverEnd::Over
            } else if Caught::came() {
                HandOverEnd::Interrupted
            } else {
                HandOverEnd::ByItself
            };
            return Ok((status, end));
        }
        // The signal of a terminal has reached the program too: it gets its time to end.
        thread::sleep(Duration::from_millis(100));
        over = over || (!passed_on && !Caught::came() && is_over());
        if (over || Caught::came()) && !passed_on && child.try_wait().map_err(refused)?.is_none() {
            let pid = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process(pid, Signal::INT);
            passed_on = true;
        }
    }
}

/// Passes what a program says on, and opens the page with its first words.
fn show_when_ready(page: &str, mut stdout: impl io::Read) {
    let mut some = [0; 4096];
    let mut shown = None;
    while let Ok(count @ 1..) = stdout.read(&mut some) {
        let _ = io::stdout().write_all(some.get(..count).unwrap_or_default());
        shown.get_or_insert_with(|| {
            let shown = show(page);
            if let Err(error) = &shown {
                let _ = writeln!(io::stderr(), "cannot open a browser: {error}");
            }
            shown
        });
    }
}

/// While this lives, SIGINT and SIGTERM are noted and end nothing. What ignored them before still does.
struct Caught([(i32, libc::sighandler_t); 2]);

static CAUGHT: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_: i32) {
    CAUGHT.store(true, Ordering::Relaxed);
}

#[allow(
    unsafe_code,
    reason = "signal(2) has no safe wrapper in what is linked here"
)]
impl Caught {
    fn begin() -> Self {
        CAUGHT.store(false, Ordering::Relaxed);
        Self([libc::SIGINT, libc::SIGTERM].map(|signal| {
            let handler = note as extern "C" fn(i32);
            // SAFETY: the handler does nothing but store into an atomic.
            let before = unsafe { libc::signal(signal, handler as libc::sighandler_t) };
            if before == libc::SIG_IGN {
                // SAFETY: no handler is installed.
                unsafe { libc::signal(signal, libc::SIG_IGN) };
            }
            (signal, before)
        }))
    }

    fn came() -> bool {
        CAUGHT.load(Ordering::Relaxed)
    }
}

#[allow(unsafe_code, reason = "as above")]
impl Drop for Caught {
    fn drop(&mut self) {
        for (signal, before) in self.0 {
            if before != libc::SIG_ERR {
                // SAFETY: what stood there before is a handler, or none.
                unsafe { libc::signal(signal, before) };
            }
        }
    }
}

/// Runs a program to its end with this terminal as its own; the last `limit` bytes of what it
/// says on stderr are kept beside being shown.
///
/// # Errors
/// [`ToolError`], where it does not run.
pub(crate) fn hand_over_listening(
    program: &OsStr,
    words: &[OsString],
    limit: usize,
) -> Result<(ExitStatus, Vec<u8>), ToolError> {
    let refused = |source| refused(program, source);
    let mut command = Command::new(program);
    command.args(words).stderr(Stdio::piped());
    end_with_this_process(&mut command);
    let mut child = command.spawn().map_err(refused)?;
    let mut kept = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        let mut some = [0; 4096];
        // What it says decides nothing: how it ends does.
        while let Ok(read @ 1..) = stderr.read(&mut some) {
            let said = some.get(..read).unwrap_or_default();
            let _ = io::stderr().write_all(said);
            kept.extend_from_slice(said);
            kept.drain(..kept.len().saturating_sub(limit));
        }
    }
    Ok((child.wait().map_err(refused)?, kept))
}

/// Has a program asked to end (SIGTERM) where this process ends before it: what it started is
/// then ended too, instead of going on unseen.
#[allow(
    unsafe_code,
    reason = "nothing else runs code in the child before exec"
)]
fn end_with_this_process(command: &mut Command) {
    let ask = || Ok(set_parent_process_death_signal(Some(Signal::TERM))?);
    // SAFETY: one system call, which allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(ask);
    }
}

/// Bytes that a program can read by a path while this lives; no file is left behind.
#[derive(Debug)]
pub(crate) struct Lent(OwnedFd);

impl Lent {
    /// Lends these bytes.
    ///
    /// # Errors
    /// Those of `memfd_create(2)` and write(2).
    pub(crate) fn new(bytes: &[u8]) -> io::Result<Self> {
        let mut file = std::fs::File::from(memfd_create("spyhole", MemfdFlags::CLOEXEC)?);
        file.write_all(bytes)?;
        Ok(Self(file.into()))
    }

    /// Where it is, for programs of the same user, whatever stands between this one and them.
    #[must_use]
    pub(crate) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

/// The file that this very program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnProgram {
    /// Where it lies.
    pub path: PathBuf,
    /// Whether everybody may read and run it.
    pub for_all: bool,
    /// Whether it needs no file beside itself.
    pub is_static: bool,
}

impl OwnProgram {
    /// Finds it.
    ///
    /// # Errors
    /// Where it cannot be found, such as after it was replaced.
    pub(crate) fn find() -> io::Result<Self> {
        let path = std::env::current_exe()?;
        let mode = std::fs::metadata(&path)?.permissions().mode();
        Ok(Self {
            for_all: mode & 0o005 == 0o005,
            is_static: cfg!(target_feature = "crt-static"),
            path,
        })
    }
}

/// Where a program lies: in the first directory of `PATH` that has it. Directories that are not
/// absolute are left out: what they hold depends on where spyhole is started.
pub(crate) fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(program));
    places.find(|place| {
        std::fs::metadata(place)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    })
}

fn refused(program: &OsStr, source: io::Error) -> ToolError {
    let program = program.to_string_lossy().into_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ToolError::NotFound { program },
        _ => ToolError::Start { program, source },
    }
}
