//! The sentence of each error, with its remedy.

use std::fmt;

use super::{ImageError, RegistryFault};
use crate::model::escape::escaped;
use crate::model::shell::quoted;

impl std::error::Error for ImageError {}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { text, expected } => write!(
                f,
                "\"{}\" is not an image name: expected {expected}",
                escaped(text.as_bytes())
            ),
            Self::Epoch => f.write_str(
                "SOURCE_DATE_EPOCH is not a number of seconds since 1970, as `date +%s` prints it",
            ),
            Self::NotStatic => f.write_str(
                "this program needs shared libraries, which an image of it alone does not have: \
                 build spyhole as a static program",
            ),
            Self::Program { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::NotSpyhole { path, expected } => {
                write!(f, "{} is not {expected}", path.display())
            }
            Self::SameArchitecture { path, architecture } => write!(
                f,
                "{} is for {architecture}, as this program is; --also takes the one for the other \
                 architecture",
                path.display()
            ),
            Self::Exists(path) => write!(f, "{} exists; --force replaces it", path.display()),
            Self::Write(error) => error.fmt(f),
            Self::Tool(error) => error.fmt(f),
            Self::NoEngine(why) => write!(
                f,
                "neither docker nor podman responds: {}\n  Start one of them, or name where to load \
                 the image: spyhole image load kind",
                why.join("; ")
            ),
            Self::LoadRefused { words, code, said } => {
                let words = words.iter().map(|word| quoted(&word.to_string_lossy()));
                let line = words.collect::<Vec<_>>().join(" ");
                write!(f, "`{}` failed", escaped(line.as_bytes()))?;
                if let Some(code) = code {
                    write!(f, " (exit code {code})")?;
                }
                write!(f, "; its output: {said}")
            }
            Self::Memory(error) => write!(f, "cannot put the image together in memory: {error}"),
            Self::Authorities(says) => f.write_str(says),
            Self::Credentials(error) => error.fmt(f),
            Self::Registry { host, fault } => write_fault(f, host, fault),
        }
    }
}

fn write_fault(f: &mut fmt::Formatter<'_>, host: &str, fault: &RegistryFault) -> fmt::Result {
    match fault {
        RegistryFault::Unreachable(says) => write!(f, "cannot reach {host}: {says}"),
        RegistryFault::PlainHttp => write!(
            f,
            "{host} is asked by plain HTTP, which is used on this machine only (localhost, \
             127.0.0.1, ::1)"
        ),
        RegistryFault::Untrusted(says) => write!(
            f,
            "the certificate of {host} is not trusted: {says}\n  --ca FILE names its authorities"
        ),
        RegistryFault::Exchange { step, says } => write!(f, "{host}: {step}: {says}"),
        RegistryFault::TooLong { step, bytes } => write!(
            f,
            "{host}: {step}: the response is longer than {} KiB",
            bytes >> 10
        ),
        RegistryFault::LoginNeeded => write!(
            f,
            "{host} requires a login: docker login {host}, or podman login {host}"
        ),
        RegistryFault::LoginRefused => write!(
            f,
            "{host} refuses the login: renew it with docker login {host}, or podman login {host}"
        ),
        RegistryFault::LoginUnsupported => write!(
            f,
            "{host} requires a kind of login that spyhole does not have (Basic and Bearer are \
             supported)"
        ),
        RegistryFault::Denied { step, says } => write!(
            f,
            "{host} denies it to this login: {step}{}",
            after_colon(says)
        ),
        RegistryFault::Redirected { step, to } => write!(
            f,
            "{host}: {step}: it redirects to {}, which is not followed",
            escaped(to.as_bytes())
        ),
        RegistryFault::Unexpected { step, what } => {
            write!(f, "{host}: {step}: the response has not {what}")
        }
        RegistryFault::Refused { step, status, says } => {
            write!(f, "{host}: {step}: status {status}{}", after_colon(says))
        }
        RegistryFault::WrongDigest { expected, answered } => write!(
            f,
            "{host} stored something else: {answered} instead of {expected}"
        ),
        RegistryFault::TimedOut { step } => write!(
            f,
            "{host}: {step}: timed out; --timeout sets how long all of it may take"
        ),
    }
}

fn after_colon(says: &str) -> String {
    if says.is_empty() {
        String::new()
    } else {
        format!(": {says}")
    }
}
