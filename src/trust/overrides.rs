//! What the environment and the arguments of the target say about trust. Nothing else of them is
//! looked at.

use std::collections::HashMap;

use crate::model::gap::{Reason, Refusal};
use crate::parse::environ::Environ;
use crate::scan::snapshot::{ProcessSnapshot, overwritten_environ};
use crate::sys::ProcessDir;

/// The environment and the arguments at exec time.
#[derive(Debug)]
pub(super) struct Overrides {
    pub(super) environ: Result<HashMap<Vec<u8>, Vec<u8>>, Refusal>,
    pub(super) args: Vec<Vec<u8>>,
    /// Where relative paths begin.
    cwd: Option<Vec<u8>>,
}

impl Overrides {
    pub(super) fn of(facts: Option<&ProcessSnapshot>, process: &ProcessDir) -> Self {
        let unread = || Err(Refusal::of(Reason::Unsupported));
        let environ = facts.and_then(ProcessSnapshot::environ);
        let args = facts.and_then(|facts| facts.args.as_ref()?.as_ref().ok());
        Self::new(
            environ.unwrap_or_else(unread),
            args.cloned().unwrap_or_default(),
            process.read_link(c"cwd").ok(),
        )
    }

    pub(super) fn new(
        environ: Result<Environ, Refusal>,
        args: Vec<Vec<u8>>,
        cwd: Option<Vec<u8>>,
    ) -> Self {
        let environ = environ.and_then(|environ| {
            // A variable that is not there may be one of those that are missing.
            if environ.overwritten {
                return Err(overwritten_environ());
            }
            let entries = environ.entries.into_iter().rev();
            // Backwards, so that the first of several stays, as in getenv(3).
            Ok(entries
                .filter_map(|entry| Some((entry.name, entry.value?)))
                .collect())
        });
        Self { environ, args, cwd }
    }

    /// The value of a variable, which may be empty.
    pub(super) fn variable(&self, name: &str) -> Option<&[u8]> {
        let environ = self.environ.as_ref().ok()?;
        environ.get(name.as_bytes()).map(Vec::as_slice)
    }

    /// The value of a variable where it is not empty.
    pub(super) fn filled(&self, name: &str) -> Option<&[u8]> {
        self.variable(name).filter(|value| !value.is_empty())
    }

    /// A path as the target resolves it.
    pub(super) fn absolute(&self, path: &[u8]) -> Vec<u8> {
        match &self.cwd {
            Some(cwd) if !path.starts_with(b"/") && !path.is_empty() => {
                let cwd = cwd.strip_suffix(b"/").unwrap_or(cwd);
                [cwd, b"/", path].concat()
            }
            _ => path.to_vec(),
        }
    }

    /// The options of Node: those of `NODE_OPTIONS`, then its own up to the script.
    pub(super) fn node_options(&self) -> Vec<&[u8]> {
        let own = self.args.iter().skip(1).map(Vec::as_slice);
        let own = own.take_while(|arg| arg.starts_with(b"-") && *arg != b"--");
        let from_variable = self.words("NODE_OPTIONS");
        from_variable.into_iter().chain(own).collect()
    }

    /// A system property of Java as `-DNAME=` sets it; the last one counts.
    pub(super) fn java_property(&self, name: &str) -> Option<&[u8]> {
        let option = format!("-D{name}=");
        // Up to `-jar`, `-m` or the main class; options with a value of their own are few.
        let mut own: Vec<&[u8]> = Vec::new();
        let mut rest = self.args.iter().skip(1);
        while let Some(arg) = rest.next() {
            match arg.as_slice() {
                b"-cp" | b"-classpath" | b"--class-path" | b"-p" | b"--module-path"
                | b"--add-modules" => {
                    rest.next();
                }
                b"-jar" | b"-m" | b"--module" => break,
                option if option.starts_with(b"-") || option.starts_with(b"@") => own.push(option),
                _ => break,
            }
        }
        let mut all = self.words("JAVA_TOOL_OPTIONS");
        all.extend(self.words("JDK_JAVA_OPTIONS"));
        all.extend(own);
        all.extend(self.words("_JAVA_OPTIONS"));
        all.iter()
            .rev()
            .find_map(|arg| arg.strip_prefix(option.as_bytes()))
    }

    /// The words of a variable. Quotes around one are taken off; paths with spaces in them are
    /// not put together.
    fn words(&self, name: &str) -> Vec<&[u8]> {
        let value = self.filled(name).unwrap_or_default();
        value
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .map(unquoted)
            .collect()
    }
}

fn unquoted(word: &[u8]) -> &[u8] {
    match word {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        bare => bare,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::environ;

    fn overrides(environ: &str, args: &[&str]) -> Overrides {
        Overrides::new(
            Ok(environ::read(environ.replace('|', "\0").as_bytes(), false)),
            args.iter().map(|arg| arg.as_bytes().to_vec()).collect(),
            Some(b"/work".to_vec()),
        )
    }

    #[test]
    fn the_first_of_several_variables_counts() {
        let told = overrides("A=1|A=2|EMPTY=|", &[]);
        assert_eq!(told.variable("A"), Some(&b"1"[..]));
        assert_eq!(told.variable("EMPTY"), Some(&b""[..]));
        assert_eq!(told.filled("EMPTY"), None);
        assert_eq!(told.absolute(b"ca.pem"), b"/work/ca.pem");
        assert_eq!(told.absolute(b"/ca.pem"), b"/ca.pem");
        assert_eq!(told.absolute(b""), b"");
    }

    #[test]
    fn options_of_the_program_are_not_those_of_its_runtime() {
        let node = overrides(
            "NODE_OPTIONS=--use-openssl-ca  --max-old-space-size=9|",
            &["node", "--use-system-ca", "app.js", "--use-bundled-ca"],
        );
        assert_eq!(
            node.node_options(),
            [
                &b"--use-openssl-ca"[..],
                b"--max-old-space-size=9",
                b"--use-system-ca"
            ]
        );
        let java = overrides("", &["java", "-jar", "a.jar", "-Dtrust=/late"]);
        assert_eq!(java.java_property("trust"), None);
    }

    #[test]
    fn the_last_property_counts() {
        let java = overrides(
            "JAVA_TOOL_OPTIONS='-Dtrust=/tool'|",
            &["java", "-cp", "-Dtrust=/no", "-Dtrust=/own", "Main"],
        );
        assert_eq!(java.java_property("trust"), Some(&b"/own"[..]));
        let java = overrides("_JAVA_OPTIONS=-Dtrust=/last|", &["java", "-Dtrust=/own"]);
        assert_eq!(java.java_property("trust"), Some(&b"/last"[..]));
        let java = overrides("JAVA_TOOL_OPTIONS=\"-Dtrust=/tool\"|", &["java", "Main"]);
        assert_eq!(java.java_property("trust"), Some(&b"/tool"[..]));
    }
}
