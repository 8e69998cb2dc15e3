//! `spyhole shell` as a person types: on a terminal, through a pipe, and when things go wrong.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::keyboard::Keyboard;
use super::lab::{self, Lab};

/// A prompt that looks at this test.
fn shell(words: &[&str]) -> Command {
    let mut command = Command::new(lab::spyhole());
    command.args(["shell", "--pid", &std::process::id().to_string()]);
    command.args(words).env_remove("HOME").env("TERM", "xterm");
    command
}

/// What lines that come by a pipe print.
fn piped(lines: &str) -> (String, String, Option<i32>) {
    let mut command = shell(&[]);
    let input = TempDir::new().unwrap();
    let file = input.path().join("lines");
    fs::write(&file, lines).unwrap();
    let output = command
        .stdin(Stdio::from(fs::File::open(&file).unwrap()))
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

#[test]
fn a_person_types_completes_goes_back_and_interrupts() {
    let place = TempDir::new().unwrap();
    fs::write(place.path().join("growing.log"), "first line\n").unwrap();
    let mut keys = Keyboard::start(&mut shell(&["--no-overview"]), 100, 30);
    let before = keys.modes();
    let uid = nix::unistd::geteuid();
    let root = format!("/ (uid {uid})> ");
    keys.sees(&root);
    let path = place.path().display().to_string();
    keys.types(&format!("cd {path}\r"));
    let there = format!(" (uid {uid})> ");
    keys.sees(&there);
    keys.types("pwd\r");
    keys.sees(&format!("\n{path}\r\n"));
    keys.sees(&there);
    // A path of the target, a command, a flag of it.
    keys.types("cat gro\t");
    keys.sees("cat growing.log ");
    keys.types("\r");
    keys.sees("\nfirst line\r\n");
    keys.sees(&there);
    keys.types("sha256s\t");
    keys.sees("sha256sum ");
    keys.types("\x15ps --no-hea\t");
    keys.sees("ps --no-headers ");
    // Backspace, the history, and a search in it.
    keys.types("\x15pwdx\x7f\r");
    keys.sees(&format!("\n{path}\r\n"));
    keys.sees(&there);
    keys.types("\x1b[A\x1b[A");
    keys.sees("cat growing.log");
    keys.types("\x15\x12cd ");
    keys.sees(&format!("cd {path}"));
    keys.types("\x03");
    keys.sees("^C");
    keys.sees(&there);
    // What goes on until it is interrupted; the prompt goes on.
    keys.types("tail -f growing.log\r");
    keys.sees("\nfirst line\r\n");
    keys.types("\x03");
    keys.sees(&there);
    keys.types("watch -n 0.1 cat growing.log\r");
    keys.sees("every 0.1s: cat growing.log");
    keys.sees("first line");
    fs::write(place.path().join("growing.log"), "second line\n").unwrap();
    keys.sees("second line");
    keys.types("\x03");
    keys.sees(&there);
    // A secret that is shown is not kept.
    keys.types("printenv --reveal PATH PATH\r");
    keys.types("history | grep -c reveal\r");
    // That line itself.
    keys.sees("\n1\r\n");
    // While a command runs the terminal itself takes the key: it would end no prompt.
    keys.sees(&there);
    keys.types("\x04");
    assert_eq!(keys.ends(), Ok(0));
    assert_eq!(keys.modes(), before);
}

#[test]
fn pipes_are_those_of_the_tools() {
    for line in [
        "cat /etc/passwd | sort -r | head -3",
        "cat /etc/passwd | sort -t : -k 3 -n | tail -n 2",
        "cat /etc/passwd | grep -inA1 ROOT | head -c 40",
        "cat /etc/passwd | grep -vc nologin",
        "cat /etc/services | grep -o 'http[a-z]*' | sort | uniq -c",
        "cat /etc/passwd | tail -n +4 | wc -l",
        "cat /etc/group | wc",
        "cat /etc/group | wc -c",
        "sort -u /etc/shells",
        "grep -h root /etc/passwd /etc/group | uniq",
    ] {
        let tools = Command::new("sh")
            .args(["-c", line])
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let (stdout, stderr, _) = piped(&format!("{line}\n"));
        assert_eq!(
            stdout,
            String::from_utf8(tools.stdout).unwrap(),
            "{line}: {stderr}"
        );
    }
}

#[test]
fn lines_by_a_pipe_run_and_what_is_not_offered_is_refused_by_name() {
    let (stdout, stderr, code) = piped(
        "cd /etc\npwd\nspyhole ls passwd # a hint is pasted\nls pass*wd | less\ncd no-such\npwd\n\
         ps > /tmp/x\nkubectl web\nimage save /tmp/x\nshell\nfetch -o /tmp/x http://127.0.0.1:1/\n\
         cp /etc/passwd /tmp/x\nps | xargs\nless\nsort --zero /etc/passwd\nhelp\nexit\npwd\n",
    );
    let begun = "/etc\n/etc/passwd\npasswd\n/etc\n";
    assert!(stdout.starts_with("/etc\n/etc/passwd\n"), "{stdout}");
    assert!(
        stdout.contains("watch") && !stdout.ends_with("/etc\n"),
        "{stdout} {begun}"
    );
    for refused in [
        "cannot read /etc/no-such: not found",
        "redirection is not supported",
        "kubectl: not available in the shell",
        "image: not available in the shell",
        "shell: not available in the shell",
        "fetch: /tmp/x is not written",
        "cp: /tmp/x is not written",
        "xargs: not available after |; available: grep, head",
        "less: a PATH is missing",
        "sort: --zero is not supported in the shell; supported: -r -n",
    ] {
        assert!(stderr.contains(refused), "{refused}: {stderr}");
    }
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(piped("cat /etc/no-such\n").2, Some(4));
}

#[test]
fn it_starts_no_program_and_writes_no_file() {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let place = TempDir::new().unwrap();
    let lines = place.path().join("lines");
    fs::write(
        &lines,
        "ps | sort | head -1\ncd /etc\nls\ncat passwd | grep root\n",
    )
    .unwrap();
    let own = shell(&[]);
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-e",
        "trace=execve,openat,open,creat,mkdir,rename",
        "-o",
    ]);
    strace
        .arg(trace.path())
        .arg(own.get_program())
        .args(own.get_args());
    let seen = strace
        .stdin(fs::File::open(&lines).unwrap())
        .output()
        .unwrap();
    assert!(
        seen.stdout.windows(8).any(|part| part == b"root:x:0"),
        "{seen:?}"
    );
    let calls = fs::read_to_string(trace.path()).unwrap();
    assert_eq!(calls.matches("execve(").count(), 1, "{calls}");
    for writing in [
        "O_WRONLY", "O_RDWR", "O_CREAT", "creat(", "mkdir(", "rename(",
    ] {
        let line = calls.lines().find(|line| line.contains(writing));
        assert_eq!(line, None, "{writing}");
    }
}

