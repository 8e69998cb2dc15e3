//! Docker by recorded answers: what no daemon of the tests says (`docker_engine` asks a real one).

use std::process::Command;

use spyhole::api::own_image;

use super::Desk;

const ID: &str = "7c1d5a9f3b2e4860917f2ad4c6e8b05913d7f4a6c2b8e0957164d3fa9c8b2e70";

/// A docker that answers `container inspect` with a file, and ends a run so.
fn desk(inspected: &str, top: &str, run: &str) -> Desk {
    let desk = Desk::bare();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/docker");
    let text = format!(
        r#"#!/bin/sh
echo "$*" >> '{}'
case "$1 $2" in
'container inspect') cat '{fixture}/{inspected}.json' ;;
'image inspect') echo sha256:1 ;;
'top {ID}') {top} ;;
'run --rm') {run} ;;
*) exit 99 ;;
esac
"#,
        desk.path().join("calls").display()
    );
    desk.put("docker", &text);
    desk
}

const ONE_USER: &str = r"printf 'PID   UID   GID\n812   101   101\n840   101   101\n'";

#[test]
fn a_user_by_name_is_found_by_the_list_of_processes() {
    let desk = desk("nginx", ONE_USER, "echo document; echo word >&2");
    let seen = desk
        .spyhole(&["docker", "web", "--", "env", "--reveal", "it's"])
        .ended_with(0);
    assert_eq!(seen.stdout_text(), "document\n");
    assert!(seen.stderr_text().ends_with("word\n"), "{seen}");
    let image = own_image::DEFAULT;
    assert_eq!(
        desk.calls(),
        [
            "container inspect web",
            &format!("image inspect --format {{{{.Id}}}} {image}"),
            &format!("top {ID} -eo pid,uid,gid"),
            &format!(
                "run --rm --log-driver none --pid container:{ID} --network container:{ID} \
                 --cap-drop ALL --user 101:101 --security-opt no-new-privileges --read-only \
                 --workdir / {image} env --reveal it's"
            ),
        ]
    );
}

#[test]
fn what_docker_tells_of_many_users_or_nobody_takes_root() {
    let two = r"printf 'PID UID GID\n812 0 0\n840 101 101\n'";
    let moved = r"printf 'PID UID GID\n812 231173 231173\n'";
    for (top, why) in [
        (two, "different users (0:0, 101:101)"),
        (moved, "cannot be read from here"),
        ("echo no ps >&2; exit 1", "cannot be read from here"),
    ] {
        let desk = desk("nginx", top, "true");
        let planned = desk.spyhole(&["docker", "web", "--dry-run"]).ended_with(0);
        assert!(planned.stderr_text().contains(why), "{planned}");
        let line = planned.stdout_text();
        assert!(line.contains(" --user 0:0 --cap-add SYS_PTRACE "), "{line}");
    }
}

#[test]
fn a_privileged_container_is_read_as_root_and_past_apparmor() {
    let desk = desk("privileged", ONE_USER, "true");
    let planned = desk.spyhole(&["docker", "web", "--dry-run"]).ended_with(0);
    let line = planned.stdout_text();
    for flags in [
        " --user 0:0 --cap-add SYS_PTRACE ",
        " --security-opt apparmor=unconfined ",
        " --userns host ",
        // Its processes are the host's: the first of them is not the target's.
        concat!(
            " spyhole:",
            env!("CARGO_PKG_VERSION"),
            " --container 7c1d5a9f3b2e\n"
        ),
    ] {
        assert!(line.contains(flags), "{flags}: {line}");
    }
}

#[test]
fn a_container_that_does_not_run_says_how_it_ended() {
    for (inspected, words) in [
        ("killed", "exited with code 137, killed at the memory limit"),
        ("restarting", "keeps restarting: it exited with code 127"),
    ] {
        let refused = desk(inspected, "", "")
            .spyhole(&["docker", "web"])
            .ended_with(3);
        assert!(refused.stderr_text().contains(words), "{refused}");
    }
}

