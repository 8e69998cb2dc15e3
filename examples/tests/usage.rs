//! Each program starts and says how it is used. That there is such a test is also why `cargo test`
//! builds the programs, which the tests of spyhole start.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, at the line that says why"
)]

use std::process::Command;

#[test]
fn each_says_what_its_flags_are() {
    for (program, flag) in [
        (env!("CARGO_BIN_EXE_lab"), "--help"),
        (env!("CARGO_BIN_EXE_webapp"), "--listen"),
        (env!("CARGO_BIN_EXE_tlsserver"), "--listen"),
    ] {
        let said = Command::new(program).arg("--help").output().unwrap();
        let text = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
        assert!(text.contains(flag), "{program}: {text}");
    }
}

#[test]
fn what_takes_no_flags_does_not_end_by_itself() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let mut child = Command::new(env!("CARGO_BIN_EXE_full_queue"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let out = child.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("ready "), "{line}");
}
