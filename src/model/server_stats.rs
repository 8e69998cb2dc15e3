//! What the server tells of itself beside a report: what it was asked and what it cost.

use super::time::Timestamp;

/// The server's own figures at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerStats {
    /// When it was started.
    pub started_at: Timestamp,
    /// Processor time used, in user mode and in the kernel together; `None` where unknown.
    pub cpu_seconds: Option<f64>,
    /// Memory that is in RAM; `None` where unknown.
    pub resident_bytes: Option<u64>,
    /// How long the look took that these figures stand beside.
    pub look_seconds: f64,
    /// Requests answered, by the first digit of the status: 1xx to 5xx.
    pub requests: [u64; 5],
    /// Connections that are open.
    pub connections_open: u64,
    /// Connections accepted since the start.
    pub connections_accepted: u64,
    /// Connections closed to make room for others.
    pub connections_evicted: u64,
    /// Requests rejected because of a missing or invalid token.
    pub auth_failures: u64,
    /// When the files of the target were last searched for certificates; `None` where never.
    pub certificates_read_at: Option<Timestamp>,
    /// What came of each declared probe when it was last run.
    pub probes: Vec<ProbeFigure>,
}

/// What came of a declared probe.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeFigure {
    /// As it was declared.
    pub name: String,
    /// Whether it passed; `None` where that could not be judged.
    pub success: Option<bool>,
    /// How long it took.
    pub seconds: f64,
}
