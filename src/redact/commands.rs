//! Passwords in the places where the programs of the table take them.
//!
//! A command is followed word by word, whether its words are arguments of a process or stand in
//! one text (`sh -c "…"`, a title). Each pattern of the program remembers how far it has come.

use super::lexicon::Lexicon;
use super::met_before::Quiet;
use super::names;
use super::names::Weight;
use super::pattern_walk::{PatternWalk, WordPlace, is_literal};
use super::patterns::{KnownProgram, PatternStep, Patterns, Programs};
use super::tables::words::{DIRECTIVES, Word};
use super::text::{Span, cut, is_name_byte};
use super::values::{is_reference, looks_like_password};
use super::word_set::WordSet;
use super::{Redactor, SecretKind};

static KNOWN_DIRECTIVES: WordSet = WordSet::of(DIRECTIVES);

/// More patterns than any program has.
pub(super) const MOST: usize = 48;
/// How far a command has come.
pub(super) struct CommandWords {
    rows: Vec<&'static Patterns>,
    progress: [u8; MOST],
    /// The next word that is no option is the program.
    pub(super) starts: bool,
    pub(super) shell: bool,
    before: Before,
    /// Words until `password` would stand, after `login` or `machine` and its value; what follows
    /// it then is one.
    netrc: u8,
}

/// What the word before announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// An option that is a password's in many programs.
    Option,
    /// `password` as a word of its own.
    Word,
    /// `requirepass` and other directives.
    Directive,
}

impl Default for CommandWords {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            progress: [0; MOST],
            starts: true,
            shell: false,
            before: Before::Nothing,
            netrc: 0,
        }
    }
}

impl CommandWords {
    /// Whether no word was met yet.
    pub(super) fn is_new(&self) -> bool {
        self.starts && self.rows.is_empty() && !self.shell
    }

    /// Whether a text is read here as it is anywhere: no program is known, no word announces one.
    pub(super) fn knows_nothing(&self) -> bool {
        self.rows.is_empty() && self.before == Before::Nothing && self.netrc == 0
    }

    /// The command that a text with words, one argument of this one, begins with.
    pub(super) fn inner(&self) -> Self {
        Self {
            rows: self.rows.clone(),
            ..Self::default()
        }
    }

    /// Forgets the program, not what was learnt of the text.
    pub(super) fn restart(&mut self) {
        self.rows.clear();
        self.starts = true;
        self.before = Before::Nothing;
    }

    /// The next word.
    pub(super) fn word(
        &mut self,
        redactor: &Redactor,
        text: &[u8],
        place: WordPlace,
        spans: &mut Vec<Span>,
    ) {
        let word = cut(text, place.start, place.end);
        if may_start(word) && self.enter(word) {
            self.before = Before::Nothing;
            return;
        }
        self.follow(redactor, text, place, spans);
    }

    /// The same for a word that alone holds nothing.
    pub(super) fn quiet_word(
        &mut self,
        redactor: &Redactor,
        text: &[u8],
        place: WordPlace,
        quiet: Quiet,
        spans: &mut Vec<Span>,
    ) {
        if !quiet.idle {
            self.word(redactor, text, place, spans);
            return;
        }
        self.starts &= !quiet.may_start;
        if self.before != Before::Nothing {
            self.follow(redactor, text, place, spans);
        } else if !self.follow_patterns(redactor, text, place, spans) {
            self.netrc = self.netrc.saturating_sub(1);
        }
    }

    /// What is known of a word that alone holds nothing.
    pub(super) fn quiet(word: &[u8], spaced: bool) -> Quiet {
        let may_start = may_start(word);
        let place = WordPlace {
            start: 0,
            end: word.len(),
            last: false,
        };
        let mut spans = Vec::new();
        let mut command = Self::default();
        let program = may_start && Programs::get().find(word).is_some();
        if !program {
            command.any_program(word, place, Before::Nothing, &mut spans);
        }
        let idle =
            !program && spans.is_empty() && command.before == Before::Nothing && command.netrc == 0;
        Quiet {
            idle,
            may_start,
            spaced,
        }
    }

    /// A word that is no program: what the patterns and the words before say of it.
    fn follow(
        &mut self,
        redactor: &Redactor,
        text: &[u8],
        place: WordPlace,
        spans: &mut Vec<Span>,
    ) {
        let before = std::mem::replace(&mut self.before, Before::Nothing);
        if !self.follow_patterns(redactor, text, place, spans) {
            self.any_program(text, place, before, spans);
        }
    }

    /// One step of each pattern. True: the word is a secret's.
    fn follow_patterns(
        &mut self,
        redactor: &Redactor,
        text: &[u8],
        place: WordPlace,
        spans: &mut Vec<Span>,
    ) -> bool {
        let mut index = 0;
        let mut found = false;
        for row in &self.rows {
            for pattern in &row.patterns {
                if let Some(progress) = self.progress.get_mut(index) {
                    let mut step = PatternWalk {
                        redactor,
                        row,
                        pattern,
                        text,
                        place,
                        spans,
                    };
                    found |= step.advance(progress);
                }
                index += 1;
            }
        }
        found
    }

