//! Archives that an attacker would send.
#![allow(
    clippy::disallowed_methods,
    reason = "a test makes and reads its own files"
)]

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use ring::digest::{SHA256, digest};
use tempfile::TempDir;

use super::*;
use crate::model::escape::escaped;
use crate::parse::tar::{
    ArchiveError, BLOCK, DataRange, MemberKind, NewMember, encode_sha256, encode_sparse_map,
    padding,
};

/// An archive in the making.
#[derive(Default)]
struct Archive(Vec<u8>);

fn plain(kind: MemberKind, name: &[u8]) -> NewMember<'_> {
    NewMember {
        kind,
        name,
        link: b"",
        size_bytes: 0,
        sparse_size_bytes: None,
        mode: 0o755,
        uid: 0,
        gid: 0,
        user: b"root",
        group: b"root",
        modified_seconds: 1_600_000_000,
        modified_nanoseconds: 0,
        device: (1, 3),
        attributes: &[],
    }
}

impl Archive {
    fn member(mut self, member: &NewMember<'_>, content: &[u8]) -> Self {
        member.encode(&mut self.0);
        self.0.extend_from_slice(content);
        self.0
            .resize(self.0.len() + padding(content.len() as u64), 0);
        self
    }

    fn dir(self, name: &str) -> Self {
        self.member(&plain(MemberKind::Directory, name.as_bytes()), b"")
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.file_with(name, content, 0o644)
    }

    fn file_with(self, name: &str, content: &str, mode: u32) -> Self {
        let mut member = plain(MemberKind::File, name.as_bytes());
        member.size_bytes = content.len() as u64;
        member.mode = mode;
        let mut next = self.member(&member, content.as_bytes());
        encode_sha256(digest(&SHA256, content.as_bytes()).as_ref(), &mut next.0);
        next
    }

    fn link(self, kind: MemberKind, name: &str, goal: &str) -> Self {
        let mut member = plain(kind, name.as_bytes());
        member.link = goal.as_bytes();
        self.member(&member, b"")
    }

    fn node(self, kind: MemberKind, name: &str) -> Self {
        self.member(&plain(kind, name.as_bytes()), b"")
    }

    fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }
}

/// A temporary directory; the copy goes to `local` in it.
struct Here(TempDir);

