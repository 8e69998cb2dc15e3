//! The tables of open files: `lsof`, `fds`, and the summary.

use std::collections::{BTreeSet, HashMap};

use super::table::{Cell, Heading, Table};
use crate::model::ByteString;
use crate::model::open_files::{
    DeletedFiles, LockType, OpenAccess, OpenFile, OpenFileDetail, OpenFileType, OpenFiles,
    OpenFilesProcess, OpenedAs, OtherEnd,
};
use crate::model::process::Limit;
use crate::model::seen::Seen;
use crate::model::socket::{Family, Protocol, Socket, State};
use crate::model::units::bytes_short;

/// Other ends that a cell names.
const ENDS_SHOWN: usize = 2;

/// The files in the columns of lsof.
#[must_use]
pub(crate) fn files(open: &OpenFiles, listed: &[OpenFile], wide: bool) -> Table {
    let by_pid: HashMap<i32, &OpenFilesProcess> = open
        .processes
        .iter()
        .map(|process| (process.pid, process))
        .collect();
    let has_threads = listed.iter().any(|file| file.tid.is_some());
    let mut headings = vec![Heading::left("COMMAND"), Heading::right("PID")];
    if has_threads {
        headings.push(Heading::right("TID"));
    }
    headings.extend([
        Heading::left("USER"),
        Heading::left("FD"),
        Heading::left("TYPE"),
        Heading::left("DEVICE"),
        Heading::right("SIZE/OFF"),
        Heading::left("NODE"),
    ]);
    if wide {
        headings.extend([Heading::right("LINKS"), Heading::left("FLAGS")]);
    }
    headings.push(Heading::left("NAME"));
    let row = |file: &OpenFile| {
        let process = by_pid.get(&file.pid);
        let comm = process.map_or(Cell::Absent, |process| Cell::from(&process.comm));
        let mut row = vec![comm, Cell::number(file.pid)];
        if has_threads {
            row.push(file.tid.map_or(Cell::Absent, Cell::number));
        }
        row.extend([
            process.map_or(Cell::Absent, |process| user(process)),
            fd(file).into(),
            kind(file),
            device(file),
            size(file),
            node(file),
        ]);
        if wide {
            row.push(Cell::of(file.links.as_ref(), |number| Cell::number(number)));
            row.push(flags(file));
        }
        row.push(name(file, true));
        row
    };
    Table {
        headings,
        rows: listed.iter().map(row).collect(),
        notes: removed_among(open, listed).into_iter().collect(),
        ..Table::default()
    }
}

/// The ids of the processes alone, as `lsof -t` prints them.
#[must_use]
pub(crate) fn pids(listed: &[OpenFile]) -> Table {
    let pids: BTreeSet<i32> = listed.iter().map(|file| file.pid).collect();
    Table {
        headings: vec![Heading::left("")],
        rows: pids
            .into_iter()
            .map(|pid| vec![Cell::number(pid)])
            .collect(),
        ..Table::default()
    }
}

/// The processes and how they use what was asked for, in the columns of `fuser -v`.
#[must_use]
pub(crate) fn users(open: &OpenFiles) -> Table {
    let files = open.files.as_deref().unwrap_or_default();
    let row = |process: &OpenFilesProcess| {
        let own = files.iter().filter(|file| file.pid == process.pid);
        let own: Vec<_> = own.collect();
        (!own.is_empty()).then(|| {
            vec![
                user(process),
                Cell::number(process.pid),
                uses(&own).into(),
                Cell::from(&process.comm),
            ]
        })
    };
    Table {
        headings: vec![
            Heading::left("USER"),
            Heading::right("PID"),
            Heading::left("ACCESS"),
            Heading::left("COMMAND"),
        ],
        rows: open.processes.iter().filter_map(row).collect(),
        ..Table::default()
    }
}

/// As in `fuser -v`: `f` open, `F` open for writing, `r` root directory, `c` working directory, `e`
/// program, `m` mapped.
fn uses(files: &[&OpenFile]) -> String {
    let has = |opened_as: OpenedAs| files.iter().any(|file| file.opened_as == opened_as);
    let writes = |file: &&OpenFile| {
        let access = file.access.as_ref().and_then(Seen::value);
        matches!(access, Some(OpenAccess::Write | OpenAccess::ReadWrite))
    };
    let file = match (files.iter().any(writes), has(OpenedAs::Descriptor)) {
        (true, _) => 'F',
        (false, true) => 'f',
        (false, false) => '.',
    };
    let program = has(OpenedAs::Program);
    let letter = |is: bool, letter: char| if is { letter } else { '.' };
    [
        file,
        letter(has(OpenedAs::RootDirectory), 'r'),
        letter(has(OpenedAs::WorkingDirectory), 'c'),
        letter(program, 'e'),
        letter(has(OpenedAs::Mapped) && !program, 'm'),
    ]
    .iter()
    .collect()
}

