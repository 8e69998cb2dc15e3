//! Checks that dial: TCP, HTTP, gRPC, and the name server.

use core::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::CheckContext;
use super::dial::{dial, resolve};
use super::reason::{CheckOutcome, CheckReason};
use super::spec::{Grpc, Http};
use crate::probe::endpoint::Endpoint;
use crate::probe::grpc::{HealthQuestion, ServingStatus, check_health};
use crate::probe::{http, tls as secure};

/// Bytes that an HTTP server may send.
const HTTP_BYTES: usize = 512 << 10;

/// Something accepts the connection.
pub(super) fn tcp(endpoint: &Endpoint, context: &mut CheckContext) -> CheckOutcome {
    let begun = Instant::now();
    match dial(endpoint, context) {
        Ok((connected, notes)) => {
            let accepted = CheckReason::Accepted {
                dialled: connected.dialled,
                after: begun.elapsed(),
            };
            CheckOutcome::new(true, accepted).with_notes(notes)
        }
        Err(outcome) => outcome,
    }
}

/// An HTTP server answers as expected. Of https the certificate is not judged, as by a kubelet.
pub(super) fn http(wanted: &Http, context: &mut CheckContext) -> CheckOutcome {
    let (mut connected, notes) = match dial(&wanted.endpoint, context) {
        Ok(dialled) => dialled,
        Err(outcome) => return outcome,
    };
    let dialled = connected.dialled;
    connected.wire.begin(HTTP_BYTES);
    let get = |stream: &mut dyn http::Stream| {
        http::get(
            stream,
            &wanted.authority,
            &wanted.path,
            wanted.body.is_some(),
        )
    };
    let answer = if wanted.is_tls {
        match secure::unjudged(connected.wire, &server_name(&wanted.endpoint), &[]) {
            Ok(mut stream) => get(&mut stream),
            Err(failure) => {
                let failed = CheckReason::TlsFailed(Box::new(failure));
                return CheckOutcome::new(false, failed).with_notes(notes);
            }
        }
    } else {
        get(&mut connected.wire)
    };
    let outcome = match answer {
        Ok(answer) => answered(wanted, dialled, &answer),
        Err(error) => CheckOutcome::new(
            false,
            CheckReason::HttpFailed {
                dialled,
                error: Arc::new(error),
            },
        ),
    };
    outcome.with_notes(notes)
}

/// The name to ask a server of TLS for.
fn server_name(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp(host, _) => host.to_string(),
        Endpoint::Unix(path) => path.clone(),
    }
}

/// A gRPC server says that it serves. Of `grpcs` the certificate is not judged.
pub(super) fn grpc(wanted: &Grpc, context: &mut CheckContext) -> CheckOutcome {
    let (mut connected, notes) = match dial(&wanted.endpoint, context) {
        Ok(dialled) => dialled,
        Err(outcome) => return outcome,
    };
    let dialled = connected.dialled;
    connected.wire.begin(HTTP_BYTES);
    let question = HealthQuestion {
        is_tls: wanted.is_tls,
        authority: &wanted.authority,
        service: &wanted.service,
    };
    let status = if wanted.is_tls {
        let name = server_name(&wanted.endpoint);
        match secure::unjudged(connected.wire, &name, &[b"h2".to_vec()]) {
            Ok(mut stream) => check_health(&mut stream, question),
            Err(failure) => {
                let failed = CheckReason::TlsFailed(Box::new(failure));
                return CheckOutcome::new(false, failed).with_notes(notes);
            }
        }
    } else {
        check_health(&mut connected.wire, question)
    };
    let service = wanted.service.clone();
    let outcome = match status {
        Ok(status) => {
            let serves = status == ServingStatus::Serving;
            CheckOutcome::new(
                serves,
                CheckReason::GrpcStatus {
                    dialled,
                    service,
                    status,
                },
            )
        }
        Err(error) => {
            let error = Arc::new(error);
            CheckOutcome::new(
                false,
                CheckReason::GrpcFailed {
                    dialled,
                    service,
                    error,
                },
            )
        }
    };
    outcome.with_notes(notes)
}

fn answered(wanted: &Http, dialled: String, answer: &http::Answer) -> CheckOutcome {
    let status = answer.status;
    let expected = wanted.status;
    if !(expected.0..=expected.1).contains(&status) {
        let other = CheckReason::HttpStatus {
            dialled,
            status,
            expected,
        };
        return CheckOutcome::new(false, other);
    }
    match &wanted.body {
        Some(text) if !holds(&answer.body, text.as_bytes()) => {
            CheckOutcome::new(false, CheckReason::HttpBody { dialled, status })
        }
        _ => CheckOutcome::new(true, CheckReason::HttpAnswered { dialled, status }),
    }
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|part| part == text)
}

/// A name has an address.
pub(super) fn dns(name: &str, context: &mut CheckContext) -> CheckOutcome {
    if !context.may_dial {
        return CheckOutcome::unknown(CheckReason::DnsDisabled);
    }
    match resolve(name, 0, context) {
        Ok((addresses, notes)) => {
            let resolved = CheckReason::Resolved {
                name: name.to_owned(),
                addresses: addresses.iter().map(SocketAddr::ip).collect(),
            };
            CheckOutcome::new(true, resolved).with_notes(notes)
        }
        Err(outcome) => outcome,
    }
}
