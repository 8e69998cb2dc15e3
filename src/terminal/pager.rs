//! Text a screen at a time, with the keys of less.

use std::time::Duration;

use unicode_width::UnicodeWidthChar;

use super::keys::{Key, KeyDecoder};
use crate::sys::console::{Console, FullScreen, Typed, show};

/// How long the rest of a key's bytes may take.
const KEY_TIME: Duration = Duration::from_millis(60);
/// How far an arrow moves to the side.
const SIDE: usize = 8;

/// Shows lines, which hold nothing that a terminal would obey, until the person has seen enough. What
/// fits on the screen is printed and no more.
pub(crate) fn page(console: &Console, lines: &[String]) {
    if lines.len() < console.size().rows {
        for line in lines {
            show(&format!("{line}\n"));
        }
        return;
    }
    let _screen = FullScreen::enter(console);
    let mut pager = Pager {
        lines,
        rows: 1,
        columns: 80,
        top: 0,
        left: 0,
        wanted: String::new(),
        note: String::new(),
    };
    let mut decoder = KeyDecoder::default();
    let mut asked: Option<String> = None;
    loop {
        let size = console.size();
        pager.rows = size.rows.saturating_sub(1).max(1);
        pager.columns = size.columns;
        show(&pager.drawn(asked.as_deref()));
        let Some(key) = next_key(console, &mut decoder) else {
            return;
        };
        match (&mut asked, key) {
            (Some(_), Key::Enter) => {
                pager.wanted = asked.take().unwrap_or_default();
                pager.search(true);
            }
            (Some(_), Key::Escape | Key::Ctrl('c')) => asked = None,
            (Some(text), Key::Backspace) => {
                text.pop();
            }
            (Some(text), Key::Char(character)) => text.push(character),
            (Some(_), _) => {}
            (None, Key::Char('/')) => asked = Some(String::new()),
            (None, key) => {
                if pager.press(key) {
                    return;
                }
            }
        }
    }
}

/// The next key; `None` where the terminal is gone or a signal asks to end. A new size is a key that
/// means nothing.
fn next_key(console: &Console, decoder: &mut KeyDecoder) -> Option<Key> {
    loop {
        if let Some(key) = decoder.next(false) {
            return Some(key);
        }
        let half = decoder.is_waiting();
        match console.read(half.then_some(KEY_TIME)) {
            Typed::Bytes(bytes) => decoder.push(&bytes),
            Typed::Nothing => return decoder.next(true),
            Typed::Resized | Typed::Suspended => return Some(Key::Other),
            Typed::Closed | Typed::Ending(_) => return None,
        }
    }
}

struct Pager<'a> {
    lines: &'a [String],
    rows: usize,
    columns: usize,
    top: usize,
    left: usize,
    wanted: String,
    note: String,
}

