//! Which files are asked for: any of the criteria, as for `lsof`, or with `--and` all of them.

use super::OpenFilesQuery;
use super::fd_list::FdList;
use super::fuser::UseOf;
use super::internet::InternetFilter;
use crate::model::open_files::OpenFile;
use crate::model::seen::Seen;
use crate::model::socket::{Family, Protocol, Socket, State};
use crate::parse::mountinfo::MountEntry;
use crate::scan::snapshot::ProcessSnapshot;
use crate::sections::sockets;

/// The criteria, resolved.
#[derive(Debug, Default)]
pub(super) struct FileSelection {
    all_of_them: bool,
    chosen: ProcessList,
    /// Processes that are left out whatever else is asked for.
    excluded: ProcessList,
    fds: FdList,
    internet: Option<InternetFilter>,
    states: Vec<State>,
    unix: bool,
    deleted: bool,
    under: Option<Vec<u8>>,
    within: Option<Vec<u8>>,
    /// Paths as the target sees them.
    pub(super) paths: Vec<Vec<u8>>,
    use_of: Option<UseOf>,
}

/// Processes by their ids, the beginning of their names, and their users.
#[derive(Debug, Default)]
struct ProcessList {
    pids: Vec<i32>,
    names: Vec<String>,
    users: Vec<String>,
}

impl ProcessList {
    /// Whether a process is in each of the lists; `None` for one that is empty.
    fn holds(&self, process: &SelectedProcess<'_>) -> [Option<bool>; 3] {
        let user = |user: &String| {
            process.uid.to_string() == *user || process.user == Some(user.as_bytes())
        };
        let name = |name: &String| process.comm.starts_with(name.as_bytes());
        [
            (!self.pids.is_empty()).then(|| self.pids.contains(&process.pid)),
            (!self.names.is_empty()).then(|| self.names.iter().any(name)),
            (!self.users.is_empty()).then(|| self.users.iter().any(user)),
        ]
    }
}

/// What of a process decides.
pub(super) struct SelectedProcess<'a> {
    pub(super) pid: i32,
    pub(super) comm: &'a [u8],
    pub(super) uid: u32,
    pub(super) user: Option<&'a [u8]>,
}

/// What is at the paths that were asked for.
#[derive(Debug, Default)]
pub(super) struct AskedPlaces {
    /// Device and inode of each.
    pub(super) files: Vec<((u64, u64), u64)>,
    /// Numbers of mounts that are mounted there.
    pub(super) mounts: Vec<u32>,
    /// Device numbers of those: for what is open without a descriptor.
    pub(super) devices: Vec<String>,
}

impl FileSelection {
    /// The criteria of a query.
    ///
    /// # Errors
    /// A sentence that names what cannot be read.
    pub(super) fn of(query: &OpenFilesQuery) -> Result<Self, String> {
        let mut pids = query.pids.clone();
        let mut paths = Vec::new();
        for word in &query.paths {
            match word.parse::<i32>() {
                Ok(pid) if pid > 0 => pids.push(pid),
                _ if word.starts_with('/') => paths.push(trimmed(word)),
                _ => {
                    return Err(format!(
                        "{word:?}: expected a process id, or an absolute path as the target sees \
                         it, such as /data"
                    ));
                }
            }
        }
        let mut directories = query.under.iter().chain(&query.within);
        if let Some(directory) = directories.find(|path| !path.starts_with('/')) {
            return Err(format!("{directory:?}: expected an absolute path"));
        }
        if let Some(use_of) = &query.use_of {
            use_of.check()?;
        }
        if let Some(pid) = pids.iter().find(|pid| query.not_pids.contains(*pid)) {
            return Err(format!("process {pid} is both included and excluded"));
        }
        let internet = query.internet.as_deref().map(InternetFilter::parse);
        Ok(Self {
            all_of_them: query.and,
            chosen: ProcessList {
                pids,
                names: query.name.clone(),
                users: query.user.clone(),
            },
            excluded: ProcessList {
                pids: query.not_pids.clone(),
                names: query.not_name.clone(),
                users: query.not_user.clone(),
            },
            fds: FdList::parse(&query.fds)?,
            internet: internet.transpose()?,
            states: sockets::states(&query.state)?,
            unix: query.unix,
            deleted: query.deleted,
            under: query.under.as_deref().map(trimmed),
            within: query.within.as_deref().map(trimmed),
            paths,
            use_of: query.use_of.clone(),
        })
    }

