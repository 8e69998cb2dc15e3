//! `/proc/PID/maps`: which files a process has mapped.

use std::collections::HashSet;

use super::text;

/// The paths of the mapped files, each once, in the order of their addresses. Those that were
/// removed since are left out: nothing leads to them any more.
///
/// The path is the sixth field and reaches to the end of the line; a newline in it is `\012`.
#[must_use]
pub(crate) fn files(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut met = HashSet::new();
    bytes
        .split(|byte| *byte == b'\n')
        .filter_map(path)
        .filter(|path| met.insert(*path))
        .map(unescaped)
        .collect()
}

/// A file that is mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MappedFile {
    /// The addresses of its first mapping, as the name of its link in `map_files` has them.
    pub range: Vec<u8>,
    /// Device number of its file system, first half.
    pub major: u64,
    /// The second half.
    pub minor: u64,
    /// Its inode.
    pub inode: u64,
    /// Its path, with ` (deleted)` behind it where it was removed.
    pub path: Vec<u8>,
}

/// The mapped files, also those that were removed, each once, in the order of their addresses; at
/// most so many.
#[must_use]
pub(crate) fn mapped(bytes: &[u8], limit: usize) -> Vec<MappedFile> {
    let mut met = HashSet::new();
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let path = sixth(line)?;
            let mut fields = line.split(|byte| *byte == b' ');
            let (range, device, inode) = (fields.next()?, fields.nth(2)?, fields.next()?);
            met.insert((device, inode, path)).then_some(())?;
            let (major, minor) = text::split_once(device, b':')?;
            Some(MappedFile {
                range: range.to_vec(),
                major: text::hexadecimal(major)?,
                minor: text::hexadecimal(minor)?,
                inode: text::decimal(inode)?,
                path: unescaped(path),
            })
        })
        .take(limit)
        .collect()
}

fn path(line: &[u8]) -> Option<&[u8]> {
    sixth(line).filter(|path| !path.ends_with(b" (deleted)"))
}

/// The sixth field, where that is a path.
fn sixth(line: &[u8]) -> Option<&[u8]> {
    let mut rest = line;
    for _ in 0..5 {
        let end = rest.iter().position(|byte| *byte == b' ')?;
        let after = rest.get(end..)?;
        let spaces = after.iter().take_while(|byte| **byte == b' ').count();
        rest = after.get(spaces..)?;
    }
    rest.starts_with(b"/").then_some(rest)
}

fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\\012") {
            plain.push(b'\n');
            rest = after;
        } else {
            plain.push(*first);
            rest = after;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::scratch;
    use proptest::prelude::*;

    #[test]
    fn each_file_once_and_nothing_else() {
        let maps = b"\
55d0c1a00000-55d0c1a01000 r--p 00000000 fe:00 247749                     /usr/bin/my app
55d0c1a01000-55d0c1a02000 r-xp 00001000 fe:00 247749                     /usr/bin/my app
55d0c2c00000-55d0c2c21000 rw-p 00000000 00:00 0                          [heap]
7f1000000000-7f1000001000 rw-p 00000000 00:00 0
7f1000002000-7f1000003000 r-xp 00000000 fe:00 9                          /tmp/gone.so (deleted)
7f1000004000-7f1000005000 r-xp 00000000 fe:00 8                          /opt/new\\012line.so
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
";
        assert_eq!(files(maps), [&b"/usr/bin/my app"[..], b"/opt/new\nline.so"]);
    }

    #[test]
    fn those_of_this_very_test() {
        let maps = scratch::read("/proc/self/maps");
        let own = scratch::real("/proc/self/exe");
        assert!(files(&maps).contains(&own.into_os_string().into_encoded_bytes()));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = files(&bytes);
        }
    }
}
