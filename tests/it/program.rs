//! `spyhole program` beside ldd(1), readelf(1) and what the kernel says of mappings.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::host::{copy_program, list, only, run, spyhole};
use crate::lab::Lab;
use crate::patience::eventually;
use crate::support::fake_root::FakeRoot;

/// Dynamic programs of this machine.
const PROGRAMS: [&str; 4] = [
    "/bin/sh",
    "/usr/bin/openssl",
    "/usr/bin/python3",
    "/usr/bin/env",
];

fn named(path: &str) -> Value {
    let own = std::process::id().to_string();
    let document = spyhole(["program", "--pid", &own, "-o", "json", path]).document();
    assert_eq!(document["gaps"], json!([]), "{document:#}");
    document["program"].clone()
}

fn of_process(pid: &str) -> Value {
    let document = spyhole(["program", "--pid", pid, "-o", "json"]).document();
    assert_eq!(document["gaps"], json!([]), "{document:#}");
    document["program"].clone()
}

#[test]
fn libraries_are_those_of_ldd() {
    for path in PROGRAMS {
        let told = run(Command::new("ldd").arg(path)).ended_with(0);
        let mut theirs = BTreeMap::new();
        for line in told.stdout_text().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [name, "=>", path, _] => {
                    theirs.insert((*name).to_owned(), fs::canonicalize(path).unwrap());
                }
                [loader, _] if loader.starts_with('/') => {
                    let name = Path::new(loader).file_name().unwrap();
                    let path = fs::canonicalize(loader).unwrap();
                    theirs.insert(name.to_str().unwrap().to_owned(), path);
                }
                _ => {}
            }
        }
        let program = named(path);
        let elf = &program["elf"];
        let mut ours = BTreeMap::new();
        for library in list(elf, "libraries") {
            let name = library["name"].as_str().unwrap().to_owned();
            let path = library["path"].as_str().unwrap();
            ours.insert(name, fs::canonicalize(path).unwrap());
        }
        let loader = elf["interpreter"].as_str().unwrap();
        let name = Path::new(loader).file_name().unwrap().to_str().unwrap();
        ours.insert(name.to_owned(), fs::canonicalize(loader).unwrap());
        assert_eq!(ours, theirs, "{path}");
        assert_eq!(elf["libraries_missing"], 0);
    }
}

fn readelf(flags: &str, path: &str) -> String {
    let mut command = Command::new("readelf");
    run(command.args([flags, "-W", path]))
        .ended_with(0)
        .stdout_text()
}

#[test]
fn properties_are_those_of_readelf() {
    let spyhole_itself = crate::lab::spyhole();
    let mut programs = PROGRAMS.to_vec();
    programs.push(spyhole_itself.to_str().unwrap());
    for path in programs {
        let (header, segments) = (readelf("-h", path), readelf("-l", path));
        let (dynamic, notes) = (readelf("-d", path), readelf("-n", path));
        let sections = readelf("-S", path);
        let symbols = readelf("--dyn-syms", path) + &readelf("-s", path);
        let program = named(path);
        let elf = &program["elf"];
        assert_eq!(program["format"], "elf");
        let bits = if header.contains("ELF64") { 64 } else { 32 };
        assert_eq!(elf["bits"], bits);
        assert_eq!(
            elf["position_independent"],
            header.contains("DYN ("),
            "{path}"
        );
        let interpreter = segments.contains("INTERP");
        assert_eq!(elf["interpreter"].is_string(), interpreter, "{path}");
        let linking = if interpreter { "dynamic" } else { "static" };
        assert_eq!(elf["linking"], linking, "{path}");
        let now = dynamic.contains("BIND_NOW") || dynamic.contains(" NOW");
        let relro = match (segments.contains("GNU_RELRO"), now) {
            (false, _) => "none",
            (true, false) => "partial",
            (true, true) => "full",
        };
        assert_eq!(elf["relro"], relro, "{path}");
        let stack = segments.lines().find(|line| line.contains("GNU_STACK"));
        assert_eq!(
            elf["nx"],
            stack.is_some_and(|line| !line.contains("RWE")),
            "{path}"
        );
        let id = notes.split("Build ID: ").nth(1);
        let id = id.map(|rest| rest.split_whitespace().next().unwrap());
        assert_eq!(elf["build_id"].as_str(), id, "{path}");
        assert_eq!(elf["stripped"], !sections.contains(".symtab"), "{path}");
        let canary = symbols.contains("__stack_chk_fail");
        assert_eq!(elf["stack_canary"], canary, "{path}");
    }
}

#[needs(root)]
fn a_missing_library_is_named_with_the_one_that_needs_it() {
    let root = FakeRoot::new();
    root.copy(Path::new("/bin/sh"));
    fs::create_dir_all(root.path("lib64")).unwrap();
    copy_program(
        Path::new("/lib64/ld-linux-x86-64.so.2"),
        &root.path("lib64/ld-linux-x86-64.so.2"),
    );
    root.write("script", "#!/no/such/shell -e\n");
    root.write("text", "echo hello\n");
    let web = Lab::webapp()
        .copy(&root.path("sh"), "/sh")
        .copy(
            &root.path("lib64/ld-linux-x86-64.so.2"),
            "/lib64/ld-linux-x86-64.so.2",
        )
        .copy(&root.path("script"), "/script")
        .copy(&root.path("text"), "/text")
        .start();
    let ask = |path: &str, code: i32| {
        let seen = web.spyhole().args(["program", "-o", "json", path]).run();
        seen.ended_with(code).json()["program"].clone()
    };
    let shell = ask("/sh", 1);
    let libc = only(list(&shell["elf"], "libraries"), |one| {
        one["name"] == "libc.so.6"
    });
    assert_eq!(
        (libc.get("path"), &libc["needed_by"]),
        (None, &json!("/sh"))
    );
    assert_eq!(shell["elf"]["libraries_missing"], 1);
    assert_eq!(shell["elf"]["interpreter_found"], true);
    let script = ask("/script", 0);
    assert_eq!(script["script_interpreter"], "/no/such/shell");
    assert_eq!(ask("/text", 0)["format"], "text");
    let nothing = web.spyhole().args(["program", "/none"]).run().ended_with(4);
    assert!(nothing.stderr_text().contains("no longer exists") || !nothing.stdout.is_empty());
}

