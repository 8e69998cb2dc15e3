//! What goes into an archive: paths, their names in it, and how they are written.

/// What goes into an archive, and how.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct ArchiveOptions {
    /// In their order.
    pub(crate) paths: Vec<ArchivePath>,
    /// Whether other file systems below a path are entered.
    pub(crate) cross: bool,
    /// Whether holes of any size are kept.
    pub(crate) sparse: bool,
    /// Whether extended attributes are kept.
    pub(crate) xattrs: bool,
    /// Whether the names of owners are left out.
    pub(crate) numeric_owner: bool,
    /// Whether each further name of a file gets its content, too.
    pub(crate) hard_dereference: bool,
    /// Whether each name is said on stderr.
    pub(crate) verbose: bool,
    /// Whether a path that is a link is followed, and a checksum is written behind each file.
    pub(crate) for_cp: bool,
}

/// A path to archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArchivePath {
    /// Where it is in the target.
    pub(crate) path: Vec<u8>,
    /// Its name in the archive: relative, without `..`.
    pub(crate) name: Vec<u8>,
}

impl ArchivePath {
    /// A path as it was given, beneath a directory.
    pub(crate) fn of(directory: &[u8], given: &[u8]) -> Self {
        let mut path = Vec::new();
        if !given.starts_with(b"/") {
            path.extend_from_slice(directory);
            path.push(b'/');
        }
        path.extend_from_slice(given);
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in given.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        let name = if parts.is_empty() {
            b".".to_vec()
        } else {
            parts.join(&b'/')
        };
        Self { path, name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_relative_and_leads_nowhere_else() {
        for (directory, given, path, name) in [
            ("", "/etc/hosts", "/etc/hosts", "etc/hosts"),
            ("", "etc/hosts", "/etc/hosts", "etc/hosts"),
            ("", "./etc//hosts/", "/./etc//hosts/", "etc/hosts"),
            ("", "/", "/", "."),
            ("", "..", "/..", "."),
            ("/srv", ".", "/srv/.", "."),
            ("/srv", "../etc/x", "/srv/../etc/x", "etc/x"),
            ("/srv", "/a/../b", "/a/../b", "b"),
            ("/srv", "-x", "/srv/-x", "-x"),
        ] {
            let of = ArchivePath::of(directory.as_bytes(), given.as_bytes());
            assert_eq!(of.path, path.as_bytes(), "{given}");
            assert_eq!(of.name, name.as_bytes(), "{given}");
        }
    }
}
