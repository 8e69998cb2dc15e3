//! `/proc/PID/mountinfo`: the mounts that a process sees.
//!
//! Read here and not by the `procfs` crate because that leaves `\040` and its like as they
//! stand, and refuses paths that are not UTF-8.

use std::borrow::Cow;

use super::{Malformed, text};

/// One line of `/proc/PID/mountinfo`, with octal escapes undone. Paths are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MountEntry<'a> {
    /// Field 1: the mount's id, unique in the namespace, reused after umount.
    pub mount_id: u32,
    /// Field 2: the id of the mount that it is mounted on; its own or an unseen one at the top.
    pub parent_id: u32,
    /// Field 3, first half: major device number of the filesystem.
    pub major: u32,
    /// Field 3, second half: minor device number.
    pub minor: u32,
    /// Field 4: the directory (or file) of the filesystem that is mounted. It ends in
    /// `//deleted` if that was removed; in `/..` parts if it lies outside of a cgroup namespace.
    pub root: Cow<'a, [u8]>,
    /// Field 5: where it is mounted, relative to the root directory of the process.
    pub mount_point: Cow<'a, [u8]>,
    /// Field 6: options of this mount, such as `rw,nosuid`; see [`MountEntry::has_option`].
    pub mount_options: Cow<'a, [u8]>,
    /// `shared:N`: member of peer group N, which propagates mounts both ways.
    pub shared: Option<u32>,
    /// `master:N`: receives mounts from peer group N.
    pub master: Option<u32>,
    /// `unbindable`: may not be bind-mounted.
    pub unbindable: bool,
    /// The filesystem's type, such as `ext4` or `fuse.sshfs`.
    pub fstype: Cow<'a, [u8]>,
    /// What it was mounted from: a device, an export, `none`; may be empty.
    pub source: Cow<'a, [u8]>,
    /// Options of the filesystem, shared by all its mounts.
    pub super_options: Cow<'a, [u8]>,
}

impl MountEntry<'_> {
    /// Whether one of the mount's own options is `option`, such as `ro`.
    #[must_use]
    pub(crate) fn has_option(&self, option: &str) -> bool {
        has(&self.mount_options, option)
    }

    /// Whether one of the filesystem's options is `option`.
    #[must_use]
    pub(crate) fn has_super_option(&self, option: &str) -> bool {
        has(&self.super_options, option)
    }

    /// Whether writing fails: the mount or its whole filesystem is read-only.
    #[must_use]
    pub(crate) fn is_read_only(&self) -> bool {
        self.has_option("ro") || self.has_super_option("ro")
    }
}

fn has(options: &[u8], option: &str) -> bool {
    options
        .split(|byte| *byte == b',')
        .any(|word| word == option.as_bytes())
}

/// The mounts, a later one on the same place hiding the earlier ones.
///
/// # Errors
/// Each line on its own: a malformed one, or a last one that was cut, does not spoil the others.
pub(crate) fn entries(bytes: &[u8]) -> impl Iterator<Item = Result<MountEntry<'_>, Malformed>> {
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\n").and_then(entry).ok_or(LINE))
}

fn entry(line: &[u8]) -> Option<MountEntry<'_>> {
    // Fields are parted by one space each: an empty source is two spaces in a row.
    let mut fields = line.splitn(7, |byte| *byte == b' ');
    let mount_id = text::decimal(fields.next()?)?;
    let parent_id = text::decimal(fields.next()?)?;
    let (major, minor) = text::split_once(fields.next()?, b':')?;
    let root = fields.next()?;
    let mount_point = fields.next()?;
    let mount_options = fields.next()?;

    let mut rest = fields.next()?;
    let (mut shared, mut master, mut unbindable) = (None, None, false);
    loop {
        let (field, after) = text::split_once(rest, b' ')?;
        rest = after;
        match text::split_once(field, b':') {
            None if field == b"-" => break,
            None if field == b"unbindable" => unbindable = true,
            Some((b"shared", group)) => shared = Some(text::decimal(group)?),
            Some((b"master", group)) => master = Some(text::decimal(group)?),
            _ => {} // proc(5): unknown optional fields are to be ignored
        }
    }
    // Some filesystems print blanks in their options: all that is left is one field.
    let mut fields = rest.splitn(3, |byte| *byte == b' ');
    Some(MountEntry {
        mount_id,
        parent_id,
        major: text::decimal(major)?,
        minor: text::decimal(minor)?,
        root: unescape(root),
        mount_point: unescape(mount_point),
        mount_options: unescape(mount_options),
        shared,
        master,
        unbindable,
        fstype: unescape(fields.next()?),
        source: unescape(fields.next()?),
        super_options: unescape(fields.next()?),
    })
}

/// Undoes `\ooo`, three octal digits below `\400`; any other backslash stays.
#[must_use]
pub(crate) fn unescape(field: &[u8]) -> Cow<'_, [u8]> {
    if !field.contains(&b'\\') {
        return Cow::Borrowed(field);
    }
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'\\')
            .then(|| after.split_at_checked(3))
            .flatten()
            .and_then(|(digits, after)| Some((text::octal(digits)?.try_into().ok()?, after)));
        let (byte, after) = escaped.unwrap_or((*first, after));
        out.push(byte);
        rest = after;
    }
    Cow::Owned(out)
}

