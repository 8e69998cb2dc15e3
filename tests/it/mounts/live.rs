//! The same namespace at the same moment, by `findmnt`, by `df` and by spyhole.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use serde_json::Value;

use super::{NONE, all_at, at, bind, in_new_namespace, tmpfs};
use crate::lab::process::run;

#[needs(root)]
fn every_field_is_the_one_that_findmnt_shows() {
    in_new_namespace(|namespace| {
        let shared = namespace.directory("shared");
        tmpfs(&shared, "size=1m,mode=700");
        mount(NONE, &shared, NONE, MsFlags::MS_SHARED, NONE).unwrap();
        let slave = namespace.directory("slave of it");
        bind(&shared, &slave);
        mount(NONE, &slave, NONE, MsFlags::MS_SLAVE, NONE).unwrap();
        let both = namespace.directory("both");
        bind(&slave, &both);
        mount(NONE, &both, NONE, MsFlags::MS_SHARED, NONE).unwrap();
        let unbindable = namespace.directory("unbindable");
        tmpfs(&unbindable, "");
        mount(NONE, &unbindable, NONE, MsFlags::MS_UNBINDABLE, NONE).unwrap();
        let part = namespace.directory("part");
        fs::create_dir(shared.join("inner")).unwrap();
        bind(&shared.join("inner"), &part);
        let remount = MsFlags::MS_REMOUNT
            | MsFlags::MS_BIND
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NOEXEC
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV;
        mount(NONE, &part, NONE, remount, NONE).unwrap();

        let columns =
            "TARGET,SOURCE,FSTYPE,VFS-OPTIONS,FS-OPTIONS,PROPAGATION,FSROOT,ID,PARENT,MAJ:MIN";
        let theirs = run("findmnt".as_ref(), |command| {
            command.args(["-J", "-l", "-v", "-o", columns]);
        });
        let theirs = super::json(&theirs);
        let ours = namespace.document(&[]);
        let schema = super::json(&namespace.spyhole(&["schema"]));
        let fits = jsonschema::validate(&schema, &ours);
        fits.map_err(|why| format!("{} by {}", why.instance_path(), why.schema_path()))
            .unwrap();
        let mine: Vec<Value> = ours["mounts"].as_array().unwrap().clone();
        let theirs = theirs["filesystems"].as_array().unwrap();
        assert_eq!(mine.len(), theirs.len());
        let by_id: BTreeMap<u64, &Value> = mine
            .iter()
            .map(|mount| (mount["mount_id"].as_u64().unwrap(), mount))
            .collect();
        for their in theirs {
            let my = by_id[&their["id"].as_u64().unwrap()];
            for (field, column) in [
                ("mount_point", "target"),
                ("source", "source"),
                ("fstype", "fstype"),
                ("mount_options", "vfs-options"),
                ("super_options", "fs-options"),
                ("root", "fsroot"),
                ("parent_id", "parent"),
            ] {
                assert_eq!(my[field], their[column], "{field}: {my}\n{their}");
            }
            let device = format!("{}:{}", my["major"], my["minor"]);
            assert_eq!(their["maj:min"], device);
            let propagation = match my["propagation"].as_str().unwrap() {
                "slave" => "private,slave",
                "shared_slave" => "shared,slave",
                word => word,
            };
            // Older versions of findmnt write these in their own way.
            let word = their["propagation"].as_str().unwrap();
            assert!(
                word == propagation || (propagation == "unbindable" && word.contains("unbindable")),
                "{their}"
            );
        }
        let part = at(&ours, part.to_str().unwrap());
        assert_eq!(part["writable"], false);
        assert_eq!(part["root"], "/inner");
        for flag in ["noexec", "nosuid", "nodev"] {
            assert_eq!(part[flag], true, "{part}");
        }
        assert_eq!(part["writable_because"], "read_only_mount");
    });
}

