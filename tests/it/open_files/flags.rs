//! Flags of lsof and fuser by habit, beside lsof(8) and fuser(1).

use std::collections::BTreeSet;
use std::process::Command;

use nix::sys::signal::Signal;

use super::{Holder, descriptor, document, files};
use crate::host::{run, spyhole};
use crate::lab::process::Process;
use crate::support::idle::Idle;

/// The rows of `-t`.
fn pids(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

fn lsof(flags: &[&str]) -> Command {
    let mut command = Command::new("lsof");
    command.args(["-nP", "-w"]).args(flags);
    command
}

/// What lsof calls each file: number, `cwd`, `txt` …
fn lsof_names(flags: &[&str]) -> BTreeSet<String> {
    let mut command = lsof(&["-F", "f"]);
    let seen = run(command.args(flags)).stdout_text();
    let names = seen.lines().filter_map(|line| line.strip_prefix('f'));
    names.map(str::to_owned).collect()
}

fn our_names(flags: &[&str]) -> BTreeSet<String> {
    let seen = spyhole(["lsof", "-o", "json"].iter().chain(flags)).document();
    let name = |file: &serde_json::Value| match file["opened_as"].as_str().unwrap() {
        "descriptor" => file["fd"].to_string(),
        "working_directory" => "cwd".to_owned(),
        "root_directory" => "rtd".to_owned(),
        "program" => "txt".to_owned(),
        _ if file["deleted"] == true => "DEL".to_owned(),
        _ => "mem".to_owned(),
    };
    files(&seen).iter().map(name).collect()
}

#[needs(root)]
fn descriptors_are_chosen_as_by_lsof() {
    let holder = Holder::start();
    let pid = holder.pid();
    for list in ["0-4,7", "cwd,txt", "^mem", "^0-9,^cwd", "fd", "mem"] {
        let flags = ["-a", "-p", &pid, "-d", list];
        assert_eq!(our_names(&flags), lsof_names(&flags), "{list}");
        assert!(!our_names(&flags).is_empty(), "{list}");
    }
}

#[needs(root)]
fn processes_are_chosen_and_left_out_as_by_lsof() {
    let (holder, sleeper) = (Holder::start(), Idle::sleep());
    let both = format!("{},{}", holder.pid(), sleeper.id());
    let without = format!("{both},^{}", holder.pid());
    for flags in [
        &["-p", &both][..],
        &["-a", "-p", &both, "-c", "^slee"],
        &["-a", "-p", &both, "-c", "slee"],
        &["-a", "-p", &both, "-c", "slee", "-c", "pyth"],
        &["-a", "-p", &both, "-u", "0"],
        &["-a", "-p", &both, "-u", "^0"],
        &["-a", "-p", &both, "-u", "0,65534"],
    ] {
        let ours = spyhole(["lsof", "-A", "-t"].iter().chain(flags));
        let theirs = run(lsof(&["-t"]).args(flags));
        assert_eq!(
            pids(&ours.stdout_text()),
            pids(&theirs.stdout_text()),
            "{flags:?}"
        );
        // lsof also fails where one of those named is left out.
        let code = i32::from(ours.stdout.is_empty());
        assert_eq!(ours.code, Some(code), "{flags:?} {ours}");
    }
    // Neither guesses which of the two is meant.
    let ours = spyhole(["lsof", "-A", "-t", "-p", &without]).ended_with(2);
    let said = ours.stderr_text();
    assert!(said.contains("is both included and excluded"), "{said}");
    run(lsof(&["-t"]).args(["-p", &without])).ended_with(1);
}

#[needs(root)]
fn terse_is_the_ids_alone_and_none_is_exit_1() {
    let holder = Holder::start();
    let pid = holder.pid();
    let listener = descriptor(files(&document(&pid, &[])), holder.named["listener"]).clone();
    let port = format!(":{}", listener["socket"]["local_port"]);
    let (plain, none) = (holder.path("plain"), holder.path("none"));
    for flags in [&["-t", "-i", &port][..], &["-t", &plain], &["-ti", &port]] {
        let ours = spyhole(["lsof", "-A"].iter().chain(flags)).ended_with(0);
        let theirs = run(lsof(&[]).args(flags)).ended_with(0);
        assert_eq!(ours.stdout_text(), theirs.stdout_text(), "{flags:?}");
        assert_eq!(ours.stdout_text(), format!("{pid}\n"));
    }
    assert_eq!(
        spyhole(["lsof", "-t", &none]).ended_with(1).stdout_text(),
        ""
    );
}

#[needs(root)]
fn a_directory_alone_or_with_all_below_it() {
    let holder = Holder::start();
    let pid = holder.pid();
    let directory = holder.path("");
    let directory = directory.trim_end_matches('/');
    for flag in ["+d", "+D"] {
        let flags = ["-a", "-p", &pid, flag, directory];
        let theirs = lsof_names(&flags);
        // lsof asks the directory what is in it, so it misses what was removed.
        let ours = our_names(&flags);
        assert!(
            ours.is_superset(&theirs) && !theirs.is_empty(),
            "{flag} {theirs:?}"
        );
        let gone = holder.named["gone"].to_string();
        assert!(ours.contains(&gone) && !theirs.contains(&gone), "{flag}");
    }
}

#[needs(root)]
fn a_unix_socket_is_found_by_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s").to_str().unwrap().to_owned();
    let script = "import socket, sys, time\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\n\
        s.listen()\nprint('ready', flush=True)\ntime.sleep(3600)";
    let mut command = Command::new("python3");
    let mut server = Process::start(command.args(["-c", script, &path]), Signal::SIGKILL);
    server.wait_for_line("ready");
    let ours = spyhole(["lsof", "-A", "-t", &path]).ended_with(0);
    let theirs = run(&mut lsof(&["-t", &path])).ended_with(0);
    let id = server.id().to_string();
    assert_eq!(ours.stdout_text().trim_end(), id);
    // On a busy machine lsof was seen to name one more process, which had no such socket.
    assert!(
        theirs.stdout_text().lines().any(|line| line == id),
        "{theirs}"
    );
}