const LINE: Malformed = Malformed {
    what: "a line of /proc/PID/mountinfo",
    expected: "the eleven fields of proc(5) and a newline",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    const SAMPLE: &[u8] = include_bytes!("../../tests/fixtures/proc/mountinfo");
    const PODMAN: &[u8] = include_bytes!("../../tests/fixtures/proc/mountinfo.podman");

    fn one(line: &[u8]) -> Result<MountEntry<'_>, Malformed> {
        let mut all = entries(line);
        let first = all.next().unwrap();
        assert!(all.next().is_none());
        first
    }

    #[test]
    fn each_field_is_taken_from_its_place() {
        let line = b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:7 - ext3 /dev/root rw,errors=continue\n";
        assert_eq!(
            one(line),
            Ok(MountEntry {
                mount_id: 36,
                parent_id: 35,
                major: 98,
                minor: 0,
                root: b"/mnt1".into(),
                mount_point: b"/mnt2".into(),
                mount_options: b"rw,noatime".into(),
                shared: None,
                master: Some(1),
                unbindable: false,
                fstype: b"ext3".into(),
                source: b"/dev/root".into(),
                super_options: b"rw,errors=continue".into(),
            })
        );
    }

    #[test]
    fn optional_fields_may_be_none_many_or_unknown() {
        let with = |fields: &str| format!("1 0 0:1 / / rw {fields}- proc proc rw\n");
        let line = with("shared:2 unbindable later:x ");
        let entry = one(line.as_bytes()).unwrap();
        assert_eq!(
            (entry.shared, entry.unbindable, entry.master),
            (Some(2), true, None)
        );
        assert_eq!(one(with("").as_bytes()).unwrap().shared, None);
    }

    #[test]
    fn escapes_are_undone_in_every_field() {
        let line =
            b"1 0 0:1 /a\\040b /c\\134d\\011e\\012 rw - fuse.\\043x host:/\\040 rw,x=\\040\n";
        let entry = one(line).unwrap();
        assert_eq!(&*entry.root, b"/a b");
        assert_eq!(&*entry.mount_point, b"/c\\d\te\n");
        assert_eq!(&*entry.fstype, b"fuse.#x");
        assert_eq!(&*entry.source, b"host:/ ");
        assert_eq!(&*entry.super_options, b"rw,x= ");
        assert_eq!(
            &*unescape(b"\\9 \\04 \\400 \\777 \\"),
            b"\\9 \\04 \\400 \\777 \\"
        );
    }

    #[test]
    fn bytes_an_empty_source_and_blanks_in_options_are_kept() {
        let entry = one(b"1 0 0:1 / /\xff rw - tmpfs  rw,a b c\n").unwrap();
        assert_eq!(&*entry.mount_point, b"/\xff");
        assert_eq!(&*entry.source, b"");
        assert_eq!(&*entry.super_options, b"rw,a b c");
    }

    #[test]
    fn a_hostile_mount_point_forges_no_field() {
        let line = b"1 0 0:1 / /x\\040rw\\040-\\040proc ro - tmpfs tmpfs rw\n";
        let entry = one(line).unwrap();
        assert_eq!(&*entry.fstype, b"tmpfs");
        assert!(entry.is_read_only() && !entry.has_super_option("ro"));
    }

    #[test]
    fn a_bad_line_does_not_spoil_the_others() {
        let bytes = b"1 0 0:1 / / rw - proc proc rw\nx\n\n2 1 0:2 / /s rw - sysfs sysfs rw\n3 1 0:2 / /s rw - sysfs sysfs rw,cu";
        let read: Vec<_> = entries(bytes).map(|e| e.map(|e| e.mount_id).ok()).collect();
        assert_eq!(read, [Some(1), None, None, Some(2), None]);
    }

    #[test]
    fn nonsense_is_malformed() {
        for bad in [
            "-1 0 0:1 / / rw - proc proc rw\n",
            "4294967296 0 0:1 / / rw - proc proc rw\n",
            "1 0 01 / / rw - proc proc rw\n",
            "1 0 0:1 / / rw proc proc rw\n",
            "1 0 0:1 / / rw - proc proc\n",
            "1 0 0:1 / / rw shared:x - proc proc rw\n",
        ] {
            assert_eq!(one(bad.as_bytes()), Err(LINE), "{bad:?}");
        }
    }

    #[test]
    fn captured_files_are_read_whole() {
        for sample in [SAMPLE, PODMAN] {
            assert!(entries(sample).count() > 5);
            for entry in entries(sample) {
                assert!(entry.unwrap().mount_point.starts_with(b"/"));
            }
        }
        assert!(entries(PODMAN).flatten().any(|entry| entry.is_read_only()));
    }

    #[test]
    fn survives_damage() {
        let line = b"36 35 98:0 /a\\040b /m rw shared:1 master:2 - ext3 /dev/root rw\n";
        mutate::survives(line, |bytes| entries(bytes).for_each(drop));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            entries(&bytes).for_each(drop);
            let _ = unescape(&bytes);
        }

        #[test]
        fn what_the_kernel_escapes_comes_back(path in any::<Vec<u8>>()) {
            let escaped: Vec<u8> = path.iter().flat_map(|byte| match byte {
                b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}").into_bytes(),
                _ => vec![*byte],
            }).collect();
            let line = [b"1 0 0:1 / ", &escaped[..], b" rw - tmpfs tmpfs rw\n"].concat();
            prop_assert_eq!(&*one(&line).unwrap().mount_point, &path[..]);
        }
    }
}
