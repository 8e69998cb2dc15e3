//! `spyhole resources` beside the files of a cgroup that the test makes, and prlimit(1).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::host::{list, only, run, spyhole};
use crate::patience::eventually;

const LIMIT_BYTES: u64 = 64 << 20;

/// The directory of one controller of a new cgroup, in whichever version this machine has.
struct Directory {
    path: PathBuf,
    version: u8,
}

/// A cgroup with limits, and a process in it.
struct Limited {
    name: String,
    child: Child,
}

impl Directory {
    fn of(controller: &str, name: &str) -> Self {
        let one = Path::new("/sys/fs/cgroup").join(controller);
        if one.is_dir() {
            let (path, version) = (one.join(name), 1);
            return Self { path, version };
        }
        let top = Path::new("/sys/fs/cgroup");
        // Ignored where it is on already, or where a process in the cgroup forbids it.
        let _ = fs::write(
            top.join("cgroup.subtree_control"),
            format!("+{controller}\n"),
        );
        Self {
            path: top.join(name),
            version: 2,
        }
    }

    fn write(&self, file: [&str; 2], text: &str) {
        let path = self.path.join(file[usize::from(self.version) - 1]);
        fs::write(&path, text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    }

    fn read(&self, file: [&str; 2]) -> String {
        let path = self.path.join(file[usize::from(self.version) - 1]);
        fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
    }

    fn number(&self, file: [&str; 2]) -> u64 {
        self.read(file).trim().parse().unwrap()
    }

    fn keyed(&self, file: [&str; 2], key: [&str; 2]) -> u64 {
        let text = self.read(file);
        let key = key[usize::from(self.version) - 1];
        let mut pairs = text.lines().filter_map(|line| line.split_once(' '));
        let (_, value) = pairs.find(|(name, _)| *name == key).unwrap();
        value.trim().parse().unwrap()
    }
}

const CONTROLLERS: [&str; 4] = ["memory", "cpu", "cpuacct", "pids"];

impl Limited {
    /// Starts `script` of Python in a cgroup `name`; `limits` are set before.
    fn start(name: &str, script: &str, limits: impl FnOnce(&dyn Fn(&str) -> Directory)) -> Self {
        let name = format!("spyhole-test-{}-{name}", std::process::id());
        let mut joins = String::new();
        for controller in CONTROLLERS {
            let directory = Directory::of(controller, &name);
            fs::create_dir_all(&directory.path).unwrap();
            let procs = directory.path.join("cgroup.procs");
            joins.push_str("echo $$ > ");
            joins.push_str(procs.to_str().unwrap());
            joins.push_str(" && ");
        }
        limits(&|controller| Directory::of(controller, &name));
        let child = Command::new("sh")
            .args(["-c", &format!("{joins} exec python3 -c \"$0\"")])
            .arg(script)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let limited = Self { name, child };
        let joined = |controller: &str| {
            let procs = limited.directory(controller).path.join("cgroup.procs");
            let procs = fs::read_to_string(procs).unwrap();
            procs.lines().any(|pid| pid == limited.pid())
        };
        eventually("it is in its cgroups", || {
            CONTROLLERS.iter().all(|controller| joined(controller))
        });
        limited
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn directory(&self, controller: &str) -> Directory {
        Directory::of(controller, &self.name)
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for controller in CONTROLLERS {
            let path = self.directory(controller).path;
            let top = path.parent().unwrap().to_owned();
            let mut path = path;
            // The deepest first; processes that were killed leave a moment later.
            if path.join("below").is_dir() {
                let below = path.join("below");
                eventually("the cgroup is removed", || fs::remove_dir(&below).is_ok());
            }
            while path != top {
                eventually("the cgroup is removed", || {
                    fs::remove_dir(&path).is_ok() || !path.exists()
                });
                path.pop();
            }
        }
    }
}

fn resources(pid: &str, flags: &[&str]) -> Value {
    let words = ["resources", "--pid", pid, "-o", "json"];
    let document = spyhole(words.iter().chain(flags)).document();
    assert_eq!(document["gaps"], json!([]), "{document:#}");
    document["resources"].clone()
}

/// What spyhole says while the kernel's number is the same before and after.
fn beside(pid: &str, kernel: impl Fn() -> u64, path: &str) -> (u64, Value) {
    eventually("the kernel's number stands still", || {
        let before = kernel();
        let shown = resources(pid, &[]);
        let same = kernel() == before;
        same.then(|| (before, shown.pointer(path).cloned().unwrap_or_default()))
    })
}

#[needs(root)]
fn memory_is_what_the_cgroup_says() {
    let script = "import time; held = bytearray(24 << 20); time.sleep(1000)";
    let target = Limited::start("memory", script, |directory| {
        let limit = ["memory.limit_in_bytes", "memory.max"];
        directory("memory").write(limit, &LIMIT_BYTES.to_string());
    });
    let memory = target.directory("memory");
    let current = ["memory.usage_in_bytes", "memory.current"];
    eventually("the program is there", || memory.number(current) > 24 << 20);
    let pid = target.pid();

    let (bytes, shown) = beside(&pid, || memory.number(current), "/memory/current_bytes");
    assert_eq!(shown, bytes);
    let working_set = || {
        let inactive = memory.keyed(["memory.stat"; 2], ["total_inactive_file", "inactive_file"]);
        memory.number(current) - inactive
    };
    let (bytes, shown) = beside(&pid, working_set, "/memory/working_set_bytes");
    assert_eq!(shown, bytes);
    let anonymous = || memory.keyed(["memory.stat"; 2], ["total_rss", "anon"]);
    let (bytes, shown) = beside(&pid, anonymous, "/memory/anonymous_bytes");
    assert_eq!(shown, bytes);

    let shown = resources(&pid, &[]);
    assert_eq!(shown["memory"]["limit_bytes"], LIMIT_BYTES);
    assert_eq!(shown["memory"]["cgroup_version"], memory.version);
    assert_eq!(shown["memory"]["limit_set_by"], Value::Null);
    assert_eq!(shown["memory"]["oom_kills"], 0);
    let percent = shown["memory"]["used_percent"].as_f64().unwrap();
    assert!((37.5..100.0).contains(&percent), "{percent}");
    let table = spyhole(["resources", "--pid", &pid]).ended_with(0);
    assert!(table.stdout_text().contains("64Mi"), "{table}");
}

#[needs(root)]
fn a_limit_above_is_found_and_named() {
    let target = Limited::start(
        "above/below",
        "import time; time.sleep(1000)",
        |directory| {
            let mut above = directory("memory");
            above.path.pop();
            let limit = ["memory.limit_in_bytes", "memory.max"];
            if above.version == 2 {
                above.write(["", "cgroup.subtree_control"], "+memory +cpu +pids\n");
            }
            above.write(limit, &LIMIT_BYTES.to_string());
        },
    );
    let shown = resources(&target.pid(), &[]);
    assert_eq!(shown["memory"]["limit_bytes"], LIMIT_BYTES);
    let mut above = target.directory("memory").path;
    above.pop();
    assert_eq!(shown["memory"]["limit_set_by"], above.to_str().unwrap());
}

#[needs(root)]
fn kills_of_the_oom_killer_are_counted() {
    // A child that takes too much; the main process lives on.
    let script = "import os, time\n\
        pid = os.fork()\n\
        if pid == 0:\n    \
            open('/proc/self/oom_score_adj', 'w').write('1000')\n    \
            held = bytearray(128 << 20)\n\
        os.waitpid(pid, 0)\n\
        time.sleep(1000)";
    let target = Limited::start("oom", script, |directory| {
        let memory = directory("memory");
        memory.write(
            ["memory.limit_in_bytes", "memory.max"],
            &LIMIT_BYTES.to_string(),
        );
        let swap = ["memory.memsw.limit_in_bytes", "memory.swap.max"];
        let without = if memory.version == 1 { LIMIT_BYTES } else { 0 };
        if memory
            .path
            .join(swap[usize::from(memory.version) - 1])
            .exists()
        {
            memory.write(swap, &without.to_string());
        }
    });
    let memory = target.directory("memory");
    let kills = || memory.keyed(["memory.oom_control", "memory.events"], ["oom_kill"; 2]);
    eventually("the program is there", || kills() > 0);
    let (count, shown) = beside(&target.pid(), kills, "/memory/oom_kills");
    assert_eq!(shown, count);
    let table = spyhole(["resources", "--pid", &target.pid()]).ended_with(0);
    assert!(table.stdout_text().contains("OOM kills 1"), "{table}");
}

#[needs(root)]
fn a_throttled_program_shows_its_quota_and_its_use() {
    let target = Limited::start("cpu", "while True: pass", |directory| {
        let cpu = directory("cpu");
        match cpu.version {
            1 => cpu.write(["cpu.cfs_quota_us", ""], "20000"),
            _ => cpu.write(["", "cpu.max"], "20000 100000"),
        }
    });
    let cpu = target.directory("cpu");
    let throttled = || cpu.keyed(["cpu.stat"; 2], ["nr_throttled"; 2]);
    eventually("the program is there", || throttled() > 3);
    let before = throttled();
    let shown = resources(&target.pid(), &["--sample", "500ms"]);
    let shown = &shown["cpu"];
    assert_eq!(shown["limit_cores"], 0.2);
    let count = shown["throttled_periods"].as_u64().unwrap();
    assert!((before..=throttled()).contains(&count), "{before} {count}");
    // A period may end while the sample does.
    let used = shown["used_cores"].as_f64().unwrap();
    assert!((0.0..0.5).contains(&used), "{used}");
    assert!(shown["usage_seconds"].as_f64().unwrap() > 0.0);
    assert!(shown["used_over_seconds"].as_f64().unwrap() >= 0.5);
}

/// Its cgroup is that of this test, which has used the processor for long: its own use is not known.
#[needs(root)]
fn an_average_since_the_start_is_not_that_of_an_older_cgroup() {
    let web = super::lab::Lab::webapp().start();
    let pid = web.host_pid.to_string();
    let shown = spyhole(["resources", "--pid", &pid, "-o", "json"]).json()["resources"].clone();
    let processors = std::thread::available_parallelism().unwrap().get();
    let processors = f64::from(u32::try_from(processors).unwrap());
    let used = shown["cpu"]["used_cores"].as_f64();
    assert!(used.is_none_or(|used| used <= processors + 1.0), "{shown}");
}

#[needs(root)]
fn processes_and_threads_are_counted_against_their_limit() {
    let script = "import threading, time\n\
        for _ in range(6):\n    \
            try: threading.Thread(target=time.sleep, args=(1000,)).start()\n    \
            except RuntimeError: pass\n\
        time.sleep(1000)";
    let target = Limited::start("pids", script, |directory| {
        directory("pids").write(["pids.max"; 2], "4");
    });
    let pids = target.directory("pids");
    let failures = || pids.keyed(["pids.events"; 2], ["max"; 2]);
    eventually("the program is there", || {
        failures() >= 3 && pids.number(["pids.current"; 2]) == 4
    });
    let shown = resources(&target.pid(), &[]);
    assert_eq!(shown["pids"]["current"], 4);
    assert_eq!(shown["pids"]["limit"], 4);
    assert_eq!(shown["pids"]["used_percent"], 100.0);
    assert_eq!(shown["pids"]["fork_failures"], failures());
}

#[test]
fn resource_limits_are_those_of_prlimit() {
    let mut sleep = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 77; ulimit -c 0; exec sleep 1000 3</dev/null",
        ])
        .spawn()
        .unwrap();
    let pid = sleep.id().to_string();
    eventually("sleep runs", || {
        fs::read_to_string(format!("/proc/{pid}/comm")).unwrap() == "sleep\n"
    });
    let shown = spyhole(["limits", "--pid", &pid, "-o", "json"]).document();
    let limits = list(&shown["resources"], "limits");
    let arguments = ["--pid", &pid, "--raw", "--noheadings", "--output"];
    let told = run(Command::new("prlimit")
        .args(arguments)
        .arg("RESOURCE,SOFT,HARD"))
    .ended_with(0);
    let names = [
        ("AS", "address_space"),
        ("CORE", "core_file_size"),
        ("CPU", "cpu_time"),
        ("DATA", "data_size"),
        ("FSIZE", "file_size"),
        ("LOCKS", "file_locks"),
        ("MEMLOCK", "locked_memory"),
        ("MSGQUEUE", "msgqueue_size"),
        ("NICE", "nice_priority"),
        ("NOFILE", "open_files"),
        ("NPROC", "processes"),
        ("RSS", "resident_set"),
        ("RTPRIO", "realtime_priority"),
        ("RTTIME", "realtime_timeout"),
        ("SIGPENDING", "pending_signals"),
        ("STACK", "stack_size"),
    ];
    let lines: Vec<_> = told.stdout_text().lines().map(str::to_owned).collect();
    assert_eq!((lines.len(), limits.len()), (16, 16), "{lines:?}");
    for line in lines {
        let [name, soft, hard]: [&str; 3] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let (_, ours) = names.iter().find(|(theirs, _)| *theirs == name).unwrap();
        let row = only(limits, |row| row["resource"] == *ours);
        for (field, expected) in [("soft", soft), ("hard", hard)] {
            let ours = match &row[field] {
                Value::String(word) => word.clone(),
                number => number.to_string(),
            };
            assert_eq!(ours, expected, "{name} {field}");
        }
    }
    let files = only(limits, |row| row["resource"] == "open_files");
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    assert_eq!((&files["soft"], &files["used"]), (&json!(77), &json!(open)));
    sleep.kill().unwrap();
    sleep.wait().unwrap();
}

