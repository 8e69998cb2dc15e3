//! What a look brought, ready to be sent to each client that asked the same.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;

use super::body::{Body, Streams};
use super::problem::Problem;
use super::reply::{Reply, reply};
use crate::model::Report;
use crate::render;
use crate::sys::allocator;

/// The longest document that is kept as text, once for all that read it. A longer one is written
/// anew for each reader, as it reads.
const TEXT_MAX: usize = 8 << 20;

/// What a look brought.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) content_type: &'static str,
    pub(super) content: Content,
}

/// The content of an answer.
#[derive(Debug)]
pub(super) enum Content {
    /// Its text.
    Text(Bytes),
    /// A document too long to be kept as text.
    Document(Arc<LargeDocument>),
}

/// A document that is written as JSON while it is read.
#[derive(Debug)]
pub(super) struct LargeDocument {
    report: Report,
    /// Bytes of its JSON.
    length: usize,
    /// Its part of the bytes that are held.
    held: Option<HeldPart>,
    /// Dropped last, when the report is gone.
    _memory: GivenBack,
}

/// Gives free memory back to the system when it is dropped.
#[derive(Debug)]
struct GivenBack;

impl Drop for GivenBack {
    fn drop(&mut self) {
        allocator::give_back();
    }
}

/// Bytes of answers that are kept or on their way to a client, however slow it is.
#[derive(Debug, Clone, Default)]
pub(super) struct HeldBytes(Arc<AtomicUsize>);

impl HeldBytes {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) -> HeldPart {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        HeldPart {
            bytes,
            all: self.clone(),
        }
    }
}

/// A part of the bytes that are held, as long as it lives.
#[derive(Debug)]
struct HeldPart {
    bytes: usize,
    all: HeldBytes,
}

impl Drop for HeldPart {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Text that counts as long as it is referenced.
struct Counted {
    bytes: Bytes,
    _held: HeldPart,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Answer {
    pub(super) fn text(content_type: &'static str, text: impl Into<Bytes>) -> Self {
        Self {
            content_type,
            content: Content::Text(text.into()),
        }
    }

    /// A document as JSON of at most so many bytes.
    ///
    /// # Errors
    /// `FileTooLarge`, where it is longer.
    pub(super) fn document(
        content_type: &'static str,
        report: Report,
        most: usize,
    ) -> io::Result<Self> {
        let mut measured = Measured {
            text: Vec::new(),
            length: 0,
            most,
        };
        render::json(&report, &mut measured)?;
        let Measured { text, length, .. } = measured;
        let content = if length <= TEXT_MAX {
            Content::Text(text.into())
        } else {
            Content::Document(Arc::new(LargeDocument {
                report,
                length,
                held: None,
                _memory: GivenBack,
            }))
        };
        Ok(Self {
            content_type,
            content,
        })
    }

    /// The same, counted among what is held.
    pub(super) fn counted(mut self, held: &HeldBytes) -> Self {
        let part = held.add(self.length());
        match &mut self.content {
            Content::Text(text) => {
                let counted = Counted {
                    bytes: std::mem::take(text),
                    _held: part,
                };
                *text = Bytes::from_owner(counted);
            }
            Content::Document(document) => {
                if let Some(document) = Arc::get_mut(document) {
                    document.held = Some(part);
                }
            }
        }
        self
    }

    /// Its bytes.
    pub(super) fn length(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.len(),
            Content::Document(document) => document.length,
        }
    }

    /// The reply to one of the clients. A stream waits at most so long for a slot.
    ///
    /// # Errors
    /// All slots for streams are taken by slow clients, or the system gives no thread.
    pub(super) async fn reply(
        &self,
        streams: &Streams,
        patience: Duration,
    ) -> Result<Reply, Problem> {
        let body = match &self.content {
            Content::Text(text) => text.clone().into(),
            Content::Document(document) => {
                let slot = tokio::time::timeout(patience, streams.slot()).await;
                let Ok(Some(slot)) = slot else {
                    return Err(Problem::unread());
                };
                let document = Arc::clone(document);
                let length = document.length as u64;
                let work = move |out: &mut dyn Write| render::json(&document.report, out);
                Body::stream(length, slot, work).map_err(|_| Problem::no_thread())?
            }
        };
        Ok(reply(StatusCode::OK, self.content_type, body))
    }
}

/// A document while it is measured: its text as long as it can be kept, and its length.
struct Measured {
    text: Vec<u8>,
    length: usize,
    most: usize,
}

impl Write for Measured {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        self.length = self.length.saturating_add(more.len());
        if self.length > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if self.length <= TEXT_MAX {
            self.text.extend_from_slice(more);
        } else {
            self.text = Vec::new();
        }
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
