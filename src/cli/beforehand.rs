//! The words for spyhole beside a target, checked before anything is put there: a container that
//! was added to a pod stays listed in it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, FromArgMatches};

use super::global::Global;
use super::looks::Look;
use super::{Failure, LOOK_TIMEOUT, clap_says, extras, parse, requests};
use crate::sections::section;

/// `None` where spyhole takes the words. Otherwise what it answers here, as it would there: a usage
/// error, or the help that was asked for.
pub(super) fn check(flags: &[OsString], command: &[OsString]) -> Option<Result<ExitCode, Failure>> {
    let words: Vec<OsString> = std::iter::once("spyhole".into())
        .chain(flags.iter().chain(command).cloned())
        .collect();
    match parse(&words) {
        Err(error) => Some(clap_says(error, &words).map(ExitCode::from)),
        Ok(matches) => suits(&matches).err().map(Err),
    }
}

/// What only the request itself can tell.
fn suits(matches: &ArgMatches) -> Result<(), Failure> {
    let global =
        Global::from_arg_matches(matches).map_err(|error| Failure::usage(error.to_string()))?;
    let looks = |name: &str| name == extras::DUMP || Look::named(name.as_ref()).is_some();
    if !matches.subcommand_name().is_none_or(looks) {
        return Ok(());
    }
    let timeout = global.timeout.unwrap_or(LOOK_TIMEOUT);
    requests(matches)?.iter().try_for_each(|request| {
        section::fits(&**request, timeout)
            .map_err(|(flag, why)| Failure::usage(format!("--{flag}: {why}")))
    })
}
