//! What runtimes give to root by default, beside what is there.

use crate::model::capabilities::AgainstDefault;
use crate::parse::capabilities::names;
use crate::rights::default_capabilities::{DEFAULTS, DefaultCapabilities};

/// The bounding set beside the default of its runtime; beside each, closest first, where
/// the runtime is unknown.
#[must_use]
pub(super) fn compare(bounding: u64, runtime: Option<&str>) -> Vec<AgainstDefault> {
    let known = |runtime: &str| DEFAULTS.iter().any(|one| one.runtimes.contains(&runtime));
    let runtime = runtime.filter(|runtime| known(runtime));
    let mut defaults: Vec<&DefaultCapabilities> = DEFAULTS
        .iter()
        .filter(|default| runtime.is_none_or(|runtime| default.runtimes.contains(&runtime)))
        .collect();
    defaults.sort_by_key(|default| (default.mask ^ bounding).count_ones());
    let listed = |mask| names(mask).map(std::borrow::Cow::into_owned).collect();
    defaults
        .into_iter()
        .map(|default| AgainstDefault {
            runtimes: match runtime {
                Some(runtime) => vec![runtime.to_owned()],
                None => default.runtimes.iter().map(ToString::to_string).collect(),
            },
            default_mask: format!("{:016x}", default.mask),
            added: listed(bounding & !default.mask),
            dropped: listed(default.mask & !bounding),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_in_sight_decides() {
        let [one] = compare(0xa804_25fb | 1 << 19, Some("containerd"))
            .try_into()
            .unwrap();
        assert_eq!(one.runtimes, ["containerd"]);
        assert_eq!(one.added, ["cap_sys_ptrace"]);
        assert_eq!(one.dropped, Vec::<String>::new());
    }

    #[test]
    fn otherwise_the_closest_comes_first() {
        let first = |mask| compare(mask, None).remove(0).runtimes.join(" ");
        assert_eq!(first(0xa804_25fb), "docker containerd");
        assert_eq!(first(0x8004_05fb), "podman");
        assert_eq!(first(0), "cri-o");
        assert_eq!(compare(0, Some("unheard-of")).len(), 3);
    }
}
