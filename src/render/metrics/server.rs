//! What the server tells of itself.

use super::family::Family;
use super::{number, seconds};
use crate::model::label::label;
use crate::model::server_stats::ServerStats;

/// Its figures, and those of its probes.
pub(super) fn families(own: &ServerStats) -> Vec<Family> {
    let mut build = Family::info("spyhole_build_info", "The version that answers.");
    build.add([("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0);
    let mut requests = Family::counter(
        "spyhole_http_requests_total",
        "Requests answered, by the class of the status.",
    );
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
    for (class, count) in classes.into_iter().zip(own.requests) {
        requests.add([("code", class.to_owned())], number(count));
    }
    let mut families = vec![
        build,
        gauge(
            "spyhole_start_time_seconds",
            "When the server was started, in Unix time.",
            Some(seconds(own.started_at)),
        ),
        counter(
            "spyhole_cpu_seconds_total",
            "Processor time that the server has used itself.",
            own.cpu_seconds,
        ),
        gauge(
            "spyhole_resident_memory_bytes",
            "Memory of the server itself in RAM.",
            own.resident_bytes.map(number),
        ),
        gauge(
            "spyhole_look_duration_seconds",
            "How long the look took that these metrics are made of.",
            Some(own.look_seconds),
        ),
        gauge(
            "spyhole_certificates_read_timestamp_seconds",
            "When the target's files were last searched for certificates, in Unix time.",
            own.certificates_read_at.map(seconds),
        ),
        requests,
        gauge(
            "spyhole_http_connections",
            "Connections that are open.",
            Some(number(own.connections_open)),
        ),
        counter(
            "spyhole_http_connections_accepted_total",
            "Connections accepted.",
            Some(number(own.connections_accepted)),
        ),
        counter(
            "spyhole_http_connections_evicted_total",
            "Connections closed to make room for others.",
            Some(number(own.connections_evicted)),
        ),
        counter(
            "spyhole_http_auth_failures_total",
            "Requests refused for want of the right token.",
            Some(number(own.auth_failures)),
        ),
    ];
    families.extend(probes(own));
    families
}

fn probes(own: &ServerStats) -> [Family; 2] {
    let mut success = Family::gauge(
        "spyhole_probe_success",
        "1 where the probe passed when it was last run, 0 where it failed; absent where that could not be judged.",
    );
    let mut duration = Family::gauge(
        "spyhole_probe_duration_seconds",
        "How long the probe took when it was last run.",
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
