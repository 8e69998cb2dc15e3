//! What stands behind a pipe: `grep`, `head`, `tail`, `wc`, `sort`, `uniq` and `less`, on the output
//! of spyhole's own commands. What goes to the terminal has nothing that it would obey.

mod lines;
mod sort;

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};

use crate::cli::files::escaping::TerminalPieces;
use crate::model::escape::escaped;
use crate::sys::console::{self, Console, is_unread};
use crate::terminal::pager;

/// A longer line is cut there.
const LINE_BYTES: u64 = 1 << 20;
/// What `sort`, `less` and `tail` keep at most.
const KEPT_BYTES: usize = 32 << 20;

/// Their names, with what each takes.
pub(super) const FILTERS: &[(&str, &str)] = &[
    (
        "grep",
        "-i -v -n -c -o -w -x -q -E -F -A N -B N -C N -m N -e PATTERN",
    ),
    ("head", "-n N -c N"),
    ("tail", "-n [+]N -c N"),
    ("wc", "-l -w -c -m"),
    ("sort", "-r -n -h -u -f -k N -t CHARACTER"),
    ("uniq", "-c -d -u -i"),
    ("less", "no flags"),
    ("more", "no flags"),
];

/// Whether that is one of them.
pub(super) fn is_filter(name: &str) -> bool {
    FILTERS.iter().any(|(filter, _)| *filter == name)
}

/// The flags that take a value.
fn valued(name: &str) -> &'static str {
    match name {
        "grep" => "ABCme",
        "head" | "tail" => "nc",
        "sort" => "kt",
        _ => "",
    }
}

/// Flags and words of a filter.
#[derive(Debug, Default, PartialEq, Eq)]
struct Given {
    flags: Vec<char>,
    values: Vec<(char, String)>,
    words: Vec<String>,
}

impl Given {
    fn parse(words: &[String]) -> Result<Self, String> {
        let (name, rest) = words.split_first().ok_or("a filter is missing")?;
        let takes = FILTERS.iter().find(|(filter, _)| filter == name);
        let takes = takes.map_or("", |(_, takes)| *takes);
        let refused = |flag: &str| {
            format!("{name}: {flag} is not supported in the shell; supported: {takes}")
        };
        let known = |letter: char| {
            let flag = format!("-{letter}");
            takes.split(' ').any(|word| word == flag) || matches!(name.as_str(), "less" | "more")
        };
        let mut given = Self::default();
        let mut rest = rest.iter();
        let mut is_words = false;
        while let Some(word) = rest.next() {
            let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty());
            let Some(letters) = letters.filter(|_| !is_words) else {
                given.words.push(word.clone());
                continue;
            };
            if letters == "-" {
                is_words = true;
                continue;
            }
            if letters.starts_with('-') {
                return Err(refused(word));
            }
            if letters.bytes().all(|byte| byte.is_ascii_digit()) {
                let flag = if name == "grep" { 'C' } else { 'n' };
                given.values.push((flag, letters.to_owned()));
                continue;
            }
            for (at, letter) in letters.char_indices() {
                if !known(letter) {
                    return Err(refused(&format!("-{letter}")));
                }
                if !valued(name).contains(letter) {
                    given.flags.push(letter);
                    continue;
                }
                let attached = letters.get(at + letter.len_utf8()..).unwrap_or_default();
                let value = match attached {
                    "" => rest.next().cloned(),
                    attached => Some(attached.to_owned()),
                };
                let value = value.ok_or_else(|| format!("{name}: -{letter} needs a value"))?;
                given.values.push((letter, value));
                break;
            }
        }
        if !given.words.is_empty() && name != "grep" {
            return Err(format!(
                "{name}: reads the output of the command before |; a PATH goes with that command"
            ));
        }
        Ok(given)
    }

    fn has(&self, flag: char) -> bool {
        self.flags.contains(&flag)
    }

    fn value(&self, flag: char) -> Option<&str> {
        let found = self.values.iter().rev().find(|(letter, _)| *letter == flag);
        found.map(|(_, value)| value.as_str())
    }

    fn number(&self, flag: char) -> Result<Option<usize>, String> {
        let Some(value) = self.value(flag) else {
            return Ok(None);
        };
        let number = value.trim_start_matches('+').parse();
        number
            .map(Some)
            .map_err(|_| format!("-{flag} {:?} is not a number", escaped(value.as_bytes())))
    }
}

