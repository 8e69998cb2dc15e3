//! The verdicts for each runtime, beside those of the runtimes themselves.
//!
//! tests/fixtures/trust/verdicts.json is what scripts/trust-verdicts recorded of the chains and
//! bundles of corpus.json, which generate.py made.

mod agreement;
mod bundles;
mod rustls;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use agreement::{Corpus, Recorded, SUITES, Suite, documented, question, runtimes};
use spyhole::api::pki::{Roots, judge};
use spyhole::model::verdict::{Judgement, Problem, Verdict};

#[test]
fn the_verdict_for_a_runtime_is_that_of_the_runtime() {
    let documented = documented();
    let mut wrong = Vec::new();
    let of_limbo = Suite::of_limbo();
    for suite in SUITES.iter().chain(&of_limbo) {
        let corpus = suite.corpus();
        let recorded = suite.recorded();
        let all = corpus.chains.len();
        assert!(documented.contains(&format!(" {all} c")), "{all}");
        let runtimes = runtimes();
        let all_found = corpus.compared(&recorded, &runtimes);
        for ((_, runtime), found) in runtimes.iter().zip(all_found) {
            let row = found.row(&runtime.name);
            let is_documented = documented.contains(&row);
            if suite.is_of_limbo() {
                eprintln!("{row}");
            }
            if found.agreed * 100 < all * 98 || !(is_documented || suite.is_of_limbo()) {
                wrong.push(format!(
                    "{} {row}\n{:#?}\n{:#?}",
                    suite.name, found.differing, found.lacking
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "below 98 % or not in docs/trust-stores.md:\n{}",
        wrong.join("\n")
    );
}

/// Each row of the table names a chain of the corpus.
#[test]
fn the_table_of_what_is_refused_is_that_of_the_runtimes() {
    const COLUMNS: [&str; 8] = [
        "go", "go-old", "openssl", "python", "node-new", "gnutls", "java", "rustls",
    ];
    let corpus = Corpus::read();
    let recorded = SUITES[0].recorded();
    let documented = documented();
    let (_, table) = documented.split_once("### What each refuses").unwrap();
    let (table, _) = table.split_once("### Agreement").unwrap();
    let mut rows = 0;
    for line in table.lines() {
        let Some((case, _)) = line
            .split_once('`')
            .and_then(|(_, rest)| rest.split_once('`'))
        else {
            continue;
        };
        let chain = corpus.chains.iter().find(|chain| chain.name == case);
        let chain = chain.unwrap_or_else(|| panic!("no chain {case}"));
        let cell = |column: &&str| {
            let said = match *column {
                "rustls" => rustls::said(&corpus, chain),
                column => recorded[column].chains[case].clone(),
            };
            if said == "accepted" {
                "taken"
            } else {
                "**no**"
            }
        };
        let cells: Vec<&str> = COLUMNS.iter().map(cell).collect();
        let wanted = format!("| {} |", cells.join(" | "));
        assert!(line.ends_with(&wanted), "{case}: {wanted}, not {line}");
        rows += 1;
    }
    assert!(rows > 30, "{rows}");
}

/// A chain of the corpus, judged with no runtime in mind.
fn judged(name: &str) -> Verdict {
    let corpus = Corpus::read();
    let chain = corpus.chains.iter().find(|chain| chain.name == name);
    let chain = chain.unwrap();
    let (certificates, _) = corpus.parsed(&chain.chain);
    let roots = Roots::of(corpus.parsed(&chain.roots).0);
    judge(&question(chain, &certificates, &roots))
}

#[test]
fn what_only_rustls_does_not_read_is_no_fault_of_the_chain() {
    for name in [
        "time-1950-leaf",
        "time-generalized-offset-leaf",
        "unique-ids-leaf",
    ] {
        let verdict = judged(name);
        assert_eq!(
            verdict.judgement,
            Judgement::CannotVerify,
            "{name}: {verdict:?}"
        );
    }
}

#[test]
fn a_roll_over_that_exceeds_a_path_length_is_no_wrong_signature() {
    let verdict = judged("roll-over-self-issued");
    assert_eq!(verdict.judgement, Judgement::Verified, "{verdict:?}");
    let verdict = judged("roll-over-path-length-exceeded");
    assert_eq!(verdict.judgement, Judgement::Refused);
    let problems: Vec<Problem> = verdict.findings.iter().map(|one| one.problem).collect();
    assert!(!problems.contains(&Problem::BadSignature), "{verdict:?}");
}

/// The others are recorded: docs/trust-stores.md says which, scripts/trust-verdicts asks them.
#[needs(go)]
fn the_recorded_verdicts_are_those_of_the_runtimes() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/trust-verdicts");
    let asked = Command::new(script)
        .args(["go", "openssl"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success(), "{why}");
    let now: BTreeMap<String, Recorded> = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!(now.len(), 2);
    for (name, answers) in now {
        let kept = &SUITES[0].recorded()[&name];
        let word = |verdict: &String| verdict.starts_with("accepted");
        let differ: Vec<&String> = answers
            .chains
            .iter()
            .filter(|(chain, verdict)| word(verdict) != word(&kept.chains[*chain]))
            .map(|(chain, _)| chain)
            .collect();
        // Another version may have other rules for a few.
        let allowed = if answers.version == kept.version {
            0
        } else {
            6
        };
        let versions = (&answers.version, &kept.version);
        assert!(differ.len() <= allowed, "{name} {versions:?}: {differ:?}");
    }
}
