//! Beside a container: the caller with `SYS_PTRACE`, the same user, a stranger; and links that would
//! lead out.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::lab::{Container, Lab};
use crate::podman::PodmanLab;

fn house() -> tempfile::TempDir {
    let house = tempfile::tempdir().unwrap();
    fs::set_permissions(house.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let at = |name: &str| house.path().join(name);
    fs::create_dir_all(at("etc/private")).unwrap();
    fs::write(at("etc/passwd"), "root:x:0:0::/:\napp:x:1000:1000::/:\n").unwrap();
    fs::write(at("etc/group"), "root:x:0:\nstaff:x:1000:\n").unwrap();
    fs::write(at("etc/app.conf"), "inside\n").unwrap();
    fs::write(at("etc/private/file"), "private\n").unwrap();
    symlink("/etc/app.conf", at("etc/absolute")).unwrap();
    symlink("../../../../../../etc/app.conf", at("etc/climbing")).unwrap();
    symlink("/proc/self/root/etc/hostname", at("etc/magic")).unwrap();
    nix::unistd::chown(&at("etc/app.conf"), Some(1000.into()), Some(1000.into())).unwrap();
    fs::set_permissions(at("etc/private"), fs::Permissions::from_mode(0o700)).unwrap();
    house
}

fn ls_of(
    container: &Container,
    change: impl Fn(crate::lab::Setup) -> crate::lab::Setup,
) -> crate::lab::Output {
    change(container.spyhole())
        .args(["ls", "-l", "/etc"])
        .try_run()
}

#[needs(root)]
fn who_may_look_sees_the_targets_files_by_the_targets_names() {
    let house = house();
    let web = Lab::webapp().uid(1000).root(house.path()).start();
    for caller in [
        |setup: crate::lab::Setup| setup.caps("+sys_ptrace,dac_read_search"),
        |setup: crate::lab::Setup| setup.uid(1000).caps("none"),
    ] {
        let seen = ls_of(&web, caller);
        assert_eq!(seen.code, Some(0), "{seen}");
        let text = seen.stdout_text();
        let line = text
            .lines()
            .find(|line| line.ends_with(" app.conf"))
            .unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[2..4], ["app", "staff"], "{line}");
        let shown = caller(web.spyhole())
            .args(["cat", "/etc/absolute", "/etc/climbing"])
            .run();
        assert_eq!(
            (shown.code, shown.stdout_text()),
            (Some(0), "inside\ninside\n".to_owned()),
            "{shown}"
        );
        // A magic link would lead to spyhole's own root.
        let magic = caller(web.spyhole()).args(["cat", "/etc/magic"]).try_run();
        assert_eq!(
            (magic.code, magic.stdout_text()),
            (Some(4), String::new()),
            "{magic}"
        );
    }
    let same_user = web.spyhole().uid(1000).caps("none");
    let seen = same_user.args(["grep", "-rc", "x", "/etc"]).try_run();
    assert_eq!(seen.code, Some(4), "{seen}");
    let denied = seen.stderr_text();
    assert!(
        denied.contains("cannot read /etc/private: permission denied"),
        "{denied}"
    );
    assert!(denied.contains("CAP_DAC_READ_SEARCH"), "{denied}");
    let space = web
        .spyhole()
        .uid(1000)
        .caps("none")
        .args(["find", "/etc", "-type", "f"])
        .try_run();
    assert_eq!(space.code, Some(4), "{space}");
    assert!(space.stdout_text().contains("/etc/app.conf\n"), "{space}");
}

#[needs(root)]
fn a_stranger_is_told_what_it_takes() {
    let house = house();
    let web = Lab::webapp().uid(1000).root(house.path()).start();
    let seen = ls_of(&web, |setup| setup.uid(65532).caps("none"));
    assert_eq!(
        (seen.code, seen.stdout_text()),
        (Some(4), String::new()),
        "{seen}"
    );
    assert!(
        seen.stderr_text()
            .contains("cannot enter the target's root directory"),
        "{seen}"
    );
    assert!(seen.stderr_text().contains("uid 1000"), "{seen}");
}

#[needs(podman)]
fn a_container_of_podman_is_read_from_outside() {
    let podman = PodmanLab::get();
    let web = podman.webapp(&[], &[]);
    let seen = podman.viewer(
        &web,
        &["--user", "0", "--cap-add", "SYS_PTRACE"],
        &["ls", "/"],
    );
    assert_eq!(seen.code, Some(0), "{seen}");
    assert!(seen.stdout_text().contains("webapp\n"), "{seen}");
    let program = ["sha256sum", "/webapp"];
    let seen = podman.viewer(&web, &["--user", "0", "--cap-add", "SYS_PTRACE"], &program);
    let expected = crate::host::run(
        std::process::Command::new("sha256sum").arg(crate::lab::example("webapp")),
    );
    assert_eq!(
        seen.stdout_text().split(' ').next(),
        expected.stdout_text().split(' ').next(),
        "{seen}"
    );
}
