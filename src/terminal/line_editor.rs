//! One line that is typed: moving in it, killing and yanking, history, search, completion.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::keys::{Key, KeyDecoder};
use crate::model::escape::must_hide;
use crate::sys::console::{Console, Typed, show};

/// Lines that are remembered.
const HISTORY: usize = 500;
/// Characters of a line.
const LINE: usize = 4096;
/// How long the rest of a key's bytes may take.
const KEY_TIME: Duration = Duration::from_millis(60);
/// Completions that are shown.
const SHOWN: usize = 200;

/// What the person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Entered(String),
    /// Ctrl-C.
    Dropped,
    /// Ctrl-D in an empty line, or a terminal that is gone.
    Closed,
    /// Nothing was typed for as long as was asked.
    Idle,
    /// This signal asks to end.
    Ending(i32),
}

/// What may stand in a place of the line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Completions {
    /// The byte where what is completed begins.
    pub(crate) start: usize,
    /// Each as it is typed, and as it is shown.
    pub(crate) words: Vec<(String, String)>,
}

/// Lines, the last one at the end. They are in memory alone.
#[derive(Debug, Default)]
pub(crate) struct History {
    lines: Vec<String>,
}

impl History {
    /// Remembers a line, unless it is the last one again.
    pub(crate) fn add(&mut self, line: &str) {
        if self.lines.last().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == HISTORY {
            self.lines.remove(0);
        }
        self.lines.push(line.to_owned());
    }

    /// All of them.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// What is typed, and where.
#[derive(Debug, Default)]
struct Buffer {
    characters: Vec<char>,
    at: usize,
    killed: Vec<char>,
}

impl Buffer {
    fn text(&self) -> String {
        self.characters.iter().collect()
    }

    fn set(&mut self, text: &str) {
        self.characters = text.chars().collect();
        self.at = self.characters.len();
    }

    fn insert(&mut self, text: &str) {
        for character in text.chars() {
            if self.characters.len() < LINE {
                self.characters.insert(self.at, character);
                self.at += 1;
            }
        }
    }

    /// The byte that the cursor is at.
    fn byte(&self) -> usize {
        let before = self.characters.iter().take(self.at);
        before.map(|character| character.len_utf8()).sum()
    }

    fn word_left(&self) -> usize {
        let is_word = |at: usize| {
            let character = self.characters.get(at);
            character.is_some_and(|character| !character.is_whitespace())
        };
        let mut at = self.at;
        while at > 0 && !is_word(at - 1) {
            at -= 1;
        }
        while at > 0 && is_word(at - 1) {
            at -= 1;
        }
        at
    }

    fn word_right(&self) -> usize {
        let rest = self.characters.iter().skip(self.at);
        let spaces = rest.clone().take_while(|c| c.is_whitespace()).count();
        let word = rest.skip(spaces).take_while(|c| !c.is_whitespace());
        self.at + spaces + word.count()
    }

    fn kill(&mut self, from: usize, to: usize) {
        self.killed = self.characters.drain(from..to).collect();
        self.at = from;
    }

