//! `spyhole install`: on file systems of every mood, killed at each step, and in containers.

mod containers;
mod refusals;
mod steps;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;

use crate::host::{copy_program, run};
use crate::lab::process::Process;
use crate::lab::{Output, example, spyhole};
use crate::mounts::in_new_namespace;

/// `spyhole install` into a directory, with more words after it.
fn install(directory: &Path, more: &[&str]) -> Output {
    run(Command::new(spyhole())
        .arg("install")
        .arg(directory)
        .args(more))
}

/// Mounts a file system in memory, in the mount namespace of this thread.
fn in_memory(place: &Path, flags: MsFlags, options: &str) {
    fs::create_dir_all(place).unwrap();
    mount(Some("spy"), place, Some("tmpfs"), flags, Some(options)).unwrap();
}

/// The names in a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Fails unless it is the program under test, byte for byte, for everybody to run.
fn assert_whole(copy: &Path) {
    run(Command::new("cmp").arg(spyhole()).arg(copy)).ended_with(0);
    let found = fs::symlink_metadata(copy).unwrap();
    assert!(found.is_file());
    assert_eq!(found.permissions().mode() & 0o7777, 0o555);
}

#[needs(root)]
fn the_copy_is_the_program_and_runs() {
    in_new_namespace(|here| {
        in_memory(here.house, MsFlags::empty(), "size=200m,mode=755");
        let done = install(here.house, &[]).ended_with(0);
        let copy = here.house.join("spyhole");
        assert_whole(&copy);
        assert_eq!(names(here.house), ["spyhole"]);
        assert!(done.stdout.is_empty(), "{done}");
        let sum = run(Command::new("sha256sum").arg(&copy)).stdout_text();
        let words = done.stderr_text();
        for wanted in [
            &format!("installed: {}", copy.display()),
            &format!("sha256 {}", sum.split(' ').next().unwrap()),
            env!("CARGO_PKG_VERSION"),
            &format!("in the application's container: {} ps", copy.display()),
        ] {
            assert!(words.contains(wanted), "{wanted} in {done}");
        }
        let version = run(Command::new(&copy).arg("--version")).ended_with(0);
        assert!(version.stdout_text().starts_with("spyhole "), "{version}");
    });
}

#[test]
fn a_second_run_changes_nothing() {
    let house = tempfile::tempdir().unwrap();
    install(house.path(), &["--link", "ps"]).ended_with(0);
    let look = |name: &str| {
        let found = fs::symlink_metadata(house.path().join(name)).unwrap();
        (
            found.ino(),
            found.mtime(),
            found.mtime_nsec(),
            found.ctime_nsec(),
        )
    };
    let before = (look("spyhole"), look("ps"), look("."));
    let again = install(house.path(), &["--link", "ps"]).ended_with(0);
    assert_eq!((look("spyhole"), look("ps"), look(".")), before);
    let words = again.stderr_text();
    assert!(words.starts_with("already there: "), "{again}");
    assert!(!words.contains("linked"), "{again}");
    let silent = install(house.path(), &["--quiet"]).ended_with(0);
    assert_eq!(silent.stderr_text(), "");
}

#[test]
fn another_mode_or_other_bytes_are_put_right() {
    let house = tempfile::tempdir().unwrap();
    let copy = house.path().join("spyhole");
    install(house.path(), &[]).ended_with(0);
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    install(house.path(), &[]).ended_with(0);
    assert_whole(&copy);
    // As long as the program, and of its mode.
    let length = fs::metadata(&copy).unwrap().len();
    fs::remove_file(&copy).unwrap();
    fs::File::create(&copy).unwrap().set_len(length).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o555)).unwrap();
    install(house.path(), &[]).ended_with(0);
    assert_whole(&copy);
    assert_eq!(names(house.path()), ["spyhole"]);
}

#[test]
fn an_old_version_is_replaced_while_it_runs() {
    let house = tempfile::tempdir().unwrap();
    let copy = house.path().join("spyhole");
    copy_program(&example("webapp"), &copy);
    let mut command = Command::new(&copy);
    let mut old = Process::start(
        command.args(["--listen", "127.0.0.1:0", "--no-zombie"]),
        Signal::SIGKILL,
    );
    old.wait_for_line("ready ");
    install(house.path(), &[]).ended_with(0);
    assert_whole(&copy);
    assert!(old.runs());
    assert_eq!(names(house.path()), ["spyhole"]);
}

#[test]
fn two_at_once_both_succeed() {
    let house = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let both = [(); 3].map(|()| scope.spawn(|| install(house.path(), &["--link", "ps,ss"])));
        for one in both {
            one.join().unwrap().ended_with(0);
        }
    });
    assert_whole(&house.path().join("spyhole"));
    assert_eq!(names(house.path()), ["ps", "spyhole", "ss"]);
}

