//! One walk serves every section: strace counts what a `dump` opens.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::process::Command;

use super::host::run;
use super::lab::{Lab, spyhole};

#[needs(root)]
fn no_file_of_a_process_is_opened_twice_in_one_dump() {
    let web = Lab::webapp().uid(1000).start();
    let trace = tempfile::NamedTempFile::new().unwrap();
    // From outside, as on a node: the container's processes among all the others.
    let container = format!("pid-{}", web.host_pid);
    run(Command::new("strace")
        .args([
            "--follow-forks",
            "--decode-fds=path",
            "--trace=openat",
            "--output",
        ])
        .arg(trace.path())
        .arg(spyhole())
        .args(["-c", &container, "dump", "-o", "json"]))
    .ended_with(0);

    let trace = fs::read_to_string(trace.path()).unwrap();
    // The program and its reader.
    let pids = trace
        .lines()
        .filter_map(|line| line.split(' ').next()?.parse().ok());
    let own: HashSet<i32> = pids.collect();
    let mut opened: HashMap<(i32, String), u32> = HashMap::new();
    for line in trace.lines() {
        if let Some(file) = file_of_process(line) {
            *opened.entry(file).or_default() += 1;
        }
    }
    let workers: Vec<i32> = opened.keys().map(|(pid, _)| *pid).collect();
    assert!(
        workers.iter().any(|pid| *pid != web.host_pid),
        "nothing was traced"
    );

    // Of the main process, `-c pid-N` reads `stat` to learn which container is meant, and
    // `access` tries the doors once more, on purpose: whether they open is what it tells. Its
    // program is asked for its capabilities in the walk, and later read for its runtime.
    let again = [
        "stat",
        "mountinfo",
        "cgroup",
        "root",
        "uid_map",
        "net/tcp",
        "maps",
        "exe",
    ];
    let tried =
        |(pid, file): &(i32, String)| *pid == web.host_pid && again.contains(&file.as_str());
    // The landmarks: PID 1, the kernel's first thread, and spyhole itself.
    let landmark =
        |(pid, file): &(i32, String)| *pid <= 2 || file.starts_with("attr/") || own.contains(pid);
    let mut twice: Vec<_> = opened.iter().filter(|(_, count)| **count > 1).collect();
    twice.retain(|(file, _)| !tried(file) && !landmark(file));
    assert!(twice.is_empty(), "opened more than once: {twice:?}");
}

/// Process and file of a line such as `openat(7</proc/123>, "stat", O_RDONLY…) = 8…`.
fn file_of_process(line: &str) -> Option<(i32, String)> {
    let rest = line.split_once("openat(")?.1.split_once("</proc/")?.1;
    let (pid, rest) = rest.split_once(">, \"")?;
    let (file, rest) = rest.split_once('"')?;
    let found = !rest.contains("= -1");
    Some((pid.parse().ok().filter(|_| found)?, file.to_owned()))
}
