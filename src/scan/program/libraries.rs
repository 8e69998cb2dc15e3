//! The libraries of a program, looked for where the loaders of glibc and musl look. A program that
//! lacks one says so itself and ends with 127, which looks as if the program were not there.
//!
//! A library that is opened later is not known.

use std::collections::{HashSet, VecDeque};
use std::env::consts::ARCH;

use super::file;
use super::file::Content;
use crate::parse::elf::Image;
use crate::sys::executable::Executable;
use crate::sys::file_limits;
use crate::sys::{InRoot, Truncation};

/// Real programs need up to a few hundred.
const OBJECTS: usize = 512;
/// Paths that are tried for all of them.
const TRIES: usize = 20_000;
/// Directories that one list may name.
const DIRECTORIES: usize = 256;
/// The list of directories that musl's loader reads.
const MUSL_PATHS: usize = 4096;
/// What musl's loader holds itself.
const IN_MUSL: [&[u8]; 8] = [
    b"libc.",
    b"libm.",
    b"libdl.",
    b"librt.",
    b"libutil.",
    b"libcrypt.",
    b"libxnet.",
    b"libpthread.",
];

/// Libraries that a dynamic program needs and that were not found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MissingLibraries {
    /// Their names.
    pub names: Vec<Vec<u8>>,
    /// The directories that were searched.
    pub searched: Vec<Vec<u8>>,
    /// Whether glibc's cache was searched too.
    pub with_cache: bool,
}

/// The libraries of a program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NeededLibraries {
    /// In the order in which the loader takes them.
    pub all: Vec<NeededLibrary>,
    /// Directories that are searched for every one of them.
    pub searched: Vec<Vec<u8>>,
    /// Whether glibc's cache was searched too.
    pub with_cache: bool,
    /// Whether there may be more: a bound ended the search.
    pub cut: bool,
}

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NeededLibrary {
    /// The name that it is asked for by.
    pub name: Vec<u8>,
    /// Where it is; `None` if it was not found.
    pub path: Option<Vec<u8>>,
    /// The program or library that asks for it first.
    pub needed_by: Vec<u8>,
}

/// Looks for the libraries of a program; `library_path` is the content of `LD_LIBRARY_PATH`.
/// `None` where none is missing, or it is no dynamic program.
pub(crate) fn missing(
    root: &InRoot,
    program: &[u8],
    library_path: &[u8],
) -> Option<MissingLibraries> {
    let Ok(Content::Elf(image)) = file::content(root, program) else {
        return None;
    };
    let found = needed(root, program, *image, library_path)?;
    let missing = found.all.into_iter().filter(|one| one.path.is_none());
    let names: Vec<Vec<u8>> = missing.map(|one| one.name).collect();
    (!names.is_empty()).then_some(MissingLibraries {
        names,
        searched: found.searched,
        with_cache: found.with_cache,
    })
}

/// Every library that a program needs, directly or by what it needs; `None` where no loader starts
/// it.
pub(crate) fn needed(
    root: &InRoot,
    program: &[u8],
    image: Image,
    library_path: &[u8],
) -> Option<NeededLibraries> {
    let interpreter = image.interpreter.clone()?;
    let places = Places::of(root, &interpreter, library_path);
    Some(places.walk(program, image))
}

struct Places<'a> {
    root: &'a InRoot,
    interpreter: Vec<u8>,
    musl: bool,
    /// `LD_LIBRARY_PATH`.
    by_environment: Vec<Vec<u8>>,
    /// The directories of the system.
    last: Vec<Vec<u8>>,
    /// Names that glibc's cache holds and whose files are there are found by it.
    cache: Vec<u8>,
}

/// An object on its way: where it is, and the directories that it and those that loaded it name.
struct Loaded {
    path: Vec<u8>,
    image: Image,
    /// For what it needs, and what that needs.
    inherited: Vec<Vec<u8>>,
    /// For what it needs itself.
    own: Vec<Vec<u8>>,
}

impl<'a> Places<'a> {
    fn of(root: &'a InRoot, interpreter: &[u8], library_path: &[u8]) -> Self {
        let musl = base_name(interpreter).starts_with(b"ld-musl-");
        let (last, cache) = if musl {
            let listed = whole(
                root,
                format!("/etc/ld-musl-{ARCH}.path").as_bytes(),
                MUSL_PATHS,
            );
            let listed = listed.map(|text| {
                text.split(|byte| matches!(byte, b':' | b'\n'))
                    .filter(|path| !path.is_empty())
                    .map(<[u8]>::to_vec)
                    .collect()
            });
            let usual = || list(&["/lib", "/usr/local/lib", "/usr/lib"]);
            (listed.unwrap_or_else(usual), Vec::new())
        } else {
            let triplet = format!("{ARCH}-linux-gnu");
            let last = list(&[
                &format!("/lib/{triplet}"),
                &format!("/usr/lib/{triplet}"),
                "/lib64",
                "/usr/lib64",
                "/lib",
                "/usr/lib",
            ]);
            let cache = whole(root, b"/etc/ld.so.cache", file_limits::LIBRARIES);
            (last, cache.unwrap_or_default())
        };
        Self {
            root,
            interpreter: interpreter.to_vec(),
            musl,
            by_environment: parted(library_path),
            last,
            cache,
        }
    }

