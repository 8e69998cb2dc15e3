//! What comes out of a container by way of kubectl.

use std::io::{self, Write};
use std::process::ExitStatus;

use super::AttachError;
use super::kubectl::split;
use super::refusal::{self, Operation};
use super::target_refusal::NotReused;
use crate::attach::plan::Step;
use crate::model::escape::escaped;
use crate::sys::tool::{self, ToolError};

/// Passes what a program says on stdout on; its exit code, where it is that of spyhole there.
pub(super) fn stream(
    step: &Step,
    operation: Operation,
    frame: &mut Frame,
    out: &mut dyn Write,
) -> Result<u8, AttachError> {
    let (program, words) = split(&step.words);
    let streamed = tool::stream(&program, &words, &mut |piece| {
        frame.see(piece);
        out.write_all(piece)
    });
    let said = match streamed {
        // The reader had enough.
        Err(ToolError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            frame.abandoned = true;
            return Ok(0);
        }
        other => other?,
    };
    out.flush().map_err(ToolError::Output)?;
    let ended = refusal::exit_code_beside(&said.stderr);
    if !said.status.success() && ended.is_none() {
        return Err(refusal::of(operation, &step.words, &said.stderr));
    }
    for line in said.stderr.split(|byte| *byte == b'\n') {
        if !line.is_empty() && !is_of_kubectl(line) {
            let _ = writeln!(io::stderr(), "{}", escaped(line));
        }
    }
    Ok(ended.unwrap_or(0))
}

/// Whether a line on stderr is kubectl's own beside those of what it runs.
pub(super) fn is_of_kubectl(line: &[u8]) -> bool {
    line.starts_with(b"command terminated with exit code")
        || line.starts_with(b"Defaulted container")
}

/// Whether a JSON document came whole.
#[derive(Debug, Default)]
pub(super) struct Frame {
    first: Option<u8>,
    last: Option<u8>,
    abandoned: bool,
}

impl Frame {
    pub(super) fn see(&mut self, piece: &[u8]) {
        let piece = piece.trim_ascii();
        self.first = self.first.or(piece.first().copied());
        self.last = piece.last().copied().or(self.last);
    }

    pub(super) fn is_whole(&self) -> bool {
        self.abandoned || (self.first == Some(b'{') && self.last == Some(b'}'))
    }
}

/// An exit code; 255 where a signal ended it.
pub(super) fn code(status: ExitStatus) -> u8 {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.unwrap_or(u8::MAX)
}

/// How a way ended.
pub(super) enum Ended {
    /// With spyhole's exit code.
    With(u8),
    /// The container that was to be used again did not do, and nothing was printed; why.
    NotReused(NotReused),
}
