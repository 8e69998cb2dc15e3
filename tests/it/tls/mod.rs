//! `spyhole tls` against real servers, beside `openssl s_client`, and against servers that lie.

mod agreement;
mod asking;
mod checks;
mod client_certificates;
mod hostile;
mod pki;
mod refusals;
mod servers;
mod starttls;
pub(crate) mod starttls_real;
mod target_runtimes;
pub(crate) mod target_verdicts;
mod verdicts;

use std::process::Command;

use serde_json::Value;

use crate::host::run;
use crate::lab::process::Output;
use crate::support::idle::Idle;

/// A process to look at, as the machine's first one may be closed to the test.
struct Target(Idle);

impl Target {
    fn new() -> Self {
        Self(Idle::sleep())
    }

    /// `spyhole --pid TARGET tls` with these words.
    fn tls(&self, words: &[&str]) -> Output {
        let mut command = Command::new(crate::lab::spyhole());
        run(command
            .args(["--pid", &self.0.id().to_string(), "tls"])
            .args(words))
    }

    /// The section of the document, which keeps the contract, with these words.
    fn look(&self, words: &[&str]) -> Value {
        let seen = self.tls(&[words, &["-o", "json"]].concat());
        let document = seen.json();
        crate::document::assert_keeps_the_contract(&document, &words.join(" "));
        document["tls"].clone()
    }
}

/// One look at a server.
fn look(words: &[&str]) -> Value {
    Target::new().look(words)
}

/// One look at a server, as the command line ends.
fn tls(words: &[&str]) -> Output {
    Target::new().tls(words)
}

/// The failure of a look, which must have failed for this reason.
fn failure<'a>(look: &'a Value, reason: &str) -> &'a Value {
    let failure = &look["failure"];
    assert_eq!(failure["reason"], reason, "{look:#}");
    failure
}

/// What is said of a failure.
fn says(failure: &Value) -> &str {
    failure["says"].as_str().unwrap()
}
