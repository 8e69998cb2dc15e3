//! `/proc/PID/limits`: the resource limits of getrlimit(2), in force for a process.

use super::{Malformed, text};

/// The table, in the kernel's order, or one row of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// One row a resource: 16 of them on Linux.
    pub rows: Vec<LimitRow>,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitRow {
    /// The resource as the kernel names it, such as `Max open files`.
    pub name: String,
    /// What is in force; the process may raise it up to `hard`.
    pub soft: Limit,
    /// The ceiling, which only `CAP_SYS_RESOURCE` may raise.
    pub hard: Limit,
    /// What is counted, such as `bytes`, `files`, `us`; `None` for priorities.
    pub units: Option<String>,
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// `RLIM_INFINITY`.
    Unlimited,
    /// A number, in the row's units.
    Value(u64),
}

impl Limits {
    /// Reads the content of one `limits` file.
    ///
    /// # Errors
    /// If a line below the heading is not a row, or the last one is cut.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let rows = text::lines(bytes, "/proc/PID/limits")?
            .skip_while(|line| line.starts_with(b"Limit "))
            .map(|line| row(line).ok_or(ROW))
            .collect::<Result<_, _>>()?;
        Ok(Self { rows })
    }

    /// Reads the row `Max open files` alone, which is all that is shown of most processes.
    ///
    /// # Errors
    /// If that line is not a row, or the last one is cut.
    pub(crate) fn parse_open_files(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut lines = text::lines(bytes, "/proc/PID/limits")?;
        let line = lines.find(|line| line.starts_with(OPEN_FILES.as_bytes()));
        let rows = line.map(|line| row(line).ok_or(ROW)).transpose()?;
        Ok(Self {
            rows: rows.into_iter().collect(),
        })
    }

    /// The row of a resource, such as `Max processes`.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&LimitRow> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// `Max open files` (`RLIMIT_NOFILE`): one above the highest file descriptor.
    #[must_use]
    pub(crate) fn max_open_files(&self) -> Option<&LimitRow> {
        self.get(OPEN_FILES)
    }
}

const OPEN_FILES: &str = "Max open files";

/// The name is padded to 25 and holds single blanks only, so two of them end it.
fn row(line: &[u8]) -> Option<LimitRow> {
    let end = line.windows(2).position(|pair| pair == b"  ")?;
    let (name, rest) = line.split_at_checked(end)?;
    let mut words = text::words(rest);
    let row = LimitRow {
        name: ascii(name)?,
        soft: limit(words.next()?)?,
        hard: limit(words.next()?)?,
        units: match words.next() {
            Some(units) => Some(ascii(units)?),
            None => None,
        },
    };
    words.next().is_none().then_some(row)
}

fn limit(word: &[u8]) -> Option<Limit> {
    match word {
        b"unlimited" => Some(Limit::Unlimited),
        number => text::decimal(number).map(Limit::Value),
    }
}

/// A kernel's word: printable ASCII, at least one.
fn ascii(bytes: &[u8]) -> Option<String> {
    let printable = |byte: &u8| matches!(byte, b' '..=b'~');
    let fits = !bytes.is_empty() && bytes.iter().all(printable);
    fits.then(|| String::from_utf8(bytes.to_vec()).ok())?
}

const ROW: Malformed = Malformed {
    what: "a line of /proc/PID/limits",
    expected: "a name, a soft and a hard limit",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate::{self, BAD_NUMBERS};
    use proptest::prelude::*;

    const SAMPLE: &[u8] = include_bytes!("../../tests/fixtures/proc/limits");

    #[test]
    fn rows_by_name() {
        let limits = Limits::parse(SAMPLE).unwrap();
        assert_eq!(limits.rows.len(), 16);
        assert_eq!(
            limits.max_open_files(),
            Some(&LimitRow {
                name: "Max open files".to_owned(),
                soft: Limit::Value(1024),
                hard: Limit::Value(1_048_576),
                units: Some("files".to_owned()),
            })
        );
        let stack = limits.get("Max stack size").unwrap();
        assert_eq!(
            (stack.soft, stack.hard),
            (Limit::Value(8_388_608), Limit::Unlimited)
        );
        assert_eq!(limits.get("Max nice priority").unwrap().units, None);
        assert_eq!(limits.get("Max coffee"), None);
        let alone = Limits::parse_open_files(SAMPLE).unwrap();
        assert_eq!(alone.max_open_files(), limits.max_open_files());
        assert_eq!(alone.rows.len(), 1);
        assert_eq!(Limits::parse_open_files(b""), Ok(Limits::default()));
        assert!(Limits::parse_open_files(b"Max open files  1 2 fil").is_err());
        assert!(Limits::parse_open_files(b"Max open files  1\n").is_err());
    }

    #[test]
    fn the_largest_number_fills_its_column() {
        let line =
            "Max file size             18446744073709551614 18446744073709551614 bytes     \n";
        let limits = Limits::parse(line.as_bytes()).unwrap();
        assert_eq!(limits.rows[0].hard, Limit::Value(u64::MAX - 1));
    }

    #[test]
    fn nonsense_is_malformed_and_nothing_is_none() {
        assert_eq!(Limits::parse(b""), Ok(Limits::default()));
        for bad in BAD_NUMBERS {
            let line = format!("Max open files            {bad}                 4096\n");
            assert!(
                Limits::parse(line.as_bytes()).is_err() || bad.is_empty(),
                "{bad:?}"
            );
        }
        for bad in [
            "\n",
            "Max open files 1 2 files\n",
            "Max open files  1\n",
            "Max  1 2 x y\n",
            "Max \x1b  1 2\n",
            "Max x  1 2",
        ] {
            assert!(Limits::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn survives_damage() {
        mutate::survives(SAMPLE, |bytes| {
            let _ = Limits::parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = Limits::parse(&bytes);
        }
    }
}
