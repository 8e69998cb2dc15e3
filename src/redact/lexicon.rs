//! The words of the tables, looked up by their hash.

use std::sync::LazyLock;

use super::tables::words::{FILLERS, WORDS, Word};

/// No word of the tables is longer.
pub(super) const LONGEST_WORD: usize = 48;
/// A power of two, four times as many as there are words.
const SLOTS: usize = 8192;
/// The shortest part that a joined word is taken apart into.
const SHORTEST_PART: usize = 2;

/// Every word, and where joined ones may be cut. A command makes it at its start, so it takes few
/// pages.
pub(super) struct Lexicon {
    words: Vec<(&'static [u8], Word)>,
    fillers: Vec<&'static [u8]>,
    /// Of each word or filler its number, counted from 1; 0 is an empty slot.
    word_slots: Vec<u16>,
    filler_slots: Vec<u16>,
    /// First and last two letters of telling words, a bit each: most words have neither.
    begins: Pairs,
    ends: Pairs,
}

/// A word in lower case, in place.
pub(super) struct Lowered {
    bytes: [u8; LONGEST_WORD],
    length: usize,
}

impl std::ops::Deref for Lowered {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Lowered {
    /// Leaves out the digits at the end.
    pub(super) fn cut_digits(&mut self) {
        let digits = self.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        self.length -= digits;
    }
}

/// Of a long word only the end can be one of ours ("…password").
pub(super) fn lower(word: &[u8]) -> Lowered {
    let tail = word
        .get(word.len().saturating_sub(LONGEST_WORD)..)
        .unwrap_or(word);
    let mut lowered = Lowered {
        bytes: [0; LONGEST_WORD],
        length: tail.len(),
    };
    let mut beyond_ascii = false;
    for (to, &from) in lowered.bytes.iter_mut().zip(tail) {
        *to = from.to_ascii_lowercase();
        beyond_ascii |= !from.is_ascii();
    }
    if beyond_ascii {
        lower_letters(lowered.bytes.get_mut(..lowered.length).unwrap_or_default());
    }
    lowered
}

/// Letters of Latin, Greek and Cyrillic, whose small forms are as long in UTF-8.
fn lower_letters(word: &mut [u8]) {
    let Ok(text) = std::str::from_utf8(word) else {
        return;
    };
    let small: String = text
        .chars()
        .map(|letter| {
            let mut small = letter.to_lowercase();
            match (small.next(), small.next()) {
                (Some(small), None) if small.len_utf8() == letter.len_utf8() => small,
                // Turkish: its small form has two letters elsewhere.
                _ if letter == '\u{130}' => '\u{131}',
                _ => letter,
            }
        })
        .collect();
    if small.len() == word.len() {
        word.copy_from_slice(small.as_bytes());
    }
}

impl Lexicon {
    pub(super) fn get() -> &'static Self {
        static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::build);
        &LEXICON
    }

    fn build() -> Self {
        let mut lexicon = Self {
            words: Vec::with_capacity(SLOTS / 4),
            fillers: Vec::new(),
            word_slots: vec![0; SLOTS],
            filler_slots: vec![0; SLOTS],
            begins: Pairs::default(),
            ends: Pairs::default(),
        };
        let Self {
            words: list,
            word_slots: slots,
            begins,
            ends,
            ..
        } = &mut lexicon;
        for &(class, words) in WORDS {
            for word in words.split_ascii_whitespace() {
                insert(list, slots, (word.as_bytes(), class), |entry| entry.0);
                if is_joinable(word.as_bytes(), class) {
                    begins.mark(word.as_bytes().get(..2));
                    ends.mark(word.as_bytes().get(word.len() - 2..));
                }
            }
        }
        let Self {
            fillers: list,
            filler_slots: slots,
            ..
        } = &mut lexicon;
        for word in FILLERS.split_ascii_whitespace() {
            insert(list, slots, word.as_bytes(), |entry| entry);
        }
        lexicon
    }

    /// What `word`, in lower case, says.
    pub(super) fn of(&self, word: &[u8]) -> Option<Word> {
        let found = seek(&self.words, &self.word_slots, word, |entry| entry.0);
        found.map(|entry| entry.1)
    }

