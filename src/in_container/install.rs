//! `spyhole install DIR`: the program's own file, put into a volume that other containers mount.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::Args;
use data_encoding::HEXLOWER;
use rustix::io::Errno;

use crate::sys::self_copy::{CopyError, Directory, Entry, Program, Rights, Step, link_at};

/// The name of the copy.
const NAME: &str = "spyhole";

/// What `spyhole install` takes.
#[derive(Debug, Args)]
pub(crate) struct InstallOptions {
    /// Copy spyhole into this directory, such as a mounted emptyDir.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,

    /// Also create links named like commands: ps, ss, env; all: of every name that the target has no
    /// command of in its PATH.
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    pub link: Vec<String>,

    /// With --link all, also create links of names that are commands of the target.
    #[arg(long, requires = "link")]
    pub force_link: bool,
}

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    /// The directory cannot be used as it is; the sentence says what would help.
    #[error("{0}")]
    Refused(String),
    /// The system failed in a way that no other directory or right would mend for sure.
    #[error("{0}")]
    Failed(String),
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Done {
    path: PathBuf,
    bytes: u64,
    sha256: String,
    /// Whether it was there already.
    kept: bool,
    /// Names that were linked now.
    linked: Vec<String>,
}

impl Done {
    /// What to say of it, line by line.
    #[must_use]
    pub(crate) fn lines(&self) -> Vec<String> {
        let done = if self.kept {
            "already there"
        } else {
            "installed"
        };
        let mut lines = vec![format!(
            "{done}: {} ({}, {}, sha256 {})",
            self.path.display(),
            env!("CARGO_PKG_VERSION"),
            megabytes(self.bytes),
            self.sha256
        )];
        if !self.linked.is_empty() {
            lines.push(format!("linked: {}", self.linked.join(", ")));
        }
        lines.push(format!(
            "in the application's container: {} ps",
            self.path.display()
        ));
        lines
    }
}

/// Copies the running program into the directory and says what was done.
///
/// # Errors
/// [`InstallError`]: nothing of the copy is left then, and what was there before still is.
pub(crate) fn run(options: &InstallOptions) -> Result<Done, InstallError> {
    let place = Place {
        path: options.directory.components().collect(),
    };
    let program = Program::running().map_err(no_program)?;
    let directory = Directory::open(&place.path).map_err(|errno| place.not_opened(errno))?;
    let failed = |errno| place.failed("look into", errno);
    if directory.is_noexec().map_err(failed)? {
        return Err(place.noexec());
    }
    match directory.entry(NAME).map_err(failed)? {
        Entry::Nothing | Entry::File | Entry::Link(_) => {}
        Entry::Directory => return Err(place.taken(NAME, "is a directory")),
        Entry::Special => return Err(place.taken(NAME, "is a device, a FIFO or a socket")),
    }
    // What would be refused in the end is refused before anything changes.
    let mut missing = Vec::new();
    for name in &options.link {
        match directory.entry(name).map_err(failed)? {
            Entry::Link(goal) if goal == OsStr::new(NAME) => {}
            Entry::Nothing if missing.contains(name) => {}
            Entry::Nothing => missing.push(name.clone()),
            _ => return Err(place.taken(name, "is not a link to spyhole")),
        }
    }
    let kept = directory.holds(NAME, &program);
    if !kept {
        directory
            .put(NAME, &program)
            .map_err(|error| place.not_copied(error, &directory, &program))?;
    }
    for name in &missing {
        match directory.link(name, NAME) {
            // Another process may be installing the same file.
            Err(Errno::EXIST) if directory.entry(name) == Ok(Entry::Link(NAME.into())) => {}
            done => done.map_err(|errno| place.not_linked(name, errno, &directory))?,
        }
    }
    if !kept || !missing.is_empty() {
        directory
            .sync()
            .map_err(|errno| place.failed("write", errno))?;
    }
    Ok(Done {
        path: place.path.join(NAME),
        bytes: program.bytes,
        sha256: HEXLOWER.encode(&program.sha256),
        kept,
        linked: missing,
    })
}

fn no_program(errno: Errno) -> InstallError {
    InstallError::Failed(match errno {
        Errno::NOENT => "cannot find this program's own file: /proc/self/exe does not exist; \
            mount /proc in this container"
            .to_owned(),
        Errno::ACCESS => "cannot read this program's own file: its mode lets this user execute \
            but not read it; set mode 0555"
            .to_owned(),
        _ => format!("cannot read this program's own file (/proc/self/exe): {errno}"),
    })
}

/// The directory as it is called in sentences.
struct Place {
    path: PathBuf,
}

