//! Distinguished names as they are compared with each other.

use crate::parse::x509::raw;

/// The attributes of a name: the object identifier of each, and its text.
pub(super) type CanonicalName = Vec<(Vec<u8>, String)>;

/// A name without case and doubled spaces, whichever its kinds of strings (`X509_NAME_cmp`).
pub(super) fn canonical(name: &[u8]) -> CanonicalName {
    let attributes = raw::attributes(name).unwrap_or_default();
    let plain = |tag: u8, value: &[u8]| {
        let text = text(tag, value);
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        words.join(" ").to_ascii_lowercase()
    };
    attributes
        .into_iter()
        .map(|(id, tag, value)| (id.to_vec(), plain(tag, value)))
        .collect()
}

/// A name as it is written, whichever its kinds of strings.
pub(super) fn written(name: &[u8]) -> CanonicalName {
    let attributes = raw::attributes(name).unwrap_or_default();
    attributes
        .into_iter()
        .map(|(id, tag, value)| (id.to_vec(), text(tag, value)))
        .collect()
}

/// The common names of a name, in its order.
pub(super) fn common_names(name: &[u8]) -> Vec<String> {
    let attributes = raw::attributes(name).unwrap_or_default();
    let common = attributes
        .into_iter()
        .filter(|(id, _, _)| *id == [0x55, 4, 3]);
    common.map(|(_, tag, value)| text(tag, value)).collect()
}

fn text(tag: u8, value: &[u8]) -> String {
    match tag {
        0x0c | 0x12 | 0x13 | 0x16 => String::from_utf8_lossy(value).into_owned(),
        0x14 => value.iter().map(|byte| char::from(*byte)).collect(),
        0x1e => {
            let units = value.chunks_exact(2).filter_map(|two| {
                let two = <[u8; 2]>::try_from(two).ok()?;
                Some(u16::from_be_bytes(two))
            });
            char::decode_utf16(units)
                .map(|one| one.unwrap_or('\u{fffd}'))
                .collect()
        }
        _ => data_encoding::HEXLOWER.encode(value),
    }
}

/// Whether a name begins with the attributes of another one.
pub(super) fn name_within(name: &[u8], base: &[u8]) -> bool {
    canonical(name).starts_with(&canonical(base))
}
