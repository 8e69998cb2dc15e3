//! The suites of docs/truth.md: what spyhole says beside what the established tool, the kernel or the
//! maker of the data says. Each counts its cases; its row in the document has the same counts.

mod certificates;
mod cgroups;
mod http;
mod mountinfo;
mod programs;
mod trees;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What a suite has counted.
pub(crate) struct Tally {
    suite: &'static str,
    agreements: usize,
    /// Where the two differ and are known to, by the reason.
    differences: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn of(suite: &'static str) -> Self {
        Self {
            suite,
            agreements: 0,
            differences: BTreeMap::new(),
            wrong: Vec::new(),
        }
    }

    /// One case; what is not equal is the fault of either.
    pub(crate) fn case(&mut self, differs: Option<String>) {
        match differs {
            None => self.agreements += 1,
            Some(how) => self.wrong.push(how),
        }
    }

    /// One case in which the two differ for a reason that the document gives.
    pub(crate) fn differs(&mut self, reason: &'static str) {
        *self.differences.entry(reason).or_default() += 1;
    }

    /// Fails where a case was wrong, or the document has other counts.
    pub(crate) fn end(self) {
        let Self {
            suite,
            agreements,
            differences,
            wrong,
        } = self;
        let first: Vec<&String> = wrong.iter().take(20).collect();
        assert!(
            wrong.is_empty(),
            "{suite}: {} wrong: {first:#?}",
            wrong.len()
        );
        let different: usize = differences.values().sum();
        let counts = format!(
            "| {} | {agreements} | {different} |",
            agreements + different
        );
        let page = page();
        let row = rows(&page).find(|row| name(row) == Some(suite));
        let row = row.unwrap_or_else(|| panic!("no row `{suite}` with {counts} in docs/truth.md"));
        assert!(
            row.ends_with(&counts),
            "{suite}: {counts}, and in docs/truth.md: {row}"
        );
        for (reason, count) in differences {
            let line = format!("- `{suite}`, {count}: {reason}");
            assert!(page.contains(&line), "not in docs/truth.md: {line}");
        }
    }
}

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/truth.md")).unwrap()
}

/// Those of the table of suites, which is the first.
fn rows(page: &str) -> impl Iterator<Item = &str> {
    let table = page
        .lines()
        .skip_while(|line| !line.starts_with("| suite |"));
    let table = table.take_while(|line| line.starts_with('|'));
    table.filter(|line| line.starts_with("| `"))
}

fn name(row: &str) -> Option<&str> {
    row.strip_prefix("| `")?.split('`').next()
}

/// Each row of the document is that of a suite which compares its counts with it.
#[test]
fn every_row_of_the_document_is_counted_by_its_suite() {
    let page = page();
    let mut counted: Vec<&str> = rows(&page).filter_map(name).collect();
    counted.sort_unstable();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/agreement");
    let mut suites: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("mod.rs"))
        .map(|path| {
            let suite = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let source = fs::read_to_string(&path).unwrap();
            let begins = source.contains(&format!("Tally::of(\"{suite}\")"));
            assert!(begins && source.contains(".end();"), "{}", path.display());
            suite
        })
        .collect();
    suites.sort_unstable();
    assert_eq!(counted, suites);
}

/// Numbers that look random and are the same in each run.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn from(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap() % end
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
