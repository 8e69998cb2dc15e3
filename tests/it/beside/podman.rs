//! By real Podman, end to end.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use spyhole::api::own_image;

use super::{Desk, denied};
use crate::host::{list, only};
use crate::keyboard::Keyboard;
use crate::lab;
use crate::lab::process::Process;
use crate::patience::eventually;
use crate::podman::{PodmanContainer, PodmanLab, SPYHOLE_IMAGE};

const SECRET: &str = "s3cret-of-the-application";

pub(super) fn name_of(container: &PodmanContainer) -> &str {
    &container.id[..12]
}

/// Whether any container of the lab shares the processes of this one.
pub(super) fn companions(container: &PodmanContainer) -> Vec<String> {
    let podman = PodmanLab::get();
    let all = podman.must(&["ps", "--all", "--quiet", "--no-trunc"]);
    let all = all.stdout_text();
    let beside = |id: &&str| {
        let words = [
            "container",
            "inspect",
            "--format",
            "{{.HostConfig.PidMode}}",
            id,
        ];
        // Another test may have removed it by now.
        podman.podman(&words).stdout_text().contains(&container.id)
    };
    all.lines().filter(beside).map(str::to_owned).collect()
}

#[needs(podman)]
fn a_container_of_one_user_is_read_whole_as_that_user_and_nothing_remains() {
    let desk = Desk::with_podman();
    let secret = format!("API_TOKEN={SECRET}");
    let argument = format!("--api-key={SECRET}");
    let web = PodmanLab::get().webapp(&["--user", "1000:1000", "--env", &secret], &[&argument]);
    let seen = desk.spyhole(&["podman", name_of(&web)]);
    let document = seen.document();
    assert_eq!(document["target"]["container_id"], web.id.as_str());
    let other = |gap: &&Value| {
        let field = gap["field"].as_str().unwrap();
        let last = field.rsplit('.').next().unwrap();
        !["user", "group", "name"].contains(&last)
    };
    assert_eq!(
        list(&document, "gaps").iter().find(other),
        None,
        "{document:#}"
    );
    let variables = list(&document["environment"][0], "variables");
    let token = only(variables, |one| one["name"] == "API_TOKEN");
    assert_eq!(token["redacted"]["reason"], "name");

    let said = seen.stderr_text();
    assert!(
        said.contains("as uid 1000 gid 1000, without capabilities"),
        "{said}"
    );
    let missing = format!("image {} not found", own_image::DEFAULT);
    assert!(said.contains(&missing), "{said}");
    assert!(!seen.to_string().contains(SECRET), "{seen}");
    assert_eq!(companions(&web), Vec::<String>::new());
}

#[needs(podman)]
fn files_come_out_byte_for_byte() {
    let desk = Desk::with_podman();
    let web = PodmanLab::get().webapp(&["--user", "1000:1000"], &[]);
    let spyhole = |words: &[&str]| desk.spyhole(&[&["podman", name_of(&web)], words].concat());
    let program = spyhole(&["cat", "/webapp"]).ended_with(0);
    assert!(program.stdout == fs::read(lab::example("webapp")).unwrap());
    let listed = spyhole(&["ls", "-l", "/"]).ended_with(0).stdout_text();
    assert!(listed.contains(" webapp\n"), "{listed}");
    let head = spyhole(&["head", "-c", "4", "/webapp"]).ended_with(0);
    assert_eq!(head.stdout, b"\x7fELF");
    spyhole(&["cat", "/none"]).ended_with(4);
}

#[needs(podman)]
fn whoever_it_runs_as_everything_of_it_is_read() {
    let desk = Desk::with_podman();
    let root = "as root with SYS_PTRACE and DAC_READ_SEARCH";
    for (flags, whom) in [
        (&["--user", "0:0"][..], root),
        (&["--user", "0:0", "--cap-drop", "ALL"], "as uid 0 gid 0"),
        (
            &["--user", "1000:1000", "--cap-add", "NET_BIND_SERVICE"],
            root,
        ),
        (&["--user", "0:0", "--privileged"], root),
        (&["--user", "1234"], "as uid 1234 gid 0"),
        (&["--user", "7:8", "--group-add", "20"], "as uid 7 gid 8"),
        (
            &[
                "--uidmap",
                "0:100000:65536",
                "--gidmap",
                "0:200000:65536",
                "--user",
                "3:4",
            ],
            "as uid 3 gid 4",
        ),
        (&["--pid", "host", "--user", "3:4"], "as uid 3 gid 4"),
        (
            &["--read-only", "--user", "3:4", "--ipc", "private"],
            "as uid 3 gid 4",
        ),
    ] {
        let web = PodmanLab::get().webapp(flags, &[]);
        let seen = desk.spyhole(&["podman", name_of(&web), "--", "access", "-o", "json"]);
        assert_eq!(denied(&seen), Vec::<String>::new(), "{flags:?}");
        assert!(seen.stderr_text().contains(whom), "{flags:?}: {seen}");
    }
}

