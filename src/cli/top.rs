//! `spyhole top`: looks again and again, and shows what has changed.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use clap::{ArgMatches, Args, Command};

use super::exit::Exit;
use super::files::without_short;
use super::global::Global;
use super::output::{is_wrong_place, style};
use super::scan_options::options;
use super::{Failure, attached, given, parse, written};
use crate::model::Report;
use crate::model::format::Format;
use crate::sections::section::Request;
use crate::sys::console::{self, Console, FullScreen, Interrupts, Typed, show};
use crate::sys::own;
use crate::terminal::keys::{Key, KeyDecoder};
use crate::terminal::top::{Top, TopAction, TopSample, TopSort, TopView};

pub(super) const TOP: &str = "top";

/// How long the rest of a key's bytes may take.
const KEY_TIME: Duration = Duration::from_millis(60);
/// Where no terminal tells.
const WIDTH: usize = 200;
/// What is read of each process beyond `stat`.
const COLUMNS: &str = "--columns=pid,user,rss,%mem,command";

/// What `spyhole top` takes.
#[derive(Debug, Args)]
struct TopOptions {
    /// Print to a log instead of a screen, like top -b.
    #[arg(short = 'b', long)]
    batch: bool,
    /// End after this many looks.
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    iterations: Option<u32>,
    /// Look again after this many seconds (default 1).
    #[arg(short = 'd', long, value_name = "SECONDS", value_parser = delay)]
    delay: Option<Duration>,
    /// Show threads instead of processes.
    #[arg(short = 'H', long)]
    threads: bool,
    /// Sort by cpu, mem, time or pid (default cpu).
    #[arg(short = 'o', long, value_name = "COLUMN", value_parser = sort)]
    sort: Option<TopSort>,
    /// Show only these process ids.
    #[arg(short = 'p', long = "pids", value_name = "LIST", value_delimiter = ',')]
    pids: Vec<i32>,
    /// Show only processes of this user (name or uid).
    #[arg(short = 'u', long, value_name = "USER")]
    user: Option<String>,
}

impl TopOptions {
    /// The flags of `ps` for the processes that are shown.
    fn chosen(&self) -> Vec<String> {
        let pids = self.pids.iter().map(|pid| format!("--pids={pid}"));
        let user = self.user.iter().map(|user| format!("--user={user}"));
        pids.chain(user).collect()
    }
}

fn delay(text: &str) -> Result<Duration, String> {
    let seconds = text.trim_end_matches('s').parse::<f64>().ok();
    seconds
        .filter(|seconds| (0.1..=3600.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "expected a number of seconds from 0.1 to 3600".to_owned())
}

fn sort(text: &str) -> Result<TopSort, String> {
    TopSort::named(text).ok_or_else(|| "expected cpu, mem, time or pid".to_owned())
}

/// Its subcommand.
pub(super) fn command() -> Command {
    let command = TopOptions::augment_args(Command::new(TOP))
        .about("Watch processes, memory, CPU, sockets and disks of the target on a screen")
        .long_about(None)
        .after_help(
            "Keys are those of htop: ? lists them. It opens no connection.\n\n\
             Examples:\n  spyhole top\n  spyhole top -b -n 1",
        );
    without_short(command, &["output"])
}

/// Looks until it is enough.
///
/// # Errors
/// There is no target, or the output cannot be written.
pub(super) fn run(own: &ArgMatches, global: &Global, words: &[OsString]) -> Result<Exit, Failure> {
    let asked: TopOptions = given(own)?;
    if global.output.is_some_and(|format| format != Format::Table) {
        return Err(Failure::usage(
            "--output is not supported for top; use spyhole ps -o json and spyhole resources -o json",
        ));
    }
    attached::wait(words);
    let view = if asked.threads {
        TopView::Threads
    } else {
        TopView::Processes
    };
    let delay = asked.delay.unwrap_or(Duration::from_secs(1));
    let has_color = style(global, false).color && !asked.batch;
    let mut top = Top::new(view, asked.sort.unwrap_or(TopSort::Cpu), has_color);
    let mut looker = Looker {
        global,
        chosen: asked.chosen(),
        last: None,
    };
    let first = looker.look(view)?;
    if is_wrong_place(&first.report) {
        return Ok(Exit::Target);
    }
    top.take(first);
    let console = Console::open().filter(|_| !asked.batch && console::knows_sequences());
    match console {
        None => print(&mut top, &mut looker, &asked, delay),
        Some(console) => {
            console::note_signals(Interrupts::ForThisProcess);
            let done = on_screen(&console, &mut top, &mut looker, &asked, delay);
            done.map(|()| Exit::Done)
        }
    }
}

/// What is looked at, again and again.
struct Looker<'a> {
    global: &'a Global,
    chosen: Vec<String>,
    last: Option<Instant>,
}

