//! Predictions, written down before the image runs, against what Podman and Docker then print.

use std::fs;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::images::{directory, docker_archive, file, link, programs, tar};
use crate::docker::DockerLab;
use crate::host::{list, run, spyhole};
use crate::lab::Output;
use crate::podman::PodmanLab;

/// The files of all images.
fn layers() -> Vec<Vec<u8>> {
    let (app, dynamic) = programs();
    let mut foreign = app.clone();
    foreign[18] = if foreign[18] == 62 { 183 } else { 62 };
    let base = [
        file("app", 0o755, app),
        file(
            "etc/passwd",
            0o644,
            "root:x:0:0:root:/root:/x\napp:x:1000:1000::/:/x\n",
        ),
        file(
            "etc/group",
            0o644,
            "root:x:0:\napp:x:1000:\nmore:x:77:app\n",
        ),
        file("bin/tool", 0o755, app),
        file("noexec", 0o644, app),
        directory("adir", 0o755),
        file("foreign", 0o755, &foreign),
        file("dynamic", 0o755, dynamic),
        file("script", 0o755, "#!/bin/sh\necho hi\n"),
        file("crlf", 0o755, "#!/bin/tool\r\nx\n"),
        file("scriptok", 0o755, "#!/bin/tool\n"),
        file("scriptdir", 0o755, "#!/adir\n"),
        file("scriptnoexec", 0o755, "#!/noexec\n"),
        file("scriptloop", 0o755, "#!/scriptloop\n"),
        file("scriptempty", 0o755, "#!\n"),
        file("scriptrelative", 0o755, "#!app\n"),
        file("text", 0o755, "echo hi\n"),
        file("empty", 0o755, ""),
        file("wasm", 0o755, "\0asm\x01\0\0\0"),
        file("cut", 0o755, &app[..40]),
        directory("private", 0o700),
        file("private/app", 0o755, app),
        file("root700", 0o700, app),
        file("group", 0o710, app),
        link("loop", "loop"),
        link("dangling", "/nowhere"),
        link("link", "app"),
        link("escape", "../../../../app"),
        file("afile", 0o644, "x"),
        file("bin/hidden", 0o644, app),
        file("usr/bin/hidden", 0o755, app),
        file("bin/plain", 0o644, app),
    ];
    let mut base = base.to_vec();
    for member in &mut base {
        if member.name == "group" {
            member.owner = (0, 77);
        }
    }
    let upper = [
        file("scripts/outer", 0o755, "#!/scriptok\n"),
        file("tmp/.wh.none", 0o644, ""),
    ];
    vec![tar(&base), tar(&upper)]
}

fn cases() -> Vec<(&'static str, Value)> {
    let entry = |path: &str| json!({"Entrypoint": [path]});
    let as_user = |path: &str, user: &str| json!({"Entrypoint": [path], "User": user});
    let within = |path: &str, workdir: &str| json!({"Entrypoint": [path], "WorkingDir": workdir});
    vec![
        ("sound", entry("/app")),
        ("sound-link", entry("/link")),
        ("sound-escape", entry("/escape")),
        ("sound-script", entry("/scriptok")),
        ("sound-scripts", entry("/scripts/outer")),
        ("sound-relative-interpreter", entry("/scriptrelative")),
        ("sound-name", as_user("/app", "app")),
        ("sound-number", as_user("/app", "4321:4321")),
        ("sound-supplementary", as_user("/group", "app")),
        ("sound-new-workdir", within("/app", "/made/here")),
        ("sound-relative", within("./tool", "/bin")),
        ("sound-path", entry("tool")),
        ("sound-path-second", entry("hidden")),
        ("missing", entry("/none")),
        ("missing-deep", entry("/x/y/none")),
        ("missing-cmd", json!({"Cmd": ["/none"]})),
        ("missing-relative", within("./none", "/bin")),
        ("below-file", entry("/afile/app")),
        ("not-executable", entry("/noexec")),
        ("directory", entry("/adir")),
        ("architecture", entry("/foreign")),
        ("loader", entry("/dynamic")),
        ("interpreter", entry("/script")),
        ("carriage-return", entry("/crlf")),
        ("interpreter-directory", entry("/scriptdir")),
        ("interpreter-mode", entry("/scriptnoexec")),
        ("interpreter-loop", entry("/scriptloop")),
        ("interpreter-empty", entry("/scriptempty")),
        ("no-interpreter", entry("/text")),
        ("empty", entry("/empty")),
        ("wasm", entry("/wasm")),
        ("cut-elf", entry("/cut")),
        ("link-loop", entry("/loop")),
        ("link-dangling", entry("/dangling")),
        ("user-missing", as_user("/app", "web")),
        ("group-missing", as_user("/app", "app:web")),
        ("directory-closed", as_user("/private/app", "1000")),
        ("mode-of-others", as_user("/root700", "1000")),
        ("group-of-others", as_user("/group", "4321")),
        ("no-command", json!({})),
        ("empty-command", entry("")),
        ("workdir-file", within("/app", "/afile")),
        ("workdir-below-file", within("/app", "/afile/x")),
        ("workdir-loop", within("/app", "/loop")),
        ("workdir-dangling", within("/app", "/dangling")),
        ("workdir-relative", within("/app", "bin")),
        ("path-missing", entry("nope")),
        (
            "path-other",
            json!({"Entrypoint": ["tool"], "Env": ["PATH=/usr/bin"]}),
        ),
        (
            "path-empty",
            json!({"Entrypoint": ["tool"], "Env": ["PATH="]}),
        ),
        ("path-unexecutable", entry("plain")),
        (
            "shell-form",
            json!({"Entrypoint": ["/bin/sh", "-c", "echo hi"]}),
        ),
    ]
}

