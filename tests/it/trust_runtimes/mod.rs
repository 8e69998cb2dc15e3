//! The verdicts for each runtime, beside those of the runtimes themselves.
//!
//! tests/fixtures/trust/verdicts.json is what scripts/trust-verdicts recorded of the chains and
//! bundles of corpus.json, which generate.py made.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use serde::Deserialize;
use spyhole::api::pki::{
    AskedRuntime, ChainSource, ParsedCertificate, Purpose, Question, Roots, RuntimeAnswer, judge,
};
use spyhole::model::verdict::{Authorities, Judgement, Problem, Verdict};

const CORPUS: &str = include_str!("../../fixtures/trust/corpus.json");
const VERDICTS: &str = include_str!("../../fixtures/trust/verdicts.json");

#[derive(Deserialize)]
struct Corpus {
    certificates: BTreeMap<String, String>,
    chains: Vec<Chain>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the key of the corpus")]
struct Chain {
    name: String,
    host: String,
    chain: Vec<String>,
    roots: Vec<String>,
}

#[derive(Deserialize)]
struct Recorded {
    version: String,
    chains: BTreeMap<String, String>,
}

/// How the verdicts of one runtime agree with ours.
#[derive(Default)]
struct Agreement {
    agreed: usize,
    same_sentence: usize,
    refused: usize,
    /// What could not be judged here, with the rule that is lacking.
    lacking: Vec<String>,
    differing: Vec<String>,
}

impl Corpus {
    fn read() -> Self {
        serde_json::from_str(CORPUS).unwrap()
    }

    /// `None` where one of them is no certificate to us.
    fn parsed(&self, names: &[String]) -> Option<Vec<Arc<ParsedCertificate>>> {
        let one = |name: &String| {
            let der = BASE64.decode(self.certificates[name].as_bytes()).unwrap();
            ParsedCertificate::read(&der).ok().map(Arc::new)
        };
        names.iter().map(one).collect()
    }

    fn ask(&self, chain: &Chain, runtime: &AskedRuntime) -> Option<RuntimeAnswer> {
        let certificates = self.parsed(&chain.chain)?;
        let roots = Roots::of(self.parsed(&chain.roots)?);
        runtime.ask(&question(chain, &certificates, &roots))
    }

    fn compared(&self, recorded: &Recorded, runtime: &AskedRuntime) -> Agreement {
        let mut found = Agreement::default();
        for chain in &self.chains {
            let name = &chain.name;
            let real = &recorded.chains[name];
            let said = real.strip_prefix("refused: ");
            match self.ask(chain, runtime) {
                Some(RuntimeAnswer::Accepted) if said.is_none() => found.agreed += 1,
                Some(RuntimeAnswer::Refused(ours)) if said.is_some() => {
                    found.agreed += 1;
                    found.refused += 1;
                    if said.is_some_and(|said| plain(said) == plain(&ours)) {
                        found.same_sentence += 1;
                    }
                }
                Some(RuntimeAnswer::Lacks(rule)) => found.lacking.push(format!("{name} ({rule})")),
                ours => found
                    .differing
                    .push(format!("{name}: {ours:?}, really {real}")),
            }
        }
        found
    }
}

fn question<'a>(
    chain: &'a Chain,
    certificates: &'a [Arc<ParsedCertificate>],
    roots: &'a Roots,
) -> Question<'a> {
    Question {
        chain: certificates,
        roots,
        authorities: Authorities::Given,
        server_name: Some(&chain.host),
        // Between the times of the corpus; 2026-11-28.
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_900_000),
        staple: None,
        source: ChainSource::Server,
        purpose: Purpose::Server,
    }
}

fn recorded() -> BTreeMap<String, Recorded> {
    serde_json::from_str(VERDICTS).unwrap()
}

/// A sentence without the moment at which it was asked, and without Node.js's code.
fn plain(sentence: &str) -> String {
    let (before, after) = match sentence.split_once("current time ") {
        Some((before, after)) => (before, after.split_once(' ').map_or("", |(_, rest)| rest)),
        None => (sentence, ""),
    };
    let is_code = |code: &str| {
        code.bytes()
            .all(|one| one.is_ascii_uppercase() || one == b'_')
    };
    let before = match before.split_once(": ") {
        Some((code, rest)) if is_code(code) => rest,
        _ => before,
    };
    format!("{before}{after}")
}

fn runtimes() -> [(&'static str, AskedRuntime); 7] {
    [
        ("go", AskedRuntime::go(27, false)),
        ("go-old", AskedRuntime::go(19, false)),
        ("openssl", AskedRuntime::openssl()),
        ("python-old", AskedRuntime::python(11)),
        ("python", AskedRuntime::python(13)),
        ("node", AskedRuntime::node(20)),
        ("node-new", AskedRuntime::node(24)),
    ]
}

#[test]
fn the_verdict_for_a_runtime_is_that_of_the_runtime() {
    let corpus = Corpus::read();
    let recorded = recorded();
    let documented = include_str!("../../../docs/trust-stores.md");
    let all = corpus.chains.len();
    assert!(documented.contains(&format!(" {all} chains ")), "{all}");
    for (name, runtime) in runtimes() {
        let found = corpus.compared(&recorded[name], &runtime);
        let row = format!(
            "| {} | {} | {} | {} | {} of {} |",
            runtime.name,
            found.agreed,
            found.differing.len(),
            found.lacking.len(),
            found.same_sentence,
            found.refused
        );
        let all_of_it = format!("{row}\n{:#?}\n{:#?}", found.differing, found.lacking);
        let judged = all - found.lacking.len();
        assert!(found.agreed * 100 >= judged * 98, "{all_of_it}");
        assert!(
            documented.contains(&row),
            "docs/trust-stores.md lacks {all_of_it}"
        );
    }
}

/// A chain of the corpus, judged with no runtime in mind.
fn judged(name: &str) -> Verdict {
    let corpus = Corpus::read();
    let chain = corpus.chains.iter().find(|chain| chain.name == name);
    let chain = chain.unwrap();
    let certificates = corpus.parsed(&chain.chain).unwrap();
    let roots = Roots::of(corpus.parsed(&chain.roots).unwrap());
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
        let kept = &recorded()[&name];
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
