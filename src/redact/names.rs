//! Which names announce a secret: of environment variables, flags, headers, JSON members.
//!
//! A name is cut into words at `_`, `-`, `.` and where `camelCase` changes; words written
//! together (`BINDPW`) are taken apart. The words decide together: `API_KEY` is secret,
//! `PUBLIC_KEY` is not, `TOKEN_URL` only describes a token.

use super::lexicon::{LONGEST_WORD, Lexicon, lower};
use super::tables::words::Word;

/// Longer names are judged by their end, where the telling word stands.
const LOOKED_AT: usize = 256;

/// A name that announces a secret, and what would still make its value harmless.
// Each is a word that was met somewhere in the name.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SecretName {
    pub(super) weight: Weight,
    /// Ends in FILE, PATH or DIR: a path may be shown.
    pub(super) file: bool,
    /// Counts or times something (TTL, MAX…): a number may be shown.
    pub(super) quantity: bool,
    /// Turns something on or off (ENABLE…): takes no value of its own as a flag.
    pub(super) switch: bool,
    /// Credentials: often a path to them.
    pub(super) path: bool,
    /// Ends in HASH: an algorithm may be shown.
    pub(super) hash: bool,
}

impl SecretName {
    /// One that nothing speaks for.
    pub(super) const STRONG: Self = Self::of(Weight::Strong);

    const fn of(weight: Weight) -> Self {
        Self {
            weight,
            file: false,
            quantity: false,
            switch: false,
            path: false,
            hash: false,
        }
    }
}

/// How much a name says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Password, token, secret: anything but a switch is hidden.
    Strong,
    /// A key: often a path to one.
    Key,
    /// Session, auth, licence: a plain word may be shown.
    Weak,
    /// Login, serial number, reference to a secret: hidden where it looks like a password.
    Maybe,
    /// A connection string: shown without a password.
    Connection,
    /// A list of users: hidden with their passwords.
    Users,
    /// `PWD`: a directory, unless it stands in a connection string.
    Directory,
    /// A webhook: its URL is the credential.
    Webhook,
    /// `GPG_KEY` in official images: the fingerprint of a public key.
    Gpg,
}

/// None: the name does not announce a secret.
pub(super) fn judge(name: &[u8]) -> Option<SecretName> {
    // The working directory, which every shell exports; its value is a path.
    if matches!(name, b"PWD" | b"OLDPWD" | b"CWD") {
        return Some(SecretName::of(Weight::Directory));
    }
    let name = name
        .get(name.len().saturating_sub(LOOKED_AT)..)
        .unwrap_or(name);
    let mut judge = Judge::new();
    for run in name.split(|&b| !is_letter(b)) {
        judge.run(run);
    }
    judge.verdict()
}

/// Of a word: an ASCII letter or digit, or part of a letter beyond ASCII.
pub(super) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Query parameters that are secret in a URL only: elsewhere these words mean many things.
pub(super) fn is_query_secret(name: &[u8]) -> bool {
    [
        &b"sig"[..],
        b"signature",
        b"sas",
        b"auth",
        b"code",
        b"pw",
        b"pass",
        b"jsessionid",
        b"phpsessid",
        b"sid",
        b"sessionid",
        b"ticket",
        b"hmac",
        b"x-amz-signature",
        b"x-amz-security-token",
        b"x-goog-signature",
    ]
    .iter()
    .any(|word| name.eq_ignore_ascii_case(word))
}

// Each is a word that was met somewhere in the name.
#[allow(clippy::struct_excessive_bools)]
struct Judge {
    lexicon: &'static Lexicon,
    /// The words of the segment before, joined to this one: `PASS_WORD` is `password`.
    joined: [u8; LONGEST_WORD],
    joined_length: usize,
    last_length: usize,
    words: usize,
    last: Word,
    before_last: Word,
    strongest: Option<Weight>,
    secret: bool,
    webhook: bool,
    session: bool,
    quantity: bool,
    switch: bool,
    service: bool,
    path: bool,
    hash: bool,
}

impl Judge {
    fn new() -> Self {
        Self {
            lexicon: Lexicon::get(),
            joined: [0; LONGEST_WORD],
            joined_length: 0,
            last_length: 0,
            words: 0,
            last: Word::Plain,
            before_last: Word::Plain,
            strongest: None,
            secret: false,
            webhook: false,
            session: false,
            quantity: false,
            switch: false,
            service: false,
            path: false,
            hash: false,
        }
    }

    /// What stands between two separators.
    fn run(&mut self, run: &[u8]) {
        if run.is_empty() {
            return;
        }
        let humps = has_humps(run);
        if !humps || self.lexicon.of(&lower(without_digits(run))).is_some() {
            self.segment(run);
            return;
        }
        let mut start = 0;
        let mut previous = b'_';
        for (at, &byte) in run.iter().enumerate() {
            if byte.is_ascii_uppercase() && at > start {
                let next_is_lower = run.get(at + 1).is_some_and(u8::is_ascii_lowercase);
                let after_acronym = previous.is_ascii_uppercase() && next_is_lower;
                if previous.is_ascii_lowercase()
                    || previous.is_ascii_digit() && next_is_lower
                    || after_acronym
                {
                    self.segment(run.get(start..at).unwrap_or_default());
                    start = at;
                }
            }
            previous = byte;
        }
        self.segment(run.get(start..).unwrap_or_default());
    }

