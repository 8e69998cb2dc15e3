//! What spyhole says of processes is what `ps` says: a crowd of all kinds is
//! started on this machine and both look at it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use serde_json::Value;

use super::host::{self, args, list, spyhole};
use super::lab::{allowed, example};
use super::support::idle::Idle;
use super::support::needs::root;
use crate::patience::eventually;

/// Idle processes of every kind that can be had; dropping it ends them.
struct Crowd {
    members: Vec<Idle>,
    /// Terminals that some of them have, kept open.
    terminals: Vec<nix::pty::OpenptyResult>,
}

impl Crowd {
    fn gather() -> Self {
        let mut crowd = Self {
            members: Vec::new(),
            terminals: Vec::new(),
        };
        for number in 0..240 {
            crowd.idle(&[], &[format!("--worker={number}").as_bytes()]);
        }
        for words in [
            &[b"two words".as_slice(), b" leading", b"trailing "][..],
            &[b"", b"", b"after two that are empty"],
            &["käse".as_bytes(), "日本".as_bytes(), b"caf\xe9\xff"],
            &[b"line\nbreak", b"tab\t", b"\x1b[31mred", b"back\\slash"],
            &["x".repeat(60_000).as_bytes()],
        ] {
            crowd.idle(&[], words);
        }
        crowd.idle(&["nice", "-n", "7"], &[]);
        crowd.idle(&["setsid"], &[b"leader of its session"]);
        crowd.on_a_terminal();
        if allowed("other users and negative nice", &root()) {
            crowd.idle(&["nice", "-n", "-5"], &[]);
            for uid in ["1", "1000", "65534", "4294967294"] {
                let (uid, gid) = (format!("--reuid={uid}"), format!("--regid={uid}"));
                crowd.idle(&["setpriv", &uid, &gid, "--clear-groups"], &[]);
            }
            crowd.idle(&["setpriv", "--ruid=1000", "--euid=2000"], &[b"two uids"]);
        }
        let stopped = crowd.idle(&[], &[b"stopped"]);
        settle(&crowd.pids());
        kill(Pid::from_raw(stopped), Signal::SIGSTOP).unwrap();
        crowd.start(Command::new("true").arg("becomes a zombie"));
        // Threads, workers and one more zombie.
        let webapp = ["--threads=9", "--listen=127.0.0.1:0"];
        crowd.start(Command::new(example("webapp")).args(webapp));
        settle(&crowd.pids());
        crowd
    }

    /// A shell that waits for a line that never comes, behind `through`, which execs it.
    fn idle(&mut self, through: &[&str], words: &[&[u8]]) -> i32 {
        let shell = ["sh", "-c", "read never"];
        let mut all = through.iter().chain(&shell);
        let mut command = Command::new(all.next().unwrap());
        command
            .args(all)
            .args(words.iter().map(|word| OsStr::from_bytes(word)));
        self.start(&mut command)
    }

    /// One that leads a session on a terminal of its own and has the foreground.
    fn on_a_terminal(&mut self) {
        let terminal = openpty(None, None).unwrap();
        let stdin: Stdio = terminal.slave.try_clone().unwrap().into();
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "sh", "-c", "read never", "on a terminal"])
            .stdin(stdin);
        self.members.push(Idle::start(&mut command));
        self.terminals.push(terminal);
    }

    fn start(&mut self, command: &mut Command) -> i32 {
        let member = Idle::start(command.stdin(Stdio::piped()).stdout(Stdio::null()));
        let pid = member.pid();
        self.members.push(member);
        pid
    }

    /// Of the members and their children.
    fn pids(&self) -> Vec<i32> {
        let mut pids: Vec<i32> = self.members.iter().map(Idle::pid).collect();
        for index in 0..pids.len() {
            let pid = pids[index];
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.unwrap_or_default();
            pids.extend(
                children
                    .split_whitespace()
                    .map(|pid| pid.parse::<i32>().unwrap()),
            );
        }
        pids
    }
}

/// Until none of them runs or used the processor any more.
fn settle(pids: &[i32]) {
    let look = || -> Vec<Option<(String, String)>> {
        let look = |pid: &i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
            let idle = ["S", "T", "Z"].contains(&fields[0]);
            // Faults and times: they stand still where nothing is done.
            idle.then(|| (fields[0].to_owned(), fields[7..15].join(" ")))
        };
        pids.iter().map(look).collect()
    };
    eventually("the crowd comes to rest", || {
        let before = look();
        thread::sleep(Duration::from_millis(300));
        before == look() && before.iter().all(Option::is_some)
    });
}

