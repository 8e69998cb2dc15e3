//! Lines of a bounded width, of parts that are not broken.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Between two parts of a line.
const GAP: &str = "  ";
/// Before the lines that continue one.
const INDENT: &str = "  ";

/// The parts in as many lines as they need, at most `lines`; how many are left out is said in the last.
pub(super) fn wrapped(parts: &[String], width: usize, lines: usize) -> Vec<String> {
    let mut done: Vec<String> = Vec::new();
    let mut line = String::new();
    for (index, part) in parts.iter().enumerate() {
        let left_out = parts.len() - index;
        let more = format!("{GAP}and {left_out} more");
        let is_last = done.len() + 1 >= lines;
        // In the last line there must be room to say that more follow.
        let reserve = if is_last && left_out > 1 {
            more.width()
        } else {
            0
        };
        let fits = line.width() + GAP.len() + part.width() + reserve <= width;
        if line.is_empty() {
            line.clone_from(part);
        } else if fits {
            line.push_str(GAP);
            line.push_str(part);
        } else if is_last {
            line = cut(&line, width.saturating_sub(more.width()));
            line.push_str(&more);
            break;
        } else {
            done.push(std::mem::replace(&mut line, format!("{INDENT}{part}")));
        }
    }
    if !line.is_empty() {
        done.push(line);
    }
    done.iter().map(|line| cut(line, width)).collect()
}

/// The text, or its beginning and a mark where it is wider than that.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 0;
    let fits = |character: &char| {
        used += character.width().unwrap_or(1);
        used < width
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}

/// How long something has lasted, in its two greatest units: `3d 4h`, `12m 5s`.
pub(super) fn duration(seconds: u64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
    let first = units.iter().position(|(length, _)| seconds >= *length);
    let parts = units.iter().skip(first.unwrap_or(3)).take(2);
    let mut left = seconds;
    let words: Vec<String> = parts
        .map(|(length, unit)| {
            let count = left / length;
            left %= length;
            format!("{count}{unit}")
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn parts_are_not_broken_and_what_is_left_out_is_counted() {
        let all = parts(&["one", "two", "three", "four"]);
        assert_eq!(wrapped(&all, 80, 1), ["one  two  three  four"]);
        assert_eq!(wrapped(&all, 10, 9), ["one  two", "  three", "  four"]);
        let short = wrapped(&all, 20, 1);
        assert_eq!(short, ["one  two  and 2 more"]);
        assert!(wrapped(&[], 10, 3).is_empty());
        assert_eq!(wrapped(&parts(&["漢字漢字"]), 5, 1), ["漢字…"]);
    }

    #[test]
    fn durations_have_two_units() {
        let cases = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m 0s"),
            (3_725, "1h 2m"),
            (273_600, "3d 4h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_wider_than_asked(words in proptest::collection::vec("[a-z漢 ]{0,40}", 0..20), width in 20_usize..120, lines in 1_usize..6) {
            let all = wrapped(&words, width, lines);
            proptest::prop_assert!(all.len() <= lines);
            proptest::prop_assert!(all.iter().all(|line| line.width() <= width));
        }
    }
}
