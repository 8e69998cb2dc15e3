//! Which files are asked for: any of the criteria, as for `lsof`, or with `--and` all of them.

use super::OpenFilesQuery;
use super::internet::InternetFilter;
use crate::model::open_files::OpenFile;
use crate::model::seen::Seen;
use crate::model::socket::{Family, Protocol, Socket, State};
use crate::scan::snapshot::ProcessSnapshot;
use crate::sections::sockets;

/// The criteria, resolved.
#[derive(Debug, Default)]
pub(super) struct FileSelection {
    all_of_them: bool,
    pids: Vec<i32>,
    name: Option<String>,
    user: Option<String>,
    internet: Option<InternetFilter>,
    states: Vec<State>,
    unix: bool,
    deleted: bool,
    under: Option<Vec<u8>>,
    /// Paths as the target sees them.
    pub(super) paths: Vec<Vec<u8>>,
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
        if let Some(under) = query.under.as_ref().filter(|path| !path.starts_with('/')) {
            return Err(format!("{under:?}: expected an absolute path"));
        }
        let internet = query.internet.as_deref().map(InternetFilter::parse);
        Ok(Self {
            all_of_them: query.and,
            pids,
            name: query.name.clone(),
            user: query.user.clone(),
            internet: internet.transpose()?,
            states: sockets::states(&query.state)?,
            unix: query.unix,
            deleted: query.deleted,
            under: query.under.as_deref().map(trimmed),
            paths,
        })
    }

    /// Whether a process is known not to have files that are asked for before its user has a name.
    pub(super) fn leaves_out(&self, facts: &ProcessSnapshot) -> bool {
        let process = SelectedProcess {
            pid: facts.pid,
            comm: &facts.stat.comm,
            uid: facts.uid,
            user: None,
        };
        self.user.is_none() && !self.may_take_of(&process)
    }

    /// Whether a process can have files that are asked for, whichever they are.
    pub(super) fn may_take_of(&self, process: &SelectedProcess<'_>) -> bool {
        let by_process = self.of_process(process);
        let by_file = self.internet.is_some()
            || self.unix
            || self.deleted
            || self.under.is_some()
            || !self.paths.is_empty();
        let any = by_process.iter().flatten().any(|is| *is);
        let every = by_process.iter().flatten().all(|is| *is);
        match (self.all_of_them, by_file) {
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
        if socket.is_some_and(|socket| !self.is_in_state(socket)) {
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
            (!self.paths.is_empty()).then(|| self.is_at(file, path, places)),
        ];
        let by_process = self.of_process(process);
        let mut all = by_process.iter().chain(&by_file).flatten();
        if self.all_of_them {
            all.all(|is| *is)
        } else {
            let mut asked = all.peekable();
            asked.peek().is_none() || asked.any(|is| *is)
        }
    }

    fn of_process(&self, process: &SelectedProcess<'_>) -> [Option<bool>; 3] {
        let user = |user: &String| {
            process.uid.to_string() == *user || process.user == Some(user.as_bytes())
        };
        let name = |name: &String| process.comm.starts_with(name.as_bytes());
        [
            (!self.pids.is_empty()).then(|| self.pids.contains(&process.pid)),
            self.name.as_ref().map(name),
            self.user.as_ref().map(user),
        ]
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
