//! Fills the section from what the walk has read.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::OpenFilesQuery;
use super::convert;
use super::ends::{EndAccess, EndHolders};
use super::removed::{self, DeletedSum};
use super::selection::{AskedPlaces, FileSelection, SelectedProcess};
use crate::model::ByteString;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::open_files::{DeletedFiles, OpenFile, OpenFileType, OpenFiles, OpenFilesProcess};
use crate::model::process::{Limit, LimitPair};
use crate::model::resources::percent_of_limit;
use crate::model::seen::{Seen, Unseen};
use crate::model::socket::{Family, Socket};
use crate::parse::cgroup_files::number;
use crate::parse::fd_link::FdLink;
use crate::parse::limits;
use crate::parse::mountinfo::{self, MountEntry};
use crate::scan::Scan;
use crate::scan::open_files::{EntryKind, FileStatusResult, OpenEntry, OpenFileTable, ask_remote};
use crate::scan::snapshot::ProcessSnapshot;
use crate::sections::sockets;
use crate::sys::InRoot;
use crate::sys::file_limits;
use crate::sys::open_files::{identity_at, socket_protocol};

/// What a summary calls descriptors that lead to a path: their inodes are not asked.
const PATH: &str = "path";

/// Fills it.
pub(super) fn fill(
    query: &OpenFilesQuery,
    selection: &FileSelection,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
) -> OpenFiles {
    let mut filler = Filler {
        query,
        selection,
        scan,
        gaps: gaps.reborrow(),
        places: AskedPlaces::default(),
        sockets: None,
        shows_ends: query.shows_ends(scan),
        ends: None,
        deleted: DeletedSum::default(),
        files: Vec::new(),
    };
    filler.find_places();
    let read = scan.processes.iter().filter(|facts| facts.read);
    // Of one that is not asked for, nothing is missing either.
    let read = read.filter(|facts| query.summary || !filler.selection.leaves_out(facts));
    let read: Vec<_> = read.collect();
    let mut processes: Vec<_> = read
        .into_iter()
        .map(|facts| filler.process(facts))
        .collect();
    if !query.summary {
        // Those that have what was asked for, or may have it.
        let with_files: HashSet<i32> = filler.files.iter().map(|file| file.pid).collect();
        let is_unseen =
            |process: &OpenFilesProcess| matches!(process.fd_types, Some(Seen::Unseen(_)));
        processes.retain(|process| with_files.contains(&process.pid) || is_unseen(process));
    }
    let inotify_instance_limit = inotify_instance_limit(&mut filler, &processes);
    OpenFiles {
        processes,
        deleted: filler.deleted.sum,
        inotify_instance_limit,
        files: (!query.summary).then_some(filler.files),
    }
}

fn inotify_instance_limit(
    filler: &mut Filler<'_>,
    processes: &[OpenFilesProcess],
) -> Option<Seen<u64>> {
    let has_one = |process: &OpenFilesProcess| {
        let types = process.fd_types.as_ref().and_then(Seen::value);
        types.is_some_and(|types| types.contains_key(OpenFileType::Inotify.as_str()))
    };
    if !processes.iter().any(has_one) {
        return None;
    }
    let mut bytes = Vec::new();
    let path = c"sys/fs/inotify/max_user_instances";
    let read = filler
        .scan
        .reader
        .proc
        .read(path, file_limits::SMALL, &mut bytes);
    let limit = match read {
        Ok(_) => std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| number(text.trim()))
            .ok_or(Refusal::of(Reason::Malformed)),
        Err(errno) => Err(Refusal {
            errno: Some(format!("{errno:?}")),
            ..Refusal::of(Reason::Unsupported)
        }),
    };
    let pid = filler.scan.main_pid();
    Some(filler.gaps.seen("inotify_instance_limit", pid, limit))
}

struct Filler<'a> {
    query: &'a OpenFilesQuery,
    selection: &'a FileSelection,
    scan: &'a Scan,
    gaps: SectionGaps<'a>,
    places: AskedPlaces,
    sockets: Option<Sockets>,
    shows_ends: bool,
    ends: Option<EndHolders>,
    deleted: DeletedSum,
    files: Vec<OpenFile>,
}

