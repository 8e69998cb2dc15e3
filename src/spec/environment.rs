//! The variables that the container needs: neither those that Kubernetes adds nor those of the runtime.

use super::command::{Word, secrets};
use super::{Evidenced, Part, not_seen};
use crate::doctor::{Facts, NotJudged};
use crate::model::byte_string::ByteString;
use crate::model::environment::Variable;

/// Set by every runtime, or by Podman and Docker for their own containers.
const OF_RUNTIME: [&[u8]; 3] = [b"HOSTNAME", b"container", b"TERM"];

/// A variable; `value` is `None` for a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: Option<String>,
    /// Stands for a secret among the arguments alone.
    pub(super) is_of_argument: bool,
}

/// The variables, with those that secrets among the arguments are to come from.
pub(super) fn environment(facts: &Facts<'_>, command: &Part<Word>) -> Part<Setting> {
    let mut part = try_environment(facts)
        .unwrap_or_else(|why| Part::unseen(&not_seen("the environment", why)));
    for name in secrets(command) {
        let setting = Setting {
            name: name.to_owned(),
            value: None,
            is_of_argument: true,
        };
        let says = "stands for a secret among the arguments, which is not shown";
        part.entries.push(Evidenced::new(setting, says));
    }
    part
}

fn try_environment(facts: &Facts<'_>) -> Result<Part<Setting>, NotJudged> {
    let mut part = Part::default();
    let (mut services, mut left_out, mut unusable) = (0_usize, Vec::new(), Vec::new());
    for variable in facts.variables()? {
        let name = variable.name.as_bytes();
        if variable.service_link {
            services += 1;
        } else if OF_RUNTIME.contains(&name) {
            left_out.push(variable.name.to_text().into_owned());
        } else if !is_usable(name) {
            unusable.push(variable.name.to_text().into_owned());
        } else {
            part.entries.push(setting(variable));
        }
    }
    if let Err(why) = facts.is_whole("environment.variables", "environment", &["variables"]) {
        part.remarks.push(not_seen("other variables", why));
    }
    if services > 0 {
        part.remarks.push(format!(
            "left out: {services} variables that Kubernetes sets for Services"
        ));
    }
    if !left_out.is_empty() {
        part.remarks.push(format!(
            "left out: {}, set by the runtime",
            left_out.join(", ")
        ));
    }
    if !unusable.is_empty() {
        part.remarks.push(format!(
            "left out: {}, which Kubernetes takes for no names of variables",
            unusable.join(", ")
        ));
    }
    Ok(part)
}

fn setting(variable: &Variable) -> Evidenced<Setting> {
    let name = variable.name.to_text().into_owned();
    if let Some(redacted) = &variable.redacted {
        let says = format!(
            "a secret, not shown: {}; name and key of the Secret are chosen here, and it has to be made first",
            redacted.reason.describe()
        );
        let setting = Setting {
            name,
            value: None,
            is_of_argument: false,
        };
        return Evidenced::new(setting, says);
    }
    let value = variable.value.as_ref();
    let bytes = value.map(ByteString::as_bytes).unwrap_or_default();
    let says = match std::str::from_utf8(bytes) {
        Ok(_) => "set at the start",
        Err(_) => "set at the start; not UTF-8: bytes were replaced",
    };
    let value = String::from_utf8_lossy(bytes).into_owned();
    Evidenced::new(
        Setting {
            name,
            value: Some(value),
            is_of_argument: false,
        },
        says,
    )
}

/// What Kubernetes takes for a name in every version, and for the key of a Secret.
fn is_usable(name: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || b"-._".contains(byte);
    name.len() <= 253
        && name.first().is_some_and(is_letter)
        && name
            .iter()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_every_version_takes() {
        for name in ["A", "_a.b-C1", "-"] {
            assert!(is_usable(name.as_bytes()), "{name}");
        }
        for name in ["", "1A", "a b", "a\nb", "ä", "a=b"] {
            assert!(!is_usable(name.as_bytes()), "{name}");
        }
    }
}
