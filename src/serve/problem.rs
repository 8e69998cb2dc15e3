//! What went wrong, as RFC 9457 writes it: one sentence outside, the detail in the log.

use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

/// Why a request is not answered with what it asked for.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// For whoever asked; holds nothing that it did not send or may not know.
    pub(super) detail: String,
}

/// What went wrong, as RFC 9457 writes it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Problem"))]
pub(super) struct Document<'a> {
    /// `about:blank`: the status says all there is to say of its kind.
    r#type: &'a str,
    /// The words for the status.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// What is wrong with this request, as a sentence.
    detail: &'a str,
}

/// The schema of [`Document`].
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong, as RFC 9457 writes it.",
        "properties": {
            "type": {
                "type": "string",
                "description": "`about:blank`: the status says all there is to say of its kind."
            },
            "title": {"type": "string", "description": "The words for the status."},
            "status": {
                "type": "integer",
                "format": "uint16",
                "minimum": 0,
                "maximum": 65535,
                "description": "The status of the answer."
            },
            "detail": {
                "type": "string",
                "description": "What is wrong with this request, as a sentence."
            }
        },
        "required": ["type", "title", "status", "detail"]
    })
}

/// A problem, and how it is answered beside its body.
#[derive(Debug)]
pub(super) struct HttpError {
    pub(super) problem: Problem,
    /// How long to wait before saying so.
    pub(super) after: Duration,
    /// Whether to ask for a token in the answer.
    pub(super) challenge: bool,
    /// Whether the connection may not be used on: what follows may be a body.
    pub(super) close: bool,
}

impl From<Problem> for HttpError {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            after: Duration::ZERO,
            challenge: false,
            close: false,
        }
    }
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }

    /// A request that cannot be meant so.
    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Too much is asked at once.
    pub(super) fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many different questions at once; ask again in a moment",
        )
    }

    /// Answers that nobody takes fill the memory that there is for them.
    pub(super) fn unread() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "clients that read slowly hold too many answers; ask again in a moment",
        )
    }

    /// The system gives no thread to look on.
    pub(super) fn no_thread() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the system gives no thread to look on: the limit on processes is reached",
        )
    }

    /// A look that did not end in time.
    pub(super) fn too_slow() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "the look did not end in time; the kernel holds it, or the machine is overloaded",
        )
    }

    /// A look that ended without an answer, which is a bug.
    pub(super) fn lost() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the look ended without an answer; the log tells more",
        )
    }

    /// The body.
    pub(super) fn body(&self) -> Bytes {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let mut text = serde_json::to_vec(&document).unwrap_or_default();
        text.push(b'\n');
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_what_the_type_says() {
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        let mut made = settings.into_generator().into_root_schema_for::<Document>();
        made.remove("$schema");
        made.remove("title");
        assert_eq!(made.to_value(), schema());
    }
}