#[needs(root)]
fn a_stranger_gets_gaps_and_no_zeros() {
    let mut sleep = Command::new("sleep").arg("1000").spawn().unwrap();
    let pid = sleep.id().to_string();
    let shelf_root = crate::support::fake_root::FakeRoot::new();
    let shelf = shelf_root.copy(&crate::lab::spyhole());
    let seen = run(Command::new("setpriv")
        .args(["--reuid=65532", "--regid=65532", "--clear-groups", "--"])
        .arg(&shelf)
        .args(["resources", "--pid", &pid, "-o", "json"]));
    let document = seen.document();
    let shown = &document["resources"];
    for part in ["memory", "cpu", "pids"] {
        assert_eq!(shown[part], Value::Null, "{part}");
        let gaps = list(&document, "gaps");
        let gap = only(gaps, |gap| gap["field"] == part);
        assert!(gap["needs"].is_string(), "{gap}");
    }
    // Needs no more than to be let into /proc.
    let files = only(list(shown, "limits"), |row| row["resource"] == "open_files");
    assert!(files["soft"].is_u64());
    assert_eq!(files["used"], Value::Null);
    let gap = |gap: &Value| gap["field"] == "limits.used";
    only(list(&document, "gaps"), gap);
    sleep.kill().unwrap();
    sleep.wait().unwrap();
}

