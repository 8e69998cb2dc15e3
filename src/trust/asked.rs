//! Which runtime in which version judges chains, where its rules are known.

use super::detect::{Detected, RuntimeTrustRules, python_version};
use super::overrides::Overrides;
use super::program::{ProgramImage, base_name};
use crate::model::trust_store::Runtime;
use crate::parse::elf::Go;
use crate::pki::AskedRuntime;
use crate::sys::opened_file::{FileKind, OpenedFile};

/// Bytes of a `release` of Java that are read.
const RELEASE_BYTES: usize = 64 << 10;

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
        Runtime::Gnutls => {
            let library = base_name(program.mapped(b"libgnutls.so")?);
            let is_3 = library == b"libgnutls.so.30" || library.starts_with(b"libgnutls.so.30.");
            is_3.then(AskedRuntime::gnutls)
        }
        Runtime::Node => {
            // Of the address of its own headers.
            let library = program.mapped(b"libnode.so");
            let version = program.number_after(library, b"node-v")?;
            Some(AskedRuntime::node(first_number(&version)?))
        }
        Runtime::Java => match &detected.rules {
            RuntimeTrustRules::Java { home } => java(program, home),
            _ => None,
        },
        Runtime::Dotnet => program.all_mapped().find_map(dotnet),
        // Of the path of a source in the messages of its panics.
        Runtime::Rust => {
            let version = program.number_after(None, b"/rustls-0.")?;
            let is_aws_lc = program.number_after(None, b"/aws-lc-rs-").is_some();
            AskedRuntime::rustls(first_number(&version)?, is_aws_lc)
        }
        Runtime::Unknown => None,
    }
}

fn first_number(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// By `JAVA_VERSION="17.0.15"` in the file `release` of its home; `1.8.0_402` is Java 8.
fn java(program: &ProgramImage<'_>, home: &[u8]) -> Option<AskedRuntime> {
    let path = [home, b"/release"].concat();
    let file = OpenedFile::at(program.root, &path).ok()?;
    if file.kind() != FileKind::File {
        return None;
    }
    let mut bytes = Vec::new();
    file.read(RELEASE_BYTES, &mut bytes).ok()?;
    AskedRuntime::java(java_version(&String::from_utf8_lossy(&bytes))?)
}

fn java_version(release: &str) -> Option<u32> {
    let version = release
        .lines()
        .find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    let version = version.trim().trim_matches('"');
    let version = version.strip_prefix("1.").unwrap_or(version);
    let digits = version.split(|one: char| !one.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// `…/Microsoft.NETCore.App/8.0.4/libcoreclr.so`.
fn dotnet(path: &[u8]) -> Option<AskedRuntime> {
    let directory = path.strip_suffix(b"/libcoreclr.so")?;
    let mut parts = directory.rsplit(|byte| *byte == b'/');
    let version = std::str::from_utf8(parts.next()?).ok()?;
    if parts.next()? != b"Microsoft.NETCore.App" {
        return None;
    }
    Some(AskedRuntime::dotnet(first_number(version)?))
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
    fn java_and_dotnet_leave_their_versions_beside_their_libraries() {
        for (release, version) in [
            (
                "IMPLEMENTOR=\"Debian\"\nJAVA_VERSION=\"17.0.15\"\n",
                Some(17),
            ),
            ("JAVA_VERSION=\"21\"", Some(21)),
            ("JAVA_VERSION=\"1.8.0_402\"\r\n", Some(8)),
            ("JAVA_RUNTIME_VERSION=\"17\"", None),
        ] {
            assert_eq!(java_version(release), version, "{release:?}");
        }
        let path = b"/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.4/libcoreclr.so";
        assert_eq!(dotnet(path), Some(AskedRuntime::dotnet(8)));
        assert_eq!(dotnet(b"/app/libcoreclr.so"), None);
    }

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