impl Looker<'_> {
    fn look(&mut self, view: TopView) -> Result<TopSample, Failure> {
        let line: &[&str] = match view {
            TopView::Processes => &["ps", COLUMNS],
            TopView::Threads => &["ps", "-L", COLUMNS],
            TopView::Sockets => &["ss", "-a"],
            TopView::FileSystems => &["df"],
        };
        let chosen: &[String] = match view {
            TopView::Processes | TopView::Threads => &self.chosen,
            TopView::Sockets | TopView::FileSystems => &[],
        };
        let chosen = chosen.iter().map(String::as_str);
        let line: Vec<&str> = line.iter().copied().chain(chosen).collect();
        let lines = [&["resources"][..], &line];
        let requests = lines.iter().filter_map(|words| request_of(words)).collect();
        let report = self.report(requests)?;
        let now = Instant::now();
        let before = self.last.replace(now);
        Ok(TopSample {
            report,
            since_last: before.map(|before| now.duration_since(before)),
            own_cpu_seconds: own::cpu_seconds(),
        })
    }

    fn report(&self, requests: Vec<Box<dyn Request>>) -> Result<Report, Failure> {
        let report = super::report(options(self.global)?, requests, Format::Table);
        report.map(|(_, report)| report)
    }
}

/// The request that a command of ours makes.
fn request_of(words: &[&str]) -> Option<Box<dyn Request>> {
    let words = std::iter::once("spyhole").chain(words.iter().copied());
    let line = parse(&words.map(OsString::from).collect::<Vec<_>>()).ok()?;
    let (_, own) = line.matches.subcommand()?;
    line.look?.request(own).ok()
}

fn print(
    top: &mut Top,
    looker: &mut Looker<'_>,
    asked: &TopOptions,
    delay: Duration,
) -> Result<Exit, Failure> {
    let mut count = 1;
    loop {
        let text = top.print(WIDTH).join("\n");
        let mut out = io::stdout().lock();
        let separator = if count > 1 { "\n" } else { "" };
        if let Err(error) = writeln!(out, "{separator}{text}").and_then(|()| out.flush()) {
            return written(&error);
        }
        if asked.iterations.is_some_and(|most| count >= most) {
            return Ok(Exit::Done);
        }
        count += 1;
        std::thread::sleep(delay);
        top.take(looker.look(top.view)?);
    }
}

fn on_screen(
    console: &Console,
    top: &mut Top,
    looker: &mut Looker<'_>,
    asked: &TopOptions,
    delay: Duration,
) -> Result<(), Failure> {
    let mut screen = Some(FullScreen::enter(console));
    let mut frame: Vec<String> = Vec::new();
    let mut decoder = KeyDecoder::default();
    let mut looks = 1;
    let mut next = Instant::now() + delay;
    loop {
        let size = console.size();
        let drawn = top.draw(size.columns, size.rows);
        show(&changes(&frame, &drawn));
        frame = drawn;
        let left = next.saturating_duration_since(Instant::now());
        let time = if decoder.is_waiting() { KEY_TIME } else { left };
        let mut action = TopAction::Nothing;
        match console.read(Some(time)) {
            Typed::Bytes(bytes) => {
                decoder.push(&bytes);
                while let Some(key) = decoder.next(false) {
                    action = at_most(action, top.press(key));
                }
            }
            Typed::Nothing if decoder.is_waiting() => {
                let key = decoder.next(true).unwrap_or(Key::Other);
                action = top.press(key);
            }
            Typed::Nothing => {
                if asked.iterations.is_some_and(|most| looks >= most) {
                    return Ok(());
                }
                looks += 1;
                action = TopAction::Look;
            }
            Typed::Resized => {
                frame.clear();
                show("\x1b[2J");
            }
            Typed::Suspended => action = TopAction::Suspend,
            Typed::Closed | Typed::Ending(_) => return Ok(()),
        }
        match action {
            TopAction::Nothing => {}
            TopAction::End => return Ok(()),
            TopAction::Look => {
                top.take(looker.look(top.view)?);
                next = Instant::now() + delay;
            }
            TopAction::Suspend => {
                drop(screen.take());
                console::stop();
                frame.clear();
                screen = Some(FullScreen::enter(console));
            }
        }
    }
}

/// Of two keys that came together the one that asks for more.
fn at_most(one: TopAction, other: TopAction) -> TopAction {
    if other == TopAction::Nothing || one == TopAction::End {
        one
    } else {
        other
    }
}

/// What turns one frame into the next: the rows that differ.
fn changes(before: &[String], after: &[String]) -> String {
    let mut out = String::new();
    for (index, row) in after.iter().enumerate() {
        if before.get(index) != Some(row) {
            let _ = write!(out, "\x1b[{};1H{row}\x1b[K", index + 1);
        }
    }
    if before.len() > after.len() {
        let _ = write!(out, "\x1b[{};1H\x1b[J", after.len() + 1);
    }
    out
}