#[test]
fn what_docker_refuses_to_run_is_a_sentence_and_what_spyhole_ends_with_is_kept() {
    let image = "docker: Error response from daemon: pull access denied for spyhole, repository does not exist or may require 'docker login'";
    let source = "docker: Error response from daemon: invalid mount config for type bind: bind source path does not exist: /spyhole";
    let joined =
        "docker: Error response from daemon: cannot join network of a non running container: 7c1d";
    let format = "exec /spyhole: exec format error";
    for (code, said, words) in [
        (125, image, "can neither find nor pull the image"),
        (125, source, "runs on another machine"),
        (125, joined, "web exited in the meantime"),
        (126, format, "built for a different architecture"),
        (
            125,
            "docker: something new",
            "(exit code 125); its output: docker: something new",
        ),
    ] {
        let run = format!(
            "echo 'WARNING: no such file or directory' >&2; echo \"{said}\" >&2; \
             echo >&2; echo \"Run 'docker run --help' for more information\" >&2; exit {code}"
        );
        let refused = desk("nginx", ONE_USER, &run)
            .spyhole(&["docker", "web"])
            .ended_with(3);
        assert!(refused.stderr_text().contains(words), "{refused}");
    }
    for code in [1, 4, 42] {
        let run = format!("exit {code}");
        desk("nginx", ONE_USER, &run)
            .spyhole(&["docker", "web"])
            .ended_with(code);
    }
}

#[test]
fn a_target_that_ends_and_takes_spyhole_with_it_is_said_so() {
    // Ends between the first question and the second.
    let desk = desk("nginx", ONE_USER, "exit 137");
    let first = std::fs::read_to_string(desk.path().join("docker")).unwrap();
    let ends = first.replace(
        "exit 137",
        "sed -i s/nginx.json/killed.json/ \"$0\"; exit 137",
    );
    desk.put("docker", &ends);
    let refused = desk.spyhole(&["docker", "web"]).ended_with(3);
    let said = refused.stderr_text();
    assert!(
        said.contains("the scan was cut short: web is not running"),
        "{refused}"
    );
}

#[test]
fn an_answer_that_is_none_and_a_container_that_is_none() {
    let desk = Desk::with(
        "docker",
        "#!/bin/sh\necho '[]'; echo 'Error: No such container: web' >&2; [ $2 = inspect ] && exit 1; echo api\n",
    );
    let refused = desk.spyhole(&["docker", "web"]).ended_with(3);
    assert!(
        refused
            .stderr_text()
            .contains("docker has no container web"),
        "{refused}"
    );
    let desk = Desk::with(
        "docker",
        "#!/bin/sh\necho '{\"Env\":[\"TOKEN=hunter2\"]}'\n",
    );
    let refused = desk.spyhole(&["docker", "web"]).ended_with(3);
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
}

/// Each as clients say it, and as the one of this machine does, where there is one.
#[test]
fn a_daemon_that_does_not_answer_is_said_so() {
    let refused = |desk: &Desk| {
        let mut command = Command::new(crate::lab::spyhole());
        command
            .args(["docker", "web"])
            .env("PATH", desk.search_path())
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        crate::host::run(&mut command).ended_with(3).stderr_text()
    };
    let absent = "Cannot connect to the Docker daemon at unix:///nonexistent/docker.sock. Is the docker daemon running?";
    let closed = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.50/containers/web/json\": dial unix /var/run/docker.sock: connect: permission denied";
    for (words, said) in [
        (absent, "spyhole: docker does not respond: start it"),
        (
            closed,
            "spyhole: permission denied to use docker: join the group docker",
        ),
    ] {
        let text = format!("#!/bin/sh\necho '[]'\necho '{words}' >&2\nexit 1\n");
        let told = refused(&Desk::with("docker", &text));
        assert!(told.starts_with(said), "{told}");
    }
    let bare = Desk::bare();
    if bare.shell("docker --version").code == Some(0) {
        let told = refused(&bare);
        assert!(
            told.starts_with("spyhole: docker does not respond: start it"),
            "{told}"
        );
    }
}

#[test]
fn words_that_spyhole_does_not_take_start_no_container() {
    for engine in ["docker", "podman"] {
        let desk = desk("nginx", ONE_USER, "echo document");
        let seen = desk.spyhole(&[engine, "web", "--", "pss"]).ended_with(2);
        assert!(
            seen.stderr_text().contains("unrecognized subcommand 'pss'"),
            "{seen}"
        );
        assert_eq!(desk.calls(), [""; 0]);
    }
}

#[test]
fn the_image_is_the_one_that_the_environment_names() {
    let desk = desk("nginx", ONE_USER, "true");
    let mut command = Command::new(crate::lab::spyhole());
    command.args(["docker", "web", "--dry-run"]);
    command.env("PATH", desk.search_path());
    command.env("SPYHOLE_IMAGE", "registry.example/spyhole:7");
    let planned = crate::host::run(&mut command).ended_with(0);
    let line = planned.stdout_text();
    assert!(
        line.ends_with(" --workdir / registry.example/spyhole:7\n"),
        "{line}"
    );
}
