//! What is appended to files, for `tail -f`.

use std::thread;
use std::time::Duration;

use super::cat::say_redactions;
use super::ends::Printer;
use crate::files::{Content, Output, Stopped, TargetFiles};
use crate::model::escape::escaped;

/// A file whose end is watched.
pub(super) struct Followed<'a> {
    path: Vec<u8>,
    open: Option<FollowedFile<'a>>,
    is_said: bool,
}

struct FollowedFile<'a> {
    content: Content<'a>,
    redactions: u64,
}

impl<'a> Followed<'a> {
    pub(super) fn missing(path: Vec<u8>) -> Self {
        Self {
            path,
            open: None,
            is_said: true,
        }
    }

    pub(super) fn of(path: Vec<u8>, content: Content<'a>) -> Self {
        Self {
            path,
            open: Some(FollowedFile {
                redactions: content.redactions(),
                content,
            }),
            is_said: false,
        }
    }
}

/// Prints what is appended until the target ends.
pub(super) fn follow<'a>(
    files: &'a TargetFiles,
    followed: &mut [Followed<'a>],
    every: Duration,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<(), Stopped> {
    let mut last = followed.len().saturating_sub(1);
    loop {
        output.ask()?;
        let has_ended = files.target_has_ended();
        for (index, one) in followed.iter_mut().enumerate() {
            // What was written to the old file comes before what is in the new one.
            more_of(one, index, &mut last, printer, output)?;
            look_again(files, one, index, &mut last, printer, output)?;
        }
        output.flush()?;
        if has_ended {
            for one in followed.iter_mut() {
                last_line(one, printer, output)?;
            }
            return output.note("the target has ended");
        }
        thread::sleep(every);
    }
}

/// Whether another file has this name now, or the file was cut.
fn look_again<'a>(
    files: &'a TargetFiles,
    one: &mut Followed<'a>,
    index: usize,
    last: &mut usize,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<(), Stopped> {
    let name = escaped(&one.path).into_owned();
    let found = match files.entry(&one.path) {
        Ok(found) => found,
        Err(error) => {
            if !one.is_said {
                one.is_said = true;
                output.note(&error)?;
            }
            return Ok(());
        }
    };
    if let Some(open) = &mut one.open
        && open.content.identity() == found.stat().identity()
    {
        one.is_said = false;
        if found.stat().size_bytes >= open.content.offset() {
            return Ok(());
        }
        output.note(format!(
            "{name} was truncated: following it from its beginning"
        ))?;
    } else {
        output.note(format!("{name} is another file now: following it"))?;
    }
    more_of(one, index, last, printer, output)?;
    last_line(one, printer, output)?;
    one.open = None;
    match files.content(&one.path, &found) {
        Err(error) if one.is_said => {
            let _ = error;
            Ok(())
        }
        Err(error) => {
            one.is_said = true;
            output.complain(error)
        }
        Ok(mut content) => {
            content.hold_last_line(true);
            one.is_said = false;
            one.open = Some(FollowedFile {
                redactions: content.redactions(),
                content,
            });
            more_of(one, index, last, printer, output)
        }
    }
}

/// Prints a last line whose end has not come.
fn last_line(
    one: &mut Followed<'_>,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<(), Stopped> {
    let Some(open) = &mut one.open else {
        return Ok(());
    };
    open.content.hold_last_line(false);
    if let Ok(Some(piece)) = open.content.next() {
        printer.add(piece, output)?;
    }
    printer.end(output)
}

/// Prints what was appended.
fn more_of(
    one: &mut Followed<'_>,
    index: usize,
    last: &mut usize,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<(), Stopped> {
    let Some(open) = &mut one.open else {
        return Ok(());
    };
    // The size may be that of a file which was cut: then it is opened again.
    if open.content.extend().is_err() {
        return Ok(());
    }
    loop {
        match open.content.next() {
            Ok(Some(piece)) => {
                if *last != index {
                    *last = index;
                    printer.heading(&one.path, output)?;
                }
                printer.add(piece, output)?;
            }
            Ok(None) => break,
            Err(error) => {
                output.complain(error)?;
                one.open = None;
                return Ok(());
            }
        }
    }
    let redacted = open.content.redactions();
    if redacted > open.redactions && open.redactions == 0 {
        say_redactions(redacted, &one.path, output)?;
    }
    open.redactions = redacted;
    Ok(())
}
