//! A section: one file or folder here, one line in the [`REGISTRY`](super::REGISTRY).
//!
//! From its entry follow the subcommand and its flags, the JSON key, the tables
//! and its place in `dump`. The query is one type: clap reads it from the command
//! line, serde from a query string.

use std::ffi::OsStr;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde::de::DeserializeOwned;

use crate::model::Report;
use crate::model::format::Format;
use crate::model::gap::Gaps;
use crate::render::tables::Table;
use crate::scan::Scan;
use crate::scan::needs::Needs;

/// How much of a section is shown, and so has to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
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
    pub fn of(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Wide => Self::Wide,
            Format::Json | Format::Yaml | Format::Pem => Self::Document,
        }
    }
}

/// What a section asks for and how it answers. The type itself holds the flags.
pub trait Query: Args + FromArgMatches + DeserializeOwned + Default + Send + 'static {
    /// The subcommand and the JSON key.
    const NAME: &'static str;
    /// What fingers type instead.
    const ALIASES: &'static [&'static str];
    /// One line for the list of commands.
    const ABOUT: &'static str;
    /// A command line to learn from.
    const EXAMPLE: &'static str;

    /// Whether `dump` asks it too: not where a question needs an argument.
    const IN_DUMP: bool = true;

    /// What `dump` asks.
    #[must_use]
    fn whole() -> Self {
        Self::default()
    }

    /// Checks what clap cannot.
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

    /// Puts the section into the report.
    fn fill(&self, scan: &Scan, gaps: &mut Gaps, report: &mut Report);

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

    /// Whether it is about the target: then spyhole's own container, where nobody else is in
    /// sight, is the wrong place and no answer.
    fn is_of_target(&self) -> bool {
        true
    }
}

/// A query whose type is forgotten.
pub trait Request: Send {
    /// As [`Query::NAME`].
    fn name(&self) -> &'static str;
    /// As [`Query::asked_time`].
    fn asked_time(&self) -> Option<(&'static str, Duration)>;
    /// As [`Query::answer_without_look`].
    fn answer_without_look(&self) -> Option<Report>;
    /// As [`Query::needs`].
    fn needs(&self, detail: Detail) -> Needs;
    /// As [`Query::fill`].
    fn fill(&self, scan: &Scan, gaps: &mut Gaps, report: &mut Report);
    /// As [`Query::tables`].
    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table>;
    /// As [`Query::saw_nothing`].
    fn saw_nothing(&self, report: &Report) -> bool;
    /// As [`Query::says_no`].
    fn says_no(&self, report: &Report) -> bool;
    /// As [`Query::pem`].
    fn pem(&self, report: &Report) -> Option<String>;
    /// As [`Query::beside_pem`].
    fn beside_pem(&self, report: &Report) -> Vec<String>;
    /// As [`Query::is_of_target`].
    fn is_of_target(&self) -> bool;
}

impl<Q: Query> Request for Q {
    fn name(&self) -> &'static str {
        Q::NAME
    }

    fn asked_time(&self) -> Option<(&'static str, Duration)> {
        Query::asked_time(self)
    }

    fn answer_without_look(&self) -> Option<Report> {
        Query::answer_without_look(self)
    }

    fn needs(&self, detail: Detail) -> Needs {
        Query::needs(self, detail)
    }

    fn fill(&self, scan: &Scan, gaps: &mut Gaps, report: &mut Report) {
        Query::fill(self, scan, gaps, report);
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        Query::tables(self, report, detail)
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        Query::saw_nothing(self, report)
    }

    fn says_no(&self, report: &Report) -> bool {
        Query::says_no(self, report)
    }

    fn pem(&self, report: &Report) -> Option<String> {
        Query::pem(self, report)
    }

    fn beside_pem(&self, report: &Report) -> Vec<String> {
        Query::beside_pem(self, report)
    }

    fn is_of_target(&self) -> bool {
        Query::is_of_target(self)
    }
}

/// Refuses a question that asks for more time than the whole look may take.
///
/// # Errors
/// The flag, and a sentence that tells both times.
pub fn fits(request: &dyn Request, timeout: Duration) -> Result<(), (&'static str, String)> {
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

/// An entry of the registry.
pub struct Section {
    /// As [`Query::NAME`].
    pub name: &'static str,
    /// As [`Query::ALIASES`].
    pub aliases: &'static [&'static str],
    about: &'static str,
    example: &'static str,
    augment: fn(Command) -> Command,
    from_matches: fn(&ArgMatches) -> Result<Box<dyn Request>, String>,
    from_query: fn(&str) -> Result<Box<dyn Request>, String>,
    whole: Option<fn() -> Box<dyn Request>>,
}

impl Section {
    /// The entry of a query type.
    #[must_use]
    pub const fn of<Q: Query>() -> Self {
        Self {
            name: Q::NAME,
            aliases: Q::ALIASES,
            about: Q::ABOUT,
            example: Q::EXAMPLE,
            // The derived flags bring the type's doc comment along; the help is for users.
            augment: |command| Q::augment_args(command).about(Q::ABOUT).long_about(None),
            from_matches: |matches| {
                let query = Q::from_arg_matches(matches).map_err(|error| error.to_string())?;
                query.check()?;
                Ok(Box::new(query))
            },
            from_query: |query| {
                let query: Q =
                    serde_html_form::from_str(query).map_err(|error| error.to_string())?;
                query.check()?;
                Ok(Box::new(query))
            },
            whole: if Q::IN_DUMP {
                Some(|| Box::new(Q::whole()))
            } else {
                None
            },
        }
    }

    /// Whether a word of a command line is its name or one of its aliases.
    #[must_use]
    pub fn answers_to(&self, word: &OsStr) -> bool {
        word == self.name || self.aliases.iter().any(|alias| word == *alias)
    }

    /// Its subcommand.
    #[must_use]
    pub fn command(&self) -> Command {
        Command::new(self.name)
            .about(self.about)
            .visible_aliases(self.aliases.iter().copied())
            .after_help(format!("Example:\n  {}", self.example))
            // Only the flags of the command that is called are made.
            .defer(self.augment)
    }

    /// The request that its flags make.
    ///
    /// # Errors
    /// A sentence that names the flag and what was expected.
    pub fn request(&self, matches: &ArgMatches) -> Result<Box<dyn Request>, String> {
        (self.from_matches)(matches)
    }

    /// The request that a query string makes: the names are those of the flags, with `_`.
    ///
    /// # Errors
    /// A sentence that tells what was expected.
    pub fn request_from_query(&self, query: &str) -> Result<Box<dyn Request>, String> {
        (self.from_query)(query)
    }

    /// One line about it.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// The request that `dump` makes of it, if it makes one.
    #[must_use]
    pub fn whole(&self) -> Option<Box<dyn Request>> {
        self.whole.map(|whole| whole())
    }
}
