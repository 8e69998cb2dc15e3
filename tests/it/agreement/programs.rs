//! Real programs, started with arguments and environments of every kind: what spyhole shows of them
//! is what they were started with.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Numbers, Tally};
use crate::host::{bytes, list, spyhole};
use crate::patience::eventually;
use crate::support::idle::Idle;

const ROUNDS: u64 = 20;

/// A program, and the words after which it takes any others.
const PROGRAMS: [(&str, &[&str]); 3] = [
    ("sh", &["-c", "read never"]),
    ("perl", &["-e", "sleep 3600", "--"]),
    ("python3", &["-c", "import time; time.sleep(3600)"]),
];

#[needs(perl, python3)]
fn arguments_and_environments_are_those_of_the_start() {
    let mut tally = Tally::of("programs");
    for (program, fixed) in PROGRAMS {
        for round in 0..ROUNDS {
            let mut numbers = Numbers::from(round + 1);
            let args = words(&mut numbers);
            let values = words(&mut numbers);
            let name = |at: usize| OsString::from(format!("NAME_{at}"));
            let environment = values
                .iter()
                .enumerate()
                .map(|(at, value)| (name(at), value));
            let environment: Vec<(OsString, OsString)> = environment
                .map(|(name, value)| (name, value.clone()))
                .collect();
            let path = std::env::var_os("PATH").unwrap();
            let mut command = Command::new(program);
            command
                .args(fixed)
                .args(&args)
                .env_clear()
                .env("PATH", path);
            command
                .envs(environment.iter().cloned())
                .stdin(Stdio::piped());
            let idle = Idle::start(&mut command);
            let pid = idle.pid();
            // Until exec it is this test.
            let is_ready = || {
                let read = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let own = std::fs::read("/proc/self/cmdline").unwrap();
                !read.is_empty() && read != own
            };
            eventually(format!("{program} has started"), is_ready);
            let expected: Vec<Vec<u8>> = fixed
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .chain(args.iter().map(|arg| arg.as_bytes().to_vec()))
                .collect();
            let shown = shown_args(pid);
            // A shim of a version manager puts the program's path in its place.
            let tail = shown.get(shown.len().saturating_sub(expected.len())..);
            let wrong = tail != Some(&expected[..]);
            tally.case(wrong.then(|| format!("{program} {round}: {shown:?}, not {expected:?}")));
            let variables = shown_variables(pid);
            let missing = environment.iter().find(|(name, value)| {
                let pair = (name.as_bytes().to_vec(), value.as_bytes().to_vec());
                !variables.contains(&pair)
            });
            tally.case(missing.map(|pair| format!("{program} {round}: {pair:?}")));
        }
    }
    // Empty words alone, behind the program's own name and behind another.
    for (name, is_own) in [("tee", true), ("worker", false)] {
        let mut command = Command::new("tee");
        command.arg0(name).args(["", ""]).stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let idle = Idle::start(&mut command).named("tee");
        let shown = shown_args(idle.pid());
        if is_own {
            let differs = shown != [&b"tee"[..], b"", b""];
            tally.case(differs.then(|| format!("{shown:?}")));
        } else {
            assert_eq!(shown, [b"worker"]);
            tally.differs(
                "a program under another name with nothing but empty arguments looks like a title \
                 and its padding",
            );
        }
    }
    tally.end();
}

fn shown_args(pid: i32) -> Vec<Vec<u8>> {
    let pid = pid.to_string();
    let document = spyhole(["--pid", &pid, "--reveal-all", "ps", "-o", "json"]).document();
    list(&list(&document, "processes")[0], "args")
        .iter()
        .map(value)
        .collect()
}

fn shown_variables(pid: i32) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pid = pid.to_string();
    let document = spyhole(["--pid", &pid, "--reveal-all", "env", "-o", "json"]).document();
    let variables = list(&list(&document, "environment")[0], "variables");
    let pair = |one: &Value| (bytes(&one["name"]), bytes(&one["value"]));
    variables.iter().map(pair).collect()
}

/// With `--reveal-all` one that would be redacted is an object.
fn value(argument: &Value) -> Vec<u8> {
    match argument.get("value") {
        Some(value) => bytes(value),
        None => bytes(argument),
    }
}

fn words(numbers: &mut Numbers) -> Vec<OsString> {
    let parts: [&[u8]; 16] = [
        b"",
        b" ",
        b"a b",
        b"-x",
        b"--token=abc",
        b"\xff\xfe",
        b"\n",
        b"\x1b[2J",
        b"k\xc3\xa4se",
        b"=",
        b"a=b",
        b"'\"",
        b"\xe2\x80\xae",
        b"password",
        b"$HOME",
        b"\\",
    ];
    let count = numbers.below(9);
    (0..count)
        .map(|_| {
            let length = numbers.below(3);
            let word: Vec<u8> = (0..length)
                .flat_map(|_| numbers.one_of(&parts).to_vec())
                .collect();
            OsString::from_vec(word)
        })
        .collect()
}
