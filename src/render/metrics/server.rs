//! What the server tells of itself.

use super::family::Family;
use super::{number, seconds};
use crate::model::label::label;
use crate::model::server_stats::ServerStats;

/// Its figures, and those of its probes.
pub(super) fn families(own: &ServerStats) -> Vec<Family> {
    let mut build = Family::info("spyhole_build_info", "Version of spyhole.");
    build.add([("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0);
    let mut requests = Family::counter(
        "spyhole_http_requests_total",
        "Requests served, by status class.",
    );
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
    for (class, count) in classes.into_iter().zip(own.requests) {
        requests.add([("code", class.to_owned())], number(count));
    }
    let mut families = vec![
        build,
        gauge(
            "spyhole_start_time_seconds",
            "Start time of the server, in Unix time.",
            Some(seconds(own.started_at)),
        ),
        counter(
            "spyhole_cpu_seconds_total",
            "CPU time used by the server itself.",
            own.cpu_seconds,
        ),
        gauge(
            "spyhole_resident_memory_bytes",
            "Resident memory of the server itself.",
            own.resident_bytes.map(number),
        ),
        gauge(
            "spyhole_look_duration_seconds",
            "Duration of the scan behind these metrics.",
            Some(own.look_seconds),
        ),
        gauge(
            "spyhole_certificates_read_timestamp_seconds",
            "Time of the last search of the target's files for certificates, in Unix time.",
            own.certificates_read_at.map(seconds),
        ),
        requests,
        gauge(
            "spyhole_http_connections",
            "Open connections.",
            Some(number(own.connections_open)),
        ),
        counter(
            "spyhole_http_connections_accepted_total",
            "Accepted connections.",
            Some(number(own.connections_accepted)),
        ),
        counter(
            "spyhole_http_connections_evicted_total",
            "Connections closed to make room for others.",
            Some(number(own.connections_evicted)),
        ),
        counter(
            "spyhole_http_auth_failures_total",
            "Requests rejected because of a missing or invalid token.",
            Some(number(own.auth_failures)),
        ),
    ];
    families.extend(probes(own));
    families
}

fn probes(own: &ServerStats) -> [Family; 2] {
    let mut success = Family::gauge(
        "spyhole_probe_success",
        "1 if the probe's last run passed, 0 if it failed; absent if unknown.",
    );
    let mut duration = Family::gauge(
        "spyhole_probe_duration_seconds",
        "Duration of the probe's last run.",
    );
    for probe in &own.probes {
        let name = || [("probe", label(probe.name.as_bytes()))];
        if let Some(passed) = probe.success {
            success.add(name(), f64::from(u8::from(passed)));
        }
        duration.add(name(), probe.seconds);
    }
    [success, duration]
}

fn gauge(name: &'static str, help: &'static str, value: Option<f64>) -> Family {
    Family::gauge(name, help).with(value)
}

fn counter(name: &'static str, help: &'static str, value: Option<f64>) -> Family {
    Family::counter(name, help).with(value)
}
