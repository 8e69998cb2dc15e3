//! Names of the directories that the kubelet keeps logs in: `NAMESPACE_POD_UID` below
//! `/var/log/pods`.

use super::container_id::{container_name, pod_uid};

/// The longest name that Kubernetes gives a pod.
const POD_NAME_LIMIT: usize = 253;

/// A pod as Kubernetes names it, unique in a cluster as long as it exists.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name in that namespace.
    pub name: String,
}

/// UID and name of the pod whose logs are in a directory of this name; `None` where the kubelet
/// does not write such a name. Neither part may hold a `_`.
#[must_use]
pub(crate) fn pod_of_directory(name: &[u8]) -> Option<(String, PodName)> {
    let mut parts = name.split(|byte| *byte == b'_');
    let (namespace, pod, uid) = (parts.next()?, parts.next()?, parts.next()?);
    let named = pod_name(namespace, pod).filter(|_| parts.next().is_none())?;
    Some((pod_uid(uid)?, named))
}

/// A pod by its namespace, a DNS label, and its name, a DNS subdomain.
#[must_use]
pub(crate) fn pod_name(namespace: &[u8], name: &[u8]) -> Option<PodName> {
    let is_label = |part: &[u8]| container_name(part).is_some();
    let fits = name.len() <= POD_NAME_LIMIT
        && name
            .iter()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        && name
            .split(|byte| *byte == b'.')
            .all(|part| !part.is_empty());
    if !fits || !is_label(namespace) {
        return None;
    }
    Some(PodName {
        namespace: String::from_utf8(namespace.to_vec()).ok()?,
        name: String::from_utf8(name.to_vec()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94";

    fn read(name: &str) -> Option<(String, String, String)> {
        let (uid, pod) = pod_of_directory(name.as_bytes())?;
        Some((uid, pod.namespace, pod.name))
    }

    #[test]
    fn a_directory_names_namespace_pod_and_uid() {
        let expected = |uid: &str, namespace: &str, pod: &str| {
            Some((uid.to_owned(), namespace.to_owned(), pod.to_owned()))
        };
        assert_eq!(
            read(&format!("shop_web-7d9f.v2_{UID}")),
            expected(UID, "shop", "web-7d9f.v2")
        );
        // A static pod has a hash in place of a UID.
        let hash = "0123456789abcdef0123456789abcdef";
        assert_eq!(
            read(&format!("kube-system_etcd-node1_{hash}")),
            expected(hash, "kube-system", "etcd-node1")
        );
    }

    #[test]
    fn other_names_are_none() {
        for name in [
            String::new(),
            "shop_web".to_owned(),
            format!("shop_web_x_{UID}"),
            format!("shop_web_{UID}_"),
            format!("shop__{UID}"),
            format!("_web_{UID}"),
            format!("Shop_web_{UID}"),
            format!("shop_web\u{1b}[31m_{UID}"),
            format!("shop_a..b_{UID}"),
            format!("shop_../../etc_{UID}"),
            format!("shop_{}_{UID}", "a".repeat(254)),
            format!("{}_web_{UID}", "a".repeat(64)),
            "shop_web_3c1f7a5e".to_owned(),
        ] {
            assert_eq!(read(&name), None, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_name_is_read_or_refused(name: Vec<u8>) {
            drop(pod_of_directory(&name));
        }

        #[test]
        fn what_the_kubelet_writes_is_read_back(
            namespace in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?",
            pod in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\\.[a-z0-9]{1,5}){0,3}",
        ) {
            let found = pod_of_directory(format!("{namespace}_{pod}_{UID}").as_bytes());
            let expected = PodName { namespace, name: pod };
            proptest::prop_assert_eq!(found, Some((UID.to_owned(), expected)));
        }
    }
}
