//! The commands of a line, each in a process of its own, joined by pipes.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use super::super::{parse, run};
use super::filters::{self, FILTERS, is_filter};
use super::paths::{expand, from_root};
use super::words::Word;
use super::{BUILTINS, REFUSED, Session, code_of, complain, is_of_target};
use crate::cli::exit::Exit;
use crate::cli::files::FilesCommand;
use crate::cli::files::escaping::TerminalPieces;
use crate::model::escape::escaped;
use crate::sys::console::{Console, show};
use crate::sys::forked::{ForkedFiles, ForkedJob, capture, new_pipe};
use crate::terminal::pager::part;

/// The exit code of a command that panicked.
pub(super) const PANICKED: u8 = 101;
/// Bytes of a watched command's output that can be on a screen.
const SCREEN_BYTES: usize = 256 << 10;
/// A watched command takes no longer.
const WATCHED: Duration = Duration::from_mins(2);

/// Starts commands joined by pipes. What the last one writes goes to `out`, or to stdout.
///
/// # Errors
/// A sentence about a command that cannot be there, or cannot be started.
pub(super) fn launch(
    session: &Session,
    commands: Vec<Vec<Word>>,
    out: Option<OwnedFd>,
) -> Result<ForkedJob, String> {
    let commands = with_input(commands)?;
    let cannot = |errno: nix::errno::Errno| format!("cannot start the command: {}", errno.desc());
    let mut job = ForkedJob::new().map_err(cannot)?;
    let mut out = out;
    let mut input = None;
    let count = commands.len();
    for (index, words) in commands.iter().enumerate() {
        let (next, output) = if index + 1 == count {
            (None, out.take())
        } else {
            let (reading, writing) = new_pipe().map_err(cannot)?;
            (Some(reading), Some(writing))
        };
        let files = ForkedFiles {
            stdin: input.take(),
            stdout: output,
            silent: false,
        };
        let kept: Vec<&OwnedFd> = next.iter().collect();
        job.start(files, &kept, || run_command(session, words, index == 0))
            .map_err(cannot)?;
        input = next;
    }
    Ok(job)
}

/// A filter that begins a line reads its files; those behind a pipe are known.
fn with_input(mut commands: Vec<Vec<Word>>) -> Result<Vec<Vec<Word>>, String> {
    for command in commands.iter().skip(1) {
        let name = command.first().map(|word| word.text.as_str());
        let name = name.unwrap_or_default();
        if !is_filter(name) {
            let names: Vec<&str> = FILTERS.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "{}: not available after |; available: {}",
                escaped(name.as_bytes()),
                names.join(", ")
            ));
        }
    }
    let Some(first) = commands.first_mut() else {
        return Ok(commands);
    };
    let name = first.first().map(|word| word.text.clone());
    let name = name.unwrap_or_default();
    let is_command = FilesCommand::named(name.as_ref()).is_some();
    if is_filter(&name) && !is_command {
        let plain = |word: &Word| word.text == name || word.text.starts_with('-');
        // `sort -k 2 FILE`: the number is no file.
        let mut is_value = false;
        let (kept, files): (Vec<Word>, Vec<Word>) = first.drain(..).partition(|word| {
            let is_flag = plain(word) || is_value;
            is_value = name == "sort" && matches!(&*word.text, "-k" | "-t");
            is_flag
        });
        if files.is_empty() {
            return Err(format!(
                "{name}: a PATH is missing, or a command before it: ps | {name}"
            ));
        }
        let cat = ["cat", "--"].map(|text| Word {
            text: text.to_owned(),
            is_pattern: false,
        });
        *first = cat.into_iter().chain(files).collect();
        commands.insert(1, kept);
    }
    Ok(commands)
}

/// Runs one command in this process, which then ends.
fn run_command(session: &Session, words: &[Word], is_first: bool) -> u8 {
    if !is_first {
        let words: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
        return filters::run(&words, session.console.as_ref());
    }
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    match texts.as_slice() {
        ["pwd"] => return printed(&[&session.directory, &b"\n"[..]].concat()),
        ["history"] => {
            let lines = session.history.lines().iter().enumerate();
            let lines = lines
                .map(|(index, line)| format!("{:>5}  {}\n", index + 1, escaped(line.as_bytes())));
            return printed(lines.collect::<String>().as_bytes());
        }
        ["help" | "?"] => return printed(help().as_bytes()),
        ["use"] => return code_of(run(line_of(session, &["containers"]))),
        ["cd" | "use" | "exit" | "clear", ..] => {
            complain("cd, use, exit and clear stand alone on their line");
            return Exit::Usage as u8;
        }
        _ => {}
    }
    let mut line: Vec<OsString> = vec!["spyhole".into()];
    line.extend(flags_beside(session, &texts));
    line.extend(expand(words, &session.flags(), &session.directory));
    let line = from_root(line, &session.directory);
    if let Some(why) = refusal(&line) {
        complain(&why);
        return Exit::Usage as u8;
    }
    code_of(run(line))
}

fn line_of(session: &Session, words: &[&str]) -> Vec<OsString> {
    let mut line: Vec<OsString> = vec!["spyhole".into()];
    line.extend(session.plain_flags());
    line.extend(words.iter().map(OsString::from));
    line
}

