//! A diagnosis in the formats of other tools: SARIF 2.1.0 and `JUnit` XML.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::diagnosis::{Diagnosis, Finding, Unjudged};
use super::registry::rules;
use super::rule::Severity;
use crate::model::escape::escaped;
use crate::model::target::Target;

impl Severity {
    /// The level of SARIF.
    fn level(self) -> &'static str {
        match self {
            Self::Hint => "note",
            Self::Risk => "warning",
            Self::Problem => "error",
        }
    }
}

impl Finding {
    fn evidence_line(&self) -> String {
        format!("{}: {}", self.title, self.evidence.join("; "))
    }
}

impl Unjudged {
    /// Why, in words.
    pub(super) fn because(&self) -> String {
        match self.reason {
            Some(reason) => format!("{} not seen: {}", self.field, reason.describe()),
            None => format!("the document has no {}", self.field),
        }
    }
}

/// A log of SARIF with one run. What is ignored is a suppressed result, what was not judged a
/// notification.
#[must_use]
pub(crate) fn sarif(diagnosis: &Diagnosis, target: Option<&Target>) -> Value {
    let descriptors = rules().map(|rule| {
        json!({
            "id": rule.id,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": rule.why},
            "help": {"text": format!("{} Wrong if: {}", rule.remedy, rule.wrong_if)},
            "defaultConfiguration": {"level": rule.severity.level()},
        })
    });
    let descriptors: Vec<Value> = descriptors.collect();
    let place = place(target);
    let result = |id: &str, level: &str, text: String| {
        json!({
            "ruleId": id,
            "ruleIndex": rules().position(|rule| rule.id == id),
            "level": level,
            "message": {"text": text},
            "locations": [{
                "physicalLocation": {"artifactLocation": {"uri": place}},
                "logicalLocations": [{"name": place, "kind": "resource"}],
            }],
        })
    };
    let found = diagnosis.findings.iter().map(|finding| {
        let text = format!("{}. {}", finding.evidence_line(), finding.remedy);
        result(finding.id, finding.severity.level(), text)
    });
    let ignored = diagnosis.ignored.iter().map(|ignored| {
        let mut result = result(ignored.id, "note", ignored.id.to_owned());
        let suppressed = json!([{"kind": "external", "justification": ignored.reason}]);
        if let Some(result) = result.as_object_mut() {
            result.insert("suppressions".to_owned(), suppressed);
        }
        result
    });
    let results: Vec<Value> = found.chain(ignored).collect();
    let notifications = diagnosis.not_judged.iter().map(|unjudged| {
        json!({
            "level": "note",
            "associatedRule": {"id": unjudged.id},
            "message": {"text": format!("{} not judged: {}", unjudged.id, unjudged.because())},
        })
    });
    let notifications: Vec<Value> = notifications.collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "spyhole",
                "version": diagnosis.version,
                "rules": descriptors,
            }},
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    })
}

/// What to call the target in a relative reference: `NAMESPACE/POD/CONTAINER`, or the name of its
/// main process.
fn place(target: Option<&Target>) -> String {
    let Some(target) = target else {
        return "target".to_owned();
    };
    let parts = [&target.namespace, &target.pod, &target.container];
    let mut parts: Vec<String> = parts.into_iter().flatten().cloned().collect();
    if target.container.is_none() {
        parts.push(target.comm.to_text().into_owned());
    }
    let plain = |letter: char| {
        let is_plain = letter.is_ascii_alphanumeric() || "-_./".contains(letter);
        if is_plain { letter } else { '_' }
    };
    parts.join("/").chars().map(plain).collect()
}

/// A test suite with a case for each rule, which fails where a finding is at least this severe.
#[must_use]
pub(crate) fn junit(diagnosis: &Diagnosis, fail_on: Option<Severity>) -> String {
    let mut cases = String::new();
    let (mut failures, mut skipped) = (0, 0);
    for rule in rules() {
        let found = diagnosis.findings.iter().find(|one| one.id == rule.id);
        let ignored = diagnosis.ignored.iter().find(|one| one.id == rule.id);
        let unjudged = diagnosis.not_judged.iter().find(|one| one.id == rule.id);
        let inside = if let Some(finding) = found {
            let line = xml(&finding.evidence_line());
            if fail_on.is_some_and(|least| finding.severity >= least) {
                failures += 1;
                let severity = finding.severity.as_str();
                let remedy = xml(&finding.remedy);
                format!("<failure type=\"{severity}\" message=\"{line}\">{remedy}</failure>")
            } else {
                format!("<system-out>{line}</system-out>")
            }
        } else if let Some(ignored) = ignored {
            skipped += 1;
            format!("<skipped message=\"ignored: {}\"/>", xml(&ignored.reason))
        } else if let Some(unjudged) = unjudged {
            skipped += 1;
            format!(
                "<skipped message=\"not judged: {}\"/>",
                xml(&unjudged.because())
            )
        } else {
            String::new()
        };
        let (id, title) = (rule.id, xml(rule.title));
        let _ = writeln!(
            cases,
            "  <testcase classname=\"spyhole.doctor\" name=\"{id} {title}\">{inside}</testcase>"
        );
    }
    let tests = rules().count();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites>\n\
         <testsuite name=\"spyhole doctor\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" \
         skipped=\"{skipped}\">\n{cases}</testsuite>\n</testsuites>\n"
    )
}

/// Text as XML holds it, in an attribute too. What XML cannot hold is escaped as in tables.
fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in escaped(text.as_bytes()).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}
