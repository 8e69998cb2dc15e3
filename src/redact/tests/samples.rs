//! Sets of secrets and of harmless values that were written without a look at the tables.
//!
//! In the files a bar stands inside each token, so that scanners for secrets leave them alone.

use serde::Deserialize;

use super::{arguments, redactor};
use crate::redact::arguments::redact_afresh;

/// A variable, or a command line.
#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    argv: Vec<String>,
    #[serde(default)]
    secret: String,
}

const SECRETS: &str = include_str!("../../../tests/fixtures/redaction/secrets.json");
const HARMLESS: &str = include_str!("../../../tests/fixtures/redaction/harmless.json");
/// What is still missed; docs/redaction.md says the same.
const MISSED: [&str; 2] = ["tidb -p changeme", "chpasswd -e bob:Kx9vQ2mLp7Tz"];
/// What is hidden for nothing.
const FALSE_ALARMS: [&str; 3] = [
    "CREDENTIALS_SECRET app-credentials",
    "nohup app --auth-mode=jwt --jwt-algorithm=RS256 --jwt-public-key=/x.pub",
    "X key1=value1,key2=value2",
];

fn samples(text: &str) -> Vec<Sample> {
    serde_json::from_str(&text.replace('\u{2502}', "")).unwrap()
}

/// How many of the samples are judged wrongly, as docs/redaction.md says it.
pub(super) fn measured() -> String {
    let (secrets, harmless) = (samples(SECRETS).len(), samples(HARMLESS).len());
    let list = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|words| format!("`{words}`")).collect();
        words.join(", ")
    };
    format!(
        "\n## Measured\nOf {secrets} secrets in tests/fixtures/redaction {} are missed: {}.\nOf {harmless} harmless values {} are hidden: {}.\n",
        MISSED.len(),
        list(&MISSED),
        FALSE_ALARMS.len(),
        list(&FALSE_ALARMS)
    )
}

impl Sample {
    fn words(&self) -> &[String] {
        if self.env.is_empty() {
            &self.argv
        } else {
            &self.env
        }
    }

    fn shown(&self) -> Vec<String> {
        if let [name, value] = self.env.as_slice() {
            let hidden = redactor().variable(name.as_bytes(), value.as_bytes());
            let value = if hidden.is_some() { "" } else { value };
            return vec![name.clone(), value.to_owned()];
        }
        let words: Vec<&str> = self.argv.iter().map(String::as_str).collect();
        arguments(&redactor(), &words)
    }
}

#[test]
fn all_but_the_known_secrets_are_hidden() {
    let samples = samples(SECRETS);
    let missed: Vec<String> = samples
        .iter()
        .filter(|sample| {
            sample
                .shown()
                .iter()
                .any(|word| word.contains(&sample.secret))
        })
        .map(|sample| sample.words().join(" "))
        .collect();
    assert_eq!(missed, MISSED, "of {}", samples.len());
}

/// Every sample, met twice in any order, is shown as at first sight.
#[test]
fn samples_that_were_met_before_are_shown_alike() {
    let samples: Vec<Sample> = [SECRETS, HARMLESS].into_iter().flat_map(samples).collect();
    let redactor = redactor();
    for _ in 0..2 {
        for sample in &samples {
            let args: Vec<Vec<u8>> = sample
                .words()
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect();
            assert_eq!(
                redactor.arguments(&args),
                redact_afresh(&redactor, &args),
                "{:?}",
                sample.words()
            );
        }
    }
}

#[test]
fn all_but_the_known_harmless_values_are_shown() {
    let samples = samples(HARMLESS);
    let hidden: Vec<String> = samples
        .iter()
        .filter(|sample| sample.shown() != sample.words())
        .map(|sample| sample.words().join(" "))
        .collect();
    assert_eq!(hidden, FALSE_ALARMS, "of {}", samples.len());
}
