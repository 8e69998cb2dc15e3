//! `top`: samples of a target over time → rows of a screen. What is read, and when, is decided above.

mod meters;
mod rows;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::keys::Key;
use super::pager::part;
use crate::model::Report;
use crate::model::process::{Process, Thread};

/// Samples that are kept: a minute of them.
const HISTORY: usize = 60;

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopView {
    Processes,
    Threads,
    Sockets,
    FileSystems,
}

/// What processes are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopSort {
    Cpu,
    Memory,
    Time,
    Pid,
}

impl TopSort {
    /// As `-o` names it, with the names that top has.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.trim_start_matches(['-', '+']).to_ascii_lowercase();
        Some(match name.as_str() {
            "cpu" | "%cpu" | "pcpu" => Self::Cpu,
            "mem" | "%mem" | "pmem" | "rss" | "res" => Self::Memory,
            "time" | "time+" | "cputime" => Self::Time,
            "pid" => Self::Pid,
            _ => return None,
        })
    }
}

/// What a key asks of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopAction {
    Nothing,
    /// Other data is shown: look again.
    Look,
    Suspend,
    End,
}

/// One look.
pub(crate) struct TopSample {
    pub(crate) report: Report,
    /// Since the look before; `None` for the first one.
    pub(crate) since_last: Option<Duration>,
    /// Processor time that spyhole itself has used in all, in seconds.
    pub(crate) own_cpu_seconds: Option<f64>,
}

/// Counters that differences are made of.
#[derive(Debug, Default)]
struct Counters {
    cpu: Option<f64>,
    periods: Option<u64>,
    throttled: Option<u64>,
    /// Of all devices; `None` where one of them was not read.
    read: Option<u64>,
    written: Option<u64>,
    own: Option<f64>,
    /// Processor time by thread or process.
    of_tasks: HashMap<i32, f64>,
}

/// What is shown.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a state that a key changes"
)]
pub(crate) struct Top {
    pub(crate) view: TopView,
    sort: TopSort,
    is_ascending: bool,
    is_tree: bool,
    has_color: bool,
    filter: String,
    is_filter_typed: bool,
    is_help: bool,
    first: usize,
    chosen: usize,
    /// Rows below the heading, and rows that there are.
    page: usize,
    count: usize,
    report: Option<Report>,
    last: Counters,
    rates: Rates,
    cpu_history: VecDeque<f64>,
    memory_history: VecDeque<f64>,
}

/// What was used between two looks.
#[derive(Debug, Default)]
struct Rates {
    cores: Option<f64>,
    throttled_percent: Option<f64>,
    read_per_second: Option<f64>,
    written_per_second: Option<f64>,
    own_percent: Option<f64>,
    /// Percent of a processor.
    of_tasks: HashMap<i32, f64>,
}

impl Top {
    /// Nothing yet.
    pub(crate) fn new(view: TopView, sort: TopSort, has_color: bool) -> Self {
        Self {
            view,
            sort,
            is_ascending: false,
            is_tree: false,
            has_color,
            filter: String::new(),
            is_filter_typed: false,
            is_help: false,
            first: 0,
            chosen: 0,
            page: 1,
            count: 0,
            report: None,
            last: Counters::default(),
            rates: Rates::default(),
            cpu_history: VecDeque::new(),
            memory_history: VecDeque::new(),
        }
    }

    /// Takes what a look has brought.
    pub(crate) fn take(&mut self, sample: TopSample) {
        let TopSample {
            report,
            since_last,
            own_cpu_seconds,
        } = sample;
        let now = counters_of(&report, own_cpu_seconds);
        self.rates = since_last
            .filter(|time| !time.is_zero())
            .map(|time| rates_between(&self.last, &now, time.as_secs_f64()))
            .unwrap_or_default();
        self.last = now;
        let cores = self.rates.cores;
        remember(&mut self.cpu_history, cores);
        let memory = meters::memory_bytes(&report);
        #[expect(clippy::cast_precision_loss, reason = "drawn in eight steps")]
        remember(&mut self.memory_history, memory.map(|bytes| bytes as f64));
        self.report = Some(report);
    }

