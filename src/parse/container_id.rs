//! Which container a process is in, from its cgroup path or from where its mounts come from.
//!
//! Both are hints that a runtime left, not promises of the kernel: a process to which a cgroup
//! was delegated may make one with any name below its own.

use std::collections::BTreeSet;

use super::cgroup::CgroupPaths;

/// A container runtime that names its cgroups or files in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Runtime {
    /// containerd, as Kubernetes' CRI uses it.
    Containerd,
    /// CRI-O.
    CriO,
    /// Docker Engine.
    Docker,
    /// Podman (libpod).
    Podman,
    /// LXC, as LXD and Incus use it.
    Lxc,
    /// systemd-nspawn.
    Nspawn,
    /// Garden, of Cloud Foundry and Concourse.
    Garden,
    /// `BuildKit`: a step of a build.
    Buildkit,
}

impl Runtime {
    /// The lower-case word: `containerd`, `cri-o`, `docker`, `podman`, `lxc`, `systemd-nspawn`,
    /// `garden` or `buildkit`.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Lxc => "lxc",
            Self::Nspawn => "systemd-nspawn",
            Self::Garden => "garden",
            Self::Buildkit => "buildkit",
        }
    }
}

/// The quality-of-service class of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Qos {
    /// Limits equal requests, for every container.
    Guaranteed,
    /// Something is requested.
    Burstable,
    /// Nothing is.
    BestEffort,
}

/// What the path of a cgroup tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContainerFromCgroup {
    /// The container's id, 64 hexadecimal digits; or what a runtime without such ids calls it.
    pub id: String,
    /// The runtime; `None` for a bare id, which containerd and Docker's CRI shim both use when
    /// the cgroups are not systemd's.
    pub runtime: Option<Runtime>,
    /// The pod's UID, with `-`; a static pod's has none (32 hexadecimal digits).
    pub pod_uid: Option<String>,
    /// The pod's class, if the path shows it.
    pub qos: Option<Qos>,
}

/// The container of a process: the v2 path if that names one, else the first v1 path that does.
#[must_use]
pub(crate) fn from_cgroups(paths: &CgroupPaths) -> Option<ContainerFromCgroup> {
    paths
        .v2()
        .into_iter()
        .chain(&paths.entries)
        .find_map(|entry| from_cgroup(&entry.path))
}

/// The container that a cgroup path names; `None` for a host's service, a relative path without
/// an id, a `conmon` monitor.
///
/// Of containers inside containers it is the innermost: the last part of the path that is an id.
/// What follows it (crun's `/container`, a systemd inside) is that container's own affair. The
/// pod is the nearest one around it.
#[must_use]
pub(crate) fn from_cgroup(path: &[u8]) -> Option<ContainerFromCgroup> {
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    let mut parts = path.split(|byte| *byte == b'/').rev().peekable();
    let mut inside: &[u8] = b"";
    while let Some(part) = parts.next() {
        let parent = parts.peek().copied().unwrap_or_default();
        // What keeps a container of nspawn is beside its payload, and not of it.
        let is_supervisor = std::mem::replace(&mut inside, part) == b"supervisor";
        let named = || {
            let is_top = parts.clone().nth(1) == Some(b"") && parts.clone().count() == 2;
            named_part(part, parent, is_top).filter(|_| !is_supervisor)
        };
        let Some((id, runtime)) = container_part(part, parent).or_else(named) else {
            continue;
        };
        // `…-pod<uid>.slice:cri-containerd:<id>` is pod and container in one part.
        let mut around = std::iter::once(part).chain(parts).peekable();
        while let Some(part) = around.next() {
            let parent = around.peek().copied().unwrap_or_default();
            if let Some((pod_uid, qos)) = pod_part(part, parent) {
                return Some(ContainerFromCgroup {
                    id,
                    runtime,
                    pod_uid: Some(pod_uid),
                    qos,
                });
            }
        }
        return Some(ContainerFromCgroup {
            id,
            runtime,
            pod_uid: None,
            qos: None,
        });
    }
    None
}

