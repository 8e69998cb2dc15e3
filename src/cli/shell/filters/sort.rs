//! `sort`, by the whole line or by a key.

use super::{Done, Given, Input, KEPT_BYTES, Sink, all_lines};
use crate::model::escape::escaped;

pub(super) fn sort(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Result<Done, String> {
    let column = given.value('k').map(|value| {
        let number = value.split([',', '.']).next().unwrap_or_default();
        let digits = number.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let number = digits.parse::<usize>().ok().filter(|number| *number > 0);
        number.ok_or_else(|| format!("sort: -k {:?} is not a column", escaped(value.as_bytes())))
    });
    let column = column.transpose()?;
    let separator = given.value('t').and_then(|value| value.bytes().next());
    let letters = given.value('k').unwrap_or_default();
    let has = |flag| given.has(flag) || letters.contains(flag);
    let (mut lines, cut) = match all_lines(input) {
        Ok(lines) => lines,
        Err(error) => return Ok(Err(error)),
    };
    if cut {
        return Err(format!("sort: more than {} MiB of lines", KEPT_BYTES >> 20));
    }
    let is_number = has('n') || has('h');
    let (folds, scaled) = (has('f'), has('h'));
    lines.sort_by(|one, other| {
        let (key, other_key) = (
            key_of(one, column, separator),
            key_of(other, column, separator),
        );
        let order = if is_number {
            number_of(key, scaled).total_cmp(&number_of(other_key, scaled))
        } else if folds {
            folded(key).cmp(&folded(other_key))
        } else {
            key.cmp(other_key)
        };
        let order = if has('r') { order.reverse() } else { order };
        order.then_with(|| {
            if has('r') {
                other.cmp(one)
            } else {
                one.cmp(other)
            }
        })
    });
    if given.has('u') {
        lines.dedup_by(|one, other| {
            let (key, other) = (
                key_of(one, column, separator),
                key_of(other, column, separator),
            );
            if is_number {
                number_of(key, scaled)
                    .total_cmp(&number_of(other, scaled))
                    .is_eq()
            } else if folds {
                folded(key) == folded(other)
            } else {
                key == other
            }
        });
    }
    let written = lines.iter().try_for_each(|line| out.line(line));
    Ok(written.map(|()| 0))
}

/// The columns of a line from one on, without the spaces before it.
fn key_of(line: &[u8], column: Option<usize>, separator: Option<u8>) -> &[u8] {
    let Some(column) = column else { return line };
    let mut rest = line;
    for _ in 1..column {
        let end = if let Some(separator) = separator {
            rest.iter().position(|byte| *byte == separator)
        } else {
            rest = rest.trim_ascii_start();
            rest.iter().position(u8::is_ascii_whitespace)
        };
        let Some(end) = end else { return b"" };
        rest = rest
            .get(end + usize::from(separator.is_some())..)
            .unwrap_or_default();
    }
    if separator.is_none() {
        rest = rest.trim_ascii_start();
    }
    rest
}

/// The number that a text begins with; `scaled`: with K, M, G behind it.
fn number_of(text: &[u8], scaled: bool) -> f64 {
    let text = String::from_utf8_lossy(text.trim_ascii_start());
    let end = text
        .char_indices()
        .find(|(at, character)| {
            !(character.is_ascii_digit() || *character == '.' || *character == '-' && *at == 0)
        })
        .map_or(text.len(), |(at, _)| at);
    let (digits, rest) = text.split_at_checked(end).unwrap_or_default();
    let number: f64 = digits.parse().unwrap_or(0.0);
    let unit = rest.trim_start().chars().next().filter(|_| scaled);
    let power = unit.and_then(|unit| "KMGTP".find(unit.to_ascii_uppercase()));
    let factor = |power: usize| 1024_f64.powi(i32::try_from(power + 1).unwrap_or(0));
    number * power.map_or(1.0, factor)
}

fn folded(text: &[u8]) -> Vec<u8> {
    text.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_numbers_are_those_of_sort() {
        assert_eq!(key_of(b"  a  b c", Some(2), None), b"b c");
        assert_eq!(key_of(b"a:b:c", Some(3), Some(b':')), b"c");
        assert_eq!(key_of(b"a", Some(2), None), b"");
        assert!((number_of(b" 1.5K x", true) - 1536.0).abs() < 0.1);
        assert!((number_of(b"-3", false) + 3.0).abs() < 0.1);
        assert!(number_of(b"x", false).abs() < 0.1);
    }
}
