//! A text with the words of commands: a script, a title, an argument with spaces.

use super::Redactor;
use super::SecretKind;
use super::commands::{CommandWords, MOST};
use super::pattern_walk::WordPlace;
use super::tables::programs::READERS;
use super::text::{Span, cut, until_in};
use super::values::{is_reference, looks_like_password};

/// Follows the commands of a text with words between spaces. `command` is the one that the
/// text is an argument of.
pub(super) fn scan(
    redactor: &Redactor,
    text: &[u8],
    command: &mut CommandWords,
    spans: &mut Vec<Span>,
) {
    let mut echoed: Vec<WordPlace> = Vec::new();
    let mut echo = false;
    let mut piped = false;
    let mut upcoming = next_token(text, 0);
    while let Some(token) = upcoming {
        if token.operator == b'>' {
            // A redirection ends no command; in a title `>X` is a word of it.
            let end = until_in(text, token.next, text.len(), |b| {
                b.is_ascii_whitespace() || matches!(b, b';' | b'|' | b'&' | b')' | b'>')
            });
            if end > token.next {
                let place = WordPlace {
                    start: token.start,
                    end,
                    last: false,
                };
                command.word(redactor, text, place, spans);
                upcoming = next_token(text, end);
                continue;
            }
        }
        upcoming = next_token(text, token.next);
        if token.operator != 0 {
            if token.operator == b'|' && echo {
                piped = true;
            } else {
                echoed.clear();
                piped = false;
            }
            echo = false;
            command.restart();
            continue;
        }
        let word = cut(text, token.start, token.end);
        if command.starts && matches!(word, b"echo" | b"printf" | b"print" | b"Write-Output") {
            echo = true;
        } else if echo
            && word.first() != Some(&b'-')
            && word.first() != Some(&b'%')
            && echoed.len() < MOST
        {
            echoed.push(WordPlace {
                start: token.start,
                end: token.end,
                last: false,
            });
        } else if piped {
            let name = word.rsplit(|&b| b == b'/').next().unwrap_or_default();
            let reads = std::str::from_utf8(name).is_ok_and(|name| {
                READERS
                    .split_ascii_whitespace()
                    .any(|reader| reader == name)
            });
            for place in std::mem::take(&mut echoed) {
                let value = cut(text, place.start, place.end);
                if (reads || looks_like_password(value)) && !is_reference(value) {
                    spans.push(Span::new(
                        place.start,
                        place.end,
                        SecretKind::PasswordOption,
                    ));
                } else {
                    echoed.push(place);
                }
            }
        }
        let place = WordPlace {
            start: token.start,
            end: token.end,
            last: upcoming.as_ref().is_none_or(|next| next.operator != 0),
        };
        command.word(redactor, text, place, spans);
    }
}

/// A word or an operator of a shell.
struct Token {
    start: usize,
    end: usize,
    next: usize,
    /// 0: a word.
    operator: u8,
}

/// The token at or after `from`. A word with quotes around it is what they hold.
fn next_token(text: &[u8], from: usize) -> Option<Token> {
    let start = until_in(text, from, text.len(), |b| {
        !matches!(b, b' ' | b'\t' | b'\r')
    });
    let first = *text.get(start)?;
    if matches!(
        first,
        b';' | b'|' | b'&' | b'\n' | b'(' | b')' | b'{' | b'}' | b'`' | b'<' | b'>'
    ) {
        return Some(Token {
            start,
            end: start + 1,
            next: start + 1,
            operator: first,
        });
    }
    if matches!(first, b'"' | b'\'') {
        let close = until_in(text, start + 1, text.len(), |b| b == first);
        let next = (close + 1).min(text.len());
        let ends = text.get(next).is_none_or(|b| {
            b.is_ascii_whitespace() || matches!(b, b';' | b'|' | b'&' | b')' | b'`' | b'>')
        });
        if ends && close > start {
            return Some(Token {
                start: start + 1,
                end: close,
                next,
                operator: 0,
            });
        }
    }
    // Quotes inside a word: `-p'a b'` is the option and what they hold.
    let mut end = start;
    while let Some(&byte) = text.get(end) {
        match byte {
            b'"' | b'\'' => {
                let close = until_in(text, end + 1, text.len(), |b| b == byte);
                end = (close + 1).min(text.len());
            }
            b'\\' => end = (end + 2).min(text.len()),
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b'`' | b')' => break,
            b'$' if text.get(end + 1) == Some(&b'(') => {
                end = until_in(text, end, text.len(), |b| b == b')')
                    .saturating_add(1)
                    .min(text.len());
            }
            _ => end += 1,
        }
    }
    let end = end.max(start + 1);
    Some(Token {
        start,
        end,
        next: end,
        operator: 0,
    })
}
