//! Words that others chose, as values of labels.

use super::escape::escaped;

/// Characters of one value; further ones are cut.
pub const LABEL_CHARS: usize = 128;

/// A value for a label: control characters and bytes that are not UTF-8 written out, and
/// bounded in length.
#[must_use]
pub fn label(bytes: &[u8]) -> String {
    // What is cut anyway need not be written out.
    let bytes = bytes.get(..LABEL_CHARS * 4).unwrap_or(bytes);
    let text = escaped(bytes);
    if text.chars().count() <= LABEL_CHARS {
        return text.into_owned();
    }
    let mut short: String = text.chars().take(LABEL_CHARS - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_chose_is_written_out() {
        assert_eq!(label(b"nginx"), "nginx");
        assert_eq!(label(b"a\nb\"\xff"), "a\\nb\"\\xff");
        assert_eq!(label(b""), "");
    }

    proptest::proptest! {
        #[test]
        fn a_value_is_one_line_and_bounded(bytes: Vec<u8>, repeat in 1_usize..200) {
            let value = label(&bytes.repeat(repeat));
            proptest::prop_assert!(value.chars().count() <= LABEL_CHARS);
            proptest::prop_assert!(!value.chars().any(char::is_control));
        }
    }
}
