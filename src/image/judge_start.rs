//! Whether the entrypoint of an image starts: the steps that an engine and its runtime take, from the
//! user's name to the kernel's execve(2), on the files of the image.

use std::cell::Cell;

use super::documents::RunConfig;
use super::kept::Kept;
use super::layers::{Collected, KeptAt};
use super::sniff::Program;
use super::tree::{Identity, Node, NodeKind, Unresolved};
use crate::parse::accounts;

/// What engines set where an image has no `PATH`.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MOUNTED_OVER: &str = "files below /dev, /proc and /sys, which engines mount over";
/// The largest number of a user or group that engines take.
const LARGEST_ID: i64 = i32::MAX as i64;
/// As often as the kernel goes from a script to its interpreter.
const INTERPRETERS: usize = 5;

/// Why it does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StartFailure {
    /// Neither ENTRYPOINT nor CMD.
    NoCommand,
    UserNotFound(Vec<u8>),
    GroupNotFound(Vec<u8>),
    /// A number that no user or group may have.
    IdOutOfRange,
    /// WORKDIR is no absolute path.
    WorkdirRelative,
    /// WORKDIR leads to something else.
    WorkdirNotDirectory,
    /// This path, above WORKDIR, is not a directory.
    WorkdirBelowFile(Vec<u8>),
    /// WORKDIR is a link in a circle, or to nothing.
    WorkdirLink(Unresolved),
    /// The command is not there, or not reached.
    Unreached(Unresolved),
    /// A bare name that no directory of `PATH` has.
    NotInPath,
    /// A bare name for which `PATH` has only what cannot be executed: where.
    OnlyUnexecutable {
        path: Vec<u8>,
        is_directory: bool,
    },
    IsDirectory,
    /// It has no execute permission, or is not a file.
    NotExecutable,
    /// Others may execute it, this user not; where it was found.
    NotExecutableForUser(Vec<u8>),
    /// The kernel refuses.
    Exec(ExecError, ExecCause),
}

/// What the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExecError {
    /// ENOENT
    NoEntry,
    /// EACCES
    Denied,
    /// ENOEXEC
    Format,
    /// ELOOP
    Loop,
    /// ENOTDIR
    NotADirectory,
    /// ELIBBAD
    BadLibrary,
}

/// And why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExecCause {
    /// The loader of the program (first) is missing or cannot be executed.
    Loader(Vec<u8>),
    /// The interpreter of the script is missing or cannot be executed.
    Interpreter(Vec<u8>),
    /// The same, as its line ends in CR LF.
    CarriageReturn(Vec<u8>),
    Architecture(u16),
    /// In words.
    Format(&'static str),
    /// Scripts that name each other.
    Chain,
}

/// What was found on the way.
#[derive(Debug, Default)]
pub(super) struct Start {
    pub(super) words: Vec<Vec<u8>>,
    /// `None` where no account has its name.
    pub(super) identity: Option<Identity>,
    /// Whether the user's number has no name.
    pub(super) is_nameless: bool,
    pub(super) workdir: Vec<u8>,
    /// The command as execve(2) gets it.
    pub(super) executed_as: Vec<u8>,
    /// The file that is executed, without a slash before it.
    pub(super) program: Option<Vec<u8>>,
    /// Interpreters and the loader, one after the other.
    pub(super) interpreters: Vec<Vec<u8>>,
    pub(super) failure: Option<StartFailure>,
    /// What is not known of it, where the answer depends on that.
    pub(super) unknown: Option<&'static str>,
}

/// Judges it. `machine` is `e_machine` of the platform, where that is known.
pub(super) fn judge(collected: &Collected, config: &RunConfig, machine: Option<u16>) -> Start {
    // ENTRYPOINT [""] takes that of the base image away.
    let entrypoint = match config.entrypoint.as_slice() {
        [word] if word.is_empty() => &[],
        words => words,
    };
    let words = entrypoint.iter().chain(&config.cmd);
    let mut start = Start {
        words: words.map(|word| word.as_bytes().to_vec()).collect(),
        workdir: config.working_dir.as_bytes().to_vec(),
        ..Start::default()
    };
    if start.workdir.is_empty() {
        start.workdir = b"/".to_vec();
    }
    let judge = Judge {
        collected,
        config,
        machine,
        unknown: Cell::new(None),
    };
    start.failure = judge.steps(&mut start).err();
    if start.failure.is_some() && collected.tree.oddities.broken_hard_links > 0 {
        judge
            .unknown
            .set(Some("a hard link leads to what is not there"));
    }
    start.unknown = judge.unknown.get();
    start
}

