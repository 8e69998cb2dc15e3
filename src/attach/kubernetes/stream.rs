//! What comes out of a container by way of kubectl.

use std::io::{self, Write};
use std::process::ExitStatus;

use memchr::memmem;

use super::AttachError;
use super::kubectl::split;
use super::refusal::{self, Operation};
use super::target_refusal::NotReused;
use crate::attach::plan::Step;
use crate::model::escape::escaped;
use crate::model::reason::Reason;
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

/// What is noticed of a document while it passes.
#[derive(Debug, Default)]
pub(super) struct Frame {
    first: Option<u8>,
    last: Option<u8>,
    abandoned: bool,
    /// The end of what has passed, as long as a mark may be begun in it.
    tail: Vec<u8>,
    /// Why a process could not be read, where `CAP_SYS_PTRACE` would read it.
    refused: Option<Reason>,
}

/// The reasons that `CAP_SYS_PTRACE` overcomes, the one that nothing else does first.
const PTRACE_HELPS: [Reason; 4] = [
    Reason::NotDumpable,
    Reason::Capability,
    Reason::Uid,
    Reason::Gid,
];
/// No mark is longer.
const MARK_BYTES: usize = 80;

impl Frame {
    pub(super) fn see(&mut self, piece: &[u8]) {
        self.look_for_refusals(piece);
        let piece = piece.trim_ascii();
        self.first = self.first.or(piece.first().copied());
        self.last = piece.last().copied().or(self.last);
    }

    pub(super) fn is_whole(&self) -> bool {
        self.abandoned || (self.first == Some(b'{') && self.last == Some(b'}'))
    }

    /// As [`Frame::refused`].
    pub(super) fn ptrace_helps(&self) -> Option<Reason> {
        self.refused
    }

    fn look_for_refusals(&mut self, piece: &[u8]) {
        self.tail.extend_from_slice(piece);
        let found = PTRACE_HELPS.into_iter().position(|reason| {
            let marks = marks(reason);
            marks
                .iter()
                .any(|mark| memmem::find(&self.tail, mark.as_bytes()).is_some())
        });
        let known = PTRACE_HELPS
            .iter()
            .position(|one| Some(*one) == self.refused);
        let decisive = found.into_iter().chain(known).min();
        self.refused = decisive.and_then(|index| PTRACE_HELPS.get(index).copied());
        let done = self.tail.len().saturating_sub(MARK_BYTES);
        self.tail.drain(..done);
    }
}

/// How a document tells this reason: as a gap in JSON or YAML, below a table, and in `access`.
fn marks(reason: Reason) -> Vec<String> {
    let word = serde_json::to_string(&reason).unwrap_or_default();
    let mut marks = vec![
        format!("\"reason\":{word}"),
        format!("\"reason\": {word}"),
        format!("  reason: {}\n", word.trim_matches('"')),
        format!("not readable ({})", reason.describe()),
    ];
    if reason == Reason::NotDumpable {
        marks.push("the target is not dumpable: ".to_owned());
    }
    marks
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

#[cfg(test)]
mod tests {
    use super::*;

    fn noticed(pieces: &[&str]) -> Option<Reason> {
        let mut frame = Frame::default();
        for piece in pieces {
            frame.see(piece.as_bytes());
        }
        frame.ptrace_helps()
    }

    #[test]
    fn what_ptrace_would_read_is_noticed_in_every_form() {
        let dumpable = Some(Reason::NotDumpable);
        assert_eq!(
            noticed(&[r#"{"gaps":[{"reason":"not_dumpable","#]),
            dumpable
        );
        assert_eq!(noticed(&["  \"reason\": \"not_du", "mpable\""]), dumpable);
        assert_eq!(
            noticed(&["- field: x\n  reason: uid\n  count: 1\n"]),
            Some(Reason::Uid)
        );
        let note = "pid 1: environment not readable (the process is not dumpable); needs: root";
        assert_eq!(noticed(&[note]), dumpable);
        let uid = "pid 1: environment not readable (not the same user)\n";
        assert_eq!(noticed(&[uid, note]), dumpable, "the decisive one");
        assert_eq!(noticed(&[note, uid]), dumpable);
        for other in [
            "",
            "{}",
            r#"{"args":["\"reason\":\"uid\""]}"#,
            r#"{"reason":"vanished"}"#,
            "pid 1: exe not readable (permission denied)",
        ] {
            assert_eq!(noticed(&[other]), None, "{other}");
        }
    }

    #[test]
    fn what_is_kept_of_a_document_is_bounded() {
        let mut frame = Frame::default();
        for _ in 0..100 {
            frame.see(&[b'x'; 1 << 12]);
        }
        assert!(frame.tail.len() <= MARK_BYTES);
        let longest = PTRACE_HELPS
            .into_iter()
            .flat_map(marks)
            .map(|mark| mark.len());
        assert!(longest.max().unwrap() <= MARK_BYTES);
    }
}
