//! A file that stands whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, RenameFlags, linkat, renameat_with};
use rustix::io::Errno;

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// It would replace something that is no regular file.
    #[error("{path} is a {what}; only a regular file can be replaced")]
    Occupied {
        /// As it was given.
        path: PathBuf,
        /// What stands there.
        what: &'static str,
    },
    /// The system refused.
    #[error("cannot write {path}: {source}")]
    System {
        /// As it was given.
        path: PathBuf,
        /// The error of creating, writing or renaming.
        source: io::Error,
    },
}

/// Whether the file may be replaced: a regular file, or nothing, stands there.
///
/// # Errors
/// [`WriteError`]: what stands there is something else, or it cannot be seen.
pub(crate) fn check_replaceable(path: &Path) -> Result<(), WriteError> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => {
            let what = if there.is_symlink() {
                "link"
            } else if there.is_dir() {
                "directory"
            } else {
                "special file"
            };
            let path = path.to_owned();
            Err(WriteError::Occupied { path, what })
        }
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(WriteError::System {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Writes a file that only its owner may read, in place of the one that stands there.
///
/// It is written beside its place under another name and then renamed. A link is refused
/// rather than followed or replaced.
///
/// # Errors
/// [`WriteError`]; nothing is left behind then, and what stood there stands.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), WriteError> {
    check_replaceable(path)?;
    write_beside(path, content, |beside| fs::rename(beside, path))
}

/// Whether something stands there, a broken link included.
pub(crate) fn is_taken(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Writes a file that only its owner may read, where nothing stands yet.
///
/// It is written beside its place under another name, which then becomes its own.
///
/// # Errors
/// [`WriteError`]; nothing is left behind then. That something stands there by now is one of them.
pub(crate) fn create(path: &Path, content: &[u8]) -> Result<(), WriteError> {
    write_beside(path, content, |beside| {
        renameat_with(CWD, beside, CWD, path, RenameFlags::NOREPLACE).or_else(|errno| {
            // Some network file systems know no such flag.
            if errno == Errno::INVAL && !is_taken(path) {
                return fs::rename(beside, path);
            }
            Err(errno.into())
        })
    })
}

fn write_beside(
    path: &Path,
    content: &[u8],
    name: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), WriteError> {
    let system = |source| WriteError::System {
        path: path.to_owned(),
        source,
    };
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(beside);
    let mut is_own = false;
    let written = write(&beside, content, &mut is_own).and_then(|()| name(&beside));
    written.map_err(|error| {
        // A file of another process is not removed.
        if is_own {
            let _ = fs::remove_file(&beside);
        }
        system(error)
    })
}

/// Writes a new file; `is_own` says whether there is one.
fn write(path: &Path, content: &[u8], is_own: &mut bool) -> io::Result<()> {
    if let Some(unnamed) = create_unnamed(path) {
        write_whole(&unnamed, content)?;
        let itself = format!("/proc/self/fd/{}", unnamed.as_raw_fd());
        match linkat(CWD, itself, CWD, path, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => {
                *is_own = true;
                return Ok(());
            }
            Err(Errno::EXIST) => return Err(Errno::EXIST.into()),
            // Without /proc, or where the file system does not give names later.
            Err(_) => {}
        }
    }
    // With O_EXCL a link at the name is an error, whatever it leads to.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    *is_own = true;
    write_whole(&file, content)
}

/// A file without a name in the directory of `path`, of which nothing is left if this process is
/// killed; not every file system has them.
fn create_unnamed(path: &Path) -> Option<File> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let mut options = OpenOptions::new();
    options
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_TMPFILE);
    options.open(directory.unwrap_or(Path::new("."))).ok()
}

fn write_whole(mut file: &File, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries
            .map(name)
            .map(|name| name.into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_its_owners_alone_and_replaces_the_last_one() {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("report");
        fs::write(&path, "a long one that stood there").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(names(house.path()), ["report"]);
    }

    #[test]
    fn what_is_created_takes_the_place_of_nothing() {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("archive");
        create(&path, b"one").unwrap();
        assert!(create(&path, b"other").is_err());
        let link = house.path().join("link");
        symlink("nowhere", &link).unwrap();
        assert!(is_taken(&link) && create(&link, b"other").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(house.path()), ["archive", "link"]);
    }

    #[test]
    fn links_directories_and_fifos_are_refused_and_left_alone() {
        let house = tempfile::tempdir().unwrap();
        let at = |name: &str| house.path().join(name);
        fs::write(at("goal"), "precious").unwrap();
        symlink(at("goal"), at("link")).unwrap();
        symlink(at("nowhere"), at("broken")).unwrap();
        fs::create_dir(at("directory")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let before = names(house.path());
        for (name, word) in [
            ("link", "a link"),
            ("broken", "a link"),
            ("directory", "a directory"),
            ("fifo", "a special file"),
        ] {
            let says = replace(&at(name), b"new").unwrap_err().to_string();
            assert!(says.contains(word), "{says}");
        }
        assert_eq!(names(house.path()), before);
        assert_eq!(fs::read(at("goal")).unwrap(), b"precious");
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let house = tempfile::tempdir().unwrap();
        let says = replace(&house.path().join("none/report"), b"x").unwrap_err();
        assert!(says.to_string().contains("cannot write"), "{says}");
        assert!(names(house.path()).is_empty());
    }
}
