//! `cp REMOTE LOCAL`: spyhole next to the target writes an archive, and this end unpacks it. The
//! archive is taken as one that an attacker wrote, who may control the target.

mod left_out;
mod place;
#[cfg(test)]
mod tests;
mod unpack;

use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use clap::{ArgAction, Args};

pub(crate) use left_out::LeftOut;
pub(crate) use place::{CopyPlace, RemotePath};
pub(crate) use unpack::{Copied, CopyLimits, UnpackError, unpack};

use super::plan::line_for_terminal;
use crate::parse::tar::ArchiveError;

/// The command.
pub(crate) const COMMAND: &str = "cp";
/// The flag of `tar` with which `cp` calls it: a checksum behind each file, and the path that was
/// asked for followed where it is a link.
pub(crate) const FOR_CP: &str = "for-cp";
/// Files, directories and links of one copy.
const MEMBERS: u64 = 1_000_000;
/// The exit code where something was not copied.
const UNREADABLE: u8 = 4;
/// As many of what is left out are named.
const NAMED: u64 = 20;

/// What `cp` takes.
#[derive(Debug, Args)]
pub(crate) struct CopyOptions {
    /// The file or directory of the target; with /. at its end, what is in the directory.
    #[arg(value_name = "REMOTE")]
    pub remote: OsString,
    /// A name here, or a directory to copy into; - writes a tar archive to stdout.
    #[arg(value_name = "LOCAL")]
    pub local: PathBuf,
    /// Copy at most this many bytes, with an optional unit: K, M, G or T.
    #[arg(long, value_name = "SIZE", default_value = "16G", value_parser = size)]
    pub max_size: u64,
    /// Copy this file even if it holds a secret (repeatable).
    #[arg(long, value_name = "PATH", action = ArgAction::Append)]
    pub reveal_file: Vec<OsString>,
    /// Copy other file systems below REMOTE, too.
    #[arg(long)]
    pub cross: bool,
}

fn size(text: &str) -> Result<u64, String> {
    let text = text.trim_end_matches("iB").trim_end_matches('B');
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => (text.get(..at), unit),
        _ => (Some(text), ' '),
    };
    let shift = match unit.to_ascii_uppercase() {
        ' ' => 0,
        'K' => 10,
        'M' => 20,
        'G' => 30,
        'T' => 40,
        _ => return Err("expected a number of bytes with K, M, G or T".to_owned()),
    };
    let number = number.and_then(|number| number.parse::<u64>().ok());
    number
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(|| "expected a number of bytes with K, M, G or T".to_owned())
}

/// A copy that was asked for and can be made.
#[derive(Debug, Clone)]
pub(crate) struct CopyRequest {
    remote: RemotePath,
    /// `None`: the archive goes to stdout.
    place: Option<CopyPlace>,
    limits: CopyLimits,
    /// The words for spyhole next to the target.
    pub words: Vec<OsString>,
    /// Whether only errors are said on stderr.
    pub quiet: bool,
}

/// Why nothing was copied, or not all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyFailure {
    /// LOCAL cannot be written to as it is.
    #[error("{path}: {why}")]
    Local {
        /// As it was given.
        path: String,
        /// A sentence.
        why: String,
    },
    /// The copy ended early.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The archive cannot be passed on.
    #[error("cannot write the output: {0}")]
    Output(#[source] io::Error),
}

impl CopyOptions {
    /// The request, after a look at LOCAL. `flags` are those of every command that were given.
    ///
    /// # Errors
    /// [`CopyFailure::Local`].
    pub(crate) fn request(
        &self,
        flags: Vec<OsString>,
        quiet: bool,
    ) -> Result<CopyRequest, CopyFailure> {
        let remote = RemotePath::of(self.remote.as_bytes());
        let to_stdout = self.local.as_os_str() == "-";
        let place = if to_stdout {
            None
        } else {
            Some(CopyPlace::of(&self.local, &remote)?)
        };
        let mut words = flags;
        words.push("tar".into());
        for path in &self.reveal_file {
            let mut word = OsString::from("--reveal-file=");
            word.push(path);
            words.push(word);
        }
        words.extend(self.cross.then(|| "--cross".into()));
        if !to_stdout {
            words.push(format!("--{FOR_CP}").into());
        }
        words.extend(["-cf", "-", "--"].map(OsString::from));
        words.push(OsString::from_vec(remote.absolute()));
        Ok(CopyRequest {
            remote,
            place,
            limits: CopyLimits {
                bytes: self.max_size,
                members: MEMBERS,
            },
            words,
            quiet,
        })
    }
}