/// User, id, access and command of each row but the kernel's own.
fn fuser_rows(text: &str) -> BTreeSet<[String; 4]> {
    let rows = text.lines().skip(1).filter_map(|line| {
        // The first row has the name before it.
        let row = line.split_once(": ").map_or(line, |(_, row)| row);
        let words: Vec<&str> = row.split_whitespace().collect();
        match words[..] {
            [user, pid, access, command] if pid.parse::<i32>().is_ok() => {
                Some([user, pid, access, command].map(str::to_owned))
            }
            _ => None,
        }
    });
    rows.collect()
}

#[needs(root, fuser)]
fn fuser_shows_what_fuser_shows() {
    let holder = Holder::start();
    let all = document(&holder.pid(), &[]);
    let port_of = |name: &str| {
        let file = descriptor(files(&all), holder.named[name]);
        file["socket"]["local_port"].to_string()
    };
    let (tcp, udp) = (port_of("listener") + "/tcp", port_of("udp6") + "/udp");
    let bare = port_of("listener");
    let (plain, directory) = (holder.path("plain"), holder.path(""));
    let directory = directory.trim_end_matches('/');
    let (other, fifo) = (holder.path("other name"), holder.path("fifo"));
    for words in [
        &[tcp.as_str()][..],
        &[&udp],
        &["-n", "tcp", &bare],
        &["-4", &tcp],
        &[&plain],
        &[&other],
        &[&fifo],
        &[directory],
    ] {
        let pid = holder.pid();
        let ours = spyhole(["fuser", "-v", "--pid", &pid].iter().chain(words)).ended_with(0);
        let line = format!(
            "fuser -v {} 2>&1",
            words.join(" ").replace("other name", "'other name'")
        );
        let theirs = run(Command::new("sh").args(["-c", &line])).ended_with(0);
        let (ours, theirs) = (ours.stdout_text(), theirs.stdout_text());
        let is_holders = |row: &[String; 4]| row[1] == holder.pid();
        let own = |rows: BTreeSet<[String; 4]>| -> Vec<_> {
            rows.into_iter().filter(|row| is_holders(row)).collect()
        };
        let (ours, theirs) = (own(fuser_rows(&ours)), own(fuser_rows(&theirs)));
        assert_eq!(ours, theirs, "{words:?}");
        assert_eq!(ours.len(), 1, "{words:?}");
    }
    spyhole(["fuser", "-6", &tcp]).ended_with(1);
    spyhole(["fuser", &holder.path("none")]).ended_with(1);
}

#[needs(root, fuser)]
fn fuser_of_a_mount_has_every_process_that_uses_a_file_on_it() {
    let holder = Holder::start();
    let plain = holder.path("plain");
    let ours = spyhole(["fuser", "--pid", &holder.pid(), "-m", &plain]).ended_with(0);
    let line = format!("fuser -v -m '{plain}' 2>&1");
    let theirs = run(Command::new("sh").args(["-c", &line])).ended_with(0);
    let row = |text: &str| {
        let rows = fuser_rows(text);
        rows.into_iter().find(|row| row[1] == holder.pid())
    };
    assert_eq!(row(&ours.stdout_text()), row(&theirs.stdout_text()));
    assert!(row(&ours.stdout_text()).is_some());
}

#[test]
fn what_fuser_is_not_here_is_refused_by_name() {
    for (words, expected) in [
        (&["fuser"][..], "PATH|PORT/PROTOCOL"),
        (&["fuser", "relative"], "expected an absolute path"),
        (&["fuser", "80/sctp"], "expected file, tcp or udp"),
        (
            &["fuser", "http/tcp"],
            "expected the number of a local port",
        ),
        (
            &["fuser", "-k", "80/tcp"],
            "fuser -k: not supported; nearest: spyhole lsof -t",
        ),
        (&["fuser", "-km", "/data"], "fuser -k: not supported"),
        (&["fuser", "-s", "/data"], "fuser -s: not supported"),
        (&["fuser", "-M", "-m", "/data"], "fuser -M: not supported"),
        (&["fuser", "/a", "/b"], "unexpected argument"),
        (&["lsof", "-d", "1,^2"], "expected all with ^ or none"),
        (&["lsof", "-d", "err"], "expected a number, a range"),
        (
            &["lsof", "-R"],
            "lsof -R: not supported; nearest: spyhole ps --tree",
        ),
        (&["lsof", "-l"], "lsof -l: not supported"),
        (&["lsof", "+M"], "lsof +M: not supported"),
    ] {
        let seen = spyhole(words).ended_with(2);
        assert!(seen.stderr_text().contains(expected), "{words:?}: {seen}");
    }
}

/// Process substitution takes what stands on stdout: gaps are words on stderr there.
#[needs(root)]
fn what_is_missing_is_not_among_the_ids() {
    let web = crate::lab::Lab::webapp().uid(1000).start();
    let stranger = web.spyhole().uid(65532).caps("none");
    let seen = stranger.args(["lsof", "-t", "/data"]).run();
    assert_eq!(seen.stdout_text(), "", "{seen}");
    assert!(seen.stderr_text().contains("not readable"), "{seen}");
}