/// The descriptors of each process.
#[must_use]
pub(crate) fn descriptors(open: &OpenFiles, wide: bool) -> Vec<Table> {
    let files = open.files.as_deref().unwrap_or_default();
    let several = open.processes.len() > 1;
    let of = |process: &OpenFilesProcess| {
        let own = files.iter().filter(|file| file.pid == process.pid);
        let has_threads = own.clone().any(|file| file.tid.is_some());
        let mut headings = Vec::new();
        if has_threads {
            headings.push(Heading::right("TID"));
        }
        headings.extend([
            Heading::right("FD"),
            Heading::left("MODE"),
            Heading::right("POSITION"),
            Heading::left("FLAGS"),
            Heading::left("TYPE"),
        ]);
        if wide {
            headings.extend([Heading::left("DEVICE"), Heading::left("INODE")]);
        }
        headings.push(Heading::left("TARGET"));
        let row = |file: &OpenFile| {
            let mut row = Vec::new();
            if has_threads {
                row.push(file.tid.map_or(Cell::Absent, Cell::number));
            }
            row.extend([
                file.fd.map_or(Cell::Absent, Cell::number),
                Cell::of(file.access.as_ref(), |access| mode(*access).into()),
                Cell::of(file.position.as_ref(), |number| Cell::number(number)),
                flags(file),
                Cell::of(Some(&file.kind), |kind| kind.as_str().into()),
            ]);
            if wide {
                row.push(device(file));
                row.push(Cell::of(file.inode.as_ref(), |number| Cell::number(number)));
            }
            row.push(name(file, false));
            row
        };
        Table {
            title: several.then(|| format!("pid {} ({})", process.pid, process.comm.to_text())),
            headings,
            rows: own.map(row).collect(),
            ..Table::default()
        }
    };
    let mut tables: Vec<_> = open.processes.iter().map(of).collect();
    if let Some(last) = tables.last_mut() {
        last.notes.extend(removed_among(open, files));
    }
    tables
}

/// How many descriptors each process has, of which types, and what removed files take.
#[must_use]
pub(crate) fn summary(open: &OpenFiles) -> Vec<Table> {
    let limit = |limit: &Limit| match limit {
        Limit::Unlimited => "unlimited".into(),
        Limit::Value(value) => Cell::number(value),
    };
    let row = |process: &OpenFilesProcess| {
        vec![
            Cell::number(process.pid),
            Cell::from(&process.comm),
            Cell::of(process.fd_count.as_ref(), |number| Cell::number(number)),
            Cell::of(process.fd_limit.as_ref(), |pair| limit(&pair.soft)),
            process
                .used_percent
                .map_or(Cell::Absent, |percent| format!("{percent:.1}%").into()),
            Cell::number(process.deleted.files),
            Cell::of(process.fd_types.as_ref(), |types| {
                let words = types.iter().map(|(word, count)| format!("{word} {count}"));
                words.collect::<Vec<_>>().join(", ").into()
            }),
        ]
    };
    let with_files = |process: &&OpenFilesProcess| process.fd_types.is_some();
    vec![Table {
        headings: vec![
            Heading::right("PID"),
            Heading::left("COMMAND"),
            Heading::right("FDS"),
            Heading::right("LIMIT"),
            Heading::right("USE%"),
            Heading::right("DELETED"),
            Heading::left("TYPES"),
        ],
        rows: open.processes.iter().filter(with_files).map(row).collect(),
        notes: removed(&open.deleted).into_iter().collect(),
        ..Table::default()
    }]
}

/// What removed files take, where one of them is listed.
fn removed_among(open: &OpenFiles, listed: &[OpenFile]) -> Option<String> {
    let any = listed.iter().any(|file| file.deleted);
    removed(&open.deleted).filter(|_| any)
}

fn removed(deleted: &DeletedFiles) -> Option<String> {
    let files = match deleted.files {
        0 => return None,
        1 => "1 file".to_owned(),
        several => format!("{several} files"),
    };
    Some({
        format!(
            "removed and still open: {files}, {} on disk, {} in memory",
            bytes_short(deleted.disk_bytes),
            bytes_short(deleted.memory_bytes)
        )
    })
}

fn user(process: &OpenFilesProcess) -> Cell {
    match &process.user {
        Some(Seen::Value(name)) => name.into(),
        Some(Seen::Unseen(_)) | None => Cell::number(process.uid),
    }
}

