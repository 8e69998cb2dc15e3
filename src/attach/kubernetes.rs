//! `kubectl spyhole POD`: an ephemeral container, by the user's own kubectl.

use std::ffi::OsString;

use clap::Args;

use super::AttachError;

/// What `kubectl spyhole` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// The pod to look into.
    #[arg(value_name = "POD")]
    pub pod: String,
    /// What spyhole shall do there; without one: dump.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Puts spyhole beside the container and returns the exit code.
///
/// # Errors
/// [`AttachError`], as a sentence with its remedy.
pub fn run(_options: &Options) -> Result<u8, AttachError> {
    Ok(0)
}
