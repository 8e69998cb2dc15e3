//! A query string → the request that the same flags make on the command line.

use clap::ValueEnum;
use hyper::HeaderMap;
use hyper::StatusCode;
use hyper::header::ACCEPT;

use super::options::{ScanDefaults, ServeOptions};
use super::problem::Problem;
use crate::model::format::Format;
use crate::scan::needs::Choice;
use crate::scan::needs::{ConnectPolicy, ScanOptions};
use crate::sections::section::{QueryError, Request, Section};

/// A parameter that is common to all sections.
pub(super) struct Common {
    pub(super) name: &'static str,
    /// What [`Query::parse`] expects.
    pub(super) kind: CommonKind,
    pub(super) about: &'static str,
}

/// What a common parameter is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CommonKind {
    Flag,
    Format,
    Pid,
    Text,
    /// May be given several times.
    Texts,
}

/// Those parameters.
pub(super) const COMMON: [Common; 8] = [
    common(
        "output",
        CommonKind::Format,
        "Output format, overrides Accept; pem for certificates.",
    ),
    common(
        "no_headers",
        CommonKind::Flag,
        "Omit the headings of tables and the notes below them.",
    ),
    common("pid", CommonKind::Pid, "Inspect only this process."),
    common(
        "container",
        CommonKind::Text,
        "Inspect this container: its name, id or id prefix, POD/NAME or NAMESPACE/POD/NAME, or \
         pid-N.",
    ),
    common(
        "pod",
        CommonKind::Text,
        "Inspect the container of this pod on a node: the pod's name, NAMESPACE/NAME or UID; with \
         all, every process of the pod.",
    ),
    common(
        "self",
        CommonKind::Flag,
        "Inspect spyhole's own container, including spyhole itself.",
    ),
    common(
        "reveal",
        CommonKind::Texts,
        "Show the value of this variable or argument flag even if it looks like a secret; refused \
         unless the server was started with --allow-reveal.",
    ),
    common(
        "reveal_all",
        CommonKind::Flag,
        "Show all secrets; refused unless the server was started with --allow-reveal.",
    ),
];

const fn common(name: &'static str, kind: CommonKind, about: &'static str) -> Common {
    Common { name, kind, about }
}

/// What is common to all sections, and the pairs that are left for the section itself.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) format: Option<Format>,
    pub(super) no_headers: bool,
    pid: Option<i32>,
    container: Option<String>,
    pod: Option<String>,
    own: bool,
    reveal: Vec<String>,
    reveal_all: bool,
    rest: Vec<(String, String)>,
}

