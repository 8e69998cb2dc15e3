//! What went wrong, as RFC 9457 writes it: one sentence outside, the detail in the log.

use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::redact;
use crate::render;
use crate::scan::no_target::NoTarget;

/// Why a request is not answered with what it asked for.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// For the client; holds nothing but what it sent or may know.
    pub(super) detail: String,
}

/// Problem details (RFC 9457).
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Problem"))]
pub(super) struct Document<'a> {
    /// Always `about:blank`: the status gives the type.
    r#type: &'a str,
    /// The reason phrase of the status.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request.
    detail: &'a str,
}

/// The schema of [`Document`].
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "description": "Problem details (RFC 9457).",
        "properties": {
            "type": {
                "type": "string",
                "description": "Always `about:blank`: the status gives the type."
            },
            "title": {"type": "string", "description": "The reason phrase of the status."},
            "status": {
                "type": "integer",
                "format": "uint16",
                "minimum": 0,
                "maximum": 65535,
                "description": "The HTTP status."
            },
            "detail": {
                "type": "string",
                "description": "What is wrong with this request."
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
            // It may repeat what the request said.
            detail: redact::sentence(&detail.into()),
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
            "too many different concurrent requests; retry later",
        )
    }

    /// Answers that are not read fill the memory reserved for answers.
    pub(super) fn unread() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many responses are waiting for slow clients; retry later",
        )
    }

    /// The system gives no thread to look on.
    pub(super) fn no_thread() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "cannot start a thread for the scan: the process limit is reached",
        )
    }

    /// A look that did not end in time.
    pub(super) fn too_slow() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "the scan timed out: it is blocked in the kernel, or the machine is overloaded",
        )
    }

    /// As many readers are stuck as may be.
    pub(super) fn stuck() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "earlier scans are blocked in the kernel: a file system or a process of the target does \
             not respond",
        )
    }

    /// A look that ended without an answer, which is a bug.
    pub(super) fn lost() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the scan failed; see the log",
        )
    }

    /// There is no target, or more than one.
    pub(super) fn no_target(none: &NoTarget) -> Self {
        let status = match none {
            NoTarget::NoProcess(_) | NoTarget::NoContainer { .. } | NoTarget::NoPod { .. } => {
                StatusCode::NOT_FOUND
            }
            NoTarget::Ambiguous { .. } => StatusCode::CONFLICT,
            NoTarget::NoProc { .. } | NoTarget::NoneListed { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, none.to_string())
    }

    /// The body.
    pub(super) fn body(&self) -> Bytes {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let text = serde_json::to_string(&document).unwrap_or_default();
        let mut text = render::escape::json(text);
        text.push('\n');
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
