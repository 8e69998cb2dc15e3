//! Which runtime in which version judges chains, where its rules are known.

use super::detect::{Detected, python_version};
use super::overrides::Overrides;
use super::program::{ProgramImage, base_name};
use crate::model::trust_store::Runtime;
use crate::parse::elf::Go;
use crate::pki::AskedRuntime;

/// The setting of GODEBUG that lets Go 1.23 and later take negative serial numbers.
const NEGATIVE_SERIALS: &str = "x509negativeserial";

/// The runtime of the target; `None` where its rules or its version are not known.
pub(super) fn runtime(
    detected: &Detected,
    program: &ProgramImage<'_>,
    overrides: &Overrides,
) -> Option<AskedRuntime> {
    match detected.runtime() {
        Runtime::Go => go(program.image()?.go.as_ref()?, overrides.filled("GODEBUG")),
        Runtime::Python => {
            let mut paths = program.all_mapped().chain(program.path.as_deref());
            let version = paths.find_map(python_version)?;
            let minor = std::str::from_utf8(version.strip_prefix(b"python3.")?).ok()?;
            Some(AskedRuntime::python(minor.parse().ok()?))
        }
        Runtime::Openssl => {
            let library = program.mapped(b"libssl.so")?;
            (base_name(library) == b"libssl.so.3").then(AskedRuntime::openssl)
        }
        _ => None,
    }
}

/// By the version in the build info, and by GODEBUG: the setting of the environment counts more
/// than the one that the program was built with.
fn go(go: &Go, environ: Option<&[u8]>) -> Option<AskedRuntime> {
    let version = go.version.as_deref()?.strip_prefix("go1.")?;
    let digits = version.split(|one: char| !one.is_ascii_digit()).next()?;
    let built = go
        .modules
        .lines()
        .find_map(|line| line.strip_prefix("build\tDefaultGODEBUG="));
    let environ = environ.map(String::from_utf8_lossy);
    let setting = [environ.as_deref(), built]
        .into_iter()
        .flatten()
        .find_map(|list| {
            let settings = list
                .split(',')
                .rev()
                .filter_map(|one| one.trim().split_once('='));
            let mut own = settings.filter(|(name, _)| *name == NEGATIVE_SERIALS);
            own.next().map(|(_, value)| value == "1")
        });
    Some(AskedRuntime::go(
        digits.parse().ok()?,
        setting.unwrap_or(false),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_and_the_setting_of_negative_serials_decide() {
        let program = |version: &str, modules: &str| Go {
            version: Some(version.to_owned()),
            modules: modules.to_owned(),
        };
        let godebug = "path\ta\nbuild\tDefaultGODEBUG=madvdontneed=1,x509negativeserial=1\n";
        for (version, modules, environ, takes) in [
            ("go1.22.3", "", None, true),
            ("go1.23", "", None, false),
            ("go1.27.3", godebug, None, true),
            (
                "go1.27rc1 X:loopvar",
                "",
                Some("x509negativeserial=1"),
                true,
            ),
            (
                "go1.27.3",
                godebug,
                Some("http2client=0,x509negativeserial=0"),
                false,
            ),
        ] {
            let wanted = version.strip_prefix("go1.").unwrap().get(..2).unwrap();
            let wanted = AskedRuntime::go(wanted.parse().unwrap(), takes);
            let found = go(&program(version, modules), environ.map(str::as_bytes));
            assert_eq!(found, Some(wanted), "{version} {environ:?}");
        }
        assert_eq!(go(&program("devel +a1b2", ""), None), None);
    }
}
