//! `/proc/PID/attr/current`: what a security module calls the process.

/// Whose label it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Module {
    /// A profile and its mode: `docker-default (enforce)`, or `unconfined`.
    AppArmor,
    /// `user:role:type:level`.
    SeLinux,
    /// Another one, such as Smack.
    Other,
}

/// A label and the module that its form shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecurityLabel {
    /// Derived from the form if the directory that it was read from does not tell.
    pub module: Module,
    /// Without the newline or the zero at its end.
    pub label: Vec<u8>,
}

impl SecurityLabel {
    /// Reads `attr/current`; `None` where it is empty.
    #[must_use]
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let label = trimmed(bytes);
        let module = if label == b"unconfined" || label.ends_with(b")") {
            Module::AppArmor
        } else if label.split(|byte| *byte == b':').nth(2).is_some() {
            Module::SeLinux
        } else {
            Module::Other
        };
        (!label.is_empty()).then(|| Self {
            module,
            label: label.to_vec(),
        })
    }

    /// Reads `attr/apparmor/current`, which no other module writes.
    #[must_use]
    pub(crate) fn of_apparmor(bytes: &[u8]) -> Option<Self> {
        let label = trimmed(bytes).to_vec();
        (!label.is_empty()).then_some(Self {
            module: Module::AppArmor,
            label,
        })
    }

    /// The third part of an `SELinux` context, such as `container_t`.
    #[must_use]
    pub(crate) fn selinux_type(&self) -> Option<&[u8]> {
        let mut parts = self.label.split(|byte| *byte == b':');
        parts.nth(2).filter(|_| self.module == Module::SeLinux)
    }

    /// Whether `AppArmor` confines nothing of it.
    #[must_use]
    pub(crate) fn is_unconfined(&self) -> bool {
        self.module == Module::AppArmor && self.label == b"unconfined"
    }
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0);
    bytes
        .get(..end.unwrap_or(bytes.len()))
        .unwrap_or_default()
        .trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_form_tells_the_module() {
        for (bytes, module, unconfined) in [
            (&b"docker-default (enforce)\n"[..], Module::AppArmor, false),
            (
                b"cri-containerd.apparmor.d (enforce)\n",
                Module::AppArmor,
                false,
            ),
            (b"unconfined\n", Module::AppArmor, true),
            (b"a//&:ns:b (complain)\n", Module::AppArmor, false),
            (
                b"system_u:system_r:container_t:s0:c1,c2\0",
                Module::SeLinux,
                false,
            ),
            (b"_\n", Module::Other, false),
        ] {
            let label = SecurityLabel::parse(bytes).unwrap();
            assert_eq!((label.module, label.is_unconfined()), (module, unconfined));
        }
        let context = SecurityLabel::parse(b"system_u:system_r:container_t:s0:c1,c2\0").unwrap();
        assert_eq!(context.selinux_type(), Some(&b"container_t"[..]));
        assert_eq!(SecurityLabel::parse(b"\0"), None);
        assert_eq!(SecurityLabel::of_apparmor(b"\n"), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let label = SecurityLabel::parse(&bytes);
            let _ = label.as_ref().map(|label| (label.selinux_type(), label.is_unconfined()));
        }
    }
}
