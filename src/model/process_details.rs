//! What of a process is read only where it is asked for.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::seen::Seen;

/// What a process waits for, how it is scheduled, its I/O and its namespaces; each absent where it
/// was not asked for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessDetails {
    /// The function of the kernel that it waits in: `/proc/PID/wchan`; also absent for what does
    /// not wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_channel: Option<Seen<ByteString>>,
    /// How it is scheduled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Seen<ProcessScheduling>>,
    /// The CPUs that it may run on, such as `0-3,8`: `Cpus_allowed_list` of `/proc/PID/status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus_allowed: Option<Seen<String>>,
    /// Its I/O: `/proc/PID/io`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io: Option<Seen<ProcessIo>>,
    /// The kinds of namespaces in which it is not with spyhole, by their names in
    /// `/proc/PID/ns`; also absent for zombies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_namespaces: Option<Seen<Vec<String>>>,
}

/// How a process is scheduled, and its page faults: `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessScheduling {
    /// The policy of sched(7): `other`, `fifo`, `rr`, `batch`, `idle`, `deadline`, `ext`, or its
    /// number.
    pub policy: String,
    /// The priority inside of the kernel; lower is sooner.
    pub priority: i64,
    /// The priority of a real-time policy, 1 to 99; absent for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realtime_priority: Option<u32>,
    /// Page faults that took no I/O.
    pub minor_faults: u64,
    /// Page faults that took I/O.
    pub major_faults: u64,
}

/// I/O of a process since its start; absent what this kernel does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessIo {
    /// From storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_bytes: Option<u64>,
    /// To storage, once the page cache is written back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_bytes: Option<u64>,
    /// By read(2) and the like, also from the page cache, pipes and sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_calls_bytes: Option<u64>,
    /// By write(2) and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_calls_bytes: Option<u64>,
}
