//! What a runtime's bundle tells of a container: `config.json` of the OCI runtime specification,
//! and the mount points that show where bundles are.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::container_id::{container_name, container_word, pod_uid};
use super::pod_logs::{PodName, pod_name};

/// The directory in which containerd's shims have bundles: `…/NAMESPACE/ID`.
const TASKS: &[u8] = b"/io.containerd.runtime.v2.task";
/// The directory in which CRI-O and Podman have them: `…/ID/userdata`.
const OVERLAY_CONTAINERS: &[u8] = b"/overlay-containers";

/// The names in a `config.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BundleNames {
    /// Of the container: in its pod, or as nerdctl has it.
    pub container: Option<String>,
    /// Its pod.
    pub pod: Option<PodName>,
    /// The pod's UID.
    pub pod_uid: Option<String>,
    /// Whether it only holds the namespaces of its pod.
    pub is_sandbox: bool,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    annotations: BTreeMap<String, Value>,
}

/// The names that containerd, CRI-O and nerdctl write into the annotations; `None` for what is not
/// JSON.
#[must_use]
pub(crate) fn names(config: &[u8]) -> Option<BundleNames> {
    let Config { annotations } = serde_json::from_slice(config).ok()?;
    let first = |keys: &[&str]| {
        let found = keys.iter().find_map(|key| annotations.get(*key));
        found.and_then(Value::as_str).map(str::as_bytes)
    };
    let in_pod = first(&[
        "io.kubernetes.cri.container-name",
        "io.kubernetes.container.name",
    ]);
    let namespace = first(&[
        "io.kubernetes.cri.sandbox-namespace",
        "io.kubernetes.pod.namespace",
    ]);
    let pod = first(&["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"]);
    let uid = first(&["io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"]);
    let kind = first(&[
        "io.kubernetes.cri.container-type",
        "io.kubernetes.cri-o.ContainerType",
    ]);
    let is_sandbox = kind == Some(b"sandbox");
    let container = match in_pod {
        Some(name) => container_name(name).filter(|_| !is_sandbox),
        None => first(&["nerdctl/name"]).and_then(container_word),
    };
    Some(BundleNames {
        container,
        pod: namespace
            .zip(pod)
            .and_then(|(namespace, pod)| pod_name(namespace, pod)),
        pod_uid: uid.and_then(pod_uid),
        is_sandbox,
    })
}

/// A directory of bundles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BundleDirectory {
    /// Of containerd: bundles are `NAMESPACE/ID` below it.
    Tasks(Vec<u8>),
    /// Of CRI-O: bundles are `ID/userdata` below it.
    OverlayContainers(Vec<u8>),
}

/// The directory of bundles that a mount of a node is in: the root file system of a container of
/// containerd, with its namespace and id, or the shared memory of a pod of CRI-O.
#[must_use]
pub(crate) fn of_mount_point(path: &[u8]) -> Option<(BundleDirectory, Option<TaskId>)> {
    let parts: Vec<&[u8]> = path.rsplitn(4, |byte| *byte == b'/').collect();
    match parts.as_slice() {
        [b"rootfs", id, namespace, directory] if directory.ends_with(TASKS) => {
            let task = TaskId::new(namespace, id)?;
            let directory = BundleDirectory::Tasks(directory.to_vec());
            Some((directory, Some(task)))
        }
        [b"shm", b"userdata", _, directory] if directory.ends_with(OVERLAY_CONTAINERS) => {
            let directory = BundleDirectory::OverlayContainers(directory.to_vec());
            Some((directory, None))
        }
        _ => None,
    }
}

/// A container of containerd, which has namespaces of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TaskId {
    /// `default`, `k8s.io`, `moby`, …
    pub namespace: String,
    /// The container's id, which `ctr` lets its user choose.
    pub id: String,
}

impl TaskId {
    /// From words as containerd allows them.
    #[must_use]
    pub(crate) fn new(namespace: &[u8], id: &[u8]) -> Option<Self> {
        Some(Self {
            namespace: container_word(namespace)?,
            id: container_word(id)?,
        })
    }
}