impl Here {
    fn new() -> Self {
        let here = Self(tempfile::tempdir().unwrap());
        fs::create_dir(here.at("local")).unwrap();
        fs::write(here.at("kept"), "kept").unwrap();
        here
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Takes an archive of `/srv/app` into `local`.
    fn take(&self, archive: &[u8]) -> (Result<Copied, UnpackError>, Vec<String>) {
        self.take_within(
            archive,
            CopyLimits {
                bytes: 1 << 20,
                members: 1000,
            },
        )
    }

    fn take_within(
        &self,
        archive: impl Read,
        limits: CopyLimits,
    ) -> (Result<Copied, UnpackError>, Vec<String>) {
        let remote = RemotePath::of(b"/srv/app");
        let place = CopyPlace::of(&self.at("local"), &remote).unwrap();
        let mut said = Vec::new();
        let mut say = |what: LeftOut| said.push(what.to_string());
        let done = unpack(archive, &remote.parts(), &place, limits, &mut say);
        // Whatever came: nothing beside `local` has changed, and nothing unfinished is left.
        assert_eq!(fs::read(self.at("kept")).unwrap(), b"kept");
        let mut beside: Vec<_> = names(self.0.path());
        beside.retain(|name| name != "out");
        assert_eq!(beside, ["kept", "local"]);
        assert_eq!(parts_left(&self.at("local")), 0);
        (done, said)
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn parts_left(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            if entry.file_type().unwrap().is_dir() {
                return parts_left(&entry.path());
            }
            usize::from(entry.file_name().to_string_lossy().ends_with(".part"))
        })
        .sum()
}

#[test]
fn a_tree_comes_whole_with_its_permissions_and_times() {
    let here = Here::new();
    let archive = Archive::default()
        .dir("srv/app")
        .dir("srv/app/conf")
        .file_with("srv/app/conf/a", "one", 0o640)
        .file_with("srv/app/suid", "two", 0o6755)
        .link(MemberKind::HardLink, "srv/app/again", "srv/app/conf/a")
        .link(MemberKind::SymbolicLink, "srv/app/conf/up", "../suid")
        .end();
    let (done, said) = here.take(&archive);
    let done = done.unwrap();
    assert_eq!((done.files, done.directories, done.links), (3, 2, 1));
    assert_eq!(said, [] as [String; 0]);
    let mode = |name: &str| {
        let found = fs::metadata(here.at("local/app").join(name)).unwrap();
        found.permissions().mode() & 0o7777
    };
    assert_eq!((mode("conf/a"), mode("suid")), (0o640, 0o755));
    let read = |name: &str| fs::read(here.at("local/app").join(name)).unwrap();
    assert_eq!(
        (read("conf/up"), read("again")),
        (b"two".to_vec(), b"one".to_vec())
    );
}

#[test]
fn a_name_that_leads_elsewhere_ends_the_copy() {
    for name in [
        "/kept",
        "../kept",
        "srv/app/../../../kept",
        "srv/app/..",
        "srv/other",
        "srv",
        "kept",
        "srv/app/\0",
    ] {
        for kind in [
            MemberKind::File,
            MemberKind::Directory,
            MemberKind::SymbolicLink,
        ] {
            let here = Here::new();
            let long = [name.as_bytes(), &b"/".repeat(200)].concat();
            for name in [name.as_bytes(), &long] {
                if name.starts_with(b"srv/app/\0") && name.len() < 100 {
                    // A header has no room for it.
                    continue;
                }
                let member = plain(kind, name);
                let archive = Archive::default().dir("srv/app").member(&member, b"").end();
                let (done, _) = here.take(&archive);
                let outside = matches!(done, Err(UnpackError::Outside(_)));
                assert!(outside, "{kind:?} {}: {done:?}", escaped(name));
            }
        }
    }
}

#[test]
fn a_link_leads_nowhere_else() {
    let here = Here::new();
    for (name, goal) in [
        ("srv/app/a", "/etc"),
        ("srv/app/b", "../kept"),
        ("srv/app/d/c", "../../kept"),
        ("srv/app/e", "d/../../kept"),
        ("srv/app/f", "x/.."),
        ("srv/app/g", ".."),
    ] {
        let archive = Archive::default()
            .dir("srv/app")
            .dir("srv/app/d")
            .link(MemberKind::SymbolicLink, name, goal)
            .file(&format!("{name}/kept"), "new")
            .end();
        let (done, said) = here.take(&archive);
        assert_eq!(said.len(), 1, "{name}: {said:?}");
        assert!(said[0].contains("outside the copy"), "{said:?}");
        // In the place of the link there is a directory.
        assert_eq!(done.unwrap().left_out, 1);
    }
}

#[test]
fn nothing_goes_through_a_link() {
    let here = Here::new();
    fs::create_dir(here.at("out")).unwrap();
    // Of the archive itself, and of the user.
    fs::create_dir(here.at("local/app")).unwrap();
    symlink(here.at("out"), here.at("local/app/users")).unwrap();
    symlink(here.at("kept"), here.at("local/app/file")).unwrap();
    let archive = Archive::default()
        .dir("srv/app")
        .dir("srv/app/real")
        .link(MemberKind::SymbolicLink, "srv/app/way", "real")
        .file("srv/app/way/x", "through")
        .file("srv/app/users/x", "through")
        .dir("srv/app/users/dir")
        .link(MemberKind::SymbolicLink, "srv/app/users/l", "x")
        .link(MemberKind::HardLink, "srv/app/users/h", "srv/app/real")
        .link(MemberKind::HardLink, "srv/app/h", "srv/app/users/x")
        .link(MemberKind::HardLink, "srv/app/h2", "srv/app/way")
        .file("srv/app/file", "in its place")
        .end();
    let (done, said) = here.take(&archive);
    assert_eq!(done.unwrap().left_out, 7, "{said:?}");
    assert_eq!(names(&here.at("out")), [] as [&str; 0]);
    assert_eq!(names(&here.at("local/app/real")), [] as [&str; 0]);
    assert_eq!(
        fs::read(here.at("local/app/file")).unwrap(),
        b"in its place"
    );
}

#[test]
fn a_hard_link_leads_to_nothing_else() {
    let here = Here::new();
    for goal in ["/etc/passwd", "../kept", "srv/app/../../kept", "srv/app"] {
        let archive = Archive::default()
            .dir("srv/app")
            .link(MemberKind::HardLink, "srv/app/h", goal)
            .end();
        let (done, _) = here.take(&archive);
        assert!(
            matches!(done, Err(UnpackError::Outside(_))),
            "{goal}: {done:?}"
        );
    }
}

#[test]
fn devices_and_fifos_are_left_out() {
    let here = Here::new();
    let mut archive = Archive::default().dir("srv/app");
    for (at, kind) in [
        MemberKind::CharacterDevice,
        MemberKind::BlockDevice,
        MemberKind::Fifo,
        MemberKind::Other(b'S'),
        MemberKind::Other(b'V'),
        MemberKind::Other(b'M'),
    ]
    .into_iter()
    .enumerate()
    {
        archive = archive.node(kind, &format!("srv/app/{at}"));
    }
    let (done, said) = here.take(&archive.file("srv/app/last", "x").end());
    assert_eq!(done.unwrap().left_out, 6);
    assert!(
        said[0].ends_with("a device") && said[2].ends_with("a FIFO"),
        "{said:?}"
    );
    assert_eq!(names(&here.at("local/app")), ["last"]);
}

#[test]
fn what_is_there_is_replaced_only_where_it_is_a_file() {
    let here = Here::new();
    fs::create_dir_all(here.at("local/app/dir")).unwrap();
    fs::write(here.at("local/app/old"), "old").unwrap();
    let fifo = here.at("local/app/fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let archive = Archive::default()
        .dir("srv/app")
        .file("srv/app/dir", "x")
        .file("srv/app/fifo", "x")
        .file("srv/app/old", "first")
        // Twice the same name: the last one counts.
        .file("srv/app/old", "second")
        .file("srv/app/old/below", "x")
        .end();
    let (done, said) = here.take(&archive);
    assert_eq!(done.unwrap().left_out, 3, "{said:?}");
    assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
    assert_eq!(fs::read(here.at("local/app/old")).unwrap(), b"second");
}

#[test]
fn an_archive_that_is_cut_or_damaged_leaves_no_part_of_a_file() {
    let whole = Archive::default()
        .dir("srv/app")
        .file("srv/app/one", &"1".repeat(700))
        .file("srv/app/two", &"2".repeat(700))
        .end();
    for length in (0..whole.len() - 1).step_by(200) {
        let here = Here::new();
        let (done, _) = here.take(&whole[..length]);
        assert!(
            matches!(done, Err(UnpackError::Archive(_))),
            "{length}: {done:?}"
        );
        for name in ["one", "two"] {
            if let Ok(content) = fs::read(here.at("local/app").join(name)) {
                assert_eq!(content.len(), 700, "{name} of {length}");
            }
        }
    }
    // One bit anywhere.
    for at in (0..whole.len() - 2 * BLOCK).step_by(97) {
        let here = Here::new();
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        let (_, _) = here.take(&damaged);
        for (name, byte) in [("one", b'1'), ("two", b'2')] {
            if let Ok(content) = fs::read(here.at("local/app").join(name)) {
                assert!(content == [byte; 700], "{name}, bit of byte {at}");
            }
        }
    }
}

#[test]
fn a_file_without_its_checksum_is_not_kept() {
    let here = Here::new();
    let mut member = plain(MemberKind::File, b"srv/app/x");
    member.size_bytes = 3;
    let archive = Archive::default().dir("srv/app").member(&member, b"abc");
    let (done, _) = here.take(&archive.end());
    assert!(matches!(done, Err(UnpackError::NoChecksum(_))), "{done:?}");
    let mut archive = Archive::default().dir("srv/app").member(&member, b"abc");
    encode_sha256(&[0; 32], &mut archive.0);
    let (done, _) = here.take(&archive.end());
    assert!(matches!(done, Err(UnpackError::Checksum(_))), "{done:?}");
    assert_eq!(names(&here.at("local/app")), [] as [&str; 0]);
}

/// Bytes that come without end.
struct Endless {
    block: Vec<u8>,
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = self.block[self.at % self.block.len()];
            self.at += 1;
        }
        Ok(buffer.len())
    }
}

