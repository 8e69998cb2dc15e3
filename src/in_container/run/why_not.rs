//! Finds why a program was not run: the kernel gives only an errno, its files show the cause.

mod causes;

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::model::escape::escaped;
use crate::model::run_report::{Cause, CauseKind};
use crate::parse::capabilities;
use crate::parse::file_capabilities::FileCapabilities;
use crate::parse::status::Status;
use crate::scan::program::file::{self, Content};
use crate::scan::program::loader::whose_loader;
use crate::scan::program::search::Search;
use crate::scan::self_process;
use crate::sys::InRoot;
use crate::sys::executable::{Executable, absolute, link_goal};
use crate::sys::file_limits;
use causes::{bytes, cause_of, may_not_run, no_shell, refused, shown, too_long};

/// As deep as the kernel follows interpreters of interpreters.
const DEPTH: usize = 5;
const SHELLS: [&[u8]; 5] = [b"sh", b"bash", b"ash", b"dash", b"busybox"];

/// An attempt to run something.
pub(super) struct Attempt<'a> {
    /// What was to be run, as it was named, and its arguments.
    pub(super) words: &'a [std::ffi::OsString],
    /// Where it was looked for.
    pub(super) search: &'a Search,
    /// What the kernel said.
    pub(super) errno: Errno,
}

/// Looks at what is there.
pub(super) fn cause(attempt: &Attempt<'_>) -> Cause {
    let Ok(root) = InRoot::at(Path::new("/")) else {
        return refused(attempt.errno);
    };
    let looked = StartFacts {
        root: &root,
        attempt,
    };
    looked.cause()
}

struct StartFacts<'a> {
    root: &'a InRoot,
    attempt: &'a Attempt<'a>,
}

