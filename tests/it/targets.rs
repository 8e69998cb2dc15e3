//! Which container is looked into, in each shape in which spyhole is put
//! beside an application, and what is said where there is none or too many.

use std::process::Command;

use super::host::{list, only, run, shell};
use super::lab::{Container, Lab, spyhole};

fn web() -> Container {
    Lab::webapp().uid(1000).start()
}

/// The first lines of comm: whose processes are shown.
fn comms(document: &serde_json::Value) -> Vec<&str> {
    let processes = list(document, "processes").iter();
    processes.map(|one| one["comm"].as_str().unwrap()).collect()
}

// ---- beside an application

#[needs(root)]
fn an_ephemeral_container_looks_at_pid_1_and_leaves_itself_out() {
    let web = web();
    let document = web
        .spyhole()
        .uid(1000)
        .args(["ps", "-o", "json"])
        .run()
        .document();
    assert_eq!(document["target"]["pid"], 1);
    assert_eq!(document["target"]["chosen_by"], "first_process");
    assert_eq!(document["target"]["exe"], "/webapp");
    // The application, two workers and one that ended.
    assert_eq!(comms(&document), ["webapp"; 4]);
}

#[needs(root)]
fn all_shows_the_container_beside_too_but_never_spyhole_itself() {
    let web = web();
    let side = web.beside(&super::lab::example("webapp"));
    let _side = side
        .args(["--listen", "127.0.0.1:8081", "--no-zombie"])
        .ready("ready ")
        .start();
    let seen = web
        .spyhole()
        .args(["ps", "--all", "-o", "json"])
        .run()
        .document();
    assert_eq!(comms(&seen), ["webapp"; 4 + 3]);
    let seen = web.spyhole().args(["ps", "-o", "json"]).run().document();
    assert_eq!(comms(&seen), ["webapp"; 4]);
}

#[needs(root)]
fn self_means_spyholes_own_container() {
    let web = web();
    let document = web
        .spyhole()
        .args(["--self", "ps", "-o", "json"])
        .run()
        .document();
    assert_eq!(document["target"]["chosen_by"], "self");
    assert_eq!(comms(&document), ["spyhole"]);
}

#[needs(root)]
fn injected_into_the_applications_container_it_looks_at_pid_1() {
    let web = Lab::webapp().uid(1000).copy(&spyhole(), "/spyhole").start();
    let pid = web.host_pid.to_string();
    let exec = |words: &[&str]| {
        let mut command = Command::new("nsenter");
        command.args([
            "-t", &pid, "-m", "-p", "-n", "-u", "-i", "-C", "-r", "-w", "-S", "1000", "-G", "1000",
        ]);
        run(command.args(["--", "/spyhole"]).args(words))
    };
    let document = exec(&["ps", "-o", "json"]).document();
    assert_eq!(document["target"]["pid"], 1);
    assert_eq!(document["target"]["chosen_by"], "first_process");
    assert_eq!(
        comms(&document),
        ["webapp"; 4],
        "spyhole itself is left out"
    );
    let containers = exec(&["containers", "-o", "json"]).document();
    let own = only(list(&containers, "containers"), |_| true);
    assert_eq!(
        (&own["target"], &own["self"]),
        (&true.into(), &true.into()),
        "{own:#}"
    );
}

// ---- in a pod that shares its PID namespace

#[needs(root)]
fn in_a_pod_with_one_application_that_is_the_target() {
    let pod = Lab::pod();
    let _web = pod.webapp().uid(1000).start();
    let document = pod.spyhole().args(["dump", "-o", "json"]).run().document();
    assert_eq!(document["target"]["chosen_by"], "only_container");
    assert_eq!(document["target"]["comm"], "webapp");
    assert_eq!(comms(&document), ["webapp"; 4]);
    let containers = list(&document, "containers");
    let roles = |role: &str| containers.iter().filter(|one| one[role] == true).count();
    assert_eq!(
        (containers.len(), roles("target"), roles("self")),
        (3, 1, 1),
        "{document:#}"
    );
    let pause = only(containers, |one| one["kind"] == "pause");
    assert_eq!(
        (&pause["main_pid"], &pause["target"]),
        (&1.into(), &false.into())
    );
}

