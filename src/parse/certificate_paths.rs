//! Which names certificates and keys usually have, where they usually lie, and which words of a
//! command line or an environment are their paths.

/// How the names of such files end.
const ENDINGS: [&[u8]; 15] = [
    b"pem",
    b"crt",
    b"cer",
    b"cert",
    b"der",
    b"key",
    b"p12",
    b"pfx",
    b"jks",
    b"p7b",
    b"p7c",
    b"p8",
    b"keystore",
    b"truststore",
    b"pkcs12",
];

/// Whole names without an ending that tells.
const NAMES: [&[u8]; 4] = [b"cacerts", b"jssecacerts", b"keystore", b"truststore"];

/// Directories that are searched where they exist.
pub(crate) const DIRECTORIES: [&[u8]; 13] = [
    b"/etc/ssl",
    b"/etc/tls",
    b"/etc/pki",
    b"/etc/certs",
    b"/etc/letsencrypt/live",
    b"/certs",
    b"/certificates",
    b"/tls",
    b"/ssl",
    b"/pki",
    b"/secrets",
    b"/run/secrets",
    b"/var/run/secrets",
];

/// Where systems and runtimes keep the authorities that they bring along.
const TRUST_PLACES: [&[u8]; 17] = [
    b"/etc/ca-certificates",
    b"/etc/openssl/certs",
    b"/etc/pki/ca-trust",
    b"/etc/pki/java",
    b"/etc/pki/tls/cacert.pem",
    b"/etc/pki/tls/cert.pem",
    b"/etc/pki/tls/certs",
    b"/etc/security/cacerts",
    b"/etc/ssl/ca-bundle.pem",
    b"/etc/ssl/cert.pem",
    b"/etc/ssl/certs",
    b"/nix/store",
    b"/system/etc/security/cacerts",
    b"/usr/local/share/ca-certificates",
    b"/usr/local/share/certs",
    b"/usr/share/ca-certificates",
    b"/var/lib/ca-certificates",
];

/// Whole bundles, which are known without being read.
const BUNDLES: [&[u8]; 8] = [
    b"ca-bundle.crt",
    b"ca-bundle.pem",
    b"ca-bundle.trust.crt",
    b"ca-certificates.crt",
    b"cacert.pem",
    b"cacerts",
    b"cert.pem",
    b"tls-ca-bundle.pem",
];

/// Variables that are paths of certificates, whatever the file is called.
const VARIABLES: [&[u8]; 14] = [
    b"SSL_CERT_FILE",
    b"SSL_CERT_DIR",
    b"NODE_EXTRA_CA_CERTS",
    b"REQUESTS_CA_BUNDLE",
    b"CURL_CA_BUNDLE",
    b"GIT_SSL_CAINFO",
    b"AWS_CA_BUNDLE",
    b"PGSSLROOTCERT",
    b"PGSSLCERT",
    b"PGSSLKEY",
    b"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    b"NIX_SSL_CERT_FILE",
    b"PIP_CERT",
    b"VAULT_CACERT",
];

/// What parts paths from each other and from what is around them.
const AROUND: &[u8] = b":,; \t\n\"'=&?@|";

/// The last name of a path.
#[must_use]
pub(crate) fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// What stands before the last name; the root has no more than itself.
#[must_use]
pub(crate) fn directory(path: &[u8]) -> &[u8] {
    let name = file_name(path).len();
    match path.get(..path.len().saturating_sub(name + 1)) {
        Some(b"") | None => b"/",
        Some(directory) => directory,
    }
}

/// Whether a file has a name as certificates, keys and keystores have.
#[must_use]
pub(crate) fn is_usual(path: &[u8]) -> bool {
    let path = path.strip_suffix(DELETED).unwrap_or(path);
    let name = file_name(path);
    let same = |a: &[u8], b: &[u8]| a.eq_ignore_ascii_case(b);
    let ending = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let has_stem = ending.len() + 1 < name.len();
    (has_stem && ENDINGS.iter().any(|known| same(known, ending)))
        || NAMES.iter().any(|known| same(known, name))
}