/// Runs one on stdin and stdout: its exit code.
pub(super) fn run(words: &[String], console: Option<&Console>) -> u8 {
    let name = words.first().map(String::as_str).unwrap_or_default();
    let done = Given::parse(words).and_then(|given| {
        let mut out = Sink::new();
        let mut input = BufReader::with_capacity(64 << 10, io::stdin().lock());
        let done = match name {
            "grep" => lines::grep(&given, &mut input, &mut out)?,
            "head" => lines::head(&given, &mut input, &mut out)?,
            "tail" => lines::tail(&given, &mut input, &mut out)?,
            "wc" => lines::wc(&given, &mut input, &mut out),
            "sort" => sort::sort(&given, &mut input, &mut out)?,
            "uniq" => lines::uniq(&given, &mut input, &mut out),
            _ => less(&mut input, &mut out, console),
        };
        match done.and_then(|code| out.end().map(|()| code)) {
            Ok(code) => Ok(code),
            Err(error) if is_unread(&error) => Ok(0),
            Err(error) => Err(format!("{name}: {error}")),
        }
    });
    done.unwrap_or_else(|why| {
        let _ = writeln!(io::stderr(), "spyhole: {why}");
        2
    })
}

/// stdout; written out where it is a terminal.
struct Sink {
    is_terminal: bool,
    pieces: TerminalPieces,
    buffer: Vec<u8>,
}

impl Sink {
    fn new() -> Self {
        Self {
            is_terminal: io::stdout().is_terminal(),
            pieces: TerminalPieces::default(),
            buffer: Vec::new(),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_terminal {
            self.pieces.add(bytes, &mut self.buffer);
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        if self.buffer.len() < 32 << 10 {
            return Ok(());
        }
        self.flush()
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.write(line)?;
        self.write(b"\n")
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(&self.buffer)?;
        self.buffer.clear();
        out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.pieces.end(&mut self.buffer);
        self.flush()
    }
}

type Input<'a> = BufReader<io::StdinLock<'a>>;
type Done = io::Result<u8>;

/// The next line without its end.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    if input.by_ref().take(LINE_BYTES).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(true)
}

/// All lines, as long as they may be kept. `true`: some are left out.
fn all_lines(input: &mut impl BufRead) -> io::Result<(Vec<Vec<u8>>, bool)> {
    let (mut lines, mut line, mut bytes) = (Vec::new(), Vec::new(), 0);
    while next_line(input, &mut line)? {
        bytes += line.len() + size_of::<Vec<u8>>();
        if bytes > KEPT_BYTES {
            return Ok((lines, true));
        }
        lines.push(line.clone());
    }
    Ok((lines, false))
}

fn less(input: &mut Input<'_>, out: &mut Sink, console: Option<&Console>) -> Done {
    let Some(console) = console.filter(|_| out.is_terminal && console::knows_sequences()) else {
        let mut line = Vec::new();
        while next_line(input, &mut line)? {
            out.line(&line)?;
        }
        return Ok(0);
    };
    let (lines, cut) = all_lines(input)?;
    let shown = |line: &Vec<u8>| {
        let cells = line.split(|byte| *byte == b'\t').map(escaped);
        cells.collect::<Vec<Cow<'_, str>>>().join("\t")
    };
    let mut lines: Vec<String> = lines.iter().map(shown).collect();
    if cut {
        lines.push(format!("(cut after {} MiB)", KEPT_BYTES >> 20));
    }
    console::note_signals(console::Interrupts::ForThisProcess);
    pager::page(console, &lines);
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> Result<Given, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Given::parse(&words)
    }

    #[test]
    fn flags_are_those_of_the_tools() {
        let head = given("head -20").unwrap();
        assert_eq!(head.number('n'), Ok(Some(20)));
        assert_eq!(given("tail -n +3").unwrap().value('n'), Some("+3"));
        let grep = given("grep -inA2 x").unwrap();
        assert!(grep.has('i') && grep.has('n'));
        assert_eq!(grep.number('A'), Ok(Some(2)));
        assert_eq!(grep.words, ["x"]);
        for (line, named) in [
            ("sort -z", "-z is not supported"),
            ("wc -l /etc/passwd", "PATH"),
            ("head --lines=3", "--lines=3"),
            ("head -n", "needs a value"),
        ] {
            let refused = given(line).unwrap_err();
            assert!(refused.contains(named), "{line}: {refused}");
        }
        assert!(given("head -n x").unwrap().number('n').is_err());
    }
}