impl StartFacts<'_> {
    fn cause(&self) -> Cause {
        let Ok(found) = &self.attempt.search.found else {
            return self.not_found();
        };
        let path = absolute(std::os::unix::ffi::OsStrExt::from_bytes(found.as_bytes()));
        let found = match self.attempt.errno {
            Errno::E2BIG => Some(too_long()),
            Errno::EPERM => Some(self.not_permitted(&path)),
            _ => self.file(&path),
        };
        found.unwrap_or_else(|| refused(self.attempt.errno))
    }

    /// A bare name that no directory has.
    fn not_found(&self) -> Cause {
        let search = self.attempt.search;
        let name = self
            .attempt
            .words
            .first()
            .map(|word| word.as_encoded_bytes());
        let name = name.unwrap_or_default();
        let Some(directories) = &search.directories else {
            return Cause {
                kind: CauseKind::NotThere,
                says: "its name is empty".to_owned(),
                hint: None,
            };
        };
        if self.is_shell_form() {
            return no_shell(name);
        }
        let listed: Vec<_> = directories.iter().map(|one| escaped(one)).collect();
        let listed = listed.join(", ");
        let says = if search.path_is_set {
            format!("not found in any directory of PATH: {listed}")
        } else {
            format!("PATH is not set, and it was not found in the default directories: {listed}")
        };
        let beside = ["/".into(), absolute(".".as_ref())].map(|directory: PathBuf| {
            directory.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name))
        });
        let hint = beside
            .iter()
            .find(|path| self.at(path).is_ok_and(|there| there.file))
            .map(|path| format!("{} exists: use this path", shown(path)));
        Cause {
            kind: CauseKind::NotThere,
            says,
            hint,
        }
    }

    /// Something at a path that was not run.
    fn file(&self, path: &Path) -> Option<Cause> {
        let there = match self.at(path) {
            Ok(there) => there,
            Err(errno) => return self.unreachable(path, errno),
        };
        if there.directory {
            return Some(cause_of(
                CauseKind::IsDirectory,
                "it is a directory".to_owned(),
                None,
            ));
        }
        if !there.file {
            return Some(cause_of(
                CauseKind::NotAFile,
                "it is not a regular file".to_owned(),
                None,
            ));
        }
        if self.attempt.errno == Errno::EACCES
            && let Some(cause) = may_not_run(path, &there)
        {
            return Some(cause);
        }
        self.content(path, &there, DEPTH)
    }

    /// The file is there and could be run, if it were one.
    fn content(&self, path: &Path, there: &Executable, depth: usize) -> Option<Cause> {
        if there.size_bytes == 0 {
            return Some(cause_of(
                CauseKind::EmptyFile,
                "it is an empty file".to_owned(),
                Some("the copy into the image or volume is truncated or failed".to_owned()),
            ));
        }
        match file::content(self.root, bytes(path)).ok()? {
            Content::Script { interpreter } => self.interpreter_of_script(&interpreter, depth),
            Content::Elf(image) if image.machine != file::OWN_MACHINE => Some(cause_of(
                CauseKind::WrongArchitecture,
                format!(
                    "it was built for {}, but this machine is {}",
                    file::machine(image.machine),
                    file::machine(file::OWN_MACHINE)
                ),
                Some("build or pull it for this platform (docker build --platform, GOARCH, a Rust target)".to_owned()),
            )),
            Content::Elf(image) => match &image.interpreter {
                Some(interpreter) => self.interpreter_of_elf(interpreter),
                None => None,
            },
            Content::Text if self.attempt.errno == Errno::ENOEXEC => Some(cause_of(
                CauseKind::TextWithoutInterpreter,
                "it is a text file without a #! line".to_owned(),
                Some("add #!/bin/sh as the first line, or run it through its \
                    interpreter".to_owned()),
            )),
            Content::Other(what) if self.attempt.errno == Errno::ENOEXEC => {
                Some(cause_of(CauseKind::NotAProgram, what.to_owned(), None))
            }
            Content::Text | Content::Other(_) => None,
        }
    }

    fn interpreter_of_elf(&self, interpreter: &[u8]) -> Option<Cause> {
        let path = absolute(std::os::unix::ffi::OsStrExt::from_bytes(interpreter));
        let name = escaped(interpreter);
        let (says, hint) = match self.at(&path) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => (
                format!("its ELF interpreter {name} does not exist"),
                Some(whose_loader(interpreter).to_owned()),
            ),
            Ok(there) if self.attempt.errno == Errno::EACCES => {
                let why = may_not_run(&path, &there)?;
                (
                    format!("its ELF interpreter {name}: {}", why.says),
                    why.hint,
                )
            }
            Ok(_) if self.attempt.errno == Errno::ELIBBAD => (
                format!("its ELF interpreter {name} is damaged or built for another architecture"),
                None,
            ),
            _ => return None,
        };
        Some(cause_of(CauseKind::ElfInterpreter, says, hint))
    }

    fn interpreter_of_script(&self, interpreter: &[u8], depth: usize) -> Option<Cause> {
        if let Some(meant) = interpreter.strip_suffix(b"\r") {
            return Some(cause_of(
                CauseKind::CarriageReturn,
                format!(
                    "its first line has a Windows line ending (CR LF): the interpreter is not {} \
                     but {}",
                    escaped(meant),
                    escaped(interpreter)
                ),
                Some(
                    "save it with LF line endings (dos2unix, or .gitattributes: *.sh text eol=lf)"
                        .to_owned(),
                ),
            ));
        }
        let path = absolute(std::os::unix::ffi::OsStrExt::from_bytes(interpreter));
        let name = escaped(interpreter);
        let says = match self.at(&path) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {
                let hint = "use an image that contains it, or a program that does not need \
                    it"
                .to_owned();
                return Some(cause_of(
                    CauseKind::ScriptInterpreter,
                    format!("it is a script, and its interpreter {name} does not exist"),
                    Some(hint),
                ));
            }
            Ok(there) if self.attempt.errno == Errno::EACCES => may_not_run(&path, &there)?,
            Ok(there) if depth > 0 && there.file => self.content(&path, &there, depth - 1)?,
            _ => return None,
        };
        Some(Cause {
            says: format!("it is a script; its interpreter {name}: {}", says.says),
            kind: CauseKind::ScriptInterpreter,
            hint: says.hint,
        })
    }

    /// The path does not lead to anything.
    fn unreachable(&self, path: &Path, errno: Errno) -> Option<Cause> {
        match errno {
            Errno::ENOENT | Errno::ENOTDIR if self.is_shell_form() => Some(no_shell(bytes(path))),
            Errno::ENOENT | Errno::ENOTDIR => Some(self.not_there(path)),
            Errno::EACCES => {
                let closed = path
                    .ancestors()
                    .skip(1)
                    .filter(|above| self.at(above).is_ok());
                let (uid, gid) = crate::sys::executable::own_ids();
                let above = closed.map(shown).next()?;
                Some(cause_of(
                    CauseKind::DirectoryClosed,
                    format!("the directory {above} is not accessible to {uid}:{gid}"),
                    None,
                ))
            }
            Errno::ELOOP => Some(cause_of(
                CauseKind::NotThere,
                "it is a symlink loop".to_owned(),
                None,
            )),
            _ => None,
        }
    }

    fn not_there(&self, path: &Path) -> Cause {
        let named = self
            .attempt
            .words
            .first()
            .map(|word| word.as_encoded_bytes());
        let is_relative = named.is_some_and(|name| !name.starts_with(b"/"));
        // A link on the way that leads nowhere, the last one first.
        let broken = path.ancestors().find_map(|above| {
            let goal = link_goal(above)?;
            (self.at(above) == Err(Errno::ENOENT)).then_some((above, goal))
        });
        if let Some((link, goal)) = broken {
            let says = format!(
                "{} is a symlink to {}, which does not exist",
                shown(link),
                shown(&goal)
            );
            return cause_of(CauseKind::NotThere, says, None);
        }
        let standing = path
            .ancestors()
            .skip(1)
            .find_map(|above| Some((above, self.at(above).ok()?)));
        let says = match standing {
            Some((above, there)) if !there.directory => {
                format!("file not found: {} is not a directory", shown(above))
            }
            Some((above, _)) if Some(above) != path.parent() => {
                let missing = path
                    .ancestors()
                    .find(|missing| missing.parent() == Some(above));
                format!(
                    "file not found: {} does not exist either",
                    shown(missing.unwrap_or(path))
                )
            }
            _ => "file not found".to_owned(),
        };
        let hint = is_relative.then(|| {
            format!(
                "the path is relative to the working directory: {} was tried",
                shown(path)
            )
        });
        cause_of(CauseKind::NotThere, says, hint)
    }

    /// EPERM.
    fn not_permitted(&self, path: &Path) -> Cause {
        let status = own_status();
        let there = self.at(path).ok();
        let file = there
            .and_then(|there| there.capability)
            .and_then(|bytes| FileCapabilities::parse(&bytes).ok());
        let bounding = status.as_ref().and_then(|status| status.cap_bnd);
        if let (Some(file), Some(bounding)) = (file, bounding) {
            let beyond = file.permitted & !bounding;
            if file.effective && beyond != 0 {
                let names: Vec<_> = capabilities::names(beyond).collect();
                let names = names.join(", ");
                return cause_of(
                    CauseKind::FileCapabilities,
                    format!(
                        "its file requires capabilities that this container does not allow: {names}"
                    ),
                    Some(format!(
                        "remove them from the file (setcap -r {}), or add {names} to the container",
                        shown(path)
                    )),
                );
            }
        }
        let filtered = status.and_then(|status| status.seccomp) == Some(2);
        cause_of(
            CauseKind::Refused,
            "the kernel does not permit it (EPERM)".to_owned(),
            filtered.then(|| "a seccomp filter is active and may deny execve".to_owned()),
        )
    }

    /// `sh -c …`, as the shell form of a Dockerfile makes it.
    fn is_shell_form(&self) -> bool {
        let mut words = self.attempt.words.iter();
        let name = words.next().map(Path::new).and_then(Path::file_name);
        name.is_some_and(|name| SHELLS.contains(&name.as_encoded_bytes()))
            && words.next().is_some_and(|word| word == "-c")
    }

    fn at(&self, path: &Path) -> Result<Executable, Errno> {
        Executable::at(self.root, bytes(path))
    }
}

fn own_status() -> Option<Status> {
    let own = self_process::in_own_proc().ok()?;
    let mut text = Vec::new();
    own.read(c"status", file_limits::STATUS, &mut text).ok()?;
    Status::parse(&text).ok()
}

#[cfg(test)]
mod tests;
