//! A section: one file or folder here, one line in the [`REGISTRY`](super::REGISTRY).
//!
//! [`SectionInfo`] says what it is, [`Request`] is what it is asked. From both follow the
//! subcommand and its flags, the route and its parameters, the JSON key, the tables, the
//! metrics, and its place in `dump`.

use std::ffi::OsStr;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde::de::DeserializeOwned;

pub(crate) use super::query_pairs::QueryError;
use super::query_pairs::from_pairs;
use crate::model::Report;
use crate::model::format::Format;
use crate::model::gap::SectionGaps;
use crate::render::metrics::Collect;
use crate::render::tables::Table;
use crate::scan::Scan;
use crate::scan::needs::{Files, Needs};

/// How much of a section is shown, and so has to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The usual columns.
    Table,
    /// More columns.
    Wide,
    /// The whole document.
    Document,
}

impl Detail {
    /// How much must be read for a form of the document.
    #[must_use]
    pub(crate) fn of(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Wide => Self::Wide,
            Format::Json | Format::Yaml | Format::Pem | Format::Sarif | Format::Junit => {
                Self::Document
            }
        }
    }
}

/// What is known of a section before it is asked; a constant of each.
pub(crate) struct SectionInfo {
    /// The subcommand and the JSON key.
    pub name: &'static str,
    /// Names of tools that it stands in for, taken as its own.
    pub aliases: &'static [&'static str],
    /// One line for the list of commands.
    pub about: &'static str,
    /// A command line to learn from.
    pub example: &'static str,
    /// Whether `dump` asks it too: not where a question needs an argument.
    pub in_dump: bool,
    /// Every file of a process that a request of it may need.
    pub files: Files,
    /// Whether it has certificates for `-o pem`.
    pub pem: bool,
    /// Whether a document of it may hold what the redactor keeps back.
    pub secrets: bool,
    /// Its part of `/metrics`.
    pub metrics: Option<SectionMetrics>,
}

/// What a section has to do with `/metrics`.
#[derive(Clone, Copy)]
pub(crate) struct SectionMetrics {
    /// What each scrape asks it; `None` where a scrape of this kind asks it nothing.
    pub request: fn(Scrape) -> Option<Box<dyn Request>>,
    /// Its metrics, from the report that came of it.
    pub collect: Collect,
}

/// What a scrape looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scrape {
    /// Every visible process, as no target was named.
    pub all_processes: bool,
    /// Whether there may be a target.
    pub with_target: bool,
}

/// What a section is asked, and how it answers: its flags, which clap reads from the command
/// line and serde from a query string.
pub(crate) trait Request: Send {
    /// The section that it is a request of.
    fn info(&self) -> &'static SectionInfo;

    /// What `dump` asks.
    #[must_use]
    fn whole() -> Self
    where
        Self: Sized + Default,
    {
        Self::default()
    }

    /// Checks what neither clap nor serde can.
    ///
    /// # Errors
    /// A sentence that names the flag and what was expected.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// A time that the question itself asks for, and the flag that says it: no more than the
    /// whole look may take.
    fn asked_time(&self) -> Option<(&'static str, Duration)> {
        None
    }

    /// The whole report, where the question needs no look: what a mask means, say.
    fn answer_without_look(&self) -> Option<Report> {
        None
    }

    /// What must be read.
    fn needs(&self, detail: Detail) -> Needs;

    /// The only processes whose files it needs, where it names them; with the main process nothing
    /// is read of the others.
    fn pids(&self) -> Option<Vec<i32>> {
        None
    }

    /// What it will ask `sock_diag`, as messages: to be asked while the walk is under way.
    fn sock_diag(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// Puts the section into the report.
    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report);

    /// The section as tables.
    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table>;

    /// Whether the section is there and nothing of it could be read.
    fn saw_nothing(&self, _: &Report) -> bool {
        false
    }

    /// Whether the question was a check, and the answer is no: exit code 1.
    fn says_no(&self, _: &Report) -> bool {
        false
    }

    /// The certificates of the section as PEM, for `-o pem`; `None` where it has none.
    fn pem(&self, _: &Report) -> Option<String> {
        None
    }

