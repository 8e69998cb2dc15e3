//! Three callers beside a container: with `SYS_PTRACE`, the same user, a stranger.

use serde_json::Value;

use crate::host::{list, only};
use crate::lab::Lab;

fn gaps_of(document: &Value) -> Vec<&Value> {
    let gaps = list(document, "gaps").iter();
    gaps.filter(|gap| gap["section"] == "open_files").collect()
}

/// The container has further processes.
fn of_first(all: &[Value], what: impl Fn(&Value) -> bool) -> &Value {
    all.iter()
        .find(|one| what(one))
        .unwrap_or_else(|| panic!("none such in {all:#?}"))
}

#[needs(root)]
fn who_may_look_sees_everything() {
    let web = Lab::webapp().uid(1000).start();
    for caller in [
        web.spyhole().caps("+sys_ptrace,dac_read_search"),
        web.spyhole().uid(1000).caps("none"),
    ] {
        let seen = caller.args(["lsof", "-o", "json"]).run().document();
        let files = list(&seen["open_files"], "files");
        let program = of_first(files, |file| file["opened_as"] == "program");
        assert_eq!(program["path"], "/webapp", "{program:#}");
        assert!(program["inode"].is_u64() && program["size_bytes"].is_u64());
        let root = of_first(files, |file| file["opened_as"] == "root_directory");
        assert_eq!(root["path"], "/");
        let listens = |file: &Value| file["socket"]["state"] == "listen";
        assert!(files.iter().any(listens), "{seen:#}");
        // Its stdin is on a mount of the host, which neither list has.
        let inherited = |gap: &&Value| gap["reason"] == "remote_fs";
        assert!(gaps_of(&seen).iter().all(inherited), "{seen:#}");
    }
}

#[needs(root)]
fn a_stranger_has_gaps_and_no_empty_list() {
    let web = Lab::webapp().uid(1000).start();
    for (uid, words) in [
        (65532, ["lsof", "-o", "json"]),
        (65532, ["dump", "-o", "json"]),
    ] {
        let stranger = web.spyhole().uid(uid).caps("none");
        let seen = stranger.args(words).try_run().json();
        let process = of_first(list(&seen["open_files"], "processes"), |_| true);
        assert_eq!(process["fd_count"], Value::Null);
        assert!(process.as_object().unwrap().contains_key("fd_count"));
        assert!(process["fd_limit"]["soft"].is_u64(), "{process:#}");
        let gaps = gaps_of(&seen);
        let gap = |field: &str| {
            only(&gaps.iter().copied().cloned().collect::<Vec<_>>(), |gap| {
                gap["field"] == field
            })
            .clone()
        };
        let counted = gap("processes.fd_count");
        assert_eq!(counted["reason"], "uid", "{seen:#}");
        assert!(
            counted["needs"].as_str().unwrap().contains("uid 1000"),
            "{counted}"
        );
        if words[0] == "lsof" {
            assert!(
                list(&gap("files"), "subjects").contains(&process["pid"]),
                "{seen:#}"
            );
        }
    }
    let stranger = web.spyhole().uid(65532).caps("none");
    let seen = stranger.args(["lsof"]).run().ended_with(4);
    assert!(seen.stdout_text().contains("not readable"), "{seen}");
}

/// Root without capabilities may list the descriptors of root, and not look where they lead where
/// the other holds more than it does.
#[needs(root)]
fn who_may_only_count_says_so() {
    let web = Lab::webapp().uid(0).caps("default").start();
    let seen = web
        .spyhole()
        .uid(0)
        .caps("none")
        .args(["lsof", "-o", "json"])
        .try_run()
        .json();
    let process = of_first(list(&seen["open_files"], "processes"), |_| true);
    assert!(process["fd_count"].is_u64(), "{seen:#}");
    assert_eq!(process["fd_types"], Value::Null);
    let gaps = gaps_of(&seen);
    let types = gaps
        .iter()
        .find(|gap| gap["field"] == "processes.fd_types")
        .unwrap();
    assert_eq!(types["reason"], "capability", "{seen:#}");
}