#[needs(podman)]
fn a_user_by_name_is_found_by_its_number() {
    let (desk, podman) = (Desk::with_podman(), PodmanLab::get());
    let context = desk.path().join("image");
    fs::create_dir(&context).unwrap();
    fs::write(context.join("passwd"), "app:x:4711:4712::/:/none\n").unwrap();
    fs::write(context.join("group"), "app:x:4712:\ndata:x:4713:app\n").unwrap();
    let text = format!(
        "FROM {}\nCOPY passwd group /etc/\nUSER app\n",
        crate::podman::WEBAPP_IMAGE
    );
    fs::write(context.join("Dockerfile"), text).unwrap();
    let image = "localhost/spyhole-test-named-user:it";
    let context = context.to_str().unwrap();
    podman.must(&["build", "--isolation", "chroot", "--tag", image, context]);
    let id = podman.must(&["run", "--detach", "--network", "none", image]);
    let id = id.stdout_text().trim().to_owned();
    let seen = desk.spyhole(&["podman", &id, "--", "access", "-o", "json"]);
    podman.must(&["rm", "--force", "--time", "0", &id]);
    assert_eq!(denied(&seen), Vec::<String>::new());
    assert!(
        seen.stderr_text().contains("as uid 4711 gid 4712"),
        "{seen}"
    );
    let run = desk.calls().pop().unwrap();
    assert!(run.contains(" --user 4711:4712 --group-add 4713 "), "{run}");
}

#[needs(podman)]
fn a_process_of_another_user_in_it_takes_root_to_read() {
    let (desk, podman) = (Desk::with_podman(), PodmanLab::get());
    let web = podman.webapp(&["--user", "1000:1000"], &[]);
    let second = ["/webapp", "--listen", "127.0.0.1:8082"];
    let exec = ["exec", "--detach", "--user", "5:5", &web.id];
    podman.must(&[&exec[..], &second].concat());
    let dry = ["podman", name_of(&web), "--dry-run"];
    let planned = desk.spyhole(&dry);
    let said = planned.stderr_text();
    assert!(
        said.contains("different users (5:5, 1000:1000)"),
        "{planned}"
    );
    // Flags of every command are meant for the one beside the target, wherever they stand.
    let seen = desk.spyhole(&["podman", name_of(&web), "-o", "json", "--", "env"]);
    let document = seen.document();
    let of = list(&document, "environment").iter();
    let unread: Vec<_> = of.filter(|one| one["variables"].is_null()).collect();
    assert!(unread.is_empty(), "{unread:?}");
}

#[needs(podman)]
fn a_member_of_a_pod_is_told_from_those_that_share_its_processes() {
    let desk = Desk::with_podman();
    let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let pod = PodmanLab::get().kube_play(&manifest.join("tests/pods/share-process-namespace.yaml"));
    for (name, uid) in [("web", 1000), ("sidecar", 1001)] {
        let member = pod.container(name);
        let full = format!("{}-{name}", pod.name);
        let seen = desk.spyhole(&["podman", &full, "--", "access", "-o", "json"]);
        assert_eq!(denied(&seen), Vec::<String>::new(), "{name}");
        assert_eq!(
            seen.document()["target"]["container_id"],
            member.id.as_str()
        );
        let said = seen.stderr_text();
        assert!(said.contains(&format!("as uid {uid} gid {uid}")), "{said}");
        assert!(said.contains("a member of the pod"), "{said}");
    }
}

#[needs(podman)]
fn a_dry_run_reads_only_and_prints_the_line_that_does_the_same() {
    let desk = Desk::with_podman();
    let web = PodmanLab::get().webapp(&["--user", "1000:1000"], &[]);
    let words = [
        "podman",
        name_of(&web),
        "--dry-run",
        "--",
        "sockets",
        "-o",
        "json",
    ];
    let planned = desk.spyhole(&words).ended_with(0);
    let read = ["container inspect ", "image inspect "];
    for call in desk.calls() {
        assert!(read.iter().any(|start| call.starts_with(start)), "{call}");
    }
    let line = planned.stdout_text();
    assert_eq!(line.lines().count(), 1, "{line}");
    let pasted = desk.shell(&line).document();
    let without = words.iter().filter(|word| **word != "--dry-run");
    let run = desk
        .spyhole(&without.copied().collect::<Vec<_>>())
        .document();
    assert_eq!(pasted["sockets"], run["sockets"]);
    assert!(!list(&run, "sockets").is_empty());
}

#[needs(podman)]
fn the_exit_code_is_that_of_what_was_asked() {
    let desk = Desk::with_podman();
    let web = PodmanLab::get().webapp(&["--user", "1000:1000"], &[]);
    let of = |words: &[&str]| desk.spyhole(&[&["podman", name_of(&web), "--"], words].concat());
    let no = of(&["check", "tcp:127.0.0.1:1"]).ended_with(1);
    assert!(no.stdout_text().contains("refused"), "{no}");
    of(&["no-such-command"]).ended_with(2);
    of(&["--pid", "4000000", "ps"]).ended_with(3);
}

