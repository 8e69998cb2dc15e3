//! The tests of `find`: each of one property of a file.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::files::{FileError, TargetFiles, WalkEntry};
use crate::parse::glob::Glob;
use crate::sys::tree_entry::{EntryKind, FileStat, FileTime};

/// When the search began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Nanoseconds since 1970.
    nanoseconds: i128,
}

impl Moment {
    pub(super) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanoseconds = since.map(|since| i128::try_from(since.as_nanos()).unwrap_or_default());
        Self {
            nanoseconds: nanoseconds.unwrap_or_default(),
        }
    }

    fn age_of(self, time: FileTime) -> i128 {
        self.nanoseconds - i128::from(time.seconds) * 1_000_000_000 - i128::from(time.nanoseconds)
    }
}

/// `+N`, `-N` or `N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) kind: CountKind,
    pub(super) number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CountKind {
    More,
    Less,
    Exactly,
}

impl Count {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, digits) = match text.as_bytes().first()? {
            b'+' => (CountKind::More, text.get(1..)?),
            b'-' => (CountKind::Less, text.get(1..)?),
            _ => (CountKind::Exactly, text),
        };
        let number = digits.parse().ok()?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some(Self { kind, number })
    }

    fn holds(self, value: u64) -> bool {
        match self.kind {
            CountKind::More => value > self.number,
            CountKind::Less => value < self.number,
            CountKind::Exactly => value == self.number,
        }
    }
}

/// Which of a file's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Modified,
    Accessed,
    Changed,
}

/// How a mode is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PermKind {
    Exactly,
    All,
    Any,
}

/// A test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileTest {
    Name(Glob),
    Path(Glob),
    LinkName(Glob),
    Kind(Vec<EntryKind>),
    Size {
        count: Count,
        unit: u64,
    },
    Days(Which, Count),
    Minutes(Which, Count),
    NewerThan(FileTime),
    Perm(PermKind, u32),
    Uid(Count),
    Gid(Count),
    /// The target has no name for the owner, or for the group.
    Nameless {
        is_group: bool,
    },
    Empty,
    Links(Count),
    Inode(Count),
}

impl FileTest {
    pub(super) fn holds(
        &self,
        met: &WalkEntry,
        files: &TargetFiles,
        now: Moment,
    ) -> Result<bool, FileError> {
        let stat = met.entry.stat();
        Ok(match self {
            Self::Name(glob) => glob.matches(base_name(&met.path)),
            Self::Path(glob) => glob.matches(&met.path),
            Self::LinkName(glob) => {
                stat.kind == EntryKind::Link
                    && met
                        .entry
                        .link_target()
                        .is_ok_and(|target| glob.matches(&target))
            }
            Self::Kind(kinds) => kinds.contains(&stat.kind),
            Self::Size { count, unit } => count.holds(stat.size_bytes.div_ceil(*unit)),
            Self::Days(which, count) => in_days(now.age_of(time(stat, *which)), *count),
            Self::Minutes(which, count) => in_minutes(now.age_of(time(stat, *which)), *count),
            Self::NewerThan(time) => stat.modified > *time,
            Self::Perm(kind, bits) => match kind {
                PermKind::Exactly => stat.permissions() == *bits,
                PermKind::All => stat.permissions() & bits == *bits,
                PermKind::Any => *bits == 0 || stat.permissions() & bits != 0,
            },
            Self::Uid(count) => count.holds(stat.uid.into()),
            Self::Gid(count) => count.holds(stat.gid.into()),
            Self::Nameless { is_group: true } => files.group(stat.gid).is_none(),
            Self::Nameless { is_group: false } => files.user(stat.uid).is_none(),
            Self::Empty => match stat.kind {
                EntryKind::File => stat.size_bytes == 0,
                EntryKind::Directory => {
                    let names = met.entry.names(1);
                    let names = names.map_err(|errno| FileError::errno(&met.path, errno))?;
                    names.0.is_empty()
                }
                _ => false,
            },
            Self::Links(count) => count.holds(stat.nlink),
            Self::Inode(count) => count.holds(stat.inode),
        })
    }
}

fn time(stat: &FileStat, which: Which) -> FileTime {
    match which {
        Which::Modified => stat.modified,
        Which::Accessed => stat.accessed,
        Which::Changed => stat.changed,
    }
}

const SECOND: i128 = 1_000_000_000;
const MINUTE: i128 = 60 * SECOND;
const DAY: i128 = 86_400 * SECOND;

/// Whole days of age, what is left of them ignored.
fn in_days(age: i128, count: Count) -> bool {
    let number = i128::from(count.number);
    match count.kind {
        CountKind::More => age > (number + 1) * DAY,
        CountKind::Less => age < number * DAY,
        CountKind::Exactly => age >= number * DAY && age < (number + 1) * DAY,
    }
}

/// Minutes of age, begun ones included.
fn in_minutes(age: i128, count: Count) -> bool {
    let number = i128::from(count.number);
    match count.kind {
        CountKind::More => age > number * MINUTE,
        CountKind::Less => age < number * MINUTE,
        CountKind::Exactly => age >= (number - 1) * MINUTE && age < number * MINUTE,
    }
}

/// The last name of a path, as `-name` compares it.
pub(in crate::cli::files) fn base_name(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/');
    let Some(end) = end else {
        return if path.is_empty() { path } else { b"/" };
    };
    let path = path.get(..=end).unwrap_or_default();
    let begin = path.iter().rposition(|byte| *byte == b'/');
    path.get(begin.map_or(0, |begin| begin + 1)..)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_counted_as_by_find() {
        let count = |text: &str| Count::parse(text).unwrap();
        assert!(in_days(DAY + 1, count("1")) && in_days(2 * DAY - 1, count("1")));
        assert!(!in_days(DAY + 1, count("+1")) && in_days(2 * DAY + 1, count("+1")));
        assert!(in_days(DAY - 1, count("-1")) && !in_days(DAY, count("-1")));
        assert!(in_minutes(1, count("1")) && !in_minutes(MINUTE, count("1")));
        assert!(in_minutes(MINUTE + 1, count("+1")) && in_minutes(MINUTE - 1, count("-1")));
        assert_eq!(Count::parse("x"), None);
        assert_eq!(Count::parse("+-1"), None);
        assert_eq!(Count::parse(""), None);
    }

    #[test]
    fn a_name_is_the_last_of_its_path() {
        let name = |path: &str| String::from_utf8(base_name(path.as_bytes()).to_vec()).unwrap();
        assert_eq!(
            [
                name("/etc/x"),
                name("x"),
                name("/etc/"),
                name("/"),
                name("")
            ],
            ["x", "x", "etc", "/", ""]
        );
    }
}
