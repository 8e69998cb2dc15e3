//! The words of `find` → its expression.

use std::vec;

use super::expression::{Action, Expression, Search, Unresolved};
use super::tests_of_files::{Count, FileTest, Which};
use super::values::{kinds, number_in, perm, size};
use crate::model::escape::escaped;
use crate::parse::glob::Glob;

/// Brackets in brackets.
const DEEPEST: usize = 64;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::tree_entry::EntryKind;

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
}
