//! What is shown of an image, against the tools that show it too.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::images::{
    configuration, directory, docker_archive, docker_archive_of, file, gzip, hard_link, link,
    programs, sha256, tar, write_layout,
};
use crate::docker::DockerLab;
use crate::host::{list, only, run, spyhole};
use crate::podman::PodmanLab;

/// Not in any output: not even the tests have it in one piece.
fn token() -> String {
    ["ghp_", "k9Qd41F7aA0c6E8b2Wm3Xz5Tr7Yu9Pq1Ls4N"].concat()
}

fn private_key() -> String {
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
    format!(
        "-----BEGIN {} KEY-----\n{line}\n-----END {} KEY-----\n",
        "PRIVATE", "PRIVATE"
    )
}

/// Files that are replaced, whited out, hidden by an opaque directory, and linked.
fn layers() -> Vec<Vec<u8>> {
    let (app, _) = programs();
    vec![
        tar(&[
            file("app", 0o755, app),
            directory("data", 0o755),
            file("data/replaced", 0o644, vec![b'a'; 30_000]),
            file("data/removed", 0o644, vec![b'b'; 20_000]),
            file("data/kept", 0o644, vec![b'c'; 1000]),
            directory("cache", 0o755),
            file("cache/one", 0o644, vec![b'd'; 7000]),
            file("cache/deep/two", 0o644, vec![b'e'; 3000]),
            file("linked", 0o644, vec![b'f'; 5000]),
            hard_link("linked-too", "linked"),
            file("half", 0o644, vec![b'g'; 4000]),
            hard_link("other-half", "half"),
            file("usr/bin/su", 0o4755, app),
            file("writable", 0o666, "x"),
            directory("tmp", 0o1777),
            file("root/.ssh/id_ed25519", 0o600, private_key()),
            file("etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\n"),
            file("bin/busybox", 0o755, app),
            link("bin/sh", "busybox"),
            file(
                "var/lib/dpkg/status",
                0o644,
                "Package: tzdata\nStatus: install ok installed\nVersion: 2024a-1\n\n",
            ),
        ]),
        tar(&[
            file("data/replaced", 0o644, "short"),
            file("data/.wh.removed", 0o644, ""),
            directory("cache", 0o755),
            file("cache/.wh..wh..opq", 0o644, ""),
            file("cache/three", 0o644, "new"),
            file(".wh.linked", 0o644, ""),
            file(".wh.linked-too", 0o644, ""),
            file(".wh.half", 0o644, ""),
            file("root/.ssh/.wh.id_ed25519", 0o644, ""),
            file("app.conf", 0o644, format!("url = x\nkey = {}\n", token())),
        ]),
    ]
}

fn config() -> Value {
    json!({
        "Entrypoint": ["/app"], "User": "1000:1000", "ExposedPorts": {"8080/tcp": {}},
        "Env": [format!("GITHUB_TOKEN={}", token()), "MODE=production"],
        "Labels": {"team": "web"}, "StopSignal": "SIGINT",
    })
}

