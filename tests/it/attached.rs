//! A terminal that a client attaches to once the program runs, as `kubectl debug -it` does: it has
//! no size until then, and what is printed before is lost.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::host::{copy_program, run, without_progress};
use super::lab::{Container, Lab, spyhole};
use crate::patience::PATIENCE;

/// Command lines that print in every way there is: a document, help, a usage error, no target.
const LINES: [&[&str]; 4] = [
    &["access", "--color", "never"],
    &["--help"],
    &["no-such-command"],
    &["--pid", "4194303", "ps"],
];

#[needs(root)]
fn nothing_is_printed_before_the_terminal_has_a_size() {
    let web = Lab::webapp().uid(1000).start();
    for words in LINES {
        let expected = Attached::start(&mut beside(&web, words), SIZE).output();
        let seen = while_it_waits(|notes| beside_noting(&web, words, notes)).expect("it waits");
        assert_eq!(seen, expected, "{words:?}");
    }
}

#[needs(root)]
fn a_terminal_that_never_has_a_size_shows_all_of_it() {
    let web = Lab::webapp().uid(1000).start();
    for words in LINES {
        let piped = web.spyhole().uid(1000).caps("none").args(words).run();
        let text = piped.stdout_text() + &piped.stderr_text();
        let seen = Attached::start(&mut beside(&web, words), NO_SIZE).output();
        assert_eq!(seen, (piped.code, text), "{words:?}");
    }
}

#[needs(root)]
fn what_is_for_programs_never_waits() {
    let web = Lab::webapp().uid(1000).start();
    let sleeps_first = |words: &[&str]| {
        let notes = TempDir::new().unwrap();
        let trace = notes.path().join("trace");
        let lab = beside(&web, words);
        let mut strace = Command::new("strace");
        strace.args(["--follow-forks", "--trace=clock_nanosleep,execve,write"]);
        strace.arg("--output").arg(&trace);
        strace.arg(lab.get_program()).args(lab.get_args());
        let seen = Attached::start(&mut strace, NO_SIZE).output();
        let trace = fs::read_to_string(trace).unwrap();
        let (_, begun) = trace
            .split_once("execve(\"/spyhole\"")
            .unwrap_or_else(|| panic!("{trace}\n{seen:?}"));
        let printed = begun.find(" write(1, ").into_iter();
        let printed = printed.chain(begun.find(" write(2, ")).min();
        let before = printed.map_or(begun, |at| &begun[..at]);
        before.contains("clock_nanosleep(")
    };
    assert!(sleeps_first(&["access"]), "strace sees how one waits");
    for words in [
        &["check", "tcp:127.0.0.1:8080"][..],
        &["check", "tcp:127.0.0.1:1"],
        &["check", "no-such-check"],
        &["-q", "--timeout", "2s", "check", "process:webapp"],
        &["run", "--", "/no-such-program"],
        &["run", "--", "/spyhole", "check", "listen:8080"],
        &["serve", "--no-such-flag"],
        &["serve", "--listen", "127.0.0.1:0", "--lifetime", "1ms"],
        &["schema"],
        &["completions", "bash"],
        &["man"],
        &["man", "no-such-command"],
    ] {
        assert!(!sleeps_first(words), "{words:?}");
    }
}

#[test]
fn on_the_machine_it_waits_below_a_shim_and_below_nothing_else() {
    let place = TempDir::new().unwrap();
    let waits = |name: &str, session: &str| {
        let shell = place.path().join(name);
        copy_program(&fs::canonicalize("/bin/sh").unwrap(), &shell);
        while_it_waits(|notes| {
            let mut command = Command::new(&shell);
            let line = format!("{session} \"$0\" --help & echo $! >\"$1\"; wait $!");
            command.arg("-c").arg(line).arg(spyhole());
            command.arg(notes.join("pid"));
            command
        })
    };
    let (code, text) = waits("containerd-shim-runc-v2", "setsid").expect("it waits");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Exit codes:"), "{text}");
    assert_eq!(waits("containerd-shim-runc-v2", ""), None, "no leader");
    assert_eq!(waits("bash", "setsid"), None, "script(1) or a shell");
}