/// What precedes an id.
const PREFIXES: [(&[u8], Runtime); 6] = [
    (b"cri-containerd-", Runtime::Containerd),
    (b"crio-", Runtime::CriO),
    (b"nerdctl-", Runtime::Containerd),
    (b"docker-", Runtime::Docker),
    (b"libpod-payload-", Runtime::Podman),
    (b"libpod-", Runtime::Podman),
];

/// A kubelet with systemd's driver over a containerd without it: `<pod>.slice:cri-containerd:<id>`.
const MIXED_DRIVERS: &[u8] = b".slice:cri-containerd:";

/// The id that one part of a cgroup path is, or holds. `crio-conmon-<id>` and
/// `libpod-conmon-<id>` are no match, since `conmon-<id>` is no id.
fn container_part(part: &[u8], parent: &[u8]) -> Option<(String, Option<Runtime>)> {
    let name = part.strip_suffix(b".scope").unwrap_or(part);
    for (prefix, runtime) in PREFIXES {
        if let Some(id) = name.strip_prefix(prefix).and_then(container_id) {
            return Some((id, Some(runtime)));
        }
    }
    if let Some(id) = after(part, MIXED_DRIVERS).and_then(container_id) {
        return Some((id, Some(Runtime::Containerd)));
    }
    let runtime = (parent == b"docker").then_some(Runtime::Docker);
    Some((container_id(part)?, runtime))
}

/// A container whose runtime has no ids of 64 digits. `is_top`: its parent is at the top.
fn named_part(part: &[u8], parent: &[u8], is_top: bool) -> Option<(String, Option<Runtime>)> {
    let named = |name: &[u8], runtime| Some((container_word(name)?, Some(runtime)));
    if let Some(name) = part.strip_prefix(b"lxc.payload.") {
        return named(name, Runtime::Lxc);
    }
    let scope = part
        .strip_prefix(b"machine-")
        .and_then(|name| name.strip_suffix(b".scope"));
    let service = part
        .strip_prefix(b"systemd-nspawn@")
        .and_then(|name| name.strip_suffix(b".service"));
    // libvirt registers its virtual machines the same way.
    let scope = scope.filter(|name| parent == b"machine.slice" && !name.starts_with(b"qemu"));
    if let Some(name) = scope.or(service) {
        return named(&unescape_unit(name), Runtime::Nspawn);
    }
    let step = part
        .strip_prefix(b"buildkit-")
        .and_then(|name| name.strip_suffix(b".scope"));
    if let Some(name) = step.filter(|_| parent.ends_with(b".slice")) {
        return named(name, Runtime::Buildkit);
    }
    if let Some(task) = fargate_container(part) {
        return Some((task, None));
    }
    match parent {
        b"lxc" | b"lxc.payload" => named(part, Runtime::Lxc),
        b"garden" if part != b"good" && part != b"bad" => named(part, Runtime::Garden),
        b"good" | b"bad" if pod_uid(part).is_some() => named(part, Runtime::Garden),
        b"buildkit" => named(part, Runtime::Buildkit),
        // `ctr run` in containerd's usual namespace.
        b"default" if is_top => named(part, Runtime::Containerd),
        _ => None,
    }
}

/// A name as runtimes allow it.
pub(crate) fn container_word(name: &[u8]) -> Option<String> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    let begins = name.first().is_some_and(u8::is_ascii_alphanumeric);
    let is_word = begins && name.len() <= 128 && name.iter().all(fits);
    is_word.then(|| String::from_utf8(name.to_vec()).ok())?
}

/// `\x2d` in the name of a unit is `-`, and so on.
fn unescape_unit(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        let escaped = rest.strip_prefix(b"\\x").and_then(|code| code.get(..2));
        let byte = escaped
            .and_then(|code| std::str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        plain.push(byte.unwrap_or(*first));
        rest = if byte.is_some() {
            rest.get(4..).unwrap_or_default()
        } else {
            after
        };
    }
    plain
}

/// `<task, 32 hexadecimal digits>-<number>`, as on AWS Fargate.
fn fargate_container(part: &[u8]) -> Option<String> {
    let (task, number) = part.split_at_checked(32)?;
    let number = number.strip_prefix(b"-")?;
    let is_number = (6..=20).contains(&number.len()) && number.iter().all(u8::is_ascii_digit);
    lower_hex(task).filter(|_| is_number)?;
    String::from_utf8(part.to_vec()).ok()
}