/// What the kernel adds to the path of an open file that was removed.
pub(crate) const DELETED: &[u8] = b" (deleted)";

/// Whether a directory's name says what it is for.
#[must_use]
pub(crate) fn is_telling(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    [&b"cert"[..], b"tls", b"ssl", b"pki"]
        .iter()
        .any(|word| name.windows(word.len()).any(|window| window == *word))
}

/// Whether the trust store of the system or of a runtime keeps its authorities there.
#[must_use]
pub(crate) fn is_trust_place(path: &[u8]) -> bool {
    let below = |place: &[u8]| match path.strip_prefix(place) {
        Some(rest) => rest.is_empty() || rest.starts_with(b"/"),
        None => false,
    };
    TRUST_PLACES.iter().any(|place| below(place)) || file_name(path) == b"cacerts"
}

/// Whether OpenSSL would look at a file of this name: `5ed36f99.0`.
#[must_use]
pub(crate) fn is_hash_name(name: &[u8]) -> bool {
    let Some((hash, rest)) = name.split_at_checked(8) else {
        return false;
    };
    let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    hash.iter().all(hex)
        && rest
            .strip_prefix(b".")
            .is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

/// Whether such a place is a whole bundle by its name.
#[must_use]
pub(crate) fn is_bundle(path: &[u8]) -> bool {
    BUNDLES.contains(&file_name(path))
}

/// A path that a word holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The path; where it is not absolute, from the working directory.
    pub(crate) path: Vec<u8>,
    /// Whether it is surely the path of a certificate, so that a missing file is reported.
    pub(crate) surely: bool,
}

/// Whether a file is called as private keys are.
#[must_use]
pub(crate) fn is_called_key(path: &[u8]) -> bool {
    let name = file_name(path);
    name.ends_with(b".key") || name.ends_with(b"key.pem")
}

/// The paths of certificates in a variable.
#[must_use]
pub(crate) fn in_variable(name: &[u8], value: &[u8]) -> Vec<Named> {
    if VARIABLES.contains(&name) {
        let list = value.split(|byte| *byte == b':' || *byte == b',');
        let paths = list.filter(|path| !path.is_empty());
        return paths
            .map(|path| Named {
                path: path.to_vec(),
                surely: path.starts_with(b"/"),
            })
            .collect();
    }
    in_text(value, is_telling(name))
}

/// The paths of certificates in the arguments: `--tls-cert=/x`, `--tls-cert /x`, `/x.pem`.
#[must_use]
pub(crate) fn in_arguments(args: &[Vec<u8>]) -> Vec<Named> {
    let mut found = Vec::new();
    let mut telling = false;
    for arg in args.iter().skip(1) {
        let at = arg.iter().position(|byte| *byte == b'=');
        let flag = arg.starts_with(b"-");
        let label = match at {
            Some(at) => arg.get(..at),
            None if flag => Some(arg.as_slice()),
            None => None,
        };
        let own = label.is_some_and(is_telling);
        let hinted = own || (telling && !flag);
        found.extend(in_text(arg, hinted));
        telling = own && at.is_none();
    }
    found
}

/// The paths in a text: all that are usual, and where the label tells, every absolute one.
fn in_text(text: &[u8], telling: bool) -> Vec<Named> {
    if text.len() > TEXT_LIMIT {
        return Vec::new();
    }
    let absolute = |path: &[u8]| path.starts_with(b"/") && path.len() > 1;
    // A path that holds one of those characters is still found where nothing else is around.
    if absolute(text) && is_usual(text) && !text.contains(&b':') && !text.contains(&b',') {
        return vec![Named {
            path: text.to_vec(),
            surely: true,
        }];
    }
    let pieces = text.split(|byte| AROUND.contains(byte));
    let mut found = Vec::new();
    for piece in pieces {
        let usual = is_usual(piece);
        let wanted = if absolute(piece) {
            usual || telling
        } else {
            usual && piece.contains(&b'/') && !piece.starts_with(b"-")
        };
        if wanted && found.len() < PATHS_LIMIT {
            found.push(Named {
                path: piece.to_vec(),
                surely: usual && absolute(piece),
            });
        }
    }
    found
}

