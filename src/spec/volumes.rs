//! Mounts, and directories that are written to and are no mount yet.

use std::collections::BTreeSet;

use super::changed_files::{open_for_writing, unseen_open_files};
use super::{Beside, Evidenced, Part, holds_secret, not_seen};
use crate::doctor::{Facts, NotJudged};
use crate::model::byte_string::ByteString;
use crate::model::mount::Mount;
use crate::model::volume::{Certainty, Medium, Volume, VolumeKind};

/// What Kubernetes gives to `/dev/shm`.
const SHARED_MEMORY_BYTES: u64 = 64 << 20;
const TERMINATION_LOG: &str = "/dev/termination-log";
/// Where every pod has its token.
const TOKEN: &[u8] = b"/var/run/secrets/kubernetes.io/serviceaccount";

/// Where a volume comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VolumeSource {
    EmptyDir {
        in_memory: bool,
        limit: Option<u64>,
    },
    ConfigMap,
    Secret,
    /// By the name of its volume.
    Claim(String),
    HostPath(String),
}

/// A volume and its mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VolumeMount {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) sub_path: Option<String>,
    pub(super) is_read_only: bool,
    pub(super) source: VolumeSource,
    /// Kind and name of the volume, where they are known: the same for each of its mounts.
    pub(super) identity: Option<(VolumeKind, Vec<u8>)>,
}

/// The mounts that there are.
#[derive(Debug, Clone, Default)]
pub(super) struct Volumes {
    pub(super) mounts: Part<VolumeMount>,
    pub(super) termination_log: Option<Evidenced<String>>,
    /// Whether no token of a service account is mounted.
    pub(super) is_without_token: bool,
}

impl Volumes {
    /// Of each volume its first mount.
    pub(super) fn each_once(&self) -> Vec<&Evidenced<VolumeMount>> {
        let mut names = BTreeSet::new();
        let mounts = self.mounts.entries.iter();
        mounts
            .filter(|mount| names.insert(&mount.value.name))
            .collect()
    }
}

/// What is written to the root, and what follows.
#[derive(Debug, Clone, Default)]
pub(super) struct Writes {
    pub(super) mounts: Vec<Evidenced<VolumeMount>>,
    pub(super) read_only_root: Option<Evidenced<bool>>,
    pub(super) root_remarks: Vec<String>,
    pub(super) given_away: Option<String>,
    pub(super) overridden: Option<String>,
}

/// The volumes that are mounted now.
pub(super) fn volumes(facts: &Facts<'_>) -> Volumes {
    let mut volumes = Volumes::default();
    let mounts = match facts.mounts() {
        Ok(mounts) => mounts,
        Err(why) => {
            volumes.mounts = Part::unseen(&not_seen("volumes", why));
            return volumes;
        }
    };
    volumes.is_without_token = true;
    // A container's root is its image, whatever file system it is on.
    let is_shown =
        |mount: &&Mount| !mount.hidden && !mount.masked && mount.mount_point.as_bytes() != b"/";
    for mount in mounts.iter().filter(is_shown) {
        add(mount, &mut volumes);
    }
    volumes
}

fn add(mount: &Mount, volumes: &mut Volumes) {
    let path = mount.mount_point.to_text().into_owned();
    let kind = mount.volume.as_ref().map(|volume| volume.kind);
    if kind == Some(VolumeKind::ServiceAccountToken) || mount.mount_point.as_bytes() == TOKEN {
        volumes.is_without_token = false;
    }
    let source = match source(mount) {
        Ok(source) => source,
        Err(Some(why)) => return volumes.mounts.remarks.push(format!("{path}: {why}")),
        Err(None) if kind == Some(VolumeKind::TerminationLog) && path != TERMINATION_LOG => {
            volumes.termination_log =
                Some(Evidenced::new(path, "a termination log is mounted here"));
            return;
        }
        Err(None) => return,
    };
    if let Some(why) = unusable(mount, &source) {
        let remark = format!("left out: a mount at {path}: {why}");
        return volumes.mounts.remarks.push(remark);
    }
    if volumes
        .mounts
        .entries
        .iter()
        .any(|one| one.value.path == path)
    {
        let remark = format!("left out: another mount at {path}: Kubernetes takes one");
        return volumes.mounts.remarks.push(remark);
    }
    let volume = mount.volume.as_ref();
    let name = volume.and_then(|volume| volume.name.as_ref());
    let name = name.map_or_else(|| path.clone(), |name| name.to_text().into_owned());
    let sub_path = volume.and_then(|volume| volume.sub_path.as_ref());
    let entry = VolumeMount {
        name: label(&name),
        path,
        sub_path: sub_path.map(|path| path.to_text().into_owned()),
        is_read_only: !mount.writable,
        source,
        identity: volume.and_then(|volume| {
            let name = volume.name.as_ref()?;
            Some((volume.kind, name.as_bytes().to_vec()))
        }),
    };
    volumes
        .mounts
        .entries
        .push(Evidenced::new(entry, evidence(mount)));
}

