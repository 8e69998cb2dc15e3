//! Where each runtime looks, in its order. The sources of each list stand in
//! `docs/trust-stores.md`.

use super::detect::{Detected, OpensslDir, RuntimeTrustRules};
use super::overrides::Overrides;
use crate::model::certificate::FileForm;
use crate::model::trust_store::PlaceKind;
use crate::pki::StorePlace;

/// One place to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// As the target resolves it; `None` for what is built in.
    pub(super) path: Option<Vec<u8>>,
    pub(super) kind: PlaceKind,
    pub(super) variable: Option<&'static str>,
    pub(super) only_for: Option<&'static str>,
    pub(super) takes: Takes,
    pub(super) forms: &'static [FileForm],
    pub(super) when: When,
    /// Whether one block that is broken keeps the runtime from taking anything of a file.
    pub(super) all_or_nothing: bool,
}

impl Place {
    /// How the runtime reads its files.
    pub(super) fn reads_as(&self) -> StorePlace {
        match (self.variable, self.kind) {
            (Some(NODE_EXTRA), _) => StorePlace::Extra,
            (_, PlaceKind::Directory) => StorePlace::Directory,
            _ => StorePlace::File,
        }
    }
}

/// What of a place counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Every certificate in every file.
    All,
    /// Only those that issued themselves; the others help to build chains.
    SelfIssued,
    /// Of a directory the files that have a hash for their name.
    HashNames,
}

/// Which places are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// The first of them that can be read ends the search among them.
    FirstReadable,
    /// The first of them that exists does.
    FirstExisting,
    /// Only where no place before it gave an authority.
    NothingBefore,
    /// Only where no directory before it holds a certificate.
    NoDirectoryBefore,
}

/// What is to be looked at, and what else is to be said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) places: Vec<Place>,
    /// Why nothing tells which of them are used, as a sentence part.
    pub(super) uncertain: Option<&'static str>,
    /// What else decides, as sentence parts.
    pub(super) remarks: Vec<String>,
}

const NODE_EXTRA: &str = "NODE_EXTRA_CA_CERTS";
const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
const SSL_CERT_DIR: &str = "SSL_CERT_DIR";

const GO_FILES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// The same for openssl-probe, which serves Rust.
const DIRECTORIES: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];
const PROBE_FILES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
    "/opt/etc/ssl/certs/ca-certificates.crt",
];
/// Those of Debian, Alpine, Fedora and of OpenSSL as it comes.
const OPENSSL_DIRECTORIES: [&str; 4] =
    ["/usr/lib/ssl", "/etc/ssl", "/etc/pki/tls", "/usr/local/ssl"];

pub(super) fn plan(detected: &Detected, overrides: &Overrides) -> Plan {
    match &detected.rules {
        RuntimeTrustRules::Go { fallback } => go(*fallback, overrides),
        RuntimeTrustRules::Java { home } => java(home, overrides),
        RuntimeTrustRules::Node { openssl, shared } => node(openssl, *shared, overrides),
        RuntimeTrustRules::Python { openssl, certifi } => {
            python(openssl, certifi.as_deref(), overrides)
        }
        RuntimeTrustRules::Dotnet { openssl } => dotnet(openssl, overrides),
        RuntimeTrustRules::Openssl { openssl } => {
            self::openssl(openssl, overrides, Takes::HashNames)
        }
        RuntimeTrustRules::Gnutls { bundle } => gnutls(*bundle),
        RuntimeTrustRules::Rust { native, built_in } => rust(*native, *built_in, overrides),
        RuntimeTrustRules::Unknown => unknown(),
    }
}

fn file(path: impl Into<Vec<u8>>) -> Place {
    Place {
        path: Some(path.into()),
        kind: PlaceKind::File,
        variable: None,
        only_for: None,
        takes: Takes::All,
        forms: &[FileForm::Pem],
        when: When::Always,
        all_or_nothing: false,
    }
}

fn directory(path: impl Into<Vec<u8>>, takes: Takes) -> Place {
    Place {
        kind: PlaceKind::Directory,
        takes,
        ..file(path)
    }
}

fn built_in(when: When) -> Place {
    Place {
        path: None,
        kind: PlaceKind::BuiltIn,
        when,
        ..file("")
    }
}

fn by(variable: &'static str, place: Place) -> Place {
    Place {
        variable: Some(variable),
        ..place
    }
}

/// The directories of a list with colons between them.
fn listed(value: &[u8], overrides: &Overrides, takes: Takes) -> Vec<Place> {
    value
        .split(|byte| *byte == b':')
        .map(|path| by(SSL_CERT_DIR, directory(overrides.absolute(path), takes)))
        .collect()
}

