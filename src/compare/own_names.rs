//! What a container is called by itself: two replicas differ in these names and in nothing that
//! they mean.

use crate::model::Report;
use crate::model::byte_string::ByteString;

/// The names of a container, each with what stands for it.
#[derive(Debug, Default)]
pub(super) struct OwnNames(Vec<(String, &'static str)>);

/// A shorter name may be a word of its own.
const SHORTEST: usize = 6;
/// Names that are replaced; each costs a search in every text.
const NAMES: usize = 32;
/// `comm` of proc(5) has no more.
const COMM_BYTES: usize = 15;
/// So many hexadecimal digits in a row are an id.
const ID_DIGITS: usize = 32;
/// Hexadecimal digits in the name of a termination log of the kubelet.
const TERMINATION_LOG_DIGITS: usize = 8;

impl OwnNames {
    pub(super) fn of(report: &Report) -> Self {
        let mut names = Self::default();
        let containers = report.containers.iter().flatten();
        let target = report.target.as_ref();
        for container in containers.filter(|container| container.target) {
            names.add(container.id.as_deref(), "‹container id›");
            names.add(container.pod_uid.as_deref(), "‹pod uid›");
            names.add(container.pod.as_deref(), "‹pod›");
        }
        names.add(
            target.and_then(|target| target.container_id.as_deref()),
            "‹container id›",
        );
        names.add(target.and_then(|target| target.pod.as_deref()), "‹pod›");
        let variables = report.environment.iter().flatten();
        let variables = variables.filter_map(|environment| environment.variables.value());
        for variable in variables.flatten() {
            if variable.name.as_bytes() == b"HOSTNAME" {
                let value = variable.value.as_ref().map(ByteString::as_bytes);
                let hostname = value.filter(|value| !is_name_of_program(value, report));
                names.add(
                    hostname.and_then(|value| str::from_utf8(value).ok()),
                    "‹hostname›",
                );
            }
        }
        let network = report.network.as_ref();
        let addresses = network.and_then(|network| network.addresses.as_ref()?.value());
        for address in addresses.into_iter().flatten() {
            if names.0.len() < NAMES && !address.address.is_loopback() {
                names.add(Some(&address.address.to_string()), "‹own address›");
            }
        }
        names.0.truncate(NAMES);
        // A name within another one is not to be replaced before it.
        names
            .0
            .sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names
    }

    fn add(&mut self, name: Option<&str>, stands_for_it: &'static str) {
        let Some(name) = name.filter(|name| name.len() >= SHORTEST) else {
            return;
        };
        let short = name.get(..12).filter(|_| name.len() == 64);
        for name in [Some(name), short].into_iter().flatten() {
            if !self.0.iter().any(|(known, _)| known == name) {
                self.0.push((name.to_owned(), stands_for_it));
            }
        }
    }

    /// A text with these names and other ids in it replaced.
    pub(super) fn replaced(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, stands_for_it) in &self.0 {
            if text.contains(name.as_str()) {
                text = text.replace(name.as_str(), stands_for_it);
            }
        }
        text
    }
}

/// Whether a process has that name: replaced, its command lines would tell nothing. A pod is often named
/// after its program.
fn is_name_of_program(name: &[u8], report: &Report) -> bool {
    let comm = name.get(..COMM_BYTES).unwrap_or(name);
    let mut processes = report.processes.iter().flatten();
    processes.any(|process| process.comm.as_bytes() == comm)
}

/// A path with the ids in it replaced: of layers, of sandboxes, of the kubelet's termination log.
pub(super) fn without_ids(path: &str) -> String {
    if let Some((directory, name)) = path.rsplit_once('/')
        && is_of_container(directory)
        && name.len() == TERMINATION_LOG_DIGITS
        && name.bytes().all(|digit| digit.is_ascii_hexdigit())
    {
        return format!("{}/‹id›", without_ids(directory));
    }
    let mut out = String::new();
    let mut digits = String::new();
    for letter in path.chars().chain(['\0']) {
        if letter.is_ascii_hexdigit() {
            digits.push(letter);
            continue;
        }
        let id = digits.len() >= ID_DIGITS;
        out.push_str(if id { "‹id›" } else { &digits });
        digits.clear();
        if letter != '\0' {
            out.push(letter);
        }
    }
    out
}

/// `…/pods/UID/containers/NAME`, where the kubelet keeps a file for each start of the container.
fn is_of_container(directory: &str) -> bool {
    let above = directory.rsplit_once('/').map(|(above, _)| above);
    above.is_some_and(|above| above.ends_with("/containers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_layers_say_nothing() {
        let id = "5c69c8776999a208b1a57ae5a421949b";
        let path = format!("/var/lib/layers/{id}/diff:/l/XYZ");
        assert_eq!(without_ids(&path), "/var/lib/layers/‹id›/diff:/l/XYZ");
        assert_eq!(without_ids("/dev/sda1"), "/dev/sda1");
        assert_eq!(
            without_ids("/var/lib/kubelet/pods/‹pod uid›/containers/app/1f0e9b7c"),
            "/var/lib/kubelet/pods/‹pod uid›/containers/app/‹id›"
        );
        assert_eq!(without_ids("/data/1f0e9b7c"), "/data/1f0e9b7c");
    }

    #[test]
    fn a_name_within_a_longer_one_is_replaced_after_it() {
        let mut names = OwnNames::default();
        names.add(Some("web-aaaa-1"), "‹hostname›");
        names.add(Some("web-aaaa"), "‹pod›");
        // What is too short may be a word.
        names.add(Some("web"), "‹pod›");
        names
            .0
            .sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let replaced = names.replaced("web at web-aaaa-1 in web-aaaa");
        assert_eq!(replaced, "web at ‹hostname› in ‹pod›");
    }
}
