//! What stands behind a pipe: `grep`, `head`, `tail`, `wc`, `sort`, `uniq` and `less`, on the output
//! of spyhole's own commands. What goes to the terminal has nothing that it would obey.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};

use super::super::files::escaping::TerminalPieces;
use super::super::files::grep_pattern::{LinePattern, PatternStyle};
use crate::model::escape::escaped;
use crate::parse::posix_regex::RegexGrammar;
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
            "grep" => grep(&given, &mut input, &mut out)?,
            "head" => head(&given, &mut input, &mut out)?,
            "tail" => tail(&given, &mut input, &mut out)?,
            "wc" => wc(&given, &mut input, &mut out),
            "sort" => sort(&given, &mut input, &mut out)?,
            "uniq" => uniq(&given, &mut input, &mut out),
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

fn grep(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Result<Done, String> {
    let mut patterns: Vec<Vec<u8>> = Vec::new();
    for (flag, value) in &given.values {
        if *flag == 'e' {
            patterns.push(value.clone().into_bytes());
        }
    }
    let mut words = given.words.iter();
    if patterns.is_empty() {
        let first = words.next().ok_or("grep: a PATTERN is missing")?;
        patterns.push(first.clone().into_bytes());
    }
    if words.next().is_some() {
        return Err("grep: after | it reads the output before it; no PATH".to_owned());
    }
    let grammar = match (given.has('F'), given.has('E')) {
        (true, _) => RegexGrammar::Fixed,
        (_, true) => RegexGrammar::Extended,
        _ => RegexGrammar::Basic,
    };
    let pattern = LinePattern::new(
        &patterns,
        PatternStyle {
            grammar,
            ignore_case: given.has('i'),
            whole_word: given.has('w'),
            whole_line: given.has('x'),
            needs_ends: given.has('o'),
        },
    )?;
    let around = given.number('C')?.unwrap_or(0);
    let grep = Grep {
        before: given.number('B')?.unwrap_or(around),
        after: given.number('A')?.unwrap_or(around),
        most: given.number('m')?.unwrap_or(usize::MAX),
        pattern,
    };
    Ok(grep.search(given, input, out))
}

struct Grep {
    pattern: LinePattern,
    before: usize,
    after: usize,
    most: usize,
}

impl Grep {
    fn search(&self, given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Done {
        let (mut line, mut number, mut found, mut left, mut printed) = (Vec::new(), 0, 0, 0, 0);
        let mut waiting: VecDeque<(usize, Vec<u8>)> = VecDeque::new();
        let is_silent = given.has('c') || given.has('q');
        let show = |out: &mut Sink, number: usize, mark: char, line: &[u8]| {
            if given.has('n') {
                out.write(format!("{number}{mark}").as_bytes())?;
            }
            out.line(line)
        };
        while found < self.most || left > 0 {
            if !next_line(input, &mut line)? {
                break;
            }
            number += 1;
            let matches =
                found < self.most && self.pattern.find(&line, 0).is_some() != given.has('v');
            if matches {
                found += 1;
            }
            if is_silent {
                if given.has('q') && matches {
                    return Ok(0);
                }
            } else if matches && given.has('o') {
                for (from, to) in self.pattern.matches_in(&line) {
                    show(out, number, ':', line.get(from..to).unwrap_or_default())?;
                }
            } else if matches {
                let first = waiting.front().map_or(number, |(number, _)| *number);
                if self.before + self.after > 0 && printed > 0 && first > printed + 1 {
                    out.line(b"--")?;
                }
                for (number, line) in waiting.drain(..) {
                    show(out, number, '-', &line)?;
                }
                show(out, number, ':', &line)?;
                (left, printed) = (self.after, number);
            } else if left > 0 {
                show(out, number, '-', &line)?;
                (left, printed) = (left - 1, number);
            } else if self.before > 0 {
                if waiting.len() == self.before.min(10_000) {
                    waiting.pop_front();
                }
                waiting.push_back((number, line.clone()));
            }
            if input.buffer().is_empty() {
                out.flush()?;
            }
        }
        if given.has('c') {
            out.line(found.to_string().as_bytes())?;
        }
        Ok(u8::from(found == 0))
    }
}

fn head(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Result<Done, String> {
    let bytes = given.number('c')?;
    let lines = given.number('n')?.unwrap_or(10);
    let read = |input: &mut Input<'_>, out: &mut Sink| {
        if let Some(bytes) = bytes {
            let mut limited = input.take(bytes as u64);
            let mut piece = vec![0; 64 << 10];
            loop {
                let read = limited.read(&mut piece)?;
                if read == 0 {
                    return Ok(0);
                }
                out.write(piece.get(..read).unwrap_or_default())?;
            }
        }
        let mut line = Vec::new();
        for _ in 0..lines {
            if !next_line(input, &mut line)? {
                break;
            }
            out.line(&line)?;
            if input.buffer().is_empty() {
                out.flush()?;
            }
        }
        Ok(0)
    };
    Ok(read(input, out))
}

fn tail(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Result<Done, String> {
    let bytes = given.number('c')?;
    let from = given.value('n').is_some_and(|value| value.starts_with('+'));
    let lines = given.number('n')?.unwrap_or(10);
    let read = |input: &mut Input<'_>, out: &mut Sink| {
        let mut line = Vec::new();
        if from {
            let mut number = 0;
            while next_line(input, &mut line)? {
                number += 1;
                if number >= lines {
                    out.line(&line)?;
                }
            }
            return Ok(0);
        }
        if let Some(bytes) = bytes {
            let mut kept = VecDeque::new();
            let mut piece = vec![0; 64 << 10];
            loop {
                let read = input.read(&mut piece)?;
                if read == 0 {
                    break;
                }
                kept.extend(piece.get(..read).unwrap_or_default());
                let excess = kept.len().saturating_sub(bytes.min(KEPT_BYTES));
                kept.drain(..excess);
            }
            out.write(kept.make_contiguous())?;
            return Ok(0);
        }
        let (mut kept, mut size) = (VecDeque::new(), 0);
        while next_line(input, &mut line)? {
            size += line.len();
            kept.push_back(line.clone());
            while kept.len() > lines || size > KEPT_BYTES {
                size -= kept.pop_front().map_or(size, |line: Vec<u8>| line.len());
            }
        }
        for line in kept {
            out.line(&line)?;
        }
        Ok(0)
    };
    Ok(read(input, out))
}

fn wc(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Done {
    let (mut lines, mut words, mut bytes, mut characters) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut piece = vec![0; 64 << 10];
    let mut is_word = false;
    loop {
        let read = input.read(&mut piece)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        for byte in piece.iter().take(read) {
            lines += u64::from(*byte == b'\n');
            characters += u64::from(byte & 0xc0 != 0x80);
            let is_space = byte.is_ascii_whitespace() || *byte == 0x0b;
            words += u64::from(!is_space && !is_word);
            is_word = !is_space;
        }
    }
    let all = given.flags.is_empty();
    let counts = [('l', lines), ('w', words), ('m', characters), ('c', bytes)];
    let wanted = counts
        .into_iter()
        .filter(|(flag, _)| given.has(*flag) || all && *flag != 'm');
    let wanted: Vec<String> = wanted.map(|(_, count)| count.to_string()).collect();
    let width = if wanted.len() > 1 { 7 } else { 0 };
    let padded = wanted.iter().map(|count| format!("{count:>width$}"));
    out.line(padded.collect::<Vec<_>>().join(" ").as_bytes())?;
    Ok(0)
}

fn sort(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Result<Done, String> {
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

fn uniq(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Done {
    let mut line = Vec::new();
    let mut last: Option<(Vec<u8>, u64)> = None;
    let same = |one: &[u8], other: &[u8]| {
        one == other || given.has('i') && one.eq_ignore_ascii_case(other)
    };
    let show = |out: &mut Sink, (line, count): &(Vec<u8>, u64)| {
        if given.has('d') && *count == 1 || given.has('u') && *count > 1 {
            return Ok(());
        }
        if given.has('c') {
            out.write(format!("{count:>7} ").as_bytes())?;
        }
        out.line(line)
    };
    while next_line(input, &mut line)? {
        match &mut last {
            Some((text, count)) if same(text, &line) => *count += 1,
            other => {
                if let Some(done) = other.replace((line.clone(), 1)) {
                    show(out, &done)?;
                }
            }
        }
    }
    last.map_or(Ok(()), |last| show(out, &last))?;
    Ok(0)
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