fn go(fallback: bool, overrides: &Overrides) -> Plan {
    let mut places = match overrides.filled(SSL_CERT_FILE) {
        Some(path) => vec![by(SSL_CERT_FILE, file(overrides.absolute(path)))],
        None => GO_FILES.map(file).to_vec(),
    };
    for place in &mut places {
        place.when = When::FirstReadable;
    }
    places.extend(match overrides.filled(SSL_CERT_DIR) {
        Some(list) => listed(list, overrides, Takes::All),
        None => DIRECTORIES.map(|path| directory(path, Takes::All)).to_vec(),
    });
    places.extend(fallback.then(|| built_in(When::NothingBefore)));
    Plan {
        places,
        ..Plan::default()
    }
}

fn java(home: &[u8], overrides: &Overrides) -> Plan {
    const PROPERTY: &str = "javax.net.ssl.trustStore";
    let security = |name: &str| file([home, b"/lib/security/", name.as_bytes()].concat());
    let first = match overrides.java_property(PROPERTY) {
        Some(b"NONE") => {
            return Plan {
                remarks: vec![format!("{PROPERTY} is set to NONE")],
                ..Plan::default()
            };
        }
        Some(path) => by(PROPERTY, file(overrides.absolute(path))),
        None => security("jssecacerts"),
    };
    let mut places = vec![first, security("cacerts")];
    for place in &mut places {
        place.when = When::FirstReadable;
        place.forms = &[FileForm::Jks, FileForm::Pkcs12];
    }
    Plan {
        places,
        ..Plan::default()
    }
}

fn node(openssl: &OpensslDir, shared: bool, overrides: &Overrides) -> Plan {
    let options = overrides.node_options();
    let asked = |option: &str| options.contains(&option.as_bytes());
    let asked_bundled = asked("--use-bundled-ca");
    let asked_openssl = asked("--use-openssl-ca");
    let asked_system =
        asked("--use-system-ca") || overrides.variable("NODE_USE_SYSTEM_CA") == Some(b"1");
    let mut plan = Plan::default();
    if !asked_openssl {
        plan.places.push(built_in(When::Always));
    }
    let unsure = shared && !asked_bundled && !asked_openssl && !asked_system;
    if asked_openssl || asked_system || unsure {
        // With --use-system-ca every file of the directory is read once.
        let takes = if asked_system && !asked_openssl {
            Takes::All
        } else {
            Takes::HashNames
        };
        let of_openssl = self::openssl(openssl, overrides, takes);
        plan.places.extend(of_openssl.places);
        plan.uncertain = of_openssl.uncertain;
    }
    if unsure {
        plan.uncertain = Some(
            "it uses the system's OpenSSL; whether it uses the system's authorities instead of \
             its built-in copy cannot be determined",
        );
    }
    if let Some(path) = overrides.filled(NODE_EXTRA) {
        let extra = file(overrides.absolute(path));
        plan.places.push(by(NODE_EXTRA, extra));
    }
    if overrides.variable("NODE_TLS_REJECT_UNAUTHORIZED") == Some(b"0") {
        let off = "NODE_TLS_REJECT_UNAUTHORIZED=0 disables certificate verification unless the \
            application overrides it";
        plan.remarks.push(off.to_owned());
    }
    plan
}

fn python(openssl: &OpensslDir, certifi: Option<&[u8]>, overrides: &Overrides) -> Plan {
    const REQUESTS: Option<&str> = Some("requests");
    let mut plan = self::openssl(openssl, overrides, Takes::HashNames);
    let named = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
        .into_iter()
        .find_map(|name| Some((name, overrides.filled(name)?)));
    match (named, certifi) {
        (Some((name, path)), _) => plan.places.push(Place {
            only_for: REQUESTS,
            ..by(name, file(overrides.absolute(path)))
        }),
        (None, Some(certifi)) => plan.places.push(Place {
            only_for: REQUESTS,
            ..file(certifi)
        }),
        (None, None) => {}
    }
    plan
}

fn dotnet(openssl: &OpensslDir, overrides: &Overrides) -> Plan {
    let mut plan = self::openssl(openssl, overrides, Takes::SelfIssued);
    for place in &mut plan.places {
        place.takes = Takes::SelfIssued;
        place.forms = &[FileForm::Pem, FileForm::Der];
        place.all_or_nothing = false;
    }
    if overrides.variable(SSL_CERT_DIR).is_none()
        && !plan.places.iter().any(|place| {
            place.kind == PlaceKind::Directory && place.path.as_deref() == Some(b"/etc/ssl/certs")
        })
    {
        plan.places.push(Place {
            when: When::NoDirectoryBefore,
            forms: &[FileForm::Pem, FileForm::Der],
            ..directory("/etc/ssl/certs", Takes::SelfIssued)
        });
    }
    if let Some(home) = overrides.filled("HOME") {
        let store = [home, b"/.dotnet/corefx/cryptography/x509stores/root"].concat();
        plan.places.push(Place {
            forms: &[FileForm::Pkcs12],
            ..by("HOME", directory(store, Takes::All))
        });
    }
    plan
}