#[needs(root)]
fn space_is_what_df_says() {
    in_new_namespace(|namespace| {
        let empty = namespace.directory("empty");
        tmpfs(&empty, "size=1m");
        let some = namespace.directory("some of it");
        tmpfs(&some, "size=3m,nr_inodes=50");
        fs::write(some.join("file"), vec![1; 1_000_001]).unwrap();
        let full = namespace.directory("full");
        tmpfs(&full, "size=64k");
        // Until the last page is gone.
        fs::write(full.join("file"), vec![1; 100_000]).unwrap_err();
        let ours = namespace.document(&[]);
        for path in [&empty, &some, &full] {
            let output = run("df".as_ref(), |command| {
                command
                    .args([
                        "-B1",
                        "--output=source,fstype,size,used,avail,pcent,itotal,iused,ipcent",
                    ])
                    .arg(path);
            });
            let text = output.stdout_text();
            let words: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
            let mount = at(&ours, path.to_str().unwrap());
            let space = &mount["space"];
            let shown = [
                mount["source"].as_str().unwrap().to_owned(),
                mount["fstype"].as_str().unwrap().to_owned(),
                space["size_bytes"].to_string(),
                space["used_bytes"].to_string(),
                space["available_bytes"].to_string(),
                format!("{}%", space["used_percent"]),
                space["inodes"].to_string(),
                space["inodes_used"].to_string(),
                format!("{}%", space["inodes_used_percent"]),
            ];
            assert_eq!(shown, *words, "{mount}");
        }
        assert_eq!(
            at(&ours, full.to_str().unwrap())["space"]["used_percent"],
            100
        );
        // Every file system that df shows by itself has the same size here.
        let output = run("df".as_ref(), |command| {
            command.args(["-B1", "--output=size,target"]);
        });
        for line in output.stdout_text().lines().skip(1) {
            let (size, point) = line.trim().split_once(' ').unwrap();
            let mounts = all_at(&ours, point);
            let shown = mounts.last().unwrap();
            assert_eq!(shown["space"]["size_bytes"].to_string(), size, "{line}");
        }
    });
}

#[needs(root)]
fn df_prints_what_df_prints() {
    in_new_namespace(|namespace| {
        let some = namespace.directory("some");
        tmpfs(&some, "size=3m,nr_inodes=50");
        fs::write(some.join("file"), vec![1; 1_000_001]).unwrap();
        let full = namespace.directory("full");
        tmpfs(&full, "size=64k");
        fs::write(full.join("file"), vec![1; 100_000]).unwrap_err();
        // The same file system twice, a part of it nearer to the root, and one mounted over.
        bind(&full, &namespace.directory("x"));
        fs::create_dir(some.join("part")).unwrap();
        bind(&some.join("part"), &namespace.directory("y"));
        let over = namespace.directory("over");
        tmpfs(&over, "size=1m");
        tmpfs(&over, "size=2m");
        let (some, full) = (some.to_str().unwrap(), full.to_str().unwrap());
        let lines = |text: String| -> Vec<Vec<String>> {
            let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
            text.lines().map(words).collect()
        };
        for words in [
            &[][..],
            &["-h"],
            &["-H"],
            &["-k"],
            &["-i"],
            &["-hi"],
            &["-T"],
            &["-hT"],
            &["-BM"],
            &["-B1M"],
            &["-BK"],
            &["-B1"],
            &["-m"],
            &["-t", "tmpfs"],
            &[some],
            &["-h", full, some, full],
        ] {
            let df = || {
                let output = run("df".as_ref(), |command| {
                    command.args(words);
                });
                assert_eq!(output.code, Some(0), "{words:?}: {output}");
                lines(output.stdout_text())
            };
            let before = df();
            let ours = namespace.spyhole(&[&["df"], words].concat());
            let after = df();
            assert_eq!(ours.code, Some(0), "{words:?}: {ours}");
            let shown = lines(ours.stdout_text());
            let points = |lines: &[Vec<String>]| -> Vec<String> {
                lines
                    .iter()
                    .map(|line| line.last().unwrap().clone())
                    .collect()
            };
            assert_eq!(points(&shown), points(&before), "{words:?}: {ours}");
            assert_eq!(shown[0], before[0], "{words:?}");
            // A disk of the machine may be written to meanwhile.
            let mut still = 0;
            for ((mine, before), after) in shown.iter().zip(&before).zip(&after) {
                if before == after {
                    still += 1;
                    assert_eq!(mine, before, "{words:?}");
                }
            }
            assert!(still > 1, "{words:?}: {before:?} {after:?}");
        }
        // The document is that of mounts.
        let document = super::json(&namespace.spyhole(&["df", "-o", "json", some]));
        let whole = namespace.document(&[some]);
        assert_eq!(document["mounts"], whole["mounts"]);
        assert_eq!(document["mounts"][0]["space"]["size_bytes"], 3 << 20);
    });
}

