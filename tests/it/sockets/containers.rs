//! In containers: what a debug container sees of its target's sockets, as whom.

use serde_json::Value;

use super::{gap, parsed, sockets};
use crate::lab::{Container, Lab, Setup, example};

fn listener(document: &Value) -> &Value {
    let mut found = sockets(document)
        .iter()
        .filter(|socket| socket["state"] == "listen");
    found
        .next()
        .unwrap_or_else(|| panic!("no listener: {document}"))
}

fn web() -> Container {
    Lab::webapp().uid(1000).caps("none").start()
}

fn look(setup: Setup) -> Value {
    parsed(&setup.args(["ss", "-tlnp", "-o", "json"]).run())
}

#[needs(root)]
fn root_with_ptrace_and_the_same_user_see_it_all() {
    let web = web();
    let root = web.spyhole().uid(0).caps("+sys_ptrace");
    let same = web.spyhole().uid(1000).caps("none").no_new_privs();
    for setup in [root, same] {
        let document = look(setup);
        let socket = listener(&document);
        assert_eq!(socket["loopback_only"], true, "{socket}");
        assert_eq!(socket["local_address"], "127.0.0.1");
        assert_eq!(socket["local_port"], 8080);
        assert_eq!(socket["uid"], 1000);
        assert_eq!(socket["owners"][0]["pid"], 1);
        assert_eq!(socket["owners"][0]["name"], "webapp");
        assert!(socket["accept_queue_limit"].is_u64(), "{socket}");
        assert!(socket.get("held_elsewhere").is_none());
        assert_eq!(document["gaps"], Value::Array(Vec::new()));
        let sources = &document["socket_sources"][0];
        assert_eq!(sources["same_as_viewer"], true, "{sources}");
    }
}

#[needs(root)]
fn a_stranger_is_told_why_the_owner_is_not_seen() {
    let web = web();
    let stranger = || web.spyhole().uid(65_532).caps("none").no_new_privs();
    let document = look(stranger());
    let socket = listener(&document);
    assert_eq!(socket["owners"], Value::Null, "{socket}");
    assert!(socket.as_object().unwrap().contains_key("owners"));
    // The namespace is proved to be the same without the link that takes a ptrace check.
    assert_eq!(document["socket_sources"][0]["sources"]["tcp"], "sock_diag");
    let gap = gap(&document, "owners").unwrap();
    assert_eq!(gap["reason"], "uid");
    assert!(gap["needs"].as_str().unwrap().contains("uid 1000"), "{gap}");
    assert!(
        gap["subjects"].as_array().unwrap().contains(&1.into()),
        "{gap}"
    );
    let table = stranger().args(["ss", "-tlnp"]).run();
    let text = table.stdout_text();
    let line = text
        .lines()
        .find(|line| line.contains("127.0.0.1:8080"))
        .unwrap();
    assert!(line.contains(" ? "), "{table}");
    assert!(line.contains("loopback only"), "{table}");
    assert!(text.contains("not the same user"), "{table}");
    let strict = stranger().args(["ss", "-p", "--strict"]).run();
    assert_eq!(strict.code, Some(4), "{strict}");
    // Owners that were not asked for are not missing.
    let strict = stranger().args(["ss", "--strict"]).run();
    assert_eq!(strict.code, Some(0), "{strict}");
    assert!(!strict.stdout_text().contains('?'), "{strict}");
}

#[needs(root)]
fn root_without_ptrace_is_no_better_than_a_stranger() {
    let web = web();
    let document = look(web.spyhole().uid(0).caps("default"));
    assert_eq!(listener(&document)["owners"], Value::Null);
    assert_eq!(gap(&document, "owners").unwrap()["reason"], "uid");
}

#[needs(root)]
fn a_full_accept_queue_is_remarked() {
    let stuck = Lab::program(&example("full_queue")).ready("ready ").start();
    let root = || stuck.spyhole().uid(0).caps("+sys_ptrace");
    let document = look(root());
    let socket = listener(&document);
    assert_eq!(socket["accept_queue_limit"], 1, "{socket}");
    assert_eq!(socket["accept_queue"], 2, "{socket}");
    assert_eq!(socket["loopback_only"], false);
    let table = root().args(["ss", "-tlnp"]).run();
    assert!(table.stdout_text().contains("accept queue full"), "{table}");
}

#[needs(root)]
fn from_another_network_the_tables_serve() {
    let web = web();
    let setup = web.spyhole().share_net(false);
    let document = look(setup.uid(1000).caps("none"));
    let socket = listener(&document);
    assert_eq!(
        (&socket["local_port"], &socket["accept_queue"]),
        (&8080.into(), &0.into())
    );
    assert_eq!(socket["owners"][0]["pid"], 1);
    assert_eq!(socket["accept_queue_limit"], Value::Null);
    let told = gap(&document, "accept_queue_limit").unwrap();
    assert!(
        told["needs"]
            .as_str()
            .unwrap()
            .contains("network namespace")
    );
    let sources = &document["socket_sources"][0];
    assert_eq!(sources["same_as_viewer"], false);
    assert_eq!(sources["sources"]["tcp"], "proc");
}

#[needs(root)]
fn what_another_container_of_the_pod_holds_is_not_nobodys() {
    let pod = Lab::pod();
    let _one = pod.webapp().uid(1000).caps("none").start();
    let two = pod.webapp().uid(1001).caps("none");
    let two = two.args(["--listen", "127.0.0.1:8081"]).start();
    let host_pid = two.host_pid.to_string();
    let document = super::document(&["--pid", &host_pid, "-tl"]);
    let port = |port: u64| {
        let mut all = sockets(&document).iter();
        all.find(|socket| socket["local_port"] == port).unwrap()
    };
    assert_eq!(port(8081)["owners"][0]["pid"], two.host_pid);
    assert_eq!(port(8080)["owners"], Value::Array(Vec::new()));
    assert_eq!(port(8080)["held_elsewhere"], true);
}
