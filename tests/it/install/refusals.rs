//! Where it cannot be: a sentence with the remedy, and nothing left behind.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use nix::mount::{MsFlags, mount};

use super::{assert_whole, in_memory, install, names};
use crate::host::{copy_program, run};
use crate::lab::{Output, spyhole};
use crate::mounts::in_new_namespace;

/// Fails unless it was refused with these words, and nothing of it is there.
fn assert_refused(seen: Output, directory: &Path, words: &[&str]) {
    let seen = seen.ended_with(2);
    let text = seen.stderr_text();
    assert!(text.starts_with("spyhole: "), "{seen}");
    for word in words {
        assert!(text.contains(word), "{word} in {seen}");
    }
    assert!(seen.stdout.is_empty(), "{seen}");
    assert!(names(directory).is_empty(), "{:?}", names(directory));
}

#[needs(root)]
fn a_full_volume_stays_empty() {
    in_new_namespace(|here| {
        in_memory(here.house, MsFlags::empty(), "size=1m");
        let words = ["is full: ", " are needed, 1.0 MB are free", "sizeLimit"];
        assert_refused(install(here.house, &["--link", "ps"]), here.house, &words);
        // All of the space is there again.
        let free = nix::sys::statvfs::statvfs(here.house).unwrap();
        assert_eq!(free.blocks_free(), free.blocks());
    });
}

#[needs(root)]
fn a_volume_that_takes_no_more_files_is_told_from_a_full_one() {
    in_new_namespace(|here| {
        in_memory(here.house, MsFlags::empty(), "size=200m,nr_inodes=1");
        let words = ["has no free inodes"];
        assert_refused(install(here.house, &[]), here.house, &words);
    });
    in_new_namespace(|here| {
        in_memory(here.house, MsFlags::empty(), "size=200m,nr_inodes=3");
        let seen = install(here.house, &["--link", "ps", "ss"]).ended_with(2);
        let words = "spyhole is installed, but ";
        assert!(seen.stderr_text().contains(words), "{seen}");
        assert_whole(&here.house.join("spyhole"));
        assert_eq!(names(here.house), ["ps", "spyhole"]);
    });
}

#[needs(root)]
fn a_read_only_volume_is_refused_and_taken_where_all_is_there() {
    in_new_namespace(|here| {
        in_memory(here.house, MsFlags::MS_RDONLY, "size=200m");
        let words = ["is read-only: ", "readOnly"];
        assert_refused(install(here.house, &[]), here.house, &words);
        let again = |flags| {
            let flags = MsFlags::MS_REMOUNT | flags;
            mount(None::<&str>, here.house, None::<&str>, flags, None::<&str>).unwrap();
        };
        again(MsFlags::empty());
        install(here.house, &[]).ended_with(0);
        again(MsFlags::MS_RDONLY);
        let kept = install(here.house, &[]).ended_with(0);
        assert!(kept.stderr_text().starts_with("already there"), "{kept}");
        let refused = install(here.house, &["--link", "ps"]).ended_with(2);
        assert!(
            refused.stderr_text().contains("is read-only: "),
            "{refused}"
        );
        assert_eq!(names(here.house), ["spyhole"]);
    });
}

#[needs(root)]
fn a_volume_that_is_mounted_noexec_is_refused_before_anything_is_written() {
    in_new_namespace(|here| {
        in_memory(here.house, MsFlags::MS_NOEXEC, "size=200m");
        let words = [
            "is mounted noexec: ",
            "cannot be executed",
            "medium: Memory",
        ];
        assert_refused(install(here.house, &[]), here.house, &words);
        // Nor is it well where all is there already.
        copy_program(&spyhole(), &here.house.join("spyhole"));
        install(here.house, &[]).ended_with(2);
    });
}