/// Why Kubernetes does not take a mount as it is.
fn unusable(mount: &Mount, source: &VolumeSource) -> Option<&'static str> {
    let volume = mount.volume.as_ref();
    let name = volume.and_then(|volume| volume.name.as_ref());
    let sub_path = volume.and_then(|volume| volume.sub_path.as_ref());
    let host_path = match source {
        VolumeSource::HostPath(path) => Some(path.as_str()),
        _ => None,
    };
    if name.is_some_and(|name| holds_secret(&name.to_text())) {
        return Some("not seen: the name of its volume holds a secret");
    }
    let inner = sub_path.map(ByteString::to_text);
    unusable_mount_path(&mount.mount_point.to_text())
        .or_else(|| host_path.and_then(unusable_path))
        .or_else(|| inner.as_deref().and_then(unusable_path))
}

fn unusable_mount_path(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        Some("the path is not absolute")
    } else if path.contains(':') {
        Some("Kubernetes takes no : in its path")
    } else {
        unusable_path(path)
    }
}

fn unusable_path(path: &str) -> Option<&'static str> {
    if holds_secret(path) {
        Some("not seen: its path holds a secret")
    } else if path.split('/').any(|name| name == "..") {
        Some("Kubernetes takes no .. in a path")
    } else if path.contains('\u{fffd}') {
        Some("the path is not UTF-8")
    } else {
        None
    }
}

/// What a mount is to be in Kubernetes.
///
/// # Errors
/// Why it is left out; `None`: every container has it.
fn source(mount: &Mount) -> Result<VolumeSource, Option<String>> {
    let Some(volume) = &mount.volume else {
        return match mount.fstype.as_bytes() {
            b"tmpfs" => Ok(VolumeSource::EmptyDir {
                in_memory: true,
                limit: size(mount),
            }),
            _ => Err(Some(format!(
                "left out: mounted from {} ({}); which volume that is is not seen",
                mount.source.to_text(),
                mount.fstype.to_text()
            ))),
        };
    };
    let name = volume.name.as_ref().map(|name| name.to_text().into_owned());
    match volume.kind {
        VolumeKind::ConfigMap => Ok(VolumeSource::ConfigMap),
        VolumeKind::Secret => Ok(VolumeSource::Secret),
        VolumeKind::EmptyDir => Ok(VolumeSource::EmptyDir {
            in_memory: volume.medium == Some(Medium::Memory),
            limit: None,
        }),
        VolumeKind::PersistentVolume => Ok(VolumeSource::Claim(name.unwrap_or_default())),
        VolumeKind::EngineVolume => Ok(match name {
            // Podman and Docker name volumes that nobody has named by a random number.
            Some(name) if !is_anonymous(&name) => VolumeSource::Claim(name),
            _ => VolumeSource::EmptyDir {
                in_memory: false,
                limit: None,
            },
        }),
        VolumeKind::HostPath => Ok(VolumeSource::HostPath(mount.root.to_text().into_owned())),
        VolumeKind::SharedMemory => match size(mount) {
            Some(bytes) if bytes > SHARED_MEMORY_BYTES => Ok(VolumeSource::EmptyDir {
                in_memory: true,
                limit: Some(bytes),
            }),
            _ => Err(None),
        },
        VolumeKind::ServiceAccountToken if mount.mount_point.as_bytes() == TOKEN => Err(None),
        VolumeKind::Projected
        | VolumeKind::ServiceAccountToken
        | VolumeKind::DownwardApi
        | VolumeKind::Image
        | VolumeKind::OtherVolume => Err(Some(format!(
            "left out: a volume ({}) whose content is declared in the pod and is not seen",
            volume.kind.as_str()
        ))),
        VolumeKind::ContainerRoot
        | VolumeKind::TerminationLog
        | VolumeKind::Hosts
        | VolumeKind::ResolvConf
        | VolumeKind::Hostname
        | VolumeKind::EngineFile
        | VolumeKind::Devices
        | VolumeKind::Kernel => Err(None),
    }
}

fn size(mount: &Mount) -> Option<u64> {
    let space = mount.space.as_ref()?.value()?;
    Some(space.size_bytes).filter(|size| *size > 0)
}

fn is_anonymous(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn evidence(mount: &Mount) -> String {
    let kind = mount.volume.as_ref().map_or_else(
        || mount.fstype.to_text().into_owned(),
        |volume| String::from_utf8_lossy(&volume.describe()).into_owned(),
    );
    let access = if mount.writable { "rw" } else { "ro" };
    let why = match mount.volume.as_ref().map(|volume| (volume.kind, volume)) {
        Some((VolumeKind::ConfigMap | VolumeKind::Secret, _)) => {
            "; its own name is not seen, the volume's stands for it"
        }
        Some((VolumeKind::PersistentVolume, _)) => "; the name of its claim is not seen",
        Some((VolumeKind::HostPath, volume)) => host_path_words(volume),
        Some((VolumeKind::EngineVolume, _)) => "; a volume of the engine",
        _ => "",
    };
    format!("mounted {access}: {kind}{why}")
}

fn host_path_words(volume: &Volume) -> &'static str {
    match volume.certainty {
        Certainty::Certain => "; the path is that within its file system",
        Certainty::Likely => {
            "; the path is that within its file system, and a ConfigMap or a claim may be what it is to be"
        }
    }
}

