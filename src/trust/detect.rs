//! Which runtime the main program is: told by what its file and its mappings hold, never by its
//! name alone.

use super::overrides::Overrides;
use super::program::{Sight, base_name};
use crate::model::trust_store::Runtime;
use crate::sys::found::{Found, Kind};

/// A runtime with what its habits depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Detected {
    pub(super) habit: Habit,
    /// What told it, as a sentence part.
    pub(super) evidence: String,
}

/// What the habits of a runtime depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Habit {
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
        match &self.habit {
            Habit::Go { .. } => Runtime::Go,
            Habit::Java { .. } => Runtime::Java,
            Habit::Node { .. } => Runtime::Node,
            Habit::Python { .. } => Runtime::Python,
            Habit::Dotnet { .. } => Runtime::Dotnet,
            Habit::Openssl { .. } => Runtime::Openssl,
            Habit::Gnutls { .. } => Runtime::Gnutls,
            Habit::Rust { .. } => Runtime::Rust,
            Habit::Unknown => Runtime::Unknown,
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

pub(super) fn detect(sight: &Sight<'_>, overrides: &Overrides) -> Detected {
    go(sight)
        .or_else(|| java(sight))
        .or_else(|| dotnet(sight))
        .or_else(|| node(sight))
        .or_else(|| python(sight, overrides))
        .or_else(|| openssl(sight))
        .or_else(|| gnutls(sight))
        .or_else(|| by_constants(sight))
        .unwrap_or_else(|| Detected {
            habit: Habit::Unknown,
            evidence: if sight.is_blind() {
                "neither the program nor its mappings could be read".to_owned()
            } else {
                format!(
                    "neither {} nor what it has mapped tells which TLS library it uses",
                    name(sight)
                )
            },
        })
}

fn go(sight: &Sight<'_>) -> Option<Detected> {
    let go = sight.image()?.go.as_ref()?;
    let fallback = go.has_module(GO_FALLBACK);
    let evidence = match &go.version {
        Some(version) => format!("{} was made by {version}", name(sight)),
        None => format!("{} has Go's build id", name(sight)),
    };
    Some(Detected {
        habit: Habit::Go { fallback },
        evidence,
    })
}

fn java(sight: &Sight<'_>) -> Option<Detected> {
    let library = sight.mapped(b"libjvm.so")?;
    // …/lib/server/libjvm.so, until Java 8 …/lib/amd64/server/libjvm.so.
    let at = memchr::memmem::rfind(library, b"/lib/")?;
    Some(Detected {
        habit: Habit::Java {
            home: library.get(..at)?.to_vec(),
        },
        evidence: is_mapped(library),
    })
}

fn dotnet(sight: &Sight<'_>) -> Option<Detected> {
    let libraries: [&[u8]; 3] = [b"libcoreclr.so", b"libhostfxr.so", b"libSystem.Native.so"];
    let mapped = libraries.iter().find_map(|library| sight.mapped(library));
    let evidence = match mapped {
        Some(library) => is_mapped(library),
        None => of_dotnet(sight)?,
    };
    Some(Detected {
        habit: Habit::Dotnet {
            openssl: openssl_dir(sight),
        },
        evidence,
    })
}

/// A program in one file, or one that was compiled ahead of time.
fn of_dotnet(sight: &Sight<'_>) -> Option<String> {
    let image = sight.image()?;
    if image.section(b"__managedcode").is_some() {
        return Some(format!("{} holds compiled .NET code", name(sight)));
    }
    let data = sight.section(image.section(b".data")?, DATA_BYTES);
    let at = memchr::memmem::find(&data, &BUNDLE_MARK)?;
    // Before it the place of the bundle, which is 0 in a host that has none.
    let place = data.get(at.checked_sub(8)?..at)?;
    place
        .iter()
        .any(|byte| *byte != 0)
        .then(|| format!("{} is a .NET application in one file", name(sight)))
}

fn node(sight: &Sight<'_>) -> Option<Detected> {
    let evidence = if let Some(library) = sight.mapped(b"libnode.so") {
        is_mapped(library)
    } else if sight.exports(b"_ZN4node5StartEiPPc") {
        format!("{} exports node::Start", name(sight))
    } else {
        return None;
    };
    Some(Detected {
        habit: Habit::Node {
            openssl: openssl_dir(sight),
            shared: sight.mapped(b"libssl.so").is_some(),
        },
        evidence,
    })
}

fn python(sight: &Sight<'_>, overrides: &Overrides) -> Option<Detected> {
    let evidence = if let Some(library) = sight.mapped(b"libpython") {
        is_mapped(library)
    } else if sight.exports(b"Py_BytesMain") {
        format!("{} exports Py_BytesMain", name(sight))
    } else {
        return None;
    };
    Some(Detected {
        habit: Habit::Python {
            openssl: openssl_dir(sight),
            certifi: certifi(sight, overrides),
        },
        evidence,
    })
}

/// The bundle of the package certifi, in the first directory of packages that has it.
fn certifi(sight: &Sight<'_>, overrides: &Overrides) -> Option<Vec<u8>> {
    let mut directories: Vec<Vec<u8>> = Vec::new();
    let mut versions: Vec<Vec<u8>> = Vec::new();
    for path in sight.all_mapped().chain(sight.path.as_deref()) {
        for packages in [&b"/site-packages/"[..], b"/dist-packages/"] {
            if let Some(at) = memchr::memmem::find(path, packages) {
                let end = at + packages.len() - 1;
                directories.extend(path.get(..end).map(<[u8]>::to_vec));
            }
        }
        versions.extend(python_version(path));
    }
    let program = overrides.args.first().map(Vec::as_slice);
    let prefixes = [
        overrides.filled("VIRTUAL_ENV").map(<[u8]>::to_vec),
        program.and_then(prefix),
        sight.path.as_deref().and_then(prefix),
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
        .find(|path| Found::at(sight.root, path).is_ok_and(|found| found.kind() == Kind::File))
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
fn python_version(path: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::rfind(path, b"python3.")?;
    let rest = path.get(at..)?;
    let digits = rest.iter().skip(8).take_while(|byte| byte.is_ascii_digit());
    let length = 8 + digits.count();
    rest.get(..length)
        .filter(|_| length > 8)
        .map(<[u8]>::to_vec)
}

fn openssl(sight: &Sight<'_>) -> Option<Detected> {
    let evidence = if let Some(library) = sight.mapped(b"libssl.so") {
        is_mapped(library)
    } else {
        let mut needed = sight.image()?.needed.iter();
        let library = needed.find(|library| library.starts_with(b"libssl.so"))?;
        format!("{} needs {}", name(sight), lossy(library))
    };
    Some(Detected {
        habit: Habit::Openssl {
            openssl: openssl_dir(sight),
        },
        evidence,
    })
}

fn gnutls(sight: &Sight<'_>) -> Option<Detected> {
    let library = sight.mapped(b"libgnutls.so")?;
    let bundle = GNUTLS_BUNDLES
        .into_iter()
        .find(|bundle| sight.library_holds(library, bundle.as_bytes()));
    Some(Detected {
        habit: Habit::Gnutls { bundle },
        evidence: is_mapped(library),
    })
}

/// What is linked into the program itself.
fn by_constants(sight: &Sight<'_>) -> Option<Detected> {
    let image = sight.image()?;
    let constants = sight.constants();
    if let Some(directory) = &constants.openssl_dir {
        return Some(Detected {
            habit: Habit::Openssl {
                openssl: Some(directory.clone()),
            },
            evidence: format!("{} holds OpenSSL itself", name(sight)),
        });
    }
    let evidence = match &image.rustc {
        Some(rustc) => format!("{} was made by {rustc}", name(sight)),
        None if constants.rust => format!("{} holds Rust's library", name(sight)),
        None => return None,
    };
    Some(Detected {
        habit: Habit::Rust {
            native: constants.ssl_cert_file,
            built_in: constants.an_authority,
        },
        evidence,
    })
}

/// From the libcrypto that is mapped, else from the program itself, else from the libcrypto that
/// would be loaded.
fn openssl_dir(sight: &Sight<'_>) -> OpensslDir {
    if let Some(library) = sight.mapped(b"libcrypto.so") {
        return sight.constants_of(library)?.openssl_dir;
    }
    if sight.mapped(b"libssl.so").is_none()
        && let Some(directory) = &sight.constants().openssl_dir
    {
        return Some(directory.clone());
    }
    LIBRARY_DIRECTORIES
        .iter()
        .flat_map(|directory| {
            ["libcrypto.so.3", "libcrypto.so.1.1"].map(|library| format!("{directory}/{library}"))
        })
        .find_map(|library| sight.constants_of(library.as_bytes())?.openssl_dir)
}

fn name(sight: &Sight<'_>) -> String {
    match &sight.path {
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
