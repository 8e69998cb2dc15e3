//! The words for spyhole beside a target, checked before anything is put there: a container that
//! was added to a pod stays listed in it.

use std::ffi::OsString;
use std::process::ExitCode;

use super::scan_options::LOOK_TIMEOUT;
use super::{CommandLine, Failure, clap_says, extras, fit, global, parse};
use crate::sections::registry;

/// `None` where spyhole takes the words. Otherwise what it answers here, as it would there: a usage
/// error, or the help that was asked for.
pub(super) fn check(flags: &[OsString], command: &[OsString]) -> Option<Result<ExitCode, Failure>> {
    let words: Vec<OsString> = std::iter::once("spyhole".into())
        .chain(flags.iter().chain(command).cloned())
        .collect();
    match parse(&words) {
        Err(error) => Some(clap_says(error, &words).map(ExitCode::from)),
        Ok(line) => suits(&line).err().map(Err),
    }
}

/// What only the request itself can tell.
fn suits(line: &CommandLine) -> Result<(), Failure> {
    let global = global(&line.matches)?;
    let requests = match (line.matches.subcommand(), line.look) {
        (None | Some((extras::DUMP, _)), _) => registry::whole(),
        (Some((_, own)), Some(look)) => vec![look.request(own)?],
        (Some(_), None) => return Ok(()),
    };
    fit(&requests, global.timeout.unwrap_or(LOOK_TIMEOUT))
}
