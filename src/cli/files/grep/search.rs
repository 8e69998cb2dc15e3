//! One file, line by line.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::cli::files::escaping::{escape_content, shown_name};
use crate::files::content::LineFilter;
use crate::files::{Content, FileError, Output, Stopped};
use crate::model::escape::escaped;

use super::pattern::LinePattern;

/// Lines are searched in pieces of at least so much.
const PIECE_BYTES: usize = 128 << 10;
/// A longer line is cut.
const LINE_BYTES: usize = 16 << 20;

/// What is printed.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct SearchStyle {
    pub(super) inverts: bool,
    pub(super) numbers: bool,
    pub(super) counts: bool,
    pub(super) lists_matching: bool,
    pub(super) lists_others: bool,
    pub(super) only_matching: bool,
    pub(super) silent: bool,
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) has_context: bool,
    pub(super) most: Option<u64>,
    pub(super) binary_as_text: bool,
    pub(super) no_binary: bool,
    pub(super) color: bool,
    pub(super) escapes: bool,
}

/// Searches one file after the other.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a state of its own of the search"
)]
pub(super) struct Searcher {
    pattern: Arc<LinePattern>,
    /// What may be left out of a file unread.
    filter: Option<LineFilter>,
    style: SearchStyle,
    /// Whether lines have the name of their file.
    pub(super) names: bool,
    pub(super) has_found: bool,
    /// Whether a line was printed of the last file in which something was redacted.
    pub(super) has_printed_redacted: bool,
    /// Whether a group of lines was printed, so that the next is set apart.
    has_printed_group: bool,
}

/// What is known of the file that is searched.
struct State {
    /// Of the next line.
    number: u64,
    selected: u64,
    /// Lines that still follow a match.
    after: usize,
    /// Lines before, not printed, with their numbers.
    before: VecDeque<(u64, Vec<u8>)>,
    /// The number of the last line that was printed.
    printed: Option<u64>,
    is_binary: bool,
    is_done: bool,
}

impl Searcher {
    pub(super) fn new(pattern: LinePattern, style: SearchStyle) -> Self {
        let pattern = Arc::new(pattern);
        // Lines around a match, and those without one, are shown too.
        let filter = (pattern.has_required() && !style.inverts && !style.has_context).then(|| {
            let pattern = Arc::clone(&pattern);
            Arc::new(move |text: &[u8]| pattern.next_required(text)) as LineFilter
        });
        Self {
            pattern,
            filter,
            style,
            names: false,
            has_found: false,
            has_printed_redacted: false,
            has_printed_group: false,
        }
    }

    /// Searches a file. Outer: the output; inner: the file.
    pub(super) fn file(
        &mut self,
        content: &mut Content<'_>,
        path: &[u8],
        output: &mut Output,
    ) -> Result<Result<(), FileError>, Stopped> {
        self.has_printed_redacted = false;
        if let Some(filter) = &self.filter {
            content.leave_out_unless(Arc::clone(filter));
        }
        let mut state = State {
            number: 1,
            selected: 0,
            after: 0,
            before: VecDeque::new(),
            printed: None,
            is_binary: content.has_nul() && !self.style.binary_as_text,
            is_done: self.style.most == Some(0),
        };
        if state.is_binary && self.style.no_binary {
            return Ok(Ok(()));
        }
        let mut lines: Vec<u8> = Vec::new();
        while !state.is_done {
            let is_end = match content.next() {
                Err(error) => return Ok(Err(error)),
                Ok(None) => true,
                Ok(Some(piece)) => {
                    lines.extend_from_slice(piece);
                    false
                }
            };
            // What was left out stands before the piece, of which nothing is kept then.
            state.number += content.take_skipped();
            if !is_end && self.filter.is_none() && lines.len() < PIECE_BYTES {
                continue;
            }
            let whole = if is_end {
                lines.len()
            } else {
                match memchr::memrchr(b'\n', &lines) {
                    Some(last) => last + 1,
                    None if lines.len() >= LINE_BYTES => lines.len(),
                    None => continue,
                }
            };
            let rest = lines.split_off(whole);
            let has_redacted = content.redactions() > 0;
            self.lines(&lines, &mut state, has_redacted, path, output)?;
            lines = rest;
            if is_end {
                break;
            }
        }
        self.end(&state, path, output)?;
        Ok(Ok(()))
    }

