//! Names with letters beyond ASCII, as certificates hold them: `bücher` is `xn--bcher-kva`.
//!
//! Only names that every version of IDNA writes alike are turned: lower-case letters and digits
//! that have no other form. The tables for the rest would weigh more than all of this judge.

/// The name with each label in ASCII; `None` for what these few rules do not cover.
pub(super) fn to_ascii(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    let labels: Option<Vec<String>> = lower
        .split(['.', '\u{3002}'])
        .map(|label| {
            if label.is_ascii() {
                return Some(label.to_owned());
            }
            let plain = label.chars().all(has_one_form);
            plain.then(|| punycode(label)).flatten()
        })
        .collect();
    Some(labels?.join("."))
}

/// Letters that no normalisation changes: of ASCII, Latin, Greek, Cyrillic, Armenian, Hebrew,
/// Thai, Georgian, kana and Han, without combining marks and compatibility forms.
fn has_one_form(letter: char) -> bool {
    match letter {
        '\u{df}'..='\u{17e}' => !matches!(
            letter,
            '\u{f7}' | '\u{132}'..='\u{133}' | '\u{13f}'..='\u{140}' | '\u{149}'
        ),
        'a'..='z'
        | '0'..='9'
        | '-'
        | '\u{3ac}'..='\u{3ce}'
        | '\u{430}'..='\u{45f}'
        | '\u{561}'..='\u{586}'
        | '\u{5d0}'..='\u{5ea}'
        | '\u{e01}'..='\u{e30}'
        | '\u{e40}'..='\u{e45}'
        | '\u{10d0}'..='\u{10fa}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' => true,
        _ => false,
    }
}

/// The parameters of RFC 3492 for IDNA.
const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;

/// RFC 3492 6.3, with the prefix of RFC 5890.
fn punycode(label: &str) -> Option<String> {
    let letters: Vec<u32> = label.chars().map(u32::from).collect();
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut code, mut delta, mut bias, mut handled) = (128_u32, 0_u32, 72_u32, basic);
    while usize::try_from(handled).ok()? < letters.len() {
        let next = letters.iter().copied().filter(|c| *c >= code).min()?;
        let step = next.checked_sub(code)?.checked_mul(handled + 1)?;
        delta = delta.checked_add(step)?;
        code = next;
        for letter in &letters {
            if *letter < code {
                delta = delta.checked_add(1)?;
            }
            if *letter != code {
                continue;
            }
            let mut rest = delta;
            let mut k = BASE;
            loop {
                let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
                if rest < threshold {
                    break;
                }
                let over = rest - threshold;
                out.push(digit(threshold + over % (BASE - threshold))?);
                rest = over / (BASE - threshold);
                k += BASE;
            }
            out.push(digit(rest)?);
            bias = adapt(delta, handled + 1, handled == basic);
            delta = 0;
            handled += 1;
        }
        delta = delta.checked_add(1)?;
        code += 1;
    }
    Some(format!("xn--{out}"))
}

/// The name with the labels of punycode that are written as [`to_ascii`] writes them in letters,
/// and the others as they are. Symbols that no normalisation changes count as letters here.
pub(super) fn to_unicode(name: &str) -> String {
    let labels = name.split('.').map(|label| {
        let lower = label.to_ascii_lowercase();
        let decoded = lower.strip_prefix("xn--").and_then(from_punycode);
        decoded.unwrap_or_else(|| label.to_owned())
    });
    labels.collect::<Vec<_>>().join(".")
}

/// RFC 3492 6.2; `None` where the letters are none, or are not written so.
fn from_punycode(text: &str) -> Option<String> {
    let (basic, coded) = text.rsplit_once('-').unwrap_or(("", text));
    let mut letters: Vec<char> = basic.chars().collect();
    let (mut code, mut at, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = coded.chars();
    while let Some(first) = digits.next() {
        let before = at;
        let (mut weight, mut k, mut digit) = (1_u32, BASE, first);
        loop {
            let value = match digit {
                'a'..='z' => u32::from(digit) - u32::from('a'),
                '0'..='9' => u32::from(digit) - u32::from('0') + 26,
                _ => return None,
            };
            at = at.checked_add(value.checked_mul(weight)?)?;
            let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
            if value < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            k += BASE;
            digit = digits.next()?;
        }
        let count = u32::try_from(letters.len()).ok()?.checked_add(1)?;
        bias = adapt(at.checked_sub(before)?, count, before == 0);
        code = code.checked_add(at / count)?;
        at %= count;
        let letter = char::from_u32(code)?;
        // Letters and symbols that Unicode 3.2 had.
        let is_stable = has_one_form(letter) || matches!(letter, '\u{2190}'..='\u{2bff}');
        if !is_stable || letters.len() > 63 {
            return None;
        }
        letters.insert(usize::try_from(at).ok()?, letter);
        at += 1;
    }
    let decoded: String = letters.into_iter().collect();
    (!decoded.is_ascii() && punycode(&decoded)?.get(4..) == Some(text)).then_some(decoded)
}

fn adapt(delta: u32, count: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

fn digit(value: u32) -> Option<char> {
    char::from_digit(value.checked_add(10)?, 36)
        .or_else(|| char::from_digit(value.checked_sub(26)?, 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_certificates_hold_them() {
        // From RFC 3492 7.1 and the registries.
        let known = [
            ("Bücher.example", "xn--bcher-kva.example"),
            ("münchen.de", "xn--mnchen-3ya.de"),
            ("straße.de", "xn--strae-oqa.de"),
            ("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp"),
            ("실례.테스트", "xn--9n2bp8q.xn--9t4b11yi5a"),
            ("plain.example", "plain.example"),
        ];
        for (name, expected) in known {
            assert_eq!(to_ascii(name).as_deref(), Some(expected), "{name}");
            assert_eq!(to_unicode(expected), name.to_lowercase());
        }
    }

    #[test]
    fn what_is_no_punycode_stays_as_it_is() {
        for name in [
            "xn--",
            "xn--a",
            "xn--*",
            "xn--99999999",
            "xn--bcher-kva9",
            "a.xn--\u{e9}",
        ] {
            assert_eq!(to_unicode(name), name);
        }
        assert_eq!(to_unicode("xn--*-1b3c148a.Test"), "*\u{75db}\u{82e6}.Test");
    }

    #[test]
    fn what_needs_the_tables_is_left_alone() {
        // Decomposed, wide, a ligature, an emoji, and the long s.
        for name in ["bu\u{308}cher", "ｗｗｗ", "ﬁn", "☃", "ſ"] {
            assert_eq!(to_ascii(name), None, "{name}");
        }
    }
}
