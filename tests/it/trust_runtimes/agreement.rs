//! The corpora, what the runtimes said of them, and how our answers compare.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use serde::Deserialize;
use spyhole::api::pki::{
    AskedRuntime, ChainSource, ParsedCertificate, Purpose, Question, Roots, RuntimeAnswer,
};
use spyhole::model::verdict::Authorities;

/// Between the times of the corpora; 2026-11-28.
pub(crate) const NOW_SECONDS: u64 = 1_795_900_000;

const LIMBO: &str = "x509-limbo";

/// A corpus and what the runtimes said of it.
pub(crate) struct Suite {
    /// As docs/trust-stores.md calls it.
    pub(crate) name: &'static str,
    corpus: Cow<'static, str>,
    verdicts: Cow<'static, str>,
}

pub(crate) const SUITES: &[Suite] = &[
    Suite {
        name: "corpus",
        corpus: Cow::Borrowed(include_str!("../../fixtures/trust/corpus.json")),
        verdicts: Cow::Borrowed(include_str!("../../fixtures/trust/verdicts.json")),
    },
    Suite {
        name: "held back",
        corpus: Cow::Borrowed(include_str!("../../fixtures/trust/held-back.json")),
        verdicts: Cow::Borrowed(include_str!("../../fixtures/trust/held-back-verdicts.json")),
    },
    Suite {
        name: "further",
        corpus: Cow::Borrowed(include_str!("../../fixtures/trust/further.json")),
        verdicts: Cow::Borrowed(include_str!("../../fixtures/trust/further-verdicts.json")),
    },
];

#[derive(Deserialize)]
pub(crate) struct Corpus {
    pub(crate) certificates: BTreeMap<String, String>,
    pub(crate) chains: Vec<Chain>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the key of the corpus")]
pub(crate) struct Chain {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) chain: Vec<String>,
    pub(crate) roots: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Recorded {
    pub(crate) version: String,
    pub(crate) chains: BTreeMap<String, String>,
}

/// How the verdicts of one runtime agree with ours.
#[derive(Default)]
pub(crate) struct Agreement {
    pub(crate) agreed: usize,
    pub(crate) same_sentence: usize,
    pub(crate) refused: usize,
    /// What could not be judged here, with the rule that is lacking.
    pub(crate) lacking: Vec<String>,
    pub(crate) differing: Vec<String>,
    /// Refused by both, in other words.
    pub(crate) other_sentence: Vec<String>,
}

impl Agreement {
    fn count(&mut self, name: &str, real: &str, ours: Option<RuntimeAnswer>) {
        let said = real.strip_prefix("refused: ");
        match ours {
            Some(RuntimeAnswer::Accepted) if said.is_none() => self.agreed += 1,
            Some(RuntimeAnswer::Refused(ours)) if said.is_some() => {
                self.agreed += 1;
                self.refused += 1;
                if said.is_some_and(|said| plain(said) == plain(&ours)) {
                    self.same_sentence += 1;
                } else {
                    let both = format!("{name}: {ours}, really {real}");
                    self.other_sentence.push(both);
                }
            }
            Some(RuntimeAnswer::Lacks(rule)) => self.lacking.push(format!("{name} ({rule})")),
            ours => self
                .differing
                .push(format!("{name}: {ours:?}, really {real}")),
        }
    }

    /// The row of docs/trust-stores.md.
    pub(crate) fn row(&self, runtime: &str) -> String {
        format!(
            "| {runtime} | {} | {} | {} | {} of {} |",
            self.agreed,
            self.differing.len(),
            self.lacking.len(),
            self.same_sentence,
            self.refused
        )
    }
}

impl Corpus {
    pub(crate) fn read() -> Self {
        SUITES[0].corpus()
    }

    pub(crate) fn der(&self, name: &str) -> Vec<u8> {
        BASE64.decode(self.certificates[name].as_bytes()).unwrap()
    }

    /// The certificates up to the first that is none to us, and that one.
    pub(crate) fn parsed(
        &self,
        names: &[String],
    ) -> (Vec<Arc<ParsedCertificate>>, Option<Vec<u8>>) {
        let mut parsed = Vec::new();
        for name in names {
            let der = self.der(name);
            match ParsedCertificate::read(&der) {
                Ok(certificate) => parsed.push(Arc::new(certificate)),
                Err(_) => return (parsed, Some(der)),
            }
        }
        (parsed, None)
    }

    /// One agreement for each runtime.
    pub(crate) fn compared(
        &self,
        recorded: &BTreeMap<String, Recorded>,
        runtimes: &[(&str, AskedRuntime)],
    ) -> Vec<Agreement> {
        let mut found: Vec<Agreement> = runtimes.iter().map(|_| Agreement::default()).collect();
        for chain in &self.chains {
            let (certificates, unreadable) = self.parsed(&chain.chain);
            let (roots, None) = self.parsed(&chain.roots) else {
                panic!("{}: a root that cannot be read", chain.name);
            };
            let roots = Roots::of(roots);
            let asked = Question {
                unreadable: unreadable.as_deref(),
                ..question(chain, &certificates, &roots)
            };
            for ((name, runtime), found) in runtimes.iter().zip(&mut found) {
                let real = &recorded[*name].chains[&chain.name];
                found.count(&chain.name, real, runtime.ask(&asked));
            }
        }
        found
    }
}

pub(crate) fn question<'a>(
    chain: &'a Chain,
    certificates: &'a [Arc<ParsedCertificate>],
    roots: &'a Roots,
) -> Question<'a> {
    Question {
        chain: certificates,
        roots,
        authorities: Authorities::Given,
        server_name: Some(&chain.host),
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_SECONDS),
        staple: None,
        source: ChainSource::Server,
        purpose: Purpose::Server,
        unreadable: None,
    }
}

impl Suite {
    /// What `scripts/trust-verdicts --limbo FILE` left beside the file that `TRUST_LIMBO` names.
    pub(crate) fn of_limbo() -> Option<Self> {
        let file = std::env::var("TRUST_LIMBO").ok()?;
        let read = |kind: &str| std::fs::read_to_string(format!("{file}.{kind}")).unwrap();
        Some(Self {
            name: LIMBO,
            corpus: Cow::Owned(read("corpus")),
            verdicts: Cow::Owned(read("verdicts")),
        })
    }

    /// Whether its figures are those of a run by hand.
    pub(crate) fn is_of_limbo(&self) -> bool {
        self.name == LIMBO
    }

    pub(crate) fn corpus(&self) -> Corpus {
        serde_json::from_str(&self.corpus).unwrap()
    }

    pub(crate) fn recorded(&self) -> BTreeMap<String, Recorded> {
        serde_json::from_str(&self.verdicts).unwrap()
    }
}

/// A sentence without the moment at which it was asked, and without Node.js's code.
pub(crate) fn plain(sentence: &str) -> String {
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
    format!("{before}{after}").trim().to_owned()
}

pub(crate) fn runtimes() -> [(&'static str, AskedRuntime); 9] {
    [
        ("go", AskedRuntime::go(27, false)),
        ("go-old", AskedRuntime::go(19, false)),
        ("openssl", AskedRuntime::openssl()),
        ("python-old", AskedRuntime::python(11)),
        ("python", AskedRuntime::python(13)),
        ("node", AskedRuntime::node(20)),
        ("node-new", AskedRuntime::node(24)),
        ("gnutls", AskedRuntime::gnutls()),
        ("java", AskedRuntime::java(17).unwrap()),
    ]
}

/// docs/trust-stores.md, which has the rows.
pub(crate) fn documented() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/trust-stores.md");
    std::fs::read_to_string(path).unwrap()
}
