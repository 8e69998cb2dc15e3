//! A line of the prompt → the commands between its pipes, each a list of words.

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Whether `*`, `?` or `[` stands in it without quotes.
    pub(super) is_pattern: bool,
}

/// Characters that mean something in a line.
const SPECIAL: &str = " \t|\"'\\*?[]<>&;#$`()";

/// Takes a line apart. Quotes and backslashes are those of a shell; there are no variables.
///
/// # Errors
/// A sentence about what is not offered, or not closed.
pub(super) fn split_line(line: &str) -> Result<Vec<Vec<Word>>, String> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<Word> = None;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let is_outside = word.is_none();
        let mut add = |character: char, is_pattern: bool| {
            let word = word.get_or_insert_with(|| Word {
                text: String::new(),
                is_pattern: false,
            });
            word.text.push(character);
            word.is_pattern |= is_pattern;
        };
        match character {
            '\\' => add(characters.next().ok_or("a backslash ends the line")?, false),
            quote @ ('\'' | '"') => {
                word.get_or_insert_with(|| Word {
                    text: String::new(),
                    is_pattern: false,
                });
                quoted(&mut characters, quote, &mut word)?;
            }
            '|' if characters.peek() == Some(&'|') => return Err(not_offered("||")),
            '|' => {
                end(&mut commands, &mut word);
                commands.push(Vec::new());
            }
            '&' | ';' | '`' => return Err(not_offered(&character.to_string())),
            '>' | '<' => {
                return Err(
                    "redirection is not supported: the shell writes no files; outside of it: \
                     spyhole COMMAND > FILE"
                        .to_owned(),
                );
            }
            '#' if is_outside => break,
            space if space.is_whitespace() => end(&mut commands, &mut word),
            other => add(other, matches!(other, '*' | '?' | '[')),
        }
    }
    end(&mut commands, &mut word);
    if commands.len() > 1 && commands.iter().any(Vec::is_empty) {
        return Err("a command is missing before or after |".to_owned());
    }
    commands.retain(|command| !command.is_empty());
    Ok(commands)
}

fn quoted(
    characters: &mut impl Iterator<Item = char>,
    quote: char,
    word: &mut Option<Word>,
) -> Result<(), String> {
    loop {
        let next = characters.next();
        let next = next.ok_or_else(|| format!("the quote {quote} is not closed"))?;
        if next == quote {
            return Ok(());
        }
        let next = match (quote, next) {
            ('"', '\\') => match characters.next() {
                Some(escaped @ ('"' | '\\' | '$' | '`')) => escaped,
                Some(other) => {
                    if let Some(word) = word {
                        word.text.push('\\');
                    }
                    other
                }
                None => return Err("the quote \" is not closed".to_owned()),
            },
            (_, other) => other,
        };
        if let Some(word) = word {
            word.text.push(next);
        }
    }
}

fn end(commands: &mut [Vec<Word>], word: &mut Option<Word>) {
    if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
        command.push(word);
    }
}

fn not_offered(what: &str) -> String {
    format!("{what} is not supported; commands are joined with | alone (in a word: quote it)")
}

/// A text as one word of a line.
pub(super) fn quoted_word(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for character in text.chars() {
        if SPECIAL.contains(character) {
            word.push('\\');
        }
        word.push(character);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Result<Vec<Vec<String>>, String> {
        let commands = split_line(line)?.into_iter();
        let texts = |words: Vec<Word>| words.into_iter().map(|word| word.text).collect();
        Ok(commands.map(texts).collect())
    }

    #[test]
    fn lines_are_taken_apart_as_by_a_shell() {
        for (line, expected) in [
            ("", vec![]),
            ("  # only words", vec![]),
            ("ps aux", vec![vec!["ps", "aux"]]),
            (
                "cat '/a b' | grep -i \"x|y\\\"\" # why",
                vec![vec!["cat", "/a b"], vec!["grep", "-i", "x|y\""]],
            ),
            (r"cat a\ b''c\|d", vec![vec!["cat", "a bc|d"]]),
            ("grep '' x#y", vec![vec!["grep", "", "x#y"]]),
        ] {
            assert_eq!(texts(line).unwrap(), expected, "{line}");
        }
        assert!(split_line("ls *.c").unwrap()[0][1].is_pattern);
        assert!(!split_line("ls '*.c'").unwrap()[0][1].is_pattern);
    }

    #[test]
    fn what_is_not_offered_is_refused_by_name() {
        for (line, named) in [
            ("ps > /tmp/x", "redirection"),
            ("ps; ls", "; is not"),
            ("ps & ", "& is not"),
            ("ps || ls", "|| is not"),
            ("cat 'x", "not closed"),
            ("ps |", "missing"),
            ("| grep x", "missing"),
            ("x\\", "backslash"),
        ] {
            let refused = split_line(line).unwrap_err();
            assert!(refused.contains(named), "{line}: {refused}");
        }
    }

    #[test]
    fn a_quoted_word_is_that_word_again() {
        for text in ["a b", "it's", "x|y", "$(x)", "*.c", "日本"] {
            let words = split_line(&quoted_word(text)).unwrap();
            assert_eq!(
                words,
                [[Word {
                    text: text.to_owned(),
                    is_pattern: false
                }]]
            );
        }
    }
}