    fn segment(&mut self, segment: &[u8]) {
        let mut segment = lower(segment);
        if segment.last().is_some_and(u8::is_ascii_digit) && self.lexicon.of(&segment).is_none() {
            // `p12` is a word, of `TOKEN2` only `TOKEN`.
            segment.cut_digits();
        }
        if segment.is_empty() {
            return;
        }
        if let Some(word) = self.join(&segment) {
            self.replace(word);
            return;
        }
        if let Some(word) = self.lexicon.of(&segment) {
            self.word(word);
            return;
        }
        let cut = self.lexicon.split(&segment);
        if let Some((front, back)) = cut {
            self.word(front);
            self.word(back);
        } else {
            self.word(Word::Plain);
        }
    }

    /// The word that this segment makes with the one or two before it.
    fn join(&mut self, segment: &[u8]) -> Option<Word> {
        let kept = self.joined_length;
        let fits = kept + segment.len() <= LONGEST_WORD;
        if !fits {
            self.joined_length = 0;
            self.last_length = 0;
            self.append(segment);
            return None;
        }
        let last = self.last_length;
        self.append(segment);
        if kept == 0 {
            return None;
        }
        let whole = self.joined.get(..self.joined_length).unwrap_or_default();
        let pair = whole.get(kept - last..).unwrap_or_default();
        let found = self
            .lexicon
            .of(pair)
            .or_else(|| (kept > last).then(|| self.lexicon.of(whole)).flatten());
        // Keep two segments at most.
        if kept > last {
            let from = kept - last;
            self.joined.copy_within(from..self.joined_length, 0);
            self.joined_length -= from;
        }
        found
    }

    fn append(&mut self, segment: &[u8]) {
        let end = self.joined_length + segment.len();
        if let Some(place) = self.joined.get_mut(self.joined_length..end) {
            place.copy_from_slice(segment);
            self.joined_length = end;
            self.last_length = segment.len();
        }
    }

    /// The word stands for the last one too.
    fn replace(&mut self, word: Word) {
        self.last = self.before_last;
        self.word(word);
    }

    fn word(&mut self, word: Word) {
        self.words += 1;
        let word = match word {
            // Vault's dev server: `-dev-root-token-id` is the token, not its name.
            Word::Strong if self.last == Word::Root => Word::Secret,
            Word::Text if self.last == Word::Connection => Word::Dsn,
            // `JWT_PUBLIC_KEY`
            Word::Key if self.last == Word::Public => Word::Descriptor,
            word => word,
        };
        match word {
            Word::Transparent => return,
            Word::Hash => {
                self.hash = true;
                return;
            }
            Word::Strong => self.strongest = Some(Weight::Strong),
            Word::Tokens => {
                self.strongest = Some(Weight::Strong);
                self.quantity = true;
            }
            Word::Credentials => {
                self.strongest = Some(Weight::Strong);
                self.path = true;
            }
            Word::Secret => {
                self.strongest = Some(Weight::Strong);
                self.secret = true;
            }
            Word::Key if self.last == Word::Gpg => {
                self.strongest = self.strongest.or(Some(Weight::Gpg));
            }
            Word::Key if self.strongest.is_none() => {
                self.strongest = Some(Weight::Key);
            }
            Word::Dsn => self.strongest = self.strongest.or(Some(Weight::Connection)),
            Word::Webhook => self.webhook = true,
            Word::Session => self.session = true,
            Word::Quantity => self.quantity = true,
            Word::Switch => self.switch = true,
            Word::Service => self.service = true,
            _ => {}
        }
        self.hash = false;
        self.before_last = self.last;
        self.last = word;
    }

    fn verdict(&self) -> Option<SecretName> {
        let weight = match self.last {
            Word::Webhook => Some(Weight::Webhook),
            Word::Url if self.webhook => Some(Weight::Webhook),
            // Vault's SECRET_ID is a password; a session's id is its cookie.
            Word::Id if self.before_last == Word::Secret => Some(Weight::Strong),
            Word::Id if self.before_last == Word::Session => Some(Weight::Weak),
            Word::Descriptor | Word::Stand if self.strongest == Some(Weight::Strong) => {
                Some(Weight::Maybe)
            }
            Word::Id | Word::Url | Word::Descriptor | Word::Stand => None,
            // Links to a Service that happens to be called "token".
            Word::Quantity if self.service => None,
            Word::StrongLast => Some(Weight::Strong),
            Word::Seed => Some(Weight::Weak),
            Word::Users if self.strongest.is_none() => Some(Weight::Users),
            Word::Connection if self.words > 1 => self.strongest.or(Some(Weight::Connection)),
            Word::WeakLast | Word::Session => self.strongest.or(Some(Weight::Weak)),
            Word::MaybeLast => self.strongest.or(Some(Weight::Maybe)),
            _ => self.strongest,
        }?;
        Some(SecretName {
            weight,
            file: self.last == Word::File,
            // A session's id may be a mere number, as logind counts them.
            quantity: self.quantity
                || self.last == Word::Seed
                || self.last == Word::Id && weight == Weight::Weak,
            switch: self.switch,
            path: self.path,
            hash: self.hash,
        })
    }
}

/// Whether capitals stand inside: `camelCase`, `HTTPProxy`.
fn has_humps(run: &[u8]) -> bool {
    let mut capitals = 0;
    let mut small = false;
    let mut previous_is_capital = true;
    for byte in run {
        let capital = byte.is_ascii_uppercase();
        if capital && !previous_is_capital {
            return true;
        }
        capitals += usize::from(capital);
        small |= byte.is_ascii_lowercase();
        previous_is_capital = capital;
    }
    small && capitals > 1
}

fn without_digits(segment: &[u8]) -> &[u8] {
    let digits = segment
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_digit())
        .count();
    segment.get(..segment.len() - digits).unwrap_or_default()
}
