//! Images as archives, in the form of `docker save`: a layer, a configuration, a manifest. They are
//! written here, so that the suite needs no engine.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A file of the image's root, with its mode; a directory where it has no content.
pub(crate) struct Entry<'a> {
    pub(crate) path: &'a str,
    pub(crate) mode: u32,
    pub(crate) content: Option<&'a [u8]>,
}

/// Writes the archive of an image of one layer.
pub(crate) fn write(archive: &Path, name: &str, entries: &[Entry<'_>], config: &Value) {
    let mut layer = Vec::new();
    for entry in entries {
        append(&mut layer, entry);
    }
    finish(&mut layer);
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let image = json!({
        "architecture": architecture, "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hash(&layer))]},
        "history": [{"created_by": "a test of spyhole"}],
    });
    let image = image.to_string().into_bytes();
    let config_file = format!("{}.json", hash(&image));
    let manifest = json!([{"Config": config_file, "RepoTags": [name], "Layers": ["layer.tar"]}]);
    let manifest = manifest.to_string().into_bytes();
    let mut out = Vec::new();
    for (path, content) in [
        ("manifest.json", &manifest),
        (config_file.as_str(), &image),
        ("layer.tar", &layer),
    ] {
        append(
            &mut out,
            &Entry {
                path,
                mode: 0o644,
                content: Some(content),
            },
        );
    }
    finish(&mut out);
    fs::write(archive, out).unwrap();
}

fn hash(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

const BLOCK: usize = 512;

/// A member in the form of POSIX.1-1988 (ustar).
fn append(tar: &mut Vec<u8>, entry: &Entry<'_>) {
    let mut header = [0_u8; BLOCK];
    let mut field =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(0, entry.path);
    field(100, &format!("{:07o}", entry.mode));
    field(108, "0000000");
    field(116, "0000000");
    field(
        124,
        &format!("{:011o}", entry.content.map_or(0, <[u8]>::len)),
    );
    field(136, "00000000000");
    // The sum is made as if its own place were blank.
    field(148, "        ");
    field(156, if entry.content.is_some() { "0" } else { "5" });
    field(257, "ustar");
    field(263, "00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    tar.extend_from_slice(&header);
    tar.extend_from_slice(entry.content.unwrap_or_default());
    tar.resize(tar.len().next_multiple_of(BLOCK), 0);
}

fn finish(tar: &mut Vec<u8>) {
    tar.resize(tar.len() + 2 * BLOCK, 0);
}
