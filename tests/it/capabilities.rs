//! The section `capabilities` against getpcaps, capsh and setcap, and in the lab.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use super::lab::{Container, Lab, process, spyhole};
use super::support::fake_root::FakeRoot;
use super::support::idle::Idle;

/// What a program of libcap says; `None` where it is not installed.
fn libcap(program: &str, args: &[&str]) -> Option<String> {
    let sbin = format!("/usr/sbin/{program}");
    let program = if Path::new(&sbin).exists() {
        &sbin
    } else {
        program
    };
    let output = Command::new(program).args(args).output().ok()?;
    // getpcaps of Debian 11 and older speaks to stderr.
    let text = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    Some(String::from_utf8(text).unwrap().trim_end().to_owned())
}

pub(crate) fn has_libcap() -> bool {
    libcap("capsh", &["--decode=0"]).is_some()
}

fn caps(args: &[&str]) -> process::Output {
    process::run(spyhole().as_os_str(), |command| {
        command.arg("caps").args(args);
    })
}

/// The context of a process, as the host sees it.
fn of_pid(pid: i32, more: &[&str]) -> Value {
    let pid = pid.to_string();
    document(&caps(&[&["--pid", &pid, "-o", "json"], more].concat()))["capabilities"][0].clone()
}

/// The context of a container's main process, seen from beside it as root.
fn of_container(container: &Container) -> Value {
    let beside = container.spyhole().uid(0).caps("+sys_ptrace");
    let seen = beside.args(["caps", "-o", "json"]).run();
    document(&seen)["capabilities"][0].clone()
}

