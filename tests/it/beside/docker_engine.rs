//! By real Docker, end to end.

use std::process::Command;

use serde_json::Value;

use super::{Desk, denied};
use crate::docker::{DockerContainer, DockerLab, WEBAPP_IMAGE};
use crate::host::{self, list, only};
use crate::image;
use crate::lab;

const SECRET: &str = "s3cret-of-the-application";

fn name_of(container: &DockerContainer) -> &str {
    &container.id[..12]
}

#[needs(docker)]
fn a_container_of_one_user_is_read_whole_as_that_user_and_nothing_remains() {
    let (desk, docker) = (Desk::with_docker(), DockerLab::get());
    let secret = format!("API_TOKEN={SECRET}");
    let argument = format!("--api-key={SECRET}");
    let web = docker.webapp(&["--env", &secret], &[&argument]);
    let seen = desk.spyhole(&["docker", name_of(&web)]);
    let document = seen.document();
    assert_eq!(document["target"]["container_id"], web.id.as_str());
    let pid = docker.must(&[
        "container",
        "inspect",
        "--format",
        "{{.State.Pid}}",
        &web.id,
    ]);
    assert_ne!(pid.stdout_text().trim(), "0");
    let variables = list(&document["environment"][0], "variables");
    let token = only(variables, |one| one["name"] == "API_TOKEN");
    assert_eq!(token["redacted"]["reason"], "name");
    let said = seen.stderr_text();
    assert!(
        said.contains("as uid 1000 gid 1000, without capabilities"),
        "{said}"
    );
    assert!(!seen.to_string().contains(SECRET), "{seen}");
    assert!(docker.companions(&web).is_empty());
}

#[needs(docker)]
fn the_user_and_the_capabilities_are_those_of_the_target() {
    let desk = Desk::with_docker();
    let root = "as root with SYS_PTRACE and DAC_READ_SEARCH";
    // Not --privileged: a machine that is itself a container may not grant all that is asked then.
    for (flags, user) in [
        (&["--user", "0:0"][..], root),
        (&["--user", "0:0", "--cap-drop", "ALL"], "as uid 0 gid 0"),
        (
            &["--user", "1000:1000", "--cap-add", "NET_BIND_SERVICE"],
            "as uid 1000 gid 1000",
        ),
        (&["--user", "1234"], "as uid 1234 gid 0"),
        (&["--user", "7:8", "--group-add", "20"], "as uid 7 gid 8"),
        (&["--pid", "host", "--user", "3:4"], "as uid 3 gid 4"),
        (
            &["--read-only", "--user", "3:4", "--ipc", "private"],
            "as uid 3 gid 4",
        ),
    ] {
        let web = DockerLab::get().webapp(flags, &[]);
        let seen = desk.spyhole(&["docker", name_of(&web), "access", "-o", "json"]);
        assert_eq!(denied(&seen), Vec::<String>::new(), "{flags:?}");
        assert!(seen.stderr_text().contains(user), "{flags:?}: {seen}");
    }
}

#[needs(docker)]
fn the_line_of_a_dry_run_does_the_same_when_it_is_pasted() {
    let desk = Desk::with_docker();
    let web = DockerLab::get().webapp(&[], &[]);
    let words = ["docker", name_of(&web), "ss", "-o", "json"];
    let planned = desk.spyhole(&[&words[..2], &["--dry-run"], &words[2..]].concat());
    let line = planned.ended_with(0).stdout_text();
    assert_eq!(line.lines().count(), 1, "{line}");
    let reads = ["container inspect ", "image inspect ", "top "];
    for call in desk.calls() {
        assert!(reads.iter().any(|start| call.starts_with(start)), "{call}");
    }
    let pasted = desk.shell(&line).document();
    let run = desk.spyhole(&words).document();
    assert_eq!(pasted["sockets"], run["sockets"]);
    assert!(!list(&run, "sockets").is_empty());
}

