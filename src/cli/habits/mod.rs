//! What fingers type for `ps`, `ss`, `lsof`, `curl`, `dig` and the other tools of [`TOOLS`], in
//! spyhole's own words: a stage before clap.
//!
//! Each tool is a table of flags and what each becomes. A tool's short flags win over the global
//! ones: `ps -o pid,comm` are columns, `ps -o json` is the form of the output. What spyhole does
//! not offer is refused by name with the nearest that it does, never accepted and ignored.

mod ask;
mod certificates;
mod dns_words;
mod files;
mod lsof;
mod network;
mod ps;
mod small;
mod sockets;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;

use clap::ValueEnum;
use clap::error::ErrorKind;

use crate::model::format::Format;

/// The flags of one tool.
struct Tool {
    /// The commands that it stands for, as they are typed.
    names: &'static [&'static str],
    /// Flags here that its name alone stands for.
    implies: &'static [&'static str],
    flags: &'static [Flag],
    words: Words,
}

/// A flag, under all its names.
struct Flag(&'static [&'static str], Becomes);

/// What a flag of a tool becomes.
enum Becomes {
    /// The same flag here.
    Same,
    /// The same flag here, which takes a value.
    SameWith,
    /// These words.
    Words(&'static [&'static str]),
    /// This flag with the value that follows.
    Value(&'static str),
    /// Nothing: spyhole always does so.
    Anyway,
    /// What follows decides.
    Decide(fn(Following<'_>) -> Meaning),
    /// Not offered; the nearest that is, or nothing.
    Refused(&'static str),
}

/// What stands behind a flag.
#[derive(Clone, Copy)]
enum Following<'a> {
    Nothing,
    /// In the same word: `-oVALUE`, or further flags.
    Attached(&'a str),
    /// The next word.
    Next(&'a str),
}

impl<'a> Following<'a> {
    /// What could be a value: not a flag.
    fn value(self) -> Option<&'a str> {
        match self {
            Self::Nothing => None,
            Self::Attached(text) => Some(text),
            Self::Next(text) => Some(text).filter(|text| !text.starts_with('-')),
        }
    }
}

/// What a flag means, given what follows.
enum Meaning {
    /// It takes the value, and becomes these words.
    Taken(Vec<String>),
    /// These words; what follows stands for itself.
    Instead(Vec<String>),
    /// The same word here.
    Itself,
    /// It takes no value.
    Alone(&'static [&'static str]),
    /// Not offered with this value; the nearest that is.
    Refused { of: String, nearest: String },
}

/// How words without a dash are taken.
enum Words {
    /// As they are.
    AsTheyAre,
    /// As BSD flags in one word.
    Bsd(&'static [Flag]),
    /// By this function; the word and the next one.
    Decide(fn(&str, Following<'_>) -> Meaning),
}

const TOOLS: &[&Tool] = &[
    &ps::PS,
    &sockets::SS,
    &sockets::NETSTAT,
    &files::DF,
    &files::FINDMNT,
    &files::ENV,
    &network::IP,
    &network::IFCONFIG,
    &network::ROUTE,
    &network::NSTAT,
    &lsof::LSOF,
    &lsof::FUSER,
    &ask::NC,
    &ask::DIG,
    &ask::NSLOOKUP,
    &ask::CURL,
    &ask::WGET,
    &certificates::S_CLIENT,
    &certificates::X509,
    &certificates::VERIFY,
    &certificates::STEP,
    &small::ID,
    &small::MOUNT,
    &small::FREE,
    &small::UPTIME,
    &small::PGREP,
    &small::PRINTENV,
    &small::GETPCAPS,
    &small::CAPSH,
];

/// The flags that every command takes; those with a value in all their names.
const GLOBAL: &[Flag] = &[
    Flag(
        &[
            "-c",
            "--container",
            "-o",
            "--output",
            "--pid",
            "--pod",
            "--proc",
            "--color",
            "--timeout",
            "--remote-fs",
            "--reveal",
            "--fingerprint-key-file",
        ],
        Becomes::SameWith,
    ),
    Flag(&["-q", "-h", "-V"], Becomes::Same),
];

/// Something that a tool has and spyhole has not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The tool and the flag, as typed.
    what: String,
    /// A command line of spyhole.
    nearest: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: not supported", self.what)?;
        write!(out, "; nearest: {}", self.nearest)
    }
}

impl Refused {
    /// As clap would say it.
    pub(super) fn into_clap(self) -> clap::Error {
        clap::Error::raw(ErrorKind::UnknownArgument, format!("{self}\n"))
    }
}

/// The command line with the flags of the tool that it names turned into spyhole's own.
///
/// # Errors
/// The first of them that spyhole does not offer.
pub(super) fn in_our_words(words: &[OsString]) -> Result<Cow<'_, [OsString]>, Refused> {
    let Some(Named { at, name, tool }) = tool(words)? else {
        return Ok(Cow::Borrowed(words));
    };
    let (before, after) = words.split_at(at + 1);
    let after = after.get(name.split(' ').count() - 1..).unwrap_or_default();
    ask::check(&name, after)?;
    let ordered = match &*name {
        "nslookup" => Some(dns_words::with_server(after)),
        "dig" => Some(dns_words::in_order(after)),
        _ => None,
    };
    let after = ordered.as_deref().unwrap_or(after);
    let mut stage = Stage {
        tool,
        name: &name,
        done: before.to_vec(),
    };
    if let (Some(command), Some(ours)) = (stage.done.last_mut(), ask::renamed(&name, after)) {
        *command = ours.into();
    }
    if name == "netstat" && network::is_asked_of_netstat(after) {
        stage.tool = &network::NETSTAT;
        if let Some(command) = stage.done.last_mut() {
            *command = "network".into();
        }
    }
    for flag in stage.tool.implies {
        stage.add(flag);
    }
    stage.all(after)?;
    Ok(Cow::Owned(stage.done))
}

/// A tool on a command line.
struct Named {
    /// Where its name begins.
    at: usize,
    /// The name; `openssl x509` has two words.
    name: String,
    tool: &'static Tool,
}

/// The tool whose name is the command.
fn tool(words: &[OsString]) -> Result<Option<Named>, Refused> {
    let Some(at) = command_at(words) else {
        return Ok(None);
    };
    let text = |index: usize| words.get(at + index).and_then(|word| word.to_str());
    let first = text(0).unwrap_or_default();
    let length = match first {
        "openssl" => 2,
        "step" => 3,
        _ => 1,
    };
    let name: Vec<&str> = (0..length).map_while(text).collect();
    let name = name.join(" ");
    let found = TOOLS.iter().find(|tool| tool.names.contains(&&*name));
    match found {
        Some(tool) => Ok(Some(Named { at, name, tool })),
        None if length > 1 => Err(Refused {
            what: name,
            nearest: "spyhole tls HOST:PORT, or spyhole certs --file PATH".to_owned(),
        }),
        None => Ok(None),
    }
}

/// The names of the tools, for completion.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let names = TOOLS.iter().flat_map(|tool| tool.names);
    names.copied().filter(|name| !name.contains(' '))
}

/// Where the command stands: the first word that is no global flag.
pub(super) fn command_at(words: &[OsString]) -> Option<usize> {
    let mut at = 1;
    loop {
        let word = words.get(at)?.to_str()?;
        if let Some(short) = word.strip_prefix('-') {
            let takes_next = match short.strip_prefix('-') {
                Some("") => return None,
                Some(_) => takes_value(word),
                None => {
                    // `-qc NAME`, but not `-cNAME`.
                    let mut letters = short.char_indices();
                    let valued = letters.find(|(_, letter)| takes_value(&format!("-{letter}")));
                    valued.is_some_and(|(index, letter)| index + letter.len_utf8() == short.len())
                }
            };
            at += if takes_next { 2 } else { 1 };
            continue;
        }
        return Some(at);
    }
}

/// The value stands alone here.
fn itself(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(value) => Meaning::Taken(vec![value.to_owned()]),
        None => Meaning::Alone(&[]),
    }
}