#[test]
fn bombs_end_at_their_limits() {
    let here = Here::new();
    let limits = CopyLimits {
        bytes: 1 << 20,
        members: 50,
    };
    let start = Archive::default().dir("srv/app").0;
    // A file that says it is huge, sparse or not; by its header and by a record.
    for size in [2 << 20, 1 << 34, 1 << 50, u64::MAX] {
        for sparse in [false, true] {
            let mut member = plain(MemberKind::File, b"srv/app/x");
            let map = encode_sparse_map(&[]);
            member.size_bytes = if sparse { map.len() as u64 } else { size };
            member.sparse_size_bytes = sparse.then_some(size);
            let mut archive = start.clone();
            member.encode(&mut archive);
            archive.extend_from_slice(&map);
            let zeros = io::repeat(0);
            let (done, _) = here.take_within(archive.chain(zeros), limits);
            assert!(
                matches!(done, Err(UnpackError::TooManyBytes(_))),
                "{size}: {done:?}"
            );
        }
    }
    // Members without end.
    let mut block = Vec::new();
    plain(MemberKind::Directory, b"srv/app/again").encode(&mut block);
    let (done, _) = here.take_within((&start[..]).chain(Endless { block, at: 0 }), limits);
    assert!(
        matches!(done, Err(UnpackError::TooManyMembers(50))),
        "{done:?}"
    );
    // Headers that would be held in memory.
    for kind in [
        MemberKind::Extended,
        MemberKind::Global,
        MemberKind::LongName,
        MemberKind::LongLink,
    ] {
        let mut member = plain(kind, b"x");
        member.size_bytes = 1 << 32;
        let mut block = Vec::new();
        member.encode(&mut block);
        let (done, _) = here.take_within(block.chain(io::repeat(b'1')), limits);
        let too_long = matches!(
            done,
            Err(UnpackError::Archive(ArchiveError::HeaderTooLong { .. }))
        );
        assert!(too_long, "{kind:?}: {done:?}");
    }
    // Headers and checksums without end.
    for kind in [
        MemberKind::Extended,
        MemberKind::Global,
        MemberKind::LongName,
    ] {
        let mut block = Vec::new();
        plain(kind, b"x").encode(&mut block);
        let (done, _) = here.take_within(Endless { block, at: 0 }, limits);
        let endless = matches!(
            done,
            Err(UnpackError::Archive(ArchiveError::TooManyHeaders))
        );
        assert!(endless, "{kind:?}: {done:?}");
    }
    let mut block = Vec::new();
    encode_sha256(&[0; 32], &mut block);
    let (done, _) = here.take_within((&start[..]).chain(Endless { block, at: 0 }), limits);
    assert!(
        matches!(done, Err(UnpackError::TooManyMembers(50))),
        "{done:?}"
    );
    // What is left out is read past no further than the limit either.
    let mut member = plain(MemberKind::Other(b'V'), b"srv/app/v");
    member.size_bytes = 1 << 40;
    let mut archive = start.clone();
    member.encode(&mut archive);
    let (done, _) = here.take_within(archive.chain(io::repeat(0)), limits);
    assert!(
        matches!(done, Err(UnpackError::TooManyBytes(_))),
        "{done:?}"
    );
    // Zeros behind the end.
    let end = Archive::default().dir("srv/app").end();
    let (done, _) = here.take_within(end.chain(io::repeat(0)), limits);
    assert_eq!(done.unwrap().directories, 1);
    assert_eq!(names(&here.at("local/app")), ["again"]);
}

