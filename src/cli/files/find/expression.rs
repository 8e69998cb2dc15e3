//! The expression of `find`: words → a tree of tests and actions.

use std::vec;

use super::tests_of_files::{Count, FileTest, Moment, PermKind, Which};
use crate::files::{FileError, Output, Stopped, TargetFiles, WalkEntry};
use crate::model::escape::escaped;
use crate::parse::glob::Glob;
use crate::sys::tree_entry::EntryKind;

/// Brackets in brackets.
const DEEPEST: usize = 64;

/// A whole command line of `find`.
pub(super) struct Search {
    pub(super) paths: Vec<Vec<u8>>,
    pub(super) expression: Expression,
    pub(super) max_depth: Option<usize>,
    pub(super) min_depth: usize,
    pub(super) depth_first: bool,
    pub(super) follow_start: bool,
}

/// What to do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Print,
    Print0,
    Ls,
    Prune,
    Quit,
}

/// A tree of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    Always(bool),
    Test(FileTest),
    /// A test that takes a look at the target first.
    Unresolved(Unresolved),
    Action(Action),
    Not(Box<Expression>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unresolved {
    User(Vec<u8>),
    Group(Vec<u8>),
    Newer(Vec<u8>),
}

/// A file to judge.
pub(super) struct Found<'a> {
    pub(super) met: &'a WalkEntry,
    pub(super) files: &'a TargetFiles,
    pub(super) now: Moment,
}

impl Expression {
    /// Whether it holds; what is to be done is gathered on the way, as far as it is come to.
    pub(super) fn holds(
        &self,
        found: &Found<'_>,
        actions: &mut Vec<Action>,
        errors: &mut Vec<FileError>,
    ) -> bool {
        match self {
            Self::Always(holds) => *holds,
            Self::Test(test) => match test.holds(found.met, found.files, found.now) {
                Ok(holds) => holds,
                Err(error) => {
                    errors.push(error);
                    false
                }
            },
            Self::Unresolved(_) => false,
            Self::Action(action) => {
                actions.push(*action);
                true
            }
            Self::Not(inner) => !inner.holds(found, actions, errors),
            Self::All(all) => all.iter().all(|one| one.holds(found, actions, errors)),
            Self::Any(any) => any.iter().any(|one| one.holds(found, actions, errors)),
        }
    }

    /// Looks up the names and the files that tests compare with; `None` where one was not found, of
    /// which a complaint was made.
    pub(super) fn resolve(
        self,
        files: &TargetFiles,
        output: &mut Output,
    ) -> Result<Option<Self>, Stopped> {
        let all = |list: Vec<Self>, output: &mut Output| -> Result<Option<Vec<Self>>, Stopped> {
            let mut resolved = Vec::with_capacity(list.len());
            for one in list {
                match one.resolve(files, output)? {
                    Some(one) => resolved.push(one),
                    None => return Ok(None),
                }
            }
            Ok(Some(resolved))
        };
        Ok(match self {
            Self::Not(inner) => inner
                .resolve(files, output)?
                .map(|inner| Self::Not(Box::new(inner))),
            Self::All(list) => all(list, output)?.map(Self::All),
            Self::Any(list) => all(list, output)?.map(Self::Any),
            Self::Unresolved(unresolved) => match unresolved.look_up(files) {
                Ok(test) => Some(Self::Test(test)),
                Err(words) => {
                    output.complain(words)?;
                    None
                }
            },
            resolved => Some(resolved),
        })
    }

    fn has_action(&self) -> bool {
        match self {
            Self::Action(action) => !matches!(action, Action::Prune),
            Self::Not(inner) => inner.has_action(),
            Self::All(list) | Self::Any(list) => list.iter().any(Self::has_action),
            _ => false,
        }
    }
}

impl Unresolved {
    fn look_up(&self, files: &TargetFiles) -> Result<FileTest, String> {
        let names = || files.names().ok();
        let exactly = |id: u32| Count {
            kind: super::tests_of_files::CountKind::Exactly,
            number: id.into(),
        };
        let unknown = |what: &str, name: &[u8], file: &str| {
            format!("no {what} named {} in the target's {file}", escaped(name))
        };
        match self {
            Self::User(name) => names()
                .and_then(|names| names.users.id(name))
                .map(|id| FileTest::Uid(exactly(id)))
                .ok_or_else(|| unknown("user", name, "/etc/passwd")),
            Self::Group(name) => names()
                .and_then(|names| names.groups.id(name))
                .map(|id| FileTest::Gid(exactly(id)))
                .ok_or_else(|| unknown("group", name, "/etc/group")),
            Self::Newer(path) => {
                let entry = files.entry(path).map_err(|error| error.to_string())?;
                Ok(FileTest::NewerThan(entry.stat().modified))
            }
        }
    }
}