#[needs(root)]
fn what_of_a_cgroup_cannot_be_read_is_null_with_its_gap() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), vec![b'x'; 2 << 20]).unwrap();
    let target = Limited::start("unread", "import time; time.sleep(1000)", |_| {});
    let version = target.directory("memory").version;
    // In a mount namespace of the target's own, both files are longer than what is read.
    let mut covered = vec![("memory", "memory.stat")];
    if version == 1 {
        covered.push(("cpu", "cpu.stat"));
    }
    let script = covered.iter().map(|(controller, file_name)| {
        let path = target.directory(controller).path.join(file_name);
        format!(
            "mount --bind {} {} && ",
            file.path().display(),
            path.display()
        )
    });
    let script = script.collect::<String>() + "exec sleep 1000";
    let mut sleep = Command::new("unshare")
        .args(["-m", "sh", "-c"])
        .arg(format!("for d in /sys/fs/cgroup/*/{0} /sys/fs/cgroup/{0}; do [ -d $d ] && echo $$ > $d/cgroup.procs; done; {script}", target.name))
        .spawn()
        .unwrap();
    let pid = sleep.id().to_string();
    eventually("sleep runs", || {
        fs::read_to_string(format!("/proc/{pid}/comm")).unwrap() == "sleep\n"
    });
    let document = spyhole(["resources", "--pid", &pid, "-o", "json"]).document();
    let mut unread = vec!["memory.anonymous_bytes", "memory.cache_bytes"];
    unread.push(match version {
        1 => "memory.swap_current_bytes",
        _ => "memory.kernel_bytes",
    });
    if version == 1 {
        unread.extend([
            "cpu.periods",
            "cpu.throttled_periods",
            "cpu.throttled_seconds",
        ]);
    }
    for field in unread {
        let (part, name) = field.split_once('.').unwrap();
        let part = document["resources"][part].as_object().unwrap();
        assert_eq!(part.get(name), Some(&Value::Null), "{field}: {document:#}");
        let gap = only(list(&document, "gaps"), |gap| gap["field"] == field);
        assert_eq!(gap["reason"], "limit", "{field}");
    }
    sleep.kill().unwrap();
    sleep.wait().unwrap();
}

#[test]
fn a_sample_longer_than_the_whole_scan_is_a_usage_error() {
    let words = ["resources", "--self", "--timeout", "1s", "--sample", "1h"];
    let seen = spyhole(words).ended_with(2);
    assert!(seen.stderr_text().contains("--timeout is 1s"), "{seen}");
}
