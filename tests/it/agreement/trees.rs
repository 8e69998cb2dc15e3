//! Trees of /proc with damage of every kind: nothing panics, nothing hangs, no `null` lacks its gap,
//! and no process is shown that is not there.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::sys::stat::Mode;

use super::{Numbers, Tally};
use crate::document::assert_gaps_fit;
use crate::fake::FakeProc;
use crate::host::list;

const TREES: u64 = 200;
const MUTATIONS: usize = 15;
const PIDS: [i32; 6] = [1, 7, 8, 9, 4_000_000, 4_000_001];

const FILES: [&str; 22] = [
    "stat",
    "status",
    "cmdline",
    "environ",
    "cgroup",
    "limits",
    "oom_score",
    "oom_score_adj",
    "smaps_rollup",
    "uid_map",
    "gid_map",
    "mountinfo",
    "exe",
    "cwd",
    "ns/mnt",
    "ns/net",
    "fd/0",
    "net/tcp",
    "net/udp6",
    "net/unix",
    "net/sockstat",
    "task/1/status",
];

#[test]
fn damaged_trees_are_read_or_refused() {
    let mut tally = Tally::of("trees");
    for seed in 1..=TREES {
        let mut numbers = Numbers::from(seed);
        let fake = tree();
        let mut done = Vec::new();
        for _ in 0..MUTATIONS {
            let pid = *numbers.one_of(&PIDS);
            let name = *numbers.one_of(&FILES);
            let path = fake.path().join(pid.to_string()).join(name);
            let what = mutate(&path, &mut numbers);
            done.push(format!("{pid}/{name}: {what}"));
        }
        let seen = fake.spyhole(["--timeout", "20s", "dump", "-o", "json"]);
        let said = seen.stderr_text();
        assert!(
            matches!(seen.code, Some(0 | 3 | 4)) && !said.contains("panicked"),
            "{seed}: {done:#?}\n{seen}"
        );
        if seen.code != Some(3) {
            let document = seen.json();
            assert_gaps_fit(&document, &format!("{seed}: {done:#?}"));
            for process in list(&document, "processes") {
                let pid = process["pid"].as_i64().unwrap();
                assert!(
                    PIDS.iter().any(|one| i64::from(*one) == pid),
                    "{seed}: {done:#?}"
                );
            }
        }
        (0..MUTATIONS).for_each(|_| tally.case(None));
    }
    tally.end();
}

fn tree() -> FakeProc {
    let fake = FakeProc::new();
    let mut first = None;
    for pid in PIDS {
        let process = fake.process(pid);
        let dir = fake.path().join(pid.to_string());
        fs::create_dir_all(dir.join("net")).unwrap();
        fs::create_dir_all(dir.join("task/1")).unwrap();
        for (name, text) in NET {
            fs::write(dir.join("net").join(name), text).unwrap();
        }
        fs::copy(dir.join("status"), dir.join("task/1/status")).unwrap();
        symlink("socket:[4242]", dir.join("fd/0")).unwrap();
        symlink("net:[4026531840]", dir.join("ns/net")).unwrap();
        match &first {
            None => first = Some(process),
            Some(first) => drop(process.in_the_container_of(first)),
        }
    }
    fake
}

const NET: [(&str, &str); 4] = [
    (
        "tcp",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n   \
         0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 \
         4242 1 0000000000000000 100 0 0 10 0\n",
    ),
    (
        "udp6",
        "  sl  local_address                         remote_address                        st\n",
    ),
    (
        "unix",
        "Num       RefCount Protocol Flags    Type St Inode Path\n0000000000000000: 00000002 \
         00000000 00010000 0001 01 4243 /run/app.sock\n",
    ),
    (
        "sockstat",
        "sockets: used 3\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 0\n",
    ),
];

/// Damages what is there in one way.
fn mutate(path: &Path, numbers: &mut Numbers) -> &'static str {
    // A link of an earlier damage may lead to what has no end, a FIFO has no writer.
    let is_file = fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    let bytes = match is_file {
        true => fs::read(path).unwrap_or_default(),
        false => Vec::new(),
    };
    let remove = || {
        drop(fs::remove_file(path));
        drop(fs::remove_dir_all(path));
    };
    let at = numbers.below(bytes.len().max(1));
    let write = |bytes: Vec<u8>| {
        remove();
        drop(fs::write(path, bytes));
    };
    match numbers.below(14) {
        0 => {
            write(bytes[..at.min(bytes.len())].to_vec());
            "cut"
        }
        1 => {
            remove();
            "removed"
        }
        2 => {
            write(Vec::new());
            "emptied"
        }
        3 => {
            let mut bytes = bytes;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << numbers.below(8);
            }
            write(bytes);
            "a bit flipped"
        }
        4 => {
            let mut bytes = bytes;
            bytes.splice(at..at, [0, 0xff, b'\n', 0x1b]);
            write(bytes);
            "bytes put in"
        }
        5 => {
            write(bytes.repeat(3));
            "three times"
        }
        6 => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            write(text.replace('1', "18446744073709551616").into_bytes());
            "numbers too large"
        }
        7 => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            write(text.replace(' ', " -").into_bytes());
            "numbers with a sign"
        }
        8 => {
            write(vec![0; bytes.len().max(3)]);
            "NULs alone"
        }
        9 => {
            remove();
            drop(fs::create_dir(path));
            "a directory"
        }
        10 => {
            remove();
            let _ = nix::unistd::mkfifo(path, Mode::S_IRWXU);
            "a FIFO"
        }
        11 => {
            remove();
            drop(symlink(
                numbers.one_of(&["/proc/self/stat", "self", "/dev/zero", ""]),
                path,
            ));
            "a link"
        }
        12 => {
            if is_file {
                let mut file = OpenOptions::new().append(true).open(path).unwrap();
                file.write_all(&vec![b'A'; 2 << 20]).unwrap();
            }
            "2 MiB more"
        }
        _ => {
            let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            lines.reverse();
            write(lines.join(&b'\n'));
            "lines in reverse"
        }
    }
}
