//! Exit codes and streams, beside those of sh and tini at the same moment.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::{undisturbed, wrapped, wrapper};
use crate::host::{run, spyhole};

/// What tini and sh end with for the same words.
fn others(script: &str) -> [Option<i32>; 2] {
    // An extra subshell: sh would run the last command in its own place.
    let by_sh = run(undisturbed("sh").args(["-c", "sh -c \"$1\"; exit $?", "sh", script]));
    let by_tini = run(undisturbed("tini").args(["-s", "--", "sh", "-c", script]));
    [by_sh.code, by_tini.code]
}

#[test]
fn exit_codes_are_those_of_the_application() {
    for code in [0, 1, 2, 42, 126, 127, 128, 255] {
        let script = format!("exit {code}");
        let own = wrapped(["sh", "-c", &script]);
        assert_eq!([own.code; 2], others(&script), "{script}: {own}");
        assert_eq!(own.code, Some(code));
    }
}

#[test]
fn a_signal_is_128_and_its_number() {
    for name in [
        "HUP", "INT", "QUIT", "ILL", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "PIPE", "ALRM",
        "TERM", "SYS",
    ] {
        // No core files in the sources.
        let script = format!("ulimit -c 0; kill -{name} $$");
        let own = wrapped(["sh", "-c", &script]);
        assert_eq!([own.code; 2], others(&script), "{script}: {own}");
        let said = own.stderr_text();
        assert!(said.contains(&format!("was killed by SIG{name} ")), "{own}");
        assert!(!said.contains("core dumped"), "{own}");
    }
}

#[test]
fn success_says_nothing() {
    let own = wrapped(["true"]).ended_with(0);
    assert_eq!((own.stdout, own.stderr), (vec![], vec![]));
    let quiet = spyhole(["run", "-q", "--", "sh", "-c", "exit 3"]).ended_with(3);
    assert!(quiet.stderr.is_empty(), "{quiet}");
}

#[test]
fn everything_behind_the_command_is_its_own() {
    for words in [
        &["run", "--", "echo", "--report", "x", "ps", "--", "-q"][..],
        &["run", "echo", "--report", "x", "ps", "--", "-q"],
        &["-q", "run", "echo", "--report", "x", "ps", "--", "-q"],
    ] {
        let own = spyhole(words).ended_with(0);
        assert_eq!(own.stdout_text(), "--report x ps -- -q\n", "{words:?}");
    }
    let own = spyhole(["run", "--reprot", "x", "echo"]).ended_with(2);
    assert!(own.stderr_text().contains("--reprot"), "{own}");
    spyhole(["run"]).ended_with(2);
}

#[test]
fn streams_go_through_untouched() {
    let mut bytes = vec![0; 1 << 20];
    File::open("/dev/urandom")
        .unwrap()
        .read_exact(&mut bytes)
        .unwrap();
    let mut child = wrapper(["sh", "-c", "tee /dev/stderr"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    assert!(output.stdout == bytes && output.stderr == bytes);
}

#[test]
fn the_application_gets_the_very_descriptors_mask_and_dispositions() {
    let script = "readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/7; \
                  grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status; env; pwd; ulimit -a; umask";
    let line =
        format!("trap '' USR2; cd /usr; export A=1; exec 7</dev/null; \"$@\" sh -c \"{script}\"");
    let plain = run(Command::new("sh").args(["-c", &line, "sh", "env"]));
    let program = crate::lab::spyhole();
    let own = run(Command::new("sh")
        .args(["-c", &line, "sh"])
        .arg(&program)
        .args(["run", "--"]));
    let lines = |text: String| -> Vec<String> {
        let kept = |line: &&str| !line.starts_with("_=") && !line.starts_with("pipe:");
        text.lines().filter(kept).map(str::to_owned).collect()
    };
    assert_eq!(lines(own.stdout_text()), lines(plain.stdout_text()));
    let text = own.stdout_text();
    let ignored = text.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap();
    assert_eq!(ignored & (1 << 11), 1 << 11, "USR2 is ignored: {own}");
}
