//! Looks for files with the names of certificates, from the places that were found. Runs in a
//! time box: a file system that does not answer costs its own place only.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;

use crate::model::certificate::FoundBy;
use crate::parse::certificate_paths;
use crate::sys::opened_file::{FileKind, OpenedFile};
use crate::sys::{InRoot, Truncation};

/// Where to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    /// A file, or a directory.
    pub(super) path: Vec<u8>,
    pub(super) found_by: FoundBy,
    /// How many levels of a directory are looked at; 0: only a file is meant.
    pub(super) depth: usize,
    pub(super) take: Take,
    /// Whether a missing file is reported.
    pub(super) expected: bool,
}

impl Start {
    /// Whether its directories are meant too, or a glance at its files is all.
    fn looks_below(&self) -> bool {
        self.depth > 1 || self.take == Take::Everything
    }
}

/// What is taken in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// Files with usual names.
    UsualNames,
    /// The same, and of its directories only those whose names tell.
    TellingDirectories,
    /// Every file.
    Everything,
}

/// What came of one start.
#[derive(Debug, Default)]
pub(super) struct Searched {
    /// The start itself leads to a file.
    pub(super) is_file: bool,
    pub(super) is_missing: bool,
    /// Files to be read.
    pub(super) files: Vec<Vec<u8>>,
    /// Those of them that are links, as far as their directory tells.
    pub(super) links: HashSet<Vec<u8>>,
    /// What could not be looked at.
    pub(super) refused: Vec<(Vec<u8>, Errno)>,
    /// Directories that were not looked at, or not to their end.
    pub(super) cut: Vec<(Vec<u8>, Bound)>,
}

/// What cut a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Depth,
    Entries,
}

/// What all starts share.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) root: InRoot,
    /// Mount points of kernel file systems, which hold no certificates.
    pub(super) kernel: HashSet<Vec<u8>>,
    /// Directories that another start looks at as deep, for the same reason.
    pub(super) covered: HashSet<Vec<u8>>,
    /// Entries of one directory that are looked at.
    pub(super) entries_each: usize,
    /// Entries of all directories that may still be looked at.
    pub(super) entries_left: AtomicUsize,
}

/// Directories that wait to be looked at, in one start.
const WAITING: usize = 10_000;

impl Search {
    /// Follows one start.
    pub(super) fn follow(&self, start: &Start) -> Searched {
        let mut searched = Searched::default();
        let found = match OpenedFile::at(&self.root, &start.path) {
            Ok(found) => found,
            Err(Errno::ENOENT | Errno::ENOTDIR) => {
                searched.is_missing = true;
                return searched;
            }
            Err(errno) => {
                searched.refused.push((start.path.clone(), errno));
                return searched;
            }
        };
        match found.kind() {
            FileKind::Directory if start.depth > 0 => self.descend(start, found, &mut searched),
            FileKind::Directory => {}
            FileKind::File => {
                searched.is_file = true;
                searched.files.push(start.path.clone());
            }
            _ => searched.refused.push((start.path.clone(), Errno::EINVAL)),
        }
        searched
    }

    fn descend(&self, start: &Start, top: OpenedFile, searched: &mut Searched) {
        let mut met = HashSet::from([top.identity()]);
        drop(top);
        let mut waiting = vec![(start.path.clone(), start.depth)];
        while let Some((path, depth)) = waiting.pop() {
            // Only one directory is held at a time, however many wait.
            let found = match OpenedFile::at(&self.root, &path) {
                Ok(found) => found,
                Err(Errno::ENOENT | Errno::ENOTDIR) => continue,
                Err(errno) => {
                    searched.refused.push((path, errno));
                    continue;
                }
            };
            let mut below = Vec::new();
            let limit = self.take_entries(usize::MAX).min(self.entries_each);
            let mut count = 0;
            let cut = found.list(limit, |name, kind| {
                count += 1;
                // `..data` and its revisions: the links beside them lead there.
                if !name.starts_with(b"..") {
                    self.entry(start, &path, name, kind, searched, &mut below);
                }
            });
            self.take_entries(count);
            match cut {
                Ok(Truncation::Whole) => {}
                Ok(Truncation::AtLimit) => searched.cut.push((path.clone(), Bound::Entries)),
                Err(errno) => searched.refused.push((path.clone(), errno)),
            }
            below.sort_unstable_by(|a, b| b.cmp(a));
            for path in below {
                let Ok(found) = OpenedFile::at(&self.root, &path) else {
                    continue;
                };
                if found.kind() != FileKind::Directory || !met.insert(found.identity()) {
                    continue;
                }
                if depth <= 1 {
                    searched.cut.push((path, Bound::Depth));
                } else if waiting.len() < WAITING {
                    waiting.push((path, depth - 1));
                } else {
                    searched.cut.push((path, Bound::Entries));
                }
            }
        }
    }

