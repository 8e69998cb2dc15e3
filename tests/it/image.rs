//! The image that `make image` builds, by Podman and Buildah on the storage of the tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

use crate::host::{list, run};
use crate::lab::{Output, spyhole};
use crate::podman::PodmanLab;

/// Not the name that other tests may give an image.
const NAME: &str = "localhost/spyhole-of-make-image";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const EPOCH: &str = "1700000000";

/// The program under test without what only a debugger reads, which is most of it.
pub(crate) fn program() -> &'static Path {
    static STRIPPED: OnceLock<PathBuf> = OnceLock::new();
    STRIPPED.get_or_init(|| {
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("spyhole-stripped");
        let mut strip = Command::new("objcopy");
        run(strip.arg("--strip-all").args([&spyhole(), &to])).ended_with(0);
        to
    })
}

/// `make image` with the program under test, which even so is larger than what is released.
fn build(name: &str, change: impl FnOnce(&mut Command)) -> Output {
    // Two builds at once of one content remove each other's stages.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    PodmanLab::get().script("image", |command| {
        command
            .env("IMAGE", name)
            .env("BINARY", program())
            .env("BUDGET", "200000000")
            .env("SOURCE_DATE_EPOCH", EPOCH)
            .env("ENGINE", "podman");
        change(command);
    })
}

/// Built once for all tests; what was said then.
fn built() -> &'static str {
    static SAID: OnceLock<String> = OnceLock::new();
    SAID.get_or_init(|| build(NAME, |_| {}).ended_with(0).stdout_text())
}

/// What `podman image inspect` says of a tag.
fn inspected(tag: &str) -> Value {
    built();
    let image = format!("{NAME}:{tag}");
    let said = PodmanLab::get()
        .must(&["image", "inspect", &image])
        .document();
    said[0].clone()
}

/// The identities at the ends of the lines that the script printed.
fn identities(said: &str) -> Vec<&str> {
    let ends = |line: &'_ str| line.rfind(' ').map_or(0, |at| at + 1);
    said.lines().map(|line| &line[ends(line)..]).collect()
}

#[needs(podman)]
fn the_image_says_what_it_is_and_runs_as_a_number() {
    for (tag, user) in [("latest", "65532:65532"), ("root", "0:0")] {
        let image = inspected(tag);
        let config = &image["Config"];
        assert_eq!(config["User"], user, "{image:#}");
        assert_eq!(config["WorkingDir"], "/");
        assert_eq!(config["Entrypoint"], serde_json::json!(["/spyhole"]));
        assert!(config["Cmd"].is_null(), "{config}");
        let environment = list(config, "Env");
        let own_name = format!("SPYHOLE_IMAGE={NAME}:{VERSION}");
        assert!(environment.contains(&own_name.into()), "{config}");
        let label = |name| &config["Labels"][format!("org.opencontainers.image.{name}")];
        assert_eq!(label("title"), "spyhole");
        assert_eq!(label("version"), VERSION);
        assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
        assert_eq!(label("created"), "2023-11-14T22:13:20Z");
        assert_eq!(image["Created"], "2023-11-14T22:13:20Z");
        assert_eq!(list(&image["RootFS"], "Layers").len(), 1, "{image:#}");
    }
    let of_version = |tag: &str| inspected(&format!("{VERSION}{tag}"))["Id"].clone();
    assert_eq!(of_version(""), inspected("latest")["Id"]);
    assert_eq!(of_version("-root"), inspected("root")["Id"]);
}

