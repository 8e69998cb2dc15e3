//! A list of words, most others turned away by their first letter and their length.

/// Words of ASCII between spaces, each of at least one letter.
pub(super) struct WordSet {
    words: &'static str,
    /// By the first byte, in small letters: the lengths that there are, a bit each.
    lengths: [u64; 128],
}

impl WordSet {
    pub(super) const fn of(words: &'static str) -> Self {
        let bytes = words.as_bytes();
        let mut lengths = [0_u64; 128];
        let mut start = 0;
        let mut at = 0;
        while at <= bytes.len() {
            // In range by construction; `get` is not const.
            #[allow(clippy::indexing_slicing)]
            if at == bytes.len() || bytes[at].is_ascii_whitespace() {
                if at > start {
                    let first = bytes[start].to_ascii_lowercase() as usize;
                    lengths[first] |= bit(at - start);
                }
                start = at + 1;
            }
            at += 1;
        }
        Self { words, lengths }
    }

    fn may_have(&self, word: &[u8]) -> bool {
        let first = word.first().map(u8::to_ascii_lowercase);
        let lengths = first.and_then(|first| self.lengths.get(usize::from(first)));
        lengths.is_some_and(|lengths| lengths & bit(word.len()) != 0)
    }

    /// Whether this very word is one of them.
    pub(super) fn has(&self, word: &[u8]) -> bool {
        self.may_have(word) && self.each().any(|known| known == word)
    }

    /// The same whatever its letters are, large or small.
    pub(super) fn has_in_any_case(&self, word: &[u8]) -> bool {
        self.may_have(word) && self.each().any(|known| word.eq_ignore_ascii_case(known))
    }

    fn each(&self) -> impl Iterator<Item = &'static [u8]> {
        self.words.split_ascii_whitespace().map(str::as_bytes)
    }
}

/// All long words share the last one.
const fn bit(length: usize) -> u64 {
    1 << if length < 63 { length } else { 63 }
}

#[cfg(test)]
mod tests {
    use super::WordSet;

    #[test]
    fn its_words_and_no_others() {
        static SET: WordSet = WordSet::of("gcm cbc poly1305 2  x");
        for word in ["gcm", "cbc", "poly1305", "2", "x"] {
            assert!(SET.has(word.as_bytes()), "{word}");
            let large = word.to_ascii_uppercase();
            assert!(SET.has_in_any_case(large.as_bytes()), "{large}");
        }
        for word in ["", "g", "gc", "gcmx", "gbc", "3", " ", "\u{e9}", "poly1306"] {
            assert!(!SET.has_in_any_case(word.as_bytes()), "{word}");
        }
        assert!(!SET.has(b"GCM"));
    }
}