fn tag(name: &str) -> String {
    format!("localhost/spyhole-audit-{name}:it")
}

/// Archives of all images: one for the engines, and what is predicted of each.
struct Predicted {
    directory: TempDir,
    reports: Vec<(&'static str, Value)>,
}

fn predict(runtime: &str) -> Predicted {
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("all.tar");
    let images: Vec<_> = cases()
        .into_iter()
        .map(|(name, config)| (tag(name), config))
        .collect();
    fs::write(&archive, docker_archive(&layers(), &images)).unwrap();
    let report = |(name, _): (&'static str, Value)| {
        let tag = tag(name);
        let said = spyhole([
            "audit",
            archive.to_str().unwrap(),
            "--tag",
            &tag,
            "--runtime",
            runtime,
            "-o",
            "json",
        ]);
        assert!(matches!(said.code, Some(0 | 1)), "{name}: {said}");
        (name, said.json())
    };
    let reports = cases().into_iter().map(report).collect();
    Predicted { directory, reports }
}

impl Predicted {
    /// Runs each image, two at a time, and compares.
    fn compare(&self, engine: &str, run: impl Fn(&str) -> Output + Sync) {
        let left = Mutex::new(self.reports.iter());
        let wrong = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        let next = left.lock().unwrap().next();
                        let Some((name, report)) = next else { return };
                        let said = run(&tag(name));
                        if let Err(why) = agrees(engine, report, &said) {
                            wrong.lock().unwrap().push(format!("{name}: {why}"));
                        }
                    }
                });
            }
        });
        let wrong = wrong.into_inner().unwrap();
        assert!(wrong.is_empty(), "{engine}: {}", wrong.join("\n"));
    }
}

fn agrees(engine: &str, report: &Value, said: &Output) -> Result<(), String> {
    let predictions = list(&report["start"], "predictions");
    let prediction = predictions
        .iter()
        .find(|one| one["engine"] == engine)
        .unwrap();
    let text = said.to_string();
    let started = said.stdout_text() == "started\n" && said.code == Some(0);
    if prediction["starts"] == true {
        return if started {
            Ok(())
        } else {
            Err(format!("predicted to start: {text}"))
        };
    }
    if started {
        return Err(format!("predicted to fail: {prediction}"));
    }
    let messages = list(prediction, "messages");
    if !messages
        .iter()
        .any(|message| text.contains(message.as_str().unwrap()))
    {
        return Err(format!("predicted {messages:?}, printed {text}"));
    }
    let codes = list(prediction, "exit_codes");
    if !codes
        .iter()
        .any(|code| code.as_i64() == said.code.map(i64::from))
    {
        return Err(format!("predicted {codes:?}, ended with {:?}", said.code));
    }
    Ok(())
}

#[needs(podman)]
fn what_podman_prints_is_predicted() {
    let podman = PodmanLab::get();
    let predicted = predict("runc");
    let sound = |(name, report): &(&str, Value)| {
        (report["start"]["verdict"] == "yes") == name.starts_with("sound")
    };
    let wrong: Vec<_> = predicted
        .reports
        .iter()
        .filter(|one| !sound(one))
        .map(|one| one.0)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let archive = predicted.directory.path().join("all.tar");
    podman.must(&["load", "--quiet", "--input", archive.to_str().unwrap()]);
    predicted.compare("podman", |tag| podman.podman(&["run", "--rm", tag]));
}

#[needs(podman, crun)]
fn what_podman_prints_with_crun_is_predicted() {
    let podman = PodmanLab::get();
    let predicted = predict("crun");
    let place = predicted.directory.path();
    let archive = place.join("all.tar");
    podman.must(&["load", "--quiet", "--input", archive.to_str().unwrap()]);
    podman.program_in(place);
    let program = place.join("podman");
    predicted.compare("podman", |tag| {
        // crun refuses a hybrid of cgroup v1 and v2, which Podman takes.
        let line = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$0\" --runtime \"$(command -v crun)\" \
            run --rm --cgroups=disabled \"$1\"";
        run(Command::new("unshare").args(["--mount", "sh", "-c", line]).arg(&program).arg(tag))
    });
}

#[needs(docker)]
fn what_docker_prints_is_predicted() {
    let docker = DockerLab::get();
    let predicted = predict("runc");
    let archive = predicted.directory.path().join("all.tar");
    docker.must(&["load", "--quiet", "--input", archive.to_str().unwrap()]);
    predicted.compare("docker", |tag| {
        docker.docker(&["run", "--rm", "--network", "none", tag])
    });
}