/// As in lsof: `cwd`, `rtd`, `txt`, `mem`, `DEL`, or the number with the mode and the lock.
fn fd(file: &OpenFile) -> String {
    match (file.opened_as, file.fd) {
        (OpenedAs::WorkingDirectory, _) => "cwd".to_owned(),
        (OpenedAs::RootDirectory, _) => "rtd".to_owned(),
        (OpenedAs::Program, _) => "txt".to_owned(),
        (OpenedAs::Mapped, _) if file.deleted => "DEL".to_owned(),
        (OpenedAs::Mapped, _) | (_, None) => "mem".to_owned(),
        (OpenedAs::Descriptor, Some(fd)) => {
            let mode = match &file.access {
                Some(Seen::Value(OpenAccess::Read)) => "r",
                Some(Seen::Value(OpenAccess::Write)) => "w",
                Some(Seen::Value(OpenAccess::ReadWrite)) => "u",
                Some(Seen::Value(OpenAccess::Path)) | None => "",
                Some(Seen::Unseen(_)) => "?",
            };
            format!("{fd}{mode}{}", lock_letter(file.detail.as_deref()))
        }
    }
}

/// As in lsof: `W` for a write lock on the whole file, `w` on a part of it, `R` and `r` for reading.
fn lock_letter(detail: Option<&OpenFileDetail>) -> &'static str {
    let locks = detail.and_then(|detail| detail.locks.as_ref());
    let held = locks.into_iter().flatten();
    let mut held = held.filter(|lock| lock.kind != LockType::Lease);
    let Some(first) = held.next() else {
        return "";
    };
    let whole = first.start == 0 && first.end.is_none();
    match (first.access, whole) {
        (Some(OpenAccess::Write), true) => "W",
        (Some(OpenAccess::Write), false) => "w",
        (Some(_), true) => "R",
        (Some(_), false) => "r",
        (None, _) => "",
    }
}

fn mode(access: OpenAccess) -> &'static str {
    match access {
        OpenAccess::Read => "r-",
        OpenAccess::Write => "-w",
        OpenAccess::ReadWrite => "rw",
        OpenAccess::Path => "--",
    }
}

/// The words of lsof, where it has one.
fn kind(file: &OpenFile) -> Cell {
    if let Some(Seen::Value(socket)) = &file.socket {
        return match socket.family {
            Family::Inet => "IPv4",
            Family::Inet6 => "IPv6",
            Family::Unix => "unix",
            Family::Packet => "pack",
            Family::Netlink => "netlink",
            Family::Vsock => "vsock",
        }
        .into();
    }
    Cell::of(Some(&file.kind), |kind| {
        match kind {
            OpenFileType::File | OpenFileType::Memfd => "REG",
            OpenFileType::Directory => "DIR",
            OpenFileType::CharacterDevice => "CHR",
            OpenFileType::BlockDevice => "BLK",
            OpenFileType::SymbolicLink => "LINK",
            OpenFileType::Fifo | OpenFileType::Pipe => "FIFO",
            OpenFileType::Socket | OpenFileType::SocketFile => "sock",
            OpenFileType::Pidfd => "pidfd",
            OpenFileType::Namespace => "ns",
            _ => "a_inode",
        }
        .into()
    })
}

fn device(file: &OpenFile) -> Cell {
    Cell::of(file.device.as_ref(), |device| {
        Cell::from(device.replace(':', ","))
    })
}

/// The size of a file, else the position.
fn size(file: &OpenFile) -> Cell {
    match (&file.size_bytes, &file.position) {
        (Some(Seen::Value(size)), _) => Cell::number(size),
        (Some(Seen::Unseen(_)), _) | (None, Some(Seen::Unseen(_))) => Cell::Unseen,
        (None, Some(Seen::Value(position))) => Cell::from(format!("0t{position}")),
        (None, None) => Cell::Absent,
    }
}

fn node(file: &OpenFile) -> Cell {
    if let Some(Seen::Value(socket)) = &file.socket
        && matches!(socket.family, Family::Inet | Family::Inet6)
    {
        return match socket.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Icmp => "ICMP",
            _ => "RAW",
        }
        .into();
    }
    Cell::of(file.inode.as_ref(), |number| Cell::number(number))
}

fn flags(file: &OpenFile) -> Cell {
    Cell::of(file.flags.as_ref(), |flags| {
        let short = flags
            .iter()
            .map(|flag| flag.strip_prefix("O_").unwrap_or(flag));
        let short: Vec<_> = short.collect();
        if short.is_empty() {
            Cell::Absent
        } else {
            short.join(",").into()
        }
    })
}

