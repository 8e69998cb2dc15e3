//! That the lab makes what it says: its containers show what the kernel shows
//! of real ones, above all which caller may look into which target.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{Lab, Output, Setup, example};
use crate::patience::eventually;

/// What the kernel says to a caller about the root of a target.
fn looks_into(target: Setup, caller: impl FnOnce(Setup) -> Setup) -> String {
    let web = target.start();
    peek(caller(web.beside(&example("lab"))), "/proc/1/root")
}

/// `open`, and the same through readlink, which must not differ.
fn peek(caller: Setup, path: &str) -> String {
    let output = caller.args(["peek", path]).run();
    let text = output.stdout_text();
    let word = |name: &str| {
        text.split_whitespace()
            .find_map(|word| word.strip_prefix(name))
            .unwrap_or_else(|| panic!("no {name} in {output}"))
            .to_owned()
    };
    let (open, link) = (word("open="), word("readlink="));
    assert!(
        open == link || (open == "ok" && (link.starts_with("ok") || link == "EINVAL")),
        "{output}"
    );
    open
}

#[needs(root)]
fn same_user_without_any_capability_may_look() {
    let seen = looks_into(Lab::webapp().uid(1000), |caller| {
        caller.uid(1000).caps("none").no_new_privs()
    });
    assert_eq!(seen, "ok");
}

#[needs(root)]
fn same_uid_with_another_gid_may_not_look() {
    let seen = looks_into(Lab::webapp().uid(1000), |caller| caller.uid(1000).gid(2000));
    assert_eq!(seen, "EACCES");
}

#[needs(root)]
fn root_with_default_capabilities_may_not_look_at_a_user() {
    let seen = looks_into(Lab::webapp().uid(1000), |caller| caller.uid(0));
    assert_eq!(seen, "EACCES");
}

#[needs(root)]
fn root_without_capabilities_may_not_look_at_root_with_them() {
    let seen = looks_into(Lab::webapp().uid(0), |caller| caller.uid(0).caps("none"));
    assert_eq!(seen, "EACCES");
}

#[needs(root)]
fn same_user_may_not_look_at_a_target_with_an_ambient_capability() {
    let target = || {
        Lab::webapp()
            .uid(1000)
            .caps("none")
            .ambient("net_bind_service")
    };
    let seen = looks_into(target(), |caller| caller.uid(1000).caps("none"));
    assert_eq!(seen, "EACCES");
    // The capability is the reason: with the same one the caller may.
    let seen = looks_into(target(), |caller| {
        caller.uid(1000).ambient("net_bind_service")
    });
    assert_eq!(seen, "ok");
}

#[needs(root)]
fn root_with_sys_ptrace_may_look_at_anyone() {
    let seen = looks_into(Lab::webapp().uid(1000), |caller| {
        caller.uid(0).caps("+sys_ptrace")
    });
    assert_eq!(seen, "ok");
}

#[needs(root)]
fn another_user_namespace_may_not_look() {
    let seen = looks_into(Lab::webapp().uid(0).caps("none"), |caller| {
        caller.uid(0).userns()
    });
    assert_eq!(seen, "EACCES");
}

#[needs(root)]
fn some_files_are_open_to_a_stranger() {
    let web = Lab::webapp().uid(1000).start();
    for file in [
        "stat",
        "status",
        "cmdline",
        "cgroup",
        "mountinfo",
        "limits",
        "net/tcp",
    ] {
        let stranger = web.beside(&example("lab")).uid(65532).caps("none");
        assert_eq!(peek(stranger, &format!("/proc/1/{file}")), "ok", "{file}");
    }
}

#[needs(root)]
fn hidepid_hides_the_target_from_a_stranger() {
    let web = Lab::webapp().uid(1000).start();
    let stranger = web.beside(&example("lab")).uid(65532).caps("none");
    let seen = peek(stranger.proc_options("hidepid=2"), "/proc/1/stat");
    assert_eq!(seen, "ENOENT");
}

