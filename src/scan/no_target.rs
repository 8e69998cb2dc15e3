//! Why there is nothing to look at, as sentences that name the next step.

use std::path::PathBuf;

use nix::errno::Errno;

use crate::model::container::{Container, ContainerKind};
use crate::model::escape::escaped;

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoTarget {
    /// `/proc` cannot be opened.
    #[error(
        "cannot open {path}: {errno}. Is proc mounted there? Use --proc DIR if it is mounted \
         elsewhere"
    )]
    NoProc {
        /// The directory that was tried.
        path: PathBuf,
        /// The errno of open(2).
        errno: Errno,
    },
    /// No process is listed where proc should be.
    #[error(
        "{path} lists no process. Is proc mounted there? Use --proc DIR if it is mounted \
        elsewhere"
    )]
    NoneListed {
        /// The directory that was tried.
        path: PathBuf,
    },
    /// The process that was named not found.
    #[error(
        "process {0} not found; `spyhole containers` and `spyhole ps --all` list what is \
        visible"
    )]
    NoProcess(i32),
    /// No container answers to the name.
    #[error(
        "no container named {name:?}{}{}{}",
        in_pod(pod.as_deref()),
        without_names(containers, name.contains('/') || pod.is_some()),
        in_sight(containers)
    )]
    NoContainer {
        /// As it was given.
        name: String,
        /// The pod that it was to be in.
        pod: Option<String>,
        /// The visible ones.
        containers: Vec<Container>,
    },
    /// No container is in a pod of this name.
    #[error(
        "no pod named {name:?}{}{}",
        without_names(containers, true),
        in_sight(containers)
    )]
    NoPod {
        /// As it was given.
        name: String,
        /// The visible containers.
        containers: Vec<Container>,
    },
    /// Ambiguous: several containers match.
    #[error(
        "ambiguous target: several containers match{}",
        among(containers, others)
    )]
    Ambiguous {
        /// Those that match.
        containers: Vec<Container>,
        /// The other visible ones.
        others: Vec<Container>,
    },
}

/// Lines of a list of containers; on a node there are hundreds.
const LINES: usize = 50;

fn in_pod(pod: Option<&str>) -> String {
    pod.map_or_else(String::new, |pod| format!(" in pod {pod:?}"))
}

/// That names of pods are not known at all, where they were asked for.
fn without_names(containers: &[Container], asked: bool) -> &'static str {
    let is_named = containers.iter().any(|container| container.pod.is_some());
    if asked && !is_named {
        " (names of pods are read on the node only, from /var/log/pods or the runtime's bundles; \
         neither is readable here; from Kubernetes 1.30 on the directory takes root or its group)"
    } else {
        ""
    }
}

fn in_sight(containers: &[Container]) -> String {
    among(containers, &[])
}

/// A line for each of these containers, with a name that none of the others has.
fn among(containers: &[Container], others: &[Container]) -> String {
    let line = |container: &Container| {
        let label = shortest(container, || containers.iter().chain(others));
        let label = escaped(label.as_bytes());
        let comm = escaped(container.main_comm.as_bytes());
        let (pid, count) = (container.main_pid, container.process_count);
        let own = if container.own { ", spyhole's own" } else { "" };
        format!("\n  --container {label:<20} {comm} (pid {pid}, {count} processes{own})")
    };
    let more = match containers.len().saturating_sub(LINES) {
        0 => String::new(),
        more => format!("\n  and {more} more: spyhole containers"),
    };
    format!(
        "; visible containers:{}{more}",
        containers.iter().take(LINES).map(line).collect::<String>()
    )
}

/// The shortest that `--container` takes for this one of them alone: a name that several have
/// would lead back here.
fn shortest<'a, I: Iterator<Item = &'a Container>>(
    container: &Container,
    visible: impl Fn() -> I,
) -> String {
    let is_one = |name: &dyn Fn(&Container) -> String| {
        let own = name(container);
        let shared = visible().filter(|other| name(other) == own);
        (shared.count() == 1).then_some(own)
    };
    let id = |one: &Container| {
        let id = one.id.as_deref().unwrap_or_default();
        id.get(..SHORT_ID).unwrap_or(id).to_owned()
    };
    let is_named = container.pod.is_some();
    is_one(&Container::label)
        .or_else(|| is_one(&Container::path).filter(|_| is_named))
        .or_else(|| is_one(&id).filter(|id| id.len() == SHORT_ID))
        .unwrap_or_else(|| format!("pid-{}", container.main_pid))
}

/// Digits of an id as engines print it.
const SHORT_ID: usize = 12;

/// What may be named as a target: not the pause container.
pub(crate) fn listed(mut containers: Vec<Container>) -> Vec<Container> {
    containers.retain(|container| container.kind != ContainerKind::Pause);
    containers
}
