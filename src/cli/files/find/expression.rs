//! The expression of `find`: a tree of tests and actions, judged for each file.

use super::tests_of_files::{Count, FileTest, Moment};
use crate::files::{FileError, Output, Stopped, TargetFiles, WalkEntry};
use crate::model::escape::escaped;

/// A whole command line of `find`.
pub(super) struct Search {
    pub(super) paths: Vec<Vec<u8>>,
    pub(super) expression: Expression,
    pub(super) max_depth: Option<usize>,
    pub(super) min_depth: usize,
    pub(super) depth_first: bool,
    pub(super) follow_start: bool,
}

/// What to do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Print,
    Print0,
    Ls,
    Prune,
    Quit,
}

/// A tree of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    Always(bool),
    Test(FileTest),
    /// A test that takes a look at the target first.
    Unresolved(Unresolved),
    Action(Action),
    Not(Box<Expression>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unresolved {
    User(Vec<u8>),
    Group(Vec<u8>),
    Newer(Vec<u8>),
}

/// A file to judge.
pub(super) struct Found<'a> {
    pub(super) met: &'a WalkEntry,
    pub(super) files: &'a TargetFiles,
    pub(super) now: Moment,
}

impl Expression {
    /// Whether it holds; what is to be done is gathered on the way, as far as it is come to.
    pub(super) fn holds(
        &self,
        found: &Found<'_>,
        actions: &mut Vec<Action>,
        errors: &mut Vec<FileError>,
    ) -> bool {
        match self {
            Self::Always(holds) => *holds,
            Self::Test(test) => match test.holds(found.met, found.files, found.now) {
                Ok(holds) => holds,
                Err(error) => {
                    errors.push(error);
                    false
                }
            },
            Self::Unresolved(_) => false,
            Self::Action(action) => {
                actions.push(*action);
                true
            }
            Self::Not(inner) => !inner.holds(found, actions, errors),
            Self::All(all) => all.iter().all(|one| one.holds(found, actions, errors)),
            Self::Any(any) => any.iter().any(|one| one.holds(found, actions, errors)),
        }
    }

    /// Looks up the names and the files that tests compare with; `None` where one was not found, of
    /// which a complaint was made.
    pub(super) fn resolve(
        self,
        files: &TargetFiles,
        output: &mut Output,
    ) -> Result<Option<Self>, Stopped> {
        let all = |list: Vec<Self>, output: &mut Output| -> Result<Option<Vec<Self>>, Stopped> {
            let mut resolved = Vec::with_capacity(list.len());
            for one in list {
                match one.resolve(files, output)? {
                    Some(one) => resolved.push(one),
                    None => return Ok(None),
                }
            }
            Ok(Some(resolved))
        };
        Ok(match self {
            Self::Not(inner) => inner
                .resolve(files, output)?
                .map(|inner| Self::Not(Box::new(inner))),
            Self::All(list) => all(list, output)?.map(Self::All),
            Self::Any(list) => all(list, output)?.map(Self::Any),
            Self::Unresolved(unresolved) => match unresolved.look_up(files) {
                Ok(test) => Some(Self::Test(test)),
                Err(words) => {
                    output.complain(words)?;
                    None
                }
            },
            resolved => Some(resolved),
        })
    }

    pub(super) fn has_action(&self) -> bool {
        match self {
            Self::Action(action) => !matches!(action, Action::Prune),
            Self::Not(inner) => inner.has_action(),
            Self::All(list) | Self::Any(list) => list.iter().any(Self::has_action),
            _ => false,
        }
    }
}

impl Unresolved {
    fn look_up(&self, files: &TargetFiles) -> Result<FileTest, String> {
        let names = || files.names().ok();
        let exactly = |id: u32| Count {
            kind: super::tests_of_files::CountKind::Exactly,
            number: id.into(),
        };
        let unknown = |what: &str, name: &[u8], file: &str| {
            format!("no {what} named {} in the target's {file}", escaped(name))
        };
        match self {
            Self::User(name) => names()
                .and_then(|names| names.users.id(name))
                .map(|id| FileTest::Uid(exactly(id)))
                .ok_or_else(|| unknown("user", name, "/etc/passwd")),
            Self::Group(name) => names()
                .and_then(|names| names.groups.id(name))
                .map(|id| FileTest::Gid(exactly(id)))
                .ok_or_else(|| unknown("group", name, "/etc/group")),
            Self::Newer(path) => {
                let entry = files.entry(path).map_err(|error| error.to_string())?;
                Ok(FileTest::NewerThan(entry.stat().modified))
            }
        }
    }
}