/// What is written to the root file system.
pub(super) fn writes(facts: &Facts<'_>, beside: &Beside) -> Writes {
    try_writes(facts, beside).unwrap_or_else(|why| Writes {
        root_remarks: vec![not_seen("readOnlyRootFilesystem", why)],
        ..Writes::default()
    })
}

fn try_writes(facts: &Facts<'_>, beside: &Beside) -> Result<Writes, NotJudged> {
    let mut writes = Writes::default();
    let mut mounts = facts.mounts()?.iter();
    let root = mounts.rfind(|mount| mount.mount_point.as_bytes() == b"/" && !mount.hidden);
    if root.is_some_and(|root| !root.writable) {
        writes.read_only_root = Some(Evidenced::new(true, "/ is mounted ro"));
        return Ok(writes);
    }
    let Some(changed) = &beside.changed else {
        let open = open_for_writing(facts);
        for file in &open {
            let path = file.path.as_ref().map(ByteString::to_text);
            writes.root_remarks.push(format!(
                "{} is open for writing by process {}; whether its directory holds files of the image \
                 is not seen",
                path.unwrap_or_default(),
                file.pid
            ));
        }
        writes.root_remarks.push(
            "not seen: readOnlyRootFilesystem: a document does not have the times of files"
                .to_owned(),
        );
        return Ok(writes);
    };
    writes.given_away.clone_from(&changed.given_away);
    writes.overridden.clone_from(&changed.overridden);
    let mut kept = None;
    for directory in &changed.directories {
        let path = String::from_utf8_lossy(&directory.path).into_owned();
        let evidence = &directory.evidence;
        if directory.older > 0 {
            writes.root_remarks.push(format!(
                "{evidence}; {path} also holds what is older, which an emptyDir would hide"
            ));
            kept.get_or_insert(path);
            continue;
        }
        if let Some(why) = unusable_mount_path(&path) {
            let remark = format!("left out: an emptyDir at {path}: {why}: {evidence}");
            writes.root_remarks.push(remark);
            kept.get_or_insert(path);
            continue;
        }
        let mount = VolumeMount {
            name: label(&path),
            path,
            sub_path: None,
            is_read_only: false,
            source: VolumeSource::EmptyDir {
                in_memory: false,
                limit: None,
            },
            identity: None,
        };
        writes.mounts.push(Evidenced::new(mount, evidence.clone()));
    }
    let incomplete = changed
        .incomplete
        .clone()
        .or_else(|| unseen_open_files(facts));
    writes.read_only_root = match (kept, incomplete) {
        (Some(path), _) => Some(Evidenced::new(false, format!("{path} is written to"))),
        (None, None) if writes.mounts.is_empty() => {
            let says =
                "no file outside of the mounts is open for writing or was changed since the start";
            Some(Evidenced::new(true, says))
        }
        (None, None) => {
            let says = "what was changed since the start is below the mounts";
            Some(Evidenced::new(true, says))
        }
        (None, Some(why)) => {
            let says = format!("not seen: readOnlyRootFilesystem: not all files were seen: {why}");
            writes.root_remarks.push(says);
            None
        }
    };
    Ok(writes)
}

/// A name that Kubernetes takes for a volume, a container or a pod, from any text.
pub(super) fn label(text: &str) -> String {
    let mut label = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            label.push(character.to_ascii_lowercase());
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
        // With room for a number.
        if label.len() >= 56 {
            break;
        }
    }
    label.truncate(label.trim_end_matches('-').len());
    if label.is_empty() {
        "unnamed".to_owned()
    } else {
        label
    }
}

/// A limit as Kubernetes writes it.
pub(super) fn quantity(bytes: u64) -> String {
    format!("{}Mi", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_names_of_kubernetes() {
        for (text, name) in [
            ("/var/cache/nginx", "var-cache-nginx"),
            ("/", "unnamed"),
            ("A_b..C\n", "a-b-c"),
            ("\u{1b}[31m", "31m"),
        ] {
            assert_eq!(label(text), name);
        }
        assert_eq!(label(&"x/".repeat(100)).len(), 55);
        assert_eq!(quantity(1), "1Mi");
    }

    #[test]
    fn paths_that_kubernetes_does_not_take() {
        for (path, is_usable) in [
            ("/data", true),
            ("/data..old/..x", true),
            ("/a:b", false),
            ("data", false),
            ("/a/../b", false),
            ("/a/‹redacted 40›/b", false),
            ("/a\u{fffd}", false),
        ] {
            assert_eq!(unusable_mount_path(path).is_none(), is_usable, "{path}");
        }
    }
}
