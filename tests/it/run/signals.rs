//! Each signal reaches the application, and nothing else does.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::wrapper;
use crate::lab::process::Process;
use crate::patience::eventually;

/// Says each signal that it gets, until TERM.
const REPORTER: &str = r#"
import os, signal, sys
wanted = set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
print("ready", os.getpid(), flush=True)
while True:
    info = signal.sigwaitinfo(wanted)
    print("got", info.si_signo, flush=True)
    if info.si_signo == signal.SIGTERM:
        sys.exit(7)
"#;

fn send(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).unwrap();
    assert_eq!(unsafe_kill(pid, signal), 0, "signal {signal}");
}

/// nix knows no real-time signals.
#[allow(unsafe_code, reason = "kill(2) with a plain number")]
fn unsafe_kill(pid: i32, signal: i32) -> i32 {
    // SAFETY: two numbers.
    unsafe { libc::kill(pid, signal) }
}

#[test]
fn every_signal_that_can_be_caught_is_passed_on() {
    let mut app = Process::start(&mut wrapper(["python3", "-c", REPORTER]), Signal::SIGTERM);
    app.wait_for_line("ready ");
    let passed: Vec<i32> = (1..=64)
        .filter(|signal| {
            // CHLD is the wrapper's own; Python does not know those of the C library.
            ![
                libc::SIGKILL,
                libc::SIGSTOP,
                libc::SIGCHLD,
                libc::SIGTERM,
                32,
                33,
            ]
            .contains(signal)
        })
        .collect();
    for signal in passed {
        send(app.id(), signal);
        app.wait_for_line(&format!("got {signal}"));
    }
    send(app.id(), libc::SIGTERM);
    app.wait().ended_with(7);
}

#[test]
fn a_signal_at_the_very_start_is_not_lost() {
    for _ in 0..20 {
        let mut command = wrapper(["sleep", "3000"]);
        let app = Process::start(&mut command, Signal::SIGKILL);
        let status = format!("/proc/{}/status", app.id());
        let children = format!("/proc/{0}/task/{0}/children", app.id());
        // From the moment on that it blocks them; while it waits for them they do not show.
        eventually("it blocks signals or has a child", || {
            let status = fs::read_to_string(&status).unwrap();
            let blocks = status.contains("SigBlk:\tfffffffffffbfeff");
            let has_child = !fs::read_to_string(&children).unwrap().is_empty();
            (blocks || has_child).then_some(()).ok_or(status)
        });
        send(app.id(), libc::SIGTERM);
        assert_eq!(app.wait().code, Some(143));
    }
}

#[test]
fn an_end_that_was_asked_for_says_so() {
    let mut app = Process::start(
        &mut wrapper(["sh", "-c", "echo ready; exec sleep 3000"]),
        Signal::SIGTERM,
    );
    app.wait_for_line("ready");
    app.signal(Signal::SIGTERM);
    let own = app.wait().ended_with(143);
    let said = own.stderr_text();
    assert!(said.contains("was killed by SIGTERM"), "{own}");
    assert!(said.contains("the signal was forwarded to it"), "{own}");
    assert!(
        said.contains("last signal forwarded to it: SIGTERM, 0."),
        "{own}"
    );
}

#[test]
fn a_killed_wrapper_leaves_the_application_alone() {
    let mut app = Process::start(
        wrapper(["sh", "-c", "echo ready $$; exec sleep 3600 >/dev/null 2>&1"]).process_group(0),
        Signal::SIGKILL,
    );
    let ready = app.wait_for_line("ready ");
    let pid: i32 = ready.split(' ').nth(1).unwrap().parse().unwrap();
    app.stop();
    let runs = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    assert!(!runs.contains(") Z "), "{runs}");
    assert_eq!(unsafe_kill(pid, libc::SIGKILL), 0);
}

#[test]
fn orphans_are_reaped_while_the_application_runs() {
    // Each inner shell leaves an orphan behind that ends at once.
    // Until it has none but the application that started them.
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.05 &) ; done; \
                  while [ $(ps -o stat= --ppid $PPID | wc -l) != 1 ]; do sleep 0.05; done; \
                  ps -o stat= --ppid $PPID; exit 5";
    let own = super::wrapped(["sh", "-c", script]).ended_with(5);
    let states = own.stdout_text();
    assert_eq!(states.lines().count(), 1, "the application alone: {own}");
    assert!(!states.contains('Z'), "{own}");
}

#[test]
fn it_only_waits() {
    let mut app = Process::start(
        &mut wrapper(["sh", "-c", "echo ready; exec sleep 3000"]),
        Signal::SIGTERM,
    );
    app.wait_for_line("ready");
    let status = |key: &str| -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", app.id())).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap();
        line.trim_matches([':', '\t', ' ']).parse().unwrap()
    };
    assert_eq!(status("Threads"), 1);
    // It may still be on its way to the wait when the application speaks.
    eventually("it no longer wakes up for nothing", || {
        let before = status("voluntary_ctxt_switches");
        std::thread::sleep(Duration::from_millis(1500));
        status("voluntary_ctxt_switches") == before
    });
}

#[test]
fn where_sigchld_was_ignored_the_end_is_seen_all_the_same() {
    let program = crate::lab::spyhole();
    let mut command = Command::new("python3");
    let line = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); \
                os.execv(sys.argv[1], sys.argv[1:])";
    command.args(["-c", line]).arg(program);
    command.args(["run", "--", "sh", "-c", "exit 9"]);
    crate::host::run(&mut command).ended_with(9);
}
