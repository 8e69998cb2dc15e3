//! Token files: how they are named, refused, and replaced while the server runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::server::Server;
use crate::host::{run, spyhole};
use crate::patience::eventually;

/// A directory as the kubelet mounts a Secret: files are links through `..data`.
pub(super) struct Volume {
    dir: TempDir,
    generation: u32,
}

impl Volume {
    pub(super) fn new(files: &[(&str, &[u8])]) -> Self {
        let mut volume = Self {
            dir: TempDir::new().unwrap(),
            generation: 0,
        };
        volume.replace(files);
        for (name, _) in files {
            symlink(Path::new("..data").join(name), volume.path(name)).unwrap();
        }
        volume
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// All files at once, by one rename.
    pub(super) fn replace(&mut self, files: &[(&str, &[u8])]) {
        self.generation += 1;
        let name = format!("..2026_{}", self.generation);
        let dir = self.dir.path().join(&name);
        fs::create_dir(&dir).unwrap();
        for (name, contents) in files {
            fs::write(dir.join(name), contents).unwrap();
        }
        let link = self.dir.path().join("..data_tmp");
        symlink(&name, &link).unwrap();
        fs::rename(&link, self.dir.path().join("..data")).unwrap();
    }
}

const OLD: &str = "the-old-token-0123456789";
const NEW: &str = "the-new-token-0123456789";

fn status(server: &Server, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    server.ask("/", &[("Authorization", &bearer)]).status
}

/// Waits until a token is let in.
fn until_accepted(server: &Server, token: &str) {
    eventually("the token is let in", || {
        let status = status(server, token);
        (status == 200).then_some(()).ok_or_else(|| server.said())
    });
}

#[test]
fn a_token_that_is_replaced_counts_from_then_on() {
    let mut volume = Volume::new(&[("token", OLD.as_bytes())]);
    let path = volume.path("token");
    let server = Server::start(&["--token-file", path.to_str().unwrap()]);
    assert!(!server.said().contains("token for this run"));
    assert_eq!(status(&server, OLD), 200);
    assert_eq!(status(&server, NEW), 401);

    volume.replace(&[("token", format!("{NEW}\n").as_bytes())]);
    until_accepted(&server, NEW);
    assert_eq!(status(&server, OLD), 401);

    volume.replace(&[("token", b"short")]);
    let line = server.wait_asking("the previous token stays in use", || {
        assert_eq!(status(&server, "short"), 401);
    });
    assert!(line.contains("at least 16"), "{line}");
    assert_eq!(status(&server, NEW), 200);

    volume.replace(&[]);
    server.wait_asking("the file no longer exists", || {
        assert_eq!(status(&server, NEW), 200);
    });
    for secret in [OLD, NEW] {
        assert!(!server.said().contains(secret), "{}", server.said());
    }

    volume.replace(&[("token", OLD.as_bytes())]);
    until_accepted(&server, OLD);
    assert_eq!(status(&server, NEW), 401);
    server.ends_well();
}

#[test]
fn a_pipe_in_the_place_of_the_token_holds_nobody() {
    let volume = Volume::new(&[("token", OLD.as_bytes())]);
    let path = volume.path("token");
    let server = Server::start(&["--token-file", path.to_str().unwrap()]);
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    thread::sleep(Duration::from_millis(600));
    assert_eq!(status(&server, OLD), 200);
    server.answers();
    server.ends_well();
}

#[test]
fn the_environment_names_the_file_too() {
    let volume = Volume::new(&[("token", OLD.as_bytes())]);
    let server = Server::run(
        Command::new(crate::lab::spyhole())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("SPYHOLE_TOKEN_FILE", volume.path("token")),
    );
    assert_eq!(status(&server, OLD), 200);
    assert_eq!(status(&server, NEW), 401);
    server.ends_well();
}

#[test]
fn a_token_that_can_be_guessed_is_refused_at_the_start() {
    for (contents, words) in [
        ("fifteen-letters", "at least 16"),
        ("", "at least 16"),
        ("two words are no token", "without spaces"),
        (
            "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}",
            "printable",
        ),
    ] {
        let volume = Volume::new(&[("token", contents.as_bytes())]);
        let path = volume.path("token");
        let path = path.to_str().unwrap();
        let said = spyhole(["serve", "--listen", "127.0.0.1:0", "--token-file", path]);
        let said = said.ended_with(2).stderr_text();
        assert!(
            said.contains(words) && said.contains("--token-file"),
            "{said}"
        );
        assert!(contents.is_empty() || !said.contains(contents), "{said}");
    }
    let said = spyhole([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--token-file",
        "/nowhere",
    ]);
    let said = said.ended_with(2).stderr_text();
    assert!(said.contains("/nowhere: No such file"), "{said}");
    let mut empty = Command::new(crate::lab::spyhole());
    let empty = empty.args(["serve", "--listen", "127.0.0.1:0"]);
    run(empty.env("SPYHOLE_TOKEN_FILE", "")).ended_with(2);
}

#[test]
fn an_open_listener_without_a_guard_is_refused_at_the_start() {
    for listen in ["0.0.0.0:0", "[::]:0", "10.1.2.3:80"] {
        let said = spyhole(["serve", "--listen", listen]).ended_with(2);
        let said = said.stderr_text();
        assert!(
            said.contains("--token-file") && said.contains(listen),
            "{said}"
        );
        assert!(!said.contains("listening on"), "{said}");
    }
    let both = ["serve", "--listen", "127.0.0.1:0", "--listen", "0.0.0.0:0"];
    spyhole(both).ended_with(2);
    // Never from the command line, where everybody can read it.
    spyhole(["serve", "--token", OLD]).ended_with(2);
    let said = spyhole(["serve", "--listen", "127.0.0.1:0", "--reveal-all"]).ended_with(2);
    assert!(said.stderr_text().contains("--allow-reveal"), "{said}");
}

#[test]
fn no_guard_at_all_is_said_aloud() {
    let server = Server::start(&["--insecure-no-auth"]);
    let line = server.wait_for("--insecure-no-auth");
    assert!(
        line.contains("anyone who can reach this address can read everything"),
        "{line}"
    );
    assert!(!server.said().contains("token for this run"));
    assert_eq!(server.ask("/v1/containers", &[]).status, 200);
    // A page of another site is still kept out.
    assert_eq!(
        server.ask("/", &[("Sec-Fetch-Site", "cross-site")]).status,
        403
    );
    server.ends_well();
}