    fn end(&mut self, state: &State, path: &[u8], output: &mut Output) -> Result<(), Stopped> {
        let found = state.selected > 0;
        self.has_found |= found;
        if self.style.silent {
            return Ok(());
        }
        if self.style.lists_matching && found || self.style.lists_others && !found {
            let mut line = self.name(path);
            line.push(b'\n');
            return output.write(&line);
        }
        if self.style.counts {
            let mut line = Vec::new();
            if self.names {
                line = self.name(path);
                self.separator(b':', &mut line);
            }
            line.extend_from_slice(format!("{}\n", state.selected).as_bytes());
            return output.write(&line);
        }
        if state.is_binary && found && !self.prints_nothing() {
            return output.note(format!("{}: binary file matches", escaped(path)));
        }
        Ok(())
    }

    /// Whether no line is printed, only what is found in all.
    fn prints_nothing(&self) -> bool {
        self.style.silent
            || self.style.counts
            || self.style.lists_matching
            || self.style.lists_others
    }

    fn lines(
        &mut self,
        text: &[u8],
        state: &mut State,
        has_redacted: bool,
        path: &[u8],
        output: &mut Output,
    ) -> Result<(), Stopped> {
        let prints = !self.prints_nothing() && !state.is_binary;
        let mut at = 0;
        // The line of the next match, so that it is searched once.
        let mut next = self.next_match(text, 0);
        while at < text.len() && !state.is_done {
            let selected = if self.style.inverts {
                match next {
                    Some((begin, end)) if begin == at => {
                        // The lines that match are left out.
                        self.skip(text, at, end, state, prints, path, output)?;
                        at = end;
                        next = self.next_match(text, at);
                        continue;
                    }
                    _ => (at, line_end(text, at)),
                }
            } else {
                match next {
                    Some(found) => found,
                    None => break,
                }
            };
            let (begin, end) = selected;
            self.skip(text, at, begin, state, prints, path, output)?;
            let line = text.get(begin..end).unwrap_or_default();
            state.selected += 1;
            if prints {
                self.has_printed_redacted |= has_redacted;
                self.print_selected(line, state, path, output)?;
            }
            state.number += 1;
            at = end;
            if !self.style.inverts {
                next = self.next_match(text, at);
            }
            let is_enough =
                self.style.silent || self.style.lists_matching || self.style.lists_others;
            if state.is_binary && prints_matches_only(&self.style) || is_enough {
                state.is_done = true;
            }
            if self.style.most.is_some_and(|most| state.selected >= most) {
                state.is_done = true;
                self.trailing(text, at, state, prints, path, output)?;
            }
        }
        if !state.is_done {
            self.skip(text, at, text.len(), state, prints, path, output)?;
        }
        Ok(())
    }

    /// The lines that follow the last one that is asked for, up to the next that would be selected.
    fn trailing(
        &mut self,
        text: &[u8],
        from: usize,
        state: &mut State,
        prints: bool,
        path: &[u8],
        output: &mut Output,
    ) -> Result<(), Stopped> {
        let mut end = from;
        for _ in 0..state.after {
            let matches = self
                .next_match(text, end)
                .is_some_and(|(begin, _)| begin == end);
            if end >= text.len() || matches != self.style.inverts {
                break;
            }
            end = line_end(text, end);
        }
        self.skip(text, from, end, state, prints, path, output)
    }

    /// The line of the next match at or behind this place.
    fn next_match(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        if from >= text.len() {
            return None;
        }
        let found = self.pattern.find(text, from)?;
        let before = text.get(..found).unwrap_or_default();
        let begin = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        // Behind the last line end there is no line.
        (begin < text.len()).then(|| (begin, line_end(text, begin)))
    }

    /// Lines that are not selected: some stand around one that is.
    #[expect(clippy::too_many_arguments, reason = "all of it is of one file")]
    fn skip(
        &mut self,
        text: &[u8],
        from: usize,
        to: usize,
        state: &mut State,
        prints: bool,
        path: &[u8],
        output: &mut Output,
    ) -> Result<(), Stopped> {
        let skipped = text.get(from..to).unwrap_or_default();
        if !prints {
            return Ok(());
        }
        let has_context = self.style.before > 0 || state.after > 0;
        if !has_context {
            if self.style.numbers || self.style.has_context {
                state.number += count_lines(skipped);
            }
            return Ok(());
        }
        for line in skipped.split_inclusive(|byte| *byte == b'\n') {
            if state.after > 0 {
                state.after -= 1;
                self.print_line(line, state.number, b'-', path, output)?;
                state.printed = Some(state.number);
            } else if self.style.before > 0 {
                if state.before.len() == self.style.before {
                    state.before.pop_front();
                }
                state.before.push_back((state.number, line.to_vec()));
            }
            state.number += 1;
        }
        Ok(())
    }