#[needs(root)]
fn a_directory_of_somebody_else_names_who_asks_and_what_helps() {
    let outside = tempfile::tempdir().unwrap();
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    open(outside.path());
    let program = outside.path().join("copied");
    copy_program(&spyhole(), &program);
    let house = outside.path().join("house");
    fs::create_dir(&house).unwrap();
    open(&house);
    chown(&house, Some(1000), Some(1000)).unwrap();
    let by_nobody = |into: &Path| {
        run(Command::new("setpriv")
            .args(["--reuid=65532", "--regid=65532", "--clear-groups", "--"])
            .arg(&program)
            .arg("install")
            .arg(into))
    };
    let words = [
        "is not writable by uid 65532 gid 65532: owner 1000:1000, mode 0755",
        "fsGroup: 65532",
        "runAsUser: 1000",
    ];
    assert_refused(by_nobody(&house), &house, &words);
    // What fsGroup makes of it.
    chown(&house, None, Some(65532)).unwrap();
    fs::set_permissions(&house, fs::Permissions::from_mode(0o2775)).unwrap();
    by_nobody(&house).ended_with(0);
    assert_whole(&house.join("spyhole"));
    // In a directory like /tmp nobody takes what is another's.
    fs::set_permissions(&house, fs::Permissions::from_mode(0o1777)).unwrap();
    fs::remove_file(house.join("spyhole")).unwrap();
    fs::write(house.join("spyhole"), "old").unwrap();
    let seen = by_nobody(&house).ended_with(2);
    assert!(
        seen.stderr_text().contains("belongs to another user"),
        "{seen}"
    );
    assert_eq!(names(&house), ["spyhole"]);
    assert_eq!(fs::read(house.join("spyhole")).unwrap(), b"old");
}

#[test]
fn what_is_no_directory_is_refused() {
    let house = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(house.path().join("file"), "").unwrap();
    let out = house.path().join("out");
    symlink(outside.path(), &out).unwrap();
    symlink("nowhere", house.path().join("broken")).unwrap();
    let goal = format!("is a symlink to {}", outside.path().display());
    for (name, words) in [
        ("missing", "does not exist"),
        ("missing/deeper", "does not exist"),
        ("file", "is not a directory"),
        ("file/", "is not a directory"),
        ("out", &goal),
        // With a slash at its end the kernel would follow it.
        ("out/", &goal),
        ("out//.", &goal),
        ("broken", "is a symlink to nowhere"),
    ] {
        let seen = install(&house.path().join(name), &[]);
        assert_refused(seen, outside.path(), &[words]);
    }
    install(Path::new(""), &[]).ended_with(2);
}

#[test]
fn what_has_the_name_and_is_no_file_is_left_alone() {
    let house = tempfile::tempdir().unwrap();
    let copy = house.path().join("spyhole");
    fs::create_dir(&copy).unwrap();
    let seen = install(house.path(), &[]).ended_with(2);
    assert!(
        seen.stderr_text().contains("spyhole is a directory"),
        "{seen}"
    );
    fs::remove_dir(&copy).unwrap();
    nix::unistd::mkfifo(&copy, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let seen = install(house.path(), &[]).ended_with(2);
    assert!(seen.stderr_text().contains("is a device, a FIFO"), "{seen}");
    assert_eq!(names(house.path()), ["spyhole"]);
}

#[test]
fn a_link_never_takes_the_place_of_something_else() {
    let house = tempfile::tempdir().unwrap();
    let taken = house.path().join("ss");
    for make in [
        |path: &Path| fs::write(path, "mine").unwrap(),
        |path: &Path| symlink("/bin/ss", path).unwrap(),
        |path: &Path| fs::create_dir(path).unwrap(),
    ] {
        make(&taken);
        let seen = install(house.path(), &["--link", "ps", "ss"]).ended_with(2);
        assert!(
            seen.stderr_text().contains("ss is not a link to spyhole"),
            "{seen}"
        );
        assert_eq!(names(house.path()), ["ss"], "not even the copy");
        let _ = fs::remove_file(&taken).or_else(|_| fs::remove_dir(&taken));
    }
}

#[test]
fn a_link_that_would_be_no_command_is_a_usage_error() {
    let house = tempfile::tempdir().unwrap();
    for name in ["frob", "../ps", "spyhole", "serve", "ps,frob"] {
        let seen = install(house.path(), &["--link", name]);
        assert_refused(seen, house.path(), &["unknown command", "ps, "]);
    }
    install(house.path(), &["--link"]).ended_with(2);
}
