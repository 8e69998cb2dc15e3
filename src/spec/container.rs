//! All that was found of a container.

use super::command::{Word, command};
use super::environment::{Setting, environment};
use super::ports::{Port, ports};
use super::resources::{Requirements, resources};
use super::security::{Security, security};
use super::stop::{Stop, stop};
use super::volumes::{VolumeMount, Volumes, label, volumes, writes};
use super::{Answering, Beside, Evidenced, Part};
use crate::doctor::Facts;
use crate::model::time::Timestamp;

/// Stands in the place of an image that nothing names.
pub(super) const NO_IMAGE: &str = "not-seen";

/// What the document shows of a container, each value with its evidence.
#[derive(Debug, Clone)]
pub(crate) struct ContainerSpec {
    pub(super) taken_at: Timestamp,
    /// A label of RFC 1123.
    pub(super) name: Evidenced<String>,
    pub(super) image: Evidenced<String>,
    pub(super) command: Part<Word>,
    pub(super) cwd: Option<Evidenced<String>>,
    pub(super) environment: Part<Setting>,
    pub(super) ports: Part<Port>,
    pub(super) security: Security,
    pub(super) volumes: Volumes,
    pub(super) resources: Requirements,
    pub(super) answers: Option<Vec<Answering>>,
    pub(super) stop: Stop,
}

impl ContainerSpec {
    pub(super) fn of(facts: &Facts<'_>, beside: &Beside) -> Self {
        let command = command(facts);
        let writes = writes(facts, beside);
        let security = security(facts, &writes);
        let mut volumes = volumes(facts);
        volumes.mounts.entries.extend(writes.mounts);
        name_apart(&mut volumes.mounts.entries);
        Self {
            taken_at: facts.report.taken_at,
            name: name(facts),
            image: image(beside),
            cwd: cwd(facts),
            environment: environment(facts, &command),
            command,
            ports: ports(facts),
            security,
            volumes,
            resources: resources(facts, beside),
            answers: beside.answers.clone(),
            stop: stop(facts),
        }
    }

    /// Whether anything of the target was readable.
    pub(crate) fn saw_anything(&self) -> bool {
        !self.command.entries.is_empty()
            || !self.environment.entries.is_empty()
            || !self.ports.entries.is_empty()
            || self.security.seccomp.is_some()
            || self.resources.request_memory.is_some()
            || !self.volumes.mounts.entries.is_empty()
    }
}

fn name(facts: &Facts<'_>) -> Evidenced<String> {
    let Ok(target) = facts.target() else {
        return Evidenced::new("app".to_owned(), "not seen: a name");
    };
    match &target.container {
        Some(name) => Evidenced::new(label(name), "the container's name"),
        None => Evidenced::new(
            label(&target.comm.to_text()),
            "not seen: the container's name; that of its main process",
        ),
    }
}

fn image(beside: &Beside) -> Evidenced<String> {
    match &beside.image {
        Some(image) => Evidenced::new(image.clone(), "given by --image"),
        None => Evidenced::new(
            NO_IMAGE.to_owned(),
            "not seen: nothing in the container names its image; --image REF gives it",
        ),
    }
}

/// The working directory, where that is not the root.
fn cwd(facts: &Facts<'_>) -> Option<Evidenced<String>> {
    let first = super::command::first_process(facts).ok()?;
    let cwd = first.cwd.as_ref()?.value()?.to_text();
    (cwd != "/").then(|| {
        Evidenced::new(
            cwd.into_owned(),
            "where it is now, which it may have changed to",
        )
    })
}

/// Gives each volume a name of its own.
fn name_apart(mounts: &mut [Evidenced<VolumeMount>]) {
    let mut names: Vec<String> = Vec::new();
    for mount in mounts {
        let base = mount.value.name.clone();
        let mut number = 1;
        while names.contains(&mount.value.name) {
            number += 1;
            mount.value.name = format!("{base}-{number}");
        }
        names.push(mount.value.name.clone());
    }
}
