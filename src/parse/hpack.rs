//! Header blocks of HTTP/2 (HPACK, RFC 7541): bytes → names and values.

use std::collections::VecDeque;

use super::Malformed;

/// Bytes that the dynamic table may take where nothing else was agreed on (RFC 9113, 6.5.2).
const TABLE_BYTES: usize = 4 << 10;
/// What an entry counts beside its name and value (RFC 7541, 4.1).
const ENTRY_BYTES: usize = 32;
/// Bytes of the names and values of one block: an index of one byte may stand for a whole table.
const LIST_BYTES: usize = 64 << 10;

/// A name and its value.
pub(crate) type Header = (Vec<u8>, Vec<u8>);

/// Reads the header blocks of one direction of a connection, in their order.
#[derive(Debug)]
pub(crate) struct HeaderDecoder {
    /// The newest first.
    dynamic: VecDeque<Header>,
    size: usize,
    limit: usize,
}

impl Default for HeaderDecoder {
    fn default() -> Self {
        Self {
            dynamic: VecDeque::new(),
            size: 0,
            limit: TABLE_BYTES,
        }
    }
}

impl HeaderDecoder {
    /// The headers of one whole block.
    ///
    /// # Errors
    /// What of it is malformed; the connection is of no use any more then.
    pub(crate) fn decode(&mut self, mut block: &[u8]) -> Result<Vec<Header>, Malformed> {
        let mut headers = Vec::new();
        let mut total = 0;
        while let Some(first) = block.first().copied() {
            let (prefix, is_kept) = match first {
                0x80.. => {
                    let index = integer(&mut block, 7)?;
                    headers.push(self.entry(index)?);
                    (0, false)
                }
                0x40.. => (6, true),
                0x20.. => {
                    let limit = integer(&mut block, 5)?;
                    if limit > TABLE_BYTES {
                        return Err(malformed("a table size of at most 4096 bytes"));
                    }
                    self.limit = limit;
                    self.evict();
                    continue;
                }
                _ => (4, false),
            };
            if prefix > 0 {
                let name = match integer(&mut block, prefix)? {
                    0 => string(&mut block)?,
                    index => self.entry(index)?.0,
                };
                headers.push((name, string(&mut block)?));
            }
            let Some((name, value)) = headers.last() else {
                continue;
            };
            total += name.len() + value.len() + ENTRY_BYTES;
            if total > LIST_BYTES {
                return Err(malformed("at most 64 KiB of headers"));
            }
            if is_kept {
                self.size += name.len() + value.len() + ENTRY_BYTES;
                self.dynamic.push_front((name.clone(), value.clone()));
                self.evict();
            }
        }
        Ok(headers)
    }

    /// The oldest go until the rest fits.
    fn evict(&mut self) {
        while self.size > self.limit {
            let Some((name, value)) = self.dynamic.pop_back() else {
                break;
            };
            self.size -= name.len() + value.len() + ENTRY_BYTES;
        }
    }

    fn entry(&self, index: usize) -> Result<Header, Malformed> {
        let none = || malformed("an index of the table");
        let index = index.checked_sub(1).ok_or_else(none)?;
        if let Some(entry) = STATIC.lines().nth(index) {
            let (name, value) = entry.split_once(' ').unwrap_or((entry, ""));
            return Ok((name.into(), value.into()));
        }
        let entry = self.dynamic.get(index - STATIC.lines().count());
        entry.cloned().ok_or_else(none)
    }
}

fn malformed(expected: &'static str) -> Malformed {
    Malformed {
        what: "a header block of HTTP/2",
        expected,
    }
}