fn printed(text: &[u8]) -> u8 {
    let (mut pieces, mut out) = (TerminalPieces::default(), Vec::new());
    pieces.add(text, &mut out);
    pieces.end(&mut out);
    let _ = io::stdout().write_all(&out);
    Exit::Done as u8
}

/// The shell's own flags, less those that the command gives itself.
fn flags_beside(session: &Session, words: &[&str]) -> Vec<OsString> {
    let name = words.first().copied().unwrap_or_default();
    let is_of_files = FilesCommand::named(name.as_ref()).is_some();
    let names_target = words
        .iter()
        .any(|word| is_of_target(&OsString::from(word)) || *word == "-c" && !is_of_files);
    let is_given = |flag: &OsString| {
        let flag = flag.to_string_lossy();
        let long = flag.split('=').next().unwrap_or_default().to_owned();
        words
            .iter()
            .any(|word| word.split('=').next() == Some(long.as_str()))
    };
    let mut flags: Vec<OsString> = session.flags.clone();
    flags.retain(|flag| !is_given(flag));
    if !names_target {
        flags.extend(session.target.iter().cloned());
    }
    flags
}

/// Why a command is not run here.
fn refusal(line: &[OsString]) -> Option<String> {
    let parsed = parse(line).ok()?;
    let (name, own) = parsed.matches.subcommand()?;
    if REFUSED.contains(&name) {
        return Some(format!(
            "{name}: not available in the shell, which starts no program; outside of it: spyhole \
             {name}"
        ));
    }
    let given = |id: &str| {
        own.try_get_raw(id)
            .ok()
            .flatten()
            .and_then(|mut values| values.next())
    };
    let file = match name {
        "fetch" => given("output_file"),
        "cp" => given("local"),
        _ => None,
    };
    let file = file.filter(|file| *file != "-")?;
    Some(format!(
        "{name}: {} is not written: the shell writes no files; outside of it: spyhole {name}",
        escaped(file.as_encoded_bytes())
    ))
}

/// What `help` says at the prompt.
fn help() -> String {
    let mut text = "At this prompt:\n".to_owned();
    for (name, words) in BUILTINS {
        let _ = writeln!(text, "  {name} {words}");
    }
    text.push_str("\nCOMMAND | FILTER: the filters and their flags\n");
    for (name, flags) in FILTERS {
        let _ = writeln!(text, "  {name:<6} {flags}");
    }
    text.push_str(
        "\nTab completes, ↑ ↓ and Ctrl-R search the history, Ctrl-C ends a command, Ctrl-D the \
         shell.\nhelp QUESTION, for example help which certificate, names the command that \
         answers it.\n\n",
    );
    let overview = super::super::help::overview();
    let commands = overview
        .lines()
        .skip_while(|line| !line.starts_with("Look"));
    let commands = commands.take_while(|line| !line.is_empty());
    text.extend(commands.map(|line| format!("{line}\n")));
    text
}

/// Starts what repeats commands on a screen.
///
/// # Errors
/// A sentence about why it cannot be started.
pub(super) fn launch_watch(
    session: &Session,
    commands: &[Vec<Word>],
    every: Duration,
) -> Result<ForkedJob, String> {
    let cannot = |errno: nix::errno::Errno| format!("cannot start the command: {}", errno.desc());
    let mut job = ForkedJob::new().map_err(cannot)?;
    job.start(ForkedFiles::default(), &[], || {
        loop {
            if !repeat(session, commands, every) {
                return Exit::Usage as u8;
            }
            thread::sleep(every);
        }
    })
    .map_err(cannot)?;
    Ok(job)
}

/// Runs the commands once and shows the beginning of what they write; `false`: they cannot be.
fn repeat(session: &Session, commands: &[Vec<Word>], every: Duration) -> bool {
    let captured = capture(SCREEN_BYTES, WATCHED, false, || {
        match launch(session, commands.to_vec(), None) {
            Ok(job) => match job.wait(|| false) {
                crate::sys::forked::JobEnd::Code(code) => code,
                crate::sys::forked::JobEnd::TimedOut => Exit::Unreadable as u8,
            },
            Err(why) => {
                complain(&why);
                u8::MAX
            }
        }
    });
    let Some((text, code)) = captured else {
        complain("watch: the command timed out");
        return false;
    };
    if code == u8::MAX {
        return false;
    }
    let Some(console) = session.console.as_ref() else {
        let _ = io::stdout().write_all(&text);
        return true;
    };
    show(&screen(console, commands, every, &text));
    true
}

fn screen(console: &Console, commands: &[Vec<Word>], every: Duration, text: &[u8]) -> String {
    let size = console.size();
    let line = |words: &Vec<Word>| {
        let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ")
    };
    let line: Vec<String> = commands.iter().map(line).collect();
    let head = format!("every {}s: {}", every.as_secs_f64(), line.join(" | "));
    let (mut pieces, mut shown) = (TerminalPieces::default(), Vec::new());
    pieces.add(text, &mut shown);
    pieces.end(&mut shown);
    let text = String::from_utf8_lossy(&shown);
    let mut screen = "\x1b[H".to_owned();
    let lines = std::iter::once(escaped(head.as_bytes()).into_owned());
    let lines = lines.chain(text.lines().map(str::to_owned));
    for line in lines.take(size.rows.saturating_sub(1)) {
        screen.push_str(&part(&line, 0, size.columns));
        screen.push_str("\x1b[K\n");
    }
    screen.push_str("\x1b[J");
    screen
}
