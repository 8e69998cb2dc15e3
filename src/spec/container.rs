//! All that was found of a container.

use super::command::{Word, command};
use super::environment::{Setting, environment};
use super::ports::{Port, ports};
use super::resources::{Requirements, resources};
use super::security::{Security, security};
use super::stop::{Stop, stop};
use super::volumes::{VolumeMount, Volumes, label, volumes, writes};
use super::{Answering, Beside, Evidenced, Part, holds_secret};
use crate::doctor::Facts;
use crate::model::byte_string::ByteString;
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
    pub(super) cwd_remark: Option<String>,
    pub(super) environment: Part<Setting>,
    pub(super) ports: Part<Port>,
    pub(super) security: Security,
    pub(super) volumes: Volumes,
    pub(super) resources: Requirements,
    pub(super) answers: Option<Vec<Answering>>,
    pub(super) unasked_ports: usize,
    pub(super) stop: Stop,
}

impl ContainerSpec {
    pub(super) fn of(facts: &Facts<'_>, beside: &Beside) -> Self {
        let command = command(facts);
        let (cwd, cwd_remark) = cwd(facts);
        let writes = writes(facts, beside);
        let security = security(facts, &writes);
        let mut volumes = volumes(facts);
        volumes.mounts.entries.extend(writes.mounts);
        name_apart(&mut volumes.mounts.entries);
        Self {
            taken_at: facts.report.taken_at,
            name: name(facts),
            image: image(beside),
            cwd,
            cwd_remark,
            environment: environment(facts, &command),
            command,
            ports: ports(facts),
            security,
            volumes,
            resources: resources(facts, beside),
            answers: beside.answers.clone(),
            unasked_ports: beside.unasked_ports,
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

/// The working directory, where that is not the root, or why it is left out.
fn cwd(facts: &Facts<'_>) -> (Option<Evidenced<String>>, Option<String>) {
    let first = super::command::first_process(facts);
    let cwd = first.ok().and_then(|first| first.cwd.as_ref()?.value());
    let Some(cwd) = cwd.map(ByteString::to_text).filter(|cwd| cwd != "/") else {
        return (None, None);
    };
    if holds_secret(&cwd) {
        let why = "not seen: workingDir: its path holds a secret";
        return (None, Some(why.to_owned()));
    }
    let says = "where it is now, which it may have changed to";
    (Some(Evidenced::new(cwd.into_owned(), says)), None)
}

/// Gives each volume a name of its own, and each mount of one volume the same.
fn name_apart(mounts: &mut [Evidenced<VolumeMount>]) {
    let mut named: Vec<VolumeMount> = Vec::new();
    for mount in mounts {
        let mount = &mut mount.value;
        let is_same = |one: &&VolumeMount| {
            one.identity.is_some() && one.identity == mount.identity && one.source == mount.source
        };
        if let Some(same) = named.iter().find(is_same) {
            mount.name.clone_from(&same.name);
            continue;
        }
        let base = mount.name.clone();
        let mut number = 1;
        while named.iter().any(|one| one.name == mount.name) {
            number += 1;
            mount.name = format!("{base}-{number}");
        }
        named.push(mount.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::volume::VolumeKind;
    use crate::spec::volumes::VolumeSource;

    #[test]
    fn a_volume_that_is_mounted_twice_is_one() {
        let mount = |kind, source, path: &str| {
            let mount = VolumeMount {
                name: "config".to_owned(),
                path: path.to_owned(),
                sub_path: None,
                is_read_only: true,
                source,
                identity: Some((kind, b"config".to_vec())),
            };
            Evidenced::new(mount, "")
        };
        let mut mounts = [
            mount(VolumeKind::ConfigMap, VolumeSource::ConfigMap, "/a"),
            mount(VolumeKind::Secret, VolumeSource::Secret, "/b"),
            mount(VolumeKind::ConfigMap, VolumeSource::ConfigMap, "/c"),
        ];
        name_apart(&mut mounts);
        let names = mounts.map(|mount| mount.value.name);
        assert_eq!(names, ["config", "config-2", "config"]);
    }
}