/// Whether a word of `find` takes the next one; `None`: it is no word of `find`.
pub(in crate::cli::files) fn takes_value(word: &[u8]) -> Option<bool> {
    const ALONE: [&[u8]; 28] = [
        b"-H",
        b"-P",
        b"-L",
        b"-a",
        b"-and",
        b"-depth",
        b"-d",
        b"-delete",
        b"-empty",
        b"-false",
        b"-ls",
        b"-mount",
        b"-nogroup",
        b"-not",
        b"-nouser",
        b"-o",
        b"-or",
        b"-print",
        b"-print0",
        b"-prune",
        b"-quit",
        b"-true",
        b"-xdev",
        b"-daystart",
        b"-follow",
        b"-noleaf",
        b"-warn",
        b"-nowarn",
    ];
    const WITH_VALUE: [&[u8]; 36] = [
        b"-amin",
        b"-anewer",
        b"-atime",
        b"-cmin",
        b"-cnewer",
        b"-ctime",
        b"-exec",
        b"-execdir",
        b"-fls",
        b"-fprint",
        b"-fprint0",
        b"-fstype",
        b"-gid",
        b"-group",
        b"-ilname",
        b"-iname",
        b"-inum",
        b"-ipath",
        b"-iregex",
        b"-iwholename",
        b"-links",
        b"-lname",
        b"-maxdepth",
        b"-mindepth",
        b"-mmin",
        b"-mtime",
        b"-name",
        b"-newer",
        b"-ok",
        b"-path",
        b"-perm",
        b"-printf",
        b"-regex",
        b"-size",
        b"-type",
        b"-uid",
    ];
    const MORE: [&[u8]; 6] = [
        b"-user",
        b"-wholename",
        b"-samefile",
        b"-xtype",
        b"-regextype",
        b"-used",
    ];
    if ALONE.contains(&word) {
        return Some(false);
    }
    (WITH_VALUE.contains(&word) || MORE.contains(&word)).then_some(true)
}

/// Takes the words of `find` apart.
///
/// # Errors
/// A sentence about the first word that is not understood or not offered.
pub(super) fn parse(words: Vec<Vec<u8>>) -> Result<Search, String> {
    let mut parser = Parser {
        words: words.into_iter(),
        next: None,
        depth: 0,
        max_depth: None,
        min_depth: 0,
        depth_first: false,
    };
    parser.advance();
    let mut follow_start = false;
    while let Some(word) = parser.next.as_deref() {
        match word {
            b"-H" => follow_start = true,
            b"-P" => follow_start = false,
            b"-L" => return Err(refused("-L", "spyhole find -H, which follows PATH alone")),
            _ => break,
        }
        parser.advance();
    }
    let mut paths = Vec::new();
    while let Some(word) = parser.next.take() {
        if word.starts_with(b"-") && word.len() > 1 || matches!(&*word, b"(" | b")" | b"!" | b",") {
            parser.next = Some(word);
            break;
        }
        paths.push(word);
        parser.advance();
    }
    if paths.is_empty() {
        paths.push(b"/".to_vec());
    }
    let mut expression = match parser.next {
        None => Expression::Always(true),
        Some(_) => parser.any()?,
    };
    if let Some(word) = &parser.next {
        return Err(format!("find: unexpected {:?}", escaped(word)));
    }
    if !expression.has_action() {
        expression = Expression::All(vec![expression, Expression::Action(Action::Print)]);
    }
    Ok(Search {
        paths,
        expression,
        max_depth: parser.max_depth,
        min_depth: parser.min_depth,
        depth_first: parser.depth_first,
        follow_start,
    })
}

fn refused(word: &str, nearest: &str) -> String {
    format!("find {word}: not supported; nearest: {nearest}")
}

struct Parser {
    words: vec::IntoIter<Vec<u8>>,
    next: Option<Vec<u8>>,
    depth: usize,
    max_depth: Option<usize>,
    min_depth: usize,
    depth_first: bool,
}

impl Parser {
    fn advance(&mut self) {
        self.next = self.words.next();
    }

