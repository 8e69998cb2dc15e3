//! Where a program is: as execvp(3) looks for it, but remembering where it looked.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::errno::Errno;

use crate::sys::executable::may_run;

/// What engines set where an image sets none.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What was found, and where it was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    /// The program to run. ENOENT if it is not found, EINVAL for a name with a NUL.
    pub(crate) found: Result<CString, Errno>,
    /// The directories, where it was a bare name.
    pub(crate) directories: Option<Vec<Vec<u8>>>,
    /// Whether there is a PATH.
    pub(crate) path_is_set: bool,
}

/// Looks for a program in the directories of `path`, the content of PATH.
pub(crate) fn find(name: &OsStr, path: Option<OsString>) -> Search {
    let path_is_set = path.is_some();
    if name.as_bytes().contains(&b'/') || name.is_empty() {
        let found = match name.as_bytes() {
            b"" => Err(Errno::ENOENT),
            name => CString::new(name).map_err(|_| Errno::EINVAL),
        };
        return Search {
            found,
            directories: None,
            path_is_set,
        };
    }
    let path = path.map_or_else(|| USUAL_PATH.as_bytes().to_vec(), OsString::into_vec);
    let mut directories = Vec::new();
    let mut refused = None;
    for directory in path.split(|byte| *byte == b':') {
        // As since ever: an empty entry is the working directory.
        let directory = if directory.is_empty() {
            b"."
        } else {
            directory
        };
        let candidate = [directory, b"/", name.as_bytes()].concat();
        directories.push(directory.to_vec());
        let Ok(candidate) = CString::new(candidate) else {
            continue;
        };
        match may_run(&candidate) {
            Ok(()) => {
                return Search {
                    found: Ok(candidate),
                    directories: Some(directories),
                    path_is_set,
                };
            }
            // It is there: running it will say what the kernel has against it.
            Err(Errno::EACCES) => refused = refused.or(Some(candidate)),
            Err(_) => {}
        }
    }
    Search {
        found: refused.ok_or(Errno::ENOENT),
        directories: Some(directories),
        path_is_set,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::scratch::Scratch;

    fn house() -> (Scratch, OsString) {
        let house = Scratch::new();
        house.write("/one/app", "x");
        house.write("/two/app", "x");
        house.write("/two/plain", "x");
        house.directory("/one/plain");
        house.mode("/one/app", 0o644);
        house.mode("/two/app", 0o755);
        house.mode("/two/plain", 0o644);
        let mut path = house.path("/one").into_os_string();
        path.push(":");
        path.push(house.path("/two"));
        (house, path)
    }

    fn c(path: std::path::PathBuf) -> CString {
        CString::new(path.into_os_string().into_vec()).unwrap()
    }

    #[test]
    fn the_first_that_may_be_run_is_it() {
        let (house, path) = house();
        let search = find(OsStr::new("app"), Some(path));
        assert_eq!(search.found, Ok(c(house.path("/two/app"))));
        assert_eq!(search.directories.unwrap().len(), 2);
    }

    #[test]
    fn what_may_not_be_run_is_better_than_nothing() {
        let (house, path) = house();
        let search = find(OsStr::new("plain"), Some(path.clone()));
        assert_eq!(search.found, Ok(c(house.path("/one/plain"))));
        let search = find(OsStr::new("none"), Some(path));
        assert_eq!(search.found, Err(Errno::ENOENT));
    }

    #[test]
    fn a_path_is_taken_as_it_is_and_no_path_is_the_usual_one() {
        let search = find(OsStr::new("./none"), None);
        assert_eq!(search.found.as_deref(), Ok(c"./none"));
        assert_eq!(search.directories, None);
        let search = find(OsStr::new("sh"), None);
        assert!(search.found.is_ok() && !search.path_is_set, "{search:?}");
        assert_eq!(find(OsStr::new(""), None).found, Err(Errno::ENOENT));
    }
}
