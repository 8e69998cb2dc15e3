//! The verdicts for each runtime, beside those of the runtimes themselves.
//!
//! tests/fixtures/trust/verdicts.json is what scripts/trust-verdicts recorded of the chains and
//! bundles of corpus.json, which generate.py made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use serde::Deserialize;
use spyhole::api::pki::{
    Answer, AskedRuntime, ChainSource, ParsedCertificate, Purpose, Question, Roots,
};
use spyhole::model::verdict::Authorities;

const CORPUS: &str = include_str!("../../fixtures/trust/corpus.json");
const VERDICTS: &str = include_str!("../../fixtures/trust/verdicts.json");

#[derive(Deserialize)]
struct Corpus {
    certificates: BTreeMap<String, String>,
    chains: Vec<Chain>,
}

#[derive(Deserialize)]
struct Chain {
    name: String,
    host: String,
    chain: Vec<String>,
    roots: Vec<String>,
}

#[derive(Deserialize)]
struct Recorded {
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

    fn ask(&self, chain: &Chain, runtime: &AskedRuntime) -> Option<Answer> {
        let certificates = self.parsed(&chain.chain)?;
        let roots = Roots::of(self.parsed(&chain.roots)?);
        runtime.ask(&Question {
            chain: &certificates,
            roots: &roots,
            authorities: Authorities::Given,
            server_name: Some(&chain.host),
            // Between the times of the corpus; 2026-11-28.
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_900_000),
            staple: None,
            source: ChainSource::Server,
            purpose: Purpose::Server,
        })
    }

    fn compared(&self, recorded: &Recorded, runtime: &AskedRuntime) -> Agreement {
        let mut found = Agreement::default();
        for chain in &self.chains {
            let name = &chain.name;
            let real = &recorded.chains[name];
            let said = real.strip_prefix("refused: ");
            match self.ask(chain, runtime) {
                Some(Answer::Accepted) if said.is_none() => found.agreed += 1,
                Some(Answer::Refused(ours)) if said.is_some() => {
                    found.agreed += 1;
                    found.refused += 1;
                    if said.is_some_and(|said| plain(said) == plain(&ours)) {
                        found.same_sentence += 1;
                    } else if std::env::var_os("TRUST_SENTENCES").is_some() {
                        eprintln!("{name}\n  real: {real}\n  ours: {ours}");
                    }
                }
                Some(Answer::Lacks(rule)) => found.lacking.push(format!("{name} ({rule})")),
                ours => found
                    .differing
                    .push(format!("{name}: {ours:?}, really {real}")),
            }
        }
        found
    }
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
    let recorded: BTreeMap<String, Recorded> = serde_json::from_str(VERDICTS).unwrap();
    let mut worst = Vec::new();
    for (name, runtime) in runtimes() {
        let found = corpus.compared(&recorded[name], &runtime);
        let all = corpus.chains.len();
        eprintln!(
            "{name} ({}): {} of {all} agree, {} differ, {} lack a rule; {} of {} sentences",
            runtime.name,
            found.agreed,
            found.differing.len(),
            found.lacking.len(),
            found.same_sentence,
            found.refused
        );
        for one in &found.differing {
            eprintln!("  differs: {one}");
        }
        for one in &found.lacking {
            eprintln!("  lacks: {one}");
        }
        if found.differing.len() * 100 > all * 2 {
            worst.push(name);
        }
    }
    assert!(worst.is_empty(), "{worst:?}");
}
