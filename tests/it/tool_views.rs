//! `id`, `mount`, `pgrep`, `printenv`, `getpcaps`, `uptime` and `capsh` beside the tools themselves.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use nix::sys::signal::Signal;

use super::host::{run, spyhole};
use super::lab::Output;
use crate::lab::process::Process;
use crate::patience::eventually;
use crate::support::idle::Idle;

/// Of one process.
fn of(pid: u32, words: &[&str]) -> Output {
    let pid = pid.to_string();
    spyhole([&["--pid", &pid], words].concat())
}

fn tool(line: &[&str]) -> Output {
    run(Command::new(line[0]).args(&line[1..]))
}

/// Waits until a process is the program that it was started for.
fn until_it_is(process: &Process, comm: &str) {
    let path = format!("/proc/{}/comm", process.id());
    eventually("the program runs", || {
        let now = fs::read_to_string(&path).unwrap();
        (now.trim() == comm).then_some(()).ok_or(now)
    });
}

/// Other ids than those of the test, by the tool that sets them.
const OTHER: &[&str] = &["setpriv", "--reuid=1", "--regid=1", "--groups=1,2,12345"];

#[needs(root, setpriv)]
fn id_prints_what_id_prints() {
    let own = Idle::sleep();
    let mut other = Command::new(OTHER[0]);
    let other = Process::start(
        other.args(&OTHER[1..]).args(["sleep", "1000"]),
        Signal::SIGKILL,
    );
    until_it_is(&other, "sleep");
    for flags in [
        &[][..],
        &["-u"],
        &["-g"],
        &["-G"],
        &["-un"],
        &["-gn"],
        &["-G", "-n"],
    ] {
        let line = [&["id"], flags].concat();
        for (pid, line_of_tool) in [
            (own.id(), line.clone()),
            (other.id(), [OTHER, &line].concat()),
        ] {
            let theirs = tool(&line_of_tool);
            let ours = of(pid, &line).ended_with(0);
            assert_eq!(ours.stdout_text(), theirs.stdout_text(), "{line:?}");
        }
    }
}

