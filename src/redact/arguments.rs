//! The arguments of one process: what to hide in each, and the text that is left.

use super::commands::CommandWords;
use super::expected::take_whole;
use super::fields;
use super::fields::Line;
use super::met_before::{MetBefore, Standing};
use super::pattern_walk::WordPlace;
use super::settings::Setting;
use super::text::{Facts, Span, cut, settle};
use super::{
    Argument, Redactor, encoded, formats, markup, objects, outline, script, statements, tokens,
    urls,
};

/// Every argument with its secrets replaced.
pub(super) fn redact(redactor: &Redactor, args: &[Vec<u8>]) -> Vec<Argument> {
    // What the user asked to see may have any name.
    let mut walk = ArgumentWalk::new(redactor, redactor.reveal.is_empty());
    let arguments = walk.all(args);
    walk.met.put_back();
    arguments
}

/// The same without what was met before: for the test that both agree.
#[cfg(test)]
pub(super) fn redact_afresh(redactor: &Redactor, args: &[Vec<u8>]) -> Vec<Argument> {
    let mut walk = ArgumentWalk::new(redactor, false);
    let arguments = walk.all(args);
    walk.met.put_back();
    arguments
}

/// One command line, argument by argument.
struct ArgumentWalk<'a> {
    redactor: &'a Redactor,
    line: Line,
    command: CommandWords,
    spans: Vec<Span>,
    /// A shell's script comes next.
    script_next: bool,
    met: MetBefore,
    remembers: bool,
}

impl<'a> ArgumentWalk<'a> {
    fn new(redactor: &'a Redactor, remembers: bool) -> Self {
        Self {
            redactor,
            line: Line::default(),
            command: CommandWords::default(),
            spans: Vec::new(),
            script_next: false,
            met: MetBefore::of_thread(),
            remembers,
        }
    }

    fn all(&mut self, args: &[Vec<u8>]) -> Vec<Argument> {
        let mut arguments = Vec::with_capacity(args.len());
        for (index, arg) in args.iter().enumerate() {
            arguments.push(self.next(arg, index == 0, index + 1 == args.len()));
        }
        arguments
    }

    fn next(&mut self, arg: &[u8], first: bool, last: bool) -> Argument {
        // A process that writes its title over its arguments leaves one with spaces.
        let standing = match (first, self.script_next) {
            (true, _) => Standing::First,
            (_, true) => Standing::Script,
            _ => Standing::Other,
        };
        let place = WordPlace {
            start: 0,
            end: arg.len(),
            last,
        };
        self.spans.clear();
        let alone = self.remembers && self.line.expects.is_none();
        let known = if alone {
            self.met.find(arg, standing)
        } else {
            None
        };
        match known.filter(|quiet| !quiet.spaced || self.command.knows_nothing()) {
            Some(quiet) if quiet.spaced && self.command.is_new() => {}
            Some(quiet) => {
                self.command
                    .quiet_word(self.redactor, arg, place, quiet, &mut self.spans);
            }
            None => self.look(arg, place, standing, alone),
        }
        self.script_next = self.command.shell
            && arg.len() <= 10
            && arg.starts_with(b"-")
            && matches!(arg.last(), Some(b'c' | b'e' | b'd'));
        write(self.redactor, arg, &mut self.spans)
    }

    /// Looks at the argument, and keeps the answer if it holds nothing.
    fn look(&mut self, arg: &[u8], place: WordPlace, standing: Standing, alone: bool) {
        let setting = if standing == Standing::Other {
            Setting::Argument
        } else {
            Setting::Script
        };
        let facts = Facts::of(arg);
        let spaced = facts.has_space();
        look(
            self.redactor,
            arg,
            facts,
            setting,
            &mut self.line,
            &mut self.spans,
        );
        let quiet = alone && self.spans.is_empty() && self.line.expects.is_none();
        let knew_nothing = self.command.knows_nothing();
        follow(
            self.redactor,
            arg,
            facts,
            place,
            &mut self.command,
            &mut self.spans,
        );
        if quiet && (!spaced || knew_nothing && self.spans.is_empty()) {
            let quiet = CommandWords::quiet(arg, spaced);
            if !spaced || quiet.idle {
                self.met.keep(arg, standing, quiet);
            }
        }
    }
}

/// The argument as a word of the command, and, where it has words of its own, as a script.
fn follow(
    redactor: &Redactor,
    arg: &[u8],
    facts: Facts,
    place: WordPlace,
    command: &mut CommandWords,
    spans: &mut Vec<Span>,
) {
    if !facts.has_space() {
        command.word(redactor, arg, place, spans);
        return;
    }
    let title = command.is_new();
    if !title {
        command.word(redactor, arg, place, spans);
    }
    let mut inner = if title {
        CommandWords::default()
    } else {
        command.inner()
    };
    script::scan(redactor, arg, &mut inner, spans);
}

fn look(
    redactor: &Redactor,
    arg: &[u8],
    facts: Facts,
    setting: Setting,
    line: &mut Line,
    spans: &mut Vec<Span>,
) {
    if arg.is_empty() {
        line.expects = None;
        return;
    }
    // `--token -- X`: the dashes end the options, the value still follows.
    if arg == b"--" {
        return;
    }
    if let Some(expects) = line.expects.take()
        && take_whole(arg, expects, spans)
    {
        return;
    }
    if facts.may_hold_fields() || matches!(arg.first(), Some(b'-' | b'+')) {
        fields::scan(arg, setting, redactor, line, spans);
    }
    shapes(redactor, arg, facts, spans);
}

/// What every text is searched for, whatever it is called.
pub(super) fn shapes(redactor: &Redactor, text: &[u8], facts: Facts, spans: &mut Vec<Span>) {
    if facts.may_hold_markup() {
        markup::scan(text, spans);
    }
    if facts.may_hold_objects() {
        objects::scan(text, spans);
    }
    if facts.may_hold_outline() {
        outline::scan(text, spans);
    }
    if facts.may_hold_statements() {
        statements::scan(text, spans);
    }
    formats::scan(text, facts, spans);
    encoded::scan(redactor, text, facts, spans);
    if facts.may_hold_url() {
        urls::scan(text, facts.has_at(), spans);
    }
    if facts.may_hold_token() {
        tokens::scan(text, spans);
    }
}

pub(super) fn write(redactor: &Redactor, arg: &[u8], spans: &mut Vec<Span>) -> Argument {
    if spans.is_empty() {
        return Argument {
            text: arg.into(),
            redacted: Vec::new(),
        };
    }
    settle(spans);
    let mut text = Vec::with_capacity(arg.len() + 24 * spans.len());
    let mut redacted = Vec::with_capacity(spans.len());
    let mut shown_to = 0;
    for span in spans.iter() {
        let Some(kind) = span.kind else { continue };
        let secret = cut(arg, span.start, span.end);
        text.extend_from_slice(cut(arg, shown_to, span.start));
        text.extend_from_slice(format!("‹redacted {}›", secret.len()).as_bytes());
        redacted.push(redactor.redacted(kind, secret));
        shown_to = span.end;
    }
    text.extend_from_slice(cut(arg, shown_to, arg.len()));
    Argument {
        text: text.into(),
        redacted,
    }
}
