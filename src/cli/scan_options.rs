//! The options of a scan, from the global flags.

use std::time::Duration;

use super::Failure;
use super::global::Global;
use crate::redact::Redactor;
use crate::scan::needs::{Choice, ConnectPolicy, NetPolicy, ScanOptions};
use crate::sys;

/// How long a look may take where `--timeout` does not say it.
pub(super) const LOOK_TIMEOUT: Duration = Duration::from_secs(30);
/// Likewise for a look that a client waits for.
pub(super) const SERVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Likewise for asking a server, which answers at once or does not.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn redactor(global: &Global) -> Result<Redactor, Failure> {
    let key = match &global.fingerprint_key_file {
        Some(path) => {
            sys::own_file::key(path).map_err(|error| Failure::usage(error.to_string()))?
        }
        None => sys::random::key()
            .map_err(|error| Failure::internal(format!("cannot get random bytes: {error}")))?
            .to_vec(),
    };
    Ok(Redactor::new(&key)
        .reveal_all(global.reveal_all)
        .reveal(global.reveal.iter().cloned()))
}

pub(super) fn net_policy(global: &Global) -> NetPolicy {
    NetPolicy {
        connect: if global.no_connect {
            ConnectPolicy::None
        } else {
            ConnectPolicy::Any
        },
        dial_timeout: global.timeout.unwrap_or(DIAL_TIMEOUT),
    }
}

pub(super) fn options(global: &Global) -> Result<ScanOptions, Failure> {
    Ok(ScanOptions {
        proc: global.proc.clone(),
        choice: Choice {
            pid: global.pid,
            container: global.container.clone(),
            pod: global.pod.clone(),
            own: global.own,
        },
        timeout: global.timeout.unwrap_or(LOOK_TIMEOUT),
        net: net_policy(global),
        redactor: redactor(global)?,
    })
}
