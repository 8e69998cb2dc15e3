//! Whether spyhole has the metrics and labels that the alert rules speak of.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::build::yaml;
use super::manifests;
use crate::serve_metrics::server::Server;

#[test]
fn the_rules_speak_of_metrics_and_labels_that_are_there() {
    let notes = TempDir::new().unwrap();
    let probe = ["--probe", "here=not tcp:127.0.0.1:1"];
    let server = Server::start(&[], &probe, &notes.path().join("token"));
    // A probe has a result once it was asked.
    server.get("/probe/here", &[]);
    let scrape = server.metrics();
    let documented = documented();
    let mut unseen = BTreeSet::new();
    let mut tried = 0;
    for rule in rules_of(&yaml_rules()) {
        let text = rule.to_string();
        let metrics = names(rule["expr"].as_str().unwrap());
        assert!(!metrics.is_empty(), "{text}");
        let mut labels = BTreeSet::from(["namespace".to_owned(), "pod".to_owned()]);
        for metric in metrics {
            let row = documented.iter().find(|(name, _)| *name == metric);
            let (_, known) = row.unwrap_or_else(|| panic!("docs/metrics.md has no {metric}"));
            labels.extend(known.iter().cloned());
            if scrape.lacks(&metric) {
                unseen.insert(metric);
            }
            tried += 1;
        }
        for used in text.split("$labels.").skip(1) {
            let label = used.split(|c: char| !c.is_alphanumeric() && c != '_');
            let label = label.into_iter().next().unwrap();
            assert!(
                labels.contains(label),
                "{label} is none of {labels:?}: {text}"
            );
        }
    }
    assert!(tried >= 8, "{tried}");
    // What a machine need not have; all else was scraped just now.
    let certificate = "spyhole_certificate_not_after_timestamp_seconds";
    let gaps = "spyhole_gaps";
    let may_lack = BTreeSet::from([certificate.to_owned(), gaps.to_owned()]);
    assert!(unseen.is_subset(&may_lack), "{unseen:?} in\n{}", scrape.0);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/render/metrics");
    let source: String = fs::read_dir(source)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for metric in may_lack {
        assert!(source.contains(&format!("\"{metric}\"")), "{metric}");
    }
}

fn yaml_rules() -> Value {
    let path = manifests().join("monitoring/prometheus-rule.yaml");
    yaml(&fs::read_to_string(path).unwrap())
}

fn rules_of(document: &Value) -> Vec<Value> {
    let groups = document["spec"]["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    rules.cloned().collect()
}

/// The metrics in an expression.
fn names(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("spyhole_"));
    ours.map(str::to_owned).collect()
}

/// The metrics in the tables of docs/metrics.md, each with its labels.
fn documented() -> Vec<(String, Vec<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `spyhole_"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').collect();
        let code = |cell: &str| {
            let parts = cell.split('`').skip(1).step_by(2);
            parts.map(str::to_owned).collect::<Vec<_>>()
        };
        (code(cells[1]).remove(0), code(cells[3]))
    })
    .collect()
}
