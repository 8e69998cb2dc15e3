//! `/proc/PID/environ`: the environment as it was at `execve`, each entry ended by a NUL.
//!
//! Later changes by `setenv` do not show. A process may write over the area, and what rewrites its
//! title does: the title begins where the arguments are, runs on into the environment, and the
//! rest is filled with NULs (nginx, Redis, `PostgreSQL`) or blanks (Perl, uWSGI). [`read`] keeps the
//! entries that this cannot have touched.

use super::text;

/// One entry. Names may repeat: the first is what `getenv` finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What stands before the first `=`; empty if the entry begins with it.
    pub name: Vec<u8>,
    /// What stands after the first `=`, which may be empty; `None` if there is no `=`.
    pub value: Option<Vec<u8>>,
}

/// The entries of an environment that are as they were at `execve`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Environ {
    /// In order.
    pub entries: Vec<Entry>,
    /// Whether the process wrote over the others.
    pub overwritten: bool,
}

/// An entry, or what is in the place of entries.
enum Piece<'a> {
    Entry(&'a [u8]),
    /// NULs or blanks, as they fill an area behind a title.
    Padding,
}

/// The entries that are sure. `title_above`: the byte before the area is not NUL, so what was
/// written over the arguments may go on here.
///
/// Next to padding, the entry before it may be the end of a title and the one behind it the rest
/// of an entry that was written over: neither is kept.
#[must_use]
pub(crate) fn read(bytes: &[u8], title_above: bool) -> Environ {
    let mut environ = Environ::default();
    // The entry behind this point may be a rest.
    let mut after_overwritten = false;
    let mut bytes = bytes;
    if title_above && !bytes.is_empty() {
        bytes = memchr::memchr(0, bytes)
            .and_then(|nul| bytes.get(nul + 1..))
            .unwrap_or_default();
        environ.overwritten = true;
        after_overwritten = true;
    }
    for piece in pieces(bytes) {
        match piece {
            Piece::Padding => {
                if !after_overwritten {
                    environ.entries.pop();
                }
                environ.overwritten = true;
                after_overwritten = true;
            }
            // A NUL more, and then a rest.
            Piece::Entry(entry) if after_overwritten => after_overwritten = entry.is_empty(),
            Piece::Entry(entry) => environ.entries.push(parse_entry(entry)),
        }
    }
    if bytes.last().is_some_and(|last| *last != 0) {
        // The kernel ends each entry by a NUL.
        environ.entries.pop();
        environ.overwritten = true;
    }
    environ
}

/// Splits at each NUL. One empty entry is an entry (`execve` takes them); several in a row are
/// padding.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let body = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let entries = (!bytes.is_empty()).then(|| body.split(|byte| *byte == 0));
    let mut entries = entries.into_iter().flatten().peekable();
    std::iter::from_fn(move || {
        let entry = entries.next()?;
        let mut padding = !entry.is_empty() && entry.iter().all(|byte| *byte == b' ');
        if entry.is_empty() {
            while entries.next_if(|next| next.is_empty()).is_some() {
                padding = true;
            }
        }
        Some(if padding {
            Piece::Padding
        } else {
            Piece::Entry(entry)
        })
    })
}

