//! The JSON of an image: index, manifest, configuration, and the manifest of docker archives.

#![allow(
    clippy::zero_sized_map_values,
    reason = "objects of JSON whose values say nothing; what derives reads them too"
)]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::error::ImageError;

/// The most bytes of one document; engines refuse manifests above 4 MiB.
pub(super) const DOCUMENT_BYTES: u64 = 4 << 20;
/// The most elements of one document, of all its lists and objects: each takes much more memory than its
/// bytes in the document. Real ones have some thousands.
const ELEMENTS: usize = 50_000;
/// The annotation that holds a tag in an OCI layout.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The same, written by containerd and Docker: the whole name.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// `index.json`, or an index that a descriptor leads to; of a manifest these lists are empty.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Index {
    #[serde(default)]
    pub(super) manifests: Vec<Descriptor>,
}

/// Where a part of an image is.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Descriptor {
    #[serde(default, rename = "mediaType")]
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    pub(super) platform: Option<Platform>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// The names that a layout gives an image.
    pub(super) fn tags(&self) -> impl Iterator<Item = &str> {
        let of = |key| self.annotations.get(key).map(String::as_str);
        [of(IMAGE_NAME), of(REF_NAME)].into_iter().flatten()
    }

    /// Whether another list of images is there.
    pub(super) fn is_index(&self) -> bool {
        self.media_type.contains("image.index") || self.media_type.contains("manifest.list")
    }

    /// Its path in a layout; `None` where its digest is not SHA-256.
    pub(super) fn path(&self) -> Option<String> {
        let hex = self.digest.strip_prefix("sha256:")?;
        let is_hex = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| format!("blobs/sha256/{hex}"))
    }
}

/// A platform.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Platform {
    pub(super) os: String,
    pub(super) architecture: String,
    /// Of the architecture: `v7` of arm.
    #[serde(default)]
    pub(super) variant: Option<String>,
}

/// The manifest of an image.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    pub(super) config: Descriptor,
    #[serde(default)]
    pub(super) layers: Vec<Descriptor>,
}

/// An image of `manifest.json`.
#[derive(Debug, Deserialize)]
pub(super) struct DockerImage {
    #[serde(rename = "Config")]
    pub(super) config: String,
    #[serde(default, rename = "RepoTags", deserialize_with = "null_is_empty")]
    pub(super) tags: Vec<String>,
    #[serde(default, rename = "Layers", deserialize_with = "null_is_empty")]
    pub(super) layers: Vec<String>,
}

/// The configuration of an image.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ImageConfig {
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) architecture: String,
    pub(super) variant: Option<String>,
    pub(super) created: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) config: RunConfig,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) history: Vec<HistoryEntry>,
    #[serde(default)]
    pub(super) rootfs: RootFs,
}

impl ImageConfig {
    pub(super) fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
        }
    }
}

/// How a container of it is run.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RunConfig {
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) user: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) env: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) cmd: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) working_dir: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) exposed_ports: BTreeMap<String, IgnoredAny>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) volumes: BTreeMap<String, IgnoredAny>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) stop_signal: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) healthcheck: Healthcheck,
    /// Lines that run where an image is built on this one.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) on_build: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) shell: Vec<String>,
}

/// The command that engines ask for health with.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Healthcheck {
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) test: Vec<String>,
}

/// How a layer was made.
#[derive(Debug, Default, Deserialize)]
pub(super) struct HistoryEntry {
    #[serde(default)]
    pub(super) created_by: String,
    #[serde(default)]
    pub(super) comment: String,
    #[serde(default)]
    pub(super) empty_layer: bool,
}

/// The digests of the layers, without their compression.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RootFs {
    #[serde(default)]
    pub(super) diff_ids: Vec<String>,
}

/// Engines write `null` for what is empty.
fn null_is_empty<'de, D, T>(source: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(source).map(Option::unwrap_or_default)
}

/// Reads a document of an image.
pub(super) fn read<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, ImageError> {
    if elements(bytes) > ELEMENTS {
        let why = format!("it has more than {ELEMENTS} elements");
        return Err(ImageError::malformed(what, why));
    }
    // Its own words would show values, which may be secrets.
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        ImageError::malformed(what, format!("line {line}, column {column}"))
    })
}

/// How many elements lists and objects have, as many as there are of what parts and opens them.
fn elements(bytes: &[u8]) -> usize {
    let (mut in_string, mut escaped, mut count) = (false, false, 0);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_too_many_elements_is_refused() {
        assert_eq!(elements(br#"{"a,[\",{": [1, 2], "b": {}}"#), 5);
        let of = |count: usize| {
            let words = vec!["\"a\""; count].join(",");
            read::<ImageConfig>(
                "x",
                format!(r#"{{"config": {{"Cmd": [{words}]}}}}"#).as_bytes(),
            )
        };
        assert_eq!(of(40_000).unwrap().config.cmd.len(), 40_000);
        assert!(of(60_000).unwrap_err().to_string().contains("elements"));
    }
}
