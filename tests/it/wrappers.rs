//! Containers whose first process only starts the application: tini, dumb-init, catatonit, a shell
//! and spyhole itself, as they are installed here.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::host::{list, only, run};
use super::lab::{Lab, Setup, example, spyhole};
use crate::support::needs::allowed;

/// What a program loads, as ldd prints it; empty for a static one.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let seen = run(Command::new("ldd").arg(program)).stdout_text();
    let words = seen.split_whitespace();
    words
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

/// A container whose first process is this program, with the sample application beside it.
fn wrapped_by(setup: Setup, program: &Path) -> Setup {
    libraries(program)
        .iter()
        .fold(setup, |setup, library| {
            setup.copy(&library.canonicalize().unwrap(), library.to_str().unwrap())
        })
        .copy(&example("webapp"), "/webapp")
        .env("MARK", "of the wrapper")
        .ready("ready ")
}

/// Each wrapper with the words that make it start the application.
fn wrappers() -> Vec<(PathBuf, Vec<&'static str>)> {
    let app = ["/webapp", "--no-zombie"];
    vec![
        ("/usr/bin/tini".into(), vec!["--", app[0], app[1]]),
        (
            "/usr/bin/tini-static".into(),
            vec!["-g", "--", app[0], app[1]],
        ),
        ("/usr/bin/dumb-init".into(), vec!["--", app[0], app[1]]),
        (
            "/usr/libexec/podman/catatonit".into(),
            vec!["--", app[0], app[1]],
        ),
        (
            "/bin/sh".into(),
            vec!["-c", "MARK=other /webapp --no-zombie; true"],
        ),
        (spyhole(), vec!["run", "--", app[0], app[1]]),
    ]
}

fn stands(program: &Path) -> Result<(), String> {
    let there = program.exists().then_some(());
    there.ok_or_else(|| format!("no {}: see scripts/prepare", program.display()))
}

fn first_wrapper(document: &Value) -> &Value {
    &list(&document["target"], "wrappers")[0]
}

#[needs(root)]
fn the_program_behind_a_wrapper_is_the_target() {
    for (program, words) in wrappers() {
        let name = program.file_name().unwrap().to_str().unwrap();
        if !allowed(&format!("wrappers: {name}"), &stands(&program)) {
            continue;
        }
        // Debian has links for some.
        let program = program.canonicalize().unwrap();
        let web = wrapped_by(Lab::program(&program), &program)
            .args(words)
            .start();
        let seen = web.spyhole().args(["env", "-o", "json"]).run();
        let document = seen.document();
        let target = &document["target"];
        assert_eq!(target["comm"], "webapp", "{name}: {document:#}");
        assert_eq!(target["chosen_by"], "behind_wrapper", "{name}");
        assert_ne!(target["pid"], 1);
        let wrapper = first_wrapper(&document);
        assert_eq!(
            (&wrapper["pid"], &wrapper["recognised_by"]),
            (&1.into(), &"exe".into())
        );
        let environment = &list(&document, "environment")[0];
        assert_eq!(environment["pid"], target["pid"], "{name}");
        let mark = only(list(environment, "variables"), |one| one["name"] == "MARK");
        let value = if name == "sh" {
            "other"
        } else {
            "of the wrapper"
        };
        assert_eq!(mark["value"], value, "{name}");
        let table = web
            .spyhole()
            .args(["env"])
            .run()
            .ended_with(0)
            .stdout_text();
        assert!(
            table.contains("pid 1 (") && table.contains("--pid 1"),
            "{table}"
        );

        // The container is still that of its first process.
        let document = web
            .spyhole()
            .args(["containers", "-o", "json"])
            .run()
            .document();
        let container = only(list(&document, "containers"), |one| one["target"] == true);
        assert_eq!(container["main_pid"], 1, "{document:#}");
        // Named by its number it is the wrapper that is meant.
        let words = ["--pid", "1", "env", "-o", "json"];
        let document = web.spyhole().args(words).run().document();
        assert_eq!(document["target"]["pid"], 1);
        assert_eq!(document["target"]["chosen_by"], "pid");
        assert!(document["target"].get("wrappers").is_none());
        web.stop();
    }
}

#[needs(root)]
fn where_the_program_is_hidden_its_name_tells_and_that_is_said() {
    let tini = Path::new("/usr/bin/tini-static");
    if !allowed("wrappers: tini", &stands(tini)) {
        return;
    }
    let web = wrapped_by(Lab::program(tini), tini)
        .args(["--", "/webapp", "--no-zombie"])
        .start();
    let stranger = || web.spyhole().uid(65532).gid(65532).caps("none");
    let document = stranger().args(["ps", "-o", "json"]).run().document();
    assert_eq!(document["target"]["comm"], "webapp", "{document:#}");
    let wrapper = first_wrapper(&document);
    assert_eq!(wrapper["recognised_by"], "name", "{document:#}");
    assert!(wrapper.get("exe").is_none());
    let table = stranger().args(["caps"]).run();
    assert!(
        table.stdout_text().contains("judging by its name"),
        "{table}"
    );
}

#[needs(root)]
fn with_several_children_it_stays_pid_1() {
    let sh = &Path::new("/bin/sh").canonicalize().unwrap();
    let words = "/webapp --no-zombie --listen 127.0.0.1:8081 & /webapp --no-zombie; true";
    let web = wrapped_by(Lab::program(sh), sh).args(["-c", words]).start();
    super::patience::eventually("both run", || {
        let document = web.spyhole().args(["ps", "-o", "json"]).run().document();
        let children = list(&document, "processes").iter();
        children
            .filter(|one| one["ppid"] == 1 && one["comm"] == "webapp")
            .count()
            == 2
    });
    let document = web.spyhole().args(["env", "-o", "json"]).run().document();
    assert_eq!(document["target"]["pid"], 1, "{document:#}");
    assert_eq!(document["target"]["chosen_by"], "first_process");
}

#[needs(root)]
fn one_wrapper_behind_another_and_in_a_pod() {
    let (tini, sh) = (Path::new("/usr/bin/tini-static"), Path::new("/bin/sh"));
    if !allowed("wrappers: tini", &stands(tini)) {
        return;
    }
    let pod = Lab::pod();
    let setup = wrapped_by(pod.program(tini), sh).copy(&sh.canonicalize().unwrap(), "/bin/sh");
    let words = ["--", "/bin/sh", "-c", "/webapp --no-zombie; true"];
    let _web = setup.args(words).start();
    // The pod ends first, and all that is in it.
    let pod = pod;
    let document = pod.spyhole().args(["env", "-o", "json"]).run().document();
    let target = &document["target"];
    assert_eq!(target["comm"], "webapp", "{document:#}");
    assert_eq!(target["chosen_by"], "only_container");
    let names: Vec<&Value> = list(target, "wrappers")
        .iter()
        .map(|one| &one["comm"])
        .collect();
    assert_eq!(names, ["tini-static", "sh"]);
    assert_eq!(list(&document, "environment")[0]["pid"], target["pid"]);
}
