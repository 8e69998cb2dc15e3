//! The image as one archive that is at once an OCI layout and what `docker save` writes.

use serde_json::{Value, json};

use super::content::INDEX;
use super::layer::header;
use super::{ImageVariant, OwnImage};
use crate::parse::tar::{BLOCK, MemberKind, padding};

/// Writes the archive.
pub(crate) fn archive(image: &OwnImage) -> Vec<u8> {
    let mut archive = Archive {
        bytes: Vec::new(),
        modified_seconds: i64::try_from(image.created_seconds).unwrap_or(0),
        paths: Vec::new(),
    };
    archive.directory("blobs/");
    archive.directory("blobs/sha256/");
    for variant in &image.variants {
        let own = [&variant.configs[..], &variant.manifests].concat();
        for blob in own.iter().chain([&variant.top]) {
            archive.file(&blob.path(), &blob.bytes);
        }
    }
    for layer in &image.layers {
        archive.file(&layer.path(), &layer.bytes);
    }
    archive.file("index.json", index(image).to_string().as_bytes());
    archive.file(
        "manifest.json",
        docker_manifest(image).to_string().as_bytes(),
    );
    archive.file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    archive.bytes.extend_from_slice(&[0; 2 * BLOCK]);
    archive.bytes
}

struct Archive {
    bytes: Vec<u8>,
    modified_seconds: i64,
    /// What is there already: variants may have content in common.
    paths: Vec<String>,
}

impl Archive {
    fn directory(&mut self, name: &str) {
        let seconds = self.modified_seconds;
        let header = header(MemberKind::Directory, name, "", 0o755, &[], seconds);
        self.bytes.extend_from_slice(&header);
    }

    fn file(&mut self, name: &str, content: &[u8]) {
        if self.paths.iter().any(|path| path == name) {
            return;
        }
        self.paths.push(name.to_owned());
        let seconds = self.modified_seconds;
        let header = header(MemberKind::File, name, "", 0o644, content, seconds);
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(content);
        let end = self.bytes.len() + padding(content.len() as u64);
        self.bytes.resize(end, 0);
    }
}

/// The index of the layout: one entry for each tag, with the names that containerd and docker read.
fn index(image: &OwnImage) -> Value {
    let (registry, path) = image.name.completed();
    let entry = |variant: &ImageVariant, tag: &String| {
        let mut entry = variant.top.descriptor();
        if let Value::Object(entry) = &mut entry {
            let annotations = json!({
                "io.containerd.image.name": format!("{registry}/{path}:{tag}"),
                "org.opencontainers.image.ref.name": tag,
            });
            entry.insert("annotations".to_owned(), annotations);
        }
        entry
    };
    let entries: Vec<Value> = image
        .variants
        .iter()
        .flat_map(|variant| variant.tags.iter().map(move |tag| entry(variant, tag)))
        .collect();
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
}

/// The list of `docker save`, which knows one architecture: that of the running program.
fn docker_manifest(image: &OwnImage) -> Value {
    let layer = image.layers.first().map(super::content::ImageBlob::path);
    let entry = |variant: &ImageVariant| {
        let names = variant.tags.iter();
        let names = names.map(|tag| format!("{}:{tag}", image.name.repository()));
        json!({
            "Config": variant.configs.first().map(super::content::ImageBlob::path),
            "RepoTags": names.collect::<Vec<_>>(),
            "Layers": [layer],
        })
    };
    image.variants.iter().map(entry).collect()
}
