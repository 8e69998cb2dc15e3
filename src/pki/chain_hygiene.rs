//! What a server sends that it need not send, or not in this order. None of it decides.

use super::path_builder::{CertPath, PathEnd};
use super::{Case, Finding, finding, words};
use crate::model::verdict::Problem;

/// Warnings about the chain as it was served.
pub(super) fn of(case: &Case, path: &CertPath) -> Vec<Finding> {
    let mut warnings = Vec::new();
    let sends = case.question.source.sends();
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
        let says = format!(
            "{sends} a root certificate, which clients already have: {}",
            words::list(&roots)
        );
        warnings.push(says);
    }
    if !extra.is_empty() {
        let says = format!(
            "{sends} certificates that this chain does not need: {}",
            words::list(&extra)
        );
        warnings.push(says);
    }
    if let Some(title) = passed_over(case, path) {
        let says = format!(
            "{sends} several certificates for {title}, and the first does not lead to a \
             trusted authority; OpenSSL tries only the first"
        );
        warnings.push(says);
    }
    if !path.indices.is_sorted() {
        warnings.push(
            "the server sends its chain out of order: each certificate must follow the one that \
             it issued (RFC 5246 7.4.2), and some clients require this"
                .to_owned(),
        );
    }
    let warning = |says| Finding {
        fatal: false,
        ..finding(Problem::Untidy, None, says)
    };
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
