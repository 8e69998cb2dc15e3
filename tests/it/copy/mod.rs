//! `tar` and `cp` beside GNU tar on the same tree.

mod cp;
mod engines;
mod http;
mod secrets;
mod tree;

use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::host::{run, spyhole};
use super::lab::{self, Output};
use super::support::fake_root::FakeRoot;
use super::support::idle::Idle;
use tree::{Tree, seen};

/// spyhole at the files of this machine, by way of an idle process of it.
struct Here(Idle);

impl Here {
    fn new() -> Self {
        Self(Idle::sleep())
    }

    fn spyhole(&self, words: &[&str]) -> Output {
        let pid = self.0.id().to_string();
        let (name, rest) = words.split_first().unwrap();
        spyhole([&[name, "--pid", &pid][..], rest].concat())
    }

    /// `tar -cf -` with these words.
    fn tar(&self, words: &[&str]) -> Output {
        self.spyhole(&[&["tar", "-c", "-f", "-"], words].concat())
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// GNU tar with an archive as the file that these words call `-`.
fn gnu_tar(archive: &[u8], words: &[&str]) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), archive).unwrap();
    let words = words.iter().map(|word| match *word {
        "-" => file.path().as_os_str(),
        word => word.as_ref(),
    });
    let mut command = Command::new("tar");
    run(command.args(words).env("TZ", "UTC0").env("LC_ALL", "C"))
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The lines of `tar -tv` without padding: how wide a column is depends on the lines before it.
fn listing_lines(output: &Output) -> Vec<String> {
    let unpad = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    lines(output).into_iter().map(unpad).collect()
}

#[test]
fn gnu_tar_finds_the_same_in_the_archive_as_in_its_own() {
    let tree = Tree::with_every_name();
    let top = text(tree.top());
    let ours = Here::new().tar(&[top]).ended_with(0);
    let theirs = run(Command::new("tar").args(["-cf", "-", "--format=posix", top])).ended_with(0);
    let listing = ["-tv", "-f", "-", "--full-time", "--numeric-owner"];
    let listed =
        |archive: &Output| listing_lines(&gnu_tar(&archive.stdout, &listing).ended_with(0));
    let (ours, theirs) = (listed(&ours), listed(&theirs));
    assert!(ours.len() > 250, "{ours:#?}");
    assert_eq!(ours, theirs);
}

#[test]
fn gnu_tar_extracts_the_tree_that_was_archived() {
    let tree = Tree::with_every_name();
    let out = FakeRoot::new();
    let words = ["--xattrs", "-S", "-C", text(tree.top()), "."];
    let archive = Here::new().tar(&words).ended_with(0);
    let into = ["-xp", "-f", "-", "--xattrs", "-C", text(out.top())];
    gnu_tar(&archive.stdout, &into).ended_with(0);
    assert_eq!(seen(out.top()), seen(tree.top()));
    // By GNU tar's own comparison, times and owners included.
    let compare = ["-d", "-f", "-", "-C", text(tree.top())];
    let compared = gnu_tar(&archive.stdout, &compare).ended_with(0);
    assert_eq!(compared.stdout_text(), "");
    // Holes are neither in the archive nor in what comes out of it.
    assert!(archive.stdout.len() < 6 << 20, "{}", archive.stdout.len());
}

#[test]
fn what_cannot_be_archived_is_named_and_the_archive_is_valid() {
    let root = FakeRoot::new();
    root.write("app/one", "1");
    root.write("app/two", "2");
    let missing = root.path("missing");
    let (app, missing) = (root.path("app"), text(&missing));
    let seen = Here::new().tar(&[missing, text(&app)]).ended_with(4);
    assert!(seen.stderr_text().contains(missing), "{seen}");
    assert!(seen.stderr_text().contains("not found"), "{seen}");
    assert_eq!(
        lines(&gnu_tar(&seen.stdout, &["-t", "-f", "-"]).ended_with(0)).len(),
        3
    );
    let nothing = Here::new().tar(&[missing]).ended_with(4);
    assert_eq!(nothing.stdout.len(), 10240);
    gnu_tar(&nothing.stdout, &["-t", "-f", "-"]).ended_with(0);
}

/// The start of a stream, then something that is done, then its rest.
fn stream_with(here: &Here, path: &Path, midst: impl FnOnce()) -> (Vec<u8>, std::process::Output) {
    let mut command = Command::new(lab::spyhole());
    let pid = here.0.id().to_string();
    command
        .args(["tar", "--pid", &pid, "-c", "-f", "-"])
        .arg(path);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut archive = vec![0; 512];
    stdout.read_exact(&mut archive).unwrap();
    midst();
    stdout.read_to_end(&mut archive).unwrap();
    drop(stdout);
    (archive, child.wait_with_output().unwrap())
}

#[test]
fn a_file_that_changes_meanwhile_has_its_first_size() {
    const SIZE: usize = 48 << 20;
    let here = Here::new();
    let root = FakeRoot::new();
    root.write("app/z", "last");
    let path = root.path("app/a.gz");
    for (now, says) in [(8 << 20, "was cut"), (SIZE as u64 + 7, "grew")] {
        let mut file = File::create(&path).unwrap();
        file.write_all(b"\x1f\x8b\x08\0\0\0\0\0\0\x03").unwrap();
        file.write_all(&vec![7; SIZE - 10]).unwrap();
        // Far more than is on its way anywhere: most of it is read after this.
        let (archive, ended) = stream_with(&here, &root.path("app"), || {
            file.set_len(now).unwrap();
            file.write_all_at(b"x", now - 1).unwrap();
        });
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(4), "{said}");
        assert!(said.contains(says), "{said}");
        let listed = gnu_tar(&archive, &["-tv", "-f", "-"])
            .ended_with(0)
            .stdout_text();
        assert!(listed.contains(&format!(" {SIZE} ")), "{listed}");
        assert!(listed.contains("app/z\n"), "{listed}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let root = FakeRoot::new();
    root.write(
        "big.gz",
        [
            &b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..],
            &[7_u8].repeat(8 << 20),
        ]
        .concat(),
    );
    let path = root.path("big.gz");
    let mut command = Command::new("sh");
    let here = Here::new();
    let pid = here.0.id().to_string();
    let line = "\"$0\" tar --pid \"$1\" -c -f - \"$2\" | head -c 1000; true";
    run(command
        .args(["-c", line])
        .arg(lab::spyhole())
        .args([&pid, text(&path)]))
    .ended_with(0);
}