fn written(directory: &Path, bytes: &[u8]) -> String {
    let path = directory.join("image.tar");
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn audit(image: &str) -> Value {
    let said = spyhole(["audit", image, "-o", "json"]);
    assert!(matches!(said.code, Some(0 | 1)), "{said}");
    assert!(!said.to_string().contains(&token()), "a secret is shown");
    said.json()
}

fn archive() -> Vec<u8> {
    docker_archive(
        &layers(),
        &[("localhost/spyhole-audit-contents:it".to_owned(), config())],
    )
}

#[test]
fn an_image_is_the_same_in_every_form() {
    let place = tempfile::tempdir().unwrap();
    let plain = audit(&written(place.path(), &archive()));
    let layout = place.path().join("layout");
    let layers = layers();
    let stored = [gzip(&layers[0]), zstd(&layers[1])];
    write_layout(&layout, &layers, &stored, &config());
    let packed = place.path().join("layout.tar");
    run(Command::new("tar")
        .arg("-C")
        .arg(&layout)
        .arg("-cf")
        .arg(&packed)
        .arg("."))
    .ended_with(0);
    let zipped = place.path().join("zipped.tar.gz");
    fs::write(&zipped, gzip(&archive())).unwrap();
    let without_source = |mut report: Value| {
        report.as_object_mut().unwrap().remove("image");
        for layer in report["layers"].as_array_mut().unwrap() {
            layer["stored_bytes"] = Value::Null;
        }
        // Fingerprints are of a key of each run.
        report["config"]
            .as_object_mut()
            .unwrap()
            .remove("environment");
        report
    };
    let plain = without_source(plain);
    for path in [&layout, &packed, &zipped] {
        let other = without_source(audit(path.to_str().unwrap()));
        assert!(other == plain, "{}: {other:#}", path.display());
    }
    let line = "exec \"$0\" audit - -o json < \"$1\"";
    let piped = run(Command::new("sh")
        .args(["-c", line])
        .arg(crate::lab::spyhole())
        .arg(&zipped))
    .ended_with(1)
    .json();
    assert!(without_source(piped) == plain);
    let yaml = spyhole(["audit", zipped.to_str().unwrap(), "-o", "yaml"]).ended_with(1);
    let yaml: Value = serde_saphyr::from_str(&yaml.stdout_text()).unwrap();
    assert!(without_source(yaml) == plain);
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("layer");
    fs::write(&path, bytes).unwrap();
    run(Command::new("zstd").args(["-q", "-19"]).arg(&path)).ended_with(0);
    fs::read(place.path().join("layer.zst")).unwrap()
}

#[test]
fn waste_is_what_unpacked_layers_do_not_show() {
    let place = tempfile::tempdir().unwrap();
    let report = audit(&written(place.path(), &archive()));
    // Each layer by tar, alone; the second over the first as an overlay would show it.
    let unpack = |name: &str, bytes: &[u8]| {
        let (packed, top) = (
            place.path().join(format!("{name}.tar")),
            place.path().join(name),
        );
        fs::write(&packed, bytes).unwrap();
        fs::create_dir_all(&top).unwrap();
        run(Command::new("tar")
            .arg("-C")
            .arg(&top)
            .arg("-xf")
            .arg(&packed))
        .ended_with(0);
        top
    };
    let du = |top: &Path| {
        let line =
            "find \"$0\" -type f -printf '%i %s\\n' | sort -u | awk '{s+=$2} END {print s+0}'";
        let said = run(Command::new("sh").args(["-c", line]).arg(top)).ended_with(0);
        said.stdout_text().trim().parse::<u64>().unwrap()
    };
    let layers = layers();
    let sizes = [
        du(&unpack("lower", &layers[0])),
        du(&unpack("upper", &layers[1])),
    ];
    let shown: Vec<u64> = list(&report, "layers")
        .iter()
        .map(|one| one["size_bytes"].as_u64().unwrap())
        .collect();
    assert_eq!(shown, sizes);
    let merged = unpack("merged", &layers[0]);
    let line = "cd \"$0\" && rm -r cache data/removed linked linked-too half root/.ssh/id_ed25519 && \
        tar -xf \"$1\" && find . -name '.wh.*' -delete";
    run(Command::new("sh")
        .args(["-c", line])
        .arg(&merged)
        .arg(place.path().join("upper.tar")))
    .ended_with(0);
    assert_eq!(
        report["waste_bytes"].as_u64().unwrap(),
        sizes.iter().sum::<u64>() - du(&merged)
    );

    // The merged directory is a root: it has the same files and nothing to waste.
    let root = audit(merged.to_str().unwrap());
    assert_eq!(root["image"]["kind"], "root_directory");
    assert_eq!(root["size_bytes"].as_u64().unwrap(), du(&merged));
    assert_eq!(
        (&root["waste_bytes"], &root["start"]),
        (&json!(0), &Value::Null)
    );
    let paths = |report: &Value| {
        let files = list(report, "largest_files").iter();
        files
            .map(|file| {
                (
                    file["path"].clone(),
                    file["size_bytes"].clone(),
                    file["mode"].clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(paths(&root), paths(&report));
}

#[test]
fn secrets_are_placed_and_never_shown() {
    let place = tempfile::tempdir().unwrap();
    let layers = layers();
    let mut document: Value = serde_json::from_slice(&configuration(&layers, &config())).unwrap();
    document["history"][0]["created_by"] =
        json!(format!("RUN curl -H 'Authorization: Bearer {}' x", token()));
    let images = [(
        "localhost/x:1".to_owned(),
        document.to_string().into_bytes(),
    )];
    let path = written(place.path(), &docker_archive_of(&layers, &images));
    let report = audit(&path);
    let secrets = list(&report, "secrets");
    let at =
        |site: &str, at: &str| only(secrets, |one| one["place"] == site && one["at"] == at).clone();
    let key = at("file", "root/.ssh/id_ed25519");
    assert_eq!(
        (&key["reason"], &key["deleted"], &key["layer"]),
        (&json!("private_key"), &json!(true), &json!(1))
    );
    assert_eq!(at("file", "app.conf")["reason"], "github_token");
    assert_eq!(at("environment", "GITHUB_TOKEN")["by_content"], true);
    at("history", "1");
    for format in ["table", "json", "yaml"] {
        let said = spyhole(["audit", &path, "-o", format])
            .ended_with(1)
            .to_string();
        assert!(
            !said.contains(&token()) && !said.contains("MIIEvQ"),
            "{format}"
        );
        assert!(said.contains("IMG-002"), "{format}: {said}");
    }
}

#[test]
fn files_packages_and_shells_are_listed() {
    let place = tempfile::tempdir().unwrap();
    let report = audit(&written(place.path(), &archive()));
    let paths = |key: &str| {
        let files = list(&report, key).iter();
        files
            .map(|file| file["path"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(paths("setuid_files"), ["usr/bin/su"]);
    assert_eq!(paths("world_writable"), ["writable"]);
    assert_eq!(
        report["packages"][0]["packages"],
        json!({"tzdata": "2024a-1"})
    );
    assert_eq!(report["shells"], json!(["bin/sh", "bin/busybox"]));
    assert_eq!(report["config"]["stop_signal"], "SIGINT");
    assert_eq!(report["config"]["exposed_ports"], json!(["8080/tcp"]));
    let start = &report["start"];
    assert_eq!(
        (&start["verdict"], &start["uid"], &start["gid"]),
        (&json!("yes"), &json!(1000), &json!(1000))
    );
}

#[test]
fn one_of_several_images_is_chosen() {
    let place = tempfile::tempdir().unwrap();
    let images = ["a", "b"].map(|name| {
        (
            format!("localhost/{name}:1"),
            json!({"Entrypoint": [format!("/{name}")]}),
        )
    });
    let path = written(place.path(), &docker_archive(&layers(), &images));
    let said = spyhole(["audit", &path]).ended_with(2).stderr_text();
    assert!(
        said.contains("--tag") && said.contains("localhost/b:1"),
        "{said}"
    );
    let said = spyhole(["audit", &path, "--tag", "b:1", "-o", "json"]).ended_with(1);
    assert_eq!(said.json()["config"]["entrypoint"], json!(["/b"]));
    spyhole(["audit", &path, "--tag", "c"]).ended_with(2);
    spyhole(["audit", &path, "--tag", "b:1", "--platform", "linux/mips"]).ended_with(2);
    // An image is no running container.
    spyhole(["audit", &path, "--tag", "b:1", "--pid", "1"]).ended_with(2);
}

/// The sizes of layers, and an image by its name, of the engines themselves.
#[needs(podman)]
fn podman_shows_the_same_sizes_and_exports_by_name() {
    let podman = PodmanLab::get();
    let place = tempfile::tempdir().unwrap();
    let path = written(place.path(), &archive());
    podman.must(&["load", "--quiet", "--input", &path]);
    let name = "localhost/spyhole-audit-contents:it";
    let history = podman.must(&["history", "--format", "json", name]).json();
    let mut sizes: Vec<u64> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["size"].as_u64().unwrap())
        .collect();
    sizes.reverse();
    podman.program_in(place.path());
    let path = format!(
        "{}:{}",
        place.path().display(),
        std::env::var("PATH").unwrap()
    );
    let by_name = run(Command::new(crate::lab::spyhole())
        .args(["audit", name, "-o", "json"])
        .env("PATH", path))
    .ended_with(1)
    .json();
    let shown: Vec<u64> = list(&by_name, "layers")
        .iter()
        .map(|one| one["archive_bytes"].as_u64().unwrap())
        .collect();
    assert_eq!(shown, sizes);
    assert_eq!(by_name["image"]["kind"], "docker_archive");
    assert_eq!(by_name["start"]["runtime"], "runc");
}

#[needs(docker)]
fn docker_shows_the_same_sizes() {
    let docker = DockerLab::get();
    let place = tempfile::tempdir().unwrap();
    let path = written(place.path(), &archive());
    docker.must(&["load", "--quiet", "--input", &path]);
    let name = "localhost/spyhole-audit-contents:it";
    let said = docker
        .must(&["history", "--human=false", "--format", "{{.Size}}", name])
        .stdout_text();
    let mut sizes: Vec<u64> = said
        .lines()
        .map(|line| line.trim().parse().unwrap())
        .collect();
    sizes.reverse();
    // Docker counts the text of links too.
    sizes[0] -= "busybox".len() as u64;
    let report = audit(&path);
    let shown: Vec<u64> = list(&report, "layers")
        .iter()
        .map(|one| one["size_bytes"].as_u64().unwrap())
        .collect();
    assert_eq!(shown, sizes);
    let saved = place.path().join("saved.tar");
    docker.must(&["save", "--output", saved.to_str().unwrap(), name]);
    let saved = audit(saved.to_str().unwrap());
    assert_eq!(saved["secrets"], report["secrets"]);
    assert!(saved["image"]["config_digest"].as_str().unwrap().len() == sha256(b"").len() + 7);
}
