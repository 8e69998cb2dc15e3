//! A command that takes longer than a second says on a terminal what it does.

use std::process::Command;

use super::host::{self, run, without_progress};
use super::keyboard::Keyboard;
use super::lab::spyhole;
use super::support::fake_root::FakeRoot;
use super::support::idle::Idle;

/// A shell on a terminal of this width runs the line; `$0` is spyhole.
fn on_terminal(columns: u16, line: &str) -> Keyboard {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).arg(spyhole());
    Keyboard::start(&mut shell, columns, 30)
}

#[test]
fn the_line_is_renewed_and_leaves_nothing() {
    let target = Idle::sleep();
    let pid = target.id();
    let line = format!("exec \"$0\" --pid {pid} resources --sample 3s");
    let mut keys = on_terminal(100, &line);
    keys.sees("\rspyhole: reading the target: 1 s");
    keys.sees("\rspyhole: reading the target: 2 s");
    let rest = keys.sees("memory");
    assert_eq!(keys.ends(), Ok(0), "{}", keys.shown());
    // Overwritten before the first line of the document.
    assert!(rest.contains("  \r"), "{rest:?}");
    let kept = without_progress(&keys.shown());
    assert!(!kept.contains("reading the target"), "{kept:?}");
}

#[test]
fn it_fits_a_narrow_terminal() {
    let target = Idle::sleep();
    let line = format!("exec \"$0\" --pid {} resources --sample 2s", target.id());
    let mut keys = on_terminal(20, &line);
    keys.sees("\rspyhole: reading th\r");
    assert_eq!(keys.ends(), Ok(0), "{}", keys.shown());
}

#[test]
fn neither_a_pipe_nor_quiet_has_it() {
    let target = Idle::sleep();
    let pid = target.id().to_string();
    let words = ["--pid", &pid, "resources", "--sample", "2s"];
    let piped = host::spyhole(words).ended_with(0);
    assert_eq!(piped.stderr_text(), "");
    let line = format!("exec \"$0\" --pid {pid} -q resources --sample 2s");
    let mut keys = on_terminal(100, &line);
    assert_eq!(keys.ends(), Ok(0), "{}", keys.shown());
    assert!(!keys.shown().contains("reading the target"));
}

#[test]
fn an_archive_says_how_many_bytes_it_has() {
    let root = FakeRoot::new();
    let file = root.write("large", vec![b'a'; 16 << 20]);
    let target = Idle::sleep();
    // The reader begins late, so that spyhole has to wait.
    let line = format!(
        "\"$0\" --pid {} tar cf - {} | {{ sleep 3; cat > {}; }}; echo ended",
        target.id(),
        file.display(),
        root.path("archive").display()
    );
    let mut keys = on_terminal(100, &line);
    keys.sees("\rspyhole: archiving: ");
    keys.sees("ended");
    assert_eq!(keys.ends(), Ok(0), "{}", keys.shown());
    let shown = keys.shown();
    let counted = shown
        .split("archiving: ")
        .filter_map(|line| line.split(',').next());
    assert!(
        counted.into_iter().any(|bytes| bytes.ends_with('i')),
        "{shown:?}"
    );
    let mut tar = Command::new("tar");
    let listed = run(tar.arg("-tf").arg(root.path("archive"))).ended_with(0);
    assert_eq!(listed.stdout_text().lines().count(), 1);
}

#[test]
fn what_goes_to_the_terminal_itself_has_no_line_in_it() {
    let root = FakeRoot::new();
    let file = root.write("large", b"a line of text\n".repeat(1 << 20));
    let target = Idle::sleep();
    let line = format!("exec \"$0\" --pid {} cp {} -", target.id(), file.display());
    let mut keys = on_terminal(100, &line);
    assert_eq!(keys.ends(), Ok(0));
    assert!(!keys.shown().contains("copying"));
}