struct Judge<'a> {
    collected: &'a Collected,
    config: &'a RunConfig,
    machine: Option<u16>,
    unknown: Cell<Option<&'static str>>,
}

impl Judge<'_> {
    fn steps(&self, start: &mut Start) -> Result<(), StartFailure> {
        let command = start.words.first().filter(|word| !word.is_empty());
        let command = command.cloned().ok_or(StartFailure::NoCommand)?;
        if start.words.iter().any(|word| word.contains(&0)) {
            self.unknown.set(Some("what a NUL in the command does"));
        }
        if command.contains(&b'/') && is_mounted_over(&in_directory(&start.workdir, &command)) {
            self.unknown.set(Some(MOUNTED_OVER));
        }
        let user = self.user(start)?;
        start.identity = Some(user.clone());
        self.workdir(&start.workdir)?;
        let path = self.command(&command, &start.workdir, &user)?;
        start.executed_as = if command.contains(&b'/') {
            command
        } else {
            path.clone()
        };
        start.program = self.collected.tree.resolve(&path).ok();
        if start.program.as_deref().is_some_and(is_mounted_over) {
            self.unknown.set(Some(MOUNTED_OVER));
        }
        let mut looked = (path, 0);
        while let Some(next) = self.execute(&looked.0, &user, &start.workdir, looked.1)? {
            start.interpreters.push(next.clone());
            looked = (next, looked.1 + 1);
        }
        Ok(())
    }

    /// `None` where there is one that was not kept.
    fn accounts(&self, path: &[u8]) -> Option<&[u8]> {
        match self.collected.kept_at(path) {
            KeptAt::Nothing => Some(b""),
            KeptAt::File(Some(Kept::Text(text)), _) => Some(text),
            KeptAt::File(..) => None,
        }
    }

    /// `user[:group]`, names by passwd and group of the image.
    fn user(&self, start: &mut Start) -> Result<Identity, StartFailure> {
        let text = self.config.user.as_bytes();
        let (user, group) = match memchr::memchr(b':', text) {
            Some(at) => text.split_at_checked(at).unwrap_or((text, b"")),
            None => (text, &b""[..]),
        };
        let group = group.strip_prefix(b":").unwrap_or(group);
        // As Go reads it.
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
        let in_range = |id: i64| match u32::try_from(id) {
            Ok(own) if id <= LARGEST_ID => Ok(own),
            _ => Err(StartFailure::IdOutOfRange),
        };
        let user = if user.is_empty() { b"0" } else { user };
        let passwd = self.accounts(b"etc/passwd");
        // What root may does not depend on its group.
        let is_root = number(user) == Some(0);
        let both_numbers = number(user).is_some() && number(group).is_some();
        if passwd.is_none() && !is_root && !both_numbers {
            self.unknown.set(Some("the content of /etc/passwd"));
        }
        let entry = accounts::entries(passwd.unwrap_or_default())
            .find(|entry| entry.name == user || number(user) == Some(i64::from(entry.id)));
        start.is_nameless = entry.is_none();
        let (uid, mut gid) = match (&entry, number(user)) {
            (Some(entry), _) => (entry.id, entry.group.unwrap_or(0)),
            (None, Some(uid)) => (in_range(uid)?, 0),
            (None, None) => return Err(StartFailure::UserNotFound(user.to_vec())),
        };
        let groups = self.accounts(b"etc/group");
        if groups.is_none() && uid != 0 && number(group).is_none() {
            self.unknown.set(Some("the content of /etc/group"));
        }
        let groups = groups.unwrap_or_default();
        let mut supplementary = Vec::new();
        if group.is_empty() {
            if let Some(entry) = entry {
                let of_user = accounts::entries(groups)
                    .filter(|group| group.members().any(|member| member == entry.name));
                supplementary = of_user.map(|group| group.id).collect();
            }
        } else {
            let named = accounts::entries(groups)
                .find(|entry| entry.name == group || number(group) == Some(i64::from(entry.id)));
            gid = match (named, number(group)) {
                (Some(entry), _) => entry.id,
                (None, Some(gid)) => in_range(gid)?,
                (None, None) => return Err(StartFailure::GroupNotFound(group.to_vec())),
            };
        }
        Ok(Identity {
            uid,
            gid,
            groups: supplementary,
        })
    }

    /// One that is not there is made by the engine.
    fn workdir(&self, workdir: &[u8]) -> Result<(), StartFailure> {
        if !workdir.starts_with(b"/") {
            return Err(StartFailure::WorkdirRelative);
        }
        let tree = &self.collected.tree;
        let is_link = |path: &[u8]| {
            let path = path.strip_prefix(b"/").unwrap_or(path);
            matches!(
                tree.get(path).map(|node| &node.kind),
                Some(NodeKind::Link(_))
            )
        };
        match tree.resolve(workdir) {
            Ok(found) if found.is_empty() || tree.get(&found).is_some_and(Node::is_directory) => {
                Ok(())
            }
            Ok(_) => Err(StartFailure::WorkdirNotDirectory),
            Err(Unresolved::NotADirectory) => {
                let file = above_all(workdir)
                    .find(|above| tree.resolve(above).is_ok())
                    .unwrap_or(workdir);
                Err(StartFailure::WorkdirBelowFile(file.to_vec()))
            }
            Err(why) if is_link(workdir) || why == Unresolved::Loop => {
                Err(StartFailure::WorkdirLink(why))
            }
            Err(_) => Ok(()),
        }
    }

    /// Where the command is, as runtimes look for it: an absolute path, without a slash before it.
    fn command(
        &self,
        command: &[u8],
        workdir: &[u8],
        user: &Identity,
    ) -> Result<Vec<u8>, StartFailure> {
        if command.contains(&b'/') {
            let path = in_directory(workdir, command);
            let found = self
                .collected
                .tree
                .resolve_as(&path, user)
                .map_err(StartFailure::Unreached)?;
            self.executable(&found, user, &path)?;
            return Ok(path);
        }
        let mut unexecutable = None;
        for directory in self.search_path().split(|byte| *byte == b':') {
            let directory = if directory.is_empty() {
                b"."
            } else {
                directory
            };
            let path = in_directory(workdir, &[directory, b"/", command].concat());
            let Ok(found) = self.collected.tree.resolve_as(&path, user) else {
                continue;
            };
            match self.executable(&found, user, &path) {
                Ok(()) => return Ok(path),
                Err(StartFailure::NotExecutableForUser(path)) => {
                    return Err(StartFailure::NotExecutableForUser(path));
                }
                Err(why) => {
                    unexecutable.get_or_insert(StartFailure::OnlyUnexecutable {
                        path,
                        is_directory: why == StartFailure::IsDirectory,
                    });
                }
            }
        }
        Err(unexecutable.unwrap_or(StartFailure::NotInPath))
    }

    /// The last one counts, as for getenv(3) after engines have put them in order.
    fn search_path(&self) -> &[u8] {
        let variables = self.config.env.iter().rev();
        let mut values = variables.filter_map(|variable| variable.strip_prefix("PATH="));
        values.next().map_or(DEFAULT_PATH, str::as_bytes)
    }

    fn executable(&self, found: &[u8], user: &Identity, named: &[u8]) -> Result<(), StartFailure> {
        let Some(node) = self.collected.tree.get(found) else {
            return Err(StartFailure::IsDirectory);
        };
        match node.kind {
            NodeKind::Directory => Err(StartFailure::IsDirectory),
            NodeKind::File(_) if node.mode & 0o111 == 0 => Err(StartFailure::NotExecutable),
            NodeKind::File(_) if user.may(node, 0o1) => Ok(()),
            NodeKind::File(_) => Err(StartFailure::NotExecutableForUser(named.to_vec())),
            _ => Err(StartFailure::NotExecutable),
        }
    }

    /// What execve(2) does with a file: the interpreter that it goes on to, if any.
    fn execute(
        &self,
        path: &[u8],
        user: &Identity,
        workdir: &[u8],
        depth: usize,
    ) -> Result<Option<Vec<u8>>, StartFailure> {
        let refuse = |error, cause| Err(StartFailure::Exec(error, cause));
        let tree = &self.collected.tree;
        let found = tree
            .resolve_as(path, user)
            .map_err(StartFailure::Unreached)?;
        let program = match tree.get(&found).map(|node| &node.kind) {
            Some(NodeKind::File(file)) => self.collected.programs.get(file),
            _ => None,
        };
        match program {
            Some(Program::Unknown) => {
                self.unknown.set(Some(
                    "the headers of a program, which lie far behind its start",
                ));
                Ok(None)
            }
            // A loader is only mapped, and what was not held of a file is not judged.
            None => Ok(None),
            Some(Program::Empty) => refuse(ExecError::Format, ExecCause::Format("it is empty")),
            Some(Program::Other(what)) => refuse(ExecError::Format, ExecCause::Format(what)),
            Some(Program::Elf {
                machine,
                interpreter,
            }) => {
                if self.machine.is_some_and(|own| !runs(own, *machine)) {
                    return refuse(ExecError::Format, ExecCause::Architecture(*machine));
                }
                let Some(loader) = interpreter else {
                    return Ok(None);
                };
                let path = in_directory(workdir, loader);
                let cause = ExecCause::Loader(loader.to_vec());
                self.reachable(&path, user, &cause)?;
                let found = tree.resolve(&path).unwrap_or_default();
                let is_elf = match tree.get(&found).map(|node| &node.kind) {
                    Some(NodeKind::File(file)) => {
                        self.collected.programs.get(file).is_none_or(|program| {
                            matches!(program, Program::Elf { .. } | Program::Unknown)
                        })
                    }
                    _ => true,
                };
                if !is_elf {
                    return refuse(ExecError::BadLibrary, cause);
                }
                Ok(None)
            }
            Some(Program::Script { .. }) if depth >= INTERPRETERS => {
                refuse(ExecError::Loop, ExecCause::Chain)
            }
            Some(Program::Script { interpreter }) => {
                let path = in_directory(workdir, interpreter);
                let cause = if interpreter.ends_with(b"\r") {
                    ExecCause::CarriageReturn(interpreter.to_vec())
                } else {
                    ExecCause::Interpreter(interpreter.to_vec())
                };
                self.reachable(&path, user, &cause)?;
                Ok(Some(path))
            }
        }
    }

    /// Whether the kernel can open an interpreter to execute it.
    fn reachable(
        &self,
        path: &[u8],
        user: &Identity,
        cause: &ExecCause,
    ) -> Result<(), StartFailure> {
        let refused = |error| StartFailure::Exec(error, cause.clone());
        let found = self.collected.tree.resolve_as(path, user);
        let found = found.map_err(|why| {
            refused(match why {
                Unresolved::NotFound => ExecError::NoEntry,
                Unresolved::NotADirectory => ExecError::NotADirectory,
                Unresolved::Loop => ExecError::Loop,
                Unresolved::Denied => ExecError::Denied,
            })
        })?;
        self.executable(&found, user, path)
            .map_err(|_| refused(ExecError::Denied))
    }
}

/// The directories above a path, the last one first.
fn above_all(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = memchr::memrchr_iter(b'/', path);
    slashes
        .filter_map(|at| path.get(..at))
        .filter(|path| !path.is_empty())
}

/// Whether engines mount something else over what the image has there.
fn is_mounted_over(path: &[u8]) -> bool {
    let mut parts = path.split(|byte| *byte == b'/');
    let first = parts.find(|part| !part.is_empty());
    matches!(first, Some(b"dev" | b"proc" | b"sys"))
}

fn in_directory(workdir: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        path.to_vec()
    } else {
        [workdir, b"/", path].concat()
    }
}

/// Whether a kernel of the first machine runs programs of the second: 32-bit programs of a 64-bit
/// machine too, where it was built so, as those of distributions are.
fn runs(own: u16, program: u16) -> bool {
    own == program || matches!((own, program), (62, 3) | (183, 40))
}
