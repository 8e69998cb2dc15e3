//! What a mount is to Kubernetes or to a container engine, from where it comes from
//! and where it is mounted.
//!
//! The *root* field of mountinfo is the path within the file system that is mounted: for what
//! lies on the node's disk it holds the path that the kubelet or the engine chose (from some
//! directory on, if that is a file system of its own, hence suffixes are matched). A volume on
//! a file system of its own (a tmpfs of a Secret, a disk) has the root `/`: there only a mount
//! point that has no other use tells, and otherwise nothing does.

use std::collections::HashSet;

use crate::model::volume::{Medium, Volume, VolumeKind};
use crate::parse::container_id::{container_id, container_name, is_log, pod_uid};
use crate::parse::mountinfo::MountEntry;

/// What the mounts around one tell about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MountContext {
    /// Whether this is the namespace of a container, and not of a machine.
    pub container: bool,
    /// Whether a kubelet mounted something here.
    pub pod: bool,
    /// Devices that hold the files of the kubelet or of the engine: the disk of the node.
    node: HashSet<(u32, u32)>,
}

impl MountContext {
    /// Looks at all mounts of a namespace. `container`: other evidence already says that it is one.
    #[must_use]
    pub(super) fn of(entries: &[MountEntry<'_>], container: bool) -> Self {
        let mut around = Self {
            container,
            ..Self::default()
        };
        for entry in entries {
            let parts = parts(&entry.root);
            let pod = kubelet(&parts, entry);
            let engine = engine(&parts).filter(|volume| volume.kind.is_usual_file());
            if pod.is_some() {
                around.pod = true;
            }
            let of_node = pod.is_some_and(|volume| {
                volume.kind.is_usual_file() || volume.medium == Some(Medium::Disk)
            });
            if of_node || engine.is_some() {
                around.container = true;
                around.node.insert((entry.major, entry.minor));
            }
            if *entry.mount_point == b"/"[..] && &*entry.fstype == b"overlay" {
                around.container = true;
            }
        }
        around
    }
}

/// The meaning of one mount; `None` where nothing tells.
#[must_use]
pub(super) fn volume(entry: &MountEntry<'_>, around: &MountContext) -> Option<Volume> {
    let root = parts(&entry.root);
    kubelet(&root, entry)
        // A node sees the volumes of its pods where the kubelet mounted them.
        .or_else(|| kubelet(&parts(&entry.mount_point), entry))
        .or_else(|| engine(&root))
        .or_else(|| by_mount_point(entry, around))
        .or_else(|| by_file_system(entry, around))
        .or_else(|| by_evidence(&root, entry, around))
}

/// The path's names, without what the kernel adds to one that was removed.
fn parts(path: &[u8]) -> Vec<&[u8]> {
    let path = path.strip_suffix(b"//deleted").unwrap_or(path);
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
        .collect()
}

/// `…/pods/<uid>/…`, which is the kubelet's directory wherever it lies.
fn kubelet(parts: &[&[u8]], entry: &MountEntry<'_>) -> Option<Volume> {
    // The last one: in a node that is itself a container they may be nested.
    let at = parts
        .windows(3)
        .rposition(|window| window.first() == Some(&&b"pods"[..]))?;
    let uid = pod_uid(parts.get(at + 1)?)?;
    let volume = match parts.get(at + 2..)? {
        [b"etc-hosts"] => Volume::of(VolumeKind::Hosts),
        [b"containers", name, log] if is_log(log) && container_name(name).is_some() => Volume {
            container: Some((*name).into()),
            ..Volume::of(VolumeKind::TerminationLog)
        },
        [b"volumes", plugin, name, below @ ..] => of_plugin(plugin, name, below, entry)?,
        [b"volume-subpaths", name, container, index] => Volume {
            container: Some((*container).into()),
            sub_path: Some((*index).into()),
            ..Volume::of(VolumeKind::OtherVolume).named(name)
        },
        _ => return None,
    };
    Some(Volume {
        pod_uid: Some(uid),
        ..volume
    })
}

/// `volumes/<vendor>~<plugin>/<name>/…`
fn of_plugin(
    plugin: &[u8],
    name: &[u8],
    below: &[&[u8]],
    entry: &MountEntry<'_>,
) -> Option<Volume> {
    let tilde = plugin.iter().position(|byte| *byte == b'~')?;
    let (vendor, word) = (plugin.get(..tilde)?, plugin.get(tilde + 1..)?);
    let mut below = below;
    let kind = match (vendor, word) {
        (b"kubernetes.io", b"configmap") => VolumeKind::ConfigMap,
        (b"kubernetes.io", b"secret") => VolumeKind::Secret,
        (b"kubernetes.io", b"projected") if name.starts_with(b"kube-api-access-") => {
            VolumeKind::ServiceAccountToken
        }
        (b"kubernetes.io", b"projected") => VolumeKind::Projected,
        (b"kubernetes.io", b"downward-api") => VolumeKind::DownwardApi,
        (b"kubernetes.io", b"empty-dir") => VolumeKind::EmptyDir,
        (b"kubernetes.io", b"git-repo") => VolumeKind::OtherVolume,
        _ => VolumeKind::PersistentVolume,
    };
    if word == b"csi" {
        below = below.strip_prefix(&[&b"mount"[..]]).unwrap_or(below);
    }
    let medium = (kind == VolumeKind::EmptyDir).then_some(match &*entry.fstype {
        b"tmpfs" => Medium::Memory,
        b"hugetlbfs" => Medium::HugePages,
        _ => Medium::Disk,
    });
    let shown = matches!(kind, VolumeKind::PersistentVolume | VolumeKind::OtherVolume);
    Some(Volume {
        plugin: shown.then(|| word.into()),
        medium,
        sub_path: (!below.is_empty()).then(|| below.join(&b'/').into()),
        ..Volume::of(kind).named(name)
    })
}

/// The directories of Docker, containerd, CRI-O and Podman.
fn engine(parts: &[&[u8]]) -> Option<Volume> {
    if let [.., b"containers" | b"sandboxes", id, file] = parts
        && container_id(id).is_some()
    {
        return usual_file(file);
    }
    userdata(parts).or_else(|| engine_volume(parts))
}

/// `overlay-containers/<id>/userdata/…` of Podman and CRI-O, named by the storage driver.
fn userdata(parts: &[&[u8]]) -> Option<Volume> {
    let at = parts.windows(3).rposition(|window| {
        matches!(window, [holder, id, b"userdata"]
            if holder.ends_with(b"-containers") && container_id(id).is_some())
    })?;
    match parts.get(at + 3..)? {
        [file] => usual_file(file).or_else(|| Some(Volume::of(VolumeKind::EngineFile).named(file))),
        [b"secrets", name] => Some(Volume::of(VolumeKind::Secret).named(name)),
        _ => Some(Volume::of(VolumeKind::EngineFile)),
    }
}

/// `volumes/<name>/_data` of Docker and Podman.
fn engine_volume(parts: &[&[u8]]) -> Option<Volume> {
    let at = parts
        .windows(3)
        .rposition(|window| matches!(window, [b"volumes", _, b"_data"]))?;
    let below = parts.get(at + 3..)?;
    Some(Volume {
        sub_path: (!below.is_empty()).then(|| below.join(&b'/').into()),
        ..Volume::of(VolumeKind::EngineVolume).named(parts.get(at + 1)?)
    })
}

fn usual_file(name: &[u8]) -> Option<Volume> {
    Some(Volume::of(match name {
        b"hosts" => VolumeKind::Hosts,
        b"hostname" => VolumeKind::Hostname,
        b"resolv.conf" => VolumeKind::ResolvConf,
        b"shm" => VolumeKind::SharedMemory,
        _ => return None,
    }))
}

/// Mount points that have no other use.
fn by_mount_point(entry: &MountEntry<'_>, around: &MountContext) -> Option<Volume> {
    let memory = matches!(&*entry.fstype, b"tmpfs" | b"devtmpfs");
    match parts(&entry.mount_point).as_slice() {
        [] if around.container => Some(Volume::of(VolumeKind::ContainerRoot)),
        [b"etc", file @ (b"hosts" | b"hostname" | b"resolv.conf")] => usual_file(file),
        [b"dev", b"shm"] if memory => Some(Volume::of(VolumeKind::SharedMemory)),
        [b"dev", b"termination-log"] => Some(Volume::of(VolumeKind::TerminationLog)),
        // The directory above the hierarchies of cgroup v1.
        [b"sys", b"fs", b"cgroup"] if memory => Some(Volume::of(VolumeKind::Kernel)),
        [b"dev"] if memory => Some(Volume::of(VolumeKind::Devices)),
        [b"dev", ..] if &*entry.fstype == b"devtmpfs" => Some(Volume::of(VolumeKind::Devices)),
        [b"var", b"run", rest @ ..] | [b"run", rest @ ..] => match rest {
            [b"secrets", b"kubernetes.io", b"serviceaccount"] => {
                Some(Volume::of(VolumeKind::ServiceAccountToken))
            }
            // Tokens for a cloud's identity service, as EKS and Azure inject them.
            [b"secrets", b"eks.amazonaws.com", b"serviceaccount"]
            | [b"secrets", b"azure", b"tokens"] => {
                Some(Volume::likely(VolumeKind::ServiceAccountToken))
            }
            // Docker keeps those of a swarm in a tmpfs.
            [b"secrets", name] if memory && !around.pod => {
                Some(Volume::likely(VolumeKind::Secret).named(name))
            }
            _ => None,
        },
        _ => None,
    }
}

/// File systems without files of their own.
const KERNEL: [&[u8]; 22] = [
    b"autofs",
    b"binfmt_misc",
    b"bpf",
    b"cgroup",
    b"cgroup2",
    b"configfs",
    b"debugfs",
    b"devpts",
    b"efivarfs",
    b"fusectl",
    b"mqueue",
    b"nfsd",
    b"nsfs",
    b"proc",
    b"pstore",
    b"resctrl",
    b"rpc_pipefs",
    b"securityfs",
    b"selinuxfs",
    b"smackfs",
    b"sysfs",
    b"tracefs",
];

/// Whether a file system is a view of the kernel, on which an application keeps no files.
#[must_use]
pub(super) fn is_kernel(fstype: &[u8]) -> bool {
    KERNEL.binary_search(&fstype).is_ok()
}

fn by_file_system(entry: &MountEntry<'_>, around: &MountContext) -> Option<Volume> {
    if is_kernel(&entry.fstype) {
        return Some(Volume::of(VolumeKind::Kernel));
    }
    let network = matches!(
        &*entry.fstype,
        b"nfs"
            | b"nfs4"
            | b"cifs"
            | b"smb3"
            | b"ceph"
            | b"glusterfs"
            | b"fuse.glusterfs"
            | b"lustre"
            | b"gpfs"
            | b"beegfs"
            | b"fuse.juicefs"
            | b"fuse.s3fs"
            | b"fuse.gcsfuse"
    );
    if network && around.pod {
        return Some(Volume::likely(VolumeKind::PersistentVolume));
    }
    if &*entry.fstype != b"overlay" || !around.container {
        return None;
    }
    let mut options = entry.super_options.split(|byte| *byte == b',');
    let upper = options.find_map(|option| option.strip_prefix(b"upperdir="));
    match upper {
        // Only a view of an image has lower directories alone.
        None => Some(Volume::likely(VolumeKind::Image)),
        Some(upper) if entry.is_read_only() && is_snapshot(&parts(upper)) => {
            Some(Volume::of(VolumeKind::Image))
        }
        Some(_) => None,
    }
}

/// containerd's `io.containerd.snapshotter.v1.NAME/snapshots/<number>/fs`: since 2.1 it mounts a volume
/// of type image as a snapshot of its own, with an upper directory that nothing is written to.
fn is_snapshot(parts: &[&[u8]]) -> bool {
    matches!(parts, [.., snapshotter, b"snapshots", number, b"fs"]
        if snapshotter.starts_with(b"io.containerd.snapshotter.")
            && number.iter().all(u8::is_ascii_digit))
}

/// What only the comparison with other mounts suggests.
fn by_evidence(root: &[&[u8]], entry: &MountEntry<'_>, around: &MountContext) -> Option<Volume> {
    if !around.container {
        return None;
    }
    // Provisioners of local storage name their directories by the claim.
    if let Some(claim) = root.iter().find(|part| is_claim(part)) {
        return Some(Volume::likely(VolumeKind::PersistentVolume).named(claim));
    }
    if let [.., b"snapshots", number, b"fs"] = root
        && number.iter().all(u8::is_ascii_digit)
    {
        return Some(Volume::likely(VolumeKind::Image));
    }
    // The door to an engine or a kubelet is a socket of the machine.
    let socket = root.last().is_some_and(|name| name.ends_with(b".sock"));
    let of_node = around.node.contains(&(entry.major, entry.minor));
    if (of_node || socket) && !root.is_empty() {
        return Some(Volume::likely(VolumeKind::HostPath));
    }
    let disk = entry.source.starts_with(b"/dev/") && !of_node;
    (disk && around.pod).then(|| Volume {
        sub_path: (!root.is_empty()).then(|| root.join(&b'/').into()),
        ..Volume::likely(VolumeKind::PersistentVolume)
    })
}

/// `pvc-<uid of the claim>`, maybe with its namespace and name behind: `_shop_data`.
fn is_claim(part: &[u8]) -> bool {
    let uid = part.strip_prefix(b"pvc-").and_then(|rest| rest.get(..36));
    uid.is_some_and(|uid| uid.contains(&b'-') && pod_uid(uid).is_some())
}

/// Whether a mount is one that a runtime lays over a path of /proc or /sys to hide it or to
/// make it read-only.
#[must_use]
pub(super) fn is_mask(entry: &MountEntry<'_>) -> bool {
    let parts = parts(&entry.mount_point);
    let below = match parts.as_slice() {
        [b"sys", b"fs", b"cgroup", ..] | [] | [_] => return false,
        [b"proc" | b"sys", below @ ..] => below,
        _ => return false,
    };
    let memory = matches!(&*entry.fstype, b"tmpfs" | b"devtmpfs");
    let null = memory && &*entry.root == b"/null";
    let empty = entry.root.ends_with(b"/.empty-directory");
    // A read-only view of the same place.
    let same = matches!(&*entry.fstype, b"proc" | b"sysfs")
        && self::parts(&entry.root) == *below
        && entry.is_read_only();
    null || empty || same || (memory && entry.is_read_only())
}

#[cfg(test)]
mod tests;
