//! What fingers type for ps, ss, netstat, df, findmnt, env, ip, ifconfig, route and nstat: taken, or
//! refused by name.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::host::{run, spyhole};
use super::lab::Lab;
use crate::support::idle::Idle;

/// Lines that people know by heart.
const LINES: &[&str] = &[
    "ps aux",
    "ps auxww",
    "ps auxf",
    "ps ax",
    "ps -ef",
    "ps -e",
    "ps -A",
    "ps -eH",
    "ps -eL",
    "ps -ejH",
    "ps --forest",
    "ps axo pid,comm",
    "ps -eo pid,comm",
    "ps -eo pid,ppid,user,stat,etime,cmd --sort=-rss",
    "ps -o pid= -o comm=",
    "ps -o json",
    "ps 1",
    "ps -p 1",
    "ps -q 1",
    "ps -q",
    "ss -tulpn",
    "ss -tanp",
    "ss -s",
    "ss -to",
    "ss -o json",
    "ss -tan state listening",
    "ss -A tcp,udp",
    "netstat -tlnp",
    "netstat -an",
    "netstat -plant",
    "df",
    "df -h",
    "df -i",
    "df -hT /",
    "df -o json",
    "findmnt",
    "findmnt -t proc",
    "findmnt -J",
    "findmnt -o wide",
    "env",
    "env PATH",
    "ip a",
    "ip addr",
    "ip -br a",
    "ip -c a",
    "ip r",
    "ip route",
    "ip -6 route",
    "ip neigh",
    "ip rule",
    "ip -s link",
    "ip addr show lo",
    "ifconfig",
    "ifconfig lo",
    "route -n",
    "netstat -rn",
    "netstat -s",
    "netstat -i",
    "nstat -az",
];

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[needs(root)]
fn lines_that_fingers_know_are_taken_in_a_container() {
    let web = Lab::webapp().start();
    for line in LINES {
        let seen = web.spyhole().args(words(line)).run().ended_with(0);
        assert!(!seen.stdout.is_empty(), "{line}: {seen}");
    }
}

#[test]
fn a_link_takes_them_too() {
    let shelf = tempfile::tempdir().unwrap();
    for line in [
        "ps -eo pid,comm",
        "ss -tulpn",
        "df -h",
        "netstat -an",
        "ip a",
        "route -n",
    ] {
        let words = words(line);
        let link = shelf.path().join(words[0]);
        symlink(super::lab::spyhole(), &link).unwrap();
        let mut command = Command::new(&link);
        run(command.args(&words[1..]).arg("--self")).ended_with(0);
        let refused = run(Command::new(&link).arg("--nonsense")).ended_with(2);
        let usage = format!("Usage: {} ", words[0]);
        assert!(refused.stderr_text().contains(&usage), "{refused}");
        std::fs::remove_file(link).unwrap();
    }
}

#[test]
fn the_columns_that_ps_o_names_hold_what_ps_shows() {
    // Of this test's own: names of other tests' processes hold bytes that ps shows otherwise.
    let sleepers: Vec<Idle> = (0..3).map(|_| Idle::sleep()).collect();
    let pids: BTreeSet<String> = sleepers.iter().map(|one| one.id().to_string()).collect();
    let rows = |text: String| -> BTreeSet<Vec<String>> {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        let all = text.lines().skip(1).map(words);
        all.filter(|row: &Vec<String>| row.first().is_some_and(|pid| pids.contains(pid)))
            .collect()
    };
    for columns in ["pid,comm", "pid,ppid,pgid,sid", "pid,uid,gid"] {
        let ps = run(Command::new("ps").args(["-eo", columns])).ended_with(0);
        let ours = rows(spyhole(["ps", "-eo", columns]).ended_with(0).stdout_text());
        assert_eq!(ours, rows(ps.stdout_text()), "{columns}");
        assert_eq!(ours.len(), 3, "{columns}");
    }
}

#[test]
fn headings_are_left_out_as_ps_does() {
    let theirs = run(Command::new("ps").args(["-o", "pid=", "-p", "1"])).ended_with(0);
    let ours = spyhole(["ps", "-o", "pid=", "-p", "1"]).ended_with(0);
    assert_eq!(ours.stdout_text().trim(), theirs.stdout_text().trim());
}

#[test]
fn what_is_not_offered_is_refused_by_name_and_never_ignored() {
    for (line, expected) in [
        ("ps -Z", "ps -Z: not supported; nearest: spyhole caps --all"),
        ("ps auxe", "nearest: spyhole env --all"),
        ("ps nginx", "-C NAME"),
        ("ss -K", "ss -K: not supported"),
        ("netstat -g", "netstat -g: not supported"),
        (
            "ip xfrm",
            "ip xfrm: not supported; nearest: spyhole network",
        ),
        ("df --total", "df --total: not supported"),
        ("findmnt -o TARGET", "findmnt -o TARGET: not supported"),
        ("env -i", "env -i: not supported"),
    ] {
        let seen = spyhole(words(line)).ended_with(2);
        assert!(seen.stdout.is_empty(), "{line}: {seen}");
        assert!(seen.stderr_text().contains(expected), "{line}: {seen}");
    }
}

#[test]
fn each_refusal_names_a_command_line_that_works() {
    for line in [
        "ps -Z",
        "ps auxe",
        "ps -l",
        "ps --ppid 1",
        "df -x tmpfs",
        "ss -tm",
        "netstat -st",
        "ip xfrm",
        "route add",
        "nstat -r",
    ] {
        let seen = spyhole(words(line)).ended_with(2);
        let said = seen.stderr_text();
        let nearest = said.split("nearest: spyhole ").nth(1).unwrap().trim();
        let nearest = nearest.replace("LIST", "proc");
        let seen = spyhole(words(&nearest));
        assert!(seen.code != Some(2), "{line}: {nearest}: {seen}");
    }
}
