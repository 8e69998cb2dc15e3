//! The OOM killer, in a real memory cgroup.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::run;
use crate::lab::{Output, spyhole};

/// A memory cgroup below this test's own; dropping it removes it.
pub(crate) struct Cgroup {
    directory: PathBuf,
    unified: bool,
}

const LIMIT_BYTES: &str = "50331648";

impl Cgroup {
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|why| why.to_string())?;
        let v1 = own.lines().find_map(|line| line.split_once(":memory:"));
        let (base, unified) = match v1 {
            Some((_, path)) => (format!("/sys/fs/cgroup/memory{path}"), false),
            None => ("/sys/fs/cgroup".to_owned(), true),
        };
        let directory = Path::new(&base).join(format!("spyhole-it-{}-{name}", std::process::id()));
        fs::create_dir(&directory).map_err(|why| format!("{}: {why}", directory.display()))?;
        let cgroup = Self { directory, unified };
        let file = if unified {
            "memory.max"
        } else {
            "memory.limit_in_bytes"
        };
        cgroup.write(file, LIMIT_BYTES)?;
        // Without it the limit is reached in swap.
        let swap = if unified {
            "memory.swap.max"
        } else {
            "memory.swappiness"
        };
        drop(cgroup.write(swap, "0"));
        Ok(cgroup)
    }

    fn write(&self, file: &str, value: &str) -> Result<(), String> {
        let path = self.directory.join(file);
        fs::write(&path, value).map_err(|why| format!("{}: {why}", path.display()))
    }

    /// Runs spyhole in it.
    fn wrapped(&self, script: &str) -> Output {
        let line = "echo $$ > \"$1/cgroup.procs\" && exec \"$2\" run -- sh -c \"$3\"";
        run(Command::new("sh")
            .args(["-c", line, "sh"])
            .args([&self.directory, &spyhole()])
            .arg(script))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let removed = fs::remove_dir(&self.directory);
        if !std::thread::panicking() {
            removed.unwrap_or_else(|why| panic!("{}: {why}", self.directory.display()));
        }
    }
}

/// Fills a string until there is no more memory.
const HUNGRY: &str = "exec python3 -c 'held = bytearray(400 << 20)'";

#[needs(memory_cgroup)]
fn an_oom_kill_is_told_as_such() {
    let cgroup = Cgroup::new("own").unwrap();
    let own = cgroup.wrapped(HUNGRY).ended_with(137);
    let text = own.stderr_text();
    assert!(text.contains("was killed by SIGKILL"), "{own}");
    assert!(
        text.contains("out of memory: killed by the kernel's OOM killer"),
        "{own}"
    );
    assert!(text.contains("the limit of its cgroup is 48Mi"), "{own}");
    assert!(text.contains("in RAM (limit of the cgroup: 48Mi)"), "{own}");
}

#[needs(memory_cgroup)]
fn a_sigkill_by_somebody_is_not_taken_for_it() {
    let cgroup = Cgroup::new("somebody").unwrap();
    let own = cgroup.wrapped("kill -KILL $$").ended_with(137);
    let text = own.stderr_text();
    assert!(text.contains("another process sent the signal"), "{own}");
    assert!(!text.contains("out of memory"), "{own}");
}

#[needs(memory_cgroup)]
fn an_oom_kill_of_a_child_is_told_beside_the_exit_code() {
    let cgroup = Cgroup::new("child").unwrap();
    let script = format!("sh -c \"{}\"; exit 3", HUNGRY.replace('"', "\\\""));
    let own = cgroup.wrapped(&script).ended_with(3);
    let text = own.stderr_text();
    assert!(text.contains("ended with exit code 3"), "{own}");
    assert!(
        text.contains("OOM killer killed 1 other process in its cgroup"),
        "{own}"
    );
}

#[needs(memory_cgroup)]
fn the_layout_of_this_machine_is_known() {
    let cgroup = Cgroup::new("layout").unwrap();
    let file = if cgroup.unified {
        "memory.events"
    } else {
        "memory.oom_control"
    };
    let text = fs::read_to_string(cgroup.directory.join(file)).unwrap();
    assert!(text.contains("oom_kill 0"), "{text}");
}
