//! Which runtime the main program is, by the contents of its file and mappings, never by its
//! name alone.

use super::overrides::Overrides;
use super::program::{ProgramImage, base_name};
use crate::model::trust_store::Runtime;
use crate::sys::opened_file::{FileKind, OpenedFile};

/// A runtime with what its habits depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Detected {
    pub(super) rules: RuntimeTrustRules,
    /// The evidence, as a sentence part.
    pub(super) evidence: String,
}

/// What the habits of a runtime depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RuntimeTrustRules {
    Go {
        /// Authorities that are linked in for where the system has none.
        fallback: bool,
    },
    Java {
        /// Its `java.home`.
        home: Vec<u8>,
    },
    Node {
        openssl: OpensslDir,
        /// Whether it uses the system's OpenSSL: then its makers often let it use the system's
        /// authorities too.
        shared: bool,
    },
    Python {
        openssl: OpensslDir,
        /// Where `certifi` is.
        certifi: Option<Vec<u8>>,
    },
    Dotnet {
        openssl: OpensslDir,
    },
    Openssl {
        openssl: OpensslDir,
    },
    Gnutls {
        /// The bundle that is compiled in; `None` where it asks p11-kit or nothing shows.
        bundle: Option<&'static str>,
    },
    Rust {
        /// It names `SSL_CERT_FILE`.
        native: bool,
        /// It holds Mozilla's authorities.
        built_in: bool,
    },
    Unknown,
}

/// The directory that OpenSSL was built to use; `None` where that does not show.
pub(super) type OpensslDir = Option<Vec<u8>>;

impl Detected {
    pub(super) fn runtime(&self) -> Runtime {
        match &self.rules {
            RuntimeTrustRules::Go { .. } => Runtime::Go,
            RuntimeTrustRules::Java { .. } => Runtime::Java,
            RuntimeTrustRules::Node { .. } => Runtime::Node,
            RuntimeTrustRules::Python { .. } => Runtime::Python,
            RuntimeTrustRules::Dotnet { .. } => Runtime::Dotnet,
            RuntimeTrustRules::Openssl { .. } => Runtime::Openssl,
            RuntimeTrustRules::Gnutls { .. } => Runtime::Gnutls,
            RuntimeTrustRules::Rust { .. } => Runtime::Rust,
            RuntimeTrustRules::Unknown => Runtime::Unknown,
        }
    }
}

/// Begins the single file that .NET makes of an application: the hash of ".net core bundle".
const BUNDLE_MARK: [u8; 32] = [
    0x8b, 0x12, 0x02, 0xb9, 0x6a, 0x61, 0x20, 0x38, 0x72, 0x7b, 0x93, 0x02, 0x14, 0xd7, 0xa0, 0x32,
    0x13, 0xf5, 0xb9, 0xe6, 0xef, 0xae, 0x33, 0x18, 0xee, 0x3b, 0x2d, 0xce, 0x24, 0xb3, 0x6a, 0xae,
];
/// The part of the data section of such a file that is searched.
const DATA_BYTES: usize = 4 << 20;
/// Go's own copy of Mozilla's authorities.
const GO_FALLBACK: &str = "golang.org/x/crypto/x509roots/fallback";
/// Bundles that `GnuTLS` is built to use.
const GNUTLS_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Where libcrypto is, for programs that load it only when they need it.
const LIBRARY_DIRECTORIES: [&str; 7] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/lib",
    "/lib64",
    "/usr/local/lib",
];

pub(super) fn detect(program: &ProgramImage<'_>, overrides: &Overrides) -> Detected {
    go(program)
        .or_else(|| java(program))
        .or_else(|| dotnet(program))
        .or_else(|| node(program))
        .or_else(|| python(program, overrides))
        .or_else(|| openssl(program))
        .or_else(|| gnutls(program))
        .or_else(|| by_constants(program))
        .unwrap_or_else(|| Detected {
            rules: RuntimeTrustRules::Unknown,
            evidence: if program.is_blind() {
                "neither the program nor its mappings could be read".to_owned()
            } else {
                format!(
                    "no known TLS library found in {} or its mapped files",
                    name(program)
                )
            },
        })
}

