//! The commands on the target's files, compared with GNU's tools on the same tree.

mod callers;
mod follow;
mod gnu;
mod never;
mod secrets;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::host::{run, spyhole};
use crate::lab::Output;
use crate::support::fake_root::FakeRoot;
use crate::support::idle::Idle;

/// A tree that a process of this machine sees.
pub(crate) struct Tree {
    pub(crate) root: FakeRoot,
    target: Idle,
}

impl Tree {
    /// Files, directories, links, a FIFO, a socket and names with every byte.
    pub(crate) fn new() -> Self {
        let root = FakeRoot::new();
        root.write(
            "etc/app.conf",
            "listen 8080\nname web\n# Listen on all\nlisten 9090\n",
        );
        root.write("etc/empty", "");
        root.write("etc/no-end", "first\nlast without its end");
        root.write("etc/sub/deep/app.conf", "listen 1\n");
        root.write("etc/.hidden", "listen hidden\n");
        root.write("log/app.log", numbered(3000));
        root.write(
            "bin/data",
            [&b"\x7fELF\x02\0\0\0listen\n"[..], &[0_u8; 5000]].concat(),
        );
        root.write(
            "etc/words",
            "foo bar\nfoobar\nbar-foo\nfoo_bar\n\n  tab\there\nFOO\n",
        );
        fs::hard_link(root.path("etc/app.conf"), root.path("etc/hard")).unwrap();
        symlink("app.conf", root.path("etc/link")).unwrap();
        symlink("..", root.path("etc/sub/loop")).unwrap();
        symlink("nowhere", root.path("etc/dangling")).unwrap();
        nix::unistd::mkfifo(&root.path("etc/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        drop(std::os::unix::net::UnixListener::bind(root.path("etc/socket")).unwrap());
        root.mode("etc/words", 0o4751);
        fs::create_dir(root.path("etc/void")).unwrap();
        Self {
            root,
            target: Idle::sleep(),
        }
    }

    /// A directory with a file for each byte that a name may have.
    pub(crate) fn with_every_byte(&self) -> String {
        fs::create_dir(self.root.path("names")).unwrap();
        let bytes = (1..=255_u8).filter(|byte| *byte != b'/');
        for byte in bytes {
            let name = [b"x", &[byte][..], b"y"].concat();
            let path = self.root.path("names").join(OsStr::from_bytes(&name));
            fs::write(path, "x").unwrap();
        }
        self.path("names")
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.root.path(name).to_str().unwrap().to_owned()
    }

    /// spyhole with the words of a tool, `@` standing for the tree.
    pub(crate) fn spyhole(&self, line: &str) -> Output {
        let pid = self.target.id().to_string();
        let words = self.words(line);
        spyhole(["--pid".to_owned(), pid].into_iter().chain(words))
    }

    /// The tool itself, in the C locale and in UTC.
    pub(crate) fn tool(&self, line: &str) -> Output {
        let words = self.words(line);
        let (tool, words) = words.split_first().unwrap();
        run(Command::new(tool)
            .args(words)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env_remove("GREP_COLORS"))
    }

    fn words(&self, line: &str) -> Vec<String> {
        let top = self.root.top().to_str().unwrap();
        line.split(' ')
            .map(|word| word.replace('@', top).replace('~', " "))
            .collect()
    }
}

/// Lines with their numbers.
pub(crate) fn numbered(lines: u32) -> String {
    let lines: Vec<String> = (1..=lines)
        .map(|number| format!("line {number}\n"))
        .collect();
    lines.concat()
}

/// The lines of an output, sorted: tools list directories in the order that the file system has.
pub(crate) fn sorted(output: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = output.split(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines
}