    fn any(&mut self) -> Result<Expression, String> {
        let mut list = vec![self.all()?];
        while matches!(self.next.as_deref(), Some(b"-o" | b"-or")) {
            self.advance();
            list.push(self.all()?);
        }
        if self.next.as_deref() == Some(b",") {
            return Err(refused(",", "spyhole find twice"));
        }
        Ok(one_or(list, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut list = vec![self.not()?];
        loop {
            match self.next.as_deref() {
                Some(b"-a" | b"-and") => self.advance(),
                None | Some(b"-o" | b"-or" | b")" | b",") => break,
                Some(_) => {}
            }
            list.push(self.not()?);
        }
        Ok(one_or(list, Expression::All))
    }

    fn not(&mut self) -> Result<Expression, String> {
        let mut negated = false;
        while matches!(self.next.as_deref(), Some(b"!" | b"-not")) {
            negated = !negated;
            self.advance();
        }
        let inner = self.primary()?;
        Ok(if negated {
            Expression::Not(Box::new(inner))
        } else {
            inner
        })
    }

    fn primary(&mut self) -> Result<Expression, String> {
        let word = self.next.take();
        let word = word.ok_or_else(|| "find: the expression has no end".to_owned())?;
        self.advance();
        if word == b"(" {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err("find: too many brackets in brackets".to_owned());
            }
            let inner = self.any()?;
            if self.next.as_deref() != Some(b")") {
                return Err("find: a ( has no )".to_owned());
            }
            self.advance();
            self.depth -= 1;
            return Ok(inner);
        }
        let Ok(name) = String::from_utf8(word.clone()) else {
            return Err(format!("find: unexpected {:?}", escaped(&word)));
        };
        self.named(&name)
    }

    /// The value of a word.
    fn value(&mut self, of: &str) -> Result<Vec<u8>, String> {
        let value = self.next.take();
        self.advance();
        value.ok_or_else(|| format!("find {of}: a value is missing"))
    }

    fn text(&mut self, of: &str) -> Result<String, String> {
        let value = self.value(of)?;
        String::from_utf8(value).map_err(|_| format!("find {of}: its value is not UTF-8"))
    }

    fn count(&mut self, of: &str) -> Result<Count, String> {
        let text = self.text(of)?;
        Count::parse(&text)
            .ok_or_else(|| format!("find {of} {text}: expected a number, +number or -number"))
    }

    fn number(&mut self, of: &str) -> Result<usize, String> {
        let text = self.text(of)?;
        let number = text.parse();
        number.map_err(|_| format!("find {of} {text}: expected a number"))
    }

    fn named(&mut self, name: &str) -> Result<Expression, String> {
        let test = match name {
            "-name" => FileTest::Name(Glob::parse(&self.value(name)?, false)),
            "-iname" => FileTest::Name(Glob::parse(&self.value(name)?, true)),
            "-path" | "-wholename" => FileTest::Path(Glob::parse(&self.value(name)?, false)),
            "-ipath" | "-iwholename" => FileTest::Path(Glob::parse(&self.value(name)?, true)),
            "-lname" => FileTest::LinkName(Glob::parse(&self.value(name)?, false)),
            "-ilname" => FileTest::LinkName(Glob::parse(&self.value(name)?, true)),
            "-type" => FileTest::Kind(kinds(&self.text(name)?)?),
            "-size" => size(&self.text(name)?)?,
            "-mtime" => FileTest::Days(Which::Modified, self.count(name)?),
            "-atime" => FileTest::Days(Which::Accessed, self.count(name)?),
            "-ctime" => FileTest::Days(Which::Changed, self.count(name)?),
            "-mmin" => FileTest::Minutes(Which::Modified, self.count(name)?),
            "-amin" => FileTest::Minutes(Which::Accessed, self.count(name)?),
            "-cmin" => FileTest::Minutes(Which::Changed, self.count(name)?),
            "-newer" => return Ok(Expression::Unresolved(Unresolved::Newer(self.value(name)?))),
            "-perm" => perm(&self.text(name)?)?,
            "-user" => {
                let value = self.value(name)?;
                match number_in(&value) {
                    Some(count) => FileTest::Uid(count),
                    None => return Ok(Expression::Unresolved(Unresolved::User(value))),
                }
            }
            "-group" => {
                let value = self.value(name)?;
                match number_in(&value) {
                    Some(count) => FileTest::Gid(count),
                    None => return Ok(Expression::Unresolved(Unresolved::Group(value))),
                }
            }
            "-uid" => FileTest::Uid(self.count(name)?),
            "-gid" => FileTest::Gid(self.count(name)?),
            "-nouser" => FileTest::Nameless { is_group: false },
            "-nogroup" => FileTest::Nameless { is_group: true },
            "-empty" => FileTest::Empty,
            "-links" => FileTest::Links(self.count(name)?),
            "-inum" => FileTest::Inode(self.count(name)?),
            other => return self.option_or_action(other),
        };
        Ok(Expression::Test(test))
    }

    fn option_or_action(&mut self, name: &str) -> Result<Expression, String> {
        let action = match name {
            "-print" => Action::Print,
            "-print0" => Action::Print0,
            "-ls" => Action::Ls,
            "-prune" => Action::Prune,
            "-quit" => Action::Quit,
            "-true" => return Ok(Expression::Always(true)),
            "-false" => return Ok(Expression::Always(false)),
            "-maxdepth" => {
                self.max_depth = Some(self.number(name)?);
                return Ok(Expression::Always(true));
            }
            "-mindepth" => {
                self.min_depth = self.number(name)?;
                return Ok(Expression::Always(true));
            }
            "-depth" | "-d" => {
                self.depth_first = true;
                return Ok(Expression::Always(true));
            }
            // It never enters another file system unasked, and says nothing that could be left out.
            "-xdev" | "-mount" | "-noleaf" | "-warn" | "-nowarn" => {
                return Ok(Expression::Always(true));
            }
            "-exec" | "-execdir" | "-ok" | "-okdir" => {
                return Err(refused(
                    name,
                    "spyhole find … -print0, with xargs outside of the target",
                ));
            }
            "-delete" => {
                return Err(refused(
                    name,
                    "spyhole find … -print: it never writes in the target",
                ));
            }
            "-fprint" | "-fprint0" | "-fls" | "-fprintf" => {
                return Err(refused(name, "spyhole find … > FILE"));
            }
            "-printf" => return Err(refused(name, "spyhole find … -o json, or -ls")),
            "-regex" | "-iregex" | "-regextype" => {
                return Err(refused(name, "spyhole find -path PATTERN"));
            }
            "-follow" | "-xtype" => {
                return Err(refused(name, "spyhole find -type l, which follows no link"));
            }
            "-anewer" | "-cnewer" | "-used" | "-daystart" => {
                return Err(refused(name, "spyhole find -newer PATH, or -amin, -cmin"));
            }
            "-samefile" => return Err(refused(name, "spyhole find -inum N")),
            "-fstype" => return Err(refused(name, "spyhole mounts -t TYPE")),
            "-readable" | "-writable" | "-executable" => {
                return Err(refused(name, "spyhole find -perm /MODE"));
            }
            other => {
                return Err(format!(
                    "find: unknown word {:?}; see spyhole find --help",
                    escaped(other.as_bytes())
                ));
            }
        };
        Ok(Expression::Action(action))
    }
}

fn one_or(mut list: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    if list.len() > 1 {
        return many(list);
    }
    list.pop().unwrap_or(Expression::Always(true))
}

/// A name of digits is an id.
fn number_in(value: &[u8]) -> Option<Count> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Count::parse(text)).flatten()
}