fn go(program: &ProgramImage<'_>) -> Option<Detected> {
    let go = program.image()?.go.as_ref()?;
    let fallback = go.has_module(GO_FALLBACK);
    let evidence = match &go.version {
        Some(version) => format!("{} was built by {version}", name(program)),
        None => format!("{} has Go's build id", name(program)),
    };
    Some(Detected {
        rules: RuntimeTrustRules::Go { fallback },
        evidence,
    })
}

fn java(program: &ProgramImage<'_>) -> Option<Detected> {
    let library = program.mapped(b"libjvm.so")?;
    // …/lib/server/libjvm.so, until Java 8 …/lib/amd64/server/libjvm.so.
    let at = memchr::memmem::rfind(library, b"/lib/")?;
    Some(Detected {
        rules: RuntimeTrustRules::Java {
            home: library.get(..at)?.to_vec(),
        },
        evidence: is_mapped(library),
    })
}

fn dotnet(program: &ProgramImage<'_>) -> Option<Detected> {
    let libraries: [&[u8]; 3] = [b"libcoreclr.so", b"libhostfxr.so", b"libSystem.Native.so"];
    let mapped = libraries.iter().find_map(|library| program.mapped(library));
    let evidence = match mapped {
        Some(library) => is_mapped(library),
        None => of_dotnet(program)?,
    };
    Some(Detected {
        rules: RuntimeTrustRules::Dotnet {
            openssl: openssl_dir(program),
        },
        evidence,
    })
}

/// A program in one file, or one that was compiled ahead of time.
fn of_dotnet(program: &ProgramImage<'_>) -> Option<String> {
    let image = program.image()?;
    if image.section(b"__managedcode").is_some() {
        return Some(format!("{} contains compiled .NET code", name(program)));
    }
    let data = program.section(image.section(b".data")?, DATA_BYTES);
    let at = memchr::memmem::find(&data, &BUNDLE_MARK)?;
    // Before it the place of the bundle, which is 0 in a host that has none.
    let place = data.get(at.checked_sub(8)?..at)?;
    place
        .iter()
        .any(|byte| *byte != 0)
        .then(|| format!("{} is a .NET application in one file", name(program)))
}

fn node(program: &ProgramImage<'_>) -> Option<Detected> {
    let evidence = if let Some(library) = program.mapped(b"libnode.so") {
        is_mapped(library)
    } else if program.exports(b"_ZN4node5StartEiPPc") {
        format!("{} exports node::Start", name(program))
    } else {
        return None;
    };
    Some(Detected {
        rules: RuntimeTrustRules::Node {
            openssl: openssl_dir(program),
            shared: program.mapped(b"libssl.so").is_some(),
        },
        evidence,
    })
}

fn python(program: &ProgramImage<'_>, overrides: &Overrides) -> Option<Detected> {
    let evidence = if let Some(library) = program.mapped(b"libpython") {
        is_mapped(library)
    } else if program.exports(b"Py_BytesMain") {
        format!("{} exports Py_BytesMain", name(program))
    } else {
        return None;
    };
    Some(Detected {
        rules: RuntimeTrustRules::Python {
            openssl: openssl_dir(program),
            certifi: certifi(program, overrides),
        },
        evidence,
    })
}

/// The bundle of the package certifi, in the first directory of packages that has it.
fn certifi(program: &ProgramImage<'_>, overrides: &Overrides) -> Option<Vec<u8>> {
    let mut directories: Vec<Vec<u8>> = Vec::new();
    let mut versions: Vec<Vec<u8>> = Vec::new();
    for path in program.all_mapped().chain(program.path.as_deref()) {
        for packages in [&b"/site-packages/"[..], b"/dist-packages/"] {
            if let Some(at) = memchr::memmem::find(path, packages) {
                let end = at + packages.len() - 1;
                directories.extend(path.get(..end).map(<[u8]>::to_vec));
            }
        }
        versions.extend(python_version(path));
    }
    let argv0 = overrides.args.first().map(Vec::as_slice);
    let prefixes = [
        overrides.filled("VIRTUAL_ENV").map(<[u8]>::to_vec),
        argv0.and_then(prefix),
        program.path.as_deref().and_then(prefix),
        Some(b"/usr/local".to_vec()),
        Some(b"/usr".to_vec()),
    ];
    versions.dedup();
    for prefix in prefixes.into_iter().flatten() {
        for version in &versions {
            directories.push([&prefix, &b"/lib/"[..], version, b"/site-packages"].concat());
        }
    }
    directories.push(b"/usr/lib/python3/dist-packages".to_vec());
    directories
        .into_iter()
        .map(|directory| [directory.as_slice(), b"/certifi/cacert.pem"].concat())
        .find(|path| {
            OpenedFile::at(program.root, path).is_ok_and(|found| found.kind() == FileKind::File)
        })
}