/// One line of `ps`.
#[derive(Debug)]
struct Line {
    /// pid, ppid, uid, ruid, nlwp, pgid, sid, ni.
    numbers: Vec<i64>,
    stat: String,
    rss_kib: i64,
    started: String,
    args: String,
}

const NUMBERS: [&str; 8] = [
    "pid",
    "ppid",
    "uid",
    "real_uid",
    "threads",
    "process_group",
    "session",
    "nice",
];

fn ps(pids: &[i32], format: &str) -> String {
    let pids: Vec<String> = pids.iter().map(i32::to_string).collect();
    let mut command = Command::new("ps");
    command.env("LC_ALL", "C").env("TZ", "UTC");
    command.args(["-ww", "-o", format, "-p", &pids.join(",")]);
    host::run(&mut command).ended_with(0).stdout_text()
}

fn ps_lines(pids: &[i32]) -> BTreeMap<i64, Line> {
    let format = "pid=,ppid=,uid=,ruid=,nlwp=,pgid=,sid=,ni=,stat=,rss=,lstart=,args=";
    let text = ps(pids, format);
    let line = |text: &str| {
        let mut rest = text;
        let mut word = || {
            let (word, after) = rest.trim_start().split_once(' ').unwrap();
            rest = after;
            word.to_owned()
        };
        let mut numbers: Vec<i64> = (0..8).map(|_| word().parse().unwrap()).collect();
        // procps prints ids above 2³¹ as if they were below zero.
        for id in &mut numbers[2..4] {
            *id = id.rem_euclid(1 << 32);
        }
        let (stat, rss) = (word(), word());
        let started: Vec<String> = (0..5).map(|_| word()).collect();
        Line {
            numbers,
            stat,
            rss_kib: rss.parse().unwrap(),
            started: started.join(" "),
            args: rest.to_owned(),
        }
    };
    let lines = text.lines().map(line);
    lines.map(|line| (line.numbers[0], line)).collect()
}

fn processes_of(document: &Value, pids: &[i32]) -> BTreeMap<i64, Value> {
    let all = list(document, "processes").iter();
    let all: BTreeMap<i64, &Value> = all.map(|one| (one["pid"].as_i64().unwrap(), one)).collect();
    let own = |pid: &i32| {
        let process = all.get(&i64::from(*pid));
        let process = process.unwrap_or_else(|| panic!("spyhole does not show {pid}"));
        (i64::from(*pid), (*process).clone())
    };
    pids.iter().map(own).collect()
}

#[test]
fn a_crowd_looks_as_ps_shows_it() {
    let crowd = Crowd::gather();
    let pids = crowd.pids();
    let document = spyhole(["ps", "--all", "-o", "json"]).document();
    let seen = processes_of(&document, &pids);
    let lines = ps_lines(&pids);
    assert_eq!(lines.len(), pids.len(), "ps does not show all of them");
    assert!(pids.len() > 250, "a crowd: {}", pids.len());
    let now = SystemTime::now();
    for (pid, line) in &lines {
        let process = &seen[pid];
        let numbers: Vec<i64> = NUMBERS
            .iter()
            .map(|key| process[key].as_i64().unwrap())
            .collect();
        assert_eq!(numbers, line.numbers, "{NUMBERS:?} of {process:#} {line:?}");
        assert_eq!(
            letter(process),
            line.stat.chars().next(),
            "{process:#} {line:?}"
        );
        assert_same_memory(process, line);
        assert_same_start(process, line, now);
        assert_eq!(as_ps_writes(process), line.args, "{process:#}");
    }
    let states: Vec<_> = lines.values().map(|line| &line.stat[..1]).collect();
    for state in ["S", "T", "Z"] {
        assert!(states.contains(&state), "no process in {state}: {states:?}");
    }
}

fn letter(process: &Value) -> Option<char> {
    let zombie = process["zombie"] == true;
    assert_eq!(zombie, process["state"] == "zombie", "{process:#}");
    match process["state"].as_str()? {
        "running" => Some('R'),
        "sleeping" => Some('S'),
        "disk_sleep" => Some('D'),
        "stopped" => Some('T'),
        "zombie" => Some('Z'),
        _ => None,
    }
}

/// The kernel counts resident pages of three kinds for each processor and adds
/// up in batches of `max(32, 2 × processors)`. `status`, which ps reads, has the sum since
/// Linux 6.17; `stat` has what was added up, so each processor may be short of a batch.
fn assert_same_memory(process: &Value, line: &Line) {
    let processors = sysconf(SysconfVar::_NPROCESSORS_CONF).unwrap().unwrap();
    let page_kib = sysconf(SysconfVar::PAGE_SIZE).unwrap().unwrap() / 1024;
    let drift = 3 * processors * (2 * processors).max(32) * page_kib;
    let rss_kib = process["rss_bytes"].as_i64().unwrap() / 1024;
    let apart = (rss_kib - line.rss_kib).abs();
    assert!(
        apart <= drift,
        "{rss_kib} KiB and not {} of {process:#}",
        line.rss_kib
    );
    assert_eq!(rss_kib == 0, line.rss_kib == 0, "{process:#} {line:?}");
}

