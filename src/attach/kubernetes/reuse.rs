//! A container of spyhole that runs already, used once more. It may end at any moment: then nothing
//! of it is passed on, and a new one does the work.

use std::io::{self, Write};

use super::AttachError;
use super::kubectl::split;
use super::refusal::{self, Operation};
use super::stream::{Ended, Frame, code, stream};
use super::target_refusal::{NotReused, TargetRefusal};
use crate::attach::plan::Step;
use crate::sys::tool::{self, ToolError};

/// How much of an answer is held back until it is whole.
const HELD_BACK: usize = 8 << 20;
/// How much of kubectl's last words is kept.
const LAST_WORDS: usize = 8 << 10;
/// Exit codes from here on are no program's own: it was not there, or a signal ended it.
pub(super) const NOT_ITS_OWN: std::ops::RangeInclusive<u8> = 126..=254;

/// A command whose answer is passed on.
pub(super) fn once(step: &Step, frame: &mut Frame) -> Result<Ended, AttachError> {
    let mut out = Held::default();
    let code = match stream(step, Operation::Exec, frame, &mut out) {
        Ok(code) => code,
        Err(why @ (AttachError::Target(_) | AttachError::Kubectl(_))) if !out.is_passed_on => {
            return Ok(Ended::NotReused(refused(&why.to_string())));
        }
        Err(other) => return Err(other),
    };
    if !NOT_ITS_OWN.contains(&code) {
        out.release().map_err(ToolError::Output)?;
        return Ok(Ended::With(code));
    }
    if out.is_passed_on {
        return Err(TargetRefusal::ReuseCutShort { code }.into());
    }
    Ok(Ended::NotReused(NotReused::EndedEarly { code }))
}

/// A command with this terminal as its own.
pub(super) fn attached(step: &Step) -> Result<Ended, AttachError> {
    let (program, words) = split(&step.words);
    let (status, stderr) = tool::hand_over_listening(&program, &words, LAST_WORDS)?;
    let code = code(status);
    if status.success() || status.code().is_none() {
        return Ok(Ended::With(code));
    }
    // kubectl tells the exit code of what it ran, unless the refusal is its own.
    if refusal::exit_code_beside(&stderr).is_none() {
        let why = refusal::of(Operation::Exec, &step.words, &stderr).to_string();
        return Ok(Ended::NotReused(refused(&why)));
    }
    if NOT_ITS_OWN.contains(&code) {
        return Ok(Ended::NotReused(NotReused::EndedEarly { code }));
    }
    Ok(Ended::With(code))
}

fn refused(why: &str) -> NotReused {
    NotReused::Refused(why.lines().next().unwrap_or_default().to_owned())
}

/// stdout, which gets an answer once it is whole, or is too long to be kept.
#[derive(Default)]
struct Held {
    kept: Vec<u8>,
    is_passed_on: bool,
}

impl Held {
    fn release(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let written = out.write_all(&self.kept).and_then(|()| out.flush());
        self.kept.clear();
        match written {
            // The reader closed the pipe: it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

impl Write for Held {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.is_passed_on {
            return io::stdout().write(piece);
        }
        self.kept.extend_from_slice(piece);
        if self.kept.len() > HELD_BACK {
            self.is_passed_on = true;
            io::stdout().write_all(&self.kept)?;
            self.kept.clear();
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_passed_on {
            io::stdout().flush()
        } else {
            Ok(())
        }
    }
}
