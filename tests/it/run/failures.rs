//! Each way in which a program cannot be run, made for real, and the sentence for it. The exit
//! code is what sh says of the same file at the same moment.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::wrapped;
use crate::host::{copy_program, run};
use crate::lab::{Output, spyhole};
use crate::support::fake_root::FakeRoot;

/// A dynamic program of this machine.
fn dynamic() -> Vec<u8> {
    fs::read("/bin/true").unwrap()
}

/// The same with a text in it replaced by one that is not longer.
fn patched(from: &str, to: &str) -> Vec<u8> {
    let mut bytes = dynamic();
    let found = memchr::memmem::find_iter(&bytes.clone(), from).collect::<Vec<_>>();
    assert!(!found.is_empty(), "{from} in /bin/true");
    for at in found {
        bytes[at..at + from.len()].fill(0);
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

fn interpreter() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "/lib64/ld-linux-x86-64.so.2",
        "aarch64" => "/lib/ld-linux-aarch64.so.1",
        other => panic!("no interpreter known for {other}"),
    }
}

/// Runs it, and compares the exit code with that of sh.
#[track_caller]
fn fails(path: &Path, says: &str) -> Output {
    let own = wrapped([path]);
    // Run by env: a shell would run a text without #! itself.
    let by_sh = run(Command::new("sh")
        .args(["-c", "exec \"$1\"", "sh"])
        .arg(path));
    assert_eq!(own.code, by_sh.code, "{own}\nsh: {by_sh}");
    said(own, says)
}

#[track_caller]
fn said(own: Output, says: &str) -> Output {
    let text = own.stderr_text();
    assert!(text.contains("could not be started: "), "{own}");
    assert!(text.contains(says), "not {says:?}: {own}");
    assert!(own.stdout.is_empty(), "{own}");
    own
}

#[test]
fn what_is_not_there() {
    let house = FakeRoot::new();
    house.program("plain", "x", 0o644);
    symlink("/nowhere/app", house.path("link")).unwrap();
    symlink("circle", house.path("circle")).unwrap();
    fails(&house.path("none"), "file not found (exit 127)");
    fails(
        &house.path("no/such/app"),
        &format!("{} does not exist either", house.path("no").display()),
    );
    fails(&house.path("plain/app"), "plain is not a directory");
    fails(
        &house.path("link"),
        "link is a symlink to /nowhere/app, which does not exist",
    );
    fails(&house.path("circle"), "it is a symlink loop");
}

#[test]
fn a_bare_name_tells_where_it_was_looked_for() {
    let house = FakeRoot::new();
    let program = house.program("app", "#!/bin/sh\nexit 4\n", 0o755);
    let with_path = |path: Option<&Path>, name: &str| {
        let mut command = super::wrapper([name]);
        command.current_dir(house.top());
        match path {
            Some(path) => command.env("PATH", path),
            None => command.env_remove("PATH"),
        };
        run(&mut command)
    };
    let own = with_path(Some(Path::new("/nowhere:/etc")), "app").ended_with(127);
    let own = said(
        own,
        "not found in any directory of PATH: /nowhere, /etc (exit 127)",
    );
    let hint = format!("{} exists: use this path", program.display());
    assert!(own.stderr_text().contains(&hint), "{own}");
    let own = with_path(None, "no-such-program").ended_with(127);
    said(
        own,
        "PATH is not set, and it was not found in the default directories: /usr/local/sbin",
    );
    with_path(Some(house.top()), "app").ended_with(4);
    with_path(Some(Path::new("")), "app").ended_with(4);
    let own = with_path(Some(house.top()), "app.draft").ended_with(126);
    let own = said(own, "it is not executable");
    let found = house.path("app.draft");
    assert!(
        own.stderr_text()
            .contains(&format!("({})", found.display())),
        "{own}"
    );
}