    fn print_selected(
        &mut self,
        line: &[u8],
        state: &mut State,
        path: &[u8],
        output: &mut Output,
    ) -> Result<(), Stopped> {
        let before = std::mem::take(&mut state.before);
        if self.style.has_context {
            let first = before.front().map_or(state.number, |(number, _)| *number);
            let follows = state.printed.is_some_and(|printed| printed + 1 == first);
            if !follows && self.has_printed_group {
                let mut line = Vec::new();
                if self.style.color {
                    line.extend_from_slice(b"\x1b[36m\x1b[K--\x1b[m\x1b[K\n");
                } else {
                    line.extend_from_slice(b"--\n");
                }
                output.write(&line)?;
            }
            self.has_printed_group = true;
        }
        for (number, line) in before {
            self.print_line(&line, number, b'-', path, output)?;
        }
        self.print_line(line, state.number, b':', path, output)?;
        state.printed = Some(state.number);
        state.after = self.style.after;
        Ok(())
    }

    fn print_line(
        &self,
        line: &[u8],
        number: u64,
        mark: u8,
        path: &[u8],
        output: &mut Output,
    ) -> Result<(), Stopped> {
        let body = line.strip_suffix(b"\n").unwrap_or(line);
        let prefix = self.prefix(number, mark, path);
        let is_selected = mark == b':';
        let marks =
            if is_selected && !self.style.inverts && (self.style.only_matching || self.style.color)
            {
                self.pattern.matches_in(body)
            } else {
                Vec::new()
            };
        let mut out = Vec::with_capacity(prefix.len() + line.len() + 16);
        if self.style.only_matching {
            for (begin, end) in marks {
                out.extend_from_slice(&prefix);
                self.text(
                    body.get(begin..end).unwrap_or_default(),
                    self.style.color,
                    &mut out,
                );
                out.push(b'\n');
            }
            return output.write(&out);
        }
        out.extend_from_slice(&prefix);
        let mut at = 0;
        if self.style.color {
            for (begin, end) in marks {
                self.text(body.get(at..begin).unwrap_or_default(), false, &mut out);
                self.text(body.get(begin..end).unwrap_or_default(), true, &mut out);
                at = end;
            }
        }
        self.text(body.get(at..).unwrap_or_default(), false, &mut out);
        out.push(b'\n');
        output.write(&out)
    }

    fn text(&self, text: &[u8], marked: bool, out: &mut Vec<u8>) {
        if marked {
            out.extend_from_slice(b"\x1b[01;31m\x1b[K");
        }
        if self.style.escapes {
            escape_content(text, out);
        } else {
            out.extend_from_slice(text);
        }
        if marked {
            out.extend_from_slice(b"\x1b[m\x1b[K");
        }
    }

    fn prefix(&self, number: u64, mark: u8, path: &[u8]) -> Vec<u8> {
        let mut prefix = Vec::new();
        if self.names {
            prefix = self.name(path);
            self.separator(mark, &mut prefix);
        }
        if self.style.numbers {
            if self.style.color {
                prefix.extend_from_slice(format!("\x1b[32m\x1b[K{number}\x1b[m\x1b[K").as_bytes());
            } else {
                prefix.extend_from_slice(number.to_string().as_bytes());
            }
            self.separator(mark, &mut prefix);
        }
        prefix
    }

    fn name(&self, path: &[u8]) -> Vec<u8> {
        let name = shown_name(path, self.style.escapes);
        if self.style.color {
            [b"\x1b[35m\x1b[K", &*name, b"\x1b[m\x1b[K"].concat()
        } else {
            name
        }
    }

    fn separator(&self, mark: u8, out: &mut Vec<u8>) {
        if self.style.color {
            out.extend_from_slice(b"\x1b[36m\x1b[K");
            out.push(mark);
            out.extend_from_slice(b"\x1b[m\x1b[K");
        } else {
            out.push(mark);
        }
    }
}

/// Whether the first match of a binary file is all that is told of it.
fn prints_matches_only(style: &SearchStyle) -> bool {
    !style.counts
}

fn count_lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// Where a line ends, its line end included.
fn line_end(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(text.len(), |at| from + at + 1)
}
