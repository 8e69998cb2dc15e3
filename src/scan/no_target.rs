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
    #[error("no container named {name:?}{}", in_sight(containers))]
    NoContainer {
        /// As it was given.
        name: String,
        /// The visible ones.
        containers: Vec<Container>,
    },
    /// Ambiguous: several containers match.
    #[error("ambiguous target: several containers match{}", in_sight(containers))]
    Ambiguous {
        /// The visible ones.
        containers: Vec<Container>,
    },
}

fn in_sight(containers: &[Container]) -> String {
    let line = |container: &Container| {
        let label = container.label();
        let shared = containers.iter().filter(|other| other.label() == label);
        // A name that several have would lead back here.
        let label = if shared.count() > 1 {
            format!("pid-{}", container.main_pid)
        } else {
            escaped(label.as_bytes()).into_owned()
        };
        let comm = escaped(container.main_comm.as_bytes());
        let (pid, count) = (container.main_pid, container.process_count);
        let own = if container.own { ", spyhole's own" } else { "" };
        format!("\n  --container {label:<20} {comm} (pid {pid}, {count} processes{own})")
    };
    format!(
        "; visible containers:{}",
        containers.iter().map(line).collect::<String>()
    )
}

/// What may be named as a target: not the pause container.
pub(crate) fn listed(mut containers: Vec<Container>) -> Vec<Container> {
    containers.retain(|container| container.kind != ContainerKind::Pause);
    containers
}
