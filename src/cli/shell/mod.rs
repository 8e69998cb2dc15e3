//! `spyhole shell`: the commands at a prompt, for a terminal beside a container. It starts no other
//! program and writes no file: a command is this process, forked, so that neither its end nor a panic
//! nor Ctrl-C ends the prompt.

mod commands;
mod completion;
mod filters;
mod paths;
mod words;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Args, Command};

use super::exit::Exit;
use super::files::write_directory;
use super::global::{Global, passed_on};
use super::{Failure, attached, given, parse};
use crate::model::escape::escaped;
use crate::sys::console::{self, Console, Interrupts, Typed, show};
use crate::sys::forked::{JobEnd, capture};
use crate::terminal::keys::KeyDecoder;
use crate::terminal::line_editor::{History, Line, LineEditor};
use words::{Word, split_line};

pub(super) const SHELL: &str = "shell";

/// What the prompt itself knows, beside the commands.
const BUILTINS: &[(&str, &str)] = &[
    ("cd", "[DIR|-]              go to a directory of the target"),
    ("pwd", "                    print that directory"),
    (
        "use",
        "NAME|PID            look at another container or process",
    ),
    (
        "watch",
        "[-n SECONDS] LINE  repeat a line, pipes included, until Ctrl-C",
    ),
    (
        "history",
        "                lines of this session; they are in memory only",
    ),
    ("clear", "                  clear the screen (Ctrl-L)"),
    ("exit", "                   end (Ctrl-D)"),
];
/// Commands that start programs or write files, or are this one.
const REFUSED: [&str; 7] = [
    "docker", "image", "install", "kubectl", "podman", "run", SHELL,
];
/// How long finding the target, or a directory, may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Characters of a name or a path in the prompt.
const IN_PROMPT: usize = 40;
/// Bytes of a line that comes by a pipe.
const LINE_BYTES: usize = 64 << 10;
/// How often a line is repeated where nothing says it.
const WATCH: Duration = Duration::from_secs(2);

/// What `spyhole shell` takes.
#[derive(Debug, Args)]
struct ShellOptions {
    /// End after this long without input; a command that runs that long is ended too.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    idle_exit: Option<Duration>,
    /// Begin without the overview.
    #[arg(long)]
    no_overview: bool,
}

/// Its subcommand.
pub(super) fn command() -> Command {
    ShellOptions::augment_args(Command::new(SHELL))
        .about("Run the commands at a prompt, with completion, history and pipes")
        .long_about(None)
        .after_help(
            "Every command of spyhole, in the target's directories: cd, pwd, use, watch, history; \
             | grep, head, tail, wc, sort, uniq, less. It starts no other program and writes no \
             file. Where stdin is no terminal it runs the lines that come.\n\n\
             Example:\n  spyhole shell --pid 1 --idle-exit 15m",
        )
}

/// Reads lines and runs them until the end.
///
/// # Errors
/// A flag that is of no use here.
pub(super) fn run(
    own: &ArgMatches,
    global: &Global,
    words: &[OsString],
) -> Result<ExitCode, Failure> {
    attached::wait(words);
    let options: ShellOptions = given(own)?;
    if global.output.is_some() {
        return Err(Failure::usage(
            "-o is for a command at the prompt: spyhole shell, then ps -o json",
        ));
    }
    let (target, mut flags): (Vec<_>, Vec<_>) = passed_on::<ShellOptions>(own)
        .into_iter()
        .partition(is_of_target);
    if global.quiet {
        flags.push("--quiet".into());
    }
    let console = Console::open();
    if console.is_some() {
        console::note_signals(Interrupts::ForChildren);
    }
    let mut session = Session {
        flags,
        target,
        directory: b"/".to_vec(),
        before: b"/".to_vec(),
        name: String::new(),
        history: History::default(),
        idle: options.idle_exit,
        console,
        last: 0,
    };
    session.begin(options.no_overview || global.quiet);
    let code = session.talk();
    Ok(ExitCode::from(code))
}

/// Whether a flag says what is looked at.
fn is_of_target(flag: &OsString) -> bool {
    let flag = flag.to_string_lossy();
    let name = flag.split('=').next().unwrap_or_default();
    matches!(name, "--pid" | "--container" | "--pod" | "--self")
}

