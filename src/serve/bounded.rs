//! Writes an answer that is no longer than it may be.

use std::io::{self, Write};

use hyper::StatusCode;

use super::problem::Problem;

/// What to say where an answer was not written.
pub(super) fn unwritten(error: &io::Error, most: usize) -> Problem {
    match error.kind() {
        io::ErrorKind::FileTooLarge => Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            format!(
                "the response exceeds the {} MiB of --max-response; request a single section",
                most >> 20
            ),
        ),
        _ => Problem::lost(),
    }
}

/// An answer while it is written: no longer than it may be.
pub(super) struct Writer {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Writer {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn write(
    most: usize,
    writing: impl FnOnce(&mut Writer) -> io::Result<()>,
) -> io::Result<Vec<u8>> {
    let mut out = Writer {
        bytes: Vec::new(),
        most,
    };
    writing(&mut out).map(|()| out.bytes)
}
