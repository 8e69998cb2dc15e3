//! `spyhole podman|docker NAME --serve`, by the real engines: a port of this machine leads to a server beside the
//! container, and nothing of either remains.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use nix::sys::signal::Signal;

use super::Desk;
use super::podman::{companions, name_of};
use crate::docker::DockerLab;
use crate::lab;
use crate::lab::process::Process;
use crate::patience::eventually;
use crate::podman::PodmanLab;
use crate::support::http;

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A container, and the engine that runs it.
struct Served<'a> {
    desk: Desk,
    engine: &'a str,
    id: &'a str,
    /// The ids of containers in its namespaces of processes.
    companions: &'a dyn Fn() -> Vec<String>,
    /// What the engine says of a container.
    inspect: &'a dyn Fn(&str) -> String,
}

#[needs(podman)]
fn a_port_leads_to_a_server_beside_a_container_of_podman_and_nothing_remains() {
    let podman = PodmanLab::get();
    let web = podman.webapp(&["--user", "1000:1000"], &[]);
    a_port_leads_to_a_server(&Served {
        desk: Desk::with_podman(),
        engine: "podman",
        id: &web.id,
        companions: &|| companions(&web),
        inspect: &|id| podman.must(&["container", "inspect", id]).stdout_text(),
    });
}

#[needs(docker)]
fn a_port_leads_to_a_server_beside_a_container_of_docker_and_nothing_remains() {
    let docker = DockerLab::get();
    let web = docker.webapp(&[], &[]);
    a_port_leads_to_a_server(&Served {
        desk: Desk::with_docker(),
        engine: "docker",
        id: &web.id,
        companions: &|| docker.companions(&web),
        inspect: &|id| docker.must(&["container", "inspect", id]).stdout_text(),
    });
}

fn a_port_leads_to_a_server(container: &Served) {
    let Served { desk, id, .. } = container;
    let script = "#!/bin/sh\ndir=${0%/*}\nprintf '%s %s\\n' \"$1\" \"$(stat -c %a \"$1\")\" \
        > \"$dir/opened\"\ncat \"$1\" > \"$dir/shown\"\n";
    desk.put("xdg-open", script);
    let port = free_port();
    let mut command = Command::new(lab::spyhole());
    command
        .args([container.engine, &id[..12], "--serve", "--open"])
        .args(["--port", &port.to_string(), "--", "serve", "--allow-files"])
        .env("PATH", desk.search_path())
        .env_remove("SPYHOLE_IMAGE");
    let mut served = Process::start(&mut command, Signal::SIGINT);
    let link = eventually("the page is offered", || {
        let said = served.said();
        let link = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("in a browser: "));
        link.map(str::to_owned).ok_or(said)
    });
    let (url, token) = link.split_once("#token=").unwrap();
    assert_eq!(url, format!("http://127.0.0.1:{port}/"));
    let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let bearer = format!("Bearer {token}");
    let ask = |path: &str, headers: &[(&str, &str)]| http::get(address, path, headers);
    let html = ("Accept", "text/html");
    let page = ask("/", &[html, ("Sec-Fetch-Site", "none")]);
    assert_eq!(page.status, 200, "{}", page.head);
    assert!(page.text().contains("web/app.js"), "{}", page.text());
    assert_eq!(ask("/v1/dump", &[]).status, 401);
    let dump = ask("/v1/dump", &[("Authorization", &bearer)]);
    assert_eq!(dump.status, 200, "{}", dump.text());
    assert_eq!(dump.json()["target"]["container_id"], *id);
    let program = ask(
        "/v1/files/content?path=/webapp",
        &[("Authorization", &bearer)],
    );
    assert!(program.body == fs::read(lab::example("webapp")).unwrap());

    // The token is in no argument, no specification and no file that others read.
    let beside = (container.companions)();
    let [beside] = beside.as_slice() else {
        panic!("{beside:?}");
    };
    let specified = (container.inspect)(beside);
    assert!(specified.contains("--token-stdin"), "{specified}");
    assert!(!specified.contains(token), "{specified}");
    let arguments = fs::read_dir("/proc").unwrap().flatten();
    let arguments = arguments.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    for words in arguments {
        let words = String::from_utf8_lossy(&words).into_owned();
        assert!(!words.contains(token), "{words}");
    }
    let opened = fs::read_to_string(desk.path().join("opened")).unwrap();
    let (path, mode) = opened.trim().split_once(' ').unwrap();
    assert_eq!(mode, "600");
    let shown = fs::read_to_string(desk.path().join("shown")).unwrap();
    assert!(shown.contains(&link), "{shown}");

    served.signal(Signal::SIGINT);
    let seen = served.wait();
    assert_eq!(seen.code, Some(0), "{seen}");
    assert!(
        seen.stderr_text().contains("the server has ended"),
        "{seen}"
    );
    assert!(!std::path::Path::new(path).exists(), "{path}");
    eventually("its container is removed", || {
        (container.companions)().is_empty()
    });
}

#[needs(podman)]
fn what_cannot_be_served_so_is_refused_before_anything_starts() {
    let desk = Desk::with_podman();
    let web = PodmanLab::get().webapp(&["--user", "1000:1000"], &[]);
    let name = name_of(&web);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (words, said) in [
        (
            &["--serve", "--port", port.as_str()][..],
            "--port sets another one",
        ),
        (
            &["--serve", "--", "ps"],
            "--serve serves all sections: remove ps",
        ),
        (
            &["--serve", "--", "serve", "--listen=0.0.0.0:1"],
            "remove --listen=0.0.0.0:1",
        ),
        (
            &["--serve", "--", "serve", "--insecure-no-auth"],
            "remove --insecure-no-auth",
        ),
        (&["--open"], "--serve"),
    ] {
        let words = [&["podman", name], words].concat();
        let seen = desk.spyhole(&words).ended_with(2);
        assert!(seen.stderr_text().contains(said), "{said}: {seen}");
    }
    assert_eq!(companions(&web), Vec::<String>::new());
    let planned = desk.spyhole(&["podman", name, "--serve", "--dry-run"]);
    let lines = planned.stdout_text();
    let [start, relay] = lines.lines().collect::<Vec<_>>()[..] else {
        panic!("{planned}");
    };
    assert!(start.contains(" --interactive --name spyhole-"), "{start}");
    assert!(
        start.contains(" serve --listen=unix:/run/spyhole-"),
        "{start}"
    );
    assert!(
        relay.starts_with("podman exec --interactive spyhole-"),
        "{relay}"
    );
}
