//! Why an image cannot be read.

use std::io;

use crate::model::escape::escaped;
use crate::parse::tar::ArchiveError;

/// Why an image cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// It is neither a layout nor an archive of an image.
    #[error(
        "not an image: neither manifest.json (docker save, podman save) nor index.json (OCI layout) is there"
    )]
    NotAnImage,
    /// A part that the manifest names is missing.
    #[error("the image has no {}", escaped(.0.as_bytes()))]
    Missing(String),
    /// Several images are there.
    #[error(
        "{count} images are there: choose one with --tag: {}{}",
        escaped(.tags.join(", ").as_bytes()), if .tags.len() < *.count { ", …" } else { "" }
    )]
    Several {
        /// How many.
        count: usize,
        /// The tags of the first.
        tags: Vec<String>,
    },
    /// None has the tag that was asked for.
    #[error("no image has the tag {}; tags: {}", escaped(.asked.as_bytes()), escaped(.tags.join(", ").as_bytes()))]
    NoSuchTag {
        /// As it was asked for.
        asked: String,
        /// Those there are.
        tags: Vec<String>,
    },
    /// None is for the platform.
    #[error("no image for {}; platforms: {}; use --platform", escaped(.asked.as_bytes()), escaped(.platforms.join(", ").as_bytes()))]
    NoPlatform {
        /// As it was asked for.
        asked: String,
        /// Those there are.
        platforms: Vec<String>,
    },
    /// Content and name differ.
    #[error("digest mismatch of {}: expected {}, found {found}", escaped(.what.as_bytes()), escaped(.expected.as_bytes()))]
    Digest {
        /// The part.
        what: String,
        /// As the manifest or the configuration says.
        expected: String,
        /// Of its content.
        found: String,
    },
    /// Which of two members is meant cannot be said.
    #[error("the archive has the member {} twice", escaped(.0.as_bytes()))]
    Duplicate(String),
    /// It is longer than any real one.
    #[error("{} is longer than {limit} bytes", escaped(.what.as_bytes()))]
    TooLarge {
        /// The part.
        what: String,
        /// How long it may be.
        limit: u64,
    },
    /// It decompresses to much more than any real layer.
    #[error(
        "decompression bomb: {compressed_bytes} compressed bytes decompress to more than {limit}"
    )]
    Bomb {
        /// Read so far.
        compressed_bytes: u64,
        /// What they may decompress to.
        limit: u64,
    },
    /// A document of the image is not what it should be.
    #[error("{} is malformed: {why}", escaped(.what.as_bytes()))]
    Malformed {
        /// The part.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// A compression that no engine writes for layers.
    #[error("compressed with {0}, which is not supported; gzip, zstd and none are")]
    Compression(&'static str),
    /// It is no zstd, or a damaged one.
    #[error("zstd: {0}")]
    Zstd(String),
    /// A layer is no archive, or a damaged one.
    #[error("layer {number}: {error}")]
    Layer {
        /// From 1 on.
        number: usize,
        /// What is wrong.
        error: Box<ImageError>,
    },
    /// It is no tar, or a damaged one.
    #[error(transparent)]
    Archive(ArchiveError),
    /// It cannot be read.
    #[error("cannot read it: {0}")]
    Read(#[source] io::Error),
}

impl ImageError {
    pub(super) fn malformed(what: &str, why: impl Into<String>) -> Self {
        Self::Malformed {
            what: what.to_owned(),
            why: why.into(),
        }
    }
}

impl From<io::Error> for ImageError {
    fn from(error: io::Error) -> Self {
        // What a reader of this module found comes through std's traits.
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => Self::Read(error),
        }
    }
}

impl From<ArchiveError> for ImageError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Read(error) => error.into(),
            other => Self::Archive(other),
        }
    }
}
