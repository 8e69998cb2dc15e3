//! What a mount is to Kubernetes or to a container engine.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;

/// The meaning of a mount, derived from its source.
///
/// Read from the paths that a kubelet or an engine uses, which are hints and not guaranteed by the
/// kernel: anyone who can mount can create any path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Volume {
    /// Its kind.
    pub kind: VolumeKind,
    /// How certain the kind is.
    pub certainty: Certainty,
    /// The name: of the volume in the pod's spec, of the persistent volume, of the engine's
    /// volume or secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ByteString>,
    /// The UID of the pod that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// The container that it belongs to: of a termination log, or of a sub path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<ByteString>,
    /// The kubelet's plugin behind a persistent volume: `csi`, `nfs`, `local-volume`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<ByteString>,
    /// The medium of an emptyDir.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<Medium>,
    /// The part of the volume that is mounted, where it is not the whole (`subPath`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_path: Option<ByteString>,
}

impl Volume {
    /// A kind that is certain, and nothing else known.
    #[must_use]
    pub fn of(kind: VolumeKind) -> Self {
        Self {
            kind,
            certainty: Certainty::Certain,
            name: None,
            pod_uid: None,
            container: None,
            plugin: None,
            medium: None,
            sub_path: None,
        }
    }

    /// A kind that the evidence suggests.
    #[must_use]
    pub fn likely(kind: VolumeKind) -> Self {
        Self {
            certainty: Certainty::Likely,
            ..Self::of(kind)
        }
    }

    /// The same with its name.
    #[must_use]
    pub fn named(self, name: &[u8]) -> Self {
        Self {
            name: Some(name.into()),
            ..self
        }
    }

    /// As a table shows it: `config_map app-config`, `host_path?`.
    #[must_use]
    pub fn describe(&self) -> Vec<u8> {
        let mut text = self.kind.as_str().as_bytes().to_vec();
        if self.certainty == Certainty::Likely {
            text.push(b'?');
        }
        let medium = match self.medium {
            Some(Medium::Memory) => Some(&b"(memory)"[..]),
            Some(Medium::HugePages) => Some(&b"(huge pages)"[..]),
            Some(Medium::Disk) | None => None,
        };
        let name = self.name.as_ref().map(ByteString::as_bytes);
        let sub_path = self.sub_path.as_ref().map(ByteString::as_bytes);
        for word in [name, medium].into_iter().flatten() {
            text.push(b' ');
            text.extend_from_slice(word);
        }
        if let Some(sub_path) = sub_path {
            text.push(b':');
            text.extend_from_slice(sub_path);
        }
        text
    }
}

/// How certain the kind is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The path is one that only a kubelet, an engine or the kernel makes for this, or the
    /// mount point has no other use.
    Certain,
    /// The evidence fits, and something else could look alike.
    Likely,
}

/// The medium of an emptyDir.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// The node's disk.
    Disk,
    /// A tmpfs, which counts as memory of the pod.
    Memory,
    /// hugetlbfs.
    HugePages,
}

/// The kinds of volumes and of other mounts that a container is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VolumeKind {
    /// The container's root file system, made from its image.
    ContainerRoot,
    /// A `ConfigMap`.
    ConfigMap,
    /// A Secret of Kubernetes or of an engine.
    Secret,
    /// Several sources in one directory.
    Projected,
    /// The token of a service account, with its CA.
    ServiceAccountToken,
    /// Fields of the pod as files.
    DownwardApi,
    /// A directory that lives as long as the pod.
    EmptyDir,
    /// A `PersistentVolumeClaim`, or storage that is mounted inline (CSI, NFS, …).
    PersistentVolume,
    /// A path of the host: `hostPath`, or a bind mount of an engine.
    HostPath,
    /// A volume of Docker or Podman.
    EngineVolume,
    /// The file system of an image.
    Image,
    /// A volume of a pod of unknown kind.
    OtherVolume,
    /// The termination log of the container.
    TerminationLog,
    /// `/etc/hosts`.
    Hosts,
    /// `/etc/resolv.conf`.
    ResolvConf,
    /// `/etc/hostname`.
    Hostname,
    /// Another file or directory that the engine keeps for the container.
    EngineFile,
    /// `/dev`, or a device in it.
    Devices,
    /// `/dev/shm`.
    SharedMemory,
    /// A view of the kernel: proc, sysfs, cgroup, devpts, mqueue and the like.
    Kernel,
}

impl VolumeKind {
    /// The word, as in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ContainerRoot => "container_root",
            Self::ConfigMap => "config_map",
            Self::Secret => "secret",
            Self::Projected => "projected",
            Self::ServiceAccountToken => "service_account_token",
            Self::DownwardApi => "downward_api",
            Self::EmptyDir => "empty_dir",
            Self::PersistentVolume => "persistent_volume",
            Self::HostPath => "host_path",
            Self::EngineVolume => "engine_volume",
            Self::Image => "image",
            Self::OtherVolume => "other_volume",
            Self::TerminationLog => "termination_log",
            Self::Hosts => "hosts",
            Self::ResolvConf => "resolv_conf",
            Self::Hostname => "hostname",
            Self::EngineFile => "engine_file",
            Self::Devices => "devices",
            Self::SharedMemory => "shared_memory",
            Self::Kernel => "kernel",
        }
    }

    /// Whether it is a single file that every container is given, which says nothing of
    /// where the application keeps its data.
    #[must_use]
    pub fn is_usual_file(self) -> bool {
        matches!(
            self,
            Self::TerminationLog
                | Self::Hosts
                | Self::ResolvConf
                | Self::Hostname
                | Self::EngineFile
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_documents() {
        for kind in [
            VolumeKind::ContainerRoot,
            VolumeKind::ServiceAccountToken,
            VolumeKind::OtherVolume,
            VolumeKind::Kernel,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn a_table_says_how_sure_it_is() {
        let volume = Volume::likely(VolumeKind::PersistentVolume).named(b"pvc-1");
        assert_eq!(volume.describe(), b"persistent_volume? pvc-1");
        let memory = Volume {
            medium: Some(Medium::Memory),
            sub_path: Some("a/b".into()),
            ..Volume::of(VolumeKind::EmptyDir).named(b"scratch")
        };
        assert_eq!(memory.describe(), b"empty_dir scratch (memory):a/b");
    }
}
