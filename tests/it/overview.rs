//! `spyhole overview`: that it tells what the document and the doctor tell, to three callers, and opens
//! no connection.

use std::process::Command;

use nix::sys::signal::Signal;
use unicode_width::UnicodeWidthStr;

use super::host::{list, run, spyhole, without_progress};
use super::lab::process::Process;
use super::lab::{self, Lab, Output, Setup};

/// What holds for each.
fn assert_is_a_screen(text: &str, width: usize, lines: usize) {
    assert!(text.lines().count() <= lines, "{text}");
    for line in text.lines() {
        assert!(line.width() <= width, "{line}");
        assert!(
            !line.contains(|character: char| character.is_control()),
            "{line:?}"
        );
    }
    let last = text.lines().last().unwrap_or_default();
    assert!(last.contains("spyhole "), "{text}");
}

fn seen_by(viewer: &Setup) -> (String, Output) {
    let seen = viewer.clone().args(["overview"]).run().ended_with(0);
    (
        seen.stdout_text(),
        viewer.clone().args(["doctor", "-o", "json"]).run(),
    )
}

#[needs(root)]
fn three_callers_are_told_what_each_may_see() {
    let secret = "k-9d41f7aa0c6e-overview";
    let web = Lab::webapp()
        .uid(1000)
        .caps("none")
        .args(["--hostile-name", &format!("--api-key={secret}")])
        .env("DB_PASSWORD", secret)
        .start();
    let callers = [
        web.spyhole().caps("+sys_ptrace,dac_read_search"),
        web.spyhole().uid(1000).caps("none"),
        web.spyhole().uid(65532).caps("none"),
    ];
    for (index, caller) in callers.iter().enumerate() {
        let (text, doctor) = seen_by(caller);
        assert_is_a_screen(&text, 80, 30);
        assert!(!text.contains(secret), "{index}: {text}");
        let diagnosis = doctor.json();
        let findings = list(&diagnosis, "findings");
        for finding in findings.iter().take(3) {
            let id = finding["id"].as_str().unwrap();
            assert!(text.contains(id), "{index}: no {id} in {text}");
        }
        let unjudged = list(&diagnosis, "not_judged").len();
        if unjudged > 0 {
            assert!(
                text.contains(&format!("{unjudged} rule")),
                "{index}: {text}"
            );
        }
        assert!(
            text.contains("listening  127.0.0.1:8080 (loopback only"),
            "{index}: {text}"
        );
        let stranger = index == 2;
        assert_eq!(text.contains("owner not seen"), stranger, "{index}: {text}");
        assert_eq!(
            text.contains("program not seen"),
            stranger,
            "{index}: {text}"
        );
        if stranger {
            assert!(text.contains("not all seen, not the same user: "), "{text}");
            assert!(text.contains("not judged: spyhole access"), "{text}");
        }
    }
}

#[test]
fn it_opens_no_connection() {
    let mut web = Command::new(lab::example("webapp"));
    let mut web = Process::start(web.args(["--listen", "127.0.0.1:0"]), Signal::SIGKILL);
    web.wait_for_line("ready ");
    let calls = tempfile::NamedTempFile::new().unwrap();
    let pid = web.id().to_string();
    let mut command = Command::new("strace");
    command
        .args(["-f", "-e", "trace=connect", "-o"])
        .arg(calls.path());
    command
        .arg(lab::spyhole())
        .args(["overview", "--pid", &pid]);
    let seen = run(&mut command).ended_with(0);
    assert!(
        seen.stdout_text().contains("listening  127.0.0.1:"),
        "{seen}"
    );
    let calls = std::fs::read_to_string(calls.path()).unwrap();
    assert!(!calls.contains("AF_INET"), "{calls}");
}

#[test]
fn it_is_what_a_terminal_gets_and_as_large() {
    let pid = std::process::id();
    let on_terminal = |size: &str, words: &str| {
        // script(1) gives the program a terminal.
        let line = format!(
            "stty {size}; {} --pid {pid} {words}",
            lab::spyhole().display()
        );
        let seen = run(Command::new("script").args(["-qec", &line, "/dev/null"])).ended_with(0);
        without_progress(&seen.stdout_text()).replace('\r', "")
    };
    let small = on_terminal("cols 60 rows 20", "--color never");
    assert_is_a_screen(&small, 60, 19);
    assert_is_a_screen(&on_terminal("cols 120 rows 50", "--color never"), 120, 30);
    assert!(on_terminal("cols 120 rows 50", "--color always").starts_with("\u{1b}[1m"));
    // Who asks for a form gets the document in it.
    assert!(on_terminal("cols 120 rows 50", "-o json").starts_with('{'));
    let pid = pid.to_string();
    let document = spyhole(["--pid", &pid]).ended_with(0).json();
    assert_eq!(document["schema"], "spyhole/v1");
    spyhole(["overview", "--pid", &pid, "-o", "json"]).ended_with(2);
    let alone = spyhole(["overview", "--pid", "2147483647"]);
    alone.ended_with(3);
}

#[needs(root)]
fn alone_it_says_that_this_is_the_wrong_place() {
    let seen = Lab::bare().args(["overview"]).run().ended_with(3);
    assert!(seen.stderr_text().contains("--target=CONTAINER"), "{seen}");
    let seen = Lab::bare().args(["why", ":1"]).run().ended_with(3);
    assert!(seen.stderr_text().contains("--target=CONTAINER"), "{seen}");
}

#[test]
fn tables_of_a_dump_count_what_tells_nothing() {
    let pid = std::process::id().to_string();
    let text = |words: &[&str]| spyhole([&["--pid", &pid], words].concat()).stdout_text();
    let dump = text(&["dump", "-o", "table"]);
    let sockets = spyhole(["--pid", &pid, "ss", "-a", "-o", "json"]).json();
    let kernels = list(&sockets, "sockets");
    let kernels = kernels.iter().filter(|one| one["port_id"] == 0).count();
    if kernels > 0 {
        assert!(dump.contains("of the kernel itself not shown"), "{dump}");
    }
    assert!(
        dump.contains(" that every container gets, such as /proc and /dev, not shown"),
        "{dump}"
    );
    // Asked for by name, each is there, as in the document.
    assert!(
        text(&["mounts"])
            .lines()
            .any(|line| line.starts_with("/proc "))
    );
    let document = spyhole(["--pid", &pid, "dump", "-o", "json"]).json();
    let mounts = list(&document, "mounts");
    assert!(mounts.iter().any(|mount| mount["mount_point"] == "/proc"));
}
