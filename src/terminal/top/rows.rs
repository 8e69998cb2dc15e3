//! The table of `top`: processes, threads, sockets, file systems.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{Top, TopSort, TopView};
use crate::model::Report;
use crate::model::escape::escaped;
use crate::model::process::{Process, Thread};
use crate::model::seen::Seen;
use crate::model::units::{bytes_short, cpu_time};
use crate::render::tables::tree::depth_first;

/// A heading, and rows below it.
pub(super) struct TopTable {
    pub(super) heading: String,
    pub(super) rows: Vec<String>,
}

impl Top {
    pub(super) fn rows(&self, report: &Report) -> TopTable {
        let mut table = match self.view {
            TopView::Processes => self.processes(report),
            TopView::Threads => self.threads(report),
            TopView::Sockets => sockets(report),
            TopView::FileSystems => file_systems(report),
        };
        let wanted = self.filter.to_lowercase();
        if !wanted.is_empty() {
            table
                .rows
                .retain(|row| row.to_lowercase().contains(&wanted));
        }
        table
    }

    fn percent(&self, id: i32, since_start: Option<f64>) -> f64 {
        let rate = self.rates.of_tasks.get(&id).copied();
        // Of a process that is new, or at the first look.
        rate.or(since_start).unwrap_or(0.0)
    }

    fn order(&self, order: Ordering, one: i32, other: i32) -> Ordering {
        let order = if self.is_ascending {
            order
        } else {
            order.reverse()
        };
        order.then(one.cmp(&other))
    }

    fn processes(&self, report: &Report) -> TopTable {
        let processes = report.processes.as_deref().unwrap_or_default();
        let percent =
            |process: &Process| self.percent(process.pid, process.cpu_percent.value().copied());
        let mut sorted: Vec<&Process> = processes.iter().collect();
        sorted.sort_by(|one, other| {
            let order = match self.sort {
                TopSort::Cpu => percent(one).total_cmp(&percent(other)),
                TopSort::Memory => one.rss_bytes.cmp(&other.rss_bytes),
                TopSort::Time => {
                    let time = |process: &Process| process.cpu_seconds.total();
                    time(one).total_cmp(&time(other))
                }
                TopSort::Pid => one.pid.cmp(&other.pid),
            };
            self.order(order, one.pid, other.pid)
        });
        let lines = if self.is_tree {
            depth_first(&sorted, |process| process.pid, |process| process.ppid)
        } else {
            sorted
                .iter()
                .map(|process| (String::new(), process))
                .collect()
        };
        let row = |(branch, process): (String, &&Process)| {
            let memory = process.memory_percent.as_ref().and_then(Seen::value);
            let memory = memory.map_or_else(|| "-".to_owned(), |share| format!("{share:.1}"));
            format!(
                "{:>7} {:<9} {} {:>5.1} {memory:>5} {:>6} {:>8} {:>4} {branch}{}",
                process.pid,
                user_of(process),
                process.state.letter(),
                percent(process),
                bytes_short(process.rss_bytes),
                cpu_time(process.cpu_seconds.total()),
                process.threads,
                command_of(process)
            )
        };
        TopTable {
            heading: "    PID USER      S  %CPU  %MEM    RSS     TIME  THR COMMAND".to_owned(),
            rows: lines.into_iter().map(row).collect(),
        }
    }

    fn threads(&self, report: &Report) -> TopTable {
        let processes = report.processes.as_deref().unwrap_or_default();
        let mut threads: Vec<(&Process, &Thread)> = Vec::new();
        for process in processes {
            let list = process.thread_list.as_ref().and_then(Seen::value);
            threads.extend(list.into_iter().flatten().map(|thread| (process, thread)));
        }
        threads.sort_by(|(one_process, one), (other_process, other)| {
            let order = match self.sort {
                TopSort::Cpu => self
                    .percent(one.tid, None)
                    .total_cmp(&self.percent(other.tid, None)),
                TopSort::Memory => one_process.rss_bytes.cmp(&other_process.rss_bytes),
                TopSort::Time => one
                    .cpu_seconds
                    .total()
                    .total_cmp(&other.cpu_seconds.total()),
                TopSort::Pid => one.tid.cmp(&other.tid),
            };
            self.order(order, one.tid, other.tid)
        });
        let row = |(process, thread): (&Process, &Thread)| {
            format!(
                "{:>7} {:>7} {:<9} {} {:>5.1} {:>8} {:<16} {}",
                thread.tid,
                process.pid,
                user_of(process),
                thread.state.letter(),
                self.percent(thread.tid, None),
                cpu_time(thread.cpu_seconds.total()),
                escaped(thread.comm.as_bytes()),
                command_of(process)
            )
        };
        TopTable {
            heading: "    TID     PID USER      S  %CPU     TIME THREAD           COMMAND"
                .to_owned(),
            rows: threads.into_iter().map(row).collect(),
        }
    }
}