#[needs(root)]
fn with_two_applications_it_asks_for_one_and_the_flag_it_names_works() {
    let pod = Lab::pod();
    let _web = pod.webapp().uid(1000).start();
    let _side = pod
        .webapp()
        .uid(2000)
        .args(["--listen", "127.0.0.1:8081", "--no-zombie"])
        .start();
    let seen = pod.spyhole().arg("ps").run().ended_with(3);
    assert!(seen.stdout.is_empty(), "{seen}");
    let said = seen.stderr_text();
    let flags: Vec<&str> = said
        .lines()
        .filter(|line| line.trim().starts_with("--container") && line.contains("webapp"))
        .map(|line| line.split_whitespace().nth(1).unwrap())
        .collect();
    assert_eq!(flags.len(), 2, "{seen}");
    let counts = flags.iter().map(|flag| {
        let document = pod
            .spyhole()
            .args(["-c", flag, "ps", "-o", "json"])
            .run()
            .document();
        assert_eq!(document["target"]["chosen_by"], "container");
        assert_eq!(*flag, format!("pid-{}", document["target"]["pid"]));
        comms(&document).len()
    });
    assert_eq!(counts.collect::<Vec<_>>(), [4, 3], "one has left a zombie");
    // A list of what is in sight needs no target.
    let listed = pod
        .spyhole()
        .args(["containers", "-o", "json"])
        .run()
        .document();
    assert_eq!(list(&listed, "containers").len(), 4);
    assert_eq!(listed.get("target"), None);
}

#[needs(root)]
fn a_zombie_stands_in_its_own_container() {
    let pod = Lab::pod();
    let _web = pod.webapp().uid(1000).start();
    let _side = pod
        .webapp()
        .uid(2000)
        .args(["--listen", "127.0.0.1:8081", "--no-zombie"])
        .start();
    let document = pod
        .spyhole()
        .args(["containers", "-o", "json"])
        .run()
        .document();
    let counts = list(&document, "containers")
        .iter()
        .filter(|one| one["main_comm"] == "webapp");
    let counts: Vec<_> = counts
        .map(|one| one["process_count"].as_i64().unwrap())
        .collect();
    assert_eq!(counts, [4, 3], "{document:#}");
    let all = pod
        .spyhole()
        .args(["ps", "--all", "-o", "json"])
        .run()
        .document();
    let zombie = only(list(&all, "processes"), |one| one["zombie"] == true);
    let parent = only(list(&all, "processes"), |one| one["pid"] == zombie["ppid"]);
    assert_eq!(
        (&zombie["comm"], &zombie["state"]),
        (&"webapp".into(), &"zombie".into())
    );
    assert_eq!(
        zombie.get("container"),
        parent.get("container"),
        "{zombie:#}"
    );
    let table = pod
        .spyhole()
        .args(["ps", "--all"])
        .run()
        .ended_with(0)
        .stdout_text();
    assert!(table.contains("[webapp] <defunct>"), "{table}");
}

#[needs(root)]
fn the_zombie_of_pid_1_belongs_to_the_target() {
    let web = web();
    let document = web.spyhole().args(["ps", "-o", "json"]).run().document();
    let zombie = only(list(&document, "processes"), |one| one["zombie"] == true);
    assert_eq!(zombie["ppid"], 1);
    assert_eq!(zombie["args"], serde_json::json!([]));
    assert_eq!(
        (zombie.get("exe"), zombie.get("fd_count")),
        (None, None),
        "does not apply: {zombie:#}"
    );
}

// ---- nobody to look at

#[needs(root)]
fn alone_it_prints_its_own_container_and_says_how_to_attach() {
    let seen = Lab::bare().args(["ps", "-o", "json"]).run().ended_with(3);
    let document = seen.json();
    assert_eq!(document["target"]["chosen_by"], "nobody_else");
    assert_eq!(
        comms(&document),
        ["spyhole"],
        "the document is printed all the same"
    );
    for word in [
        "kubectl debug",
        "--target=",
        "docker run",
        "podman run",
        "shareProcessNamespace",
        "--self",
    ] {
        assert!(seen.stderr_text().contains(word), "no {word}: {seen}");
    }
    // It has to be said even to those who want it quiet.
    let quiet = Lab::bare().args(["-q", "ps"]).run().ended_with(3);
    assert!(quiet.stderr_text().contains("kubectl debug"), "{quiet}");
    let meant = Lab::bare().args(["--self", "ps", "-o", "json"]).run();
    assert_eq!(meant.document()["target"]["chosen_by"], "self");
    assert!(meant.stderr.is_empty(), "{meant}");
}

