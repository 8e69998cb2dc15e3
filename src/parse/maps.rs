//! `/proc/PID/maps`: which files a process has mapped.

use std::collections::HashSet;

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

fn path(line: &[u8]) -> Option<&[u8]> {
    let mut rest = line;
    for _ in 0..5 {
        let end = rest.iter().position(|byte| *byte == b' ')?;
        let after = rest.get(end..)?;
        let spaces = after.iter().take_while(|byte| **byte == b' ').count();
        rest = after.get(spaces..)?;
    }
    (rest.starts_with(b"/") && !rest.ends_with(b" (deleted)")).then_some(rest)
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
