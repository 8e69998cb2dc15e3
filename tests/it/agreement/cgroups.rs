//! Cgroup paths as runtimes make them, and what each names: tests/fixtures/truth/cgroups.tsv.

use std::collections::HashMap;

use serde_json::Value;

use super::Tally;
use crate::fake::FakeProc;
use crate::host::list;

const TABLE: &str = include_str!("../../fixtures/truth/cgroups.tsv");

/// Ids in the table stand for longer ones.
fn filled(text: &str) -> String {
    text.replace("<id>", &"0123456789abcdef".repeat(4))
        .replace("<outer>", &"f".repeat(64))
        .replace("<uid_>", "3c1f7a5e_9f0b_4d52_8a53_0d2f6e1b7c94")
        .replace("<uid>", "3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94")
        .replace("<task>", "0a1b2c3d4e5f60718293a4b5c6d7e8f9")
}

#[test]
fn containers_are_told_by_their_cgroups() {
    let mut tally = Tally::of("cgroups");
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let filled = filled(line);
        let [path, runtime, id, pod] = *filled.split('\t').collect::<Vec<_>>() else {
            panic!("{line}");
        };
        // One look for each: two containers of one id would be one.
        let fake = FakeProc::new();
        fake.process(1).mounts(&["/host"]).cgroup("/init.scope");
        fake.process(7).mounts(&["/"]).cgroup(path);
        let document = fake.spyhole(["containers", "-o", "json"]).document();
        let found: HashMap<i64, &Value> = list(&document, "containers")
            .iter()
            .map(|one| (one["main_pid"].as_i64().unwrap(), one))
            .collect();
        let one = found[&7];
        let field = |key: &str| one[key].as_str().unwrap_or("-").to_owned();
        let seen = [field("runtime"), field("id"), field("pod_uid")];
        tally.case((seen != [runtime, id, pod]).then(|| format!("{line}: {seen:?}")));
    }
    tally.end();
}
