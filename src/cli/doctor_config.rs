//! What the caller of `doctor` expects, and the file of `--config`: one option a line, as the command line has it, without the dashes.

use std::path::Path;

use clap::ValueEnum;

use super::Failure;
use crate::doctor::{Ignored, Severity};
use crate::model::escape::escaped;
use crate::model::pod_security::PodSecurityLevel;
use crate::sys::own_file;

const LIMIT: u64 = 64 << 10;

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct DoctorConfig {
    pub(super) fail_on: Option<FailOn>,
    pub(super) policy: Option<Policy>,
    pub(super) ports: Vec<u16>,
    pub(super) ignore: Vec<Ignored>,
}

/// Reads a file of spyhole's own side.
///
/// # Errors
/// It cannot be read, or a line is not understood.
pub(super) fn read(path: &Path) -> Result<DoctorConfig, Failure> {
    let failure =
        |why: String| Failure::usage(format!("--config {}: {why}", path.to_string_lossy()));
    let bytes = own_file::contents(path, LIMIT).map_err(|error| failure(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| failure("is not UTF-8".to_owned()))?;
    parse(&text).map_err(failure)
}

fn parse(text: &str) -> Result<DoctorConfig, String> {
    let mut config = DoctorConfig::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        take(&mut config, name, value.trim())
            .map_err(|why| format!("line {}: {why}", number + 1))?;
    }
    Ok(config)
}

fn take(config: &mut DoctorConfig, name: &str, value: &str) -> Result<(), String> {
    match name {
        "fail-on" => {
            let found = FailOn::from_str(value, false);
            config.fail_on = Some(found.map_err(|_| "expected problem, risk, hint or never")?);
        }
        "policy" => {
            let found = Policy::from_str(value, false);
            config.policy = Some(found.map_err(|_| "expected baseline or restricted")?);
        }
        "expect-port" => {
            let port = value.parse().ok().filter(|port| *port > 0);
            config
                .ports
                .push(port.ok_or("expected a port from 1 to 65535")?);
        }
        "ignore" => config.ignore.push(value.parse()?),
        name => {
            return Err(format!(
                "unknown setting {}; expected ignore, fail-on, expect-port or policy",
                escaped(name.as_bytes())
            ));
        }
    }
    Ok(())
}

/// `--policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Policy {
    Baseline,
    Restricted,
}

impl Policy {
    pub(super) fn level(self) -> PodSecurityLevel {
        match self {
            Self::Baseline => PodSecurityLevel::Baseline,
            Self::Restricted => PodSecurityLevel::Restricted,
        }
    }
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    Problem,
    Risk,
    Hint,
    Never,
}

impl FailOn {
    pub(super) fn severity(self) -> Option<Severity> {
        match self {
            Self::Problem => Some(Severity::Problem),
            Self::Risk => Some(Severity::Risk),
            Self::Hint => Some(Severity::Hint),
            Self::Never => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_is_taken() {
        let text = "# ours\nfail-on risk\npolicy baseline\n\nexpect-port 8080\nexpect-port 9090\n\
                    ignore SPY-SEC-001=needs port 80\n";
        let config = parse(text).unwrap();
        assert_eq!(config.fail_on, Some(FailOn::Risk));
        assert_eq!(config.policy, Some(Policy::Baseline));
        assert_eq!(config.ports, [8080, 9090]);
        let ignored = config.ignore.first().unwrap();
        assert_eq!(
            (ignored.id, &*ignored.reason),
            ("SPY-SEC-001", "needs port 80")
        );
    }

    #[test]
    fn what_is_not_understood_names_its_line() {
        for (text, says) in [
            (
                "fail-on risk\nfail_on risk",
                "line 2: unknown setting fail_on",
            ),
            ("fail-on sometimes", "line 1: expected problem"),
            ("\n\npolicy strict", "line 3: expected baseline"),
            ("expect-port 0", "line 1: expected a port"),
            ("ignore SPY-SEC-001", "line 1: no reason given"),
            ("ignore SPY-XXX-001=why", "line 1: unknown rule"),
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.starts_with(says), "{why}");
        }
    }
}
