//! Finds what is wrong with a container: rules over the document.
//!
//! A rule is data beside one pure function; the families are files of this folder. A new rule is an
//! entry of its family's list and a case of the tests; `docs/findings.md` follows.

mod certificates;
mod diagnosis;
mod exchange;
mod facts;
mod image;
mod kubernetes;
mod layout;
mod network;
mod overview;
mod process;
mod registry;
mod resources;
mod rule;
mod runtimes;
mod security;
mod why;
mod words;

pub(crate) use diagnosis::{Diagnosis, Expectations, Finding, Ignored, examine};
pub(crate) use exchange::{junit, sarif};
pub(crate) use facts::{Facts, NotJudged, holder, local_end, seen, seen_if_there};
pub(crate) use overview::{Screen, overview};
pub(crate) use registry::{find_rule, rules};
pub(crate) use rule::{Rule, Severity};
pub(crate) use why::{WhySubject, WhyVerdict, explain_holders, why_lines};
pub(crate) use words::{explanation, index, lines};

#[cfg(test)]
mod tests;
