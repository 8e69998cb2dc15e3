//! `net/sockstat` and `net/sockstat6`: how many sockets of each protocol a network namespace has.

use crate::parse::text;

/// The TCP sockets that the kernel counts in `net/sockstat`, those of IPv4 and what waits after
/// its end, of both families; `None` where the file does not tell.
#[must_use]
pub(crate) fn tcp(sockstat: &[u8]) -> Option<TcpCount> {
    Some(TcpCount {
        in_use: number(sockstat, b"TCP:", b"inuse")?,
        time_wait: number(sockstat, b"TCP:", b"tw")?,
    })
}

/// As [`tcp`] tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TcpCount {
    /// Sockets of IPv4 that listen or are connected.
    pub in_use: u64,
    /// Connections of both families in `time_wait`.
    pub time_wait: u64,
}

/// The same of IPv6, from `net/sockstat6`.
#[must_use]
pub(crate) fn tcp6_in_use(sockstat6: &[u8]) -> Option<u64> {
    number(sockstat6, b"TCP6:", b"inuse")
}

/// The number after a word, in the line that begins with another one.
fn number(text: &[u8], line: &[u8], word: &[u8]) -> Option<u64> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let mut words = text::words(lines.find(|one| one.starts_with(line))?);
    words.find(|one| *one == word)?;
    text::decimal(words.next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_the_kernel_prints_them() {
        let text =
            b"sockets: used 190\nTCP: inuse 4 orphan 0 tw 2 alloc 7 mem 2\nUDP: inuse 1 mem 0\n";
        let count = TcpCount {
            in_use: 4,
            time_wait: 2,
        };
        assert_eq!(tcp(text), Some(count));
        let text = b"TCP6: inuse 3\nUDP6: inuse 0\n";
        assert_eq!(tcp6_in_use(text), Some(3));
        for text in [
            &b""[..],
            b"TCP: inuse\n",
            b"TCP: inuse x tw 1\n",
            b"TCP: inuse 1\n",
        ] {
            assert_eq!(tcp(text), None);
        }
    }
}