    /// Lines for stderr beside `-o pem`, which holds certificates and no answer.
    fn beside_pem(&self, _: &Report) -> Vec<String> {
        Vec::new()
    }

    /// Lines for stderr beside the document: why a check has no answer, say.
    fn notes(&self, _: &Report) -> Vec<String> {
        Vec::new()
    }

    /// Whether its tables are for scripts: without headings, and with notes on stderr.
    fn is_bare(&self) -> bool {
        false
    }

    /// Whether it connects to a server that the request names.
    fn dials_endpoint(&self) -> bool {
        false
    }

    /// Whether it is about the target: then spyhole's own container, where nobody else is in
    /// sight, is the wrong place and no answer.
    fn is_of_target(&self) -> bool {
        true
    }
}

/// Refuses a question that asks for more time than the whole look may take.
///
/// # Errors
/// The flag, and a sentence that tells both times.
pub(crate) fn fits(request: &dyn Request, timeout: Duration) -> Result<(), (&'static str, String)> {
    match request.asked_time() {
        Some((flag, asked)) if asked > timeout => {
            let (asked, timeout) = (
                humantime::format_duration(asked),
                humantime::format_duration(timeout),
            );
            Err((
                flag,
                format!("{asked} exceeds the time limit of the whole scan: --timeout is {timeout}"),
            ))
        }
        _ => Ok(()),
    }
}

type FromQuery = fn(&[(String, String)]) -> Result<Box<dyn Request>, QueryError>;

/// An entry of the registry: a section and how its requests are made.
pub(crate) struct Section {
    /// What is known of it before it is asked.
    pub info: &'static SectionInfo,
    augment: fn(Command) -> Command,
    from_matches: fn(&ArgMatches) -> Result<Box<dyn Request>, String>,
    from_query: FromQuery,
    whole: fn() -> Box<dyn Request>,
}

impl Section {
    /// The entry of a section whose requests are of this type.
    #[must_use]
    pub(crate) const fn of<R>(info: &'static SectionInfo) -> Self
    where
        R: Request + Args + FromArgMatches + DeserializeOwned + Default + 'static,
    {
        Self {
            info,
            // The derived flags bring the type's doc comment along; the help is for users.
            augment: |command| {
                let about = command.get_about().cloned().unwrap_or_default();
                R::augment_args(command).about(about).long_about(None)
            },
            from_matches: |matches| {
                let request = R::from_arg_matches(matches).map_err(|error| error.to_string())?;
                request.check()?;
                Ok(Box::new(request))
            },
            from_query: |pairs| {
                let request: R = from_pairs(pairs)?;
                let parameter = None;
                let checked = request.check();
                checked.map_err(|why| QueryError { parameter, why })?;
                Ok(Box::new(request))
            },
            whole: || Box::new(R::whole()),
        }
    }

    /// Whether a word of a command line is its name or one of its aliases.
    #[must_use]
    pub(crate) fn answers_to(&self, word: &OsStr) -> bool {
        word == self.info.name || self.info.aliases.iter().any(|alias| word == *alias)
    }

    /// Its subcommand.
    #[must_use]
    pub(crate) fn command(&self) -> Command {
        let info = self.info;
        Command::new(info.name)
            .about(info.about)
            .visible_aliases(info.aliases.iter().copied())
            .after_help(format!("Example:\n  {}", info.example))
            // Only the flags of the command that is called are made.
            .defer(self.augment)
    }

    /// The request that its flags make.
    ///
    /// # Errors
    /// A sentence that names the flag and what was expected.
    pub(crate) fn request(&self, matches: &ArgMatches) -> Result<Box<dyn Request>, String> {
        (self.from_matches)(matches)
    }

    /// The request that the decoded pairs of a query string make: the names are those of the
    /// flags, with `_`.
    ///
    /// # Errors
    /// What was expected, and of which parameter.
    pub(crate) fn request_from_query(
        &self,
        pairs: &[(String, String)],
    ) -> Result<Box<dyn Request>, QueryError> {
        (self.from_query)(pairs)
    }

    /// The request that `dump` makes of it, if it makes one.
    #[must_use]
    pub(crate) fn whole(&self) -> Option<Box<dyn Request>> {
        self.info.in_dump.then(self.whole)
    }
}
