//! The commands that look at a target: the sections, and the views of them.

use std::ffi::OsStr;

use clap::{ArgMatches, Command};

use super::Failure;
use crate::sections::section::{Request, Section};
use crate::sections::view::ViewEntry;
use crate::sections::{REGISTRY, VIEWS};

/// One of them.
#[derive(Clone, Copy)]
pub(super) enum SectionCommand {
    Section(&'static Section),
    View(&'static ViewEntry),
}

impl SectionCommand {
    /// The one that a word of a command line names.
    pub(super) fn named(word: &OsStr) -> Option<Self> {
        let section = REGISTRY.iter().find(|section| section.answers_to(word));
        let view = || VIEWS.iter().find(|view| view.answers_to(word));
        section
            .map(Self::Section)
            .or_else(|| view().map(Self::View))
    }

    /// The name of its subcommand.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Section(section) => section.info.name,
            Self::View(view) => view.name,
        }
    }

    /// Its subcommand.
    pub(super) fn command(self) -> Command {
        match self {
            Self::Section(section) => section.command(),
            Self::View(view) => view.command(),
        }
    }

    /// The request that its flags make.
    pub(super) fn request(self, matches: &ArgMatches) -> Result<Box<dyn Request>, Failure> {
        match self {
            Self::Section(section) => section.request(matches),
            Self::View(view) => view.request(matches),
        }
        .map_err(Failure::usage)
    }
}

/// All of them, in the order of the help.
pub(super) fn all() -> impl Iterator<Item = SectionCommand> {
    // A view stands behind the section that it shows.
    REGISTRY.iter().flat_map(|section| {
        let views = VIEWS
            .iter()
            .filter(|view| view.section == section.info.name);
        std::iter::once(SectionCommand::Section(section)).chain(views.map(SectionCommand::View))
    })
}

/// Every name that one of them answers to.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    all().flat_map(|look| {
        let aliases: &[&str] = match look {
            SectionCommand::Section(section) => section.info.aliases,
            SectionCommand::View(_) => &[],
        };
        std::iter::once(look.name()).chain(aliases.iter().copied())
    })
}