/// The pod that one part of a cgroup path is.
fn pod_part(part: &[u8], parent: &[u8]) -> Option<(String, Option<Qos>)> {
    if let Some(uid) = part.strip_prefix(b"pod").and_then(pod_uid) {
        return Some((uid, qos(parent)));
    }
    let slice = match part.windows(7).position(|window| window == b".slice:") {
        Some(end) => part.get(..end)?,
        None => part.strip_suffix(b".slice")?,
    };
    // `[<root>-]kubepods[-<qos>]-pod<uid with _ for ->`
    let at = slice.windows(4).rposition(|window| window == b"-pod")?;
    let (before, uid) = (slice.get(..at)?, slice.get(at.checked_add(4)?..)?);
    let class = before.rsplit(|byte| *byte == b'-').next()?;
    Some((pod_uid(uid)?, qos(class)))
}

fn qos(word: &[u8]) -> Option<Qos> {
    match word {
        b"kubepods" => Some(Qos::Guaranteed),
        b"burstable" => Some(Qos::Burstable),
        b"besteffort" => Some(Qos::BestEffort),
        _ => None,
    }
}

fn after<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let at = bytes
        .windows(mark.len())
        .position(|window| window == mark)?;
    bytes.get(at.checked_add(mark.len())?..)
}

/// 64 lower-case hexadecimal digits.
pub(crate) fn container_id(bytes: &[u8]) -> Option<String> {
    (bytes.len() == 64).then(|| lower_hex(bytes)).flatten()
}

/// 8-4-4-4-12 hexadecimal digits, parted by `-` or systemd's `_`; or 32 digits.
pub(crate) fn pod_uid(bytes: &[u8]) -> Option<String> {
    if bytes.len() == 32 {
        return lower_hex(bytes);
    }
    let groups = bytes.split(|byte| matches!(byte, b'-' | b'_'));
    let groups = groups.map(lower_hex).collect::<Option<Vec<_>>>()?;
    let shape = groups.iter().map(String::len).eq([8, 4, 4, 4, 12]);
    shape.then(|| groups.join("-"))
}

fn lower_hex(bytes: &[u8]) -> Option<String> {
    let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    bytes
        .iter()
        .all(hex)
        .then(|| String::from_utf8(bytes.to_vec()).ok())?
}

/// What the root fields of a process's mounts tell. `None` where they say nothing, or disagree.
///
/// The kubelet's files name the pod and the container, whatever the runtime.
/// The ids are not: in a pod, the files that could tell carry the *sandbox's* id (containerd,
/// CRI-O and Docker's CRI shim alike), hence no id is given together with a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ContainerFromMounts {
    /// The UID of the pod.
    pub pod_uid: Option<String>,
    /// The name of the container in the pod's spec.
    pub container_name: Option<String>,
    /// The runtime whose files are mounted; in a pod they are those of its sandbox.
    pub runtime: Option<Runtime>,
    /// The id of the container, from a file that is always its own (Podman).
    pub id: Option<String>,
    /// The id of the container that owns the network, from its `hosts` or `resolv.conf`
    /// (Podman, Docker): this container, unless it joined another's network.
    pub network_owner_id: Option<String>,
}

/// Looks at the (unescaped) root fields of mountinfo, in any order; where they are mounted is
/// the container's choice and says nothing.
pub(crate) fn from_mount_roots<'a>(
    roots: impl IntoIterator<Item = &'a [u8]>,
) -> ContainerFromMounts {
    let mut clues = Clues::default();
    for root in roots {
        clues.add(root);
    }
    clues.verdict()
}

/// Everything found; a set with one member is an answer.
#[derive(Default)]
struct Clues {
    /// Pod UIDs: from the termination log, from `etc-hosts`, from volumes. A volume is the
    /// weakest, since a node agent may mount those of other pods.
    pods: [BTreeSet<String>; 3],
    names: BTreeSet<String>,
    podman: BTreeSet<String>,
    podman_network: BTreeSet<String>,
    docker_network: BTreeSet<String>,
    /// Whether a file of a sandbox of containerd is among them.
    containerd_sandbox: bool,
}