#[needs(podman)]
fn the_image_holds_the_program_its_link_tar_an_empty_tmp_and_nothing_else() {
    built();
    let podman = PodmanLab::get();
    let image = format!("{NAME}:latest");
    let mounted = podman.must(&["image", "mount", &image]).stdout_text();
    let root = Path::new(mounted.trim());
    let names = |directory: &Path| {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let mode = |file: &str| fs::metadata(root.join(file)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(names(root), ["bin", "spyhole", "tmp"]);
    assert_eq!(names(&root.join("tmp")), [""; 0]);
    assert_eq!(names(&root.join("bin")), ["tar"]);
    let leads_to = fs::read_link(root.join("bin/tar")).unwrap();
    assert_eq!(leads_to, Path::new("../spyhole"));
    assert_eq!(mode("bin"), 0o755);
    assert_eq!((mode("spyhole"), mode("tmp")), (0o555, 0o1777));
    assert!(fs::read(root.join("spyhole")).unwrap() == fs::read(program()).unwrap());
    podman.must(&["image", "unmount", &image]);
}

#[needs(podman)]
fn without_arguments_and_terminal_it_prints_one_document() {
    built();
    let podman = PodmanLab::get();
    let app = podman.webapp(&["--user", "1000:1000"], &[]);
    let beside = format!("container:{}", app.id);
    for (tag, uid) in [("latest", 65532), ("root", 0)] {
        let image = format!("{NAME}:{tag}");
        let shared = ["--pid", &beside, "--network", &beside, &image];
        let document = podman.podman(&[&["run", "--rm"], &shared[..]].concat());
        let document = document.document();
        assert_eq!(document["schema"], "spyhole/v1");
        assert_eq!(document["target"]["container_id"], app.id.as_str());
        // Alone it has itself to look at, and says by its exit code that this is no target.
        let alone = podman.podman(&["run", "--rm", &image]).ended_with(3);
        assert_eq!(alone.json()["target"]["uid"], uid, "{alone}");
    }
}

#[needs(podman)]
fn the_same_program_gives_the_same_image_by_either_builder() {
    let ours = identities(built());
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert!(ours.iter().all(|id| id.starts_with("sha256:")), "{ours:?}");
    assert_ne!(ours[0], ours[1]);
    // They are those that the program itself says.
    let mut save = Command::new(program());
    save.args(["image", "save", "--tag", NAME, "-"]);
    let saved = run(save.env("SOURCE_DATE_EPOCH", EPOCH)).ended_with(0);
    assert_eq!(identities(&saved.stderr_text()), ours);
    // Buildah knows no --tmpdir, and has the rest of the storage in common with Podman.
    let by_buildah = build(NAME, |command| {
        let flags = PodmanLab::get().storage_flags();
        command.env("ENGINE", "buildah").env("ENGINE_FLAGS", flags);
    });
    let by_buildah = by_buildah.ended_with(0).stdout_text();
    assert!(by_buildah.starts_with("buildah: "), "{by_buildah}");
    assert_eq!(identities(&by_buildah), ours);
    // Another moment is another image: what was equal could have been unequal.
    let later = build("localhost/spyhole-later", |command| {
        command.env("SOURCE_DATE_EPOCH", "1700000001");
    });
    let later = later.ended_with(0).stdout_text();
    assert_ne!(identities(&later)[0], ours[0]);
}

#[needs(podman)]
fn a_program_over_the_budget_becomes_no_image() {
    let name = "localhost/spyhole-too-large";
    let refused = build(name, |command| {
        command.env_remove("BUDGET");
    })
    .ended_with(1);
    let said = refused.stderr_text();
    assert!(
        said.contains("more than the 14680064 that are promised"),
        "{refused}"
    );
    PodmanLab::get()
        .podman(&["image", "exists", name])
        .ended_with(1);
}

#[needs(podman)]
fn a_client_without_its_engine_is_passed_over() {
    let programs = TempDir::new().unwrap();
    let docker = programs.path().join("docker");
    fs::write(&docker, "#!/bin/sh\necho 'no daemon here' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(
        [PathBuf::from(programs.path())]
            .into_iter()
            .chain(std::env::split_paths(&path)),
    );
    let path = path.unwrap();
    let found = build(NAME, |command| {
        command.env_remove("ENGINE").env("PATH", &path);
    });
    let said = found.ended_with(0).stdout_text();
    assert!(said.starts_with("podman: "), "{said}");
    let alone = build(NAME, |command| {
        command.env("ENGINE", "docker").env("PATH", &path);
    })
    .ended_with(1);
    assert!(alone.stderr_text().contains("no daemon here"), "{alone}");
}
