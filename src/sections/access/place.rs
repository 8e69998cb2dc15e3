//! Where viewer and target are, and what things are called there.

use super::remedies::{Place, Platform};
use super::sharing::Sharing;
use super::system::SystemContext;
use crate::parse::id_map::IdMap;
use crate::parse::stat::Stat;
use crate::rights::ptrace_access::{Credentials, same_user_namespace};
use crate::scan::Scan;
use crate::scan::own_pod;
use crate::scan::target::TargetHandle;
use crate::sys::file_limits;
use crate::sys::own_image;

/// Where this is, to name things as their users do. What spyhole's own pod is called helps only
/// where the target is in the same one.
pub(super) fn of(
    scan: &Scan,
    held: &TargetHandle,
    system: &SystemContext,
    sharing: &Sharing,
    buffer: &mut Vec<u8>,
) -> Place {
    let identity = &held.identity;
    let platform = match (&identity.pod_uid, identity.runtime) {
        (Some(_), _) => Platform::Kubernetes,
        (None, Some("docker")) => Platform::Docker,
        (None, Some("podman")) => Platform::Podman,
        _ if own_pod::is_kubernetes() => Platform::Kubernetes,
        _ => Platform::Unknown,
    };
    let in_own_pod = platform == Platform::Kubernetes
        && match (own_pod_uid(scan, system, buffer), &identity.pod_uid) {
            (Some(own), Some(target)) => own == *target,
            _ => sharing.network() != Some(false),
        };
    let of_target = || own_pod::namespace_in(held.root(&scan.reader.viewer).ok()?);
    let namespace = (platform == Platform::Kubernetes).then(of_target).flatten();
    let own = |name: fn(&Scan) -> Option<String>| in_own_pod.then(|| name(scan)).flatten();
    // On a node the target's pod is named, and need not be spyhole's.
    let named = identity.pod.as_ref();
    Place {
        platform,
        runtime: identity.runtime,
        namespace: named
            .map(|pod| pod.namespace.clone())
            .or(namespace)
            .or_else(|| own(|_| own_pod::namespace())),
        pod: named
            .map(|pod| pod.name.clone())
            .or_else(|| own(|scan| own_pod::host_name(&scan.reader.proc))),
        container: identity.name.clone(),
        id: identity.id().map(str::to_owned),
        image: own_image::name(),
    }
}

/// The UID of the pod that spyhole's own container is in.
fn own_pod_uid(scan: &Scan, system: &SystemContext, buffer: &mut Vec<u8>) -> Option<String> {
    let own = system.own.as_ref()?;
    own.read(c"stat", file_limits::SMALL, buffer).ok()?;
    let stat = Stat::parse(buffer).ok()?;
    let (identity, _) = scan.reader.identities.of(own, &stat, buffer);
    identity.pod_uid.clone()
}

/// Uid and gid of the target as its own user namespace numbers them; `None` where
/// that cannot be told.
pub(super) fn ids_inside(
    viewer: &Credentials,
    target: &Credentials,
    held: &TargetHandle,
    buffer: &mut Vec<u8>,
) -> Option<(u32, u32)> {
    let (uid, gid) = (target.uid?.effective, target.gid?.effective);
    if same_user_namespace(viewer, target) != Some(false) {
        return Some((uid, gid));
    }
    let uids = IdMap::parse(target.uid_map.as_deref()?).ok()?;
    held.main
        .read(c"gid_map", file_limits::SMALL, buffer)
        .ok()?;
    let gids = IdMap::parse(buffer).ok()?;
    Some((uids.translate_back(uid)?, gids.translate_back(gid)?))
}