impl Place {
    fn not_opened(&self, errno: Errno) -> InstallError {
        let path = self.path.display();
        InstallError::Refused(match (errno, link_at(&self.path)) {
            (Errno::NOTDIR | Errno::LOOP, Some(goal)) => format!(
                "{path} is a symlink to {}, which may lead out of the volume: specify the \
                 directory itself",
                goal.display()
            ),
            (Errno::NOTDIR, None) => format!("{path} is not a directory"),
            (Errno::NOENT, _) => format!(
                "{path} does not exist: mount the volume there (volumeMounts, or --volume), or \
                 create the directory first"
            ),
            (Errno::ACCESS, _) => format!("cannot open {path} as this user: {errno}"),
            _ => return self.failed("open", errno),
        })
    }

    fn noexec(&self) -> InstallError {
        InstallError::Refused(format!(
            "{} is mounted noexec: programs there cannot be executed. An emptyDir inherits this \
             from the node's disk: use emptyDir: {{medium: Memory}}, or an image volume; \
             elsewhere mount it with exec",
            self.path.display()
        ))
    }

    fn taken(&self, name: &str, what: &str) -> InstallError {
        let path = self.path.join(name);
        InstallError::Refused(format!(
            "{} {what} and was not replaced: remove it or use another directory",
            path.display()
        ))
    }

    fn not_copied(
        &self,
        error: CopyError,
        directory: &Directory,
        program: &Program,
    ) -> InstallError {
        let path = self.path.display();
        let (step, errno) = match error {
            CopyError::System(step, errno) => (step, errno),
            CopyError::Differs => {
                return InstallError::Failed(format!(
                    "the file written to {path} reads back differently: nothing was installed; \
                     check the disk"
                ));
            }
        };
        let needed = megabytes(program.bytes);
        InstallError::Refused(match errno {
            Errno::NOSPC if step != Step::Write => format!(
                "{path} has no free inodes; nothing was left there. Remove some files, or use \
                 another volume"
            ),
            Errno::NOSPC => {
                let free = directory.available_bytes().map_or_else(
                    |_| String::new(),
                    |bytes| format!(", {} are free", megabytes(bytes)),
                );
                format!(
                    "{path} is full: {needed} are needed{free}; nothing was left there. Increase \
                     the volume's size (sizeLimit of an emptyDir)"
                )
            }
            Errno::DQUOT => format!(
                "the quota of {path} is exceeded: {needed} are needed; nothing was left there. \
                 Increase the quota"
            ),
            Errno::FBIG => format!(
                "cannot write a file of {needed} to {path}: the file size limit is too low \
                 (ulimit -f)"
            ),
            Errno::PERM | Errno::ACCESS | Errno::ROFS => {
                return self.not_writable(errno, step, directory.rights());
            }
            _ => return self.failed("copy into", errno),
        })
    }

    fn not_writable(
        &self,
        errno: Errno,
        step: Step,
        rights: Result<Rights, Errno>,
    ) -> InstallError {
        let path = self.path.display();
        let words = match (errno, rights) {
            (Errno::ROFS, _) => format!(
                "{path} is read-only: mount the volume without readOnly in the installing \
                 container; the application may still mount it read-only"
            ),
            (Errno::PERM, _) if step == Step::Name => format!(
                "the old file in {path} belongs to another user and cannot be replaced ({errno}): \
                 install as its owner, or into an empty volume"
            ),
            (Errno::ACCESS, Ok(Rights { owner, mode, own })) if own.0 != owner.0 => format!(
                "{path} is not writable by uid {} gid {}: owner {}:{}, mode {mode:04o}. Set \
                 securityContext.fsGroup: {} for the pod (a hostPath ignores it), \
                 or run this container as runAsUser: {}",
                own.0, own.1, owner.0, owner.1, own.1, owner.0
            ),
            _ => format!("{path} is not writable: {errno}"),
        };
        InstallError::Refused(words)
    }

    fn not_linked(&self, name: &str, errno: Errno, directory: &Directory) -> InstallError {
        match errno {
            Errno::EXIST => self.taken(name, "is not a link to spyhole"),
            Errno::ROFS | Errno::ACCESS => {
                self.not_writable(errno, Step::Create, directory.rights())
            }
            _ => InstallError::Refused(format!(
                "spyhole is installed, but cannot create the link {}: {errno}",
                self.path.join(name).display()
            )),
        }
    }

    fn failed(&self, what: &str, errno: Errno) -> InstallError {
        InstallError::Failed(format!("cannot {what} {}: {errno}", self.path.display()))
    }
}

/// In decimal units, as file sizes: `5.9 MB`.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes.saturating_add(50_000) / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