#[needs(root)]
fn a_viewer_that_shares_nothing_sees_itself() {
    let alone = Lab::bare().program(&example("lab")).uid(1000);
    let output = alone.args(["peek", "/proc/self", "/proc/2"]).run();
    let text = output.stdout_text();
    assert!(text.contains("readlink=ok:1\n"), "{output}");
    assert!(text.contains("/proc/2 open=ENOENT"), "{output}");
}

#[needs(root)]
fn seccomp_answers_openat2_with_the_chosen_errno() {
    for (profile, errno) in [
        ("none", "ok"),
        ("deny-openat2", "EPERM"),
        ("no-openat2", "ENOSYS"),
        ("default-like", "ok"),
    ] {
        let caller = Lab::program(&example("lab")).uid(1000).seccomp(profile);
        let output = caller.args(["peek", "/proc/self/status"]).run();
        let wanted = format!("openat2={errno} ");
        assert!(
            output.stdout_text().contains(&wanted),
            "{profile}: {output}"
        );
    }
}

#[needs(root)]
fn the_application_shows_what_it_was_asked_to_show() {
    let web = Lab::webapp()
        .uid(1000)
        .hostname("web-7d9f")
        .env("TOKEN", "s3cret")
        .env_bytes("RAW", b"\xff\n")
        .seccomp("default-like")
        .read_only()
        .args(["--hostile-name", "--non-utf8", "--threads", "2"])
        .args(["--api-key=s3cret"])
        .start();
    assert!(web.ready.contains("pid=1 "), "{}", web.ready);
    assert_eq!(web.host_proc("environ"), b"TOKEN=s3cret\0RAW=\xff\n\0");
    let status = String::from_utf8(web.host_proc("status")).unwrap();
    for line in [
        "Uid:\t1000\t1000\t1000\t1000",
        "Gid:\t1000\t1000\t1000\t1000",
        "CapPrm:\t0000000000000000",
        "CapBnd:\t00000000a80425fb",
        "Threads:\t3",
        "NoNewPrivs:\t0",
        "Seccomp:\t2",
    ] {
        assert!(status.contains(line), "no {line:?} in {status}");
    }
    let children = children(web.host_pid);
    assert_eq!(children.len(), 3, "two workers and a zombie");
    let of = |pid: &i32, file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap();
    let any = |file: &str, wanted: &[u8]| {
        children.iter().any(|pid| {
            of(pid, file)
                .windows(wanted.len())
                .any(|part| part == wanted)
        })
    };
    assert!(any("stat", b"() R 1\n\x1b[31m) S "), "the hostile name");
    assert!(any("stat", b") Z "), "the zombie");
    assert!(any(
        "cmdline",
        b"worker\0--queue=mail\0--label=caf\xe9\xff\0"
    ));
    assert!(any("environ", b"CAF\xc9=cr\xe8me\0"));
    assert!(any("environ", b"QUEUE_CONCURRENCY=8\0"));
    let root = fs::read_dir(web.host_proc_path("root")).unwrap();
    let mut names: Vec<_> = root.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["dev", "proc", "tmp", "webapp"], "a scratch root");
    let denied = fs::write(web.host_proc_path("root/x"), "").unwrap_err();
    assert_eq!(denied.raw_os_error(), Some(libc::EROFS));
}

#[needs(root)]
fn the_application_ends_as_told() {
    let mut web = Lab::webapp().uid(1000).start();
    web.signal(Signal::SIGTERM);
    assert_eq!(web.wait().code, Some(0));
    let mut stubborn = Lab::webapp().arg("--ignore-sigterm").start();
    stubborn.signal(Signal::SIGTERM);
    std::thread::sleep(Duration::from_millis(100));
    assert!(stubborn.runs());
    assert_eq!(stubborn.stop().code, Some(128 + libc::SIGKILL));
}

