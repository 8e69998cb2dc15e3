//! When the first word may be printed: not before whoever attaches to a container's terminal is
//! there.
//!
//! `kubectl debug -it` attaches some 100 ms after the container has started. What was printed
//! before that is lost, and all of it where spyhole has ended by then. Until a client attaches, the
//! terminal has no size.

use std::ffi::{OsStr, OsString};
use std::sync::Once;
use std::time::Duration;

use clap::{Args, Command};

use super::SERVE;
use super::check::CHECK;
use super::extras::{COMPLETIONS, MAN, SCHEMA};
use super::global::Global;
use super::run::RUN;
use crate::sys::terminal;

/// How long output waits for a client. A terminal that stays without a size, as one that no client
/// looks at, costs that much once.
const AT_MOST: Duration = Duration::from_secs(1);

/// These are for programs or go on by themselves: a probe has a deadline, and an application must
/// not start later.
const AT_ONCE: [&str; 6] = [CHECK, RUN, SERVE, SCHEMA, COMPLETIONS, MAN];

/// Runtimes whose process is the parent of a container's first one. `comm` cuts names to 15 bytes.
const SHIMS: [&str; 3] = ["containerd-shim", "conmon", "conmonrs"];

/// Waits, before the first word to stdout or stderr, until a client is attached to the terminal of
/// this container; in every other place, and for a command that must not wait, returns at once.
/// Whether it has waited now: the terminal may have a size since.
pub(super) fn wait(words: &[OsString]) -> bool {
    static ONCE: Once = Once::new();
    let mut waited = false;
    ONCE.call_once(|| {
        waited = terminal::has_no_size() && started_by_runtime() && may_wait(words);
        if waited {
            terminal::wait_for_size(AT_MOST);
        }
    });
    waited
}

fn started_by_runtime() -> bool {
    terminal::parent_is_outside()
        || terminal::parent_of_session_leader().is_some_and(|name| is_shim(&name))
}

fn is_shim(comm: &[u8]) -> bool {
    SHIMS.iter().any(|shim| shim.as_bytes() == comm)
}

/// Whether the command of a command line, which may not parse, is one whose output may wait.
fn may_wait(words: &[OsString]) -> bool {
    command(words).is_none_or(|name| !AT_ONCE.iter().any(|at_once| name == *at_once))
}

/// The first word that names a command: no flag and no value of a flag.
fn command(words: &[OsString]) -> Option<&OsStr> {
    let global = Global::augment_args(Command::new(""));
    let takes_value = |word: &OsStr| {
        let Some(word) = word.to_str() else {
            return false;
        };
        global.get_arguments().any(|flag| {
            let long = flag.get_long().map(|long| format!("--{long}"));
            let short = flag.get_short().map(|short| format!("-{short}"));
            flag.get_action().takes_values()
                && (long.as_deref() == Some(word) || short.as_deref() == Some(word))
        })
    };
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        if word == "--" {
            return None;
        }
        if !word.as_encoded_bytes().starts_with(b"-") {
            return Some(word);
        }
        if takes_value(word) {
            rest.next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(line: &str) -> bool {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        may_wait(&words)
    }

    #[test]
    fn what_is_for_programs_never_waits() {
        for line in [
            "spyhole check tcp:127.0.0.1:1",
            "spyhole --pid 7 check nonsense",
            "spyhole -c ps --timeout=2s -q serve",
            "spyhole run -- /app",
            "spyhole schema",
            "spyhole completions bash",
            "spyhole man ps",
            "spyhole serve --no-such-flag",
        ] {
            assert!(!waits(line), "{line}");
        }
    }

    #[test]
    fn what_is_for_a_person_waits() {
        for line in [
            "spyhole",
            "spyhole --help",
            "spyhole access",
            "spyhole -c serve ps",
            "spyhole --container check ps",
            "spyhole -q --reveal run env",
            "spyhole no-such-command",
            "spyhole ps -- check",
            "spyhole -- check",
        ] {
            assert!(waits(line), "{line}");
        }
    }

    #[test]
    fn a_shim_is_known_by_its_name_as_the_kernel_cuts_it() {
        assert!(is_shim(b"containerd-shim"));
        assert!(is_shim(b"conmon"));
        for other in [&b"bash"[..], b"script", b"sshd", b"expect", b""] {
            assert!(!is_shim(other));
        }
    }
}
