//! What the image consists of: layers, configurations, manifests and, for two architectures,
//! indexes (OCI image format 1.1).

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::layer::{digest_text, layer};
use super::{ImageError, ImageName, ImageProgram};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Where the sources of this program are.
const SOURCE: Option<&str> = option_env!("SPYHOLE_SOURCE");
/// Their commit.
const REVISION: Option<&str> = option_env!("SPYHOLE_REVISION");
/// When it was built, or is said to have been, in seconds since 1970.
const CREATED: Option<&str> = option_env!("SPYHOLE_CREATED");
/// The last second that has a date of four digits.
const LAST_SECOND: u64 = 253_402_300_799;

/// Some content, and its name.
#[derive(Debug, Clone)]
pub(crate) struct ImageBlob {
    /// `sha256:` and 64 digits.
    pub digest: String,
    /// What it is.
    pub media_type: &'static str,
    /// The content.
    pub bytes: Bytes,
}

/// The image for one user.
#[derive(Debug)]
pub(crate) struct ImageVariant {
    /// Its tags.
    pub tags: Vec<String>,
    /// The configuration for each program, that of the running one first. Its digest is the id by
    /// which engines know the image.
    pub configs: Vec<ImageBlob>,
    /// The manifests, in the same order.
    pub manifests: Vec<ImageBlob>,
    /// What the tags name: the only manifest, or an index of both.
    pub top: ImageBlob,
}

/// The whole image.
#[derive(Debug)]
pub(crate) struct OwnImage {
    /// Its name, without a tag.
    pub name: ImageName,
    /// When it was made, as it says of itself.
    pub created_seconds: u64,
    /// The layer of each program, that of the running one first.
    pub layers: Vec<ImageBlob>,
    /// For pods that must run as non-root, and for root.
    pub variants: [ImageVariant; 2],
}

impl OwnImage {
    /// Makes it from the running program, and the one for another architecture. Where the name has no
    /// tag, it has four: `latest`, the version, `root` and the version with `-root`; else its own, and
    /// that with `-root`.
    ///
    /// # Errors
    /// [`ImageError`]: `SOURCE_DATE_EPOCH` cannot be meant so.
    pub(crate) fn make(
        mut name: ImageName,
        running: &ImageProgram,
        other: Option<&ImageProgram>,
    ) -> Result<Self, ImageError> {
        let created_seconds = created_seconds()?;
        let given = name.tag.take();
        let is_given = given.is_some();
        let tag = given.unwrap_or_else(|| VERSION.to_owned());
        let (mut own, mut of_root) = (vec![tag.clone()], vec![format!("{tag}-root")]);
        if !is_given {
            own.insert(0, "latest".to_owned());
            of_root.insert(0, "root".to_owned());
        }
        let environment = format!("SPYHOLE_IMAGE={}:{tag}", name.repository());
        let mut maker = Maker {
            created_seconds,
            environment,
            layers: Vec::new(),
        };
        for program in std::iter::once(running).chain(other) {
            let seconds = i64::try_from(created_seconds).unwrap_or(0);
            // Memory takes everything that is written to it.
            let layer = layer(&program.bytes, seconds).map_err(ImageError::Memory)?;
            let blob = ImageBlob::of(LAYER, layer.packed);
            maker
                .layers
                .push((program.architecture, layer.diff_id, blob));
        }
        let variants = [
            maker.variant("65532:65532", "", own),
            maker.variant("0:0", "; as root", of_root),
        ];
        let layers = maker.layers.into_iter().map(|(_, _, blob)| blob).collect();
        Ok(Self {
            name,
            created_seconds,
            layers,
            variants,
        })
    }
}

impl ImageBlob {
    fn of(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            digest: digest_text(digest(&SHA256, &bytes).as_ref()),
            media_type,
            bytes: bytes.into(),
        }
    }

    fn json(media_type: &'static str, value: &Value) -> Self {
        Self::of(media_type, value.to_string().into_bytes())
    }

    /// How others refer to it.
    pub(super) fn descriptor(&self) -> Value {
        json!({
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.bytes.len(),
        })
    }

    /// Where a layout has it.
    pub(super) fn path(&self) -> String {
        format!("blobs/{}", self.digest.replacen(':', "/", 1))
    }
}

struct Maker {
    created_seconds: u64,
    environment: String,
    /// Of each program: architecture, digest of the unpacked layer, layer.
    layers: Vec<(&'static str, String, ImageBlob)>,
}

impl Maker {
    fn variant(&self, user: &str, description: &str, tags: Vec<String>) -> ImageVariant {
        let (mut configs, mut manifests, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for (architecture, diff_id, layer) in &self.layers {
            let config = self.config(architecture, diff_id, user, description);
            let config = ImageBlob::json(CONFIG, &config);
            let manifest = ImageBlob::json(
                MANIFEST,
                &json!({
                    "schemaVersion": 2,
                    "mediaType": MANIFEST,
                    "config": config.descriptor(),
                    "layers": [layer.descriptor()],
                }),
            );
            let mut entry = manifest.descriptor();
            if let Value::Object(entry) = &mut entry {
                let platform = json!({"architecture": architecture, "os": "linux"});
                entry.insert("platform".to_owned(), platform);
            }
            // The order of an index is that of the architectures, whichever program makes it.
            entries.push((*architecture, entry));
            configs.push(config);
            manifests.push(manifest);
        }
        entries.sort_by_key(|(architecture, _)| *architecture);
        let entries: Vec<Value> = entries.into_iter().map(|(_, entry)| entry).collect();
        let top = match manifests.as_slice() {
            [only] => only.clone(),
            _ => ImageBlob::json(
                INDEX,
                &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}),
            ),
        };
        ImageVariant {
            tags,
            configs,
            manifests,
            top,
        }
    }

    fn config(&self, architecture: &str, diff_id: &str, user: &str, description: &str) -> Value {
        let created = date(self.created_seconds);
        let mut labels = serde_json::Map::new();
        for (key, value) in [
            ("title", "spyhole".to_owned()),
            (
                "description",
                format!("Looks inside a running container that has no shell{description}"),
            ),
            ("licenses", env!("CARGO_PKG_LICENSE").to_owned()),
            ("version", VERSION.to_owned()),
            ("created", created.clone()),
            // Where the build was told of them.
            ("source", SOURCE.unwrap_or_default().to_owned()),
            ("revision", REVISION.unwrap_or_default().to_owned()),
        ] {
            if !value.is_empty() {
                labels.insert(format!("org.opencontainers.image.{key}"), value.into());
            }
        }
        json!({
            "architecture": architecture,
            "os": "linux",
            "created": created,
            "config": {
                "User": user,
                // The name that commands printed inside say.
                "Env": [self.environment],
                "Entrypoint": ["/spyhole"],
                "WorkingDir": "/",
                "Labels": labels,
            },
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created": created, "created_by": "spyhole image"}],
        })
    }
}

/// When the image was made: `SOURCE_DATE_EPOCH`, else what the build said, else the beginning of 1970.
fn created_seconds() -> Result<u64, ImageError> {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok();
    let of_build = || CREATED.map(str::to_owned);
    let Some(text) = given.filter(|text| !text.is_empty()).or_else(of_build) else {
        return Ok(0);
    };
    let seconds = text.parse().ok().filter(|seconds| *seconds <= LAST_SECOND);
    seconds.ok_or(ImageError::Epoch)
}

fn date(seconds: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    humantime::format_rfc3339_seconds(time.unwrap_or(UNIX_EPOCH)).to_string()
}
