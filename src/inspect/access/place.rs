//! Where viewer and target are, and what things are called there.

use super::remedies::{Place, Platform};
use crate::inspect::standing::{Credentials, same_user_namespace};
use crate::inspect::view::{Held, View};
use crate::parse::id_map::IdMap;
use crate::sys::own_image;

const SMALL_LIMIT: usize = 64 << 10;

/// Where this is, to name things as their users do.
pub(super) fn of(view: &View, held: &Held, buffer: &mut Vec<u8>) -> Place {
    let identity = &held.identity;
    let injected = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    let platform = match (&identity.pod_uid, identity.runtime) {
        (Some(_), _) => Platform::Kubernetes,
        (None, Some("docker")) => Platform::Docker,
        (None, Some("podman")) => Platform::Podman,
        _ if injected => Platform::Kubernetes,
        _ => Platform::Unknown,
    };
    let nodename = view
        .visitor
        .proc
        .read(c"sys/kernel/hostname", SMALL_LIMIT, buffer)
        .ok()
        .and_then(|_| String::from_utf8(buffer.trim_ascii().to_vec()).ok());
    Place {
        platform,
        runtime: identity.runtime,
        pod: nodename.filter(|_| platform == Platform::Kubernetes),
        container: identity.name.clone(),
        id: identity.id().map(str::to_owned),
        image: own_image::name(),
    }
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
