//! Documents that are the same for the whole run: made once, and not sent again to clients that
//! have them.

use std::sync::LazyLock;
use std::thread;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use hyper::header::{ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};

use super::openapi;
use super::problem::Problem;
use super::reply::{Reply, text};
use crate::model::schema;
use crate::sys::allocator;

/// A document and its entity tag.
pub(super) struct StaticDocument {
    content_type: &'static str,
    body: Bytes,
    etag: HeaderValue,
}

type Made = LazyLock<Option<StaticDocument>>;

static SCHEMA: Made =
    LazyLock::new(|| StaticDocument::of("application/schema+json", schema::text().ok()?));
static OPENAPI: Made = LazyLock::new(|| {
    // With a thread goes what the allocator keeps for it, and holds pages down.
    let thread = thread::Builder::new().name("openapi".to_owned());
    let made = match thread.spawn(openapi::document) {
        Ok(thread) => thread.join().ok()?,
        Err(_) => openapi::document(),
    };
    // Versions in media types are registered for OpenAPI, but few clients know it so.
    StaticDocument::of("application/json", made.ok()?)
});

/// The JSON Schema of the documents.
pub(super) fn schema() -> Option<&'static StaticDocument> {
    SCHEMA.as_ref()
}

/// The description of the routes.
pub(super) fn openapi() -> Option<&'static StaticDocument> {
    OPENAPI.as_ref()
}

impl StaticDocument {
    pub(super) fn of(content_type: &'static str, body: impl Into<Bytes>) -> Option<Self> {
        let body = body.into();
        let digest = HEXLOWER.encode(&Sha256::digest(&body));
        let etag = format!("\"{}\"", digest.get(..16)?);
        let made = Self {
            content_type,
            body,
            etag: HeaderValue::from_str(&etag).ok()?,
        };
        // Making it takes ten times its size.
        allocator::give_back();
        Some(made)
    }

    /// Whether a client that sends these headers has it: RFC 9110, section 13.1.2.
    fn is_held(&self, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(IF_NONE_MATCH).iter();
        let tags = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        let mut tags = tags.map(<[u8]>::trim_ascii);
        tags.any(|tag| {
            tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == self.etag.as_bytes()
        })
    }
}

/// Sends it, or says that the client has it.
///
/// # Errors
/// That it could not be made, which is a bug.
pub(super) fn answer(
    static_document: Option<&StaticDocument>,
    headers: &HeaderMap,
) -> Result<Reply, Problem> {
    let static_document = static_document.ok_or_else(Problem::lost)?;
    let mut reply = if static_document.is_held(headers) {
        let mut reply = Response::new(Bytes::new().into());
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        reply
    } else {
        text(
            StatusCode::OK,
            static_document.content_type,
            static_document.body.clone(),
        )
    };
    reply
        .headers_mut()
        .insert(ETAG, static_document.etag.clone());
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_it_is_not_sent_it_again() {
        let static_document = StaticDocument::of("text/plain", "x").unwrap();
        let etag = static_document.etag.to_str().unwrap();
        let held = |tag: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_str(tag).unwrap());
            static_document.is_held(&headers)
        };
        assert!(held(etag) && held("*") && held(&format!("W/{etag}")));
        assert!(held(&format!("\"other\", {etag}")));
        assert!(!held("\"other\"") && !held("") && !held(etag.trim_matches('"')));
        assert!(!static_document.is_held(&HeaderMap::new()));
    }
}
