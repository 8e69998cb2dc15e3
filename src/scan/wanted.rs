//! Which containers are meant by `--container` and `--pod`.

use super::container_key::Identity;

/// A container by its name or id, by its pod, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedContainer {
    /// A name, an id, or the beginning of an id.
    container: Option<String>,
    /// Each must be its pod.
    pods: Vec<WantedPod>,
}

/// A pod by its name or UID.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WantedPod {
    namespace: Option<String>,
    /// A name or a UID.
    name: String,
}

impl WantedContainer {
    /// From what the user gave: `NAME`, `POD/NAME` or `NAMESPACE/POD/NAME` as the container, `POD`
    /// or `NAMESPACE/POD` as the pod.
    pub(super) fn parse(container: Option<&str>, pod: Option<&str>) -> Self {
        let mut pods: Vec<_> = pod.map(WantedPod::parse).into_iter().collect();
        let container = container.map(|text| match text.rsplit_once('/') {
            Some((pod, name)) => {
                pods.push(WantedPod::parse(pod));
                name.to_owned()
            }
            None => text.to_owned(),
        });
        Self { container, pods }
    }

    /// Whether it is this one.
    #[must_use]
    pub(super) fn is(&self, identity: &Identity) -> bool {
        self.container
            .as_deref()
            .is_none_or(|wanted| is_called(identity, wanted))
            && self.pods.iter().all(|pod| pod.has(identity))
    }
}

impl WantedPod {
    fn parse(text: &str) -> Self {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, text),
        };
        Self {
            namespace,
            name: name.to_owned(),
        }
    }

    fn has(&self, identity: &Identity) -> bool {
        let pod = identity.pod.as_ref();
        let namespace = self.namespace.as_ref();
        let by_name = pod.is_some_and(|pod| pod.name == self.name);
        let by_uid = identity.pod_uid.as_ref() == Some(&self.name);
        (by_name || by_uid)
            && namespace.is_none_or(|wanted| pod.is_some_and(|pod| pod.namespace == *wanted))
    }
}

/// Whether `wanted` is its name, its id, or the beginning of its id.
fn is_called(identity: &Identity, wanted: &str) -> bool {
    let by_id = |id: &str| id == wanted || (wanted.len() >= 4 && id.starts_with(wanted));
    identity.name.as_deref() == Some(wanted) || identity.id().is_some_and(by_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::pod_logs::PodName;
    use crate::scan::container_key::Key;

    const UID: &str = "3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94";

    fn app(pod: Option<(&str, &str)>) -> Identity {
        Identity {
            key: Key::Id("0123456789abcdef".to_owned()),
            name: Some("app".to_owned()),
            pod_uid: Some(UID.to_owned()),
            pod: pod.map(|(namespace, name)| PodName {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            }),
            ..Identity::unknown()
        }
    }

    fn is(container: Option<&str>, pod: Option<&str>) -> bool {
        WantedContainer::parse(container, pod).is(&app(Some(("shop", "web"))))
    }

    #[test]
    fn a_container_is_called_by_name_id_or_pod() {
        for wanted in [
            "app",
            "0123",
            "0123456789abcdef",
            "web/app",
            "shop/web/app",
            "shop/web/0123",
            "3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94/app",
        ] {
            assert!(is(Some(wanted), None), "{wanted}");
        }
        for wanted in [
            "",
            "ap",
            "012",
            "/app",
            "app/",
            "web/",
            "db/app",
            "other/web/app",
            "a/shop/web/app",
            "shop/app",
            "//app",
        ] {
            assert!(!is(Some(wanted), None), "{wanted}");
        }
    }

    #[test]
    fn an_id_of_the_users_choice_may_be_short() {
        let web = Identity {
            key: Key::Id("web".to_owned()),
            ..Identity::unknown()
        };
        let is = |wanted| WantedContainer::parse(Some(wanted), None).is(&web);
        assert!(is("web") && !is("we") && !is(""));
    }

    #[test]
    fn a_pod_is_called_by_name_or_uid_and_narrows_a_name() {
        for wanted in ["web", "shop/web", UID] {
            assert!(is(None, Some(wanted)), "{wanted}");
            assert!(is(Some("app"), Some(wanted)), "{wanted}");
            assert!(!is(Some("proxy"), Some(wanted)), "{wanted}");
        }
        for wanted in ["", "we", "other/web", "shop/", "/web", "shop/web/app"] {
            assert!(!is(None, Some(wanted)), "{wanted}");
        }
        assert!(!is(Some("db/app"), Some("web")));
    }

    #[test]
    fn without_the_name_of_a_pod_its_uid_is_left() {
        let wanted = |pod| WantedContainer::parse(Some("app"), Some(pod)).is(&app(None));
        assert!(wanted(UID));
        assert!(!wanted("web") && !wanted("shop/3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94"));
    }
}