    /// Moves and changes; `false`: the key does neither.
    fn edit(&mut self, key: Key) -> bool {
        let end = self.characters.len();
        match key {
            Key::Char(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            Key::Left | Key::Ctrl('b') => self.at = self.at.saturating_sub(1),
            Key::Right | Key::Ctrl('f') => self.at = (self.at + 1).min(end),
            Key::Home | Key::Ctrl('a') => self.at = 0,
            Key::End | Key::Ctrl('e') => self.at = end,
            Key::WordLeft | Key::Alt('b') => self.at = self.word_left(),
            Key::WordRight | Key::Alt('f') => self.at = self.word_right(),
            Key::Backspace | Key::Ctrl('h') if self.at > 0 => {
                self.at -= 1;
                self.characters.remove(self.at);
            }
            Key::Delete | Key::Ctrl('d') if self.at < end => {
                self.characters.remove(self.at);
            }
            Key::Ctrl('k') => self.kill(self.at, end),
            Key::Ctrl('u') => self.kill(0, self.at),
            Key::Ctrl('w') => self.kill(self.word_left(), self.at),
            Key::Alt('d') => {
                let at = self.at;
                self.kill(at, self.word_right());
            }
            Key::Ctrl('y') => {
                let text: String = self.killed.iter().collect();
                self.insert(&text);
            }
            Key::Ctrl('t') if self.at > 0 && end > 1 => {
                let at = self.at.min(end - 1);
                self.characters.swap(at - 1, at);
                self.at = at + 1;
            }
            _ => return false,
        }
        true
    }
}

/// Reads one line.
pub(crate) struct LineEditor<'a> {
    console: &'a Console,
    prompt: &'a str,
    history: &'a History,
    idle: Option<Duration>,
    buffer: Buffer,
    decoder: KeyDecoder,
    /// Of the history the line that is shown; its length: the one that is typed.
    shown: usize,
    typed: String,
    search: Option<Search>,
}

/// Ctrl-R.
#[derive(Debug, Default)]
struct Search {
    wanted: String,
    /// Before this line.
    before: usize,
}

impl<'a> LineEditor<'a> {
    /// A line that is empty. `decoder` has what was typed ahead of it.
    pub(crate) fn new(
        console: &'a Console,
        prompt: &'a str,
        history: &'a History,
        idle: Option<Duration>,
        decoder: KeyDecoder,
    ) -> Self {
        Self {
            console,
            prompt,
            history,
            idle,
            buffer: Buffer::default(),
            decoder,
            shown: history.lines.len(),
            typed: String::new(),
            search: None,
        }
    }

    /// Reads until the line is entered or dropped; what was typed behind it comes with it.
    pub(crate) fn read(
        mut self,
        complete: &mut dyn FnMut(&str, usize) -> Completions,
    ) -> (Line, KeyDecoder) {
        let _raw = self.console.raw();
        let line = self.read_line(complete);
        (line, self.decoder)
    }

    fn read_line(&mut self, complete: &mut dyn FnMut(&str, usize) -> Completions) -> Line {
        self.draw();
        loop {
            let key = match self.key() {
                Ok(key) => key,
                Err(end) => {
                    show("\n");
                    return end;
                }
            };
            if let Some(done) = self.press(key, complete) {
                self.search = None;
                self.buffer.at = self.buffer.characters.len();
                self.draw();
                show("\n");
                return done;
            }
            if !self.decoder.is_waiting() {
                self.draw();
            }
        }
    }

    fn key(&mut self) -> Result<Key, Line> {
        loop {
            if let Some(key) = self.decoder.next(false) {
                return Ok(key);
            }
            let half = self.decoder.is_waiting();
            let time = if half { Some(KEY_TIME) } else { self.idle };
            match self.console.read(time) {
                Typed::Bytes(bytes) => self.decoder.push(&bytes),
                Typed::Nothing if half => {
                    if let Some(key) = self.decoder.next(true) {
                        return Ok(key);
                    }
                }
                Typed::Nothing => return Err(Line::Idle),
                Typed::Resized => self.draw(),
                Typed::Suspended => {}
                Typed::Closed => return Err(Line::Closed),
                Typed::Ending(signal) => return Err(Line::Ending(signal)),
            }
        }
    }

    fn press(
        &mut self,
        key: Key,
        complete: &mut dyn FnMut(&str, usize) -> Completions,
    ) -> Option<Line> {
        if self.search.is_some() && self.press_in_search(key) {
            return None;
        }
        match key {
            Key::Enter => return Some(Line::Entered(self.buffer.text())),
            Key::Ctrl('c') => {
                self.search = None;
                self.draw();
                show("^C");
                self.buffer.set("");
                return Some(Line::Dropped);
            }
            Key::Ctrl('d') if self.buffer.characters.is_empty() => return Some(Line::Closed),
            Key::Ctrl('l') => show("\x1b[H\x1b[2J"),
            Key::Up | Key::Ctrl('p') => self.go_back(self.shown.checked_sub(1)),
            Key::Down | Key::Ctrl('n') => self.go_back(Some(self.shown + 1)),
            Key::Ctrl('r') => {
                self.search = Some(Search {
                    wanted: String::new(),
                    before: self.history.lines.len(),
                });
            }
            Key::Tab => self.complete(complete),
            key => {
                self.buffer.edit(key);
            }
        }
        None
    }

