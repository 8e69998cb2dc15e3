//! A plan: the ids that spyhole will run as beside its target, why, and the commands. Plain data, so
//! that a dry run shows what a run does.

use std::fmt::Write as _;

use rustix::io::Errno;

use crate::model::escape::escaped;
use crate::redact;
use crate::sys::random;

pub(crate) use crate::model::shell::quoted;

/// A line for a person: without the secrets in names that the engine or the cluster gave, and without
/// control characters.
pub(crate) fn line_for_terminal(line: &str) -> String {
    escaped(redact::sentence(line).as_bytes()).into_owned()
}

/// The ids that spyhole runs as beside its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunAs {
    /// The target's own user and group: reads everything of it, with no capability.
    Target {
        /// As the target's user namespace numbers it.
        uid: u32,
        /// Likewise.
        gid: u32,
    },
    /// Root with `CAP_SYS_PTRACE`: reads everything of every visible process.
    RootWithPtrace,
    /// The image's own unprivileged user: reads what is open to all.
    Stranger,
}

/// What will be done, and why so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The ids that spyhole will run as.
    pub run_as: RunAs,
    /// Why that way and no other; sentences, the decisive one first.
    pub because: Vec<String>,
    /// What will not be seen that way, or stays behind; sentences.
    pub limits: Vec<String>,
    /// In their order.
    pub steps: Vec<Step>,
}

/// One command, with the file that it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// A file that the command names, with its text.
    pub file: Option<(String, String)>,
    /// The program to run, and its arguments.
    pub words: Vec<String>,
}

impl Step {
    /// As a line of a shell, ready to paste.
    #[must_use]
    pub(crate) fn line(&self) -> String {
        let mut line = String::new();
        if let Some((path, text)) = &self.file {
            let _ = writeln!(line, "printf '%s' {} > {}", quoted(text), quoted(path));
        }
        let words: Vec<_> = self.words.iter().map(|word| quoted(word)).collect();
        line.push_str(&words.join(" "));
        line
    }

    /// The same for eyes and logs: secrets among the words are replaced.
    #[must_use]
    pub(crate) fn shown(&self) -> String {
        redact::sentence(&self.line())
    }
}

/// How containers of spyhole are named.
pub(crate) const NAME_PREFIX: &str = "spyhole-";

/// A name that no other container has.
///
/// # Errors
/// Where the kernel gives no random bytes.
pub(crate) fn container_name() -> Result<String, Errno> {
    let key = random::key()?;
    // No vowels, as Kubernetes does it: no words.
    let letters = b"bcdfghjklmnpqrstvwxz2456789";
    let pick = |byte: &u8| letters.get(usize::from(*byte) % letters.len()).copied();
    let letters = key.iter().take(5).filter_map(pick).map(char::from);
    Ok(letters.fold(NAME_PREFIX.to_owned(), |mut name, letter| {
        name.push(letter);
        name
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a shell is what the line is for")]
    fn a_step_is_a_line_that_a_shell_takes_back_apart() {
        let words = ["a b", "it's", "$HOME", "--x=1", ""];
        let step = Step {
            file: None,
            words: ["printf", "%s|"]
                .iter()
                .chain(&words)
                .map(|word| (*word).to_owned())
                .collect(),
        };
        let said = std::process::Command::new("sh")
            .args(["-c", &step.line()])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(said.stdout).unwrap(),
            "a b|it's|$HOME|--x=1||"
        );
    }
}
