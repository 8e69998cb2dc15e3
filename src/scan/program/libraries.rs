//! Which libraries of a program are not there: the program that loads it says so itself and ends
//! with 127, which looks as if the program were not there.
//!
//! It looks where the loaders of glibc and musl look. A library that is opened later is not known.

use std::collections::HashSet;
use std::env::consts::ARCH;

use super::file;
use super::file::Content;
use crate::parse::elf::Image;
use crate::sys::executable::Executable;
use crate::sys::file_limits;
use crate::sys::{InRoot, Truncation};

/// Real programs need up to a few hundred.
const OBJECTS: usize = 512;
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
    let interpreter = image.interpreter.clone()?;
    let places = Places::of(root, program, &image, &interpreter, library_path);
    let (names, searched) = places.walk(program, *image);
    (!names.is_empty()).then_some(MissingLibraries {
        names,
        searched,
        with_cache: !places.cache.is_empty(),
    })
}

struct Places<'a> {
    root: &'a InRoot,
    musl: bool,
    /// Before the directories of the system.
    first: Vec<Vec<u8>>,
    last: Vec<Vec<u8>>,
    /// Names that glibc's cache holds and whose files are there are found by it.
    cache: Vec<u8>,
}

impl<'a> Places<'a> {
    fn of(
        root: &'a InRoot,
        program: &[u8],
        image: &Image,
        interpreter: &[u8],
        library_path: &[u8],
    ) -> Self {
        let musl = interpreter
            .rsplit(|byte| *byte == b'/')
            .next()
            .is_some_and(|name| name.starts_with(b"ld-musl-"));
        let mut first = run_paths(program, image);
        first.extend(parted(library_path));
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
            musl,
            first,
            last,
            cache,
        }
    }

    /// Everything that is needed, directly or by what is needed: what is missing, and where it
    /// was looked for.
    fn walk(&self, program: &[u8], image: Image) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let mut known = HashSet::new();
        let mut missing = Vec::new();
        let mut queue = vec![(program.to_vec(), image)];
        while let Some((path, image)) = queue.pop() {
            let own = run_paths(&path, &image);
            for name in image.needed {
                if known.len() >= OBJECTS || !known.insert(name.clone()) {
                    continue;
                }
                if self.musl && IN_MUSL.iter().any(|held| name.starts_with(held)) {
                    continue;
                }
                match self.find(&name, &own, image.bits, image.machine) {
                    Some((path, image)) => queue.push((path, *image)),
                    None => missing.push(name),
                }
            }
        }
        let looked = self.first.iter().chain(&self.last).cloned().collect();
        (missing, looked)
    }

    fn find(
        &self,
        name: &[u8],
        own: &[Vec<u8>],
        bits: u8,
        machine: u16,
    ) -> Option<(Vec<u8>, Box<Image>)> {
        let fits = |path: Vec<u8>| match file::content(self.root, &path) {
            Ok(Content::Elf(image)) if image.bits == bits && image.machine == machine => {
                Some((path, image))
            }
            _ => None,
        };
        if name.contains(&b'/') {
            return fits(name.to_vec());
        }
        let directories = own.iter().chain(&self.first).chain(&self.last);
        directories
            .map(|directory| [directory, &b"/"[..], name].concat())
            .chain(self.cached(name))
            .find_map(fits)
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

/// Where an image says that its libraries are.
fn run_paths(path: &[u8], image: &Image) -> Vec<Vec<u8>> {
    let origin = path.iter().rposition(|byte| *byte == b'/');
    let origin = origin.and_then(|end| path.get(..end)).unwrap_or_default();
    let origin = String::from_utf8_lossy(origin);
    let of_one = |paths: &Vec<u8>| {
        let text = String::from_utf8_lossy(paths);
        let text = text
            .replace("${ORIGIN}", &origin)
            .replace("$ORIGIN", &origin);
        parted(text.as_bytes())
    };
    image.run_paths.iter().flat_map(of_one).collect()
}

fn parted(paths: &[u8]) -> Vec<Vec<u8>> {
    paths
        .split(|byte| matches!(byte, b':' | b';'))
        .filter(|path| !path.is_empty())
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
        let image = Image {
            run_paths: vec![b"$ORIGIN/../lib:/opt/lib".to_vec(), b"${ORIGIN}".to_vec()],
            ..Image::default()
        };
        let paths = run_paths(b"/app/bin/server", &image);
        assert_eq!(paths, list(&["/app/bin/../lib", "/opt/lib", "/app/bin"]));
    }
}
