//! What a command asks of the kernel for each process, as strace counts it: each read that is saved
//! stays saved.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::host::run;
use super::lab::{Container, Lab, spyhole};

/// What strace sees of a command: the files opened below each process, and how many tasks were made.
struct Trace {
    opened: BTreeMap<i32, Vec<String>>,
    links: BTreeMap<i32, Vec<String>>,
    tasks: usize,
}

impl Trace {
    fn of(words: &[&str]) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new("strace");
        command
            .args(["-f", "-y", "-e", "trace=openat,readlinkat,clone,clone3"])
            .arg("-o")
            .arg(file.path())
            .arg(spyhole())
            .args(words);
        run(&mut command).ended_with(0);
        let text = fs::read_to_string(file.path()).unwrap();
        let tasks = text
            .lines()
            .filter(|line| line.contains(" clone(") || line.contains(" clone3("));
        Self {
            opened: below_processes(&text, "openat("),
            links: below_processes(&text, "readlinkat("),
            tasks: tasks.count(),
        }
    }

    fn opened(&self, pid: i32) -> BTreeSet<&str> {
        let names = self.opened.get(&pid).into_iter().flatten();
        names.map(String::as_str).collect()
    }
}

/// The names after `/proc/PID` of lines such as `openat(7</proc/123>, "stat", …) = 8…`.
fn below_processes(text: &str, call: &str) -> BTreeMap<i32, Vec<String>> {
    let mut found: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    let of_line = |line: &str| {
        let rest = line.split_once(call)?.1.split_once("</proc/")?.1;
        let (pid, rest) = rest.split_once(">, \"")?;
        let name = rest.split_once('"')?.0;
        Some((pid.parse().ok()?, name.to_owned()))
    };
    for (pid, name) in text.lines().filter_map(of_line) {
        found.entry(pid).or_default().push(name);
    }
    found
}

/// A process of the container that is none of its landmarks: neither its first nor spyhole.
fn worker(web: &Container) -> i32 {
    let children = format!("/proc/{0}/task/{0}/children", web.host_pid);
    let children = fs::read_to_string(children).unwrap();
    let child = children.split_whitespace().next().unwrap();
    child.parse().unwrap()
}

#[needs(root)]
fn a_table_reads_three_files_of_a_process() {
    let web = Lab::webapp().uid(1000).start();
    let (container, pid) = (format!("pid-{}", web.host_pid), worker(&web));
    let of = |words: &[&str]| Trace::of(&[&["-c", &container], words].concat());
    // The memory that `status` tells, from a file that costs half as much.
    let table = of(&["ps"]);
    assert_eq!(
        table.opened(pid),
        BTreeSet::from(["cmdline", "stat", "statm"])
    );
    assert_eq!(table.opened[&pid].len(), 3, "{:?}", table.opened[&pid]);
    assert_eq!(table.links[&pid], ["ns/mnt"]);
    // Where `status` is read, it tells the memory too.
    for words in [&["ps", "-o", "json"][..], &["ps", "-o", "wide"], &["dump"]] {
        let opened = of(words);
        let opened = opened.opened(pid);
        assert!(opened.contains("status"), "{words:?}: {opened:?}");
        assert!(!opened.contains("statm"), "{words:?}: {opened:?}");
    }
    let bare = of(&["ps", "--columns", "pid,time"]);
    assert_eq!(bare.opened(pid), BTreeSet::from(["stat"]));
}

#[needs(root)]
fn a_look_at_few_processes_starts_few_tasks() {
    let web = Lab::webapp().uid(1000).start();
    let container = format!("pid-{}", web.host_pid);
    // The supervisor, the reader, one that reads the arguments of PID 1, and the walk.
    let trace = Trace::of(&["-c", &container, "ps"]);
    assert!(trace.tasks <= 4, "{} tasks", trace.tasks);
}
