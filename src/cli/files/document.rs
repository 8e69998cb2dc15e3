//! Files as one JSON document that is written while they are met.

use serde::Serialize;

use crate::files::{FileError, Output, Stopped};
use crate::model::gap::{Gaps, Subject};
use crate::model::time::Timestamp;
use crate::render;

/// Its form, apart from that of the sections.
const SCHEMA: &str = "spyhole/files/v1";

/// The document, open.
pub(super) struct FilesDocument {
    gaps: Gaps,
    is_first: bool,
}

#[derive(Serialize)]
struct Gapped<'a> {
    gaps: &'a [crate::model::gap::Gap],
}

impl FilesDocument {
    /// Begins it; `list` is the key of what follows.
    pub(super) fn begin(list: &str, output: &mut Output) -> Result<Self, Stopped> {
        let version = env!("CARGO_PKG_VERSION");
        let taken_at = Timestamp::now().rfc3339();
        let head = format!(
            "{{\"schema\":\"{SCHEMA}\",\"version\":\"{version}\",\"taken_at\":\"{taken_at}\",\"{list}\":["
        );
        output.write(head.as_bytes())?;
        Ok(Self {
            gaps: Gaps::default(),
            is_first: true,
        })
    }

    /// Adds a member of the list.
    pub(super) fn add(
        &mut self,
        member: &impl Serialize,
        output: &mut Output,
    ) -> Result<(), Stopped> {
        let mut line = if self.is_first {
            b"\n".to_vec()
        } else {
            b",\n".to_vec()
        };
        self.is_first = false;
        // Writing into memory does not fail, and plain data can be written.
        let _ = render::compact(member, &mut line);
        output.write(&line)
    }

    /// Records what is missing, here and on stderr.
    pub(super) fn miss(&mut self, error: &FileError, output: &mut Output) -> Result<(), Stopped> {
        let subject = Subject::Path(error.path.as_slice().into());
        let mut gaps = self.gaps.section("files");
        let _ = gaps.record("entry", subject, &error.refusal());
        output.complain(error)
    }

    /// Ends it with the gaps.
    pub(super) fn end(self, output: &mut Output) -> Result<(), Stopped> {
        let mut tail = Vec::new();
        let gaps = Gapped {
            gaps: self.gaps.as_slice(),
        };
        let _ = render::compact(&gaps, &mut tail);
        let tail = tail.strip_prefix(b"{").unwrap_or(&tail);
        output.write(b"\n],")?;
        output.write(tail)?;
        output.write(b"\n")
    }
}