#[needs(root)]
fn what_is_mounted_over_is_hidden_and_never_shows_the_other_ones_space() {
    in_new_namespace(|namespace| {
        let place = namespace.directory("place");
        tmpfs(&place, "size=1m");
        tmpfs(&place.join("below"), "size=1m");
        tmpfs(&place, "size=2m");
        let ours = namespace.document(&[]);
        let [under, over] = all_at(&ours, place.to_str().unwrap())[..] else {
            panic!("two mounts: {ours}")
        };
        assert_eq!((&under["hidden"], over.get("hidden")), (&true.into(), None));
        assert_eq!(under.get("space"), None);
        assert_eq!(over["space"]["size_bytes"], 2 << 20);
        let below = at(&ours, place.join("below").to_str().unwrap());
        assert_eq!((&below["hidden"], below.get("space")), (&true.into(), None));
        let table = namespace.spyhole(&["findmnt"]).stdout_text();
        let point = place.to_str().unwrap();
        let lines: Vec<&str> = table
            .lines()
            .filter(|line| line.starts_with(point))
            .collect();
        assert_eq!(lines.len(), 3, "{table}");
        assert!(
            lines.iter().filter(|line| line.contains("hidden")).count() == 2,
            "{table}"
        );
    });
}

#[needs(root)]
fn the_root_that_a_process_keeps_is_not_hidden_by_what_is_mounted_over_it() {
    in_new_namespace(|namespace| {
        tmpfs(Path::new("/"), "size=1m");
        let ours = namespace.document(&[]);
        let [kept, over] = all_at(&ours, "/")[..] else {
            panic!("two roots: {ours}")
        };
        assert_eq!((kept.get("hidden"), &over["hidden"]), (None, &true.into()));
        assert!(kept["space"]["size_bytes"].as_u64().unwrap() > 1 << 20);
    });
}

#[needs(root)]
fn tables_take_the_words_that_fingers_know() {
    in_new_namespace(|namespace| {
        let data = namespace.directory("data");
        tmpfs(&data, "size=1m");
        let point = data.to_str().unwrap();
        let inner = data.join("a/b");
        let inner = inner.to_str().unwrap();
        for (words, expected) in [
            (vec!["findmnt", inner], "MOUNT POINT"),
            (vec!["mounts", "--space", inner], "1.0Mi"),
            (vec!["mounts", "--space", "-b", inner], "1048576"),
            (vec!["mounts", "-i", inner], "IUSED"),
            (vec!["df", "-h", inner], "1.0M"),
            (vec!["df", "-B1", inner], "1048576"),
            (vec!["df", "-i", inner], "IUsed"),
            (vec!["df", "-o", "wide", inner], "Volume"),
            (vec!["findmnt", "-D", inner], "1.0Mi"),
            (vec!["findmnt", "-t", "tmpfs"], "house"),
            (vec!["findmnt", "--tree"], "─ "),
            (vec!["mounts", "-o", "wide", inner], "PROPAGATION"),
        ] {
            let output = namespace.spyhole(&words);
            assert_eq!(output.code, Some(0), "{output}");
            let text = output.stdout_text();
            assert!(
                text.contains(expected) && text.contains(point),
                "{words:?}: {output}"
            );
        }
        let relative = namespace.spyhole(&["df", "data"]);
        assert_eq!(relative.code, Some(2), "{relative}");
        let all = namespace.spyhole(&["mounts", "-a"]).stdout_text();
        assert!(all.contains("/proc") && all.contains("kernel"), "{all}");
    });
}
