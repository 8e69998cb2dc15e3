//! What came of all rules together.

use std::str::FromStr;

use serde::Serialize;

use super::facts::{Facts, NotJudged};
use super::registry::{find_rule, rules};
use super::rule::{Evidence, Rule, Severity};
use super::security::forbidden_by;
use crate::model::Report;
use crate::model::pod_security::PodSecurityLevel;
use crate::model::reason::Reason;

/// What is wrong, and what could not be judged.
#[derive(Debug, Serialize)]
pub(crate) struct Diagnosis {
    /// `spyhole/doctor/v1`.
    pub(crate) schema: &'static str,
    /// The version of spyhole that judged.
    pub(crate) version: &'static str,
    /// Worst first.
    pub(crate) findings: Vec<Finding>,
    /// Findings that the caller leaves out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ignored: Vec<IgnoredFinding>,
    /// The rules that a missing field kept from being judged.
    pub(crate) not_judged: Vec<Unjudged>,
    /// How many rules were judged.
    pub(crate) rules_judged: usize,
}

/// Something that is wrong.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    pub(crate) title: &'static str,
    /// The values and where they were read, strongest first.
    pub(crate) evidence: Vec<String>,
    pub(crate) why: &'static str,
    pub(crate) remedy: String,
    pub(crate) wrong_if: &'static str,
    #[serde(skip)]
    certainty: u8,
}

/// A finding that `--ignore` names.
#[derive(Debug, Serialize)]
pub(crate) struct IgnoredFinding {
    pub(crate) id: &'static str,
    pub(crate) reason: String,
}

/// A rule that was not judged.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Unjudged {
    pub(crate) id: &'static str,
    /// The field that was not seen.
    pub(crate) field: &'static str,
    /// Absent where the document does not have the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
}

/// A rule that the caller leaves out, and why.
#[derive(Debug, Clone)]
pub(crate) struct Ignored {
    pub(crate) id: &'static str,
    pub(crate) reason: String,
}

/// What the caller expects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expectations {
    /// Ports that the application is to listen on.
    pub(crate) ports: Vec<u16>,
    /// Rules that are left out.
    pub(crate) ignore: Vec<Ignored>,
    /// The level of the Pod Security Standards that is to be met: what it forbids is a problem.
    pub(crate) policy: Option<PodSecurityLevel>,
    /// Name servers that were asked and did not answer, each with why.
    pub(crate) silent_name_servers: Vec<String>,
}

impl FromStr for Ignored {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, reason) = text
            .split_once('=')
            .filter(|(_, reason)| !reason.trim().is_empty())
            .ok_or("no reason given; use ID=REASON, such as SPY-SEC-001='needs port 80'")?;
        let rule = find_rule(id).ok_or("unknown rule; spyhole explain lists them")?;
        Ok(Self {
            id: rule.id,
            reason: reason.trim().to_owned(),
        })
    }
}

/// Judges all rules by a document.
#[must_use]
pub(crate) fn examine(report: &Report, expected: &Expectations) -> Diagnosis {
    let facts = Facts {
        report,
        expected_ports: &expected.ports,
        silent_name_servers: &expected.silent_name_servers,
    };
    let mut diagnosis = Diagnosis {
        schema: "spyhole/doctor/v1",
        version: env!("CARGO_PKG_VERSION"),
        findings: Vec::new(),
        ignored: Vec::new(),
        not_judged: Vec::new(),
        rules_judged: 0,
    };
    for rule in rules() {
        let found = match (rule.judge)(&facts) {
            Ok(evidence) => evidence,
            Err(NotJudged { field, reason }) => {
                let id = rule.id;
                diagnosis.not_judged.push(Unjudged { id, field, reason });
                continue;
            }
        };
        diagnosis.rules_judged += 1;
        let Some(mut finding) = Finding::of(rule, found) else {
            continue;
        };
        let forbidden = forbidden_by(rule.id).filter(|level| Some(*level) <= expected.policy);
        if forbidden.is_some() {
            finding.severity = Severity::Problem;
        }
        match expected.ignore.iter().find(|ignored| ignored.id == rule.id) {
            Some(Ignored { id, reason }) => diagnosis.ignored.push(IgnoredFinding {
                id,
                reason: reason.clone(),
            }),
            None => diagnosis.findings.push(finding),
        }
    }
    let worst_first = |one: &Finding| std::cmp::Reverse((one.severity, one.certainty));
    diagnosis.findings.sort_by_key(worst_first);
    diagnosis
}

impl Finding {
    /// `None` where there is no evidence.
    fn of(rule: &Rule, mut found: Vec<Evidence>) -> Option<Self> {
        found.sort_by_key(|evidence| std::cmp::Reverse(evidence.certainty));
        let first = found.first()?;
        let remedy = first.remedy.clone();
        Some(Self {
            id: rule.id,
            severity: rule.severity,
            title: rule.title,
            certainty: first.certainty,
            why: rule.why,
            remedy: remedy.unwrap_or_else(|| rule.remedy.to_owned()),
            wrong_if: rule.wrong_if,
            evidence: found.into_iter().map(|evidence| evidence.says).collect(),
        })
    }
}

impl Diagnosis {
    /// The worst severity that was found.
    #[must_use]
    pub(crate) fn worst(&self) -> Option<Severity> {
        self.findings.first().map(|finding| finding.severity)
    }
}