    /// What a key does.
    pub(crate) fn press(&mut self, key: Key) -> TopAction {
        if self.is_filter_typed {
            match key {
                Key::Enter => self.is_filter_typed = false,
                Key::Escape | Key::Ctrl('c') => {
                    self.filter.clear();
                    self.is_filter_typed = false;
                }
                Key::Backspace => {
                    self.filter.pop();
                }
                Key::Char(character) => self.filter.push(character),
                _ => {}
            }
            return TopAction::Nothing;
        }
        self.is_help = matches!(key, Key::Char('?' | 'h') | Key::Function(1)) && !self.is_help;
        match key {
            Key::Char('q') | Key::Function(10) | Key::Ctrl('c') => return TopAction::End,
            Key::Ctrl('z') => return TopAction::Suspend,
            Key::Ctrl('l') => return TopAction::Look,
            Key::Char('1') => return self.show(TopView::Processes),
            Key::Char('3') => return self.show(TopView::Sockets),
            Key::Char('4') => return self.show(TopView::FileSystems),
            Key::Char('H') if self.view == TopView::Threads => {
                return self.show(TopView::Processes);
            }
            Key::Char('2' | 'H') => return self.show(TopView::Threads),
            Key::Char('P') => self.sort_by(TopSort::Cpu),
            Key::Char('M') => self.sort_by(TopSort::Memory),
            Key::Char('T') => self.sort_by(TopSort::Time),
            Key::Char('N') => self.sort_by(TopSort::Pid),
            Key::Char('I') => self.is_ascending = !self.is_ascending,
            Key::Char('t') | Key::Function(5) => self.is_tree = !self.is_tree,
            Key::Char('/' | '\\') | Key::Function(3 | 4) => self.is_filter_typed = true,
            Key::Escape => self.filter.clear(),
            Key::Up | Key::Char('k') => self.chosen = self.chosen.saturating_sub(1),
            Key::Down | Key::Char('j') => self.chosen += 1,
            Key::PageUp => self.chosen = self.chosen.saturating_sub(self.page),
            Key::PageDown | Key::Char(' ') => self.chosen += self.page,
            Key::Home => self.chosen = 0,
            Key::End => self.chosen = self.count,
            _ => {}
        }
        TopAction::Nothing
    }

    fn show(&mut self, view: TopView) -> TopAction {
        if self.view == view {
            return TopAction::Nothing;
        }
        self.view = view;
        (self.first, self.chosen) = (0, 0);
        TopAction::Look
    }

    fn sort_by(&mut self, sort: TopSort) {
        self.sort = sort;
        self.is_ascending = sort == TopSort::Pid;
    }

    /// The screen, a text a row, each as wide as the screen at most.
    pub(crate) fn draw(&mut self, columns: usize, rows: usize) -> Vec<String> {
        let Some(report) = &self.report else {
            return vec!["reading …".to_owned()];
        };
        if self.is_help {
            return HELP.lines().map(|line| part(line, 0, columns)).collect();
        }
        let mut screen = self.meters(report, columns);
        let table = self.rows(report);
        let count = table.rows.len();
        let page = rows.saturating_sub(screen.len() + 2).max(1);
        let chosen = self.chosen.min(count.saturating_sub(1));
        let first = self.first.clamp((chosen + 1).saturating_sub(page), chosen);
        screen.push(reversed(&part(&table.heading, 0, columns), columns));
        for (index, row) in table.rows.iter().enumerate().skip(first).take(page) {
            let row = part(row, 0, columns);
            screen.push(if index == chosen {
                reversed(&row, columns)
            } else {
                row
            });
        }
        screen.resize(rows.saturating_sub(1).max(screen.len()), String::new());
        let foot = if self.is_filter_typed || !self.filter.is_empty() {
            format!("filter: {}  (Esc clears)", self.filter)
        } else {
            "1 processes 2 threads 3 sockets 4 disks  P M T sort  t tree  / filter  ? keys  q end"
                .to_owned()
        };
        screen.push(part(&foot, 0, columns.saturating_sub(1)));
        screen.truncate(rows);
        (self.page, self.count, self.chosen, self.first) = (page, count, chosen, first);
        screen
    }

    /// The same for a log: no sequences, every row.
    pub(crate) fn print(&self, columns: usize) -> Vec<String> {
        let Some(report) = &self.report else {
            return Vec::new();
        };
        let mut lines = self.meters(report, columns);
        let table = self.rows(report);
        lines.push(table.heading);
        lines.extend(table.rows);
        lines
            .iter()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }
}

