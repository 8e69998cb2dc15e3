//! Where a link in `/proc/PID/fd` leads.

use super::text;

/// What the kernel puts behind the path of a file that was removed; a file may also be called so.
pub(crate) const DELETED: &[u8] = b" (deleted)";

/// Where a link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FdLink<'a> {
    /// To a file, by its path. Every path begins with `/`, nothing else does.
    Path(&'a [u8]),
    /// `socket:[549]`
    Socket(u64),
    /// `pipe:[549]`
    Pipe(u64),
    /// `anon_inode:[eventfd]`, `anon_inode:inotify`: the word alone.
    Anonymous(&'a [u8]),
    /// `net:[4026531840]`, `pidfd:[7]`: the word and the inode.
    Numbered(&'a [u8], u64),
    /// Something newer.
    Other(&'a [u8]),
}

impl<'a> FdLink<'a> {
    /// Tells links apart.
    pub(crate) fn of(link: &'a [u8]) -> Self {
        if link.starts_with(b"/") {
            return Self::Path(link);
        }
        if let Some(word) = link.strip_prefix(b"anon_inode:") {
            let bare = word.strip_prefix(b"[");
            let bare = bare.and_then(|word| word.strip_suffix(b"]"));
            return Self::Anonymous(bare.unwrap_or(word));
        }
        let numbered = || {
            let (word, number) = text::split_once(link, b':')?;
            let number = number.strip_prefix(b"[")?.strip_suffix(b"]")?;
            Some((word, text::decimal(number)?))
        };
        match numbered() {
            Some((b"socket", inode)) => Self::Socket(inode),
            Some((b"pipe", inode)) => Self::Pipe(inode),
            Some((word, inode)) => Self::Numbered(word, inode),
            None => Self::Other(link),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind() {
        for (link, kind) in [
            (
                &b"/a b\nc (deleted)"[..],
                FdLink::Path(b"/a b\nc (deleted)"),
            ),
            (b"socket:[549]", FdLink::Socket(549)),
            (b"pipe:[1]", FdLink::Pipe(1)),
            (b"anon_inode:[eventfd]", FdLink::Anonymous(b"eventfd")),
            (b"anon_inode:inotify", FdLink::Anonymous(b"inotify")),
            (b"net:[4026531840]", FdLink::Numbered(b"net", 4_026_531_840)),
            (b"socket:[x]", FdLink::Other(b"socket:[x]")),
            (b"", FdLink::Other(b"")),
        ] {
            assert_eq!(FdLink::of(link), kind);
        }
    }
}