/// `/venv` of `/venv/bin/python3`.
fn prefix(program: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::rfind(program, b"/bin/")?;
    program
        .get(..at)
        .filter(|prefix| prefix.starts_with(b"/"))
        .map(<[u8]>::to_vec)
}

/// `python3.11` of `/usr/bin/python3.11`, `libpython3.11.so.1.0` or `/usr/lib/python3.11/…`.
pub(super) fn python_version(path: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::rfind(path, b"python3.")?;
    let rest = path.get(at..)?;
    let digits = rest.iter().skip(8).take_while(|byte| byte.is_ascii_digit());
    let length = 8 + digits.count();
    rest.get(..length)
        .filter(|_| length > 8)
        .map(<[u8]>::to_vec)
}

fn openssl(program: &ProgramImage<'_>) -> Option<Detected> {
    let evidence = if let Some(library) = program.mapped(b"libssl.so") {
        is_mapped(library)
    } else {
        let mut needed = program.image()?.needed.iter();
        let library = needed.find(|library| library.starts_with(b"libssl.so"))?;
        format!("{} needs {}", name(program), lossy(library))
    };
    Some(Detected {
        rules: RuntimeTrustRules::Openssl {
            openssl: openssl_dir(program),
        },
        evidence,
    })
}

fn gnutls(program: &ProgramImage<'_>) -> Option<Detected> {
    let library = program.mapped(b"libgnutls.so")?;
    let bundle = GNUTLS_BUNDLES
        .into_iter()
        .find(|bundle| program.library_holds(library, bundle.as_bytes()));
    Some(Detected {
        rules: RuntimeTrustRules::Gnutls { bundle },
        evidence: is_mapped(library),
    })
}

/// What is linked into the program itself.
fn by_constants(program: &ProgramImage<'_>) -> Option<Detected> {
    let image = program.image()?;
    let constants = program.constants();
    if let Some(directory) = &constants.openssl_dir {
        return Some(Detected {
            rules: RuntimeTrustRules::Openssl {
                openssl: Some(directory.clone()),
            },
            evidence: format!("{} contains OpenSSL", name(program)),
        });
    }
    let evidence = match &image.rustc {
        Some(rustc) => format!("{} was built by {rustc}", name(program)),
        None if constants.rust => format!("{} contains Rust's standard library", name(program)),
        None => return None,
    };
    Some(Detected {
        rules: RuntimeTrustRules::Rust {
            native: constants.ssl_cert_file,
            built_in: constants.an_authority,
        },
        evidence,
    })
}

/// From the libcrypto that is mapped, else from the program itself, else from the libcrypto that
/// would be loaded.
fn openssl_dir(program: &ProgramImage<'_>) -> OpensslDir {
    if let Some(library) = program.mapped(b"libcrypto.so") {
        return program.constants_of(library)?.openssl_dir;
    }
    if program.mapped(b"libssl.so").is_none()
        && let Some(directory) = &program.constants().openssl_dir
    {
        return Some(directory.clone());
    }
    LIBRARY_DIRECTORIES
        .iter()
        .flat_map(|directory| {
            ["libcrypto.so.3", "libcrypto.so.1.1"].map(|library| format!("{directory}/{library}"))
        })
        .find_map(|library| program.constants_of(library.as_bytes())?.openssl_dir)
}

fn name(program: &ProgramImage<'_>) -> String {
    match &program.path {
        Some(path) => lossy(path),
        None => "the program".to_owned(),
    }
}

fn is_mapped(library: &[u8]) -> String {
    format!("{} is mapped", lossy(base_name(library)))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
