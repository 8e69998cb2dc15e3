//! A tree with everything that a file may be and may be called.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::support::fake_root::FakeRoot;

pub(super) struct Tree(FakeRoot);

impl Tree {
    pub(super) fn with_every_name() -> Self {
        let root = FakeRoot::new();
        root.write("names/plain", "plain");
        let names = root.path("names");
        for byte in 1..=u8::MAX {
            if byte != b'/' && byte != b'.' {
                let name = [b"x", &[byte][..], b"y"].concat();
                fs::write(names.join(OsStr::from_bytes(&name)), [byte]).unwrap();
            }
        }
        // As long as a name may be, and a path that no field of a header holds.
        let long = "n".repeat(255);
        root.write(&format!("long/{long}"), "long");
        let deep = ["d".repeat(120), "e".repeat(120), "f".repeat(120)].join("/");
        root.write(&format!("long/{deep}/file"), "deep");
        for length in 98..=103 {
            root.write(&format!("length/{}", "l".repeat(length)), "x");
        }
        symlink("../names/plain", root.path("long/link")).unwrap();
        symlink("t".repeat(300), root.path("long/far")).unwrap();
        symlink("/etc/passwd", root.path("long/absolute")).unwrap();
        fs::hard_link(root.path("names/plain"), root.path("again")).unwrap();
        fs::hard_link(root.path("names/plain"), root.path("long/once-more")).unwrap();
        fs::create_dir(root.path("empty")).unwrap();
        root.write("empty-file", "");
        root.mode("empty", 0o1750);
        root.write("mode", "mode");
        root.mode("mode", 0o6711);
        for size in [511, 512, 513, 300_000] {
            root.write(&format!("sizes/{size}"), vec![b'\n'; size]);
        }
        // 8 MiB, of which 8 KiB and a byte are no hole.
        let sparse = File::create(root.path("sparse.gz")).unwrap();
        sparse
            .write_all_at(b"\x1f\x8b\x08\0\0\0\0\0\0\x03", 0)
            .unwrap();
        sparse.write_all_at(&[7; 4096], 3 << 20).unwrap();
        sparse.set_len(8 << 20).unwrap();
        // Extended attributes, where the file system has them.
        let _ = rustix::fs::setxattr(
            root.path("mode"),
            "user.spyhole",
            b"a\0b\n=",
            rustix::fs::XattrFlags::empty(),
        );
        nix::unistd::mkfifo(&root.path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for (name, time) in [
            (
                "sizes/511",
                UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789),
            ),
            ("sizes/512", UNIX_EPOCH - Duration::from_secs(5)),
            ("sizes/513", UNIX_EPOCH + Duration::from_secs(1 << 33)),
        ] {
            let file = File::open(root.path(name)).unwrap();
            file.set_times(FileTimes::new().set_modified(time)).unwrap();
        }
        fs::set_permissions(root.path("sizes"), Permissions::from_mode(0o755)).unwrap();
        Self(root)
    }

    pub(super) fn top(&self) -> &Path {
        self.0.top()
    }
}

/// What is to be the same in a copy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    mode: u32,
    modified: (i64, i64),
    content: Vec<u8>,
    link: PathBuf,
    /// The first of its names, in their order.
    same_as: PathBuf,
    attribute: Option<Vec<u8>>,
    /// Whether less is allocated than it is long.
    is_sparse: bool,
}

/// A tree by its names.
pub(super) fn seen(top: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut all = BTreeMap::new();
    let mut inodes = BTreeMap::new();
    look(top, Path::new(""), &mut all, &mut inodes);
    all
}

fn look(
    top: &Path,
    below: &Path,
    all: &mut BTreeMap<PathBuf, Seen>,
    inodes: &mut BTreeMap<u64, PathBuf>,
) {
    let entries = fs::read_dir(top.join(below)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    for name in names {
        let below = below.join(name);
        let path = top.join(&below);
        let found = fs::symlink_metadata(&path).unwrap();
        let is_dir = found.is_dir();
        let same_as = inodes.entry(found.ino()).or_insert_with(|| below.clone());
        let mut value = [0; 64];
        let attribute = rustix::fs::lgetxattr(&path, "user.spyhole", &mut value);
        all.insert(
            below.clone(),
            Seen {
                mode: found.mode(),
                // That of a link is not kept by every tar, that of the top is not looked at.
                modified: if found.is_symlink() || is_dir {
                    (0, 0)
                } else {
                    (found.mtime(), found.mtime_nsec())
                },
                content: if found.is_file() {
                    fs::read(&path).unwrap()
                } else {
                    Vec::new()
                },
                link: if found.is_symlink() {
                    fs::read_link(&path).unwrap()
                } else {
                    PathBuf::new()
                },
                same_as: same_as.clone(),
                attribute: attribute.ok().map(|length| value[..length].to_vec()),
                is_sparse: found.is_file() && found.blocks() * 512 + (1 << 20) < found.len(),
            },
        );
        if is_dir {
            look(top, &below, all, inodes);
        }
    }
}

impl Seen {
    pub(super) fn content(&self) -> (&[u8], &Path, &Path, (i64, i64), bool) {
        let Self {
            content,
            link,
            same_as,
            modified,
            is_sparse,
            ..
        } = self;
        (content, link, same_as, *modified, *is_sparse)
    }

    pub(super) fn mode(&self) -> u32 {
        self.mode
    }
}