#[test]
fn names_that_a_target_chose_never_reach_the_terminal_raw() {
    let place = TempDir::new().unwrap();
    let path = place.path().display().to_string();
    fs::write(place.path().join("a\x1b[31mred"), "").unwrap();
    fs::write(place.path().join("a file"), "x\x1b]0;title\x07y\n").unwrap();
    symlink("/nowhere\x1b[5m", place.path().join("b")).unwrap();
    let mut keys = Keyboard::start(&mut shell(&["--no-overview"]), 100, 30);
    keys.sees("> ");
    keys.types(&format!("cd {path}\rls a\t"));
    keys.sees("ls a\\ file ");
    for line in [
        "\x15ls | head",
        "cat a* | tail",
        "less a\\ file",
        "ls -l | sort",
        "watch ls",
    ] {
        keys.types(&format!("{line}\r"));
    }
    keys.sees("every 2s");
    keys.sees("a file");
    keys.types("\x03");
    keys.sees("> ");
    keys.types("exit\r");
    assert_eq!(keys.ends(), Ok(0));
    let shown = keys.shown();
    assert!(
        shown.contains("a\\x1b[31mred") && shown.contains("\\x1b]0;title"),
        "{shown}"
    );
    for raw in ["\x1b[31m", "\x1b]0", "\x1b[5m"] {
        assert!(!shown.contains(raw), "{shown:?}");
    }
}

