//! Chooses the image of a layout or an archive, and checks the digests of its documents and layers.

use std::collections::BTreeMap;

use super::blob::Blob;
use super::documents::{
    DOCUMENT_BYTES, Descriptor, DockerImage, ImageConfig, Index, Manifest, Platform, read,
};
use super::error::ImageError;
use super::report::SourceKind;
use super::store::Store;

/// Indexes within indexes.
const DEPTH: usize = 4;
/// The most layers; engines take 127.
const LAYERS: usize = 512;

/// Which image is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImageChoice {
    /// `os/arch`.
    pub(crate) platform: Option<String>,
    pub(crate) tag: Option<String>,
}

/// An image that was chosen.
pub(super) struct Chosen {
    pub(super) kind: SourceKind,
    pub(super) tags: Vec<String>,
    pub(super) config_digest: String,
    pub(super) config: ImageConfig,
    pub(super) layers: Vec<Blob>,
}

/// Finds the image.
pub(super) fn choose(store: &Store, choice: &ImageChoice) -> Result<Chosen, ImageError> {
    let is_directory = matches!(store, Store::Directory(_));
    let index = store.find("index.json")?;
    let docker = store.find("manifest.json")?;
    match (docker, index) {
        // The list of a docker archive has no platforms.
        (Some(list), index) if index.is_none() || choice.platform.is_none() => {
            of_docker(store, &list, choice)
        }
        (_, Some(index)) => of_layout(store, &index, choice, is_directory),
        _ => Err(ImageError::NotAnImage),
    }
}

fn of_docker(store: &Store, list: &Blob, choice: &ImageChoice) -> Result<Chosen, ImageError> {
    let images: Vec<DockerImage> = document(list, "manifest.json")?;
    let tags = |image: &DockerImage| match image.tags[..] {
        [] => vec![image.config.clone()],
        _ => image.tags.clone(),
    };
    let image = one_of(images, choice, tags)?;
    let name = image.config.rsplit('/').next().unwrap_or_default();
    let hex = name.strip_suffix(".json").unwrap_or(name);
    let (config_digest, bytes) = checked(
        &store.part(&image.config)?,
        &image.config,
        Some(format!("sha256:{hex}")).filter(|_| hex.len() == 64),
    )?;
    let config: ImageConfig = read("the configuration", &bytes)?;
    let has = config.platform();
    if !fits(&has, choice.platform.as_deref()) {
        return Err(ImageError::NoPlatform {
            asked: choice.platform.clone().unwrap_or_default(),
            platforms: vec![word(&has)],
        });
    }
    let layers = each_once(&image.layers, String::clone, |name| store.part(name));
    finish(Chosen {
        kind: SourceKind::DockerArchive,
        tags: image.tags,
        config_digest,
        config,
        layers: layers?,
    })
}

fn of_layout(
    store: &Store,
    index: &Blob,
    choice: &ImageChoice,
    is_directory: bool,
) -> Result<Chosen, ImageError> {
    let index: Index = document(index, "index.json")?;
    let named = |one: &Descriptor| {
        let mut tags: Vec<String> = one.tags().map(str::to_owned).collect();
        if tags.is_empty() {
            tags.push(one.digest.clone());
        }
        tags
    };
    let of_platform = |all: Vec<Descriptor>| of_platform(all, choice.platform.as_deref());
    // Several platforms of one image may stand here without a tag.
    let several_tags = index
        .manifests
        .iter()
        .any(|one| one.tags().next().is_some());
    let mut current = if several_tags || choice.tag.is_some() {
        one_of(index.manifests, choice, named)?
    } else {
        of_platform(index.manifests)?
    };
    let tags = current.tags().map(str::to_owned).collect();
    for _ in 0..DEPTH {
        let (_, bytes) = described(store, &current)?;
        let index: Index = read("the index", &bytes)?;
        if current.is_index() || !index.manifests.is_empty() {
            current = of_platform(index.manifests)?;
            continue;
        }
        let manifest: Manifest = read("the manifest", &bytes)?;
        let (config_digest, bytes) = described(store, &manifest.config)?;
        let config = read("the configuration", &bytes)?;
        let digest = |one: &Descriptor| one.digest.clone();
        let layers = each_once(&manifest.layers, digest, |one| layer(store, one));
        return finish(Chosen {
            kind: if is_directory {
                SourceKind::OciLayout
            } else {
                SourceKind::OciArchive
            },
            tags,
            config_digest,
            config,
            layers: layers?,
        });
    }
    Err(ImageError::malformed("the index", "it leads to itself"))
}