/// The sockets of the network namespaces that are looked at, by inode.
struct Sockets {
    by_inode: HashMap<u64, Socket>,
    /// Set if a table could not be read.
    unseen: Option<Unseen>,
}

/// One process, while its files are taken.
struct Process<'a> {
    facts: &'a ProcessSnapshot,
    table: &'a OpenFileTable,
    subject: SelectedProcess<'a>,
    /// Its root directory, where that is needed.
    root: OnceCell<Option<InRoot>>,
}

impl Filler<'_> {
    /// What is at the paths that were asked for, in the target's root.
    fn find_places(&mut self) {
        let paths = &self.selection.paths;
        let Some(target) = self.scan.target.as_ref().filter(|_| !paths.is_empty()) else {
            return;
        };
        match self.scan.mountinfo() {
            Ok((text, _)) => {
                let mounts: Vec<_> = mountinfo::entries(&text).filter_map(Result::ok).collect();
                let is_asked = |entry: &&MountEntry<'_>| self.selection.takes_mount(entry, &mounts);
                for entry in mounts.iter().filter(is_asked) {
                    self.places.mounts.push(entry.mount_id);
                    let device = format!("{}:{}", entry.major, entry.minor);
                    self.places.devices.push(device);
                }
            }
            Err(refusal) => {
                self.gaps.record("mounts", target.main.pid(), &refusal);
            }
        }
        match target.root(&self.scan.reader.viewer) {
            Ok(root) => {
                let found = paths.iter().filter_map(|path| identity_at(root, path).ok());
                self.places.files.extend(found);
            }
            // Then paths are compared by their names alone.
            Err(refusal) => {
                self.gaps.record("paths", target.main.pid(), refusal);
            }
        }
    }

    fn process(&mut self, facts: &ProcessSnapshot) -> OpenFilesProcess {
        let table = facts.fd_table.as_deref();
        let user = self.user(facts);
        let (types, deleted) = match table {
            None => (None, DeletedFiles::default()),
            Some(table) => {
                let user_name = user.as_ref().and_then(Seen::value).cloned();
                let process = Process {
                    facts,
                    table,
                    subject: SelectedProcess {
                        pid: facts.pid,
                        comm: &facts.stat.comm,
                        uid: facts.uid,
                        user: user_name.as_ref().map(ByteString::as_bytes),
                    },
                    root: OnceCell::new(),
                };
                let (types, deleted) = self.files_of(&process);
                (Some(types), deleted)
            }
        };
        let count = table.map(|table| table.count.clone());
        let fd_count = match count {
            None | Some(Ok(None)) => None,
            Some(Ok(Some(count))) => Some(Ok(count)),
            Some(Err(refusal)) => Some(Err(refusal)),
        };
        let fd_count = fd_count.map(|count| self.gaps.seen("processes.fd_count", facts.pid, count));
        let fd_limit = facts.limits.as_ref().map(|limits| {
            let limits = limits.as_ref().map_err(Clone::clone);
            let limits = limits.and_then(|limits| open_files_limit(limits));
            self.gaps.seen("processes.fd_limit", facts.pid, limits)
        });
        let used_percent = match (&fd_count, &fd_limit) {
            (Some(Seen::Value(count)), Some(Seen::Value(limit))) => {
                percent_of_limit(*count, limit.soft)
            }
            _ => None,
        };
        OpenFilesProcess {
            pid: facts.pid,
            comm: facts.stat.comm.as_slice().into(),
            uid: facts.uid,
            user,
            fd_count,
            fd_limit,
            used_percent,
            fd_types: types,
            deleted,
        }
    }

    /// What the target calls the owner.
    fn user(&mut self, facts: &ProcessSnapshot) -> Option<Seen<ByteString>> {
        if self.query.figures || facts.fd_table.is_none() {
            return None;
        }
        let target = self.scan.target.as_ref();
        let target = target.filter(|target| target.identity.key == facts.identity.key)?;
        match target.names(&self.scan.reader.viewer) {
            Ok(names) => names
                .users
                .name(facts.uid)
                .map(|name| Seen::Value(name.into())),
            Err(refusal) => {
                let unseen = self.gaps.record("processes.user", facts.pid, refusal);
                Some(Seen::Unseen(unseen))
            }
        }
    }

    /// Takes the files that are asked for; gives the number of descriptors of each type, and what
    /// removed files take.
    fn files_of(&mut self, process: &Process<'_>) -> (Seen<BTreeMap<String, u64>>, DeletedFiles) {
        let (facts, table) = (process.facts, process.table);
        let mut types: BTreeMap<&'static str, u64> = BTreeMap::new();
        let mut deleted = DeletedSum::default();
        let is_listed = !self.query.summary && self.selection.may_take_of(&process.subject);
        let remote = self.ask_remote(process);
        for (index, entry) in table.entries.iter().enumerate() {
            let status = remote.get(&index).or(entry.status.as_ref());
            if let (EntryKind::Descriptor(_), None) = (entry.kind, entry.thread) {
                let known = convert::type_of(entry, status).map(OpenFileType::as_str);
                let is_path = self.query.summary && entry.link.starts_with(b"/");
                if let Some(word) = is_path.then_some(PATH).or(known) {
                    *types.entry(word).or_default() += 1;
                }
            }
            if let Some(Ok(status)) = status {
                deleted.add(entry, status);
                self.deleted.add(entry, status);
            } else if let Some(Err(refusal)) = status
                && entry.link.ends_with(crate::parse::fd_link::DELETED)
                && !is_listed
            {
                self.gaps.record("deleted", facts.pid, refusal);
            }
            let is_asked =
                !self.query.only_descriptors || matches!(entry.kind, EntryKind::Descriptor(_));
            if is_listed && is_asked {
                self.file(process, entry, status);
            }
        }
        if let Some(refusal) = &table.mapped_refused
            && !self.query.only_descriptors
        {
            self.gaps.record("files", facts.pid, refusal);
        }
        if let Some(refusal) = &table.threads_refused {
            self.gaps.record("files.tid", facts.pid, refusal);
        }
        let refused = table.count.as_ref().err().or(table.refused.as_ref());
        let types = match refused {
            None => {
                let owned = types
                    .into_iter()
                    .map(|(word, count)| (word.to_owned(), count));
                Ok(owned.collect())
            }
            Some(refusal) => {
                if !self.query.summary {
                    self.gaps.record("files", facts.pid, refusal);
                }
                Err(refusal.clone())
            }
        };
        let types = self.gaps.seen("processes.fd_types", facts.pid, types);
        (types, deleted.sum)
    }

    /// The inodes on mounts that may not answer.
    fn ask_remote(&self, process: &Process<'_>) -> HashMap<usize, FileStatusResult> {
        let entries = &process.table.entries;
        if entries.iter().all(|entry| entry.remote.is_none()) {
            return HashMap::new();
        }
        match self.scan.reader.reopen(process.facts.pid) {
            Ok(held) => ask_remote(&held, entries),
            Err(_) => HashMap::new(),
        }
    }

    fn file(
        &mut self,
        process: &Process<'_>,
        entry: &OpenEntry,
        status: Option<&FileStatusResult>,
    ) {
        let pid = process.facts.pid;
        // A file that is passed over leaves no gap.
        let mut aside = self.gaps.scratch();
        let mut file = convert::file(pid, entry, status, &mut aside.section());
        let link = FdLink::of(&entry.link);
        let mut path = None;
        match link {
            FdLink::Path(link) => {
                let inside = in_root(link, &process.table.root);
                let status = status.and_then(|status| status.as_deref().ok());
                let (shown, deleted) = match entry.kind {
                    // Directories that are in use are removed too, but not the root.
                    EntryKind::Root => (inside, false),
                    _ => removed::of(inside, status, || process.root(self.scan)),
                };
                path = Some(shown);
                file.deleted = deleted;
            }
            FdLink::Socket(inode) => self.with_socket(&mut file, process, inode),
            _ => {}
        }
        if !self
            .selection
            .takes(&process.subject, &file, path, &self.places)
        {
            return;
        }
        self.gaps.absorb(aside);
        file.path = path.map(|path| (*self.scan.redactor.text(path)).into());
        self.with_ends(&mut file, entry, link);
        self.files.push(file);
    }

    fn with_socket(&mut self, file: &mut OpenFile, process: &Process<'_>, inode: u64) {
        if self.sockets.is_none() {
            self.sockets = Some(Sockets::read(self.query.all, self.scan, &mut self.gaps));
        }
        let Some(sockets) = &self.sockets else {
            return;
        };
        match (sockets.by_inode.get(&inode), sockets.unseen) {
            (Some(socket), _) => file.socket = Some(Seen::Value(Box::new(socket.clone()))),
            (None, Some(unseen)) => file.socket = Some(Seen::Unseen(unseen)),
            (None, None) => {}
        }
        if let (None, None, Some(fd)) = (&file.socket, file.tid, file.fd)
            && let Ok(held) = self.scan.reader.reopen(process.facts.pid)
            && let Ok(name) = socket_protocol(&held, fd)
        {
            let detail = file.detail.get_or_insert_default();
            detail.socket_protocol = Some(String::from_utf8_lossy(&name).into_owned());
        }
    }

    fn with_ends(&mut self, file: &mut OpenFile, entry: &OpenEntry, link: FdLink<'_>) {
        let peer = match (link, &file.socket) {
            (FdLink::Socket(_), Some(Seen::Value(socket))) if socket.family == Family::Unix => {
                match &socket.peer_inode {
                    Some(Seen::Value(inode)) => Some(u64::from(*inode)),
                    _ => None,
                }
            }
            _ => None,
        };
        let (Some(fd), FdLink::Pipe(_) | FdLink::Socket(_)) = (file.fd, link) else {
            return;
        };
        if !self.shows_ends || (peer.is_none() && !matches!(link, FdLink::Pipe(_))) {
            return;
        }
        if self.ends.is_none() {
            let everywhere = self.query.ends;
            self.ends = Some(EndHolders::collect(self.scan, everywhere, &mut self.gaps));
        }
        let Some(ends) = &self.ends else {
            return;
        };
        file.other_ends = Some(match (link, peer) {
            (FdLink::Pipe(inode), _) => {
                let own = (file.pid, fd, EndAccess::of(entry));
                ends.of_pipe(self.scan, inode, own, &mut self.gaps)
            }
            (_, peer) => ends.of_socket(self.scan, peer.unwrap_or(0)),
        });
    }
}

