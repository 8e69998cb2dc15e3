//! A view: a section under the name of another tool, with that tool's flags and columns.
//!
//! It is no section of its own: no key in the document, no route, no place in `dump`. Its flags
//! become the section's query, the section fills the document, and the view lays it out. A view is
//! one line in [`VIEWS`](super::VIEWS).

use std::ffi::OsStr;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::section::{Detail, Request, SectionInfo};
use crate::model::Report;
use crate::model::gap::SectionGaps;
use crate::render::tables::Table;
use crate::scan::Scan;
use crate::scan::needs::Needs;

/// What a view adds to its section. The type itself holds the flags.
pub(crate) trait View: Args + FromArgMatches + Send + 'static {
    /// The section whose document it shows.
    type Section: Request;
    /// What that section is.
    const SECTION: &'static SectionInfo;
    /// The subcommand.
    const NAME: &'static str;
    /// One line for the list of commands.
    const ABOUT: &'static str;
    /// A command line to learn from.
    const EXAMPLE: &'static str;
    /// Whether the tool has its own meaning for `-h`: then only `--help` is the help.
    const OWN_SHORT_H: bool = false;
    /// Whether the tool prints rows alone.
    const IS_BARE: bool = false;

    /// The section's query with what this view always asks for.
    fn query(&self) -> Self::Section;

    /// The section's document in the columns of the tool.
    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table>;

    /// Whether nothing that answers the question could be read.
    fn saw_nothing(&self, _: &Report) -> bool {
        false
    }

    /// Whether the tool ends with 1.
    fn says_no(&self, _: &Report) -> bool {
        false
    }
}

/// An entry of the views.
pub(crate) struct ViewEntry {
    /// As [`View::NAME`].
    pub name: &'static str,
    /// The section that it shows.
    pub section: &'static str,
    about: &'static str,
    example: &'static str,
    own_short_h: bool,
    augment: fn(Command) -> Command,
    from_matches: fn(&ArgMatches) -> Result<Box<dyn Request>, String>,
}

impl ViewEntry {
    /// The entry of a view type.
    #[must_use]
    pub(crate) const fn of<V: View>() -> Self {
        Self {
            name: V::NAME,
            section: V::SECTION.name,
            about: V::ABOUT,
            example: V::EXAMPLE,
            own_short_h: V::OWN_SHORT_H,
            augment: |command| V::augment_args(command).about(V::ABOUT).long_about(None),
            from_matches: |matches| {
                let view = V::from_arg_matches(matches).map_err(|error| error.to_string())?;
                let query = view.query();
                query.check()?;
                Ok(Box::new(Viewed { view, query }))
            },
        }
    }

    /// Whether a word of a command line is its name.
    #[must_use]
    pub(crate) fn answers_to(&self, word: &OsStr) -> bool {
        word == self.name
    }

    /// Its subcommand.
    #[must_use]
    pub(crate) fn command(&self) -> Command {
        let command = Command::new(self.name)
            .about(self.about)
            .after_help(format!("Example:\n  {}", self.example));
        let command = if self.own_short_h {
            let help = Arg::new("help")
                .long("help")
                .action(ArgAction::Help)
                .help("Print help");
            command.disable_help_flag(true).arg(help)
        } else {
            command
        };
        command.defer(self.augment)
    }

    /// The request that its flags make.
    ///
    /// # Errors
    /// A sentence that names the flag and what was expected.
    pub(crate) fn request(&self, matches: &ArgMatches) -> Result<Box<dyn Request>, String> {
        (self.from_matches)(matches)
    }
}

/// A section's query with the tables of a view.
struct Viewed<V: View> {
    view: V,
    query: V::Section,
}

impl<V: View> Request for Viewed<V> {
    fn info(&self) -> &'static SectionInfo {
        V::SECTION
    }

    fn asked_time(&self) -> Option<(&'static str, Duration)> {
        self.query.asked_time()
    }

    fn answer_without_look(&self) -> Option<Report> {
        self.query.answer_without_look()
    }

    fn needs(&self, detail: Detail) -> Needs {
        self.query.needs(detail)
    }

    fn pids(&self) -> Option<Vec<i32>> {
        self.query.pids()
    }

    fn sock_diag(&self) -> Vec<Vec<u8>> {
        self.query.sock_diag()
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        self.query.fill(scan, gaps, report);
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        self.view.tables(report, detail)
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        self.query.saw_nothing(report) || self.view.saw_nothing(report)
    }

    fn says_no(&self, report: &Report) -> bool {
        self.query.says_no(report) || self.view.says_no(report)
    }

    fn pem(&self, report: &Report) -> Option<String> {
        self.query.pem(report)
    }

    fn beside_pem(&self, report: &Report) -> Vec<String> {
        self.query.beside_pem(report)
    }

    fn notes(&self, report: &Report) -> Vec<String> {
        self.query.notes(report)
    }

    fn is_bare(&self) -> bool {
        V::IS_BARE || self.query.is_bare()
    }

    fn dials_endpoint(&self) -> bool {
        self.query.dials_endpoint()
    }

    fn is_of_target(&self) -> bool {
        self.query.is_of_target()
    }
}