/// The number of an exit code.
fn code_of(code: ExitCode) -> u8 {
    let same = |number: &u8| ExitCode::from(*number) == code;
    (0..=u8::MAX).find(same).unwrap_or(u8::MAX)
}

fn complain(why: &str) {
    let _ = writeln!(io::stderr(), "spyhole: {why}");
}

/// The prompt, and what it keeps from line to line.
struct Session {
    /// Flags of every command.
    flags: Vec<OsString>,
    /// Those that say what is looked at.
    target: Vec<OsString>,
    /// The working directory, in the target's root.
    directory: Vec<u8>,
    before: Vec<u8>,
    /// What is looked at.
    name: String,
    history: History,
    idle: Option<Duration>,
    console: Option<Console>,
    /// The exit code of the last line.
    last: u8,
}

/// Whether there is a next line.
enum Next {
    Line,
    End(u8),
}

impl Session {
    /// The flags of a command that says nothing of its target.
    fn flags(&self) -> Vec<OsString> {
        [&*self.flags, &*self.target].concat()
    }

    /// The flags of a command on all containers.
    fn plain_flags(&self) -> Vec<OsString> {
        self.flags.clone()
    }

    fn begin(&mut self, no_overview: bool) {
        let name = describe_target(&self.flags());
        let is_found = name.is_some();
        self.name = name.unwrap_or_else(|| "no target".to_owned());
        if self.console.is_some() && !no_overview {
            self.run_line("overview");
        } else if !is_found {
            // Its words say why, and what to choose.
            self.run_line("uptime");
        }
        if self.console.is_some() {
            show("help lists the commands, Tab completes, Ctrl-D ends\n");
        }
    }

    /// Reads and runs lines; the exit code of the shell.
    fn talk(&mut self) -> u8 {
        let mut pending = Vec::new();
        let mut typed_ahead = KeyDecoder::default();
        loop {
            let prompt = self.prompt();
            let editable = self.console.as_ref().filter(|_| console::knows_sequences());
            let line = match editable {
                Some(console) => {
                    let ahead = std::mem::take(&mut typed_ahead);
                    let editor = LineEditor::new(console, &prompt, &self.history, self.idle, ahead);
                    let (line, ahead) =
                        editor.read(&mut |line, at| completion::complete(self, line, at));
                    typed_ahead = ahead;
                    line
                }
                None => self.read_plain(&prompt, &mut pending),
            };
            let line = match line {
                Line::Entered(line) => line,
                Line::Dropped => continue,
                Line::Closed if self.console.is_some() => return Exit::Done as u8,
                Line::Closed => return self.last,
                Line::Idle => {
                    complain("no input within the idle time (--idle-exit): ended");
                    return Exit::Done as u8;
                }
                Line::Ending(signal) => return by_signal(signal),
            };
            // What shows a secret is not kept, nor what begins with a space.
            let is_kept = !line.contains("--reveal") && !line.starts_with(' ');
            if is_kept && !line.trim().is_empty() {
                self.history.add(line.trim_end());
            }
            if let Next::End(code) = self.run_line(&line) {
                return code;
            }
            if let Some(signal) = console::ending() {
                return by_signal(signal);
            }
        }
    }

    fn prompt(&self) -> String {
        let directory = escaped(&self.directory);
        let uid = rustix::process::geteuid().as_raw();
        format!(
            "{}:{} (uid {uid})> ",
            shortened(&self.name),
            shortened(&directory)
        )
    }

    /// A line that the terminal itself edits, or that comes by a pipe.
    fn read_plain(&self, prompt: &str, pending: &mut Vec<u8>) -> Line {
        if self.console.is_some() {
            show(prompt);
        }
        loop {
            if let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                return Line::Entered(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
            }
            match console::read_stdin(self.idle) {
                Typed::Bytes(bytes) if pending.len() < LINE_BYTES => pending.extend(bytes),
                Typed::Closed if !pending.is_empty() => pending.push(b'\n'),
                Typed::Bytes(_) | Typed::Closed => return Line::Closed,
                Typed::Nothing => return Line::Idle,
                Typed::Resized | Typed::Suspended => {}
                Typed::Ending(signal) => return Line::Ending(signal),
            }
        }
    }

