//! What `ps` shows only where it is asked for, beside ps(1), taskset(1) and the files of the kernel.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::host::{list, only, run, spyhole};
use crate::lab::Lab;
use crate::patience::eventually;
use crate::support::idle::Idle;

fn process(pid: u32, flags: &[&str]) -> Value {
    let pid = pid.to_string();
    let words = ["ps", "--pid", &pid, "-o", "json"];
    let seen = spyhole(words.iter().chain(flags)).document();
    only(list(&seen, "processes"), |_| true).clone()
}

fn ps(pid: u32, column: &str) -> String {
    let mut command = Command::new("ps");
    command.args(["-o", &format!("{column}="), "-p", &pid.to_string()]);
    run(&mut command)
        .ended_with(0)
        .stdout_text()
        .trim()
        .to_owned()
}

#[needs(root)]
fn scheduling_cpus_faults_and_io_are_what_the_kernel_says() {
    let mut batch = Command::new("chrt");
    batch.args(["-b", "0", "taskset", "-c", "0", "sleep", "3600"]);
    let mut realtime = Command::new("chrt");
    realtime.args(["-f", "7", "sleep", "3600"]);
    for (mut command, policy, class) in [(batch, "batch", "B"), (realtime, "fifo", "FF")] {
        let sleeper = Idle::start(&mut command).named("sleep");
        let pid = sleeper.id();
        let file = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
        eventually("it sleeps", || file("wchan").contains("sleep"));
        let seen = process(pid, &["--details"])["details"].clone();
        let scheduling = &seen["scheduling"];
        assert_eq!(scheduling["policy"], policy, "{seen:#}");
        assert_eq!(ps(pid, "cls"), class);
        assert_eq!(scheduling["major_faults"].to_string(), ps(pid, "maj_flt"));
        assert_eq!(scheduling["minor_faults"].to_string(), ps(pid, "min_flt"));
        let fields = file("stat");
        let fields: Vec<&str> = fields.rsplit_once(") ").unwrap().1.split(' ').collect();
        assert_eq!(scheduling["priority"].to_string(), fields[15]);
        let realtime = scheduling.get("realtime_priority").map(Value::to_string);
        assert_eq!(realtime.as_deref(), (policy == "fifo").then_some("7"));
        assert_eq!(seen["wait_channel"], file("wchan"));
        let status = file("status");
        let cpus = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        assert_eq!(seen["cpus_allowed"], cpus.unwrap().trim());
        for (name, of_kernel) in [
            ("read_bytes", "read_bytes"),
            ("written_bytes", "write_bytes"),
            ("read_calls_bytes", "rchar"),
            ("write_calls_bytes", "wchar"),
        ] {
            let io = file("io");
            let line = io
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{of_kernel}: ")));
            assert_eq!(seen["io"][name].to_string(), line.unwrap(), "{name}");
        }
        assert_eq!(seen["other_namespaces"], json!([]));
    }
}

#[needs(root)]
fn namespaces_that_are_not_spyholes_are_named() {
    let mut apart = Command::new("unshare");
    apart.args(["--uts", "--ipc", "--net", "sleep", "3600"]);
    let apart = Idle::start(&mut apart).named("sleep");
    let seen = process(apart.id(), &["--columns", "otherns"]);
    assert_eq!(
        seen["details"],
        json!({"other_namespaces": ["ipc", "net", "uts"]})
    );
    let pid = apart.id().to_string();
    let table = spyhole(["ps", "--pid", &pid, "-o", "wide"]).ended_with(0);
    assert!(table.stdout_text().contains("ipc,net,uts"), "{table}");
}

#[test]
fn nothing_of_it_is_read_unasked() {
    let sleeper = Idle::sleep();
    assert_eq!(process(sleeper.id(), &[])["details"], Value::Null);
    let waits = process(sleeper.id(), &["--columns", "wchan"]);
    let keys: Vec<_> = waits["details"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["wait_channel"]);
}

/// A stranger is told of neither; `0` in `wchan` is no proof that nothing is waited for.
#[needs(root)]
fn what_may_not_be_read_is_a_gap() {
    let web = Lab::webapp().uid(1000).start();
    let stranger = web.spyhole().uid(65532).caps("none");
    let words = ["ps", "--details", "-o", "json"];
    let seen = stranger.args(words).run().document();
    let main = &list(&seen, "processes")[0];
    for field in ["wait_channel", "io", "other_namespaces"] {
        assert_eq!(
            main["details"].get(field),
            Some(&Value::Null),
            "{field}: {main:#}"
        );
        let name = format!("details.{field}");
        let gap = only(list(&seen, "gaps"), |gap| gap["field"] == *name);
        assert_eq!(gap["reason"], "uid", "{gap:#}");
    }
    assert_eq!(main["details"]["scheduling"]["policy"], "other");
    let same = web
        .spyhole()
        .uid(1000)
        .caps("none")
        .args(words)
        .run()
        .document();
    let gaps = list(&same, "gaps").iter();
    assert_eq!(
        gaps.filter(|gap| gap["section"] == "processes").count(),
        0,
        "{same:#}"
    );
    assert!(list(&same, "processes")[0]["details"]["io"].is_object());
}
