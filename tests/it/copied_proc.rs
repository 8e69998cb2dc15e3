//! A /proc that was copied from another machine, by `--proc DIR`: what the document says is the
//! copy's, or missing. Nothing of this machine is taken for it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::document::{assert_keeps_the_contract, sections};
use super::fake::FakeProc;
use super::host::{list, only, run, spyhole};
use super::support::idle::Idle;

/// What `cp -a` brings of a process, and what it cannot.
const FILES: [&str; 19] = [
    "cgroup",
    "cmdline",
    "comm",
    "cwd",
    "environ",
    "exe",
    "fd",
    "gid_map",
    "limits",
    "maps",
    "mountinfo",
    "ns",
    "oom_score",
    "oom_score_adj",
    "root",
    "smaps_rollup",
    "stat",
    "status",
    "uid_map",
];

/// When the other machine had booted, and for how long it was up.
const BOOTED: u64 = 1_600_000_000;
const UPTIME: u64 = 5_000_000;

/// A process of this machine, copied as if it were another's.
struct Copied {
    dir: TempDir,
    idle: Idle,
}

impl Copied {
    fn new() -> Self {
        let (dir, idle) = (TempDir::new().unwrap(), Idle::sleep());
        let to = dir.path().join("1");
        fs::create_dir(&to).unwrap();
        for name in FILES {
            let from = format!("/proc/{}/{name}", idle.id());
            run(Command::new("cp").arg("-a").arg(from).arg(&to)).ended_with(0);
        }
        let copied = Self { dir, idle };
        let renumbered = |name: &str, text: String| fs::write(to.join(name), text).unwrap();
        let stat = fs::read_to_string(to.join("stat")).unwrap();
        let (_, rest) = stat.split_once(' ').unwrap();
        let mut fields: Vec<&str> = rest.split(' ').collect();
        // Field 22 of proc(5): started 100 seconds after the boot.
        fields[20] = "10000";
        renumbered("stat", format!("1 {}", fields.join(" ")));
        let status = fs::read_to_string(to.join("status")).unwrap();
        let lines = status.lines().map(|line| match line.split_once(':') {
            Some(("Uid" | "Gid", _)) => format!("{}\t4711\t4711\t4711\t4711", &line[..4]),
            _ => line.to_owned(),
        });
        renumbered("status", lines.collect::<Vec<_>>().join("\n") + "\n");
        fs::create_dir(to.join("net")).unwrap();
        renumbered("net/tcp", TCP.to_owned());
        renumbered("net/tcp6", HEADING.to_owned());
        copied.write("uptime", &format!("{UPTIME}.00 1.00\n"));
        copied.write("stat", &format!("cpu  1 2 3\nbtime {BOOTED}\n"));
        copied.write("meminfo", "MemTotal:  123456 kB\n");
        symlink("1", copied.dir.path().join("self")).unwrap();
        copied
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.dir.path().join(name), content).unwrap();
    }

    fn look(&self, words: &str) -> super::lab::Output {
        let proc = ["--proc".to_owned(), self.dir.path().display().to_string()];
        spyhole(proc.into_iter().chain(words.split(' ').map(str::to_owned)))
    }
}

const HEADING: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when \
    retrnsmt   uid  timeout inode\n";
/// A listener at 127.0.0.1:47110, of nothing that is running here.
const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
    uid  timeout inode\n   0: 0100007F:B806 00000000:0000 0A 00000000:00000000 00:00000000 \
    00000000     0        0 999999999 1 0000000000000000 100 0 0 10 0\n";

fn gap<'a>(document: &'a Value, section: &str, field: &str) -> &'a Value {
    let gaps = list(document, "gaps");
    let found = gaps
        .iter()
        .find(|gap| gap["section"] == section && gap["field"] == field);
    found.unwrap_or_else(|| panic!("no gap {section} {field}: {gaps:#?}"))
}

#[needs(root)]
fn times_ids_and_sockets_are_the_copys() {
    let copied = Copied::new();
    let document = copied.look("dump --reveal-all -o json").json();
    assert_keeps_the_contract(&document, "a copy");
    let app = only(list(&document, "processes"), |one| one["pid"] == 1);
    let started = humantime::format_rfc3339(at(BOOTED + 100)).to_string();
    assert_eq!(app["started_at"], started.replace('Z', ".000Z"), "{app:#}");
    let taken = humantime::format_rfc3339(at(BOOTED + UPTIME)).to_string();
    assert_eq!(document["taken_at"], taken.replace('Z', ".000Z"));
    assert_eq!((&app["uid"], &app["gid"]), (&4711.into(), &4711.into()));
    // Whoever `self` is, it was not spyhole.
    let containers = list(&document, "containers");
    assert!(
        containers.iter().all(|one| one["self"] == false),
        "{containers:#?}"
    );
    let sockets = list(&document, "sockets");
    let tcp: Vec<&Value> = sockets
        .iter()
        .filter(|one| one["protocol"] == "tcp")
        .collect();
    assert_eq!(tcp.len(), 1, "{tcp:#?}");
    assert_eq!(tcp[0]["local_port"], 47110);
    for source in list(&document, "socket_sources") {
        assert_ne!(source["source"], "sock_diag", "{source:#}");
    }
}

