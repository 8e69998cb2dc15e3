//! The contract of the output beside the document: how a run ends, what stands on
//! stdout and stderr, tables and help.

use std::process::Command;

use ::spyhole::model::units::bytes_short;
use nix::sys::signal::Signal;

use super::document::{assert_keeps_the_contract, sections, subcommands};
use super::fake::FakeProc;
use super::host::{copy_program, list, run, shell, spyhole};
use super::lab::process::Process;
use super::lab::{self, Output};

// ---- how a run ends

#[test]
fn each_exit_code_has_its_case() {
    let fake = FakeProc::new();
    fake.process(1);
    fake.spyhole(["ps"]).ended_with(0);
    for words in [
        &["frob"][..],
        &["ps", "--nope"],
        &["ps", "--columns", "nope"],
        &["env", "-o", "xml"],
        &["--pid", "0", "ps"],
        &["man", "nope"],
        &["ps", "frob"],
        &["--self", "--pid", "1", "ps"],
        &["--timeout", "soon", "ps"],
    ] {
        let seen = fake.spyhole(words).ended_with(2);
        assert!(seen.stdout.is_empty(), "{seen}");
        assert!(seen.stderr_text().starts_with("spyhole: "), "{seen}");
    }
    fake.spyhole(["--pid", "4999", "ps"]).ended_with(3);
    fake.spyhole(["-c", "nope", "ps"]).ended_with(3);
    fake.process(1).without("environ");
    let unread = fake.spyhole(["env", "-o", "json"]).ended_with(4);
    assert_keeps_the_contract(&unread.json(), "env without environ");
    // The rest of a dump was read.
    fake.spyhole(["dump"]).ended_with(0);
}

#[test]
fn strict_makes_any_gap_an_exit_code() {
    let fake = FakeProc::new();
    fake.process(1).without("limits");
    let words = ["ps", "-o", "json"];
    let seen = fake.spyhole(words).ended_with(0);
    let strict = fake
        .spyhole([&words[..], &["--strict"]].concat())
        .ended_with(4);
    assert_eq!(
        strict.json()["gaps"],
        seen.json()["gaps"],
        "the document is the same"
    );
    // What was not asked for is no gap.
    fake.spyhole(["ps", "--strict"]).ended_with(0);
    fake.process(1);
    fake.spyhole(["ps", "-o", "json", "--strict"]).ended_with(0);
}

#[test]
fn a_closed_pipe_is_no_error() {
    for words in [
        "ps --all",
        "dump -o json",
        "dump -o yaml",
        "schema",
        "completions bash",
        "man",
        "--help",
    ] {
        // bash would say which member of the pipe ended how; sh has to write it down.
        let line = format!(r#"{{ "$0" {words}; echo $? >&2; }} | head -c 1 >/dev/null"#);
        for _ in 0..3 {
            let seen = shell(&line).ended_with(0);
            assert_eq!(seen.stderr_text(), "0\n", "{words}: {seen}");
        }
    }
}

// ---- tables

#[test]
fn notes_stand_below_the_table_or_on_stderr_without_headings() {
    let fake = FakeProc::new();
    fake.process(1).without("limits");
    let words = ["ps", "--columns", "pid,fdlimit"];
    let seen = fake.spyhole(words).ended_with(0);
    let lines: Vec<String> = seen.stdout_text().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{seen}");
    assert!(
        lines[0].starts_with("PID") && lines[2].starts_with("pid 1: fd_limit not readable ("),
        "{seen}"
    );
    assert!(seen.stderr.is_empty(), "{seen}");

    let bare = fake
        .spyhole([&words[..], &["--no-headers"]].concat())
        .ended_with(0);
    assert_eq!(
        bare.stdout_text().split_whitespace().collect::<Vec<_>>(),
        ["1", "?"],
        "{bare}"
    );
    assert_eq!(bare.stderr_text().trim_end(), lines[2]);
    let quiet = fake
        .spyhole([&words[..], &["--no-headers", "-q"]].concat())
        .ended_with(0);
    assert_eq!((&quiet.stdout, quiet.stderr.len()), (&bare.stdout, 0));
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let terminal = |before: &str, words: &str| {
        // script(1) gives the program a terminal.
        let line = format!("{before} {} ps -p 1 {words}", lab::spyhole().display());
        run(Command::new("script").args(["-qec", &line, "/dev/null"])).ended_with(0)
    };
    let coloured = |seen: &Output| seen.stdout.contains(&0x1b);
    assert!(coloured(&terminal("env -u NO_COLOR", "")));
    assert!(!coloured(&terminal("NO_COLOR=1", "")));
    assert!(
        coloured(&terminal("NO_COLOR=", "")),
        "empty is as if not set"
    );
    assert!(!coloured(&terminal("env -u NO_COLOR", "--color never")));
    assert!(
        coloured(&terminal("NO_COLOR=1", "--color always")),
        "asked for by name"
    );
    assert!(!coloured(&spyhole(["ps"])));
    assert!(coloured(&spyhole(["ps", "--color", "always"])));
    assert!(
        !coloured(&spyhole(["ps", "--color", "always", "-o", "json"])),
        "a document has none"
    );
}

#[test]
fn columns_are_those_that_were_named_in_that_order() {
    let seen = spyhole(["ps", "-p", "1", "--columns", "comm,ppid,pid"]).ended_with(0);
    let text = seen.stdout_text();
    let head: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["COMM", "PPID", "PID"]);
    for flag in ["--columns", "--sort"] {
        let seen = spyhole(["ps", flag, "colour"]).ended_with(2);
        let said = seen.stderr_text();
        for name in ["\"colour\"", "pid", "%cpu", "rss", "command"] {
            assert!(said.contains(name), "no {name}: {seen}");
        }
    }
}