impl Pager<'_> {
    /// `true`: that is enough.
    fn press(&mut self, key: Key) -> bool {
        self.note.clear();
        let last = self.lines.len().saturating_sub(self.rows);
        match key {
            Key::Char('q' | 'Q') | Key::Ctrl('c') => return true,
            Key::Char(' ' | 'f') | Key::PageDown | Key::Ctrl('f' | 'v') => self.top += self.rows,
            Key::Char('b') | Key::PageUp | Key::Ctrl('b') => {
                self.top = self.top.saturating_sub(self.rows);
            }
            Key::Char('d') | Key::Ctrl('d') => self.top += self.rows / 2,
            Key::Char('u') | Key::Ctrl('u') => self.top = self.top.saturating_sub(self.rows / 2),
            Key::Char('j' | 'e') | Key::Down | Key::Enter | Key::Ctrl('n') => self.top += 1,
            Key::Char('k' | 'y') | Key::Up | Key::Ctrl('p') => {
                self.top = self.top.saturating_sub(1);
            }
            Key::Char('g' | '<') | Key::Home => self.top = 0,
            Key::Char('G' | '>') | Key::End => self.top = last,
            Key::Right => self.left += SIDE,
            Key::Left => self.left = self.left.saturating_sub(SIDE),
            Key::Char('n') => self.search(true),
            Key::Char('N') => self.search(false),
            Key::Char('h') => {
                "q end  space/b page  j/k line  g/G begin, end  / search  n/N next  ←/→ side"
                    .clone_into(&mut self.note);
            }
            _ => {}
        }
        self.top = self.top.min(last);
        false
    }

    /// Goes to the next line that has what is searched, or the one before.
    fn search(&mut self, forward: bool) {
        if self.wanted.is_empty() {
            return;
        }
        let has = |(_, line): &(usize, &String)| line.contains(&self.wanted);
        let lines = self.lines.iter().enumerate();
        let found = if forward {
            lines.skip(self.top + 1).find(has)
        } else {
            lines.take(self.top).rev().find(has)
        };
        match found {
            Some((index, _)) => {
                let last = self.lines.len().saturating_sub(self.rows);
                self.top = index.min(last);
            }
            None => "not found".clone_into(&mut self.note),
        }
    }

    fn drawn(&self, asked: Option<&str>) -> String {
        let mut out = "\x1b[H".to_owned();
        for row in 0..self.rows {
            if let Some(line) = self.lines.get(self.top + row) {
                out.push_str(&part(line, self.left, self.columns));
            } else {
                out.push('~');
            }
            out.push_str("\x1b[K\r\n");
        }
        let end = (self.top + self.rows).min(self.lines.len());
        let status = match asked {
            Some(text) => format!("/{text}"),
            None if !self.note.is_empty() => self.note.clone(),
            None => format!(
                "lines {}-{end} of {} (h: keys, q: end)",
                self.top + 1,
                self.lines.len()
            ),
        };
        out.push_str("\x1b[7m");
        out.push_str(&part(&status, 0, self.columns.saturating_sub(1)));
        out.push_str("\x1b[m\x1b[K");
        out
    }
}

/// The columns of a text from `left` on that fit; tabs as spaces.
pub(crate) fn part(text: &str, left: usize, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for character in text.chars() {
        let cells = match character {
            '\t' => 8 - column % 8,
            other => other.width().unwrap_or(0),
        };
        if column + cells > left + width {
            break;
        }
        if column >= left {
            match character {
                '\t' => out.extend(std::iter::repeat_n(' ', cells)),
                other => out.push(other),
            }
        }
        column += cells;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pager(lines: &[String]) -> Pager<'_> {
        Pager {
            lines,
            rows: 3,
            columns: 20,
            top: 0,
            left: 0,
            wanted: String::new(),
            note: String::new(),
        }
    }

    #[test]
    fn keys_move_as_in_less() {
        let lines: Vec<String> = (0..10).map(|number| format!("line {number}")).collect();
        let mut pager = pager(&lines);
        for (key, top) in [
            (Key::Char(' '), 3),
            (Key::Char('k'), 2),
            (Key::Char('G'), 7),
            (Key::Char(' '), 7),
            (Key::Char('b'), 4),
            (Key::Char('g'), 0),
            (Key::Up, 0),
        ] {
            assert!(!pager.press(key));
            assert_eq!(pager.top, top, "{key:?}");
        }
        "line 5".clone_into(&mut pager.wanted);
        pager.search(true);
        assert_eq!(pager.top, 5);
        pager.search(true);
        assert_eq!((pager.top, &*pager.note), (5, "not found"));
        assert!(pager.press(Key::Char('q')));
    }

    #[test]
    fn a_part_of_a_line_is_as_wide_as_the_screen() {
        assert_eq!(part("a\tb", 0, 20), "a       b");
        assert_eq!(part("日本語", 0, 5), "日本");
        assert_eq!(part("abcdef", 2, 3), "cde");
    }
}
