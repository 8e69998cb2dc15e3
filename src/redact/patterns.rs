//! The patterns of the table of programs, read once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use super::tables::programs::{PROGRAMS, RUNNERS, Row, SHELLS};

/// One word of a pattern.
pub(super) enum PatternStep {
    /// One of these words; a `*` at the end stands for any ending.
    Literal(Vec<&'static [u8]>),
    /// One of these options; its value may be attached to the first.
    Flag {
        names: Vec<&'static [u8]>,
        attached: bool,
    },
    /// This option with the secret attached; shows numbers if asked to.
    Attached {
        prefix: &'static [u8],
        numbers: bool,
    },
    Any,
    Named,
    /// A file or a name in the place of a secret.
    Harmless,
    /// The secret, if it is the very next word.
    Adjacent,
    SecretPart(SecretPart),
    Each(SecretPart),
    Last,
}

/// Which part of a word is the secret.
#[derive(Clone, Copy)]
pub(super) enum SecretPart {
    Whole,
    /// What follows the first of these.
    After(u8),
    /// What follows `=`.
    Value,
    /// What follows `=`, if the name says so.
    NamedValue,
    /// What follows this beginning.
    Prefixed(&'static [u8]),
    /// What follows the last of these.
    AfterLast(u8),
    /// In a list, what follows this, up to the next comma.
    Listed(&'static [u8]),
    /// After this beginning, what follows the first of these.
    PrefixedAfter(&'static [u8], u8),
}

/// One row of the table.
pub(super) struct Patterns {
    pub(super) switches: &'static [u8],
    pub(super) patterns: Vec<Vec<PatternStep>>,
}

/// All rows by the names of their programs.
pub(super) struct Programs {
    rows: Vec<Patterns>,
    /// What holds for a name.
    names: HashMap<&'static [u8], Entry, BuildHasherDefault<Fnv>>,
    /// Beginnings of names.
    beginnings: Vec<(&'static [u8], usize)>,
    /// First two letters: of any name, and of a beginning.
    /// Of each pair of letters [`Begins`], as it costs no page before it is marked.
    begins: Vec<[bool; 2]>,
}

#[derive(Clone, Copy, Default)]
struct Begins {
    any: bool,
    beginning: bool,
}

#[derive(Default)]
struct Entry {
    rows: Vec<usize>,
    runner: bool,
    shell: bool,
}

/// FNV-1a: names are short, and nothing is stored that comes from outside.
#[derive(Default)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// What a word in the place of a program is.
#[derive(Default)]
pub(super) struct KnownProgram {
    /// Rows of the table.
    pub(super) rows: Vec<&'static Patterns>,
    pub(super) runner: bool,
    pub(super) shell: bool,
    /// Too short to be known but at the start of a command.
    pub(super) short: bool,
}

impl Programs {
    pub(super) fn get() -> &'static Self {
        static PROGRAMS: LazyLock<Programs> = LazyLock::new(Programs::build);
        &PROGRAMS
    }

    fn build() -> Self {
        let mut programs = Self {
            rows: PROGRAMS.iter().map(read_row).collect(),
            names: HashMap::with_capacity_and_hasher(
                2 * PROGRAMS.len(),
                BuildHasherDefault::default(),
            ),
            beginnings: Vec::new(),
            begins: vec![[false; 2]; 1 << 16],
        };
        for (row, (names, _, _)) in PROGRAMS.iter().enumerate() {
            for name in names.split_ascii_whitespace() {
                match name.strip_suffix('*') {
                    Some(beginning) => {
                        programs.beginnings.push((beginning.as_bytes(), row));
                        programs.mark(beginning, true);
                    }
                    None => programs.entry(name).rows.push(row),
                }
            }
        }
        for name in RUNNERS.split_ascii_whitespace() {
            programs.entry(name).runner = true;
        }
        for name in SHELLS.split_ascii_whitespace() {
            programs.entry(name).shell = true;
        }
        programs
    }

    fn entry(&mut self, name: &'static str) -> &mut Entry {
        self.mark(name, false);
        self.names.entry(name.as_bytes()).or_default()
    }

    fn mark(&mut self, name: &str, beginning: bool) {
        if let Some([any, begins]) = two(name.as_bytes()).and_then(|at| self.begins.get_mut(at)) {
            *any = true;
            *begins |= beginning;
        }
    }

    /// The program that `word`, a path or a name, starts. None: not one of the table.
    pub(super) fn find(&'static self, word: &[u8]) -> Option<KnownProgram> {
        let name = word
            .rsplit(|b| matches!(b, b'/' | b'\\' | b':'))
            .next()
            .unwrap_or_default();
        if name.len() < 2 || name.len() > 32 {
            return None;
        }
        let [any, beginning] = self.begins.get(two(name)?).copied().unwrap_or_default();
        let begins = Begins { any, beginning };
        if !begins.any {
            return None;
        }
        self.named(name, begins).or_else(|| {
            // `mysql.real`, `mysql8`, `psql-16`, `MYSQL.EXE`.
            let stem = name.iter().position(|&b| b == b'.').unwrap_or(name.len());
            let stem = name.get(..stem)?;
            let digits = stem
                .iter()
                .rev()
                .take_while(|b| b.is_ascii_digit() || **b == b'-')
                .count();
            let stem = stem.get(..stem.len() - digits)?;
            (stem.len() >= 2 && stem.len() < name.len())
                .then(|| self.named(stem, begins))
                .flatten()
        })
    }

    fn named(&'static self, name: &[u8], begins: Begins) -> Option<KnownProgram> {
        let entry = self.names.get(name);
        if entry.is_none() && !begins.beginning {
            return None;
        }
        let mut program = KnownProgram {
            short: name.len() <= 3,
            runner: entry.is_some_and(|entry| entry.runner),
            shell: entry.is_some_and(|entry| entry.shell),
            ..KnownProgram::default()
        };
        let rows = entry.map(|entry| entry.rows.as_slice()).unwrap_or_default();
        program
            .rows
            .extend(rows.iter().filter_map(|row| self.rows.get(*row)));
        // `mysqld` has other options than the clients.
        let server = name.starts_with(b"mysqld") && !name.starts_with(b"mysqldump")
            || name.starts_with(b"mariadbd");
        for (beginning, row) in &self.beginnings {
            if begins.beginning
                && name.starts_with(beginning)
                && !(server && matches!(*beginning, b"mysql" | b"mariadb"))
            {
                program.rows.extend(self.rows.get(*row));
            }
        }
        (program.runner || program.shell || !program.rows.is_empty()).then_some(program)
    }
}

fn two(name: &[u8]) -> Option<usize> {
    Some(usize::from(*name.first()?) << 8 | usize::from(*name.get(1)?))
}

fn read_row(&(_, switches, patterns): &Row) -> Patterns {
    Patterns {
        switches: switches.as_bytes(),
        patterns: patterns
            .iter()
            .map(|pattern| pattern.split_ascii_whitespace().map(read_step).collect())
            .collect(),
    }
}

fn read_step(word: &'static str) -> PatternStep {
    if let Some(each) = word.strip_suffix("...") {
        return match read_step(each) {
            PatternStep::SecretPart(take) => PatternStep::Each(take),
            other => other,
        };
    }
    let list = |words: &'static str| words.split('|').map(str::as_bytes).collect();
    match word {
        "_" => PatternStep::Any,
        "N" => PatternStep::Named,
        "F" => PatternStep::Harmless,
        "^X" => PatternStep::Adjacent,
        "X" => PatternStep::SecretPart(SecretPart::Whole),
        "L:X" => PatternStep::SecretPart(SecretPart::AfterLast(b':')),
        "$X" => PatternStep::Last,
        "K=X" => PatternStep::SecretPart(SecretPart::Value),
        "N=X" => PatternStep::SecretPart(SecretPart::NamedValue),
        _ if word.ends_with('X') => match word.as_bytes() {
            [b',', ..] => PatternStep::SecretPart(SecretPart::Listed(
                word.strip_suffix('X').unwrap_or(word).as_bytes(),
            )),
            [b'U', between, b'X'] => PatternStep::SecretPart(SecretPart::After(*between)),
            [prefix @ .., b'U', between, b'X'] => {
                PatternStep::SecretPart(SecretPart::PrefixedAfter(prefix, *between))
            }
            [prefix @ .., _] if word.starts_with('-') && word.len() <= 4 => PatternStep::Attached {
                prefix,
                numbers: false,
            },
            [prefix @ .., _] => PatternStep::SecretPart(SecretPart::Prefixed(prefix)),
            [] => PatternStep::Any,
        },
        _ if word.starts_with('-') && word.ends_with('Y') => PatternStep::Attached {
            prefix: word
                .as_bytes()
                .split_last()
                .map_or(&[], |(_, prefix)| prefix),
            numbers: true,
        },
        _ if word.starts_with(['-', '/']) && !word.starts_with("//") => {
            match word.strip_suffix('?') {
                Some(flag) => PatternStep::Flag {
                    names: list(flag),
                    attached: true,
                },
                None => PatternStep::Flag {
                    names: list(word),
                    attached: false,
                },
            }
        }
        _ => PatternStep::Literal(list(word)),
    }
}
