//! A diagnosis, a rule and the list of findings, as text.

#[cfg(test)]
use std::fmt::Write as _;

use super::diagnosis::{Diagnosis, Finding};
use super::registry::rules;
use super::rule::{Rule, Severity};

/// As many pieces of evidence are shown for a finding; JSON has all of them.
const EVIDENCE_SHOWN: usize = 5;

/// The lines for a terminal: findings, worst first, then what could not be judged.
#[must_use]
pub(crate) fn lines(diagnosis: &Diagnosis) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in &diagnosis.findings {
        lines.extend(of_finding(finding));
        lines.push(String::new());
    }
    for ignored in &diagnosis.ignored {
        lines.push(format!("ignored: {} ({})", ignored.id, ignored.reason));
    }
    let (judged, unjudged) = (diagnosis.rules_judged, diagnosis.not_judged.len());
    if diagnosis.findings.is_empty() {
        lines.push(format!(
            "nothing found; {judged} rules judged, {unjudged} not judged"
        ));
    } else {
        let severities = [Severity::Problem, Severity::Risk, Severity::Hint];
        let counts = severities.map(|severity| count(diagnosis, severity));
        let counts = counts.join(", ");
        lines.push(format!(
            "{counts}; {judged} rules judged, {unjudged} not judged"
        ));
    }
    lines.extend(unjudged_lines(diagnosis));
    lines
}

/// `1 problem`, `2 problems`.
fn count(diagnosis: &Diagnosis, severity: Severity) -> String {
    let findings = diagnosis.findings.iter();
    let of_it = findings.filter(|finding| finding.severity == severity);
    let (count, word) = (of_it.count(), severity.as_str());
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {word}{plural}")
}

fn of_finding(finding: &Finding) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<8} {}  {}",
        finding.severity.as_str().to_uppercase(),
        finding.id,
        finding.title
    )];
    let shown = finding.evidence.iter().take(EVIDENCE_SHOWN);
    lines.extend(shown.enumerate().map(|(number, evidence)| {
        let heading = if number == 0 { "evidence" } else { "" };
        fact(heading, evidence)
    }));
    if let Some(more) = finding.evidence.len().checked_sub(EVIDENCE_SHOWN)
        && more > 0
    {
        lines.push(fact("", &format!("and {more} more: -o json shows all")));
    }
    lines.push(fact("why", finding.why));
    lines.push(fact("remedy", &finding.remedy));
    lines.push(fact("wrong if", finding.wrong_if));
    lines
}

fn fact(heading: &str, text: &str) -> String {
    format!("  {heading:<9} {text}")
}

/// What was not judged: a line for each reason, with the rules.
fn unjudged_lines(diagnosis: &Diagnosis) -> Vec<String> {
    let mut by_reason: Vec<(String, Vec<&str>)> = Vec::new();
    for rule in &diagnosis.not_judged {
        let because = rule.because();
        match by_reason.iter_mut().find(|(known, _)| *known == because) {
            Some((_, ids)) => ids.push(rule.id),
            None => by_reason.push((because, vec![rule.id])),
        }
    }
    let line =
        |(because, ids): (String, Vec<&str>)| format!("not judged: {} ({because})", ids.join(", "));
    by_reason.into_iter().map(line).collect()
}

/// All of one rule: `spyhole explain ID`.
#[must_use]
pub(crate) fn explanation(rule: &Rule) -> Vec<String> {
    vec![
        format!("{}  {} ({})", rule.id, rule.title, rule.severity.as_str()),
        fact("why", rule.why),
        fact("remedy", rule.remedy),
        fact("wrong if", rule.wrong_if),
        fact("reads", &rule.reads.join(", ")),
    ]
}

/// A line for each rule: `spyhole explain`.
#[must_use]
pub(crate) fn index() -> Vec<String> {
    let line = |rule: &Rule| {
        format!(
            "{:<12}  {:<7}  {}",
            rule.id,
            rule.severity.as_str(),
            rule.title
        )
    };
    rules().map(line).collect()
}

/// docs/findings.md.
#[cfg(test)]
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# What `spyhole doctor` finds\n\n\
         Each rule reads fields of the document and nothing else, so it also judges a \
         saved one: `spyhole doctor --from dump.json`. A field that was not seen leaves its \
         rules *not judged*. An id never changes its meaning. Findings are sorted by severity, then by \
         how surely the evidence shows the harm.\n\n\
         `--policy baseline` or `--policy restricted` makes problems of the hints and risks that the level of \
         the Pod Security Standards forbids. `--connect` also asks the target's TLS listeners for their \
         certificates and its name servers for an answer; without it no connection is opened. `-o sarif` and \
         `-o junit` are for code scanning and test reports: what is ignored is suppressed or skipped there, \
         what was not judged a notification or skipped.\n\n\
         `--config FILE`, or the variable `SPYHOLE_CONFIG`, names a file with one setting a line; it is read \
         on the side of the caller, never in the target. The command line has the last word.\n\n\
         ```text\n\
         # Our services listen on 8080 and run in a restricted namespace.\n\
         fail-on risk\n\
         policy restricted\n\
         expect-port 8080\n\
         ignore SPY-SEC-003=writes its cache below /app until the next release\n\
         ```\n",
    );
    for rule in rules() {
        let fields: Vec<String> = rule
            .reads
            .iter()
            .map(|field| format!("`{field}`"))
            .collect();
        let _ = write!(
            page,
            "\n## {}: {}\n\n\
             - Severity: {}\n- Why: {}\n- Remedy: {}\n- Wrong if: {}\n- Reads: {}\n",
            rule.id,
            rule.title,
            rule.severity.as_str(),
            rule.why,
            rule.remedy,
            rule.wrong_if,
            fields.join(", ")
        );
    }
    page
}