impl Clues {
    fn add(&mut self, root: &[u8]) {
        let root = root.strip_suffix(b"//deleted").unwrap_or(root);
        let parts: Vec<&[u8]> = root.split(|byte| *byte == b'/').collect();
        let [by_log, by_hosts, by_volume] = &mut self.pods;
        match parts.as_slice() {
            [.., b"pods", uid, b"containers", name, log] if is_log(log) => {
                if let (Some(uid), Some(name)) = (pod_uid(uid), container_name(name)) {
                    by_log.insert(uid);
                    self.names.insert(name);
                }
            }
            [.., b"pods", uid, b"etc-hosts"] => by_hosts.extend(pod_uid(uid)),
            [
                ..,
                b"overlay-containers",
                id,
                b"userdata",
                b".containerenv" | b"hostname",
            ] => {
                self.podman.extend(container_id(id));
            }
            [
                ..,
                b"overlay-containers",
                id,
                b"userdata",
                b"hosts" | b"resolv.conf",
            ] => {
                self.podman_network.extend(container_id(id));
            }
            [
                ..,
                b"io.containerd.grpc.v1.cri",
                b"sandboxes",
                id,
                b"hosts" | b"hostname" | b"resolv.conf",
            ] => {
                self.containerd_sandbox |= container_id(id).is_some();
            }
            [
                ..,
                b"containers",
                id,
                b"hosts" | b"hostname" | b"resolv.conf",
            ] => {
                self.docker_network.extend(container_id(id));
            }
            parts => by_volume.extend(volume_pod(parts)),
        }
    }

    fn verdict(self) -> ContainerFromMounts {
        let podman = !self.podman.is_empty() || !self.podman_network.is_empty();
        let docker = !self.docker_network.is_empty();
        let containerd = self.containerd_sandbox;
        let pods = self.pods.into_iter().find(|uids| !uids.is_empty());
        if let Some(uids) = pods {
            return ContainerFromMounts {
                pod_uid: only(uids),
                container_name: only(self.names),
                runtime: match (containerd, podman, docker) {
                    (true, false, false) => Some(Runtime::Containerd),
                    // In a pod of the kubelet they are CRI-O's, which keeps them as Podman does.
                    (false, true, false) => Some(Runtime::CriO),
                    (false, false, true) => Some(Runtime::Docker),
                    _ => None,
                },
                ..ContainerFromMounts::default()
            };
        }
        let (runtime, network) = match (containerd, podman, docker) {
            (true, false, false) => (Runtime::Containerd, BTreeSet::new()),
            (false, true, false) => (Runtime::Podman, self.podman_network),
            (false, false, true) => (Runtime::Docker, self.docker_network),
            _ => return ContainerFromMounts::default(),
        };
        ContainerFromMounts {
            runtime: Some(runtime),
            id: only(self.podman),
            network_owner_id: only(network),
            ..ContainerFromMounts::default()
        }
    }
}

fn only(mut found: BTreeSet<String>) -> Option<String> {
    let first = found.pop_first();
    first.filter(|_| found.is_empty())
}

/// `…/pods/<uid>/volumes/kubernetes.io~<kind>/<volume>[/…]`
fn volume_pod(parts: &[&[u8]]) -> Option<String> {
    parts.windows(5).find_map(|window| match window {
        [b"pods", uid, b"volumes", kind, _] if kind.starts_with(b"kubernetes.io~") => pod_uid(uid),
        _ => None,
    })
}

/// The kubelet names a termination log by eight hexadecimal digits.
pub(crate) fn is_log(part: &[u8]) -> bool {
    part.len() == 8 && lower_hex(part).is_some()
}

/// A DNS label.
pub(crate) fn container_name(part: &[u8]) -> Option<String> {
    let label = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let fits = (1..=63).contains(&part.len()) && part.iter().all(label);
    fits.then(|| String::from_utf8(part.to_vec()).ok())?
}

#[cfg(test)]
mod tests;