#[test]
fn a_program_whose_file_has_no_name_copies_itself() {
    let house = tempfile::tempdir().unwrap();
    let line = "import os, sys\n\
        file = os.memfd_create('nameless')\n\
        os.sendfile(file, os.open(sys.argv[1], os.O_RDONLY), 0, 1 << 30)\n\
        os.execve(file, ['spyhole', 'install', sys.argv[2]], os.environ)\n";
    run(Command::new("python3")
        .args(["-c", line])
        .arg(spyhole())
        .arg(house.path()))
    .ended_with(0);
    assert_whole(&house.path().join("spyhole"));
}

#[test]
fn links_beside_the_copy_are_its_commands() {
    let house = tempfile::tempdir().unwrap();
    let done = install(house.path(), &["--link", "ps", "ss,df"]).ended_with(0);
    assert!(
        done.stderr_text().contains("\nlinked: ps, ss, df\n"),
        "{done}"
    );
    for name in ["ps", "ss", "df"] {
        // Relative: it is the same wherever the volume is mounted.
        let goal = fs::read_link(house.path().join(name)).unwrap();
        assert_eq!(goal, Path::new("spyhole"));
    }
    let own = std::process::id().to_string();
    let call = |name: &str, words: &[&str]| run(Command::new(house.path().join(name)).args(words));
    let seen = call("ps", &["--pid", &own, "-o", "json"]).document();
    assert_eq!(seen["processes"][0]["pid"], std::process::id());
    let seen = call("ss", &["-tln", "--pid", &own]).ended_with(0);
    assert!(seen.stdout_text().starts_with("PROTO"), "{seen}");
    let help = call("ss", &["--help"]).ended_with(0);
    assert!(help.stdout_text().contains("Usage: ss [OPTIONS]"), "{help}");
    let wrong = call("ss", &["--nope"]).ended_with(2);
    assert!(
        wrong.stderr_text().contains("Usage: ss [OPTIONS]"),
        "{wrong}"
    );
    // More of them later.
    let more = install(house.path(), &["--link", "ps", "env"]).ended_with(0);
    assert!(more.stderr_text().contains("\nlinked: env\n"), "{more}");
}

#[test]
fn all_links_leave_out_what_the_target_has_of_its_own() {
    let (house, path) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (name, mode) in [("ls", 0o755), ("curl", 0o111), ("tail", 0o644)] {
        fs::write(path.path().join(name), "").unwrap();
        fs::set_permissions(path.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    // The links themselves are no commands of its own.
    let shelves = format!(
        "/nowhere:{}:{}",
        house.path().display(),
        path.path().display()
    );
    let mut target = Command::new("/bin/sleep");
    let target = Process::start(target.arg("1000").env("PATH", shelves), Signal::SIGKILL);
    let pid = target.id().to_string();
    let all = ["--pid", &pid, "--link", "all"];
    let done = install(house.path(), &all).ended_with(0);
    let says = "not linked, as the target has its own (--force-link): ls, curl\n";
    assert!(done.stderr_text().contains(says), "{done}");
    let linked = names(house.path());
    let is_linked = |name: &str| linked.iter().any(|linked| linked == name);
    assert!(
        ["ss", "tail", "dig", "id", "spyhole"]
            .into_iter()
            .all(is_linked),
        "{linked:?}"
    );
    assert!(!is_linked("ls") && !is_linked("curl"), "{linked:?}");
    let again = install(house.path(), &all).ended_with(0);
    assert!(!again.stderr_text().contains("\nlinked"), "{again}");
    let forced = install(house.path(), &[&all[..], &["--force-link"]].concat()).ended_with(0);
    assert!(
        forced.stderr_text().contains("\nlinked: ls, curl\n"),
        "{forced}"
    );
    let called = run(Command::new(house.path().join("ls")).args(["--pid", &pid, "/"]));
    assert!(called.ended_with(0).stdout_text().contains("etc\n"));
}

#[test]
fn a_link_in_place_of_the_copy_is_replaced_and_never_followed() {
    let house = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, house.path().join("spyhole")).unwrap();
    install(house.path(), &[]).ended_with(0);
    assert_whole(&house.path().join("spyhole"));
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}

#[needs(root)]
fn without_proc_it_says_what_is_missing() {
    let house = tempfile::tempdir().unwrap();
    let seen = in_new_namespace(|_| {
        umount2("/proc", MntFlags::MNT_DETACH).unwrap();
        install(house.path(), &[])
    });
    let seen = seen.ended_with(5);
    assert!(seen.stderr_text().contains("mount /proc"), "{seen}");
    assert!(names(house.path()).is_empty());
}
