//! `spyhole top`: on a screen, and printed.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;

use super::host::spyhole;
use super::keyboard::Keyboard;
use super::lab;
use super::patience::eventually;

fn top(words: &[&str]) -> Command {
    let mut command = Command::new(lab::spyhole());
    command.args(["top", "--pid", &std::process::id().to_string()]);
    command.args(words).env_remove("HOME").env("TERM", "xterm");
    command
}

#[test]
fn a_person_sees_each_view_and_gets_the_terminal_back() {
    let mut keys = Keyboard::start(&mut top(&["-d", "0.3", "--color", "never"]), 80, 24);
    let before = keys.modes();
    keys.sees("\x1b[?1049h");
    keys.sees("PID USER      S  %CPU");
    // What it costs itself, once there are two looks.
    keys.sees("spyhole ");
    keys.types("2");
    keys.sees("TID     PID USER");
    keys.types("3");
    keys.sees(" COUNT PROTO    STATE");
    keys.types("4");
    keys.sees("  SIZE   USED  AVAIL");
    keys.types("1");
    keys.sees("PID USER      S  %CPU");
    keys.types("?");
    keys.sees("Keys, as in htop and top");
    keys.types("x/no such row\r");
    keys.sees("filter: no such row");
    keys.types("\x1b");
    keys.sees("1 processes 2 threads");
    keys.resize(60, 12);
    let drawn = keys.sees("\x1b[12;1H");
    let rows = drawn.rsplit("\x1b[2J").next().unwrap().split("\x1b[K");
    for row in rows {
        let text = row
            .rsplit('H')
            .next()
            .unwrap()
            .replace("\x1b[7m", "")
            .replace("\x1b[m", "");
        assert!(text.chars().count() <= 60, "{row:?}");
    }
    keys.types("q");
    keys.sees("\x1b[?1049l");
    assert_eq!(keys.ends(), Ok(0));
    assert_eq!(keys.modes(), before);
    // Ctrl-Z, and fg.
    let mut keys = Keyboard::start(&mut top(&["-d", "0.3"]), 80, 24);
    keys.sees("\x1b[?1049h");
    keys.types("\x1a");
    keys.sees("\x1b[?1049l");
    eventually("it is stopped", || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", keys.pid())).unwrap();
        (stat.contains(") T ")).then_some(()).ok_or(stat)
    });
    assert_eq!(keys.modes(), before);
    keys.signal(Signal::SIGCONT);
    keys.sees("\x1b[?1049h");
    keys.sees("PID USER      S  %CPU");
    keys.types("q");
    assert_eq!(keys.ends(), Ok(0));
    assert_eq!(keys.modes(), before);
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let mut keys = Keyboard::start(&mut top(&[]), 80, 24);
        let before = keys.modes();
        keys.sees("\x1b[?1049h");
        keys.signal(signal);
        keys.sees("\x1b[?1049l");
        assert_eq!(keys.ends(), Ok(0));
        assert_eq!(keys.modes(), before);
    }
}

#[test]
fn printed_it_is_rows_without_sequences() {
    let pid = std::process::id().to_string();
    for flags in [&["-b", "-n", "1"][..], &["-bn1"], &["-n1", "-H"]] {
        let seen = spyhole([&["top", "--pid", &pid], flags].concat()).ended_with(0);
        let text = seen.stdout_text();
        assert!(!text.contains('\x1b'), "{text}");
        let row = |line: &str| line.split_whitespace().any(|word| word == pid);
        assert!(text.lines().any(row), "{text}");
    }
    let twice = spyhole(["top", "--pid", &pid, "-b", "-n", "2", "-d", "0.2"]).ended_with(0);
    assert_eq!(twice.stdout_text().matches("%CPU").count(), 2, "{twice}");
    // As -p and -u of top.
    let shown = |flags: &[&str]| {
        let words = [&["top", "--pid", &pid, "-b", "-n", "1"], flags].concat();
        let row = |line: &str| line.split_whitespace().next() == Some(&pid);
        let text = spyhole(words).ended_with(0).stdout_text();
        text.lines().any(row)
    };
    let uid = nix::unistd::geteuid().to_string();
    assert!(shown(&["-p", &pid]) && shown(&["-u", &uid]));
    assert!(shown(&["-p", &format!("{},{pid}", i32::MAX)]));
    assert!(!shown(&["-p", &i32::MAX.to_string()]) && !shown(&["-u", "54321"]));
    spyhole(["top", "-d", "0"]).ended_with(2);
    spyhole(["top", "-o", "nonsense"]).ended_with(2);
}
