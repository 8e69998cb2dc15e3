//! `spyhole image`: the image that the program makes of itself.

mod load;
mod registry;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::host::{list, run};
use crate::image::program;
use crate::lab::Output;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `spyhole image` with these words.
fn image(words: &[&str], change: impl FnOnce(&mut Command)) -> Output {
    let mut command = Command::new(program());
    command.arg("image").args(words);
    for variable in ["SPYHOLE_IMAGE", "SOURCE_DATE_EPOCH"] {
        command.env_remove(variable);
    }
    change(&mut command);
    run(&mut command)
}

/// An archive that is saved once for all tests.
struct Saved {
    path: PathBuf,
    /// What was said then.
    said: String,
}

impl Saved {
    fn get() -> &'static Self {
        static SAVED: OnceLock<Saved> = OnceLock::new();
        SAVED.get_or_init(|| {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own-image.tar");
            let words = ["save", "--force", path.to_str().unwrap()];
            let said = image(&words, |_| {}).ended_with(0).stderr_text();
            Self { path, said }
        })
    }

    /// The ids of the image and of that for root.
    fn ids(&self) -> Vec<&str> {
        let lines = self.said.lines();
        lines
            .map(|line| line.rsplit_once("  ").unwrap().1)
            .collect()
    }

    /// The digests that the tags name, in the order of the index.
    fn digests(&self) -> Vec<String> {
        let index = json_of(&self.path, "index.json");
        let entries = list(&index, "manifests").iter();
        let digest = |entry: &Value| entry["digest"].as_str().unwrap().to_owned();
        entries.map(digest).collect()
    }

    fn sha256(&self) -> String {
        sha256(&self.path)
    }
}

fn sha256(path: &Path) -> String {
    let said = run(Command::new("sha256sum").arg(path)).ended_with(0);
    said.stdout_text()[..64].to_owned()
}

/// A file of an archive, as GNU tar reads it.
fn json_of(archive: &Path, name: &str) -> Value {
    let mut tar = Command::new("tar");
    run(tar.arg("-xOf").arg(archive).arg(name)).document()
}

#[test]
fn a_second_run_gives_the_same_bytes_and_replaces_nothing_unasked() {
    let saved = Saved::get();
    let house = TempDir::new().unwrap();
    let path = house.path().join("again.tar");
    let words = ["save", "-q", path.to_str().unwrap()];
    let again = image(&words, |_| {}).ended_with(0);
    assert_eq!(again.stderr_text() + &again.stdout_text(), "");
    assert_eq!(sha256(&path), saved.sha256());
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let link = house.path().join("link");
    symlink("nowhere", &link).unwrap();
    for taken in [&path, &link] {
        let refused = image(&["save", taken.to_str().unwrap()], |_| {}).ended_with(2);
        assert!(
            refused.stderr_text().contains("exists; --force"),
            "{refused}"
        );
    }
    let forced = ["save", "--force", link.to_str().unwrap()];
    let refused = image(&forced, |_| {}).ended_with(5);
    assert!(refused.stderr_text().contains("is a link"), "{refused}");
    assert_eq!(fs::read_dir(house.path()).unwrap().count(), 2);
}

/// The kernel kills it at a limit of the size of files, in the midst of writing.
#[test]
fn of_an_archive_that_is_not_written_to_its_end_nothing_is_left() {
    let house = TempDir::new().unwrap();
    for force in [&[][..], &["--force"]] {
        let mut limited = Command::new("prlimit");
        limited
            .args(["--fsize=1000000", "--core=0", "--"])
            .arg(program());
        limited.args(["image", "save"]).args(force);
        let killed = run(limited.arg(house.path().join("spyhole.tar")));
        assert_eq!(killed.code, None, "{killed}");
        assert_eq!(fs::read_dir(house.path()).unwrap().count(), 0);
    }
}

