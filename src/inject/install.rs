//! `spyhole install DIR`: the program's own file, put into a volume that other containers mount.

use std::path::PathBuf;

use clap::Args;

/// What `spyhole install` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// The directory to copy spyhole into, such as a mounted emptyDir.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {}

/// Copies the running program into the directory and says what was done.
///
/// # Errors
/// [`InstallError`]: nothing of the copy is left then.
pub fn run(_options: &Options) -> Result<String, InstallError> {
    Ok(String::new())
}
