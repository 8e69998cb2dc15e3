//! For tests: the ways in which a valid file arrives damaged.

/// Calls `parse` with `sample` cut at each offset, with each byte flipped and replaced, and with
/// each line doubled, gone or emptied. The parser passes if it returns.
pub(crate) fn survives(sample: &[u8], mut parse: impl FnMut(&[u8])) {
    for end in 0..=sample.len() {
        parse(&sample[..end]);
        parse(&sample[end..]);
    }
    let mut bytes = sample.to_vec();
    for at in 0..bytes.len() {
        let was = bytes[at];
        for now in [was ^ 0xff, was ^ 1, 0, b' ', b'\n', b':', b'-', b'9', b'\\'] {
            bytes[at] = now;
            parse(&bytes);
        }
        bytes[at] = was;
    }
    let lines: Vec<&[u8]> = sample.split_inclusive(|b| *b == b'\n').collect();
    for at in 0..lines.len() {
        let (before, after) = (lines[..at].concat(), lines[at + 1..].concat());
        parse(&[&before, &after[..]].concat());
        parse(&[&before, &b"\n"[..], &after].concat());
        parse(&[&before, lines[at], lines[at], &after].concat());
    }
}

/// Numbers that do not fit, have a sign that they should not have, or are none.
pub(super) const BAD_NUMBERS: [&str; 7] = [
    "-1",
    "+1",
    "",
    "0x10",
    "1e3",
    "99999999999999999999999999",
    "18446744073709551616",
];
