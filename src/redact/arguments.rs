//! The arguments of one process: what to hide in each, and the text that is left.

use super::commands::{CommandWords, WordPlace};
use super::fields;
use super::fields::{Line, Setting};
use super::text::{Facts, Span, cut, settle};
use super::{
    Argument, Redactor, encoded, formats, markup, objects, script, statements, tokens, urls,
};

/// Every argument with its secrets replaced.
pub(super) fn redact(redactor: &Redactor, args: &[Vec<u8>]) -> Vec<Argument> {
    let mut line = Line::default();
    let mut command = CommandWords::default();
    let mut spans = Vec::new();
    let mut script_next = false;
    args.iter()
        .enumerate()
        .map(|(index, arg)| {
            spans.clear();
            // A process that writes its title over its arguments leaves one with spaces.
            let setting = if index == 0 || script_next {
                Setting::Script
            } else {
                Setting::Argument
            };
            let facts = Facts::of(arg);
            let last = index + 1 == args.len();
            look(redactor, arg, facts, setting, &mut line, &mut spans);
            follow(redactor, arg, facts, last, &mut command, &mut spans);
            script_next = command.shell
                && arg.len() <= 10
                && arg.starts_with(b"-")
                && matches!(arg.last(), Some(b'c' | b'e' | b'd'));
            write(redactor, arg, &mut spans)
        })
        .collect()
}

/// The argument as a word of the command, and, where it has words of its own, as a script.
fn follow(
    redactor: &Redactor,
    arg: &[u8],
    facts: Facts,
    last: bool,
    command: &mut CommandWords,
    spans: &mut Vec<Span>,
) {
    let place = WordPlace {
        start: 0,
        end: arg.len(),
        last,
    };
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
        && fields::take_whole(arg, expects, spans)
    {
        return;
    }
    if facts.may_hold_fields() || arg.starts_with(b"-") {
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