/// An integer that begins in the low bits of the first byte (RFC 7541, 5.1).
fn integer(block: &mut &[u8], prefix: u32) -> Result<usize, Malformed> {
    let mut next = || {
        let (first, rest) = block
            .split_first()
            .ok_or_else(|| malformed("a whole integer"))?;
        *block = rest;
        Ok(usize::from(*first))
    };
    let mask = (1_usize << prefix) - 1;
    let mut value = next()? & mask;
    if value < mask {
        return Ok(value);
    }
    // Three more bytes are more than any length here.
    for shift in [0, 7, 14] {
        let byte = next()?;
        value += (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(malformed("an integer below two million"))
}

fn string(block: &mut &[u8]) -> Result<Vec<u8>, Malformed> {
    let is_huffman = block.first().is_some_and(|byte| *byte >= 0x80);
    let length = integer(block, 7)?;
    let (text, rest) = block
        .split_at_checked(length)
        .ok_or_else(|| malformed("a whole string"))?;
    *block = rest;
    if is_huffman {
        return unpack(text).ok_or_else(|| malformed("Huffman code"));
    }
    Ok(text.to_vec())
}

/// Huffman code → bytes. The code is canonical: its lengths are the whole table.
fn unpack(text: &[u8]) -> Option<Vec<u8>> {
    let mut symbols: Vec<usize> = (0..LENGTHS.len()).collect();
    symbols.sort_by_key(|symbol| LENGTHS.get(*symbol));
    let mut counts = [0_usize; 31];
    for length in LENGTHS {
        *counts.get_mut(usize::from(length))? += 1;
    }
    let mut unpacked = Vec::new();
    // The code that was read, of how many bits; the first code of that length, and its symbol.
    let (mut code, mut bits, mut first, mut at) = (0, 0, 0, 0);
    for byte in text {
        for shift in (0..8).rev() {
            code = code << 1 | usize::from(byte >> shift & 1);
            first <<= 1;
            bits += 1;
            let count = *counts.get(bits)?;
            if code >= first + count {
                first += count;
                at += count;
                continue;
            }
            // The end of a string never stands in one.
            unpacked.push(u8::try_from(*symbols.get(at + code - first)?).ok()?);
            (code, bits, first, at) = (0, 0, 0, 0);
        }
    }
    // Filled up with ones, by less than a byte.
    (bits < 8 && code + 1 == 1 << bits).then_some(unpacked)
}

/// Entries 1 to 61 of the table (RFC 7541, appendix A).
const STATIC: &str = ":authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate";

/// The bits of the code of each byte, and of the end (RFC 7541, appendix B).
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11,
    10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8,
    15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5,
    6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
    23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21,
    23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25,
    26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26,
    28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER_PERMISSIVE;
    use proptest::prelude::*;

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex = hex.replace([' ', '\n'], "");
        HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).unwrap()
    }

    fn text(headers: &[Header]) -> Vec<String> {
        let text = |(name, value): &Header| {
            let name = String::from_utf8_lossy(name);
            format!("{name}: {}", String::from_utf8_lossy(value))
        };
        headers.iter().map(text).collect()
    }

    /// RFC 7541, appendices C.3 and C.4.
    #[test]
    fn the_requests_of_the_rfc_are_read_plain_and_packed() {
        let plain = [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ];
        let packed = [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ];
        for blocks in [plain, packed] {
            let mut decoder = HeaderDecoder::default();
            let mut next = |block: &str| text(&decoder.decode(&bytes(block)).unwrap());
            let [first, second, third] = blocks.map(&mut next);
            let same = [":method: GET", ":scheme: http", ":path: /"];
            assert_eq!(first[..3], same);
            assert_eq!(first[3], ":authority: www.example.com");
            assert_eq!(
                second[3..],
                [":authority: www.example.com", "cache-control: no-cache"]
            );
            assert_eq!(third[1..3], [":scheme: https", ":path: /index.html"]);
            assert_eq!(third[4], "custom-key: custom-value");
            assert_eq!(decoder.size, 164);
        }
    }

    /// RFC 7541, appendix C.6: the table holds 256 bytes, and entries are evicted.
    #[test]
    fn the_oldest_entries_make_room() {
        let mut decoder = HeaderDecoder::default();
        let first = "3fe101 488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1b\
                     ff6e919d29ad171863c78f0b97c8e9ae82ae43d3";
        assert_eq!(
            text(&decoder.decode(&bytes(first)).unwrap()),
            [
                ":status: 302",
                "cache-control: private",
                "date: Mon, 21 Oct 2013 20:13:21 GMT",
                "location: https://www.example.com",
            ]
        );
        assert_eq!((decoder.size, decoder.dynamic.len()), (222, 4));
        let second = decoder.decode(&bytes("4883640effc1c0bf")).unwrap();
        assert_eq!(text(&second)[0], ":status: 307");
        assert_eq!(text(&second)[3], "location: https://www.example.com");
        assert_eq!((decoder.size, decoder.dynamic.len()), (222, 4));
        decoder.decode(&bytes("20")).unwrap();
        assert_eq!((decoder.size, decoder.dynamic.len()), (0, 0));
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for wrong in [
            "80",
            "be",
            "ff",
            "ffffffffff",
            "3fe21f",
            "40",
            "4001",
            "400161",
            "40016105",
            "0081ff00",
            "0084ffffffff00",
            "00017f8100",
        ] {
            let read = HeaderDecoder::default().decode(&bytes(wrong));
            assert!(read.is_err(), "{wrong}: {read:?}");
        }
    }

    #[test]
    fn a_small_block_does_not_become_a_large_list() {
        let mut block = bytes("400161");
        block.extend([0x7f, 0x81, 0x1e]);
        block.extend([b'x'; 4000]);
        block.extend([0xbe; 1000]);
        let read = HeaderDecoder::default().decode(&block);
        assert_eq!(read.unwrap_err().expected, "at most 64 KiB of headers");
    }

    proptest! {
        #[test]
        fn no_block_panics(blocks in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..300), 1..4)
        ) {
            let mut decoder = HeaderDecoder::default();
            for block in blocks {
                let _ = decoder.decode(&block);
                prop_assert!(decoder.size <= TABLE_BYTES);
            }
        }
    }
}