#[test]
fn names_as_deep_as_they_get_end_the_copy() {
    let here = Here::new();
    let deep = format!("srv/app/{}", "d/".repeat(300));
    let (done, _) = here.take(&Archive::default().dir("srv/app").dir(&deep).end());
    assert!(matches!(done, Err(UnpackError::Outside(_))), "{done:?}");
    let long = format!("srv/app/{}", "n".repeat(300));
    let (done, said) = here.take(&Archive::default().dir("srv/app").file(&long, "x").end());
    assert_eq!(done.unwrap().left_out, 1, "{said:?}");
}

fn sparse(ranges: &[DataRange], content: &[u8], length: u64) -> Vec<u8> {
    let mut stored = encode_sparse_map(ranges);
    stored.extend_from_slice(content);
    let mut member = plain(MemberKind::File, b"srv/app/s");
    member.size_bytes = stored.len() as u64;
    member.sparse_size_bytes = Some(length);
    let mut archive = Archive::default().dir("srv/app").member(&member, &stored);
    encode_sha256(digest(&SHA256, &stored).as_ref(), &mut archive.0);
    archive.end()
}

#[test]
fn a_sparse_file_has_its_holes_and_no_more_than_its_length() {
    let here = Here::new();
    let (done, _) = here.take(&sparse(&[(4, 2), (10, 1)], b"abc", 12));
    assert_eq!(done.unwrap().bytes, 12);
    assert_eq!(
        fs::read(here.at("local/app/s")).unwrap(),
        b"\0\0\0\0ab\0\0\0\0c\0"
    );
    for (ranges, content, length) in [
        (&[(4, 2), (10, 3)][..], &b"abcde"[..], 12),
        (&[(4, 9)], b"abc", 20),
        (&[(u64::MAX - 1, 1)], b"a", 20),
    ] {
        let (done, _) = here.take(&sparse(ranges, content, length));
        assert!(
            matches!(done, Err(UnpackError::Archive(_))),
            "{ranges:?}: {done:?}"
        );
    }
    assert_eq!(fs::read(here.at("local/app/s")).unwrap().len(), 12);
}

