//! The argument of `-d`: `0-2,cwd,mem`, or `^cwd,^mem`.

use std::ops::RangeInclusive;

use crate::model::open_files::{OpenFile, OpenedAs};

/// Which descriptors are asked for, or left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FdList {
    items: Vec<FdItem>,
    /// Whether these are left out and all others are shown.
    pub(super) excludes: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum FdItem {
    Numbers(RangeInclusive<i32>),
    /// `fd`: any number.
    AnyNumber,
    Opened(OpenedAs),
    /// `DEL`: a mapped file that was removed.
    MappedDeleted,
}

impl FdList {
    /// Reads the argument.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub(super) fn parse(words: &[String]) -> Result<Self, String> {
        let excluded = words.iter().filter(|word| word.starts_with('^')).count();
        if excluded != 0 && excluded != words.len() {
            let list = words.join(",");
            return Err(format!("{list:?}: expected all with ^ or none"));
        }
        let items = words.iter().map(|word| {
            let bare = word.strip_prefix('^').unwrap_or(word);
            item(bare).ok_or_else(|| {
                format!("{word:?}: expected a number, a range such as 0-9, fd, cwd, rtd, txt, mem or DEL")
            })
        });
        Ok(Self {
            items: items.collect::<Result<_, _>>()?,
            excludes: excluded != 0,
        })
    }

    /// Whether a file is in the list, whichever it is for.
    pub(super) fn holds(&self, file: &OpenFile) -> bool {
        self.items.iter().any(|item| match item {
            FdItem::Numbers(range) => file.fd.is_some_and(|fd| range.contains(&fd)),
            FdItem::AnyNumber => file.fd.is_some(),
            FdItem::MappedDeleted => file.opened_as == OpenedAs::Mapped && file.deleted,
            FdItem::Opened(OpenedAs::Mapped) => file.opened_as == OpenedAs::Mapped && !file.deleted,
            FdItem::Opened(opened_as) => file.opened_as == *opened_as,
        })
    }
}

fn item(word: &str) -> Option<FdItem> {
    let number = |text: &str| text.parse::<i32>().ok().filter(|fd| *fd >= 0);
    Some(match word {
        "fd" => FdItem::AnyNumber,
        "cwd" => FdItem::Opened(OpenedAs::WorkingDirectory),
        "rtd" => FdItem::Opened(OpenedAs::RootDirectory),
        "txt" => FdItem::Opened(OpenedAs::Program),
        "mem" => FdItem::Opened(OpenedAs::Mapped),
        "DEL" => FdItem::MappedDeleted,
        _ => match word.split_once('-') {
            Some((first, last)) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(FdItem::Numbers(first..=last))?
            }
            None => number(word).map(|fd| FdItem::Numbers(fd..=fd))?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(list: &str) -> Result<FdList, String> {
        let words: Vec<String> = list.split(',').map(str::to_owned).collect();
        FdList::parse(&words)
    }

    #[test]
    fn lists_as_lsof_reads_them() {
        let list = parse("0-2,7,cwd,DEL").unwrap();
        assert!(!list.excludes);
        assert_eq!(list.items.len(), 4);
        assert_eq!(list.items[0], FdItem::Numbers(0..=2));
        assert!(parse("^mem,^txt").unwrap().excludes);
        for wrong in ["1,^2", "x", "-1", "2-1", "3-", "", "1.5", "99999999999"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
