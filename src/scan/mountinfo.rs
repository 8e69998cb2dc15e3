//! The mounts of the target's main process, read once for all sections.

use std::sync::Arc;

use super::Scan;
use crate::model::gap::{Reason, Refusal};
use crate::rights::ptrace_access::AccessCheck;
use crate::sys::{Truncation, file_limits};

impl Scan {
    /// `/proc/PID/mountinfo` of the target's main process: what was kept of the walk, else read
    /// from the held process.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(crate) fn mountinfo(&self) -> Result<(Arc<[u8]>, Truncation), Refusal> {
        let held = self.target.as_ref();
        let held = held.ok_or_else(|| Refusal::of(Reason::Vanished))?;
        let process = self.main_process();
        let kept = process.and_then(|process| process.mountinfo.as_ref());
        if let Some(kept) = kept.or_else(|| held.mountinfo.get()) {
            return Ok((Arc::clone(kept), Truncation::Whole));
        }
        let mut buffer = Vec::new();
        match held
            .main
            .read_records(c"mountinfo", file_limits::MOUNTINFO, &mut buffer)
        {
            Ok(cut) => {
                let text: Arc<[u8]> = buffer.into();
                if cut == Truncation::Whole {
                    // Only the first to get here keeps it; both texts are whole.
                    let _ = held.mountinfo.set(Arc::clone(&text));
                }
                Ok((text, cut))
            }
            // A zombie has given up its mounts: that is no lack of this kernel.
            Err(_) if process.is_some_and(|process| process.stat.state == b'Z') => {
                Err(Refusal::of(Reason::Vanished))
            }
            Err(errno) => Err(held.refusal(errno, AccessCheck::Open, &self.reader.viewer)),
        }
    }
}