    /// Runs a line.
    fn run_line(&mut self, line: &str) -> Next {
        let commands = match split_line(line) {
            Ok(commands) => commands,
            Err(why) => {
                complain(&why);
                self.last = Exit::Usage as u8;
                return Next::Line;
            }
        };
        let Some((first, rest)) = commands.split_first() else {
            return Next::Line;
        };
        // The hints of all commands begin so.
        let first = match first.split_first() {
            Some((program, more)) if program.text == "spyhole" && !more.is_empty() => more,
            _ => first,
        };
        let texts: Vec<&str> = first.iter().map(|word| word.text.as_str()).collect();
        let is_alone = rest.is_empty();
        self.last = match texts.as_slice() {
            ["exit" | "quit" | "logout"] if is_alone => {
                let code = if self.console.is_some() { 0 } else { self.last };
                return Next::End(code);
            }
            ["cd", to @ ..] if is_alone => self.change_directory(to),
            ["use", to @ ..] if is_alone && !to.is_empty() => self.use_target(to),
            ["clear"] if is_alone => {
                show("\x1b[H\x1b[2J");
                0
            }
            ["watch", ..] => {
                let whole: Vec<Vec<Word>> = std::iter::once(first.to_vec())
                    .chain(rest.iter().cloned())
                    .collect();
                self.watch(whole)
            }
            _ => {
                let first = std::iter::once(first.to_vec());
                self.run_commands(first.chain(rest.iter().cloned()).collect())
            }
        };
        Next::Line
    }

    fn change_directory(&mut self, to: &[&str]) -> u8 {
        let to = match to {
            [] | ["~"] => b"/".to_vec(),
            ["-"] => self.before.clone(),
            [one] => paths::absolute(&self.directory, one.as_bytes()),
            _ => {
                complain("cd: one directory; quote a name with spaces");
                return Exit::Usage as u8;
            }
        };
        let flags = self.flags();
        let found = capture(LINE_BYTES, PATIENCE, false, || {
            let words = [&["spyhole".into()], &*flags].concat();
            let done = parse(&words)
                .map_err(|error| Failure::usage(error.to_string()))
                .and_then(|line| super::global(&line.matches))
                .and_then(|global| write_directory(&mut io::stdout().lock(), &global, to));
            match done {
                Ok(exit) => exit as u8,
                Err(failure) => {
                    complain(&failure.message);
                    failure.exit as u8
                }
            }
        });
        match found {
            Some((path, 0)) if !path.is_empty() => {
                self.before = std::mem::replace(&mut self.directory, path);
                0
            }
            Some((_, code)) => code,
            None => {
                complain("cd: timed out");
                Exit::Unreadable as u8
            }
        }
    }

    fn use_target(&mut self, to: &[&str]) -> u8 {
        let target: Vec<OsString> = match to {
            [number] if number.parse::<i32>().is_ok() => vec![format!("--pid={number}").into()],
            [name] if !name.starts_with('-') => vec![format!("--container={name}").into()],
            flags => flags.iter().map(OsString::from).collect(),
        };
        let flags = [&*self.flags, &*target].concat();
        let Some(name) = describe_target(&flags) else {
            // The same again, for its words.
            let before = std::mem::replace(&mut self.target, target);
            self.run_line("uptime");
            self.target = before;
            return self.last;
        };
        self.target = target;
        self.name = name;
        self.directory = b"/".to_vec();
        0
    }

    /// Runs commands that are joined by pipes: the exit code of the last one.
    fn run_commands(&self, commands: Vec<Vec<Word>>) -> u8 {
        let is_full_screen = commands.last().is_some_and(|command| {
            let name = command.first().map(|word| word.text.as_str());
            matches!(name, Some("less" | "more" | "top"))
        });
        let job = match commands::launch(self, commands, None) {
            Ok(job) => job,
            Err(why) => {
                complain(&why);
                return Exit::Usage as u8;
            }
        };
        let mut active = Instant::now();
        let mut had_typed = false;
        let end = job.wait(|| {
            let is_waiting = self.console.as_ref().is_some_and(Console::has_typed);
            if is_waiting && !had_typed {
                active = Instant::now();
            }
            had_typed = is_waiting;
            self.idle.is_some_and(|idle| active.elapsed() >= idle)
        });
        if let Some(console) = &self.console {
            console.restore();
        }
        self.ended(end, is_full_screen)
    }