#[needs(podman)]
fn a_large_document_arrives_whole() {
    let desk = Desk::with_podman();
    let variables: Vec<_> = (0..12)
        .map(|n| format!("LARGE_{n}={}", "x".repeat(100_000)))
        .collect();
    let mut flags = vec!["--user", "1000:1000"];
    for variable in &variables {
        flags.extend(["--env", variable]);
    }
    let web = PodmanLab::get().webapp(&flags, &[]);
    let words = ["podman", name_of(&web), "--", "env", "-o", "json"];
    let seen = desk.spyhole(&words);
    assert!(seen.stdout.len() > 1_200_000, "{}", seen.stdout.len());
    let document = seen.document();
    let seen = list(&document["environment"][0], "variables").iter();
    let large = seen.filter(|one| one["name"].as_str().unwrap().starts_with("LARGE_"));
    assert_eq!(large.count(), 12);
}

#[needs(podman)]
fn an_image_that_is_named_brings_its_own_spyhole() {
    let desk = Desk::with_podman();
    let web = PodmanLab::get().webapp(&["--user", "1000:1000"], &[]);
    let words = [
        "podman",
        name_of(&web),
        "--image",
        SPYHOLE_IMAGE,
        "--",
        "access",
        "-o",
        "json",
    ];
    assert_eq!(denied(&desk.spyhole(&words)), Vec::<String>::new());
    let run = desk.calls().pop().unwrap();
    assert!(
        !run.contains("--mount") && run.contains(SPYHOLE_IMAGE),
        "{run}"
    );
}

#[needs(podman)]
fn where_the_engine_is_elsewhere_its_own_list_of_processes_tells_who_they_are() {
    for (flags, whom) in [
        (&["--user", "1000:1000"][..], "as uid 1000 gid 1000"),
        (&["--user", "0:0"], "as root with SYS_PTRACE"),
    ] {
        let web = PodmanLab::get().webapp(flags, &[]);
        let desk = Desk::with_podman();
        // An engine on another machine numbers its processes as that one does.
        fs::rename(desk.path().join("podman"), desk.path().join("near")).unwrap();
        desk.put(
            "podman",
            "#!/bin/sh\ncase \"$1 $2\" in\n'container inspect')\n  near \"$@\" | sed 's/\"Pid\": [0-9]*/\"Pid\": 2147483647/' ;;\n*) exec near \"$@\" ;;\nesac\n",
        );
        let seen = desk.spyhole(&[
            "podman",
            name_of(&web),
            "--image",
            SPYHOLE_IMAGE,
            "--",
            "access",
            "-o",
            "json",
        ]);
        assert_eq!(denied(&seen), Vec::<String>::new(), "{flags:?}");
        assert!(seen.stderr_text().contains(whom), "{seen}");
        let refused = desk.spyhole(&["podman", name_of(&web)]).ended_with(3);
        assert!(
            refused.stderr_text().contains("runs on another machine"),
            "{refused}"
        );
    }
}

#[needs(podman)]
fn whoever_is_killed_while_looking_leaves_no_container_behind() {
    let desk = Desk::with_podman();
    let web = PodmanLab::get().webapp(&["--user", "1000:1000"], &[]);
    let mut command = Command::new(lab::spyhole());
    command
        .args([
            "podman",
            name_of(&web),
            "--",
            "serve",
            "--listen",
            "127.0.0.1:0",
        ])
        .env("PATH", desk.search_path());
    let looking = Process::start(&mut command, Signal::SIGKILL);
    eventually("it has a companion", || companions(&web).len() == 1);
    // Dropping it kills it.
    drop(looking);
    eventually("its companion is gone", || companions(&web).is_empty());
}

#[needs(podman)]
fn on_a_terminal_it_is_the_overview_with_a_prompt_and_otherwise_one_document() {
    let desk = Desk::with_podman();
    let web = PodmanLab::get().webapp(&["--user", "1000:1000"], &[]);
    let mut command = Command::new(lab::spyhole());
    let command = command.args(["podman", name_of(&web)]);
    let mut keys = Keyboard::start(command.env("PATH", desk.search_path()), 100, 30);
    let text = keys.sees("(uid 1000)> ");
    assert!(
        text.contains("/webapp") && text.contains("spyhole doctor") && !text.contains("\"schema\""),
        "{text}"
    );
    keys.types("ss -tln\r");
    keys.sees("8080");
    keys.sees("(uid 1000)> ");
    keys.types("\u{4}");
    assert_eq!(keys.ends(), Ok(0), "{}", keys.shown());
    assert!(
        desk.calls()
            .pop()
            .unwrap()
            .contains(" --interactive --tty ")
    );
    let line = format!("{} podman {}", lab::spyhole().display(), name_of(&web));
    desk.shell(&line).document();
}