/// What it is called, with what is worth knowing of it. Where there is no other column for the
/// protocol, it stands here.
fn name(file: &OpenFile, has_node: bool) -> Cell {
    let mut text: Vec<u8> = Vec::new();
    match (&file.path, &file.socket) {
        (Some(path), _) => {
            text.extend(path.as_bytes());
            if file.deleted {
                text.extend(b" (deleted)");
            }
        }
        (None, Some(Seen::Value(socket))) => socket_name(socket, has_node, &mut text),
        (None, Some(Seen::Unseen(_))) => return Cell::Unseen,
        (None, None) => match (&file.name, &file.kind) {
            (Some(name), _) => text.extend(name.as_bytes()),
            (None, Seen::Value(kind)) => text.extend(kind.as_str().as_bytes()),
            (None, Seen::Unseen(_)) => return Cell::Unseen,
        },
    }
    if let Some(detail) = &file.detail {
        let words = details(detail);
        if !words.is_empty() {
            text.extend(format!(" ({})", words.join(", ")).as_bytes());
        }
    }
    match &file.other_ends {
        Some(Seen::Value(ends)) if !ends.is_empty() => other_ends(ends, &mut text),
        _ => {}
    }
    Cell::Outside(ByteString::from(text))
}

fn socket_name(socket: &Socket, has_node: bool, text: &mut Vec<u8>) {
    match socket.family {
        Family::Inet | Family::Inet6 => {
            if !has_node {
                text.extend(socket.protocol.word(socket.family).as_bytes());
                text.push(b' ');
            }
            let end = |address: Option<core::net::IpAddr>, port: Option<u32>| {
                let port = port.map_or_else(|| "*".to_owned(), |port| port.to_string());
                match address {
                    Some(address) if address.is_unspecified() => format!("*:{port}"),
                    Some(core::net::IpAddr::V6(address)) => format!("[{address}]:{port}"),
                    Some(address) => format!("{address}:{port}"),
                    None => format!("*:{port}"),
                }
            };
            text.extend(end(socket.local_address, socket.local_port).as_bytes());
            if socket.peer_address.is_some() {
                text.extend(b"->");
                text.extend(end(socket.peer_address, socket.peer_port).as_bytes());
            }
            if socket.protocol == Protocol::Tcp {
                text.extend(format!(" ({})", state(socket.state)).as_bytes());
            }
        }
        Family::Unix => {
            match (&socket.path, &socket.abstract_name) {
                (Some(path), _) => text.extend(path.as_bytes()),
                (None, Some(name)) => {
                    text.push(b'@');
                    text.extend(name.as_bytes());
                }
                (None, None) => text.extend(b"unix"),
            }
            text.extend(format!(" ({})", state(socket.state)).as_bytes());
        }
        Family::Packet | Family::Netlink | Family::Vsock => {
            text.extend(socket.protocol.word(socket.family).as_bytes());
        }
    }
}

/// As lsof writes it.
fn state(state: State) -> String {
    state.as_str().to_ascii_uppercase()
}

fn details(detail: &OpenFileDetail) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(detail.socket_protocol.iter().cloned());
    words.extend(detail.eventfd_count.map(|count| format!("count {count}")));
    words.extend(detail.watches.map(|count| format!("{count} watches")));
    words.extend(detail.epoll_targets.map(|count| format!("{count} files")));
    words.extend(detail.pidfd_pid.map(|pid| format!("pid {pid}")));
    words.extend(detail.signals.iter().map(|signals| signals.join(" ")));
    if let Some(timer) = &detail.timer {
        words.push(match timer.expires_in_seconds {
            Some(seconds) => format!("{} in {seconds:.1}s", timer.clock),
            None => format!("{} not armed", timer.clock),
        });
        let again = timer.interval_seconds;
        words.extend(again.map(|seconds| format!("every {seconds:.1}s")));
    }
    words.extend(detail.lock_count.map(|count| match count {
        1 => "locked".to_owned(),
        count => format!("{count} locks"),
    }));
    words
}

/// ` -> cat pid=7 fd=0`
fn other_ends(ends: &[OtherEnd], text: &mut Vec<u8>) {
    text.extend(b" -> ");
    for (index, end) in ends.iter().take(ENDS_SHOWN).enumerate() {
        if index > 0 {
            text.extend(b", ");
        }
        text.extend(end.comm.as_bytes());
        text.extend(format!(" pid={} fd={}", end.pid, end.fd).as_bytes());
    }
    if ends.len() > ENDS_SHOWN {
        text.extend(format!(", and {} more", ends.len() - ENDS_SHOWN).as_bytes());
    }
}