    /// Takes `word` as a program, if it is one and may be one here: true.
    fn enter(&mut self, word: &[u8]) -> bool {
        let starts = std::mem::replace(&mut self.starts, false);
        if !starts && self.expects(word) {
            return false;
        }
        let Some(KnownProgram {
            rows,
            runner,
            shell,
            short,
        }) = Programs::get().find(word)
        else {
            return false;
        };
        if short && !starts && !shell {
            return false;
        }
        self.shell |= shell;
        self.starts = runner;
        // `elasticsearch-users passwd`: a word that is a program elsewhere; both may be meant.
        let patterns =
            |rows: &[&Patterns]| rows.iter().map(|row| row.patterns.len()).sum::<usize>();
        if !starts && patterns(&self.rows) + patterns(&rows) <= MOST {
            self.rows.extend(rows);
        } else if !rows.is_empty() {
            self.rows = rows;
            self.progress = [0; MOST];
        }
        true
    }

    /// Whether a pattern of the program at hand waits for this very word or for any.
    fn expects(&self, word: &[u8]) -> bool {
        let patterns = self.rows.iter().flat_map(|row| &row.patterns);
        patterns.zip(&self.progress).any(|(pattern, &progress)| {
            let at = usize::from(progress);
            match pattern.get(at) {
                Some(PatternStep::Literal(words)) => is_literal(words, word),
                Some(
                    PatternStep::Any
                    | PatternStep::Named
                    | PatternStep::Harmless
                    | PatternStep::Adjacent
                    | PatternStep::SecretPart(_),
                ) => at > 0,
                _ => false,
            }
        })
    }

    /// What holds for programs in general: only what looks like a password is hidden.
    fn any_program(
        &mut self,
        text: &[u8],
        place: WordPlace,
        before: Before,
        spans: &mut Vec<Span>,
    ) {
        let word = cut(text, place.start, place.end);
        // `login` 4, its value 3, `password` 2, the secret 1.
        self.netrc = self.netrc.saturating_sub(1);
        let mut hide = |from: usize| {
            spans.push(Span::new(
                place.start + from,
                place.end,
                SecretKind::PasswordOption,
            ));
        };
        match before {
            Before::Option if looks_like_password(word) && !is_setting(word) => hide(0),
            Before::Directive if !is_reference(word) => {
                hide(0);
                return;
            }
            Before::Word if looks_like_password(word) || self.netrc == 1 && !is_reference(word) => {
                hide(0);
                return;
            }
            _ => {}
        }
        match word {
            [
                b'-',
                b'p' | b'P' | b'w' | b'W' | b'k' | b'a' | b't' | b's' | b'x',
            ]
            | b"-pw"
            | b"-pass" => self.before = Before::Option,
            [b'-', b'p' | b'P' | b'a' | b'w', rest @ ..]
                if rest.len() >= 6 && !rest.contains(&b'=') && looks_like_password(rest) =>
            {
                hide(2);
            }
            [b'/', b'p' | b'P', b':', rest @ ..]
                if !rest.contains(&b'=') && looks_like_password(rest) =>
            {
                hide(3);
            }
            [first, ..] if first.is_ascii_alphabetic() && word.len() <= 24 => {
                if matches!(word, b"machine" | b"login" | b"account") {
                    self.netrc = 4;
                } else if KNOWN_DIRECTIVES.has(word) {
                    self.before = Before::Directive;
                } else if word
                    .iter()
                    .all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'))
                    && announces(word)
                {
                    self.before = Before::Word;
                }
            }
            _ => {}
        }
    }
}

/// Whether a program may have such a name.
fn may_start(word: &[u8]) -> bool {
    let has_scheme = |colon: usize| word.get(colon + 1..colon + 3) == Some(b"//");
    !(word.is_empty()
        || word.first() == Some(&b'-')
        || word
            .iter()
            .enumerate()
            .any(|(at, byte)| *byte == b'=' || *byte == b':' && has_scheme(at)))
}

/// `mem_buf_limit=5MB`: a name and its value.
fn is_setting(word: &[u8]) -> bool {
    let name = word.iter().take_while(|&&b| is_name_byte(b)).count();
    name > 0 && word.get(name) == Some(&b'=') && word.len() > name + 2
}

/// Whether the word names a password by itself: `password`, `auth-pass`.
fn announces(word: &[u8]) -> bool {
    let last = word.rsplit(|b| matches!(b, b'-' | b'_')).next();
    let telling = last.is_some_and(|last| {
        let lexicon = Lexicon::get();
        lexicon
            .of(last)
            .or(lexicon.split(last).map(|pair| pair.1))
            .is_some_and(Word::is_telling)
    });
    telling && names::judge(word).is_some_and(|name| name.weight == Weight::Strong && !name.switch)
}
