//! spyhole's own image, made from the running program: as an archive, in an engine or a cluster of
//! this machine, in a registry. The same program, name and `SOURCE_DATE_EPOCH` give the same bytes.

mod archive;
mod content;
mod credentials;
mod destination;
mod layer;
mod name;
mod program;
mod push;
mod registry;
#[cfg(test)]
mod tests;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;

use crate::sys::report_file::WriteError;
use crate::sys::tool::ToolError;

pub(crate) use archive::archive;
pub(crate) use content::{ImageVariant, OwnImage};
pub(crate) use destination::{ImageDestination, load};
pub(crate) use name::ImageName;
pub(crate) use program::ImageProgram;
pub(crate) use push::{PushRequest, push};

/// Why the image could not be made, saved, loaded or pushed.
#[derive(Debug)]
pub(crate) enum ImageError {
    /// The text names no image; what was expected.
    Name {
        text: String,
        expected: &'static str,
    },
    /// The variable `SOURCE_DATE_EPOCH` is no number of seconds.
    Epoch,
    /// The running program needs shared libraries, which the image does not have.
    NotStatic,
    /// A program cannot be read.
    Program {
        path: PathBuf,
        source: std::io::Error,
    },
    /// It is no program that could be in the image; what it is not.
    NotSpyhole {
        path: PathBuf,
        expected: &'static str,
    },
    /// Both programs are for this architecture.
    SameArchitecture {
        path: PathBuf,
        architecture: &'static str,
    },
    /// A file of that name is there.
    Exists(PathBuf),
    /// The file cannot be written.
    Write(WriteError),
    /// The engine, or what else should take the image, does not run.
    Tool(ToolError),
    /// Neither docker nor podman responds: what each said.
    NoEngine(Vec<String>),
    /// The program refuses the image.
    LoadRefused {
        words: Vec<OsString>,
        code: Option<i32>,
        said: String,
    },
    /// The image cannot be put together in memory, or be lent from there to another program.
    Memory(std::io::Error),
    /// The file of authorities cannot be used.
    Authorities(String),
    /// The login for the registry cannot be read.
    Credentials(credentials::CredentialError),
    /// The registry does not take the image.
    Registry { host: String, fault: RegistryFault },
}

/// What went wrong with a registry. What it says is escaped and holds no credential.
#[derive(Debug)]
pub(crate) enum RegistryFault {
    /// Its name has no address, its proxy is none, or none of its addresses takes a connection.
    Unreachable(String),
    /// It is not on this machine, and speaks no TLS.
    PlainHttp,
    /// Its certificate is not trusted.
    Untrusted(String),
    /// No complete response came.
    Exchange { step: &'static str, says: String },
    /// More came than any registry says.
    TooLong { step: &'static str, bytes: usize },
    /// It wants a login, and there is none.
    LoginNeeded,
    /// It refuses the login.
    LoginRefused,
    /// It wants a kind of login that is not supported.
    LoginUnsupported,
    /// The login is accepted, and may not do this.
    Denied { step: &'static str, says: String },
    /// It leads to another place, which is not followed.
    Redirected { step: &'static str, to: String },
    /// Its response is not what the protocol says.
    Unexpected {
        step: &'static str,
        what: &'static str,
    },
    /// It refuses with this status.
    Refused {
        step: &'static str,
        status: u16,
        says: String,
    },
    /// It stored something else.
    WrongDigest { expected: String, answered: String },
    /// The deadline has passed.
    TimedOut { step: &'static str },
}
