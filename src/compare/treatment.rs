//! How a field of the document is compared, by its name: names carry their units.

/// How two values of a field are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Treatment {
    /// Any difference counts.
    Exact,
    /// A list whose order says nothing.
    Set,
    /// A quantity that varies by itself: twice as much and at least this much more.
    Quantity(f64),
    /// A percentage: at least this many points.
    Points(f64),
    /// Events since some start.
    Counter {
        /// It tells of something wrong.
        bad: bool,
    },
    /// It differs between two containers that do the same, or follows from another field.
    Fold,
}

use Treatment::{Counter, Exact, Fold, Points, Quantity, Set};

const MIB: f64 = 1_048_576.0;

/// Names of fields, or `parent.name` where the name alone says too little, and of whole subtrees.
const FIELDS: &[(&str, Treatment)] = &[
    // Which process or kernel object it happens to be.
    ("pid", Fold),
    ("ppid", Fold),
    ("tid", Fold),
    ("served.pids", Fold),
    ("inode", Fold),
    ("mount_id", Fold),
    ("parent_id", Fold),
    ("major", Fold),
    ("minor", Fold),
    ("index", Fold),
    ("lower_index", Fold),
    ("cgroup", Fold),
    ("limit_set_by", Fold),
    ("mac_address", Fold),
    ("device", Fold),
    ("dialled", Fold),
    ("started_at", Fold),
    ("modified_at", Fold),
    ("neighbours", Fold),
    // Ephemeral, or a consequence of what is compared already.
    ("network.source", Fold),
    ("network.addresses", Fold),
    ("used", Fold),
    ("against_defaults", Fold),
    ("held", Fold),
    ("clauses", Fold),
    ("mask", Fold),
    ("differing_threads", Fold),
    ("capabilities.text", Fold),
    ("user_namespace", Fold),
    ("as_of", Fold),
    ("against_parent", Fold),
    ("missing_from_parent", Fold),
    ("seconds_left", Fold),
    ("verdicts", Fold),
    ("spki_pin_sha256", Fold),
    ("serial", Fold),
    ("public_key", Fold),
    ("evidence", Fold),
    ("consequence", Fold),
    ("changed_mappings", Fold),
    ("packages", Fold),
    ("jvm", Fold),
    ("collectors", Fold),
    ("conntrack", Fold),
    ("peak_bytes", Fold),
    ("cache_bytes", Fold),
    ("kernel_bytes", Fold),
    ("virtual_bytes", Fold),
    ("usage_seconds", Fold),
    ("user_seconds", Fold),
    ("system_seconds", Fold),
    ("total_seconds", Fold),
    ("periods", Fold),
    ("throttled_seconds", Fold),
    ("pids.current", Fold),
    ("peak", Fold),
    ("weight", Fold),
    ("needed_by", Fold),
    ("inodes_used", Fold),
    ("peer_group", Fold),
    ("master_group", Fold),
    ("token_issued_at", Fold),
    ("token_expires_at", Fold),
    ("oom_score", Fold),
    ("fd_types", Fold),
    ("open_files.processes", Fold),
    ("tcp_used", Fold),
    ("received", Counter { bad: false }),
    ("sent", Counter { bad: false }),
    ("errors", Counter { bad: true }),
    ("dropped", Counter { bad: true }),
    // What an administrator sets.
    ("limit_bytes", Exact),
    ("high_bytes", Exact),
    ("swap_limit_bytes", Exact),
    ("mtu_bytes", Exact),
    ("size_bytes", Exact),
    ("length_bytes", Exact),
    ("timeout_seconds", Exact),
    // What goes wrong.
    ("oom_kills", Counter { bad: true }),
    ("oom_events", Counter { bad: true }),
    ("throttled_periods", Counter { bad: true }),
    ("fork_failures", Counter { bad: true }),
    ("listen_overflows", Counter { bad: true }),
    ("listen_drops", Counter { bad: true }),
    ("request_queue_full_drops", Counter { bad: true }),
    ("counters", Counter { bad: false }),
    // Amounts.
    ("count", Quantity(3.0)),
    ("threads", Quantity(16.0)),
    ("fd_count", Quantity(32.0)),
    ("accept_queue", Quantity(4.0)),
    ("established", Quantity(10.0)),
    ("inbound", Quantity(10.0)),
    ("close_wait", Quantity(3.0)),
    ("syn_sent", Quantity(1.0)),
    ("deleted.files", Quantity(10.0)),
    ("disk_bytes", Quantity(MIB)),
    ("used_cores", Quantity(0.5)),
    ("files_left_out", Fold),
    ("roots", Quantity(20.0)),
    ("avg10_percent", Points(20.0)),
    ("avg60_percent", Fold),
    ("avg300_percent", Fold),
    ("cpu_percent", Fold),
    ("memory_percent", Fold),
    // Lists.
    ("names", Set),
    ("groups", Set),
    ("flags", Set),
    ("caught", Set),
    ("ignored", Set),
    ("blocked", Set),
    ("pending", Fold),
    ("mount_options", Set),
    ("super_options", Set),
    ("subject_alternative_names", Set),
    ("key_usages", Set),
    ("extended_key_usages", Set),
    ("found_by", Fold),
    ("options", Set),
];

/// That of a field in an object that is the value of `parent`; `inherited` is that of the parent,
/// where it is listed.
pub(super) fn treatment(
    parent: &str,
    name: &str,
    inherited: Option<Treatment>,
) -> Option<Treatment> {
    let mut of_both = FIELDS.iter().filter(|(listed, _)| {
        let pair = listed.split_once('.');
        pair.is_some_and(|(outer, inner)| outer == parent && inner == name)
    });
    let listed = of_both
        .next()
        .or_else(|| FIELDS.iter().find(|(listed, _)| *listed == name));
    listed.map(|(_, treatment)| *treatment).or(inherited)
}

/// That of a value that is not listed: by the unit at the end of its name.
pub(super) fn by_unit(name: &str) -> Treatment {
    if name.ends_with("_bytes") {
        Quantity(16.0 * MIB)
    } else if name.ends_with("_percent") {
        Points(20.0)
    } else if name.ends_with("_seconds") {
        Fold
    } else {
        Exact
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_compared_by_its_unit() {
        assert_eq!(by_unit("rss_bytes"), Quantity(16.0 * MIB));
        assert_eq!(by_unit("used_percent"), Points(20.0));
        assert_eq!(by_unit("usage_seconds"), Fold);
        assert_eq!(by_unit("value"), Exact);
    }

    #[test]
    fn a_limit_is_compared_exactly() {
        assert_eq!(treatment("memory", "limit_bytes", None), Some(Exact));
    }

    #[test]
    fn a_counter_of_a_group_is_one() {
        let group = treatment("network", "counters", None);
        let tcp = treatment("counters", "tcp", group);
        let ordinary = Some(Counter { bad: false });
        assert_eq!(treatment("tcp", "sent_segments", tcp), ordinary);
        let bad = Some(Counter { bad: true });
        assert_eq!(treatment("tcp", "listen_overflows", tcp), bad);
    }

    #[test]
    fn a_name_may_mean_another_thing_elsewhere() {
        assert_eq!(treatment("served", "pids", None), Some(Fold));
        assert_eq!(treatment("resources", "pids", None), None);
    }
}