/// The layers; one that is named several times is looked for, and its digest checked, once.
fn each_once<T>(
    all: &[T],
    name: impl Fn(&T) -> String,
    find: impl Fn(&T) -> Result<Blob, ImageError>,
) -> Result<Vec<Blob>, ImageError> {
    let mut known: BTreeMap<String, Blob> = BTreeMap::new();
    let mut layers = Vec::new();
    for one in all.iter().take(LAYERS + 1) {
        let name = name(one);
        let blob = match known.get(&name) {
            Some(blob) => blob.clone(),
            None => find(one)?,
        };
        layers.push(blob.clone());
        known.insert(name, blob);
    }
    Ok(layers)
}

fn finish(chosen: Chosen) -> Result<Chosen, ImageError> {
    let ids = chosen.config.rootfs.diff_ids.len();
    if chosen.layers.len() > LAYERS {
        return Err(ImageError::TooLarge {
            what: "the list of layers".to_owned(),
            limit: LAYERS as u64,
        });
    }
    if ids != chosen.layers.len() {
        let why = format!("{ids} layers, and {} in the manifest", chosen.layers.len());
        return Err(ImageError::malformed("the configuration", why));
    }
    Ok(chosen)
}

/// The one that was asked for, or the only one.
fn one_of<T>(
    mut all: Vec<T>,
    choice: &ImageChoice,
    tags: impl Fn(&T) -> Vec<String>,
) -> Result<T, ImageError> {
    let listed = |all: &[T]| all.iter().flat_map(&tags).take(50).collect();
    if let Some(asked) = &choice.tag {
        let short = format!("{asked}:latest");
        let is_it = |tag: &String| {
            [asked, &short].iter().any(|asked| {
                tag == *asked
                    || tag
                        .strip_suffix(asked.as_str())
                        .is_some_and(|rest| rest.ends_with('/'))
            })
        };
        let position = all.iter().position(|one| tags(one).iter().any(is_it));
        return match position {
            Some(position) => Ok(all.swap_remove(position)),
            None => Err(ImageError::NoSuchTag {
                asked: asked.clone(),
                tags: listed(&all),
            }),
        };
    }
    if all.len() > 1 {
        return Err(ImageError::Several {
            count: all.len(),
            tags: listed(&all),
        });
    }
    all.pop().ok_or(ImageError::NotAnImage)
}

fn of_platform(all: Vec<Descriptor>, asked: Option<&str>) -> Result<Descriptor, ImageError> {
    let is_image = |one: &Descriptor| {
        // An attestation stands beside the image that it is of.
        one.platform.as_ref().is_none_or(|one| one.os != "unknown")
    };
    let mut images: Vec<Descriptor> = all.into_iter().filter(is_image).collect();
    let own = format!("linux/{}", own_architecture());
    let wanted = asked.unwrap_or(&own);
    let found = images.iter().position(|one| {
        one.platform
            .as_ref()
            .is_some_and(|one| fits(one, Some(wanted)))
    });
    if let Some(found) = found {
        return Ok(images.swap_remove(found));
    }
    if asked.is_none() && images.len() == 1 {
        return images.pop().ok_or(ImageError::NotAnImage);
    }
    let platforms = images.iter().take(50);
    Err(ImageError::NoPlatform {
        asked: wanted.to_owned(),
        platforms: platforms
            .map(|one| one.platform.as_ref().map_or("?".to_owned(), word))
            .collect(),
    })
}