fn reversed(row: &str, columns: usize) -> String {
    let rest = columns.saturating_sub(row.width());
    format!("\x1b[7m{row}{}\x1b[m", " ".repeat(rest))
}

const HELP: &str = "\
Keys, as in htop and top

  1 2 3 4    processes, threads, sockets by state and peer, file systems
  H          threads instead of processes, and back
  P M T N    sort by CPU, memory, time, pid        I  the other way round
  t F5       tree                                  / F4  filter, Esc clears it
  ↑ ↓ PgUp PgDn Home End                           move
  Ctrl-Z     stop, fg goes on                      q F10  end

CPU is used since the look before. throttled: share of the periods in which the
quota stopped the container. pressure: share of the last 10 s in which tasks
waited. The graphs are the last minute. spyhole: what this costs.

any key goes back";

fn remember(history: &mut VecDeque<f64>, value: Option<f64>) {
    if let Some(value) = value {
        if history.len() == HISTORY {
            history.pop_front();
        }
        history.push_back(value);
    }
}

fn counters_of(report: &Report, own: Option<f64>) -> Counters {
    let mut counters = Counters {
        own,
        ..Counters::default()
    };
    if let Some(resources) = &report.resources {
        if let Some(cpu) = resources.cpu.value() {
            let count = |field: &Option<crate::model::seen::Seen<u64>>| {
                field.as_ref().and_then(|field| field.value().copied())
            };
            counters.cpu = cpu.usage_seconds.value().copied();
            counters.periods = count(&cpu.periods);
            counters.throttled = count(&cpu.throttled_periods);
        }
        if let Some(io) = resources.io.as_ref().and_then(|io| io.value()) {
            counters.read = io.devices.iter().map(|device| device.read_bytes).sum();
            counters.written = io.devices.iter().map(|device| device.written_bytes).sum();
        }
    }
    let processes: &[Process] = report.processes.as_deref().unwrap_or_default();
    for process in processes {
        let threads = process.thread_list.as_ref().and_then(|list| list.value());
        if let Some(threads) = threads {
            let used = |task: &Thread| (task.tid, task.cpu_seconds.total());
            counters.of_tasks.extend(threads.iter().map(used));
        } else {
            let used = process.cpu_seconds.total();
            counters.of_tasks.insert(process.pid, used);
        }
    }
    counters
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rates are shown to three digits"
)]
fn rates_between(last: &Counters, now: &Counters, seconds: f64) -> Rates {
    let less = |before: Option<f64>, after: Option<f64>| Some((after? - before?).max(0.0));
    let periods = |before: Option<u64>, after: Option<u64>| after?.checked_sub(before?);
    let ran = periods(last.periods, now.periods);
    let stopped = periods(last.throttled, now.throttled);
    let share = |stopped: u64, ran: u64| stopped as f64 / ran.max(1) as f64 * 100.0;
    let bytes = |before: Option<u64>, after: Option<u64>| {
        Some(after?.saturating_sub(before?) as f64 / seconds)
    };
    let of_tasks = now.of_tasks.iter().filter_map(|(id, used)| {
        let before = last.of_tasks.get(id)?;
        Some((*id, (used - before).max(0.0) / seconds * 100.0))
    });
    Rates {
        cores: less(last.cpu, now.cpu).map(|used| used / seconds),
        throttled_percent: stopped.zip(ran).map(|(stopped, ran)| share(stopped, ran)),
        read_per_second: bytes(last.read, now.read),
        written_per_second: bytes(last.written, now.written),
        own_percent: less(last.own, now.own).map(|used| used / seconds * 100.0),
        of_tasks: of_tasks.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_has_no_rate() {
        let unseen = Counters::default();
        let rates = rates_between(&unseen, &unseen, 1.0);
        assert_eq!(rates.read_per_second, None);
        assert_eq!(rates.written_per_second, None);
        assert_eq!(rates.cores, None);
        let (before, after) = (
            Counters {
                read: Some(1),
                ..unseen
            },
            Counters {
                read: Some(9),
                ..Counters::default()
            },
        );
        assert_eq!(
            rates_between(&before, &after, 2.0).read_per_second,
            Some(4.0)
        );
    }
}