    /// Says how commands ended that did not end by themselves.
    fn ended(&self, end: JobEnd, is_full_screen: bool) -> u8 {
        let JobEnd::Code(code) = end else {
            complain("the command ran for the idle time (--idle-exit) and was ended");
            return Exit::Unreadable as u8;
        };
        if code > 128 && is_full_screen {
            show(console::LEAVE_FULL_SCREEN);
        }
        match code {
            // Ctrl-C, and Ctrl-\.
            130 | 131 => show("\n"),
            commands::PANICKED => {
                complain("the command failed (a bug in spyhole); the shell goes on");
            }
            129.. if self.console.is_some() && console::ending().is_none() => {
                complain(&format!("the command was ended by signal {}", code - 128));
            }
            _ => {}
        }
        code
    }

    /// Repeats commands on a screen until Ctrl-C.
    fn watch(&self, mut commands: Vec<Vec<Word>>) -> u8 {
        let mut every = WATCH;
        let Some(first) = commands.first_mut() else {
            return 0;
        };
        first.remove(0);
        let flag = first.first().map(|word| word.text.clone());
        if let Some(flag) = flag.filter(|flag| flag.starts_with("-n")) {
            first.remove(0);
            let attached = flag
                .trim_start_matches("-n")
                .trim_start_matches('=')
                .to_owned();
            let value = if attached.is_empty() && !first.is_empty() {
                first.remove(0).text
            } else {
                attached
            };
            let seconds = value.parse().ok();
            let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            let Some(time) = time else {
                complain("watch: -n needs a number of seconds");
                return Exit::Usage as u8;
            };
            every = time.max(Duration::from_millis(100));
        }
        if commands.iter().any(Vec::is_empty) {
            complain("watch: a command is missing, for example: watch -n 2 ss -tn");
            return Exit::Usage as u8;
        }
        let job = match commands::launch_watch(self, &commands, every) {
            Ok(job) => job,
            Err(why) => {
                complain(&why);
                return Exit::Internal as u8;
            }
        };
        let begun = Instant::now();
        let is_late = || self.idle.is_some_and(|idle| begun.elapsed() >= idle);
        self.ended(job.wait(is_late), false)
    }
}

fn by_signal(signal: i32) -> u8 {
    128_u8.saturating_add(u8::try_from(signal).unwrap_or(0))
}

/// The end of what is too long for a prompt.
fn shortened(text: &str) -> String {
    let count = text.chars().count();
    if count <= IN_PROMPT {
        return text.to_owned();
    }
    let end: String = text.chars().skip(count - IN_PROMPT + 1).collect();
    format!("…{end}")
}

/// The name of the target of these flags: its container, or its process; `None` without a target.
fn describe_target(flags: &[OsString]) -> Option<String> {
    let words: Vec<OsString> = [&["spyhole".into()], flags, &["uptime".into()]].concat();
    let (name, _) = capture(LINE_BYTES, PATIENCE, true, || {
        let name = target_of(&words).unwrap_or_default();
        let _ = io::stdout().write_all(name.as_bytes());
        0
    })?;
    let name = String::from_utf8_lossy(&name).into_owned();
    (!name.is_empty()).then_some(name)
}

fn target_of(words: &[OsString]) -> Option<String> {
    let line = parse(words).ok()?;
    let (_, own) = line.matches.subcommand()?;
    let request = line.look?.request(own).ok()?;
    let global = super::global(&line.matches).ok()?;
    let options = super::options(&global).ok()?;
    let format = crate::model::format::Format::Table;
    let (_, report) = super::report(options, vec![request], format).ok()?;
    let target = report.target?;
    let id = target.container_id.map(|id| id.chars().take(12).collect());
    let process = || format!("{} pid {}", escaped(target.comm.as_bytes()), target.pid);
    let is_one = target.chosen_by == crate::model::target::ChosenBy::Pid;
    let name = target.container.or(id).filter(|_| !is_one);
    Some(escaped(name.unwrap_or_else(process).as_bytes()).into_owned())
}
