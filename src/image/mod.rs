//! An image before anything of it runs: an unpacked root, an OCI layout, or an archive. Its layers are
//! read one after the other and laid over each other in memory; nothing is extracted.
//!
//! What an archive holds was written by others: each document, list and text has a limit, and what lies
//! beyond it is a gap; what is damaged is an error with its name.

mod blob;
mod choose;
mod documents;
mod error;
mod findings;
mod judge_start;
mod kept;
mod layers;
mod lines;
mod report;
mod root_dir;
mod runtime_words;
mod sniff;
mod software;
mod store;
mod summary;
mod tree;

#[cfg(test)]
mod tests;

pub(crate) use choose::ImageChoice;
pub(crate) use error::ImageError;
pub(crate) use lines::lines;
pub(crate) use report::{AuditReport, Runtime};

use std::collections::BTreeMap;

use blob::Blob;
use layers::Collected;
use store::Store;
use summary::Parts;

use crate::redact::Redactor;
use crate::sys::InRoot;
use crate::sys::tree_entry::OpenedContent;

/// The most bytes that the layers of an image may decompress to: this number, or this multiple of what
/// they take compressed, whichever is more.
const UNPACKED_BYTES: u64 = 4 << 30;
const UNPACKED_RATIO: u64 = 50;

/// What is read.
pub(crate) enum ImageInput {
    /// A directory: an OCI layout, or an unpacked root.
    Directory(InRoot),
    /// An archive.
    Archive(OpenedContent),
}

/// Reads and judges an image.
///
/// # Errors
/// [`ImageError`], where it is no image, or a damaged one.
pub(crate) fn audit(
    input: ImageInput,
    choice: &ImageChoice,
    runtime: Runtime,
    redactor: &Redactor,
) -> Result<AuditReport, ImageError> {
    let store = match input {
        ImageInput::Directory(root) => {
            let store = Store::Directory(root);
            let is_layout = store.find("oci-layout")?.is_some()
                || store.has_blobs() && store.find("index.json")?.is_some();
            match store {
                Store::Directory(root) if !is_layout => {
                    return audit_root(&root, runtime, redactor);
                }
                store => store,
            }
        }
        ImageInput::Archive(content) => Store::of_archive(Blob::whole(content))?,
    };
    let chosen = choose::choose(&store, choice)?;
    let mut collected = Collected::new();
    collected.unpacked_bytes_left = unpacked_bytes(&chosen.layers);
    let mut sizes = Vec::new();
    for (number, blob) in chosen.layers.iter().enumerate() {
        let diff_id = chosen.config.rootfs.diff_ids.get(number);
        let layer = u16::try_from(number).unwrap_or(u16::MAX);
        let size = collected
            .apply(blob, layer, diff_id.map(String::as_str))
            .map_err(|error| ImageError::Layer {
                number: number + 1,
                error: Box::new(error),
            })?;
        sizes.push(size);
    }
    let stored = chosen.layers.iter().map(|blob| blob.size_bytes).collect();
    Ok(Parts {
        collected: &collected,
        chosen: Some(&chosen),
        sizes,
        stored_bytes: stored,
        runtime,
        redactor,
        unread: root_dir::Unread::default(),
    }
    .report())
}

/// What all layers together may decompress to: a manifest may name one layer again and again.
fn unpacked_bytes(layers: &[Blob]) -> u64 {
    let distinct: BTreeMap<_, u64> = layers
        .iter()
        .map(|blob| (blob.identity(), blob.size_bytes))
        .collect();
    let stored = distinct
        .values()
        .fold(0_u64, |sum, size| sum.saturating_add(*size));
    stored.saturating_mul(UNPACKED_RATIO).max(UNPACKED_BYTES)
}

fn audit_root(
    root: &InRoot,
    runtime: Runtime,
    redactor: &Redactor,
) -> Result<AuditReport, ImageError> {
    let mut collected = Collected::new();
    let (size, unread) = root_dir::read(root, &mut collected)?;
    Ok(Parts {
        collected: &collected,
        chosen: None,
        sizes: vec![size],
        stored_bytes: vec![0],
        runtime,
        redactor,
        unread,
    }
    .report())
}