#[needs(root)]
fn nothing_outlives_a_container() {
    let web = Lab::webapp().start();
    let all: Vec<i32> = children(web.host_pid)
        .into_iter()
        .chain([web.host_pid])
        .collect();
    let lab = fs::read_to_string(web.host_proc_path("stat")).unwrap();
    let (_, after_name) = lab.rsplit_once(')').unwrap();
    let lab: i32 = after_name
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    // Not even when lab has no chance to clean up.
    kill(Pid::from_raw(lab), Signal::SIGKILL).unwrap();
    for pid in all {
        eventually(format!("{pid} ends with its container"), || !lives(pid));
    }
}

#[needs(root)]
fn a_pod_has_its_pause_and_members_that_see_each_other() {
    let pod = Lab::pod();
    let web = pod.webapp().uid(1000).start();
    let side = pod.webapp().uid(2000).args(["--listen", "127.0.0.1:8081"]);
    let side = side.start();
    assert_eq!(pod.pause.host_proc("comm"), b"pause\n");
    assert_eq!(pod.pause.host_proc("cmdline"), b"/pause\0");
    for namespace in ["pid", "net", "uts", "ipc"] {
        let of = |of: &super::Container| {
            fs::read_link(of.host_proc_path(&format!("ns/{namespace}"))).unwrap()
        };
        assert_eq!(of(&web), of(&pod.pause), "{namespace}");
        assert_eq!(of(&side), of(&pod.pause), "{namespace}");
    }
    let seen = pod.program(&example("lab")).uid(1000);
    let seen = seen.args(["peek", "/proc/1/comm", "/proc/2/exe"]).run();
    let text = seen.stdout_text();
    assert!(text.contains("/proc/1/comm open=ok"), "{seen}");
    assert!(text.contains("readlink=ok:/webapp"), "{seen}");
}

#[needs(root)]
fn a_failure_names_its_step_and_its_remedy() {
    let absent = |output: &Output, wanted: &str| {
        assert!(output.stderr_text().contains(wanted), "{output}");
    };
    let lab = || Lab::program(&example("lab"));
    let output = lab().copy(Path::new("/nowhere"), "/x").try_run();
    absent(&output, "copy /nowhere: No such file or directory");
    assert_eq!(output.code, Some(1));
    let output = lab().caps("=flying").try_run();
    absent(&output, "no capability is called flying");
    assert_eq!(output.code, Some(2));
    let web = Lab::webapp().start();
    let renamed = web.beside(&example("lab")).hostname("other").try_run();
    absent(&renamed, "would rename the pod");
}

#[needs(root)]
fn a_user_without_privilege_makes_containers_by_user_namespaces() {
    let shelf = TempDir::new().unwrap();
    fs::set_permissions(shelf.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let [lab, webapp] = ["lab", "webapp"].map(|name| {
        let copy = shelf.path().join(name);
        crate::host::copy_program(&example(name), &copy);
        copy
    });
    let web = Lab::program(&webapp)
        .ready("ready ")
        .run_by(65534, &lab)
        .uid(1000)
        .start();
    let status = String::from_utf8(web.host_proc("status")).unwrap();
    assert!(status.contains("Uid:\t65534\t"), "{status}");
    let map = String::from_utf8(web.host_proc("uid_map")).unwrap();
    let map: Vec<&str> = map.split_whitespace().collect();
    assert_eq!(map, ["1000", "65534", "1"]);
    let beside = || web.beside(&lab).run_by(65534, &lab);
    assert_eq!(peek(beside().uid(1000), "/proc/1/root"), "ok");
    // The host's root joins the same user namespace.
    assert_eq!(peek(web.beside(&lab).uid(1000), "/proc/1/root"), "ok");
}

fn children(pid: i32) -> Vec<i32> {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .unwrap()
        .split_whitespace()
        .map(|child| child.parse().unwrap())
        .collect()
}

/// A process that has ended and waits to be reaped does not live.
fn lives(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .is_ok_and(|status| !status.contains("State:\tZ") && !status.contains("State:\tX"))
}
