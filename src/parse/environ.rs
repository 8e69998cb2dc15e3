//! `/proc/PID/environ`: the environment as it was at `execve`, each entry ended by a NUL.
//!
//! Later changes by `setenv` do not show. The process may overwrite the area (a rewritten title
//! often does), so an entry may be any bytes.

use super::text;

/// One entry. Names may repeat: the first is what `getenv` finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What stands before the first `=`; empty if the entry begins with it.
    pub name: Vec<u8>,
    /// What stands after the first `=`, which may be empty; `None` if there is no `=`.
    pub value: Option<Vec<u8>>,
}

/// As many empty entries in a row are taken for such; more are padding.
const EMPTY_ENTRIES: usize = 8;

/// All entries, in order, empty ones too. NULs at the end, and many in a row, are the padding of
/// a rewritten title and left out.
#[must_use]
pub(crate) fn parse(bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut empty = 0_usize;
    for entry in bytes.split(|byte| *byte == 0) {
        if entry.is_empty() {
            empty += 1;
            continue;
        }
        if empty <= EMPTY_ENTRIES {
            let none = Entry {
                name: Vec::new(),
                value: None,
            };
            entries.extend(std::iter::repeat_n(none, empty));
        }
        empty = 0;
        entries.push(match text::split_once(entry, b'=') {
            Some((name, value)) => Entry {
                name: name.to_vec(),
                value: Some(value.to_vec()),
            },
            None => Entry {
                name: entry.to_vec(),
                value: None,
            },
        });
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(name: &str, value: Option<&str>) -> Entry {
        Entry {
            name: name.into(),
            value: value.map(Into::into),
        }
    }

    #[test]
    fn the_first_equals_sign_parts_name_and_value() {
        assert_eq!(
            parse(b"PATH=/bin\0OPTS=-a=b\0EMPTY=\0MULTI=a\nb\0"),
            [
                entry("PATH", Some("/bin")),
                entry("OPTS", Some("-a=b")),
                entry("EMPTY", Some("")),
                entry("MULTI", Some("a\nb")),
            ]
        );
    }

    #[test]
    fn odd_entries_are_kept_as_they_are() {
        assert_eq!(
            parse(b"=x\0nginx: master process\0A=1\0A=2\0\0\0"),
            [
                entry("", Some("x")),
                entry("nginx: master process", None),
                entry("A", Some("1")),
                entry("A", Some("2")),
            ]
        );
        assert_eq!(parse(b"X=\xff\xfe")[0].value, Some(b"\xff\xfe".to_vec()));
        assert_eq!(parse(b""), []);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes);
        }

        #[test]
        fn entries_come_back(pairs in proptest::collection::vec(("[^\0=]{0,9}", "[^\0]{0,9}"), 0..9)) {
            let lines: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}\0")).collect();
            let bytes = lines.concat();
            let entries: Vec<Entry> = pairs.iter().map(|(n, v)| entry(n, Some(v))).collect();
            prop_assert_eq!(parse(bytes.as_bytes()), entries);
        }
    }
}