fn at(seconds: u64) -> std::time::SystemTime {
    std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
}

#[needs(root)]
fn what_its_links_lead_to_is_missing_and_not_this_machines() {
    let copied = Copied::new();
    let document = copied.look("dump -o json").json();
    for (section, field) in [
        ("processes", "user"),
        ("processes", "group"),
        ("capabilities", "executable.file"),
        ("access", "viewer.uids"),
        ("access", "shared.network_namespace"),
    ] {
        let gap = gap(&document, section, field);
        assert_eq!(gap["reason"], "copy", "{gap:#}");
    }
    let mounts = list(&document, "mounts");
    assert!(mounts.iter().any(|one| one["mount_point"] == "/"));
    for mount in mounts {
        assert!(mount.get("space").is_none_or(Value::is_null), "{mount:#}");
        // Of a mount that is read-only the options alone decide.
        let writable = mount.get("writable_by_target");
        let is_known = writable.is_some_and(|writable| !writable.is_null());
        assert!(
            !is_known || mount["writable_because"] == "read_only_mount",
            "{mount:#}"
        );
    }
    let certificates = &document["certificates"];
    assert!(certificates["trust_store"].is_null() && certificates["files"].is_null());
    for section in sections() {
        let seen = copied.look(&format!("{section} -o json"));
        assert_keeps_the_contract(&seen.json(), &format!("{section} of a copy"));
    }
    drop(copied.idle);
}

#[needs(root)]
fn without_the_times_of_the_machine_the_start_is_missing() {
    for lacking in ["uptime", "stat"] {
        let copied = Copied::new();
        fs::remove_file(copied.dir.path().join(lacking)).unwrap();
        let document = copied.look("dump -o json").json();
        assert_keeps_the_contract(&document, lacking);
        for (section, field) in [
            ("processes", "started_at"),
            ("processes", "cpu_percent"),
            ("environment", "started_at"),
            ("containers", "started_at"),
        ] {
            let gap = gap(&document, section, field);
            assert_eq!(gap["reason"], "copy", "{lacking}: {gap:#}");
        }
        let table = copied
            .look("ps --columns pid,start,etime,%cpu")
            .ended_with(0);
        let row = table.stdout_text();
        let row = row.lines().nth(1).unwrap();
        assert_eq!(
            row.split_whitespace().collect::<Vec<_>>(),
            ["1", "?", "?", "?"]
        );
        copied
            .look("check process:sleep,min-uptime=1s")
            .ended_with(4);
        copied.look("check process:sleep").ended_with(0);
    }
}

#[needs(root)]
fn without_its_meminfo_the_share_of_memory_is_missing() {
    let copied = Copied::new();
    fs::remove_file(copied.dir.path().join("meminfo")).unwrap();
    let document = copied.look("ps -o json").document();
    assert_eq!(
        gap(&document, "processes", "memory_percent")["reason"],
        "copy"
    );
}

#[needs(root)]
fn nothing_is_dialled_for_it_that_is_this_machines() {
    let copied = Copied::new();
    let here = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = here.local_addr().unwrap().port();
    copied
        .look(&format!("check tcp:127.0.0.1:{port}"))
        .ended_with(4);
    copied
        .look(&format!("check http://127.0.0.1:{port}/"))
        .ended_with(4);
    let socket = copied.dir.path().join("here.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    copied
        .look(&format!("check tcp:unix:{}", socket.display()))
        .ended_with(4);
    let descriptor = copied.dir.path().join("1/fd/99");
    symlink("socket:[999999999]", descriptor).unwrap();
    let served = copied.look("certs --served -o json").json();
    let served = list(&served["certificates"], "served");
    let listener = only(served, |one| one["listens_on"] == "127.0.0.1:47110");
    assert!(listener["serves"].is_null(), "{listener:#}");
}

#[test]
fn no_link_in_it_is_followed() {
    let fake = FakeProc::new();
    fake.process(1);
    let process = fake.path().join("1");
    for name in ["cmdline", "limits", "environ"] {
        fs::remove_file(process.join(name)).unwrap();
        symlink(Path::new("/proc/self").join(name), process.join(name)).unwrap();
    }
    fs::remove_dir_all(process.join("root")).unwrap();
    symlink("/", process.join("root")).unwrap();
    let document = fake.spyhole(["dump", "-o", "json"]).json();
    for (section, field) in [
        ("processes", "args"),
        ("processes", "fd_limit"),
        ("environment", "variables"),
        ("processes", "user"),
    ] {
        let gap = gap(&document, section, field);
        assert_eq!(
            (&gap["reason"], &gap["errno"]),
            (&"copy".into(), &"ELOOP".into()),
            "{section} {field}"
        );
    }
}

/// The numbers of namespaces in it are another machine's: compared with ours all would differ.
#[test]
fn its_namespaces_are_not_compared_with_those_of_this_machine() {
    let copied = Copied::new();
    let document = copied.look("ps --columns otherns -o json").document();
    let details = &list(&document, "processes")[0]["details"];
    assert_eq!(
        details.get("other_namespaces"),
        Some(&Value::Null),
        "{document:#}"
    );
    let gap = gap(&document, "processes", "details.other_namespaces");
    assert_eq!(gap["reason"], "copy");
}