    /// Sorts one entry of a directory into files and what may be a directory.
    fn entry(
        &self,
        start: &Start,
        directory: &[u8],
        name: &[u8],
        kind: FileKind,
        searched: &mut Searched,
        below: &mut Vec<Vec<u8>>,
    ) {
        let path = joined(directory, name);
        let wanted = start.take == Take::Everything || certificate_paths::is_usual(name);
        let kind = match kind {
            FileKind::Unknown => {
                OpenedFile::at(&self.root, &path).map_or(FileKind::Special, |it| it.kind())
            }
            known => known,
        };
        let telling = start.take != Take::TellingDirectories
            || directory != start.path
            || certificate_paths::is_telling(name);
        match kind {
            FileKind::File if wanted => searched.files.push(path),
            // Where it leads shows when it is read; one without a usual name may lead to
            // a directory.
            FileKind::Link if wanted && certificate_paths::is_usual(name) => {
                searched.links.insert(path.clone());
                searched.files.push(path);
            }
            // As `openssl rehash` names links to files that have names beside them.
            FileKind::Link if !wanted && certificate_paths::is_hash_name(name) => {}
            FileKind::Link if start.looks_below() || wanted => {
                match OpenedFile::at(&self.root, &path) {
                    Ok(found) if found.kind() == FileKind::File && wanted => {
                        searched.files.push(path);
                    }
                    Ok(found)
                        if found.kind() == FileKind::Directory
                            && telling
                            && start.looks_below() =>
                    {
                        below.push(path);
                    }
                    _ => {}
                }
            }
            FileKind::Directory
                if telling
                    && start.looks_below()
                    && !self.kernel.contains(&path)
                    && !self.is_covered(start, &path) =>
            {
                below.push(path);
            }
            _ => {}
        }
    }

    /// Whether another start looks at this directory.
    fn is_covered(&self, start: &Start, directory: &[u8]) -> bool {
        start.take == Take::TellingDirectories && self.covered.contains(directory)
    }

    /// Takes some of the entries that are left, and says how many are.
    fn take_entries(&self, count: usize) -> usize {
        if count == usize::MAX {
            return self.entries_left.load(Ordering::Relaxed);
        }
        let take = |left: usize| Some(left.saturating_sub(count));
        let taken = self
            .entries_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.unwrap_or_default()
    }
}