impl Process<'_> {
    fn root(&self, scan: &Scan) -> Option<&InRoot> {
        let open = || {
            let process = scan.reader.reopen(self.facts.pid).ok()?;
            InRoot::of(&process).ok()
        };
        self.root.get_or_init(open).as_ref()
    }
}

impl Sockets {
    fn read(all: bool, scan: &Scan, gaps: &mut SectionGaps<'_>) -> Self {
        let (sockets, missing) = sockets::all(all, scan, gaps, "files.socket");
        let by_inode = sockets
            .into_iter()
            .filter_map(|socket| Some((socket.inode?.get(), socket)));
        Self {
            by_inode: by_inode.collect(),
            unseen: missing,
        }
    }
}

/// The path below the root directory of its process, as that process would call it.
fn in_root<'a>(path: &'a [u8], root: &[u8]) -> &'a [u8] {
    match path.strip_prefix(root) {
        Some(b"") => b"/",
        Some(rest) if rest.starts_with(b"/") && root != b"/" => rest,
        _ => path,
    }
}

fn open_files_limit(limits: &limits::Limits) -> Result<LimitPair, Refusal> {
    let limit = |limit: limits::Limit| match limit {
        limits::Limit::Unlimited => Limit::Unlimited,
        limits::Limit::Value(value) => Limit::Value(value),
    };
    let row = limits.max_open_files();
    let row = row.ok_or_else(|| Refusal::of(Reason::Unsupported))?;
    Ok(LimitPair {
        soft: limit(row.soft),
        hard: limit(row.hard),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_their_process_sees_them() {
        assert_eq!(in_root(b"/chroot/etc/x", b"/chroot"), b"/etc/x");
        assert_eq!(in_root(b"/chroot", b"/chroot"), b"/");
        assert_eq!(in_root(b"/chrooted/x", b"/chroot"), b"/chrooted/x");
        assert_eq!(in_root(b"/etc/x", b"/"), b"/etc/x");
        assert_eq!(in_root(b"/", b"/"), b"/");
    }
}
