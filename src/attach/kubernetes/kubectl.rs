//! The user's own kubectl, called without a shell.

use std::ffi::OsString;
use std::time::Duration;

use serde_json::Value;

use super::refusal::{self, Operation};
use super::{AttachError, KubectlOptions};
use crate::attach::plan::{Step, quoted};
use crate::model::escape::escaped;
use crate::sys::tool::{self, Said};

/// The variable that names another program than `kubectl`.
const VARIABLE: &str = "SPYHOLE_KUBECTL";
/// A pod is bounded by what etcd takes, 1.5 MiB; as indented JSON it is some more.
const ANSWER_BYTES: usize = 16 << 20;
/// How long one question may take. A login in between may need a person.
const ANSWER_TIME: Duration = Duration::from_mins(2);

/// kubectl, with what the user said for it.
#[derive(Debug, Default)]
pub(super) struct Kubectl {
    program: String,
    flags: Vec<String>,
    namespace: Option<String>,
}

impl Kubectl {
    pub(super) fn of(options: &KubectlOptions) -> Result<Self, AttachError> {
        let named = std::env::var(VARIABLE).ok().filter(|name| !name.is_empty());
        let flags = [
            ("context", &options.context),
            ("cluster", &options.cluster),
            ("user", &options.user),
            ("kubeconfig", &options.kubeconfig),
            ("as", &options.impersonate),
        ];
        let mut words: Vec<String> = Vec::new();
        for (name, value) in flags {
            words.extend(value.iter().map(|value| format!("--{name}={value}")));
        }
        let groups = options.as_group.iter();
        words.extend(groups.map(|group| format!("--as-group={group}")));
        if options.namespace.as_deref() == Some("") {
            return Err(AttachError::Usage(
                "the namespace has an empty name".to_owned(),
            ));
        }
        Ok(Self {
            program: named.unwrap_or_else(|| "kubectl".to_owned()),
            flags: words,
            namespace: options.namespace.clone(),
        })
    }

    /// A command for objects of this namespace.
    pub(super) fn words(&self, namespace: &str, words: &[&str]) -> Vec<String> {
        self.spelled(Some(namespace), words)
    }

    /// A command to paste, with the namespace and the context that are meant here.
    pub(super) fn line(&self, namespace: Option<&str>, words: &[&str]) -> String {
        let namespace = namespace.or(self.namespace.as_deref());
        let words = self.spelled(namespace, words);
        let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
        escaped(words.join(" ").as_bytes()).into_owned()
    }

    /// The pod, as the API has it now.
    pub(super) fn pod(&self, name: &str) -> Result<Value, AttachError> {
        let words = self.spelled(
            self.namespace.as_deref(),
            &["get", "pod", name, "--output=json"],
        );
        json(&words, Operation::ReadPod)
    }

    /// The same in a namespace that is known by now.
    pub(super) fn pod_again(&self, namespace: &str, name: &str) -> Result<Value, AttachError> {
        let words = self.words(namespace, &["get", "pod", name, "--output=json"]);
        json(&words, Operation::ReadPod)
    }

    /// Namespace of the pod.
    pub(super) fn namespace(&self, name: &str) -> Result<Value, AttachError> {
        let words = self.spelled(None, &["get", "namespace", name, "--output=json"]);
        json(&words, Operation::ReadNamespace)
    }

    /// The minor version of the server; `None` where it is not known.
    pub(super) fn server_minor(&self) -> Option<u32> {
        let words = self.spelled(None, &["version", "--output=json"]);
        let version = json(&words, Operation::ReadNamespace).ok()?;
        let minor = version.pointer("/serverVersion/minor")?.as_str()?;
        let digits = minor.split(|character: char| !character.is_ascii_digit());
        digits.into_iter().next()?.parse().ok()
    }

    fn spelled(&self, namespace: Option<&str>, words: &[&str]) -> Vec<String> {
        let (verb, rest) = words.split_first().unwrap_or((&"", &[]));
        let mut all = vec![self.program.clone(), (*verb).to_owned()];
        all.extend(self.flags.iter().cloned());
        all.extend(namespace.map(|namespace| format!("--namespace={namespace}")));
        all.extend(rest.iter().map(|word| (*word).to_owned()));
        all
    }
}

/// Runs a command of kubectl to its end.
pub(super) fn ask(words: &[String], operation: Operation) -> Result<Said, AttachError> {
    let (program, rest) = split(words);
    let said = tool::ask_within(&program, &rest, ANSWER_BYTES, ANSWER_TIME)?;
    if said.status.success() {
        Ok(said)
    } else {
        Err(refusal::of(operation, words, &said.stderr))
    }
}

fn json(words: &[String], operation: Operation) -> Result<Value, AttachError> {
    let said = ask(words, operation)?;
    serde_json::from_slice(&said.stdout)
        .map_err(|error| super::TargetRefusal::NotJson(error).into())
}

/// The program of a command, and its arguments.
pub(super) fn split(words: &[String]) -> (OsString, Vec<OsString>) {
    let mut words = words.iter().map(OsString::from);
    (words.next().unwrap_or_default(), words.collect())
}

/// A step that reads no file.
pub(super) fn step(words: Vec<String>) -> Step {
    Step { file: None, words }
}
