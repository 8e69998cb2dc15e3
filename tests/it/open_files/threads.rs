//! Threads that have a table of descriptors of their own.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;

use super::{document, files};
use crate::host::spyhole;
use crate::lab::process::Process;

const SCRIPT: &str = "
import ctypes, os, sys, threading, time
def apart():
    if ctypes.CDLL(None).unshare(0x400) != 0:
        sys.exit('unshare')
    own = os.open('/dev/zero', os.O_RDONLY)
    print('ready', threading.get_native_id(), own, flush=True)
    time.sleep(3600)
threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
threading.Thread(target=apart, daemon=True).start()
time.sleep(3600)";

#[needs(root)]
fn descriptors_of_a_table_of_its_own_are_shown_with_the_thread() {
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT]);
    let mut process = Process::start(&mut command, Signal::SIGKILL);
    let said = process.wait_for_line("ready");
    let mut words = said.trim().split(' ').skip(1);
    let tid: i64 = words.next().unwrap().parse().unwrap();
    let own: i64 = words.next().unwrap().parse().unwrap();
    let pid = process.id().to_string();
    let seen = document(&pid, &[]);
    let of = |tid: Option<i64>| -> BTreeMap<i64, String> {
        let of_thread = files(&seen)
            .iter()
            .filter(|file| file["tid"].as_i64() == tid);
        let pairs = of_thread.filter_map(|file| {
            let path = file["path"].as_str().unwrap_or_default().to_owned();
            Some((file["fd"].as_i64()?, path))
        });
        pairs.collect()
    };
    let links = |directory: &str| -> BTreeMap<i64, String> {
        let entries = fs::read_dir(format!("/proc/{pid}/{directory}")).unwrap();
        let pairs = entries.map(|entry| {
            let entry = entry.unwrap();
            let link = fs::read_link(entry.path()).unwrap();
            let link = link.to_str().unwrap().to_owned();
            let fd = entry.file_name().to_str().unwrap().parse().unwrap();
            (
                fd,
                if link.starts_with('/') {
                    link
                } else {
                    String::new()
                },
            )
        });
        pairs.collect()
    };
    assert_eq!(of(Some(tid)), links(&format!("task/{tid}/fd")));
    assert_eq!(of(Some(tid))[&own], "/dev/zero");
    assert_eq!(of(None), links("fd"));
    assert!(!of(None).values().any(|path| path == "/dev/zero"));
    // The thread that shares the table of the process has none of its own.
    let mut tids: Vec<_> = files(&seen)
        .iter()
        .filter_map(|file| file["tid"].as_i64())
        .collect();
    tids.dedup();
    assert_eq!(tids, [tid]);
    let table = spyhole(["fds", &pid]).ended_with(0).stdout_text();
    let row = table
        .lines()
        .find(|line| line.contains("/dev/zero"))
        .unwrap();
    assert!(
        row.contains(&tid.to_string()) && table.contains("TID"),
        "{table}"
    );
    // The process has as many as its own table.
    let process = crate::host::only(crate::host::list(&seen["open_files"], "processes"), |_| {
        true
    });
    assert_eq!(process["fd_count"], links("fd").len());
}
