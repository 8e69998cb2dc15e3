//! What Kubernetes calls a pod, as far as something inside it tells.

use std::path::Path;

use crate::sys::{InRoot, ProcDir, Truncation, file_limits};

/// The file that a service account brings. A container added later has none, and neither has a pod
/// with `automountServiceAccountToken: false`.
const NAMESPACE: &[u8] = b"/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// Longer than the name of a namespace may be.
const NAME_LIMIT: usize = 64;

/// The namespace of the pod that a container with this root is in.
pub(crate) fn namespace_in(root: &InRoot) -> Option<String> {
    let mut text = Vec::new();
    let whole = matches!(
        root.read(NAMESPACE, NAME_LIMIT, &mut text),
        Ok(Truncation::Whole)
    );
    let name = String::from_utf8(text.trim_ascii().to_vec()).ok()?;
    let usual = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (whole && !name.is_empty() && name.chars().all(usual)).then_some(name)
}

/// The namespace of spyhole's own pod.
pub(crate) fn namespace() -> Option<String> {
    namespace_in(&InRoot::at(Path::new("/")).ok()?)
}

/// The host name in spyhole's own UTS namespace, which in a pod is the pod's name.
pub(crate) fn host_name(proc: &ProcDir) -> Option<String> {
    let mut text = Vec::new();
    proc.read(c"sys/kernel/hostname", file_limits::SMALL, &mut text)
        .ok()?;
    String::from_utf8(text.trim_ascii().to_vec()).ok()
}

/// Whether Kubernetes started spyhole's own container.
pub(crate) fn is_kubernetes() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}
