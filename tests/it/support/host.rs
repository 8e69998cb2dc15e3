//! spyhole as a plain program of this machine, and its documents as data.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::lab::Output;
use super::lab::process::Process;

/// Runs spyhole on this machine.
pub(crate) fn spyhole<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    run(Command::new(super::lab::spyhole()).args(args))
}

/// Runs a line of sh with spyhole as `$0`, for what only a shell can arrange.
pub(crate) fn shell(line: &str) -> Output {
    run(Command::new("sh")
        .args(["-c", line])
        .arg(super::lab::spyhole()))
}

/// What a terminal got, without the line that tells how far a slow command is.
pub(crate) fn without_progress(shown: &str) -> String {
    let mut rest = shown;
    let mut kept = String::new();
    while let Some((before, progress)) = rest.split_once("\rspyhole: ") {
        kept.push_str(before);
        // Up to where it is renewed, or overwritten with spaces.
        rest = match progress.find('\r') {
            Some(end) if progress[end..].starts_with("\rspyhole: ") => &progress[end..],
            Some(end) => progress[end + 1..]
                .trim_start_matches(' ')
                .trim_start_matches('\r'),
            None => "",
        };
    }
    kept + rest
}

/// Nothing listens there, of any protocol. A port that was free a moment ago may be another test's
/// by now.
pub(crate) const CLOSED_PORT: u16 = 1;

/// Runs any command to its end; whoever starts it decides on nothing but stdin, which is empty.
pub(crate) fn run(command: &mut Command) -> Output {
    Process::start(command, Signal::SIGKILL).wait()
}

/// Copies a program that is then run. Done by another process: a file that this one had
/// open for writing while some test forked would be "text file busy".
pub(crate) fn copy_program(from: &Path, to: &Path) {
    run(Command::new("cp").arg(from).arg(to)).ended_with(0);
}

impl Output {
    /// Its stdout as JSON, whatever the exit code.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|why| panic!("no JSON: {why}\n{self}"))
    }

    /// Its stdout as JSON, after exit code 0.
    pub(crate) fn document(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self}");
        self.json()
    }

    /// Fails unless it ended so.
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }
}

/// The members of a list, which must be there.
pub(crate) fn list<'a>(document: &'a Value, key: &str) -> &'a Vec<Value> {
    document[key]
        .as_array()
        .unwrap_or_else(|| panic!("no list {key:?} in {document:#}"))
}

/// The one member of a list of which this is true.
pub(crate) fn only(list: &[Value], what: impl Fn(&Value) -> bool) -> &Value {
    let mut found = list.iter().filter(|member| what(member));
    let first = found
        .next()
        .unwrap_or_else(|| panic!("none such in {list:#?}"));
    assert!(found.next().is_none(), "several such in {list:#?}");
    first
}

/// Bytes of the document: a string, or an object with their base64.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    match (value.as_str(), value["base64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(base64)) => data_encoding::BASE64.decode(base64.as_bytes()).unwrap(),
        (None, None) => panic!("no bytes: {value:#}"),
    }
}

/// The bytes of each argument of a process, which must have been seen and hold no secret.
pub(crate) fn args(process: &Value) -> Vec<Vec<u8>> {
    list(process, "args").iter().map(bytes).collect()
}