fn user_of(process: &Process) -> String {
    let name = process.user.as_ref().and_then(Seen::value);
    let name = name.map(|name| escaped(name.as_bytes()).into_owned());
    let name = name.unwrap_or_else(|| process.uid.to_string());
    super::part(&name, 0, 9)
}

/// The arguments, or the name in brackets.
fn command_of(process: &Process) -> String {
    let args = process.args.as_ref().and_then(Seen::value);
    let args = args.filter(|args| !args.is_empty() && !process.zombie);
    match args {
        Some(args) => {
            let words = args.iter().map(|arg| escaped(arg.text.as_bytes()));
            words.collect::<Vec<_>>().join(" ")
        }
        None => format!("[{}]", escaped(process.comm.as_bytes())),
    }
}

fn sockets(report: &Report) -> TopTable {
    let sockets = report.sockets.as_deref().unwrap_or_default();
    let mut groups: BTreeMap<(&str, String, String), [u64; 3]> = BTreeMap::new();
    for socket in sockets {
        let peer = match (socket.peer_address, socket.local_port) {
            (Some(address), _) => match socket.peer_port {
                // Clients come from any port; a server is known by its own.
                Some(port) if port < 32_768 => format!("{address} port {port}"),
                _ => format!("{address}"),
            },
            (None, Some(port)) => format!("* (here: port {port})"),
            (None, None) => "*".to_owned(),
        };
        let protocol = format!("{:?}", socket.protocol).to_lowercase();
        let state = socket.state.as_str();
        let counts = groups.entry((state, protocol, peer)).or_default();
        let bytes = |queue: Option<&Seen<u32>>| {
            queue
                .and_then(Seen::value)
                .map_or(0, |bytes| u64::from(*bytes))
        };
        let received = socket
            .receive_queue_bytes
            .as_ref()
            .or(socket.accept_queue.as_ref());
        let [count, waiting, sent] = counts;
        *count += 1;
        *waiting += bytes(received);
        *sent += bytes(socket.send_queue_bytes.as_ref());
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, [count, ..])| std::cmp::Reverse(*count));
    let row =
        |((state, protocol, peer), [count, waiting, sent]): ((&str, String, String), [u64; 3])| {
            format!("{count:>6} {protocol:<8} {state:<12} {waiting:>8} {sent:>8} {peer}")
        };
    TopTable {
        heading: " COUNT PROTO    STATE          RECV-Q   SEND-Q PEER".to_owned(),
        rows: groups.into_iter().map(row).collect(),
    }
}

fn file_systems(report: &Report) -> TopTable {
    let mounts = report.mounts.as_ref().and_then(Seen::value);
    let mut rows = Vec::new();
    for mount in mounts.into_iter().flatten() {
        let Some(space) = &mount.space else { continue };
        let path = escaped(mount.mount_point.as_bytes());
        let fstype = escaped(mount.fstype.as_bytes());
        let row = match space {
            Seen::Unseen(_) => (
                0,
                format!("     ?      ?      ?    ?    ? {fstype:<9} {path}"),
            ),
            Seen::Value(space) if space.size_bytes == 0 => continue,
            Seen::Value(space) => {
                let percent = |percent: Option<u8>| {
                    percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent}%"))
                };
                let row = format!(
                    "{:>6} {:>6} {:>6} {:>4} {:>4} {fstype:<9} {path}",
                    bytes_short(space.size_bytes),
                    bytes_short(space.used_bytes),
                    bytes_short(space.available_bytes),
                    percent(space.used_percent),
                    percent(space.inodes_used_percent),
                );
                (space.used_percent.unwrap_or(0), row)
            }
        };
        rows.push(row);
    }
    rows.sort_by_key(|(percent, _)| std::cmp::Reverse(*percent));
    TopTable {
        heading: "  SIZE   USED  AVAIL USE% INOD TYPE      MOUNTED ON".to_owned(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    }
}