/// What a run printed that was seen to wait, with nothing printed, until the terminal had a size;
/// `None` where it does not wait.
fn while_it_waits(command: impl Fn(&Path) -> Command) -> Option<(Option<i32>, String)> {
    // A machine under load may look too late, when the time that it waits has passed.
    for _ in 0..10 {
        let notes = TempDir::new().unwrap();
        let attached = Attached::start(&mut command(notes.path()), NO_SIZE);
        if let Some(pid) = attached.waits(&notes.path().join("pid")) {
            kill(pid, Signal::SIGSTOP).unwrap();
            let untouched = !attached.has_printed();
            attached.set_size();
            kill(pid, Signal::SIGCONT).unwrap();
            if untouched {
                return Some(attached.output());
            }
        }
        attached.output();
    }
    None
}

fn beside(web: &Container, words: &[&str]) -> Command {
    let setup = web.spyhole().uid(1000).caps("none");
    setup.args(words).command(&[])
}

/// The same, with the pid in `notes`.
fn beside_noting(web: &Container, words: &[&str], notes: &Path) -> Command {
    let setup = web.spyhole().uid(1000).caps("none");
    let pidfile = notes.join("pid");
    setup
        .args(words)
        .command(&[OsStr::new("--pidfile"), pidfile.as_ref()])
}

const NO_SIZE: Winsize = Winsize {
    ws_row: 0,
    ws_col: 0,
    ws_xpixel: 0,
    ws_ypixel: 0,
};
const SIZE: Winsize = Winsize {
    ws_row: 40,
    ws_col: 72,
    ..NO_SIZE
};

/// A program on a terminal of its own.
struct Attached {
    child: Child,
    terminal: File,
}

impl Attached {
    fn start(command: &mut Command, size: Winsize) -> Self {
        let pty = openpty(Some(&size), None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end());
        let child = child.spawn().unwrap();
        // Else it would hold the terminal open.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self {
            child,
            terminal: pty.master.into(),
        }
    }

    /// The process that its pid file tells, once that sleeps; `None` where it prints first.
    fn waits(&self, pidfile: &Path) -> Option<Pid> {
        let until = Instant::now() + PATIENCE;
        while !self.has_printed() {
            assert!(Instant::now() < until, "it neither prints nor sleeps");
            let pid = fs::read_to_string(pidfile).unwrap_or_default();
            let call = fs::read_to_string(format!("/proc/{}/syscall", pid.trim()));
            let call = call.unwrap_or_default();
            let number = call.split(' ').next().unwrap_or_default();
            if number == libc::SYS_clock_nanosleep.to_string() {
                return pid.trim().parse().ok().map(Pid::from_raw);
            }
            thread::sleep(Duration::from_millis(1));
        }
        None
    }

    fn has_printed(&self) -> bool {
        let mut fds = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).unwrap();
        // Nobody has it open any more: it has ended, with nothing left to read.
        fds[0].revents().is_some_and(|seen| !seen.is_empty())
    }

    #[allow(unsafe_code, reason = "nix has no name for this call")]
    fn set_size(&self) {
        // SAFETY: it reads one structure, which outlives the call.
        let done = unsafe { libc::ioctl(self.terminal.as_raw_fd(), libc::TIOCSWINSZ, &SIZE) };
        assert_eq!(done, 0);
    }

    /// Exit code and text of both streams, once it has ended.
    fn output(mut self) -> (Option<i32>, String) {
        let mut bytes = Vec::new();
        let mut some = [0; 4096];
        // The last reader gone is an error here, EIO.
        while let Ok(read @ 1..) = self.terminal.read(&mut some) {
            bytes.extend_from_slice(&some[..read]);
        }
        let code = self.child.wait().unwrap().code();
        let text = String::from_utf8(bytes).unwrap();
        (code, without_progress(&text).replace('\r', ""))
    }
}

#[test]
fn in_script_nothing_waits() {
    let notes = TempDir::new().unwrap();
    let trace = notes.path().join("trace");
    let line = format!(
        "strace --trace=clock_nanosleep,execve --output {} {} --help",
        trace.display(),
        spyhole().display()
    );
    run(Command::new("script").args(["-qec", &line, "/dev/null"])).ended_with(0);
    let trace = fs::read_to_string(trace).unwrap();
    assert!(trace.contains("execve("), "{trace}");
    assert_eq!(trace.matches("clock_nanosleep(").count(), 0, "{trace}");
}
