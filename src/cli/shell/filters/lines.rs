//! `grep`, `head`, `tail`, `wc` and `uniq`: line by line.

use std::collections::VecDeque;
use std::io::Read;

use super::{Done, Given, Input, KEPT_BYTES, Sink, next_line};
use crate::cli::files::grep_pattern::{LinePattern, PatternStyle};
use crate::parse::posix_regex::RegexGrammar;

pub(super) fn grep(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Result<Done, String> {
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

pub(super) fn head(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Result<Done, String> {
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

pub(super) fn tail(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Result<Done, String> {
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

pub(super) fn wc(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Done {
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

pub(super) fn uniq(given: &Given, input: &mut Input<'_>, out: &mut Sink) -> Done {
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
