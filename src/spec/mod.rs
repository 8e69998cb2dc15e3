//! From the document of a running container the Kubernetes container that it should be, each line
//! with its evidence.
//!
//! What was evidenced is never called used: a capability whose use leaves no trace, or a file that
//! was written and removed, cannot be seen, and the remarks say so.

mod changed_files;
mod command;
mod compose;
mod container;
mod environment;
mod manifest;
mod ports;
mod resources;
mod security;
mod stop;
mod tree;
mod volumes;

use crate::doctor::{Facts, NotJudged};
use crate::model::Report;
use crate::sections::section::Request;
pub(crate) use changed_files::{ChangedFiles, find_changed_files, wanted_files};
pub(crate) use container::ContainerSpec;
pub(crate) use ports::{Answering, PortAnswer, reachable_ports};
pub(crate) use resources::ResourceWatch;
pub(crate) use tree::{Line, Reference, Tree, references, yaml};

/// A value with what shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evidenced<T> {
    pub(crate) value: T,
    pub(crate) evidence: String,
}

impl<T> Evidenced<T> {
    fn new(value: T, evidence: impl Into<String>) -> Self {
        Self {
            value,
            evidence: evidence.into(),
        }
    }
}

/// Several values, and what is to be said where there is none.
#[derive(Debug, Clone)]
struct Part<T> {
    entries: Vec<Evidenced<T>>,
    remarks: Vec<String>,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            remarks: Vec::new(),
        }
    }
}

impl<T> Part<T> {
    fn unseen(why: &str) -> Self {
        Self {
            entries: Vec::new(),
            remarks: vec![why.to_owned()],
        }
    }
}

/// What was seen beside the document.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// The image, as the caller names it.
    pub(crate) image: Option<String>,
    /// Files of the target that were changed since it was started; `None` for a saved document.
    pub(crate) changed: Option<ChangedFiles>,
    /// What its ports answered; `None` where they were not asked.
    pub(crate) answers: Option<Vec<Answering>>,
    /// How many ports more there are than were asked.
    pub(crate) unasked_ports: usize,
    /// Its use of resources over a time.
    pub(crate) watch: Option<ResourceWatch>,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpecKind {
    Container,
    Pod,
    Deployment,
    /// A service of Compose.
    Compose,
}

/// What the document shows of a container.
pub(crate) fn specify(report: &Report, beside: &Beside) -> ContainerSpec {
    ContainerSpec::of(&Facts::of(report), beside)
}

/// The specification as a document of this kind.
pub(crate) fn document(spec: &ContainerSpec, kind: SpecKind) -> Vec<Line> {
    match kind {
        SpecKind::Compose => compose::document(spec),
        _ => manifest::document(spec, kind),
    }
}

/// What of a document is read: all but what takes long and says nothing of it.
pub(crate) fn requests() -> Vec<Box<dyn Request>> {
    crate::sections::requests_of_spec()
}

/// `not seen: WHAT: the field and why`.
fn not_seen(what: &str, why: NotJudged) -> String {
    match why.reason {
        Some(reason) => format!("not seen: {what}: {}: {}", why.field, reason.describe()),
        None => format!("not seen: {what}: the document has no {}", why.field),
    }
}

/// Whether a part of a path or a name was redacted: what is left of it leads nowhere.
fn holds_secret(text: &str) -> bool {
    text.contains("‹redacted")
}

/// `NAME (PID)` of a process.
fn process_name(process: &crate::model::process::Process) -> String {
    format!("{} ({})", process.comm.to_text(), process.pid)
}