#[test]
fn each_blob_has_the_digest_of_its_name_and_both_lists_name_the_same() {
    let saved = Saved::get();
    let house = TempDir::new().unwrap();
    let mut tar = Command::new("tar");
    run(tar.arg("-xf").arg(&saved.path).arg("-C").arg(house.path())).ended_with(0);
    let mut blobs = 0;
    for entry in fs::read_dir(house.path().join("blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(sha256(&path), path.file_name().unwrap().to_str().unwrap());
        blobs += 1;
    }
    // Two configurations, two manifests, and the layer that they have in common.
    assert_eq!(blobs, 5);
    let listed = json_of(&saved.path, "manifest.json");
    let ids = listed.as_array().unwrap().iter().map(|one| {
        let config = one["Config"].as_str().unwrap();
        config.replace("blobs/sha256/", "sha256:")
    });
    assert_eq!(ids.collect::<Vec<_>>(), saved.ids());
    let index = json_of(&saved.path, "index.json");
    let tags: Vec<_> = list(&index, "manifests")
        .iter()
        .map(|entry| entry["annotations"]["org.opencontainers.image.ref.name"].clone())
        .collect();
    let of_root = format!("{VERSION}-root");
    assert_eq!(tags, ["latest", VERSION, "root", &of_root]);
    let name = &index["manifests"][1]["annotations"]["io.containerd.image.name"];
    assert_eq!(*name, format!("docker.io/library/spyhole:{VERSION}"));
}

#[test]
fn a_program_for_the_other_architecture_becomes_the_second_platform() {
    let (own, other, machine) = if cfg!(target_arch = "x86_64") {
        ("amd64", "arm64", 183)
    } else {
        ("arm64", "amd64", 62)
    };
    let house = TempDir::new().unwrap();
    let path = house.path().join("other");
    let mut bytes = fs::read(program()).unwrap();
    bytes[18] = machine;
    fs::write(&path, bytes).unwrap();
    let archive = house.path().join("both.tar");
    let words = [
        "save",
        "--also",
        path.to_str().unwrap(),
        archive.to_str().unwrap(),
    ];
    let both = image(&words, |_| {}).ended_with(0);
    // An engine of this machine knows it by the id that it has alone.
    assert_eq!(both.stderr_text(), Saved::get().said);
    let index = json_of(&archive, "index.json");
    let top = index["manifests"][0]["digest"].as_str().unwrap();
    let top = json_of(&archive, &format!("blobs/{}", top.replace(':', "/")));
    let platforms = list(&top, "manifests").iter();
    let mut platforms: Vec<_> = platforms
        .map(|one| &one["platform"]["architecture"])
        .collect();
    platforms.sort_by_key(ToString::to_string);
    assert_eq!(platforms, ["amd64", "arm64"]);
    let alone = &Saved::get().digests()[0];
    let entries = list(&top, "manifests").iter();
    let own = entries.filter(|one| one["platform"]["architecture"] == own);
    assert_eq!(
        own.map(|one| one["digest"].as_str().unwrap())
            .collect::<Vec<_>>(),
        [alone]
    );

    for (file, says) in [
        (
            program().to_str().unwrap(),
            format!("for {}", if other == "arm64" { "amd64" } else { "arm64" }),
        ),
        ("/bin/true", format!("not spyhole {VERSION}")),
        ("/etc/passwd", "not a program for".to_owned()),
        ("/nowhere", "cannot read /nowhere".to_owned()),
    ] {
        let refused = image(&["save", "--also", file, "-"], |_| {}).ended_with(2);
        assert!(refused.stderr_text().contains(&says), "{refused}");
        assert_eq!(refused.stdout_text(), "");
    }
}

#[test]
fn what_cannot_be_meant_so_is_said() {
    for (words, says) in [
        (&["save", "--tag", "A", "-"][..], "not an image name"),
        (&["push", "spyhole"], "names no registry"),
        (&["push", "r.example/x@sha256:0"], "no digest"),
        (&["push", "--no-connect", "r.example/x"], "--no-connect"),
        (&[], "requires a subcommand"),
        (&["load", "nowhere"], "invalid value"),
    ] {
        let refused = image(words, |_| {}).ended_with(2);
        assert!(refused.stderr_text().contains(says), "{refused}");
    }
    let no_time = image(&["save", "-"], |command| {
        command.env("SOURCE_DATE_EPOCH", "yesterday");
    });
    assert!(
        no_time
            .ended_with(2)
            .stderr_text()
            .contains("SOURCE_DATE_EPOCH")
    );
    let help = image(&["--help"], |_| {}).ended_with(0).stdout_text();
    assert!(
        help.lines().next().unwrap().contains("spyhole's own image"),
        "{help}"
    );
}

/// A terminal is given by `script`, which is a part of util-linux.
#[needs(script)]
fn an_archive_is_not_written_to_a_terminal() {
    let line = format!("{} image save -", program().display());
    let mut script = Command::new("script");
    let refused = run(script.args(["-qec", &line, "/dev/null"])).ended_with(2);
    assert!(
        refused.stdout_text().contains("not written to a terminal"),
        "{refused}"
    );
}