/// Whether a global flag of this name takes the next word; `--name=value` has its own.
fn takes_value(name: &str) -> bool {
    matches!(find(GLOBAL, name), Some(Becomes::SameWith))
}

fn find(flags: &'static [Flag], name: &str) -> Option<&'static Becomes> {
    let flag = flags.iter().find(|flag| flag.0.contains(&name))?;
    Some(&flag.1)
}

/// One command line on its way.
struct Stage<'a> {
    tool: &'static Tool,
    name: &'a str,
    done: Vec<OsString>,
}

impl Stage<'_> {
    fn all(&mut self, words: &[OsString]) -> Result<(), Refused> {
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let next = words.get(at + 1).and_then(|word| word.to_str());
            at += 1;
            let used = match word.to_str() {
                Some("--") => {
                    self.done.push(word.clone());
                    self.done.extend(words.iter().skip(at).cloned());
                    return Ok(());
                }
                Some(text) if text.starts_with("--") => self.long(text, next)?,
                Some(text) if text.len() > 1 && text.starts_with('-') => self.short(text, next)?,
                Some(text) => self.plain(text, next)?,
                None => {
                    self.done.push(word.clone());
                    false
                }
            };
            at += usize::from(used);
        }
        Ok(())
    }

    /// `true` where the next word was its value.
    fn long(&mut self, word: &str, next: Option<&str>) -> Result<bool, Refused> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let becomes = find(self.tool.flags, name).or_else(|| find(GLOBAL, name));
        let following = match (value, next) {
            (Some(value), _) => Following::Attached(value),
            (None, Some(next)) => Following::Next(next),
            (None, None) => Following::Nothing,
        };
        match becomes {
            // clap accepts it or reports it as unknown.
            None | Some(Becomes::Same) => {
                self.done.push(word.into());
                Ok(false)
            }
            Some(becomes) => self
                .take(name, becomes, following)
                .map(|taken| match taken {
                    Took::Next => true,
                    Took::Nothing | Took::Rest => false,
                }),
        }
    }

    fn short(&mut self, word: &str, next: Option<&str>) -> Result<bool, Refused> {
        if let Words::Bsd(flags) = self.tool.words
            && ps::is_bsd_with_a_dash(word)
        {
            return self.letters(flags, "", word.trim_start_matches('-'), next);
        }
        // ip has words behind one dash.
        if word.len() > 2
            && let Some(becomes) = find(self.tool.flags, word)
        {
            let following = next.map_or(Following::Nothing, Following::Next);
            return Ok(self.take(word, becomes, following)? == Took::Next);
        }
        self.letters(self.tool.flags, "-", word.trim_start_matches('-'), next)
    }

    fn plain(&mut self, word: &str, next: Option<&str>) -> Result<bool, Refused> {
        let following = next.map_or(Following::Nothing, Following::Next);
        match &self.tool.words {
            Words::AsTheyAre => {
                self.done.push(word.into());
                Ok(false)
            }
            Words::Bsd(_) if ps::is_pids(word) => {
                self.add(&format!("--pids={word}"));
                Ok(false)
            }
            Words::Bsd(flags) => {
                if ps::may_be_flags(flags, word) {
                    return self.letters(flags, "", word, next);
                }
                Err(self.refused(
                    &format!("{word:?}"),
                    "spyhole ps -p PIDS, -C NAME or -u USER",
                ))
            }
            Words::Decide(decide) => match decide(word, following) {
                Meaning::Itself => {
                    self.done.push(word.into());
                    Ok(false)
                }
                meaning => self.means(meaning),
            },
        }
    }

    /// The letters of one word, each a flag.
    fn letters(
        &mut self,
        flags: &'static [Flag],
        dash: &str,
        letters: &str,
        next: Option<&str>,
    ) -> Result<bool, Refused> {
        for (index, letter) in letters.char_indices() {
            let rest = letters.get(index + letter.len_utf8()..).unwrap_or_default();
            let name = format!("{dash}{letter}");
            let global = || find(GLOBAL, &name).filter(|_| !dash.is_empty());
            let Some(becomes) = find(flags, &name).or_else(global) else {
                return Err(self.refused(&name, ""));
            };
            let following = match (rest, next) {
                ("", None) => Following::Nothing,
                ("", Some(next)) => Following::Next(next),
                (rest, _) => Following::Attached(rest),
            };
            match self.take(&name, becomes, following)? {
                Took::Nothing => {}
                Took::Rest => return Ok(false),
                Took::Next => return Ok(true),
            }
        }
        Ok(false)
    }

    fn take(
        &mut self,
        name: &str,
        becomes: &'static Becomes,
        following: Following<'_>,
    ) -> Result<Took, Refused> {
        let took = match following {
            Following::Nothing => Took::Nothing,
            Following::Attached(_) => Took::Rest,
            Following::Next(_) => Took::Next,
        };
        let raw = match following {
            Following::Nothing => None,
            Following::Attached(text) | Following::Next(text) => Some(text),
        };
        match becomes {
            Becomes::Same => self.add(name),
            Becomes::Anyway => {}
            Becomes::Words(words) => words.iter().for_each(|word| self.add(word)),
            Becomes::SameWith => {
                match raw {
                    Some(value) if name.starts_with("--") => {
                        self.done.push(format!("{name}={value}").into());
                    }
                    Some(value) => self.done.push(format!("{name}{value}").into()),
                    None => self.done.push(name.into()),
                }
                return Ok(took);
            }
            Becomes::Value(flag) => {
                match raw {
                    Some(value) => self.done.push(format!("{flag}={value}").into()),
                    None => self.done.push((*flag).into()),
                }
                return Ok(took);
            }
            Becomes::Decide(decide) => {
                let meaning = decide(following);
                let taken = matches!(meaning, Meaning::Taken(_));
                self.means(meaning)?;
                return Ok(if taken { took } else { Took::Nothing });
            }
            Becomes::Refused(nearest) => return Err(self.refused(name, nearest)),
        }
        Ok(Took::Nothing)
    }

    /// `true` where the value was taken.
    fn means(&mut self, meaning: Meaning) -> Result<bool, Refused> {
        match meaning {
            Meaning::Taken(words) => {
                for word in &words {
                    self.add(word);
                }
                Ok(true)
            }
            Meaning::Instead(words) => {
                for word in &words {
                    self.add(word);
                }
                Ok(false)
            }
            Meaning::Itself => Ok(false),
            Meaning::Alone(words) => {
                for word in words {
                    self.add(word);
                }
                Ok(false)
            }
            Meaning::Refused { of, nearest } => Err(self.refused(&of, &nearest)),
        }
    }

    /// Adds a word; a flag that several of a tool's flags stand for only once.
    fn add(&mut self, word: &str) {
        let repeated = !word.contains('=') || word == WIDE;
        if !repeated || !self.done.iter().any(|other| other == word) {
            self.done.push(word.into());
        }
    }

    fn refused(&self, flag: &str, nearest: &str) -> Refused {
        let help = || format!("spyhole {} --help", self.name);
        Refused {
            what: format!("{} {flag}", self.name),
            nearest: if nearest.is_empty() {
                help()
            } else {
                nearest.to_owned()
            },
        }
    }
}

/// What a flag took of what followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Took {
    Nothing,
    /// The rest of its own word.
    Rest,
    /// The next word.
    Next,
}

/// The wide form, for flags of tools that ask for more columns.
const WIDE: &str = "--output=wide";

/// Whether a value of `-o` is a form of the output.
fn is_format(text: &str) -> bool {
    Format::from_str(text, false).is_ok()
}

/// `-c NAME` is the container; alone or among other letters it is the tool's own flag.
fn container(following: Following<'_>, nearest: &str) -> Meaning {
    match following {
        Following::Next(name) if !name.starts_with('-') => {
            Meaning::Taken(vec![format!("--container={name}")])
        }
        _ => Meaning::Refused {
            of: "-c".to_owned(),
            nearest: nearest.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests;