/// What OpenSSL's own default paths are. A variable counts also where it is empty: then it names
/// nothing.
fn openssl(directory_of: &OpensslDir, overrides: &Overrides, takes: Takes) -> Plan {
    let mut plan = Plan::default();
    let named_file = overrides.variable(SSL_CERT_FILE);
    let named_directory = overrides.variable(SSL_CERT_DIR);
    let directories: Vec<Vec<u8>> = match directory_of {
        Some(directory) => vec![directory.clone()],
        None => OPENSSL_DIRECTORIES
            .map(|path| path.as_bytes().to_vec())
            .to_vec(),
    };
    if directory_of.is_none() && (named_file.is_none() || named_directory.is_none()) {
        plan.uncertain = Some("the OPENSSLDIR of its OpenSSL was not found");
    }
    let whole = |place: Place| Place {
        all_or_nothing: true,
        ..place
    };
    match named_file {
        Some(path) => {
            let named = file(overrides.absolute(path));
            plan.places.push(by(SSL_CERT_FILE, whole(named)));
        }
        None => plan.places.extend(
            directories
                .iter()
                .map(|openssl| whole(file([openssl, &b"/cert.pem"[..]].concat()))),
        ),
    }
    match named_directory {
        Some(list) => plan.places.extend(listed(list, overrides, takes)),
        None => plan.places.extend(
            directories
                .iter()
                .map(|openssl| directory([openssl, &b"/certs"[..]].concat(), takes)),
        ),
    }
    plan
}

fn gnutls(bundle: Option<&'static str>) -> Plan {
    Plan {
        places: match bundle {
            Some(bundle) => vec![file(bundle)],
            None => GO_FILES.map(file).to_vec(),
        },
        uncertain: match bundle {
            Some(_) => None,
            None => Some("the trust store of its GnuTLS (a file or p11-kit) cannot be determined"),
        },
        ..Plan::default()
    }
}

fn rust(native: bool, with_built_in: bool, overrides: &Overrides) -> Plan {
    let mut plan = Plan::default();
    if with_built_in {
        plan.places.push(built_in(When::Always));
    }
    if native || !with_built_in {
        plan.places.extend(native_places(overrides));
    }
    plan.uncertain = match (native, with_built_in) {
        (true, false) | (false, true) => None,
        (true, true) => Some(
            "it contains Mozilla's authorities (webpki-roots) and can load the system's \
             (rustls-native-certs); which of them it uses cannot be determined",
        ),
        (false, false) => Some(
            "it contains neither SSL_CERT_FILE nor authorities, so it may not verify servers at \
             all; the paths of rustls-native-certs are listed",
        ),
    };
    plan
}

/// The places of rustls-native-certs: what the variables name, and where that gives neither a
/// certificate nor an error, those of openssl-probe.
fn native_places(overrides: &Overrides) -> Vec<Place> {
    let named_file = overrides.variable(SSL_CERT_FILE);
    let named_directory = overrides.variable(SSL_CERT_DIR);
    if named_file.is_some() || named_directory.is_some() {
        let mut places = Vec::new();
        if let Some(path) = named_file {
            places.push(by(SSL_CERT_FILE, file(overrides.absolute(path))));
        }
        if let Some(list) = named_directory {
            places.extend(listed(list, overrides, Takes::HashNames));
        }
        return places;
    }
    let mut places = PROBE_FILES.map(file).to_vec();
    for place in &mut places {
        place.when = When::FirstExisting;
    }
    places.extend(DIRECTORIES.map(|path| directory(path, Takes::HashNames)));
    places
}

fn unknown() -> Plan {
    let mut places = GO_FILES.map(file).to_vec();
    places.extend(OPENSSL_DIRECTORIES.map(|path| file(format!("{path}/cert.pem"))));
    places.extend(DIRECTORIES.map(|path| directory(path, Takes::All)));
    let mut met: Vec<Option<Vec<u8>>> = Vec::new();
    places.retain(|place| {
        let new = !met.contains(&place.path);
        met.push(place.path.clone());
        new
    });
    Plan {
        places,
        uncertain: Some("runtime not recognised; the usual paths are listed"),
        ..Plan::default()
    }
}