fn kinds(text: &str) -> Result<Vec<EntryKind>, String> {
    let kind = |letter: &str| {
        Some(match letter {
            "f" => EntryKind::File,
            "d" => EntryKind::Directory,
            "l" => EntryKind::Link,
            "p" => EntryKind::Fifo,
            "s" => EntryKind::Socket,
            "c" => EntryKind::CharDevice,
            "b" => EntryKind::BlockDevice,
            _ => return None,
        })
    };
    let kinds: Option<Vec<_>> = text.split(',').map(kind).collect();
    kinds.ok_or_else(|| format!("find -type {text}: expected f, d, l, p, s, c or b"))
}

fn size(text: &str) -> Result<FileTest, String> {
    let unknown =
        || format!("find -size {text}: expected a number with c, w, b, k, M or G behind it");
    let unit = |letter: char| {
        Some(match letter {
            'c' => 1,
            'w' => 2,
            'b' => 512,
            'k' => 1 << 10,
            'M' => 1 << 20,
            'G' => 1 << 30,
            _ => return None,
        })
    };
    let last = text.chars().last().ok_or_else(unknown)?;
    let (digits, unit) = if last.is_ascii_digit() {
        (text, 512)
    } else {
        let unit = unit(last).ok_or_else(unknown)?;
        (text.strip_suffix(last).unwrap_or(text), unit)
    };
    let count = Count::parse(digits).ok_or_else(unknown)?;
    Ok(FileTest::Size { count, unit })
}