#[needs(docker)]
fn the_exit_code_is_that_of_the_command() {
    let desk = Desk::with_docker();
    let web = DockerLab::get().webapp(&[], &[]);
    let of = |words: &[&str]| desk.spyhole(&[&["docker", name_of(&web)], words].concat());
    let no = of(&["check", "tcp:127.0.0.1:1"]).ended_with(1);
    assert!(no.stdout_text().contains("refused"), "{no}");
    of(&["--", "no-such-command"]).ended_with(2);
    of(&["--", "--pid", "4000000", "ps"]).ended_with(3);
}

/// What spyhole says on stderr, after exit code 3 and an empty stdout.
fn refused(desk: &Desk, words: &[&str]) -> String {
    let output = desk.spyhole(words).ended_with(3);
    assert!(output.stdout.is_empty(), "{output}");
    output.stderr_text()
}

#[needs(docker)]
fn each_refusal_names_its_cause_and_the_next_step() {
    let (desk, docker) = (Desk::with_docker(), DockerLab::get());
    let name = |what: &str| format!("{what}-{}", std::process::id());
    let (shop, ended, created) = (name("shop"), name("ended"), name("created"));
    let _web = docker.webapp(&["--name", &shop], &[]);
    let network = ["--network", "none", WEBAPP_IMAGE];
    docker.must(&[&["run", "--name", &ended], &network[..], &["--help"]].concat());
    docker.must(&[&["create", "--name", &created], &network[..]].concat());

    let said = refused(&desk, &["docker", "no-such-shop"]);
    assert!(
        said.contains("docker has no container no-such-shop"),
        "{said}"
    );
    assert!(said.contains(&shop), "{said}");
    let said = refused(&desk, &["docker", &ended]);
    assert!(
        said.contains("is not running: it exited with code 0"),
        "{said}"
    );
    let said = refused(&desk, &["docker", &created]);
    assert!(
        said.contains(&format!("has not been started: docker start {created}")),
        "{said}"
    );
    docker.must(&["rm", &ended, &created]);

    let said = refused(
        &desk,
        &[
            "docker",
            &shop,
            "--image",
            "localhost:1/spyhole-is-not-here",
        ],
    );
    assert!(
        said.contains("docker can neither find nor pull the image"),
        "{said}"
    );

    let mut elsewhere = Command::new(lab::spyhole());
    elsewhere
        .args(["docker", &shop])
        .env("DOCKER_HOST", "unix:///nothing/docker.sock");
    let said = host::run(&mut elsewhere).ended_with(3).stderr_text();
    assert!(said.contains("docker does not respond: start it"), "{said}");
}

#[needs(docker)]
fn make_image_builds_by_docker_what_docker_runs() {
    let (desk, docker) = (Desk::with_docker(), DockerLab::get());
    let built = docker.script("image", |command| {
        command
            .env("IMAGE", "spyhole-of-docker")
            .env("BINARY", image::program())
            .env("BUDGET", "200000000");
    });
    built.ended_with(0);
    for (tag, user) in [("latest", "65532:65532"), ("root", "0:0")] {
        let image = format!("spyhole-of-docker:{tag}");
        let inspected: Value = docker.must(&["image", "inspect", &image]).document();
        let config = &inspected[0]["Config"];
        assert_eq!(config["User"], user);
        assert_eq!(config["Entrypoint"], serde_json::json!(["/spyhole"]));
        assert_eq!(list(&inspected[0]["RootFS"], "Layers").len(), 1);
    }
    let web = docker.webapp(&[], &[]);
    let image = ["--image", "spyhole-of-docker:latest"];
    let seen = desk.spyhole(
        &[
            &["docker", name_of(&web)],
            &image[..],
            &["ps", "-o", "json"],
        ]
        .concat(),
    );
    assert_eq!(seen.document()["target"]["container_id"], web.id.as_str());
}