impl Query {
    /// Takes a query string apart. A name without a value is a flag that is set; `-` and `_` in
    /// names are the same.
    ///
    /// # Errors
    /// A problem that names the parameter.
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        let mut found = Self::default();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let bare = !part.contains('=');
            let pairs: Vec<(String, String)> = serde_html_form::from_str(part)
                .map_err(|_| Problem::bad("the query string cannot be decoded"))?;
            for (name, value) in pairs {
                let value = if bare { "true".to_owned() } else { value };
                found.take(name.replace('-', "_"), value)?;
            }
        }
        Ok(found)
    }

    fn take(&mut self, name: String, value: String) -> Result<(), Problem> {
        let wrong = |expected: &str| Problem::bad(format!("{name}: expected {expected}"));
        let flag = |value: &str| value.parse().map_err(|_| wrong("true or false"));
        match name.as_str() {
            "output" => {
                let format = Format::from_str(&value, true);
                let format = format.ok().filter(|format| !format.is_exchange());
                self.format = Some(format.ok_or_else(|| wrong("table, wide, json, yaml or pem"))?);
            }
            "no_headers" => self.no_headers = flag(&value)?,
            "pid" => {
                let pid = value.parse().ok().filter(|pid| *pid > 0);
                self.pid = Some(pid.ok_or_else(|| wrong("the id of a process"))?);
            }
            "container" => self.container = Some(value),
            "pod" => self.pod = Some(value),
            "self" => self.own = flag(&value)?,
            "reveal" => self.reveal.push(value),
            "reveal_all" => self.reveal_all = flag(&value)?,
            _ => self.rest.push((name, value)),
        }
        Ok(())
    }

    /// The request of a section.
    ///
    /// # Errors
    /// A problem that names the parameter that it does not know, or whose value it cannot use.
    pub(super) fn request(&self, section: &Section) -> Result<Box<dyn Request>, Problem> {
        section.request_from_query(&self.rest).map_err(|error| {
            let QueryError { parameter, why } = error;
            match parameter.as_deref().or_else(|| self.culprit(section)) {
                Some(name) => Problem::bad(format!("{name}: {why}")),
                None => Problem::bad(why),
            }
        })
    }

    /// The parameter that is at fault by itself, where all of them could be read.
    fn culprit(&self, section: &Section) -> Option<&str> {
        let alone = |pair: &&(String, String)| {
            section
                .request_from_query(std::slice::from_ref(*pair))
                .is_err()
        };
        self.rest.iter().find(alone).map(|(name, _)| name.as_str())
    }

    /// That no parameter is left, for what takes none of its own.
    ///
    /// # Errors
    /// A problem that names the first one.
    pub(super) fn nothing_else(&self) -> Result<(), Problem> {
        match self.rest.first() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::bad(format!("{name}: unknown parameter"))),
        }
    }

    /// What is left for the route itself.
    pub(super) fn rest(&self) -> &[(String, String)] {
        &self.rest
    }

    /// Whether any secret is asked for.
    pub(super) fn reveals(&self) -> bool {
        self.reveal_all || !self.reveal.is_empty()
    }

    /// How to look.
    ///
    /// # Errors
    /// That secrets are asked for where the server was not started for that.
    pub(super) fn options(
        &self,
        options: &ServeOptions,
        look: &ScanDefaults,
    ) -> Result<ScanOptions, Problem> {
        if self.reveals() && !options.allow_reveal {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "showing secrets is disabled; start the server with --allow-reveal",
            ));
        }
        let named =
            self.pid.is_some() || self.container.is_some() || self.pod.is_some() || self.own;
        let mut found = look.options();
        if !options.allow_connect {
            found.net = found.net.limited_to(ConnectPolicy::Listeners);
        }
        if named {
            found.choice = Choice {
                pid: self.pid,
                container: self.container.clone(),
                pod: self.pod.clone(),
                own: self.own,
            };
        }
        found.redactor = found
            .redactor
            .reveal_all(self.reveal_all)
            .reveal(self.reveal.iter().cloned());
        Ok(found)
    }

    /// The form of the answer: what the query says, else what Accept prefers, else JSON.
    pub(super) fn format(&self, headers: &HeaderMap) -> Format {
        if let Some(format) = self.format {
            return format;
        }
        let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let kinds = accept.unwrap_or_default().split(',');
        kinds
            .map(|kind| kind.split(';').next().unwrap_or_default().trim())
            .find_map(|kind| match kind {
                "application/json" => Some(Format::Json),
                "application/yaml" | "application/x-yaml" => Some(Format::Yaml),
                "text/plain" => Some(Format::Table),
                "application/x-pem-file" | "application/pem-certificate-chain" => Some(Format::Pem),
                _ => None,
            })
            .unwrap_or(Format::Json)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sections::REGISTRY;

    #[test]
    fn a_name_alone_is_a_flag_and_a_hyphen_is_an_underscore() {
        let query = Query::parse("no-headers&reveal_all=false&&output=wide&a-b=c%20d+e").unwrap();
        assert!(query.no_headers && !query.reveal_all);
        assert_eq!(query.format, Some(Format::Wide));
        assert_eq!(query.rest, [("a_b".to_owned(), "c d e".to_owned())]);
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        for (query, name) in [
            ("output=xml", "output"),
            ("pid=0", "pid"),
            ("pid=99999999999", "pid"),
            ("self=perhaps", "self"),
            ("reveal-all=1", "reveal_all"),
        ] {
            let problem = Query::parse(query).unwrap_err();
            assert!(
                problem.detail.starts_with(&format!("{name}: ")),
                "{problem:?}"
            );
        }
    }

    #[test]
    fn the_common_parameters_are_those_that_are_taken() {
        for common in &COMMON {
            let value = match common.kind {
                CommonKind::Flag => "true",
                CommonKind::Format => "yaml",
                CommonKind::Pid => "7",
                CommonKind::Text | CommonKind::Texts => "x",
            };
            let query = Query::parse(&format!("{}={value}", common.name));
            let query = query.unwrap_or_else(|_| panic!("{} is refused", common.name));
            assert!(query.rest.is_empty(), "{} is not common", common.name);
        }
    }

    proptest! {
        #[test]
        fn any_query_is_understood_or_refused(query in "[ -~]{0,200}") {
            if let Ok(query) = Query::parse(&query) {
                for section in REGISTRY {
                    drop(query.request(section));
                }
            }
        }

        #[test]
        fn what_was_encoded_is_read_back(name in "x[a-z_]{0,10}", value in any::<String>()) {
            let encoded = serde_html_form::to_string([(&name, &value)]).unwrap();
            let query = Query::parse(&encoded).unwrap();
            prop_assert_eq!(query.rest, [(name, value)]);
        }
    }
}