    /// In the order of the loader: what the program needs, then what that needs.
    fn walk(&self, program: &[u8], image: Image) -> NeededLibraries {
        let mut known = HashSet::new();
        let mut all: Vec<NeededLibrary> = Vec::new();
        let mut tries = TRIES;
        let first = self.loaded(program.to_vec(), image, &[]);
        let mut searched = first.inherited.clone();
        searched.extend(first.own.iter().cloned());
        searched.extend(self.by_environment.iter().chain(&self.last).cloned());
        let mut cut = false;
        let mut queue = VecDeque::from([first]);
        while let Some(object) = queue.pop_front() {
            for name in &object.image.needed {
                if !known.insert(name.clone()) {
                    continue;
                }
                if all.len() >= OBJECTS || tries == 0 {
                    cut = true;
                    break;
                }
                let in_loader = self.musl && IN_MUSL.iter().any(|held| name.starts_with(held));
                let path = if in_loader || base_name(&self.interpreter) == name.as_slice() {
                    Some(self.interpreter.clone())
                } else {
                    let found = self.find(name, &object, &mut tries);
                    found.map(|(path, image)| {
                        queue.push_back(self.loaded(path.clone(), *image, &object.inherited));
                        path
                    })
                };
                all.push(NeededLibrary {
                    name: name.clone(),
                    path,
                    needed_by: object.path.clone(),
                });
            }
        }
        NeededLibraries {
            all,
            searched,
            with_cache: !self.cache.is_empty(),
            cut,
        }
    }

    /// glibc passes `DT_RPATH` on to what is needed and keeps `DT_RUNPATH`; musl passes both on.
    fn loaded(&self, path: Vec<u8>, image: Image, above: &[Vec<u8>]) -> Loaded {
        let rpaths = run_paths(&path, &image.rpaths);
        let mut own = run_paths(&path, &image.runpaths);
        let mut inherited = rpaths;
        if self.musl {
            inherited.append(&mut own);
        }
        inherited.extend(above.iter().cloned());
        inherited.truncate(DIRECTORIES);
        Loaded {
            path,
            image,
            inherited,
            own,
        }
    }

    fn find(
        &self,
        name: &[u8],
        object: &Loaded,
        tries: &mut usize,
    ) -> Option<(Vec<u8>, Box<Image>)> {
        let (bits, machine) = (object.image.bits, object.image.machine);
        let mut fits = |path: Vec<u8>| {
            *tries = tries.checked_sub(1)?;
            match file::content(self.root, &path) {
                Ok(Content::Elf(image)) if image.bits == bits && image.machine == machine => {
                    Some((path, image))
                }
                _ => None,
            }
        };
        if name.contains(&b'/') {
            return fits(name.to_vec());
        }
        // A DT_RUNPATH makes glibc pass over every DT_RPATH.
        let inherited: &[Vec<u8>] = if object.own.is_empty() {
            &object.inherited
        } else {
            &[]
        };
        let environment = &self.by_environment;
        let before: [&[Vec<u8>]; 3] = if self.musl {
            [environment, inherited, &[]]
        } else {
            [inherited, environment, &object.own]
        };
        let within = |directory: &Vec<u8>| [directory, &b"/"[..], name].concat();
        before
            .into_iter()
            .flatten()
            .map(within)
            .chain(self.cached(name))
            .chain(self.last.iter().map(within))
            .find_map(&mut fits)
    }

    /// The paths of glibc's cache for a name: its texts are parted by zeros.
    fn cached<'b>(&'b self, name: &'b [u8]) -> impl Iterator<Item = Vec<u8>> + 'b {
        self.cache
            .split(|byte| *byte == 0)
            .filter(move |text| {
                text.starts_with(b"/")
                    && text
                        .strip_suffix(name)
                        .is_some_and(|rest| rest.ends_with(b"/"))
            })
            .map(<[u8]>::to_vec)
            .filter(|path| Executable::at(self.root, path).is_ok())
    }
}

/// A file that is there and no longer than this.
fn whole(root: &InRoot, path: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = root.read(path, limit, &mut bytes).ok()?;
    (read == Truncation::Whole).then_some(bytes)
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// The directories of a list in an image at `path`.
fn run_paths(path: &[u8], lists: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let origin = path.iter().rposition(|byte| *byte == b'/');
    let origin = origin.and_then(|end| path.get(..end)).unwrap_or_default();
    let of_one = |paths: &Vec<u8>| {
        let paths = replaced(paths, b"${ORIGIN}", origin);
        parted(&replaced(&paths, b"$ORIGIN", origin))
    };
    lists.iter().flat_map(of_one).take(DIRECTORIES).collect()
}

/// The text with another one in place of a word.
fn replaced(text: &[u8], word: &[u8], by: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, word) {
        let (before, after) = rest.split_at(at);
        made.extend_from_slice(before);
        made.extend_from_slice(by);
        rest = after.get(word.len()..).unwrap_or_default();
    }
    made.extend_from_slice(rest);
    made
}

fn parted(paths: &[u8]) -> Vec<Vec<u8>> {
    paths
        .split(|byte| matches!(byte, b':' | b';'))
        .filter(|path| !path.is_empty())
        .take(DIRECTORIES)
        .map(<[u8]>::to_vec)
        .collect()
}

fn list(paths: &[&str]) -> Vec<Vec<u8>> {
    paths.iter().map(|path| path.as_bytes().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_program_that_starts_lacks_nothing() {
        let root = InRoot::at(Path::new("/")).unwrap();
        for program in ["/bin/sh", "/usr/bin/openssl", "/usr/bin/env"] {
            assert_eq!(missing(&root, program.as_bytes(), b""), None, "{program}");
        }
    }

    #[test]
    fn a_path_may_begin_where_the_program_is() {
        let lists = [b"$ORIGIN/../lib:/opt/lib".to_vec(), b"${ORIGIN}".to_vec()];
        let paths = run_paths(b"/app/bin/server", &lists);
        assert_eq!(paths, list(&["/app/bin/../lib", "/opt/lib", "/app/bin"]));
    }
}