/// ps counts from a boot time in whole seconds that the kernel derives anew.
fn assert_same_start(process: &Value, line: &Line, now: SystemTime) {
    let text = process["started_at"].as_str().unwrap();
    let ours = humantime::parse_rfc3339(text).unwrap();
    let theirs = lstart(&line.started);
    let apart = ours
        .duration_since(theirs)
        .unwrap_or_else(|other| other.duration());
    assert!(
        apart <= Duration::from_secs(2),
        "{text} and not {}",
        line.started
    );
    assert!(
        ours <= now + Duration::from_millis(20),
        "{text} is still to come"
    );
}

/// `Mon Nov 23 20:30:07 2026`
fn lstart(text: &str) -> SystemTime {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let words: Vec<&str> = text.split(' ').collect();
    let [_, month, day, time, year] = words[..] else {
        panic!("no start: {text:?}")
    };
    let month = MONTHS.find(month).unwrap() / 3 + 1;
    humantime::parse_rfc3339(&format!("{year}-{month:02}-{day:0>2}T{time}Z")).unwrap()
}

/// ps joins by blanks and, in the C locale, shows a blank for a line break, a dot for
/// other control characters, a question mark for each byte beyond ASCII.
fn as_ps_writes(process: &Value) -> String {
    if process["zombie"] == true {
        return format!("[{}] <defunct>", process["comm"].as_str().unwrap());
    }
    let joined = args(process).join(&b' ');
    let shown = |byte: u8| match byte {
        b'\n' => ' ',
        b' '..=b'~' => char::from(byte),
        0x80.. => '?',
        _ => '.',
    };
    joined.into_iter().map(shown).collect()
}

#[test]
fn the_state_column_is_that_of_ps() {
    let crowd = Crowd::gather();
    let pids = crowd.pids();
    let words = ["ps", "--all", "--columns", "pid,stat", "--no-headers"];
    let table = spyhole(words).ended_with(0).stdout_text();
    let pairs = |text: &str| -> BTreeMap<i32, String> {
        let pair = |line: &str| {
            let (pid, stat) = line.trim().split_once(' ').unwrap();
            // Whether memory is locked needs another file to be read: `spyhole ps -o wide`.
            (pid.parse().unwrap(), stat.trim().replace('L', ""))
        };
        text.lines().map(pair).collect()
    };
    let (ours, theirs) = (pairs(&table), pairs(&ps(&pids, "pid=,stat=")));
    for (pid, stat) in &theirs {
        assert_eq!(ours.get(pid), Some(stat), "STAT of {pid}");
    }
    // The suite itself may run at another priority.
    let met = |wanted: &str| theirs.values().any(|stat| stat.replace('<', "") == wanted);
    for wanted in ["S", "SN", "Ss", "Ss+", "T", "Z", "Sl"] {
        assert!(met(wanted), "no process in {wanted}: {theirs:?}");
    }
}

#[test]
fn threads_are_those_of_ps() {
    let crowd = Crowd::gather();
    let pids = crowd.pids();
    let document = spyhole(["ps", "--all", "--threads", "-o", "json"]).document();
    let mut ours = Vec::new();
    for (pid, process) in processes_of(&document, &pids) {
        let threads = list(&process, "thread_list");
        assert_eq!(process["threads"], threads.len());
        ours.extend(
            threads
                .iter()
                .map(|thread| (pid, thread["tid"].as_i64().unwrap())),
        );
    }
    ours.sort_unstable();
    let of = |line: &str| -> (i64, i64) {
        let mut words = line.split_whitespace().map(|word| word.parse().unwrap());
        (words.next().unwrap(), words.next().unwrap())
    };
    let mut command = Command::new("ps");
    let pids: Vec<String> = pids.iter().map(i32::to_string).collect();
    command.args(["-L", "-o", "pid=,tid=", "-p", &pids.join(",")]);
    let text = host::run(&mut command).ended_with(0).stdout_text();
    let mut theirs: Vec<(i64, i64)> = text.lines().map(of).collect();
    theirs.sort_unstable();
    assert_eq!(ours, theirs);
    assert!(ours.len() > pids.len() + 8, "no threads in the crowd");
}
