//! Images for the tests, written as `docker save` writes them, without an engine.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tar::{EntryType, Header};

use crate::host::run;

/// A member of a layer.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) kind: EntryType,
    pub(super) content: Vec<u8>,
    pub(super) link: String,
    pub(super) mode: u32,
    pub(super) owner: (u64, u64),
}

pub(super) fn file(name: &str, mode: u32, content: impl AsRef<[u8]>) -> Member {
    Member {
        name: name.to_owned(),
        kind: EntryType::Regular,
        content: content.as_ref().to_vec(),
        link: String::new(),
        mode,
        owner: (0, 0),
    }
}

pub(super) fn directory(name: &str, mode: u32) -> Member {
    Member {
        kind: EntryType::Directory,
        ..file(name, mode, "")
    }
}

pub(super) fn link(name: &str, goal: &str) -> Member {
    Member {
        kind: EntryType::Symlink,
        link: goal.to_owned(),
        ..file(name, 0o777, "")
    }
}

pub(super) fn hard_link(name: &str, goal: &str) -> Member {
    Member {
        kind: EntryType::Link,
        ..link(name, goal)
    }
}

/// The members as a tar; names are written as they are.
pub(super) fn tar(members: &[Member]) -> Vec<u8> {
    let mut out = Vec::new();
    for member in members {
        let mut header = Header::new_gnu();
        let name = member.name.as_bytes();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        let goal = member.link.as_bytes();
        header.as_old_mut().linkname[..goal.len()].copy_from_slice(goal);
        header.set_entry_type(member.kind);
        header.set_size(member.content.len() as u64);
        header.set_mode(member.mode);
        header.set_uid(member.owner.0);
        header.set_gid(member.owner.1);
        header.set_mtime(1_700_000_000);
        header.set_cksum();
        out.extend(header.as_bytes());
        out.extend(&member.content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A configuration of these layers.
pub(super) fn configuration(layers: &[Vec<u8>], config: &Value) -> Vec<u8> {
    let ids: Vec<String> = layers
        .iter()
        .map(|layer| format!("sha256:{}", sha256(layer)))
        .collect();
    let history: Vec<Value> = (0..layers.len())
        .map(|number| json!({"created": "2023-11-14T22:13:20Z", "created_by": format!("COPY layer {number}")}))
        .collect();
    let document = json!({
        "architecture": architecture(), "os": "linux", "created": "2023-11-14T22:13:20Z",
        "config": config, "history": history, "rootfs": {"type": "layers", "diff_ids": ids},
    });
    document.to_string().into_bytes()
}

/// An archive of several images, each with its tag, of the same layers.
pub(super) fn docker_archive(layers: &[Vec<u8>], images: &[(String, Value)]) -> Vec<u8> {
    let configurations: Vec<(String, Vec<u8>)> = images
        .iter()
        .map(|(tag, config)| (tag.clone(), configuration(layers, config)))
        .collect();
    docker_archive_of(layers, &configurations)
}

/// The same with configurations as they are.
pub(super) fn docker_archive_of(layers: &[Vec<u8>], images: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut members: Vec<Member> = Vec::new();
    let mut names = Vec::new();
    for layer in layers {
        let name = format!("{}.tar", sha256(layer));
        if !names.contains(&name) {
            members.push(file(&name, 0o644, layer));
        }
        names.push(name);
    }
    let mut list = Vec::new();
    for (tag, configuration) in images {
        let name = format!("{}.json", sha256(configuration));
        if !members.iter().any(|member| member.name == name) {
            members.push(file(&name, 0o644, configuration));
        }
        list.push(json!({"Config": name, "RepoTags": [tag], "Layers": names}));
    }
    members.push(file("manifest.json", 0o644, json!(list).to_string()));
    tar(&members)
}

/// Writes an OCI layout of one image whose layers are stored as these blobs.
pub(super) fn write_layout(top: &Path, layers: &[Vec<u8>], stored: &[Vec<u8>], config: &Value) {
    let blobs = top.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8], media_type: &str| {
        let hex = sha256(bytes);
        std::fs::write(blobs.join(&hex), bytes).unwrap();
        json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len()})
    };
    let described: Vec<Value> = stored
        .iter()
        .map(|blob| put(blob, "application/vnd.oci.image.layer.v1.tar"))
        .collect();
    let config = put(
        &configuration(layers, config),
        "application/vnd.oci.image.config.v1+json",
    );
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": described});
    let manifest = put(
        manifest.to_string().as_bytes(),
        "application/vnd.oci.image.manifest.v1+json",
    );
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    std::fs::write(top.join("index.json"), index.to_string()).unwrap();
    std::fs::write(top.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

/// A static program that says `started`, and one that needs musl's loader.
pub(super) fn programs() -> &'static (Vec<u8>, Vec<u8>) {
    static PROGRAMS: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("app.c");
        let text =
            "#include <unistd.h>\nint main(void) { return write(1, \"started\\n\", 8) != 8; }\n";
        std::fs::write(&source, text).unwrap();
        let build = |name: &str, flags: &[&str]| {
            let to: PathBuf = directory.path().join(name);
            run(Command::new("musl-gcc")
                .args(flags)
                .arg("-Os")
                .arg("-s")
                .arg("-o")
                .arg(&to)
                .arg(&source))
            .ended_with(0);
            std::fs::read(to).unwrap()
        };
        (build("static", &["-static"]), build("dynamic", &[]))
    })
}