impl CopyRequest {
    /// Whatever spyhole next to the target writes, passed on to stdout.
    pub(crate) fn passing_on(words: Vec<OsString>, quiet: bool) -> Self {
        Self {
            remote: RemotePath::of(b"/"),
            place: None,
            limits: CopyLimits {
                bytes: 0,
                members: 0,
            },
            words,
            quiet,
        }
    }

    /// Takes what spyhole next to the target writes; names what it leaves out on stderr.
    ///
    /// # Errors
    /// [`CopyFailure`].
    pub(crate) fn receive(&self, input: &mut dyn Read) -> Result<Copied, CopyFailure> {
        let Some(place) = &self.place else {
            return pass_on(input);
        };
        let mut left_out = 0;
        let mut name = |what: LeftOut| {
            left_out += 1;
            if left_out <= NAMED {
                say(&what.to_string());
            }
        };
        let copied = unpack(input, &self.remote.parts(), place, self.limits, &mut name);
        if left_out > NAMED {
            say(&format!("{} more were not copied", left_out - NAMED));
        }
        Ok(copied?)
    }

    /// Whether a plain archive goes to stdout.
    pub(crate) fn is_to_stdout(&self) -> bool {
        self.place.is_none()
    }

    /// The path that was asked for, absolute.
    pub(crate) fn remote(&self) -> Vec<u8> {
        self.remote.absolute()
    }

    /// Whether anything came.
    pub(crate) fn began(&self, received: &Result<Copied, CopyFailure>) -> bool {
        match received {
            Ok(copied) => !self.is_to_stdout() || copied.bytes > 0,
            Err(error) => !matches!(
                error,
                CopyFailure::Unpack(
                    UnpackError::Empty | UnpackError::Archive(ArchiveError::Absent)
                )
            ),
        }
    }

    /// What was done, for a person; `None` where the archive went to stdout.
    pub(crate) fn summary(&self, copied: &Copied) -> Option<String> {
        let place = self.place.as_ref()?;
        let files = match copied.files {
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        };
        let bytes = copied.bytes;
        Some(format!(
            "copied {files} ({bytes} bytes) to {}",
            place.shown()
        ))
    }
}

/// The exit code of a copy whose other side ended with `code`; `explained` where it has said why on
/// stderr.
///
/// # Errors
/// [`CopyFailure`], where the copy ended early and the other side does not say why.
pub(crate) fn ended(
    request: &CopyRequest,
    received: Result<Copied, CopyFailure>,
    code: u8,
    explained: bool,
    quiet: bool,
) -> Result<u8, CopyFailure> {
    let is_own_fault = matches!(
        received,
        Err(CopyFailure::Local { .. }
            | CopyFailure::Output(_)
            | CopyFailure::Unpack(UnpackError::Write { .. } | UnpackError::NoSpace { .. }))
    );
    // Without a target, or without the file, there is no archive: that side has said so.
    if received.is_err() && !is_own_fault && matches!(code, 1..=5) && explained {
        let is_partial = matches!(
            received,
            Err(CopyFailure::Unpack(
                UnpackError::Archive(_) | UnpackError::Empty
            ))
        );
        if is_partial {
            return Ok(code);
        }
    }
    let copied = received?;
    if !quiet && let Some(summary) = request.summary(&copied) {
        say(&summary);
    }
    let is_partial = copied.left_out > 0;
    Ok(if code == 0 && is_partial {
        UNREADABLE
    } else {
        code
    })
}

fn pass_on(input: &mut dyn Read) -> Result<Copied, CopyFailure> {
    let mut out = io::stdout().lock();
    let copied = |bytes| Copied {
        bytes,
        ..Copied::default()
    };
    match io::copy(input, &mut out).and_then(|bytes| out.flush().map(|()| bytes)) {
        // The reader had enough of what came.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(copied(1)),
        Err(error) => Err(CopyFailure::Output(error)),
        Ok(bytes) => Ok(copied(bytes)),
    }
}

/// What the other side said on stderr.
pub(crate) fn say_lines(words: &[u8]) {
    for line in words.split(|byte| *byte == b'\n') {
        if !line.is_empty() {
            say(&String::from_utf8_lossy(line));
        }
    }
}

/// A line on stderr; a closed one is no error.
pub(crate) fn say(words: &str) {
    let _ = writeln!(io::stderr(), "{}", line_for_terminal(words));
}
