//! Lines of mountinfo as the kernel may write them, read by spyhole and by findmnt(8).

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{Numbers, Tally};
use crate::fake::FakeProc;
use crate::host::{bytes, list, run};

const LINES: usize = 600;

#[needs(findmnt)]
fn lines_of_mountinfo_read_as_findmnt_reads_them() {
    let mut tally = Tally::of("mountinfo");
    let text = generated();
    let (ours, theirs) = (by_spyhole(&text), by_findmnt(&text));
    assert_eq!((ours.len(), theirs.len()), (LINES, LINES));
    for ((line, ours), theirs) in text.lines().zip(ours).zip(theirs) {
        tally.case((ours != theirs).then(|| format!("{line}\n{ours:?}\n{theirs:?}")));
    }
    tally.end();
}

/// What both print: ids, device, root, mount point, both options, type, source, propagation.
type Fields = [String; 10];

fn by_spyhole(text: &str) -> Vec<Fields> {
    let fake = FakeProc::new();
    fake.process(1).file("mountinfo", text);
    let document = fake.spyhole(["mounts", "--all", "-o", "json"]).document();
    let field = |mount: &Value, key: &str| match &mount[key] {
        Value::Number(number) => number.to_string(),
        text => String::from_utf8(bytes(text)).unwrap(),
    };
    let fields = |mount: &Value| {
        [
            field(mount, "mount_id"),
            field(mount, "parent_id"),
            format!("{}:{}", field(mount, "major"), field(mount, "minor")),
            field(mount, "root"),
            field(mount, "mount_point"),
            field(mount, "mount_options"),
            field(mount, "super_options"),
            field(mount, "fstype"),
            field(mount, "source"),
            field(mount, "propagation"),
        ]
    };
    list(&document, "mounts").iter().map(fields).collect()
}

fn by_findmnt(text: &str) -> Vec<Fields> {
    let house = TempDir::new().unwrap();
    let file = house.path().join("mountinfo");
    fs::write(&file, text).unwrap();
    let columns =
        "ID,PARENT,MAJ:MIN,FSROOT,TARGET,VFS-OPTIONS,FS-OPTIONS,FSTYPE,SOURCE,PROPAGATION";
    let seen = run(Command::new("findmnt").arg("--tab-file").arg(&file).args([
        "--list",
        "--json",
        "--nofsroot",
        "--output",
        columns,
    ]))
    .ended_with(0);
    let printed: Value = serde_json::from_slice(&seen.stdout).unwrap();
    let fields = |line: &Value| {
        let field = |key: &str| match &line[key] {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => String::new(),
        };
        [
            field("id"),
            field("parent"),
            field("maj:min"),
            field("fsroot"),
            field("target"),
            field("vfs-options"),
            field("fs-options"),
            field("fstype"),
            field("source"),
            propagation(&field("propagation")).to_owned(),
        ]
    };
    list(&printed, "filesystems").iter().map(fields).collect()
}

fn propagation(word: &str) -> &str {
    match word {
        "private,slave" => "slave",
        "shared,slave" => "shared_slave",
        "private,unbindable" | "unbindable" => "unbindable",
        word => word,
    }
}

fn generated() -> String {
    let mut numbers = Numbers::from(1);
    let mut text = "20 1 0:20 / / rw,relatime - overlay overlay rw\n".to_owned();
    for id in 21..20 + LINES {
        let fstypes = [
            "ext4",
            "tmpfs",
            "overlay",
            "nfs4",
            "fuse.sshfs",
            "cgroup2",
            "proc",
            "xfs",
        ];
        let options = [
            "rw",
            "ro",
            "rw,nosuid",
            "ro,nodev,noexec,relatime",
            "rw,noatime",
        ];
        let supers = [
            "rw",
            "ro",
            "rw,size=64k,mode=755",
            "rw,lowerdir=/a:/b\\134:c,upperdir=/u",
        ];
        let optional = [
            "",
            "shared:7 ",
            "master:3 ",
            "shared:9 master:3 ",
            "unbindable ",
            "master:3 propagate_from:2 ",
            "shared:1 newfield:5 ",
        ];
        let sources = [
            "/dev/vda1",
            "tmpfs",
            "host:/export",
            "//nas/a\\040b",
            "[x]",
            "a\\011b",
        ];
        let (major, minor) = (numbers.below(260), numbers.below(1 << 20));
        let parent = 20 + numbers.below(id - 20);
        writeln!(
            text,
            "{id} {parent} {major}:{minor} {} {} {} {}- {} {} {}",
            path(&mut numbers),
            path(&mut numbers),
            numbers.one_of(&options),
            numbers.one_of(&optional),
            numbers.one_of(&fstypes),
            numbers.one_of(&sources),
            numbers.one_of(&supers),
        )
        .unwrap();
    }
    text
}

fn path(numbers: &mut Numbers) -> String {
    let parts = [
        "data",
        "a\\040b",
        "tab\\011x",
        "line\\012x",
        "back\\134slash",
        "h\\043sh",
        "-",
        "käse",
        "日本",
        "..x",
        "a:b",
        "a,b",
        "\"q\"",
        "$(x)",
        "deleted",
        "(x)",
        "%s",
        "x\\040",
    ];
    let count = 1 + numbers.below(4);
    let parts: Vec<String> = (0..count)
        .map(|_| format!("/{}", numbers.one_of(&parts)))
        .collect();
    parts.concat()
}