fn perm(text: &str) -> Result<FileTest, String> {
    let (kind, mode) = match text.as_bytes().first() {
        Some(b'-') => (PermKind::All, text.get(1..)),
        Some(b'/') => (PermKind::Any, text.get(1..)),
        _ => (PermKind::Exactly, Some(text)),
    };
    let mode = mode.unwrap_or_default();
    let octal = || {
        let is_octal = !mode.is_empty() && mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        is_octal
            .then(|| u32::from_str_radix(mode, 8).ok())
            .flatten()
    };
    let bits = octal()
        .filter(|bits| *bits <= 0o7777)
        .or_else(|| symbolic(mode));
    let bits =
        bits.ok_or_else(|| format!("find -perm {text}: expected a mode such as 644 or u+w"))?;
    Ok(FileTest::Perm(kind, bits))
}

/// `u+rwx,g=r`: from no bit at all.
fn symbolic(mode: &str) -> Option<u32> {
    let mut bits = 0;
    for clause in mode.split(',') {
        let operator = clause.find(['+', '=', '-'])?;
        let (who, rest) = clause.split_at_checked(operator)?;
        let mut shifts = Vec::new();
        for letter in who.chars() {
            match letter {
                'u' => shifts.push(6),
                'g' => shifts.push(3),
                'o' => shifts.push(0),
                'a' => shifts.extend([6, 3, 0]),
                _ => return None,
            }
        }
        if shifts.is_empty() {
            shifts.extend([6, 3, 0]);
        }
        let mut set = 0;
        for letter in rest.get(1..)?.chars() {
            for shift in &shifts {
                set |= match letter {
                    'r' => 4 << shift,
                    'w' => 2 << shift,
                    'x' => 1 << shift,
                    's' if *shift == 6 => 0o4000,
                    's' if *shift == 3 => 0o2000,
                    's' => 0,
                    't' => 0o1000,
                    _ => return None,
                };
            }
        }
        if rest.starts_with('-') {
            bits &= !set;
        } else {
            bits |= set;
        }
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Search, String> {
        parse(
            line.split_whitespace()
                .map(|word| word.as_bytes().to_vec())
                .collect(),
        )
    }

    #[test]
    fn or_binds_less_than_and() {
        let search = parsed("/a /b -maxdepth 2 -name x -o ! -type d,l -print0").unwrap();
        assert_eq!(search.paths, [b"/a".to_vec(), b"/b".to_vec()]);
        assert_eq!(search.max_depth, Some(2));
        let name =
            |text: &str| Expression::Test(FileTest::Name(Glob::parse(text.as_bytes(), false)));
        let kinds = FileTest::Kind(vec![EntryKind::Directory, EntryKind::Link]);
        let expected = Expression::Any(vec![
            Expression::All(vec![Expression::Always(true), name("x")]),
            Expression::All(vec![
                Expression::Not(Box::new(Expression::Test(kinds))),
                Expression::Action(Action::Print0),
            ]),
        ]);
        assert_eq!(search.expression, expected);
    }

    #[test]
    fn without_an_action_it_prints() {
        for line in ["", "/", "-name x -prune", "( -name x -o -name y )"] {
            let Expression::All(list) = parsed(line).unwrap().expression else {
                panic!("{line}");
            };
            assert_eq!(
                list.last(),
                Some(&Expression::Action(Action::Print)),
                "{line}"
            );
        }
    }

    #[test]
    fn what_is_not_offered_is_refused_by_name() {
        for (line, words) in [
            ("/ -exec rm {} ;", "find -exec: not supported; nearest: "),
            ("/ -delete", "find -delete: not supported"),
            ("/ -name", "-name: a value is missing"),
            ("/ ( -name x", "has no )"),
            ("/ -name x )", "unexpected"),
            ("/ -frob", "unknown word"),
            ("/ -size 5x", "expected a number"),
            ("/ -perm 9", "expected a mode"),
            ("/ -type q", "expected f, d"),
            ("/ -mtime soon", "expected a number"),
            ("-L /", "-L: not supported"),
            ("/ !", "no end"),
        ] {
            let refused = parsed(line).err().unwrap();
            assert!(refused.contains(words), "{line}: {refused}");
        }
        let deep = "( ".repeat(100_000);
        assert!(parsed(&deep).is_err());
    }

    #[test]
    fn modes_may_be_symbols() {
        assert_eq!(symbolic("u+rwx,g=r"), Some(0o740));
        assert_eq!(symbolic("a+x,u+s,+t"), Some(0o5111));
        assert_eq!(symbolic("u+q"), None);
    }
}