/// A name in a directory.
pub(super) fn joined(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = directory.to_vec();
    if !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nix::fcntl::{AT_FDCWD, OFlag, open};
    use nix::sys::stat::Mode;
    use nix::unistd::{mkdir, symlinkat};

    use super::*;

    fn file(path: impl AsRef<Path>) {
        let flags = OFlag::O_CREAT | OFlag::O_WRONLY;
        open(path.as_ref(), flags, Mode::S_IRUSR).unwrap();
    }

    fn directory(path: impl AsRef<Path>) {
        mkdir(path.as_ref(), Mode::S_IRWXU).unwrap();
    }

    fn link(goal: &str, path: impl AsRef<Path>) {
        symlinkat(goal, AT_FDCWD, path.as_ref()).unwrap();
    }

    fn search(house: &Path) -> Search {
        Search {
            root: InRoot::at(house).unwrap(),
            kernel: HashSet::from([b"/certs/proc".to_vec()]),
            covered: HashSet::new(),
            entries_each: 100,
            entries_left: AtomicUsize::new(1000),
        }
    }

    fn start(path: &str, depth: usize) -> Start {
        Start {
            path: path.into(),
            found_by: FoundBy::UsualPlace,
            depth,
            take: Take::UsualNames,
            expected: false,
        }
    }

    fn names(paths: &[Vec<u8>]) -> Vec<&str> {
        let mut names: Vec<&str> = paths
            .iter()
            .map(|path| std::str::from_utf8(path).unwrap())
            .collect();
        names.sort_unstable();
        names
    }

    fn house() -> tempfile::TempDir {
        let house = tempfile::tempdir().unwrap();
        let at = |path: &str| house.path().join(path);
        for name in [
            "certs",
            "certs/a",
            "certs/a/b",
            "certs/..2026",
            "certs/proc",
            "else",
        ] {
            directory(at(name));
        }
        for name in [
            "certs/x.pem",
            "certs/x.txt",
            "certs/a/b/y.key",
            "certs/..2026/tls.crt",
        ] {
            file(at(name));
        }
        file(at("certs/proc/z.pem"));
        file(at("else/linked.pem"));
        link("..2026/tls.crt", at("certs/tls.crt"));
        link("/else", at("certs/far"));
        link("/certs", at("certs/a/round"));
        link("nowhere.pem", at("certs/nowhere.pem"));
        house
    }

    #[test]
    fn usual_names_are_found_through_links_and_loops_end() {
        let house = house();
        let searched = search(house.path()).follow(&start("/certs", 4));
        assert_eq!(
            names(&searched.files),
            [
                "/certs/a/b/y.key",
                "/certs/far/linked.pem",
                "/certs/nowhere.pem",
                "/certs/tls.crt",
                "/certs/x.pem",
            ]
        );
        assert!(
            searched.cut.is_empty() && searched.refused.is_empty(),
            "{searched:?}"
        );
    }

    #[test]
    fn what_lies_deeper_is_told_unless_only_a_glance_was_meant() {
        let house = house();
        let searched = search(house.path()).follow(&start("/certs", 2));
        assert_eq!(searched.cut, [(b"/certs/a/b".to_vec(), Bound::Depth)]);
        let glance = search(house.path()).follow(&start("/certs", 1));
        assert!(glance.cut.is_empty());
        assert_eq!(
            names(&glance.files),
            ["/certs/nowhere.pem", "/certs/tls.crt", "/certs/x.pem"]
        );
    }

    #[test]
    fn a_crowd_is_cut_and_told() {
        let house = tempfile::tempdir().unwrap();
        for number in 0..300 {
            file(house.path().join(format!("{number}.pem")));
        }
        let searched = search(house.path()).follow(&start("/", 4));
        assert_eq!(searched.files.len(), 100);
        assert_eq!(searched.cut, [(b"/".to_vec(), Bound::Entries)]);
    }

    #[test]
    fn only_telling_directories_of_etc() {
        let house = tempfile::tempdir().unwrap();
        for name in ["my-tls", "other"] {
            directory(house.path().join(name));
            file(house.path().join(name).join("x.pem"));
        }
        let start = Start {
            take: Take::TellingDirectories,
            ..start("/", 3)
        };
        let searched = search(house.path()).follow(&start);
        assert_eq!(names(&searched.files), ["/my-tls/x.pem"]);
    }

    #[test]
    fn everything_is_taken_where_it_was_named() {
        let house = house();
        let start = Start {
            take: Take::Everything,
            ..start("/certs", 1)
        };
        let searched = search(house.path()).follow(&start);
        assert!(names(&searched.files).contains(&"/certs/x.txt"));
    }

    #[test]
    fn what_is_not_there_is_missing() {
        let house = house();
        assert!(search(house.path()).follow(&start("/none/x", 0)).is_missing);
        let file = search(house.path()).follow(&start("/certs/x.pem", 0));
        assert!(file.is_file && file.files.len() == 1);
    }
}