    /// Two words written as one, of which one is telling: `bindpw`, `secretkeybase`.
    pub(super) fn split(&self, word: &[u8]) -> Option<(Word, Word)> {
        let begin = self.begins.has(word.get(..2));
        let end = self.ends.has(word.get(word.len().saturating_sub(2)..));
        if word.len() <= SHORTEST_PART || !begin && !end {
            return None;
        }
        // The longest back part first: `dbpassword` is `password`, not `word`.
        for at in 1..=word.len() - SHORTEST_PART {
            let (front, back) = word.split_at_checked(at)?;
            let back_word = self.of(back);
            if let Some(back_word) = back_word
                && is_joinable(back, back_word)
                && (stands_behind_anything(back, back_word) || self.is_known(front))
            {
                return Some((self.of(front).unwrap_or_default(), back_word));
            }
            let front_word = self.of(front);
            if let Some(front_word) = front_word
                && is_joinable(front, front_word)
                && self.is_known(back)
            {
                return Some((front_word, back_word.unwrap_or_default()));
            }
        }
        None
    }

    fn is_known(&self, part: &[u8]) -> bool {
        let is_filler =
            |part: &[u8]| seek(&self.fillers, &self.filler_slots, part, |entry| entry).is_some();
        let known = |part: &[u8]| self.of(part).is_some() || is_filler(part);
        known(part)
            || part.len() <= 16
                && (SHORTEST_PART..part.len().saturating_sub(1)).any(|at| {
                    part.split_at_checked(at)
                        .is_some_and(|(front, back)| known(front) && known(back))
                })
    }
}

/// A set of pairs of letters.
struct Pairs(Vec<u64>);

impl Default for Pairs {
    fn default() -> Self {
        Self(vec![0; (1 << 16) / 64])
    }
}

impl Pairs {
    fn mark(&mut self, pair: Option<&[u8]>) {
        if let Some(index) = pair_index(pair)
            && let Some(bits) = self.0.get_mut(index / 64)
        {
            *bits |= 1 << (index % 64);
        }
    }

    fn has(&self, pair: Option<&[u8]>) -> bool {
        let bit = |index: usize| Some(self.0.get(index / 64)? >> (index % 64) & 1);
        pair_index(pair).and_then(bit) == Some(1)
    }
}

/// Words that no other word ends in.
fn stands_behind_anything(back: &[u8], class: Word) -> bool {
    matches!(class, Word::Strong | Word::Tokens | Word::Secret)
        && (back.len() >= 6 || back == b"token")
}

/// Short words would be found inside others: `pat` in `compat`.
fn is_joinable(word: &[u8], class: Word) -> bool {
    class.is_telling()
        && (word.len() >= 4 || matches!(word, b"pw" | b"pwd" | b"psk" | b"key" | b"mdp" | b"jwt"))
}

fn pair_index(pair: Option<&[u8]>) -> Option<usize> {
    match pair {
        Some(&[first, second]) => Some(usize::from(first) << 8 | usize::from(second)),
        _ => None,
    }
}

/// FNV-1a.
fn hash(word: &[u8]) -> usize {
    let mixed = word.iter().fold(0x811c_9dc5_u32, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    usize::try_from(mixed ^ (mixed >> 15)).unwrap_or(0)
}

fn insert<T: Copy>(
    list: &mut Vec<T>,
    slots: &mut [u16],
    entry: T,
    word: impl Fn(T) -> &'static [u8],
) {
    let start = hash(word(entry));
    for step in 0..SLOTS {
        let Some(slot) = slots.get_mut((start + step) % SLOTS) else {
            return;
        };
        match numbered(list, *slot) {
            Some(taken) if word(taken) == word(entry) => return,
            Some(_) => {}
            None => {
                list.push(entry);
                *slot = u16::try_from(list.len()).unwrap_or(0);
                return;
            }
        }
    }
}

fn numbered<T: Copy>(list: &[T], number: u16) -> Option<T> {
    list.get(usize::from(number).checked_sub(1)?).copied()
}

fn seek<T: Copy>(
    list: &[T],
    slots: &[u16],
    wanted: &[u8],
    word: impl Fn(T) -> &'static [u8],
) -> Option<T> {
    if wanted.is_empty() || wanted.len() > LONGEST_WORD {
        return None;
    }
    let start = hash(wanted);
    for step in 0..SLOTS {
        let entry = numbered(list, *slots.get((start + step) % SLOTS)?)?;
        if word(entry) == wanted {
            return Some(entry);
        }
    }
    None
}
