//! The arguments of one process: what to hide in each, and the text that is left.

use super::fields;
use super::fields::{Line, Setting};
use super::programs;
use super::programs::Program;
use super::text::{ProcessSnapshot, Span, cut, settle};
use super::{Argument, Redactor, tokens, urls};

/// Every argument with its secrets replaced.
pub(super) fn redact(redactor: &Redactor, args: &[Vec<u8>]) -> Vec<Argument> {
    let mut line = Line::default();
    let mut spans = Vec::new();
    let mut shell = false;
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
            look(redactor, arg, setting, &mut line, &mut spans);
            shell |= line.program == Program::Shell;
            script_next = shell && arg.len() <= 8 && arg.starts_with(b"-") && arg.ends_with(b"c");
            write(redactor, arg, &mut spans)
        })
        .collect()
}

fn look(redactor: &Redactor, arg: &[u8], setting: Setting, line: &mut Line, spans: &mut Vec<Span>) {
    if arg.is_empty() {
        line.expects = None;
        return;
    }
    if let Some(expects) = line.expects.take()
        && fields::take_whole(arg, expects, spans)
    {
        return;
    }
    let facts = ProcessSnapshot::of(arg);
    if facts.may_hold_fields() || arg.starts_with(b"-") {
        fields::scan(arg, setting, redactor, line, spans);
    } else if let Some(program) = programs::program(line.program, arg) {
        line.program = program;
    }
    shapes(arg, facts, spans);
}

/// What every text is searched for, whatever it is called.
pub(super) fn shapes(text: &[u8], facts: ProcessSnapshot, spans: &mut Vec<Span>) {
    if facts.may_hold_url() {
        urls::scan(text, facts.has_at(), spans);
    }
    if facts.may_hold_token() {
        tokens::scan(text, spans);
    }
}

fn write(redactor: &Redactor, arg: &[u8], spans: &mut Vec<Span>) -> Argument {
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
