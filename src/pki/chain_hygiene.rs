//! What a server sends that it need not send, or not in this order. None of it decides.

use super::finding::{ChainFinding, Evidence};
use super::path_builder::{CertPath, PathEnd};
use super::{Case, finding};

/// Warnings about the chain as it was served.
pub(super) fn of(case: &Case, path: &CertPath) -> Vec<ChainFinding> {
    let mut warnings = Vec::new();
    let source = case.question.source;
    let unused = |at: &usize| !path.indices.contains(at);
    let all = (0..case.chain.len()).filter(unused);
    let (mut roots, mut extra) = (Vec::new(), Vec::new());
    for parsed in all.filter_map(|at| case.chain.get(at)) {
        if parsed.self_issued() && case.question.roots.hold(parsed) {
            roots.push(parsed.title());
        } else {
            extra.push(parsed.title());
        }
    }
    if !roots.is_empty() {
        warnings.push(Evidence::RootsIncluded {
            source,
            titles: roots,
        });
    }
    if !extra.is_empty() {
        warnings.push(Evidence::UnusedCertificates {
            source,
            titles: extra,
        });
    }
    if let Some(title) = passed_over(case, path) {
        warnings.push(Evidence::FirstLeadsNowhere { source, title });
    }
    if !path.indices.is_sorted() {
        warnings.push(Evidence::OutOfOrder(source));
    }
    let warning = |evidence| finding(None, evidence);
    warnings.into_iter().map(warning).collect()
}

/// An issuer of the path that has another certificate before the one that leads on.
fn passed_over(case: &Case, path: &CertPath) -> Option<String> {
    if !matches!(path.end, PathEnd::Authority(_)) {
        return None;
    }
    let used = path.indices.iter().filter_map(|at| case.chain.get(*at));
    let passed = used.skip(1).find(|parsed| {
        case.chain
            .iter()
            .take_while(|other| other.place < parsed.place)
            .any(|other| other.same_holder(parsed))
    });
    passed.map(super::member::Member::title)
}