#[test]
fn the_proportional_share_of_memory_is_shown_where_it_was_asked_for() {
    // A program of its own, so that nothing else maps its pages.
    let shelf = tempfile::TempDir::new().unwrap();
    let program = shelf.path().join("alone");
    copy_program(&lab::example("full_queue"), &program);
    let mut alone = Process::start(&mut Command::new(&program), Signal::SIGKILL);
    alone.wait_for_line("ready ");
    let pid = alone.id().to_string();
    let of_the_kernel = || -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let number = line.unwrap().trim().strip_suffix(" kB").unwrap();
        number.parse::<u64>().unwrap() << 10
    };
    for words in [
        &["--pss"][..],
        &["--pss", "-o", "wide"],
        &["--pss", "-f"],
        &["--pss", "--columns", "pid,comm"],
        &["--columns", "pid,pss"],
    ] {
        let cell = || {
            let seen = spyhole([&["ps", "--all", "-p", &pid], words].concat()).ended_with(0);
            let text = seen.stdout_text();
            let mut lines = text.lines();
            let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect();
            let (head, row): (Vec<String>, Vec<String>) =
                (cells(lines.next().unwrap()), cells(lines.next().unwrap()));
            let at = head.iter().position(|title| title == "PSS");
            row[at.unwrap_or_else(|| panic!("{words:?}: {text}"))].clone()
        };
        // The kernel may take a page away between two looks.
        let same = (0..20).find_map(|_| {
            let (before, seen, after) = (of_the_kernel(), cell(), of_the_kernel());
            (before == after).then_some((seen, bytes_short(before)))
        });
        let (seen, expected) = same.expect("the share does not rest");
        assert_eq!(seen, expected, "{words:?}");
    }
    let without = spyhole(["ps", "--all", "-p", &pid]).ended_with(0);
    assert!(!without.stdout_text().contains("PSS"), "{without}");
}

#[test]
fn sorted_means_sorted() {
    let numbers = |sort: &str, key: &str| -> Vec<u64> {
        let document = spyhole(["ps", "--all", sort, "-o", "json"]).document();
        list(&document, "processes")
            .iter()
            .map(|one| one[key].as_u64().unwrap())
            .collect()
    };
    let rss = numbers("--sort=-rss", "rss_bytes");
    assert!(
        rss.is_sorted_by(|a, b| a >= b) && rss.first() > rss.last(),
        "{rss:?}"
    );
    assert!(numbers("--sort=vsz", "virtual_bytes").is_sorted());
    assert!(numbers("--sort=pid", "pid").is_sorted());
}

// ---- help

#[test]
fn every_command_has_help_with_an_example() {
    let commands = subcommands();
    assert!(commands.len() >= 7, "{commands:?}");
    for command in commands {
        let help = spyhole([command.as_str(), "--help"]).ended_with(0);
        let text = help.stdout_text();
        let example = text
            .split_once("Example:\n")
            .or_else(|| text.split_once("Examples:\n"));
        let example = example.unwrap_or_else(|| panic!("{command}: {text}")).1;
        assert!(
            example.trim_start().starts_with("spyhole "),
            "{command}: {text}"
        );
        assert!(help.stderr.is_empty(), "{help}");
    }
    let help = spyhole(["--help"]).stdout_text();
    for code in 0..=5 {
        assert!(
            help.contains(&format!("\n  {code}  ")),
            "exit code {code}: {help}"
        );
    }
}

#[test]
fn help_is_plain_text() {
    let mut texts = vec![spyhole(["--help"])];
    for command in subcommands() {
        // For these -h is the flag of the tool.
        let has_letter = !["ls", "du", "grep"].contains(&command.as_str());
        for flag in ["-h", "--help"]
            .into_iter()
            .filter(|flag| has_letter || *flag != "-h")
        {
            texts.push(spyhole([command.as_str(), flag]));
        }
    }
    for help in texts {
        let help = help.ended_with(0);
        let text = help.stdout_text();
        for markup in ["`", "**", "]("] {
            assert!(!text.contains(markup), "{markup} in {text}");
        }
    }
}

#[test]
fn examples_in_the_help_run() {
    for section in sections() {
        let help = spyhole([section.as_str(), "--help"]).stdout_text();
        let examples = help
            .split_once("Example:\n")
            .or_else(|| help.split_once("Examples:\n"));
        let example = examples.unwrap().1.lines().next().unwrap();
        let words = example.trim().strip_prefix("spyhole ").unwrap();
        let words = words.split(" > ").next().unwrap();
        let seen = spyhole(words.split_whitespace());
        assert!([Some(0), Some(4)].contains(&seen.code), "{example}: {seen}");
    }
}

#[test]
fn completions_and_manual_mention_every_command() {
    let commands = subcommands();
    let page = spyhole(["man"]).ended_with(0).stdout_text();
    let shells = ["bash", "zsh", "fish"].map(|shell| {
        (
            shell,
            spyhole(["completions", shell]).ended_with(0).stdout_text(),
        )
    });
    for command in &commands {
        assert!(page.contains(command.as_str()), "{command} in the manual");
        for (shell, script) in &shells {
            assert!(script.contains(command.as_str()), "{command} for {shell}");
        }
        let own = spyhole(["man", command]).ended_with(0).stdout_text();
        assert!(
            own.contains(".TH") && own.contains(".SH NAME"),
            "{command}: {own}"
        );
    }
}
