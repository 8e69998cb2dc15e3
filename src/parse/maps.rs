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

/// A mapped file that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Major and minor number of its device.
    pub(crate) device: (u64, u64),
    pub(crate) inode: u64,
    /// Its path, or the one that it had.
    pub(crate) path: Vec<u8>,
    /// Whether nothing leads to it any more.
    pub(crate) deleted: bool,
}

/// The mapped files that may be run, each once, in the order of their addresses; those of memory
/// alone are left out.
#[must_use]
pub(crate) fn executables(bytes: &[u8]) -> Vec<Mapping> {
    let mut met = HashSet::new();
    let lines = bytes.split(|byte| *byte == b'\n');
    let mapped = lines.filter_map(executable);
    mapped
        .filter(|one| met.insert((one.device, one.inode, one.path.clone())))
        .collect()
}

fn executable(line: &[u8]) -> Option<Mapping> {
    const IN_MEMORY: [&[u8]; 4] = [b"/memfd:", b"/SYSV", b"/dev/zero", b"/anon_hugepage"];
    let mut words = text::words(line);
    words.next()?;
    words.next()?.get(2).filter(|flag| **flag == b'x')?;
    let (major, minor) = text::split_once(words.nth(1)?, b':')?;
    let inode = text::decimal(words.next()?)?;
    let rest = sixth(line)?;
    if IN_MEMORY.iter().any(|start| rest.starts_with(start)) {
        return None;
    }
    let before = rest.strip_suffix(b" (deleted)");
    Some(Mapping {
        device: (text::hexadecimal(major)?, text::hexadecimal(minor)?),
        inode,
        path: unescaped(before.unwrap_or(rest)),
        deleted: before.is_some(),
    })
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
/// most `limit`.
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
    fn what_may_be_run_has_its_device_and_whether_it_is_gone() {
        let maps = b"\
55d0c1a00000-55d0c1a01000 r--p 00000000 fe:1a 247749                     /usr/bin/app
55d0c1a01000-55d0c1a02000 r-xp 00001000 fe:1a 247749                     /usr/bin/app
7f1000002000-7f1000003000 r-xp 00000000 00:2b 9                          /tmp/gone.so (deleted)
7f1000003000-7f1000004000 r-xp 00000000 00:01 9                          /memfd:jit (deleted)
";
        let found = executables(maps);
        let short: Vec<_> = found
            .iter()
            .map(|one| (one.device, one.inode, one.deleted))
            .collect();
        assert_eq!(
            short,
            [((0xfe, 0x1a), 247_749, false), ((0, 0x2b), 9, true)]
        );
        assert_eq!(found[1].path, b"/tmp/gone.so");
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
            let _ = executables(&bytes);
        }
    }
}