fn document(output: &process::Output) -> Value {
    assert_eq!(output.code, Some(0), "{output}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn verdict<'a>(context: &'a Value, clause: &str) -> &'a str {
    let clauses = context["pod_security"]["clauses"].as_array().unwrap();
    let found = clauses.iter().find(|one| one["clause"] == clause);
    found.unwrap()["verdict"].as_str().unwrap()
}

/// Numbers that look random and are the same in each run.
fn random(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[needs(libcap)]
fn decodes_as_capsh() {
    let bits = (0..64).map(|bit| 1_u64 << bit);
    let masks = bits
        .chain((0..40).map(random))
        .chain([0, u64::MAX, 0xa804_25fb]);
    for mask in masks {
        let text = format!("{mask:016x}");
        let wanted = libcap("capsh", &[&format!("--decode={text}")]).unwrap();
        let seen = caps(&["--decode", &text]);
        assert_eq!(seen.stdout_text().trim_end(), wanted, "{seen}");
        assert_eq!(seen.code, Some(0));
    }
}

#[test]
fn decoding_needs_no_target() {
    let seen = caps(&["--decode", "0x3", "--proc", "/nowhere", "-o", "json"]);
    let document = document(&seen);
    assert_eq!(document["decoded"]["names"][1], "cap_dac_override");
    assert_eq!(document["decoded"]["mask"], "0000000000000003");
    assert_eq!(document.get("capabilities"), None);
    for wrong in ["", "cap_kill", "10000000000000000"] {
        let seen = caps(&["--decode", wrong]);
        assert_eq!(seen.code, Some(2), "{seen}");
        assert!(seen.stderr_text().contains("hexadecimal"), "{seen}");
    }
}

#[needs(libcap)]
fn every_process_reads_as_getpcaps_says() {
    let mut compared = 0;
    for entry in fs::read_dir("/proc").unwrap() {
        let Ok(pid) = entry.unwrap().file_name().to_string_lossy().parse::<i32>() else {
            continue;
        };
        let text = pid.to_string();
        let said = || libcap("getpcaps", &[&text]).unwrap();
        let before = said();
        let seen = caps(&["--pid", &text, "-o", "json"]);
        // Gone, or changed, in between.
        if seen.code != Some(0) || said() != before || !before.starts_with(&text) {
            continue;
        }
        let document: Value = serde_json::from_slice(&seen.stdout).unwrap();
        if let Some(own) = document["capabilities"][0]["text"].as_str() {
            assert_eq!(format!("{pid}: {own}"), before);
            compared += 1;
        }
        if compared == 60 {
            break;
        }
    }
    assert!(compared > 0);
}

#[needs(root, libcap)]
fn capabilities_added_and_dropped() {
    for (flags, added, dropped) in [
        ("default", vec![], vec![]),
        (
            "+sys_ptrace,-net_raw",
            vec!["cap_sys_ptrace"],
            vec!["cap_net_raw"],
        ),
        ("=chown,kill", vec![], vec!["cap_dac_override"]),
        ("none", vec![], vec!["cap_chown"]),
    ] {
        let web = Lab::webapp().uid(0).caps(flags).start();
        let context = of_container(&web);
        let said = libcap("getpcaps", &[&web.host_pid.to_string()]).unwrap();
        let (_, said) = said.split_once(": ").unwrap();
        assert_eq!(context["text"], said, "{flags}");
        let docker = &context["against_defaults"];
        let mut docker = docker.as_array().unwrap().iter();
        let docker = docker.find(|one| one["runtimes"][0] == "docker").unwrap();
        let holds =
            |list: &str, name: &&str| docker[list].as_array().unwrap().contains(&(*name).into());
        assert!(added.iter().all(|name| holds("added", name)), "{docker}");
        assert!(
            dropped.iter().all(|name| holds("dropped", name)),
            "{docker}"
        );
        assert_eq!(docker["added"].as_array().unwrap().len(), added.len());
        let held = context["held"].as_array().unwrap().len();
        assert_eq!(
            held,
            context["sets"]["permitted"]["names"]
                .as_array()
                .unwrap()
                .len()
        );
    }
}

#[needs(root)]
fn an_ambient_capability_is_held_by_a_user() {
    let web = Lab::webapp()
        .uid(1000)
        .caps("none")
        .ambient("net_bind_service");
    let context = of_container(&web.start());
    for set in [
        "effective",
        "permitted",
        "inheritable",
        "ambient",
        "bounding",
    ] {
        assert_eq!(context["sets"][set]["mask"], "0000000000000400", "{set}");
    }
    assert_eq!(context["text"], "cap_net_bind_service=eip");
    assert_eq!(verdict(&context, "capabilities drop ALL"), "fits");
    assert_eq!(context["held"][0]["risk"], "low");
}

#[needs(root)]
fn a_hardened_container_fits_restricted() {
    let hardened = || {
        Lab::webapp()
            .uid(1000)
            .caps("none")
            .no_new_privs()
            .seccomp("default-like")
    };
    let context = of_container(&hardened().start());
    assert_eq!(context["no_new_privs"], true);
    assert_eq!(context["seccomp"], "filter");
    assert_eq!(context["seccomp_filters"], 1);
    assert_eq!(context["pod_security"]["fits"], "restricted", "{context:#}");
    assert_eq!(verdict(&context, "hostPID"), "fits");
    assert_eq!(verdict(&context, "hostPath volumes"), "not_judged");
    assert_eq!(context["dumpable"], "yes");

    let context = of_container(&Lab::webapp().uid(0).start());
    assert_eq!(context["no_new_privs"], false);
    assert_eq!(
        (&context["seccomp"], &context["seccomp_filters"]),
        (&"off".into(), &0.into())
    );
    assert_eq!(context["pod_security"]["fits"], "baseline");
    assert_eq!(verdict(&context, "runAsNonRoot"), "fails");
    assert_eq!(context["dumpable"], "unknown");

    let context = of_container(&Lab::webapp().uid(0).caps("+sys_ptrace").start());
    assert_eq!(context["pod_security"]["fits"], "privileged");
}

#[needs(root)]
fn ids_have_the_names_that_the_target_gives_them() {
    let house = TempDir::new().unwrap();
    let (passwd, group) = (house.path().join("passwd"), house.path().join("group"));
    fs::write(&passwd, "shop:x:1234:77::/:/none\n").unwrap();
    fs::write(&group, "till:x:77:\n").unwrap();
    let web = Lab::webapp().uid(1234).gid(77).caps("none");
    let web = web
        .copy(&passwd, "/etc/passwd")
        .copy(&group, "/etc/group")
        .start();
    let context = of_container(&web);
    assert_eq!(
        context["uids"]["saved"],
        serde_json::json!({"id": 1234, "name": "shop"})
    );
    assert_eq!(
        context["gids"]["real"],
        serde_json::json!({"id": 77, "name": "till"})
    );
    assert_eq!(context["groups"], serde_json::json!([]));

    // Who may not enter its root sees numbers, and says that names are missing.
    let stranger = web.spyhole().uid(65532).caps("none");
    let seen = stranger.args(["caps", "-o", "json"]).run();
    let document = document(&seen);
    let context = &document["capabilities"][0];
    assert_eq!(
        context["uids"]["saved"],
        serde_json::json!({"id": 1234, "name": null})
    );
    assert_eq!(context["sets"]["effective"]["mask"], "0000000000000000");
    assert_eq!(
        context["executable"],
        serde_json::json!({"path": null, "file": null})
    );
    let gaps = document["gaps"].as_array().unwrap();
    for field in [
        "uids.saved.name",
        "gids.real.name",
        "executable.path",
        "executable.file",
    ] {
        let gap = gaps.iter().find(|gap| gap["field"] == field);
        assert_eq!(gap.unwrap()["reason"], "uid", "{field}");
    }
}

#[needs(root)]
fn root_of_a_user_namespace_is_not_root_of_the_node() {
    let shelf = FakeRoot::new();
    let [lab, webapp] = ["lab", "webapp"].map(|name| shelf.copy(&super::lab::example(name)));
    let web = Lab::program(&webapp)
        .ready("ready ")
        .run_by(65534, &lab)
        .uid(0)
        .start();
    let context = of_pid(web.host_pid, &[]);
    assert_eq!(
        context["user_namespace"]["root_is_node_root"], "no",
        "{context:#}"
    );
    assert_eq!(
        context["user_namespace"]["uid_map"],
        serde_json::json!([{"inside": 0, "outside": 65534, "length": 1}])
    );
    assert_eq!(context["uids"]["effective"]["id"], 65534);
    assert_eq!(context["uids"]["effective"]["inside_id"], 0);
    assert_eq!(
        verdict(&context, "runAsNonRoot"),
        "fails",
        "it is root inside"
    );
    assert_eq!(context["dumpable"], "unknown");
}

fn run_as_user(program: &Path) -> Idle {
    let mut command = Command::new(program);
    Idle::start(command.arg("3600").uid(1000).gid(1000)).named("sleep")
}

#[needs(root, libcap)]
fn a_program_with_file_capabilities() {
    let house = FakeRoot::new();
    let program = house.copy(Path::new("/bin/sleep"));
    let path = program.to_str().unwrap();
    let plain = run_as_user(&program);
    assert_eq!(of_pid(plain.pid(), &[])["dumpable"], "yes");
    assert_eq!(
        of_pid(plain.pid(), &[])["executable"]["file"].get("capabilities"),
        None
    );

    let said = libcap("setcap", &["cap_net_bind_service=ep", path]).unwrap();
    assert_eq!(said, "");
    let gained = run_as_user(&program);
    let context = of_pid(gained.pid(), &[]);
    assert_eq!(context["text"], "cap_net_bind_service=ep");
    assert_eq!(context["dumpable"], "no", "it gained by exec");
    let file = &context["executable"]["file"];
    assert_eq!(file["capabilities"]["text"], "cap_net_bind_service=ep");
    assert_eq!(file["capabilities"]["revision"], 2);

    for seed in 0..20 {
        let [p, i] = [random(seed * 2), random(seed * 2 + 1)].map(|mask| mask >> 23);
        let text = |mask: u64, flags: &str| {
            let decoded = document(&caps(&["--decode", &format!("{mask:x}"), "-o", "json"]));
            let names = decoded["decoded"]["names"].as_array().unwrap();
            let names: Vec<_> = names.iter().map(|name| name.as_str().unwrap()).collect();
            format!("{}+{flags}", names.join(","))
        };
        let (effective, both) = if seed % 2 == 0 {
            ("ep", "ei")
        } else {
            ("p", "i")
        };
        let set = format!("= {} {}", text(p, effective), text(i, both));
        assert_eq!(libcap("setcap", &[&set, path]).unwrap(), "", "{set}");
        let wanted = libcap("getcap", &[path]).unwrap();
        let wanted = wanted.strip_prefix(path).unwrap().trim_start();
        let context = of_pid(plain.pid(), &[]);
        let sets = &context["executable"]["file"]["capabilities"];
        assert_eq!(sets["text"], wanted);
        assert_eq!(sets["permitted"]["mask"], format!("{p:016x}"));
    }

    fs::set_permissions(&program, fs::Permissions::from_mode(0o6755)).unwrap();
    let file = &of_pid(plain.pid(), &[])["executable"]["file"];
    assert_eq!(
        (&file["setuid"], &file["setgid"]),
        (&true.into(), &true.into())
    );

    // The file that runs, not the one that has its place by now.
    fs::remove_file(&program).unwrap();
    super::host::copy_program(Path::new("/bin/sleep"), &program);
    let file = &of_pid(plain.pid(), &[])["executable"]["file"];
    assert_eq!(file["setuid"], true);
}

#[needs(root, libcap)]
fn a_program_in_the_root_of_a_container() {
    let web = Lab::webapp().uid(1000).caps("none").start();
    let program = web.host_proc_path("root/webapp");
    let said = libcap("setcap", &["cap_sys_chroot=p", program.to_str().unwrap()]).unwrap();
    assert_eq!(said, "");
    let context = of_container(&web);
    assert_eq!(context["executable"]["path"], "/webapp");
    let file = &context["executable"]["file"];
    assert_eq!(file["capabilities"]["text"], "cap_sys_chroot=p");
    assert_eq!(file["nosuid"], false, "{file}");
}

#[test]
fn a_thread_that_differs_is_named() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let thread = thread::Builder::new().name("odd one".to_owned());
    let odd = thread.spawn(move || {
        // Of this thread alone.
        nix::sys::prctl::set_no_new_privs().unwrap();
        ready.send(nix::unistd::gettid().as_raw()).unwrap();
        let _ = wait.recv();
    });
    let tid = is_ready.recv().unwrap();
    let own = std::process::id().try_into().unwrap();
    let context = of_pid(own, &["--threads"]);
    drop(done);
    odd.unwrap().join().unwrap();
    let threads = context["differing_threads"].as_array().unwrap();
    let found = threads.iter().find(|thread| thread["tid"] == tid).unwrap();
    assert_eq!(found["comm"], "odd one");
    assert_eq!(found["differs_in"], serde_json::json!(["no_new_privs"]));
    assert_eq!(found["no_new_privs"], true);
    assert_eq!(of_pid(own, &[]).get("differing_threads"), None);
}

#[needs(root)]
fn all_processes_are_a_row_each() {
    let web = Lab::webapp().uid(1000).caps("none").no_new_privs().start();
    let beside = web.spyhole().uid(0).caps("+sys_ptrace");
    let seen = beside.args(["caps", "--all"]).run();
    let text = seen.stdout_text();
    let mut lines = text.lines();
    let heading: Vec<_> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(heading[..4], ["USER", "PID", "NNP", "SECCOMP"], "{seen}");
    let first: Vec<_> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(first[..4], ["1000", "1", "yes", "off"], "{seen}");
    assert_eq!(first.last(), Some(&"="), "{seen}");
}

#[test]
fn lines_that_a_kernel_does_not_print_are_null_and_told() {
    let house = TempDir::new().unwrap();
    let own = house.path().join("7");
    fs::create_dir(&own).unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    // As gVisor, and Linux before 4.10.
    let printed = status.lines().filter(|line| {
        !["NoNewPrivs:", "Seccomp", "CapAmb:"]
            .iter()
            .any(|key| line.starts_with(key))
    });
    let printed: Vec<&str> = printed.collect();
    fs::write(own.join("status"), printed.join("\n") + "\n").unwrap();
    fs::write(own.join("stat"), fs::read("/proc/1/stat").unwrap()).unwrap();
    fs::write(own.join("uid_map"), "0 100000 65536\n").unwrap();
    let proc = house.path().to_str().unwrap();
    let seen = caps(&["--proc", proc, "--pid", "7", "-o", "json"]);
    let document = document(&seen);
    let context = &document["capabilities"][0];
    let gaps = document["gaps"].as_array().unwrap();
    let reason = |field: &str| {
        let gap = gaps.iter().find(|gap| gap["field"] == field);
        gap.unwrap_or_else(|| panic!("{field} in {gaps:?}"))["reason"].clone()
    };
    for field in ["no_new_privs", "seccomp", "seccomp_filters"] {
        assert_eq!(context[field], Value::Null, "{field}");
        assert_eq!(reason(field), "unsupported", "{field}");
    }
    assert_eq!(context["sets"]["ambient"], Value::Null);
    assert_eq!(reason("sets.ambient"), "unsupported");
    assert_eq!(verdict(context, "allowPrivilegeEscalation"), "unseen");
    assert_eq!(
        verdict(context, "hostPID"),
        "not_judged",
        "no kernel thread, and no word whose /proc it is"
    );
    assert_eq!(context["label"], Value::Null, "no attr at all");
    assert_eq!(context["user_namespace"]["gid_map"], Value::Null);
    let strict = caps(&["--proc", proc, "--pid", "7", "--strict"]);
    assert_eq!(strict.code, Some(4), "{strict}");
}

#[test]
fn the_document_is_as_the_schema_says() {
    let schema = process::run(spyhole().as_os_str(), |command| {
        command.arg("schema");
    });
    let schema = serde_json::from_slice(&schema.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let own = std::process::id().to_string();
    for args in [
        &["--pid", &own, "--threads", "-o", "json"][..],
        &["--decode", "ff", "-o", "json"],
    ] {
        let document = document(&caps(args));
        let errors: Vec<_> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}