#[test]
fn a_dumb_terminal_gets_no_sequences() {
    let mut command = shell(&["--no-overview", "--color", "never"]);
    let mut keys = Keyboard::start(command.env("TERM", "dumb"), 80, 24);
    keys.sees("> ");
    keys.types("ps | wc -l\n");
    keys.sees("\n2\r\n");
    keys.sees("> ");
    keys.types("less /etc/passwd\n");
    keys.sees("root:x:0");
    keys.sees("> ");
    keys.types("\x04");
    assert_eq!(keys.ends(), Ok(0));
    assert!(!keys.shown().contains('\x1b'), "{:?}", keys.shown());
}

#[test]
fn the_line_fits_a_terminal_that_becomes_narrow() {
    let mut keys = Keyboard::start(&mut shell(&["--no-overview"]), 100, 24);
    keys.sees("> ");
    keys.types(&"x".repeat(70));
    keys.sees(&"x".repeat(60));
    keys.resize(40, 10);
    keys.sees("\r");
    keys.types("end");
    let drawn = keys.sees("end\x1b[K");
    let last = drawn.rsplit('\r').next().unwrap();
    assert!(last.len() <= 40 + "\x1b[K".len(), "{last:?}");
    keys.types("\x15exit\r");
    assert_eq!(keys.ends(), Ok(0));
}

#[test]
fn less_shows_a_screen_and_gives_the_terminal_back() {
    let mut keys = Keyboard::start(&mut shell(&["--no-overview"]), 80, 10);
    let before = keys.modes();
    keys.sees("> ");
    keys.types("cat /etc/services | less\r");
    keys.sees("\x1b[?1049h");
    keys.sees("lines 1-9 of ");
    keys.types(" ");
    keys.sees("lines 10-18 of ");
    keys.types("/https\r");
    keys.sees("https");
    keys.types("q");
    keys.sees("\x1b[?1049l");
    keys.sees("> ");
    keys.types("\x04");
    assert_eq!(keys.ends(), Ok(0));
    assert_eq!(keys.modes(), before);
}

#[test]
fn signals_and_a_dead_connection_end_it_with_what_it_runs() {
    for line in ["", "tail -n 999 -f /etc/passwd\r"] {
        for signal in [Signal::SIGTERM, Signal::SIGHUP] {
            let mut keys = Keyboard::start(&mut shell(&["--no-overview"]), 80, 24);
            let before = keys.modes();
            keys.sees("> ");
            keys.types(line);
            if !line.is_empty() {
                keys.sees("root:x:0");
            }
            if signal == Signal::SIGHUP {
                keys.hang_up();
            } else {
                keys.signal(signal);
            }
            assert_eq!(keys.ends(), Ok(128 + signal as i32), "{line:?}");
            assert_eq!(keys.modes(), before);
        }
    }
    let mut keys = Keyboard::start(&mut shell(&["--no-overview", "--idle-exit", "1s"]), 80, 24);
    keys.sees("no input within the idle time (--idle-exit): ended");
    assert_eq!(keys.ends(), Ok(0));
    // A command is a process: what ends it does not end the prompt.
    let mut keys = Keyboard::start(&mut shell(&["--no-overview"]), 80, 24);
    keys.sees("> ");
    keys.types("tail -n 999 -f /etc/passwd\r");
    keys.sees("root:x:0");
    let children = format!("/proc/{0}/task/{0}/children", keys.pid());
    let child = fs::read_to_string(children).unwrap();
    let child = child.split_whitespace().next().unwrap().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child), Signal::SIGKILL).unwrap();
    keys.sees("the command was ended by signal 9");
    keys.sees("> ");
}

#[needs(root)]
fn a_user_without_a_name_sees_the_overview_first() {
    let web = Lab::webapp().uid(54321).start();
    let mut beside = web
        .spyhole()
        .uid(54321)
        .caps("none")
        .args(["shell"])
        .command(&[]);
    let mut keys = Keyboard::start(beside.env("TERM", "xterm").env_remove("HOME"), 80, 24);
    let first = keys.sees("(uid 54321)> ");
    assert!(first.contains("/webapp"), "{first}");
    keys.types("id\r");
    keys.sees("uid=54321");
    keys.sees("(uid 54321)> ");
    keys.types("\x04");
    assert_eq!(keys.ends(), Ok(0));
}