    /// Shows another line of the history.
    fn go_back(&mut self, to: Option<usize>) {
        let lines = &self.history.lines;
        let Some(to) = to.filter(|to| *to <= lines.len()) else {
            return;
        };
        if self.shown == lines.len() {
            self.typed = self.buffer.text();
        }
        self.shown = to;
        let line = lines.get(to).unwrap_or(&self.typed).clone();
        self.buffer.set(&line);
    }

    /// `true`: the key was for the search.
    fn press_in_search(&mut self, key: Key) -> bool {
        let Some(search) = &mut self.search else {
            return false;
        };
        match key {
            Key::Char(character) => search.wanted.push(character),
            Key::Backspace => {
                search.wanted.pop();
                search.before = self.history.lines.len();
            }
            Key::Ctrl('r') => {}
            Key::Ctrl('g') | Key::Escape => {
                self.search = None;
                return true;
            }
            _ => {
                // What was found is edited, or entered.
                self.search = None;
                return false;
            }
        }
        let again = usize::from(key != Key::Ctrl('r'));
        let before = (search.before + again).min(self.history.lines.len());
        let lines = self.history.lines.iter().enumerate().take(before);
        let found = lines.rev().find(|(_, line)| line.contains(&search.wanted));
        if let Some((index, line)) = found {
            search.before = index;
            self.buffer.set(line);
        }
        true
    }

    fn complete(&mut self, complete: &mut dyn FnMut(&str, usize) -> Completions) {
        let (text, byte) = (self.buffer.text(), self.buffer.byte());
        let found = complete(&text, byte);
        let begun = text.get(found.start..byte).unwrap_or_default();
        let Some(common) = common_start(&found.words) else {
            show("\x07");
            return;
        };
        let is_one = found.words.len() == 1;
        if common.len() > begun.len() || is_one {
            let characters = begun.chars().count();
            let from = self.buffer.at.saturating_sub(characters);
            self.buffer.characters.drain(from..self.buffer.at);
            self.buffer.at = from;
            self.buffer.insert(&common);
            if is_one && !common.ends_with(['/', '=']) {
                self.buffer.insert(" ");
            }
            return;
        }
        show("\n");
        let names: Vec<&str> = found.words.iter().map(|(_, shown)| &**shown).collect();
        for line in columns(&names, self.console.size().columns) {
            show(&format!("{line}\n"));
        }
        if names.len() > SHOWN {
            show(&format!("… and {} more\n", names.len() - SHOWN));
        }
    }

    fn draw(&self) {
        let width = self.console.size().columns.max(2);
        let prompt = match &self.search {
            Some(search) => format!("(search) {}: ", search.wanted),
            None => self.prompt.to_owned(),
        };
        show(&drawn(
            &prompt,
            &self.buffer.characters,
            self.buffer.at,
            width,
        ));
    }
}

/// What puts a prompt and the part of the line around the cursor on one row.
fn drawn(prompt: &str, line: &[char], at: usize, width: usize) -> String {
    let prompt: String = fit_end(prompt, width.saturating_sub(8)).collect();
    let room = width.saturating_sub(prompt.width() + 1).max(1);
    let shown = |character: &char| {
        if must_hide(*character) {
            '?'
        } else {
            *character
        }
    };
    let cells = |character: &char| shown(character).width().unwrap_or(0);
    let (mut from, mut before) = (0, line.iter().take(at).map(cells).sum::<usize>());
    while before >= room {
        before = before.saturating_sub(line.get(from).map_or(1, cells));
        from += 1;
    }
    let mut text = String::new();
    let mut used = 0;
    for character in line.iter().skip(from) {
        used += cells(character);
        if used > room {
            break;
        }
        text.push(shown(character));
    }
    let column = prompt.width() + before;
    let right = if column > 0 {
        format!("\x1b[{column}C")
    } else {
        String::new()
    };
    format!("\r{prompt}{text}\x1b[K\r{right}")
}

/// The end of a text that is too wide.
fn fit_end(text: &str, width: usize) -> impl Iterator<Item = char> {
    let skipped = text.chars().count().saturating_sub(width);
    text.chars().skip(skipped)
}

/// What all begin with.
fn common_start(words: &[(String, String)]) -> Option<String> {
    let (first, rest) = words.split_first()?;
    let mut common = first.0.as_str();
    for (word, _) in rest {
        let same = common.char_indices().zip(word.chars());
        let same = same.take_while(|((_, one), other)| one == other);
        let end = same.last().map_or(0, |((at, one), _)| at + one.len_utf8());
        common = common.get(..end).unwrap_or_default();
    }
    Some(common.to_owned())
}

/// Names side by side, down each column.
fn columns(names: &[&str], width: usize) -> Vec<String> {
    let names = names.get(..SHOWN).unwrap_or(names);
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0) + 2;
    let across = (width / widest).max(1);
    let rows = names.len().div_ceil(across);
    let line = |row: usize| {
        let cells = names.iter().skip(row).step_by(rows.max(1));
        let padded = cells.map(|name| format!("{name}{}", " ".repeat(widest - name.width())));
        padded.collect::<String>().trim_end().to_owned()
    };
    (0..rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[Key]) -> (String, usize) {
        let mut buffer = Buffer::default();
        for key in keys {
            buffer.edit(*key);
        }
        (buffer.text(), buffer.at)
    }