/// The task that a cgroup path of a container without a pod names, as containerd makes it where
/// nothing else is asked for: `/NAMESPACE/ID`.
#[must_use]
pub(crate) fn task_of_cgroup(path: &[u8]) -> Option<TaskId> {
    let mut parts = path.rsplit(|byte| *byte == b'/');
    let (id, namespace) = (parts.next()?, parts.next()?);
    TaskId::new(namespace, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94";

    fn of(annotations: &[(&str, &str)]) -> BundleNames {
        let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
        let config = serde_json::json!({ "ociVersion": "1.2.0", "annotations": annotations });
        names(config.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn containerd_and_cri_o_name_container_and_pod() {
        let web = BundleNames {
            container: Some("app".to_owned()),
            pod: Some(PodName {
                namespace: "shop".to_owned(),
                name: "web".to_owned(),
            }),
            pod_uid: Some(UID.to_owned()),
            is_sandbox: false,
        };
        let containerd = of(&[
            ("io.kubernetes.cri.container-type", "container"),
            ("io.kubernetes.cri.container-name", "app"),
            ("io.kubernetes.cri.sandbox-name", "web"),
            ("io.kubernetes.cri.sandbox-namespace", "shop"),
            ("io.kubernetes.cri.sandbox-uid", UID),
        ]);
        assert_eq!(containerd, web);
        let cri_o = of(&[
            ("io.kubernetes.cri-o.ContainerType", "container"),
            ("io.kubernetes.container.name", "app"),
            ("io.kubernetes.pod.name", "web"),
            ("io.kubernetes.pod.namespace", "shop"),
            ("io.kubernetes.pod.uid", UID),
        ]);
        assert_eq!(cri_o, web);
        let sandbox = of(&[
            ("io.kubernetes.cri-o.ContainerType", "sandbox"),
            ("io.kubernetes.container.name", "POD"),
            ("io.kubernetes.pod.name", "web"),
            ("io.kubernetes.pod.namespace", "shop"),
        ]);
        assert!(sandbox.is_sandbox && sandbox.container.is_none() && sandbox.pod.is_some());
    }

    #[test]
    fn nerdctl_names_its_containers_and_ctr_leaves_no_name() {
        assert_eq!(
            of(&[("nerdctl/name", "db_1")]).container.as_deref(),
            Some("db_1")
        );
        assert_eq!(of(&[]), BundleNames::default());
        assert_eq!(names(b"{}"), Some(BundleNames::default()));
    }

    #[test]
    fn names_that_no_runtime_writes_are_left_out() {
        let hostile = of(&[
            ("io.kubernetes.cri.container-name", "a\u{1b}[2J"),
            ("io.kubernetes.cri.sandbox-name", "../../etc"),
            ("io.kubernetes.cri.sandbox-namespace", "shop"),
            ("io.kubernetes.cri.sandbox-uid", "x"),
            ("nerdctl/name", "-"),
        ]);
        assert_eq!(hostile, BundleNames::default());
        let wrong = br#"{"annotations":{"io.kubernetes.cri.container-name":7,"nerdctl/name":"x"}}"#;
        assert_eq!(names(wrong).unwrap().container.as_deref(), Some("x"));
    }

    #[test]
    fn mount_points_show_where_bundles_are() {
        let tasks = b"/run/k3s/containerd/io.containerd.runtime.v2.task".to_vec();
        assert_eq!(
            of_mount_point(b"/run/k3s/containerd/io.containerd.runtime.v2.task/default/web/rootfs"),
            Some((
                BundleDirectory::Tasks(tasks),
                Some(TaskId {
                    namespace: "default".to_owned(),
                    id: "web".to_owned()
                })
            ))
        );
        assert_eq!(
            of_mount_point(b"/run/containers/storage/overlay-containers/0123/userdata/shm"),
            Some((
                BundleDirectory::OverlayContainers(
                    b"/run/containers/storage/overlay-containers".to_vec()
                ),
                None
            ))
        );
        for path in [
            &b"/"[..],
            b"",
            b"/rootfs",
            b"/io.containerd.runtime.v2.task/rootfs",
            b"/run/io.containerd.runtime.v2.task/a/../rootfs",
            b"/run/io.containerd.runtime.v2.task/a/b/rootfs/x",
        ] {
            assert_eq!(of_mount_point(path), None, "{}", path.escape_ascii());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            drop(names(&bytes));
            drop(of_mount_point(&bytes));
            drop(task_of_cgroup(&bytes));
        }
    }
}