fn fits(has: &Platform, asked: Option<&str>) -> bool {
    let Some(asked) = asked else { return true };
    let parts: Vec<&str> = asked.split('/').collect();
    match parts.as_slice() {
        [os, architecture] => *os == has.os && *architecture == has.architecture,
        // A variant that an image leaves out is the usual one: v8 of arm64, v1 of amd64.
        [os, architecture, variant] => {
            let usual = match *architecture {
                "arm64" => "v8",
                "arm" => "v7",
                "amd64" => "v1",
                _ => "",
            };
            let own = has.variant.as_deref().filter(|own| !own.is_empty());
            *os == has.os && *architecture == has.architecture && *variant == own.unwrap_or(usual)
        }
        _ => false,
    }
}

/// As `--platform` takes it.
pub(super) fn word(platform: &Platform) -> String {
    let variant = platform.variant.iter().map(|variant| format!("/{variant}"));
    let platform = [&*platform.os, "/", &*platform.architecture].concat();
    variant.fold(platform, |platform, variant| platform + &variant)
}

/// This machine's architecture, as images call it.
pub(super) fn own_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    }
}

fn document<T: serde::de::DeserializeOwned>(blob: &Blob, what: &str) -> Result<T, ImageError> {
    read(what, &blob.small(what, DOCUMENT_BYTES)?)
}

/// A document that a descriptor leads to: its digest and its bytes.
fn described(store: &Store, descriptor: &Descriptor) -> Result<(String, Vec<u8>), ImageError> {
    let blob = located(store, descriptor)?;
    checked(&blob, &descriptor.digest, Some(descriptor.digest.clone()))
}

fn layer(store: &Store, descriptor: &Descriptor) -> Result<Blob, ImageError> {
    let blob = located(store, descriptor)?;
    let found = blob.digest()?;
    if found == descriptor.digest {
        return Ok(blob);
    }
    Err(ImageError::Digest {
        what: "a layer".to_owned(),
        expected: descriptor.digest.clone(),
        found,
    })
}

fn located(store: &Store, descriptor: &Descriptor) -> Result<Blob, ImageError> {
    let digest = &descriptor.digest;
    let path = descriptor
        .path()
        .ok_or_else(|| ImageError::malformed("a digest", "only sha256 is supported"))?;
    let blob = store.find(&path)?;
    let blob = blob.ok_or_else(|| ImageError::Missing(digest.clone()))?;
    if blob.size_bytes != descriptor.size {
        let why = format!("{} bytes, expected {}", blob.size_bytes, descriptor.size);
        return Err(ImageError::malformed(digest, why));
    }
    Ok(blob)
}

fn checked(
    blob: &Blob,
    what: &str,
    expected: Option<String>,
) -> Result<(String, Vec<u8>), ImageError> {
    let bytes = blob.small(what, DOCUMENT_BYTES)?;
    let found = blob.digest()?;
    match expected {
        Some(expected) if expected != found => Err(ImageError::Digest {
            what: what.to_owned(),
            expected,
            found,
        }),
        _ => Ok((found, bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_that_is_asked_for_is_compared() {
        let has = |architecture: &str, variant: Option<&str>| Platform {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        };
        let (old, new) = (has("arm", Some("v6")), has("arm", Some("v7")));
        assert!(fits(&new, Some("linux/arm/v7")) && !fits(&old, Some("linux/arm/v7")));
        assert!(fits(&old, Some("linux/arm")));
        assert!(fits(&has("arm64", None), Some("linux/arm64/v8")));
        for other in [
            "linux/amd64/garbage",
            "linux/amd64/v1/more",
            "linux",
            "windows/amd64",
        ] {
            assert!(!fits(&has("amd64", None), Some(other)), "{other}");
        }
        assert_eq!(word(&old), "linux/arm/v6");
    }
}