fn parse_entry(entry: &[u8]) -> Entry {
    match text::split_once(entry, b'=') {
        Some((name, value)) => Entry {
            name: name.to_vec(),
            value: Some(value.to_vec()),
        },
        None => Entry {
            name: entry.to_vec(),
            value: None,
        },
    }
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

    fn whole(bytes: &[u8]) -> Vec<Entry> {
        let environ = read(bytes, false);
        assert!(!environ.overwritten, "{environ:?}");
        environ.entries
    }

    /// The names that are left of an area that was written over.
    fn rest(bytes: &[u8], title_above: bool) -> Vec<String> {
        let environ = read(bytes, title_above);
        assert!(environ.overwritten, "{environ:?}");
        let name = |entry: Entry| String::from_utf8(entry.name).unwrap();
        environ.entries.into_iter().map(name).collect()
    }

    #[test]
    fn the_first_equals_sign_parts_name_and_value() {
        assert_eq!(
            whole(b"PATH=/bin\0OPTS=-a=b\0EMPTY=\0MULTI=a\nb\0"),
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
            whole(b"=x\0two words\0A=1\0\0A=2\0"),
            [
                entry("", Some("x")),
                entry("two words", None),
                entry("A", Some("1")),
                entry("", None),
                entry("A", Some("2")),
            ]
        );
        assert_eq!(whole(b"X=\xff\xfe\0")[0].value, Some(b"\xff\xfe".to_vec()));
        assert_eq!(whole(b"\0A=1\0")[0], entry("", None));
        assert_eq!(whole(b""), []);
        assert!(!read(b"", true).overwritten, "there was nothing");
    }

    #[test]
    fn an_area_of_padding_has_no_entries() {
        for title_above in [true, false] {
            for area in [
                &b"\0\0\0\0\0\0"[..],
                b"      \0",
                b"s\0\0\0\0",
                b"ocess\0    \0",
                b"      ",
                b"a title up to its end",
            ] {
                assert_eq!(rest(area, title_above), [""; 0], "{area:?}");
            }
        }
        assert_eq!(rest(b"a title\0", true), [""; 0]);
    }

    #[test]
    fn the_end_of_a_title_and_what_it_left_of_an_entry_are_dropped() {
        assert_eq!(rest(b"er2 -v\0EN=tail\0B=2\0C=3\0", true), ["B", "C"]);
        assert_eq!(rest(b"er2 -v\0\0\0EN=tail\0B=2\0", true), ["B"]);
        assert_eq!(rest(b"\0EN=tail\0B=2\0", true), ["B"]);
        assert_eq!(rest(b"\0\0\0EN=tail\0B=2\0", false), ["B"]);
        assert_eq!(rest(b"er2 -v\0\0\0EN=tail\0B=2\0", false), ["B"]);
        assert_eq!(rest(b"er2 -v\0   \0EN=tail\0B=2\0", false), ["B"]);
    }

    #[test]
    fn a_value_that_was_wiped_is_not_an_empty_one() {
        assert_eq!(rest(b"A=1\0SECRET=\0\0\0\0\0B=2\0C=3\0", false), ["A", "C"]);
        assert_eq!(rest(b"A=1\0SECRET=\0\0\0\0\0", false), ["A"]);
    }

    #[test]
    fn a_rest_behind_two_nuls_is_no_entry() {
        let found = read(b"\0\0=abc\0N1=x\0", true);
        assert_eq!(found.entries, [entry("N1", Some("x"))]);
        assert!(found.overwritten);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>(), title_above in any::<bool>()) {
            let _ = read(&bytes, title_above);
        }

        #[test]
        fn entries_come_back(pairs in proptest::collection::vec(("[^\0=]{0,9}", "[^\0]{0,9}"), 0..9)) {
            let lines: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}\0")).collect();
            let bytes = lines.concat();
            let entries: Vec<Entry> = pairs.iter().map(|(n, v)| entry(n, Some(v))).collect();
            prop_assert_eq!(whole(bytes.as_bytes()), entries);
        }

        /// A title of any length, with or without padding, never leaves an entry that was not there.
        #[test]
        fn what_is_left_was_there(
            values in proptest::collection::vec("[a-z]{0,9}", 1..9),
            title in 0_usize..99,
            padding in 0_usize..99,
            pad in prop_oneof![Just(0_u8), Just(b' ')],
        ) {
            let lines: Vec<String> = values.iter().enumerate().map(|(n, value)| format!("N{n}={value}\0")).collect();
            let mut bytes = lines.concat().into_bytes();
            let mut written = vec![b't'; title];
            written.push(0);
            written.resize(written.len() + padding, pad);
            for (byte, new) in bytes.iter_mut().zip(written) {
                *byte = new;
            }
            for entry in read(&bytes, true).entries {
                let line = [&entry.name[..], b"=", &entry.value.unwrap(), b"\0"].concat();
                prop_assert!(lines.iter().any(|had| had.as_bytes() == line), "{:?}", line);
            }
        }
    }
}
