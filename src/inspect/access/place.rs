//! Where viewer and target are, and what things are called there.

use super::remedies::{Place, Platform};
use super::sharing::Sharing;
use super::surroundings::Surroundings;
use crate::inspect::own_pod;
use crate::inspect::standing::{Credentials, same_user_namespace};
use crate::inspect::view::{Held, View};
use crate::parse::id_map::IdMap;
use crate::parse::stat::Stat;
use crate::sys::own_image;

const SMALL_LIMIT: usize = 64 << 10;

/// Where this is, to name things as their users do. What spyhole's own pod is called helps only
/// where the target is in the same one.
pub(super) fn of(
    view: &View,
    held: &Held,
    surroundings: &Surroundings,
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
        && match (own_pod_uid(view, surroundings, buffer), &identity.pod_uid) {
            (Some(own), Some(target)) => own == *target,
            _ => sharing.network() != Some(false),
        };
    let of_target = || own_pod::namespace_in(held.root(&view.visitor.viewer).ok()?);
    let namespace = (platform == Platform::Kubernetes).then(of_target).flatten();
    let own = |name: fn(&View) -> Option<String>| in_own_pod.then(|| name(view)).flatten();
    Place {
        platform,
        runtime: identity.runtime,
        namespace: namespace.or_else(|| own(|_| own_pod::namespace())),
        pod: own(|view| own_pod::host_name(&view.visitor.proc)),
        container: identity.name.clone(),
        id: identity.id().map(str::to_owned),
        image: own_image::name(),
    }
}

/// The UID of the pod that spyhole's own container is in.
fn own_pod_uid(view: &View, surroundings: &Surroundings, buffer: &mut Vec<u8>) -> Option<String> {
    let own = surroundings.own.as_ref()?;
    own.read(c"stat", SMALL_LIMIT, buffer).ok()?;
    let stat = Stat::parse(buffer).ok()?;
    let (identity, _) = view.visitor.identities.of(own, &stat, buffer);
    identity.pod_uid.clone()
}

/// Uid and gid of the target as its own user namespace numbers them; `None` where
/// that cannot be told.
pub(super) fn ids_inside(
    viewer: &Credentials,
    target: &Credentials,
    held: &Held,
    buffer: &mut Vec<u8>,
) -> Option<(u32, u32)> {
    let (uid, gid) = (target.uid?.effective, target.gid?.effective);
    if same_user_namespace(viewer, target) != Some(false) {
        return Some((uid, gid));
    }
    let uids = IdMap::parse(target.uid_map.as_deref()?).ok()?;
    held.main.read(c"gid_map", SMALL_LIMIT, buffer).ok()?;
    let gids = IdMap::parse(buffer).ok()?;
    Some((uids.translate_back(uid)?, gids.translate_back(gid)?))
}