#[needs(root)]
fn beside_nothing_but_a_pause_it_says_so() {
    let pod = Lab::pod();
    for words in [["dump"].as_slice(), &["containers"], &["ps"], &["env"]] {
        let seen = pod.spyhole().args(words).run().ended_with(3);
        assert!(
            seen.stderr_text()
                .contains("only the pause container and its own"),
            "{words:?}: {seen}"
        );
    }
}

#[needs(root)]
fn a_proc_that_hides_others_is_named_and_not_taken_for_nobody() {
    let web = web();
    for option in ["hidepid=1", "hidepid=2"] {
        let viewer = web.spyhole().uid(65532).caps("none").proc_options(option);
        let seen = viewer.args(["ps", "-o", "json"]).run();
        let told = seen.stderr_text() + &seen.stdout_text();
        assert!(told.contains("hidepid"), "{option}: {seen}");
        assert_ne!(seen.code, Some(0), "{option}: PID 1 was not seen: {seen}");
    }
}

// ---- named

#[needs(root)]
fn a_pid_names_one_process() {
    let web = web();
    let all = web.spyhole().args(["ps", "-o", "json"]).run().document();
    let worker = &only(list(&all, "processes"), |one| {
        one["ppid"] == 1 && one["zombie"] == false && one["pid"] == 2
    })["pid"];
    let document = web
        .spyhole()
        .args(["--pid", &worker.to_string(), "ps", "-o", "json"])
        .run()
        .document();
    assert_eq!(&document["target"]["pid"], worker);
    assert_eq!(document["target"]["chosen_by"], "pid");
    assert_eq!(comms(&document).len(), 1);
}

#[test]
fn spyhole_itself_when_named_is_seen_as_whole_as_any_other() {
    let line = r#"NAMED=yes exec "$0" --pid $$ dump -o json"#;
    let document = shell(line).document();
    let own = only(list(&document, "processes"), |_| true);
    assert_eq!(own["comm"], "spyhole");
    assert!(own["args"].is_array() && own["exe"].is_string(), "{own:#}");
    let variables = list(&list(&document, "environment")[0], "variables");
    assert_eq!(
        only(variables, |one| one["name"] == "NAMED")["value"],
        "yes"
    );
}

#[needs(root)]
fn who_is_not_there_is_named() {
    let pod = Lab::pod();
    let _web = pod.webapp().start();
    for words in [["--pid", "4999"], ["-c", "pid-4999"]] {
        let seen = pod.spyhole().args(words).arg("ps").run().ended_with(3);
        assert!(
            seen.stderr_text().contains("process 4999 not found"),
            "{seen}"
        );
        assert!(seen.stdout.is_empty(), "{seen}");
    }
    let seen = pod.spyhole().args(["-c", "wbe", "ps"]).run().ended_with(3);
    let said = seen.stderr_text();
    assert!(
        said.contains(r#"no container named "wbe"; visible containers:"#),
        "{seen}"
    );
    let listed: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("--container pid-"))
        .collect();
    assert!(
        listed.iter().any(|line| line.contains("webapp (pid 2")),
        "{seen}"
    );
    assert!(listed.iter().all(|line| !line.contains("pause")), "{seen}");
}

// ---- another /proc

#[needs(root)]
fn through_the_nodes_proc_a_container_is_named_by_a_pid_of_the_node() {
    let web = web();
    let name = format!("pid-{}", web.host_pid);
    let from_elsewhere = Lab::bare()
        .caps("+sys_ptrace")
        .bind_read_only("/proc".as_ref(), "/host/proc");
    let words = ["--proc", "/host/proc", "-c", &name, "ps", "-o", "json"];
    let document = from_elsewhere.clone().args(words).run().document();
    assert_eq!(document["target"]["pid"], web.host_pid);
    assert_eq!(document["target"]["exe"], "/webapp");
    assert_eq!(comms(&document), ["webapp"; 4]);
    let main = only(list(&document, "processes"), |one| {
        one["pid"] == web.host_pid
    });
    assert_eq!(main["namespace_pids"], serde_json::json!([1]));
    // Unnamed it is the node itself, whose PID 1 stands in sight.
    let node = from_elsewhere
        .args(["--proc", "/host/proc", "containers", "-o", "json"])
        .run()
        .document();
    let target = only(list(&node, "containers"), |one| one["target"] == true);
    assert_eq!(target["main_pid"], 1);
    let own = only(list(&node, "containers"), |one| one["self"] == true);
    assert_eq!(
        (&own["main_comm"], &own["target"]),
        (&"spyhole".into(), &false.into())
    );
}