#[test]
fn a_file_goes_where_cp_would_put_it() {
    let here = Here::new();
    let remote = RemotePath::of(b"/etc/../etc/hosts");
    let archive = Archive::default().file("etc/hosts", "hosts").end();
    let limits = CopyLimits {
        bytes: 100,
        members: 10,
    };
    let take = |place: &CopyPlace| {
        unpack(&archive[..], &remote.parts(), place, limits, &mut |what| {
            panic!("{what}")
        })
    };
    let into = CopyPlace::of(&here.at("local"), &remote).unwrap();
    assert_eq!(take(&into).unwrap().files, 1);
    assert_eq!(fs::read(here.at("local/hosts")).unwrap(), b"hosts");
    let named = CopyPlace::of(&here.at("local/name"), &remote).unwrap();
    assert_eq!(take(&named).unwrap().files, 1);
    assert_eq!(fs::read(here.at("local/name")).unwrap(), b"hosts");
    let mut slash = here.at("local/new").into_os_string();
    slash.push("/");
    assert!(take(&CopyPlace::of(slash.as_ref(), &remote).unwrap()).is_err());
    fs::create_dir(here.at("local/hosts-dir")).unwrap();
    symlink("name", here.at("local/link")).unwrap();
    for refused in ["local/link", "none/name", "local/.."] {
        let place = CopyPlace::of(&here.at(refused), &remote);
        assert!(place.is_err() || refused == "local/..", "{refused}");
    }
    assert!(CopyPlace::of(Path::new("/dev/null"), &remote).is_err());
    let contents = RemotePath::of(b"/srv/app/.");
    let place = CopyPlace::of(&here.at("local"), &contents).unwrap();
    assert_eq!(place, CopyPlace::Contents(here.at("local")));
}

#[test]
fn any_bytes_are_unpacked_or_refused() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    let whole = Archive::default()
        .dir("srv/app")
        .file("srv/app/x", "content")
        .link(MemberKind::SymbolicLink, "srv/app/l", "x")
        .end();
    let mut runner = TestRunner::new(Config::with_cases(64));
    let changes = prop::collection::vec((0..whole.len(), any::<u8>()), 1..8);
    runner
        .run(&changes, |changes| {
            let mut damaged = whole.clone();
            for (at, byte) in changes {
                damaged[at] = byte;
            }
            let _ = Here::new().take(&damaged);
            Ok(())
        })
        .unwrap();
}