#[test]
fn what_is_no_file() {
    let house = FakeRoot::new();
    nix::unistd::mkfifo(&house.path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fails(house.top(), "it is a directory (exit 126)");
    fails(&house.path("fifo"), "it is not a regular file (exit 126)");
}

#[needs(root)]
fn who_may_not_run_it() {
    let house = FakeRoot::new();
    let nobody = house.program("app", "#!/bin/sh\n", 0o644);
    let own = fails(
        &nobody,
        "it is not executable: mode 0644, owner 0:0 (exit 126)",
    );
    assert!(own.stderr_text().contains("COPY --chmod=0755"), "{own}");
    let owner = house.program("own", "#!/bin/sh\n", 0o744);
    fs::create_dir(house.path("closed")).unwrap();
    fs::set_permissions(house.path("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    let wrapper = house.path("spyhole");
    copy_program(&spyhole(), &wrapper);
    let as_user = |path: &Path| {
        let user = ["--reuid", "4711", "--regid", "4712", "--clear-groups"];
        run(Command::new("setpriv")
            .args(user)
            .arg(&wrapper)
            .args(["run", "--"])
            .arg(path))
        .ended_with(126)
    };
    said(
        as_user(&owner),
        "only its owner can execute it: mode 0744, owner 0:0, current user 4711:4712",
    );
    let closed = format!(
        "the directory {} is not accessible to 4711:4712",
        house.path("closed").display()
    );
    said(as_user(&house.path("closed/app")), &closed);
}

#[needs(root)]
fn a_noexec_mount() {
    let house = FakeRoot::new();
    let script = "mount -t tmpfs -o noexec none \"$2\" && cp /bin/true \"$2/app\" && exec \"$1\" run -- \"$2/app\"";
    let own = run(Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .args([&spyhole(), house.top()]));
    said(own.ended_with(126), "it is on a noexec mount (exit 126)");
}

#[test]
fn another_architecture() {
    let house = FakeRoot::new();
    let mut bytes = dynamic();
    bytes[18..20].copy_from_slice(&22_u16.to_le_bytes());
    let path = house.program("app", bytes, 0o755);
    let here = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        _ => "arm64",
    };
    // A shell would take it for a script.
    let says = format!("it was built for s390x, but this machine is {here}");
    said(wrapped([&path]).ended_with(126), &says);
}

#[test]
fn a_loader_that_is_missing() {
    let house = FakeRoot::new();
    for (loader, word) in [
        ("/lib/ld-musl-none.so.1", "it was linked against musl"),
        ("/lib/ld-linux-none.so.2", "it was linked against glibc"),
    ] {
        let path = house.program("app", patched(interpreter(), loader), 0o755);
        let own = fails(
            &path,
            &format!("its ELF interpreter {loader} does not exist (exit 127)"),
        );
        assert!(own.stderr_text().contains(word), "{own}");
    }
}

#[test]
fn a_library_that_is_missing() {
    let house = FakeRoot::new();
    let path = house.program("app", patched("libc.so.6", "libx.so.6"), 0o755);
    let own = wrapped([&path]).ended_with(127);
    let text = own.stderr_text();
    assert!(
        text.contains("shared libraries not found: libx.so.6"),
        "{own}"
    );
    assert!(
        text.contains("searched /") && text.contains("/etc/ld.so.cache"),
        "{own}"
    );
    // 127 of another cause claims nothing.
    let own = wrapped(["sh", "-c", "no-such-command"]).ended_with(127);
    assert!(!own.stderr_text().contains("libraries"), "{own}");
}

#[test]
fn scripts_without_their_interpreter() {
    let house = FakeRoot::new();
    let missing = house.program("missing", "#! /bin/no-such-shell -e\n", 0o755);
    fails(
        &missing,
        "it is a script, and its interpreter /bin/no-such-shell does not exist (exit 127)",
    );
    let windows = house.program("windows", "#!/bin/sh\r\necho hello\r\n", 0o755);
    let own = fails(
        &windows,
        "has a Windows line ending (CR LF): the interpreter is not /bin/sh but /bin/sh\\r",
    );
    assert!(own.stderr_text().contains("dos2unix"), "{own}");
    let plain = house.program("plain", "x", 0o644);
    let through = house.program("through", format!("#!{}\n", plain.display()), 0o755);
    fails(&through, "it is not executable: mode 0644");
    let second = house.program("second", format!("#!{}\n", missing.display()), 0o755);
    fails(&second, "its interpreter /bin/no-such-shell does not exist");
}

#[test]
fn what_is_no_program() {
    let house = FakeRoot::new();
    for (name, content, says) in [
        ("empty", &b""[..], "it is an empty file"),
        (
            "text",
            b"echo hello\n",
            "it is a text file without a #! line",
        ),
        ("windows", b"MZ\x90\0\x03\0\0\0", "it is a Windows program"),
        ("cut", b"\x7fELF\x02\x01\x01\0", "it is a damaged ELF file"),
    ] {
        let path = house.program(name, content, 0o755);
        said(wrapped([&path]).ended_with(126), says);
    }
}

#[needs(root)]
fn the_shell_form_without_a_shell() {
    let own = crate::lab::Lab::bare()
        .args(["run", "--", "/bin/sh", "-c", "exec /app"])
        .run();
    let own = said(
        own.ended_with(127),
        "the shell /bin/sh does not exist to run the command line",
    );
    assert!(own.stderr_text().contains("exec form"), "{own}");
}

#[needs(root)]
fn capabilities_that_the_container_may_not_have() {
    let house = FakeRoot::new();
    let path = house.program("app", dynamic(), 0o755);
    run(Command::new("setcap")
        .arg("cap_net_admin,cap_sys_time=ep")
        .arg(&path))
    .ended_with(0);
    let own = run(Command::new("setpriv")
        .args(["--bounding-set", "-sys_time", "--inh-caps", "-sys_time"])
        .arg(spyhole())
        .args(["run", "--"])
        .arg(&path));
    said(
        own.ended_with(126),
        "its file requires capabilities that this container does not allow: cap_sys_time (exit \
         126)",
    );
}

#[test]
fn a_hostile_name_writes_no_line_of_its_own() {
    let own = wrapped(["/none\nspyhole: all is well\x1b[2J"]).ended_with(127);
    let text = own.stderr_text();
    assert_eq!(text.lines().count(), 1, "{own}");
    assert!(!text.contains('\x1b'), "{own}");
}

#[test]
fn a_failure_leaves_no_zombie() {
    let line = "\"$0\" run -- /nowhere/app 2>/dev/null; ps -o stat= --ppid $$ | grep -c Z";
    let own = crate::host::shell(line);
    assert_eq!(own.stdout_text().trim(), "0", "{own}");
}