    #[test]
    fn a_line_is_edited_as_readline_does() {
        use Key::*;
        let word = [Char('p'), Char('s'), Char(' '), Char('a'), Char('ü')];
        let with = |keys: &[Key]| typed(&[&word[..], keys].concat());
        assert_eq!(with(&[]), ("ps aü".to_owned(), 5));
        assert_eq!(with(&[Left, Backspace]), ("ps ü".to_owned(), 3));
        assert_eq!(with(&[Home, Delete]), ("s aü".to_owned(), 0));
        assert_eq!(with(&[Ctrl('w')]), ("ps ".to_owned(), 3));
        assert_eq!(with(&[Ctrl('u'), Ctrl('y')]), ("ps aü".to_owned(), 5));
        assert_eq!(with(&[Alt('b'), Ctrl('k')]), ("ps ".to_owned(), 3));
        assert_eq!(with(&[Ctrl('a'), Alt('f')]), ("ps aü".to_owned(), 2));
        assert_eq!(with(&[Ctrl('t')]), ("ps üa".to_owned(), 5));
        assert_eq!(with(&[Home, Backspace, Left]), ("ps aü".to_owned(), 0));
    }

    #[test]
    fn a_long_line_is_shown_around_the_cursor() {
        let line: Vec<char> = "0123456789abcdef".chars().collect();
        assert_eq!(drawn("> ", &line, 16, 12), "\r> 89abcdef\x1b[K\r\x1b[10C");
        assert_eq!(drawn("> ", &line, 0, 12), "\r> 012345678\x1b[K\r\x1b[2C");
        let wide: Vec<char> = "日本\x1b".chars().collect();
        assert_eq!(drawn("> ", &wide, 3, 40), "\r> 日本?\x1b[K\r\x1b[7C");
        assert_eq!(drawn("", &[], 0, 2), "\r\x1b[K\r");
    }

    #[test]
    fn completions_have_what_all_begin_with() {
        let words = |words: &[&str]| {
            let words = words.iter().map(|word| ((*word).to_owned(), String::new()));
            common_start(&words.collect::<Vec<_>>())
        };
        assert_eq!(words(&["sockets", "socket"]), Some("socket".to_owned()));
        assert_eq!(words(&["ü1", "ü2"]), Some("ü".to_owned()));
        assert_eq!(words(&["a", "b"]), Some(String::new()));
        assert_eq!(words(&[]), None);
        assert_eq!(columns(&["a", "bb", "c"], 8), ["a   c", "bb"]);
        assert_eq!(columns(&["long name"], 3), ["long name"]);
    }

    #[test]
    fn history_forgets_the_oldest_and_repetitions() {
        let mut history = History::default();
        for number in 0..=HISTORY {
            history.add(&number.to_string());
            history.add(&number.to_string());
        }
        assert_eq!(history.lines().len(), HISTORY);
        assert_eq!(history.lines()[0], "1");
    }
}