/// A copy of sleep(1) that runs.
fn running(root: &FakeRoot) -> (Child, String) {
    let path = root.copy(Path::new("/bin/sleep"));
    let child = Command::new(&path)
        .arg("1000")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    let exe = format!("/proc/{pid}/exe");
    eventually("it runs", || {
        fs::read_link(&exe).is_ok_and(|exe| exe == path)
    });
    (child, pid)
}

#[needs(root)]
fn a_program_that_was_deleted_or_replaced_is_told() {
    let root = FakeRoot::new();
    let (mut child, pid) = running(&root);
    assert_eq!(of_process(&pid)["on_disk"], "same");
    assert_eq!(of_process(&pid)["changed_mappings"], json!([]));
    fs::remove_file(root.path("sleep")).unwrap();
    let program = of_process(&pid);
    assert_eq!(program["on_disk"], "deleted");
    let changed = list(&program, "changed_mappings");
    let own = root.path("sleep");
    let gone = only(changed, |one| one["path"] == own.to_str().unwrap());
    assert_eq!(gone["state"], "deleted");
    assert_eq!(program["format"], "elf", "the inode itself is read");
    copy_program(Path::new("/bin/true"), &own);
    assert_eq!(of_process(&pid)["on_disk"], "replaced");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[needs(root)]
fn the_library_path_of_the_process_is_searched() {
    let root = FakeRoot::new();
    let libc = list(&named("/bin/sh")["elf"], "libraries")
        .iter()
        .find(|one| one["name"] == "libc.so.6")
        .unwrap()["path"]
        .clone();
    copy_program(Path::new(libc.as_str().unwrap()), &root.path("libc.so.6"));
    let mut child = Command::new("/bin/sleep")
        .arg("1000")
        .env("LD_LIBRARY_PATH", root.top())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    eventually("it runs", || {
        fs::read_to_string(format!("/proc/{pid}/comm")).unwrap() == "sleep\n"
    });
    let program = of_process(&pid);
    let found = only(list(&program["elf"], "libraries"), |one| {
        one["name"] == "libc.so.6"
    });
    assert_eq!(found["path"], root.path("libc.so.6").to_str().unwrap());
    assert_eq!(program["elf"]["library_path"], root.top().to_str().unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[needs(root)]
fn three_callers() {
    let web = Lab::webapp().uid(1000).start();
    let flags = ["program", "-o", "json"];
    for setup in [
        web.spyhole().uid(0).caps("+sys_ptrace,dac_override"),
        web.spyhole().uid(1000).caps("none"),
    ] {
        let document = setup.args(flags).run().document();
        let program = &document["program"];
        assert_eq!(program["path"], "/webapp", "{document:#}");
        assert_eq!(program["elf"]["linking"], "static");
        let compiler = program["elf"]["rust"]["compiler"].as_str().unwrap();
        assert!(compiler.starts_with("rustc version "), "{compiler}");
    }
    let stranger = web.spyhole().uid(65532).caps("none");
    let document = stranger.args(flags).run().ended_with(4).json();
    for field in ["path", "on_disk", "format", "changed_mappings"] {
        assert_eq!(
            document["program"].get(field),
            Some(&Value::Null),
            "{field}"
        );
        let gap = only(list(&document, "gaps"), |gap| gap["field"] == field);
        assert_eq!(gap["reason"], "uid", "{gap}");
    }
}

#[needs(root)]
fn hostile_files_end_in_time_and_are_no_crash() {
    let root = FakeRoot::new();
    let whole = fs::read("/bin/sh").unwrap();
    let mut variants: Vec<Vec<u8>> = [1, 16, 63, 64, 200, 4096]
        .iter()
        .map(|end| whole[..*end].to_vec())
        .collect();
    // Counts, sizes and offsets of the header at their highest.
    for at in [32..40, 40..48, 54..56, 56..58, 58..60, 60..62, 62..64] {
        let mut damaged = whole.clone();
        damaged[at].fill(0xff);
        variants.push(damaged);
    }
    // Every byte of the segments' table.
    let mut damaged = whole.clone();
    damaged[64..64 + 13 * 56].fill(0xff);
    variants.push(damaged);
    let names: BTreeSet<String> = (0..variants.len()).map(|at| format!("{at}")).collect();
    let mut lab = Lab::webapp();
    for (at, bytes) in variants.iter().enumerate() {
        lab = lab.copy(&root.write(&at.to_string(), bytes), &format!("/h/{at}"));
    }
    let web = lab.start();
    for name in names {
        let path = format!("/h/{name}");
        let seen = web.spyhole().args(["program", "-o", "json", &path]).run();
        assert!(matches!(seen.code, Some(0 | 1)), "{name}: {seen}");
        assert!(!seen.json()["program"]["format"].is_null(), "{name}");
    }
}