#[needs(root, libcap, setpriv)]
fn getpcaps_and_capsh_print_what_they_print() {
    let sets = [
        "--inh-caps=-all,+net_bind_service,+chown",
        "--ambient-caps=-all,+net_bind_service",
    ];
    for flags in [
        &["--bounding-set=-all"][..],
        &sets,
        &["--inh-caps=-all", "--reuid=1", "--clear-groups"],
    ] {
        let mut command = Command::new("setpriv");
        let process = Process::start(command.args(flags).args(["sleep", "1000"]), Signal::SIGKILL);
        until_it_is(&process, "sleep");
        let pid = process.id().to_string();
        let ours = of(process.id(), &["getpcaps", &pid]).ended_with(0);
        assert_eq!(
            ours.stdout_text(),
            tool(&["getpcaps", &pid]).stdout_text(),
            "{flags:?}"
        );
    }
    for mask in ["00000000a80425fb", "0", "0000003fffffffff"] {
        let theirs = tool(&["capsh", &format!("--decode={mask}")])
            .ended_with(0)
            .stdout_text();
        let ours = spyhole(["--self", "capsh", &format!("--decode={mask}")]).ended_with(0);
        let names = |text: &str| -> BTreeSet<String> {
            let words = text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
            words
                .filter(|word| word.starts_with("cap_"))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(
            names(&ours.stdout_text()),
            names(&theirs),
            "{mask}: {ours}\n{theirs}"
        );
    }
}

#[test]
fn mount_prints_what_mount_prints() {
    let own = Idle::sleep();
    for flags in [&[][..], &["-t", "proc"], &["-t", "tmpfs,sysfs"]] {
        let line = [&["mount"], flags].concat();
        // Others mount and unmount meanwhile.
        eventually("nothing is mounted meanwhile", || {
            let before = tool(&line).ended_with(0).stdout_text();
            let ours = of(own.id(), &line).ended_with(0).stdout_text();
            let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
            let (ours, theirs) = (lines(&ours), lines(&before));
            let differ = ours
                .iter()
                .zip(&theirs)
                .find(|(ours, theirs)| ours != theirs);
            (ours == theirs)
                .then_some(())
                .ok_or(format!("{differ:?} of {line:?}"))
        });
    }
}

#[test]
fn printenv_prints_what_printenv_prints() {
    let env = |command: &mut Command| {
        let values = [
            ("A", "1"),
            ("B", "two words"),
            ("EMPTY", ""),
            ("PATH", "/usr/bin:/bin"),
        ];
        command.env_clear().envs(values);
    };
    let mut command = Command::new("/bin/sleep");
    env(&mut command);
    let process = Process::start(command.arg("1000"), Signal::SIGKILL);
    until_it_is(&process, "sleep");
    for names in [
        &[][..],
        &["B"],
        &["EMPTY"],
        &["A", "B"],
        &["NONE"],
        &["A", "NONE"],
    ] {
        let mut theirs = Command::new("/usr/bin/printenv");
        env(&mut theirs);
        let theirs = run(theirs.args(names));
        let ours = of(process.id(), &[&["printenv"], names].concat());
        assert_eq!(
            (ours.stdout_text(), ours.code),
            (theirs.stdout_text(), theirs.code),
            "{names:?}"
        );
    }
}

#[test]
fn pgrep_finds_what_pgrep_finds() {
    let place = tempfile::tempdir().unwrap();
    let name = format!("pg{}", std::process::id());
    let started: Vec<Process> = ["", "b"]
        .iter()
        .map(|ending| {
            let name = format!("{name}{ending}");
            let link = place.path().join(&name);
            symlink("/bin/sleep", &link).unwrap();
            let process = Process::start(Command::new(&link).arg("1000"), Signal::SIGKILL);
            until_it_is(&process, &name);
            process
        })
        .collect();
    let end = format!("^{name}b$");
    let path = place.path().display().to_string();
    for words in [
        &[&*name][..],
        &["-l", &name],
        &["-a", &name],
        &["-x", &name],
        &["-c", &name],
        &["-f", &path],
        &["-af", &path],
        &["-u", "0", &name],
        &[&end],
        &["-c", "no-such-name"],
        &["no-such-name"],
    ] {
        let theirs = tool(&[&["pgrep"], words].concat());
        let ours = spyhole([&["pgrep"], words].concat());
        // Others' processes may have such arguments too: spyhole's own, and the test's.
        assert_eq!(
            (ours.stdout_text(), ours.code),
            (theirs.stdout_text(), theirs.code),
            "{words:?}"
        );
    }
    // Names of users are the target's, whose passwd may not be readable: then it is unknown.
    let by_name = spyhole(["pgrep", "-u", "root", &name]);
    let theirs = tool(&["pgrep", "-u", "root", &name]);
    let is_same = (by_name.stdout_text(), by_name.code) == (theirs.stdout_text(), theirs.code);
    assert!(is_same || by_name.code == Some(4), "{by_name}");
    drop(started);
}

#[test]
fn uptime_s_is_when_ps_says_that_it_was_started() {
    let own = Idle::sleep();
    let pid = own.id().to_string();
    let seconds = |time: &str| -> i64 {
        let date = tool(&["date", "+%s", "-d", time.trim()]).ended_with(0);
        date.stdout_text().trim().parse().unwrap()
    };
    let theirs = tool(&["ps", "-o", "lstart=", "-p", &pid]).ended_with(0);
    let ours = of(own.id(), &["uptime", "-s"]).ended_with(0);
    // ps may be off by a second, as it adds two clocks.
    let (theirs, ours) = (seconds(&theirs.stdout_text()), seconds(&ours.stdout_text()));
    assert!((theirs - ours).abs() <= 2, "{theirs} {ours}");
}
