//! Every rule there is.

use super::rule::Rule;
use super::{certificates, image, kubernetes, network, process, resources, runtimes, security};

const FAMILIES: &[&[Rule]] = &[
    network::RULES,
    process::RULES,
    resources::RULES,
    runtimes::RULES,
    security::RULES,
    image::RULES,
    certificates::RULES,
    kubernetes::RULES,
];

/// All rules, family by family.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().copied().flatten()
}

/// The rule of an id, in any case.
pub(crate) fn find_rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id.eq_ignore_ascii_case(id))
}