/// Longer texts are no lists of paths.
const TEXT_LIMIT: usize = 64 << 10;
const PATHS_LIMIT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(found: &[Named]) -> Vec<String> {
        let text = |named: &Named| String::from_utf8(named.path.clone()).unwrap();
        found.iter().map(text).collect()
    }

    #[test]
    fn usual_names() {
        for name in [
            "/a/tls.crt",
            "/a/x.PEM",
            "/a/cacerts",
            "k.key",
            "/a/b.p12",
            "/a.d/c.jks",
            "/a/tls.crt (deleted)",
        ] {
            assert!(is_usual(name.as_bytes()), "{name}");
        }
        for name in [
            "/a/tls.crt/",
            "/a/.pem",
            "/a/pem",
            "/a/x.txt",
            "",
            "/a.pem/b",
        ] {
            assert!(!is_usual(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn paths_in_variables() {
        let of = |name: &str, value: &str| paths(&in_variable(name.as_bytes(), value.as_bytes()));
        assert_eq!(of("SSL_CERT_FILE", "/odd/name"), ["/odd/name"]);
        assert_eq!(of("SSL_CERT_DIR", "/a:/b"), ["/a", "/b"]);
        assert_eq!(
            of("FILES", "/a/x.pem,/b/y.key:/c/z.txt"),
            ["/a/x.pem", "/b/y.key"]
        );
        assert_eq!(
            of(
                "JAVA_OPTS",
                "-Djavax.net.ssl.trustStore=/a/trust.jks -Xmx1g"
            ),
            ["/a/trust.jks"]
        );
        assert_eq!(
            of("DB", "postgres://u@h/db?sslmode=x&sslcert=/p/c.crt"),
            ["/p/c.crt"]
        );
        assert_eq!(of("MY_TLS_DIR", "/odd/place"), ["/odd/place"]);
        assert_eq!(of("A", "/with space/x.pem"), ["/with space/x.pem"]);
        assert!(of("PATH", "/usr/bin:/bin").is_empty());
    }

    #[test]
    fn paths_in_arguments() {
        let of = |line: &str| {
            let args: Vec<Vec<u8>> = line.split(' ').map(Into::into).collect();
            paths(&in_arguments(&args))
        };
        assert_eq!(of("/x.pem --tls-cert=/a/c.crt"), ["/a/c.crt"]);
        assert_eq!(of("app --tls-cert /a/odd --other /b/odd"), ["/a/odd"]);
        assert_eq!(of("app key=/a/k.key /b.pem"), ["/a/k.key", "/b.pem"]);
        assert_eq!(of("app certs/server.pem server.pem"), ["certs/server.pem"]);
        assert!(of("app --ssl --listen :8080").is_empty());
    }

    #[test]
    fn places_of_the_trust_store() {
        for path in [
            "/etc/ssl/certs/x.pem",
            "/etc/ssl/cert.pem",
            "/opt/java/lib/security/cacerts",
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        ] {
            assert!(is_trust_place(path.as_bytes()), "{path}");
        }
        for path in [
            "/etc/ssl/private/x.pem",
            "/etc/ssl/certsx/a.pem",
            "/certs/ca.crt",
        ] {
            assert!(!is_trust_place(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn parents() {
        assert_eq!(directory(b"/a/b.pem"), b"/a");
        assert_eq!(directory(b"/b.pem"), b"/");
        assert_eq!(file_name(b"/a/b.pem"), b"b.pem");
    }

    #[test]
    fn hash_names_are_those_of_openssl_rehash() {
        for name in ["5ed36f99.0", "00000000.12", "deadbeef.9"] {
            assert!(is_hash_name(name.as_bytes()), "{name}");
        }
        for name in [
            "",
            "5ed36f99",
            "5ed36f99.",
            "5ed36f99.r0",
            "5ED36F99.0",
            "a.pem",
        ] {
            assert!(!is_hash_name(name.as_bytes()), "{name}");
        }
    }
}