    /// Whether all files on a mount are asked for: it is mounted at a path, or where `fuser` asks for
    /// mounts, it is the one that a path is on.
    pub(super) fn takes_mount(&self, mount: &MountEntry<'_>, all: &[MountEntry<'_>]) -> bool {
        let Some(use_of) = &self.use_of else {
            return self.paths.iter().any(|path| *path == *mount.mount_point);
        };
        let holder = |path: &Vec<u8>| {
            let holds = |entry: &&MountEntry<'_>| is_below(path, &entry.mount_point);
            // Of those at the same place the last one is on top.
            let top = all
                .iter()
                .filter(holds)
                .max_by_key(|entry| entry.mount_point.len());
            top.is_some_and(|top| top.mount_id == mount.mount_id)
        };
        use_of.is_of_mount() && self.paths.iter().any(holder)
    }

    /// The processes that alone can have files that are asked for, where they are named.
    pub(super) fn only_pids(&self) -> Option<Vec<i32>> {
        let chosen = &self.chosen;
        let is_by_other = self.is_by_file() || !chosen.names.is_empty() || !chosen.users.is_empty();
        let only = !chosen.pids.is_empty() && (self.all_of_them || !is_by_other);
        only.then(|| chosen.pids.clone())
    }

    fn is_by_file(&self) -> bool {
        self.internet.is_some()
            || self.unix
            || self.deleted
            || self.under.is_some()
            || self.within.is_some()
            || self.includes_fds()
            || !self.paths.is_empty()
            || self.use_of.is_some()
    }

    fn includes_fds(&self) -> bool {
        self.fds != FdList::default() && !self.fds.excludes
    }

    /// Whether a process is known not to have files that are asked for before its user has a name.
    pub(super) fn leaves_out(&self, facts: &ProcessSnapshot) -> bool {
        let process = SelectedProcess {
            pid: facts.pid,
            comm: &facts.stat.comm,
            uid: facts.uid,
            user: None,
        };
        let by_user = !self.chosen.users.is_empty();
        self.is_excluded(&process) || (!by_user && !self.may_take_of(&process))
    }

    fn is_excluded(&self, process: &SelectedProcess<'_>) -> bool {
        self.excluded.holds(process).contains(&Some(true))
    }

    /// Whether a process can have files that are asked for, whichever they are.
    pub(super) fn may_take_of(&self, process: &SelectedProcess<'_>) -> bool {
        if self.is_excluded(process) {
            return false;
        }
        let by_process = self.chosen.holds(process);
        let any = by_process.iter().flatten().any(|is| *is);
        let every = by_process.iter().flatten().all(|is| *is);
        match (self.all_of_them, self.is_by_file()) {
            (true, _) => every,
            (false, true) => true,
            (false, false) => any || by_process.iter().flatten().next().is_none(),
        }
    }

    /// Whether a file is asked for; `path` is as the target sees it, before redaction.
    pub(super) fn takes(
        &self,
        process: &SelectedProcess<'_>,
        file: &OpenFile,
        path: Option<&[u8]>,
        places: &AskedPlaces,
    ) -> bool {
        let socket = match &file.socket {
            Some(Seen::Value(socket)) => Some(&**socket),
            _ => None,
        };
        if socket.is_some_and(|socket| !self.is_in_state(socket)) || self.is_excluded(process) {
            return false;
        }
        if self.fds.excludes && self.fds.holds(file) {
            return false;
        }
        let internet = self.internet.as_ref();
        let by_file = [
            internet.map(|filter| socket.is_some_and(|socket| filter.matches(socket))),
            (self.unix).then(|| socket.is_some_and(|socket| socket.family == Family::Unix)),
            (self.deleted).then_some(file.deleted),
            self.under
                .as_deref()
                .map(|under| path.is_some_and(|path| is_below(path, under))),
            self.within
                .as_deref()
                .map(|within| path.is_some_and(|path| is_within(path, within))),
            self.includes_fds().then(|| self.fds.holds(file)),
            (!self.paths.is_empty()).then(|| self.is_at(file, path, places)),
            self.use_of.as_ref().and_then(|use_of| use_of.is_by(socket)),
        ];
        let by_process = self.chosen.holds(process);
        let mut all = by_process.iter().chain(&by_file).flatten();
        if self.all_of_them {
            all.all(|is| *is)
        } else {
            let mut asked = all.peekable();
            asked.peek().is_none() || asked.any(|is| *is)
        }
    }

    fn is_in_state(&self, socket: &Socket) -> bool {
        self.states.is_empty()
            || socket.protocol != Protocol::Tcp
            || self.states.contains(&socket.state)
    }

    fn is_at(&self, file: &OpenFile, path: Option<&[u8]>, places: &AskedPlaces) -> bool {
        if file.mount_id.is_some_and(|id| places.mounts.contains(&id)) {
            return true;
        }
        if path.is_some_and(|path| !file.deleted && self.paths.iter().any(|asked| asked == path)) {
            return true;
        }
        if let (None, Some(Seen::Value(device))) = (file.fd, &file.device)
            && places.devices.contains(device)
        {
            return true;
        }
        if let Some(Seen::Value(socket)) = &file.socket
            && let Some(path) = &socket.path
            && self.paths.iter().any(|asked| *asked == path.as_bytes())
        {
            return true;
        }
        let (Some(Seen::Value(device)), Some(Seen::Value(inode))) = (&file.device, &file.inode)
        else {
            return false;
        };
        let is = |((major, minor), of): &((u64, u64), u64)| {
            of == inode && *device == format!("{major}:{minor}")
        };
        places.files.iter().any(is)
    }
}

fn trimmed(path: &str) -> Vec<u8> {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        b"/".to_vec()
    } else {
        trimmed.as_bytes().to_vec()
    }
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    directory == b"/"
        || path
            .strip_prefix(directory)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

fn is_within(path: &[u8], directory: &[u8]) -> bool {
    let rest = match directory {
        b"/" => path.strip_prefix(b"/"),
        _ if path == directory => return true,
        _ => path
            .strip_prefix(directory)
            .and_then(|rest| rest.strip_prefix(b"/")),
    };
    rest.is_some_and(|rest| !rest.contains(&b'/'))
}
