//! Certificates on disk and as served.

use super::facts::{Facts, NotJudged, seen, seen_if_there};
use super::rule::{Evidence, Judged, Rule, Severity, gather};
use crate::model::certificate::{
    AgainstFiles, Certificate, CertificateFile, FoundBy, ServedLeaf, ServedListener, Serves,
};
use crate::model::trust_store::Runtime;
use crate::model::units::DAY_SECONDS;
use crate::model::verdict::Problem;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "SPY-CERT-001",
        severity: Severity::Problem,
        title: "A certificate has expired",
        reads: &[
            "certificates.files",
            "certificates.files.certificates",
            "certificates.files.certificates.seconds_left",
        ],
        why: "Clients refuse the connection.",
        remedy: "Renew the certificate, and make the application load it.",
        wrong_if: "The application does not use this file.",
        judge: expired,
    },
    Rule {
        id: "SPY-CERT-002",
        severity: Severity::Risk,
        title: "A certificate expires soon",
        reads: &[
            "certificates.files",
            "certificates.files.certificates",
            "certificates.files.certificates.seconds_left",
        ],
        why: "After that, clients refuse the connection.",
        remedy: "Renew the certificate; look at what should have renewed it.",
        wrong_if: "It lives for hours by design and is renewed in time.",
        judge: expires_soon,
    },
    Rule {
        id: "SPY-CERT-003",
        severity: Severity::Problem,
        title: "A key does not belong to its certificate",
        reads: &[
            "certificates.files",
            "certificates.files.private_key.matches",
        ],
        why: "The server does not start, or each handshake fails.",
        remedy: "Put the certificate and the key of one request into the Secret.",
        wrong_if: "The key beside the certificate is another one's.",
        judge: key_mismatch,
    },
    Rule {
        id: "SPY-CERT-004",
        severity: Severity::Problem,
        title: "A listener serves an older certificate than the file",
        reads: &[
            "certificates.files",
            "certificates.served",
            "certificates.served.serves",
            "certificates.served.serves.leaves.against_files",
        ],
        why: "The rotation was not loaded: the old certificate is served until it expires.",
        remedy: "Make the application reload (SIGHUP, a watcher), or restart it after each rotation.",
        wrong_if: "The listener belongs to another program.",
        judge: served_is_older,
    },
    Rule {
        id: "SPY-CERT-005",
        severity: Severity::Problem,
        title: "A certificate is not valid yet",
        reads: &[
            "certificates.files",
            "certificates.files.certificates",
            "certificates.files.certificates.not_before",
        ],
        why: "Clients refuse the connection until its time begins.",
        remedy: "Check the clock of the node and of the issuer.",
        wrong_if: "The application does not use this file.",
        judge: not_yet_valid,
    },
    Rule {
        id: "SPY-CERT-006",
        severity: Severity::Hint,
        title: "A private key can be read by all users",
        reads: &["certificates.files"],
        why: "Any process of the container can take the key.",
        remedy: "volumes: [{secret: {defaultMode: 0400}}], with fsGroup where the user is not root",
        wrong_if: "The container has one user.",
        judge: key_readable_by_all,
    },
    Rule {
        id: "SPY-CERT-007",
        severity: Severity::Problem,
        title: "A certificate file that is configured does not exist",
        reads: &["certificates.files"],
        why: "The application cannot load it.",
        remedy: "Mount the Secret or ConfigMap at that path, or correct the path.",
        wrong_if: "The application creates the file later.",
        judge: missing_file,
    },
    Rule {
        id: "SPY-CERT-008",
        severity: Severity::Problem,
        title: "The application cannot read its certificate or key",
        reads: &[
            "certificates.files",
            "certificates.files.readable_by_target",
            "certificates.files.private_key.readable_by_target",
        ],
        why: "Opening it fails with EACCES.",
        remedy: "Change owner or mode: fsGroup, defaultMode, or --chown of COPY.",
        wrong_if: "The application opens it as root before it changes its user.",
        judge: unreadable_by_target,
    },
    Rule {
        id: "SPY-CERT-009",
        severity: Severity::Problem,
        title: "A chain lacks an intermediate certificate",
        reads: &["certificates.files", "certificates.files.verdicts"],
        why: "Clients that do not have the intermediate certificate refuse the connection: curl, Go and Java do, browsers often not.",
        remedy: "Put the intermediate certificate behind the leaf in the same file (fullchain.pem).",
        wrong_if: "The application reads the intermediate certificate from another file.",
        judge: incomplete_chain,
    },
    Rule {
        id: "SPY-CERT-010",
        severity: Severity::Risk,
        title: "This runtime refuses a certificate of its own container",
        reads: &["certificates.files", "certificates.files.verdicts"],
        why: "Clients made with the same runtime refuse it whatever they trust.",
        remedy: "Issue it anew with what the evidence names: spyhole certs --verify.",
        wrong_if: "All clients are made with other runtimes.",
        judge: refused_by_runtime,
    },
    Rule {
        id: "SPY-CERT-011",
        severity: Severity::Risk,
        title: "A CA bundle is configured that this runtime does not read",
        reads: &["certificates.trust_store", "environment.variables"],
        why: "The authorities in it are not trusted: connections to their servers fail.",
        remedy: "Java: -Djavax.net.ssl.trustStore; Node.js: NODE_EXTRA_CA_CERTS; Go, Python and OpenSSL: SSL_CERT_FILE.",
        wrong_if: "The application reads the variable itself.",
        judge: bundle_not_read,
    },
    Rule {
        id: "SPY-CERT-012",
        severity: Severity::Problem,
        title: "All authorities of the trust store have expired",
        reads: &[
            "certificates.trust_store",
            "certificates.trust_store.roots",
            "certificates.trust_store.expired_roots",
        ],
        why: "Every certificate is refused.",
        remedy: "Update the CA bundle of the image.",
        wrong_if: "The application brings its own authorities.",
        judge: all_roots_expired,
    },
];

/// A certificate of the application itself.
struct Leaf<'a> {
    /// The file or the listener that has it.
    place: String,
    /// Whether a key lies beside it, or it is served.
    is_own: bool,
    certificate: &'a Certificate,
}

impl Leaf<'_> {
    fn named(&self) -> String {
        format!("{}: {}", self.place, self.certificate.short_name())
    }
}

/// What is said of each certificate of the application itself, on disk and as served: no authorities,
/// no bundles.
fn of_leaves(
    facts: &Facts<'_>,
    judge: impl Fn(&Leaf<'_>) -> Result<Option<Evidence>, NotJudged>,
) -> Judged {
    let mut found = Vec::new();
    for file in facts.certificate_files()? {
        match seen("certificates.files.certificates", &file.certificates) {
            Ok(certificates) => {
                let own = certificates.iter().filter(|one| !one.is_authority());
                found.extend(own.map(|certificate| {
                    judge(&Leaf {
                        place: file.path.to_text().into_owned(),
                        is_own: file.private_key.is_some(),
                        certificate,
                    })
                }));
            }
            Err(why) => found.push(Err(why)),
        }
    }
    for listener in facts.certificates()?.served.iter().flatten() {
        if let Some(Serves::Tls { leaves }) = listener.serves.value() {
            found.extend(leaves.iter().map(|leaf| {
                judge(&Leaf {
                    place: listener.listens_on.clone(),
                    is_own: true,
                    certificate: &leaf.certificate,
                })
            }));
        }
    }
    gather(found)
}

const SECONDS_LEFT: &str = "certificates.files.certificates.seconds_left";
const SOON_DAYS: i64 = 14;

fn expired(facts: &Facts<'_>) -> Judged {
    of_leaves(facts, |leaf| {
        let left = *seen(SECONDS_LEFT, &leaf.certificate.seconds_left)?;
        Ok((left < 0).then(|| {
            let days = left.saturating_neg() / DAY_SECONDS;
            let says = format!("{} expired {days} days ago", leaf.named());
            Evidence::new(if leaf.is_own { 90 } else { 75 }, says)
        }))
    })
}

fn expires_soon(facts: &Facts<'_>) -> Judged {
    of_leaves(facts, |leaf| {
        let left = *seen(SECONDS_LEFT, &leaf.certificate.seconds_left)?;
        let is_soon = (0..SOON_DAYS * DAY_SECONDS).contains(&left);
        Ok(is_soon.then(|| {
            let (days, hours) = (left / DAY_SECONDS, left % DAY_SECONDS / 3600);
            let says = format!("{} expires in {days} days and {hours} hours", leaf.named());
            Evidence::new(if leaf.is_own { 74 } else { 60 }, says)
        }))
    })
}

fn not_yet_valid(facts: &Facts<'_>) -> Judged {
    of_leaves(facts, |leaf| {
        seen(
            "certificates.files.certificates.not_before",
            &leaf.certificate.not_before,
        )?;
        let is_early = leaf.certificate.is_not_yet_valid();
        let says = || format!("{} is not valid yet", leaf.named());
        Ok(is_early.then(|| Evidence::new(88, says())))
    })
}

fn key_mismatch(facts: &Facts<'_>) -> Judged {
    gather(facts.certificate_files()?.iter().map(|file| {
        let Some(key) = &file.private_key else {
            return Ok(None);
        };
        let matches = *seen("certificates.files.private_key.matches", &key.matches)?;
        Ok((!matches).then(|| {
            let (key, file) = (key.path.to_text(), file.path.to_text());
            Evidence::new(92, format!("{key} is not the key of {file}"))
        }))
    }))
}

fn served_is_older(facts: &Facts<'_>) -> Judged {
    let mut found = Vec::new();
    for listener in facts.certificates()?.served.iter().flatten() {
        match seen("certificates.served.serves", &listener.serves) {
            Ok(Serves::Tls { leaves }) => {
                found.extend(leaves.iter().map(|leaf| older_leaf(listener, leaf)));
            }
            Ok(Serves::NotTls { .. } | Serves::Refused { .. }) => {}
            Err(why) => found.push(Err(why)),
        }
    }
    gather(found)
}

fn older_leaf(listener: &ServedListener, leaf: &ServedLeaf) -> Result<Option<Evidence>, NotJudged> {
    let field = "certificates.served.serves.leaves.against_files";
    if *seen(field, &leaf.against_files)? != AgainstFiles::OlderThanFile {
        return Ok(None);
    }
    let path = leaf.path.as_ref().map(|path| path.to_text());
    let says = format!(
        "{} serves an older certificate than {}",
        listener.listens_on,
        path.as_deref().unwrap_or("the file")
    );
    Ok(Some(Evidence::new(90, says)))
}

fn key_readable_by_all(facts: &Facts<'_>) -> Judged {
    let keys = facts.certificate_files()?.iter();
    let keys = keys.filter_map(|file| file.private_key.as_ref());
    let evidence = keys
        .filter(|key| key.readable_by_all)
        .map(|key| Evidence::new(40, format!("{} can be read by all", key.path.to_text())));
    Ok(evidence.collect())
}

fn missing_file(facts: &Facts<'_>) -> Judged {
    facts.certificate_files()?;
    let missing = facts.certificates()?.missing.iter();
    let evidence = missing.map(|file| {
        let found_by: Vec<String> = file.found_by.iter().map(FoundBy::describe).collect();
        let says = format!("{} (named by {})", file.path.to_text(), found_by.join(", "));
        Evidence::new(89, says)
    });
    Ok(evidence.collect())
}

fn unreadable_by_target(facts: &Facts<'_>) -> Judged {
    let files = facts.certificate_files()?.iter();
    gather(files.flat_map(|file| [unreadable_file(file), unreadable_key(file)]))
}

fn unreadable_file(file: &CertificateFile) -> Result<Option<Evidence>, NotJudged> {
    // Of others nothing shows that the application wants to read them.
    if file.private_keys.is_empty() && file.private_key.is_none() {
        return Ok(None);
    }
    let field = "certificates.files.readable_by_target";
    let is_readable = *seen(field, &file.readable_by_target)?;
    let says = || format!("{} has mode {}", file.path.to_text(), file.mode);
    Ok((!is_readable).then(|| Evidence::new(80, says())))
}

fn unreadable_key(file: &CertificateFile) -> Result<Option<Evidence>, NotJudged> {
    let Some(key) = &file.private_key else {
        return Ok(None);
    };
    let field = "certificates.files.private_key.readable_by_target";
    let is_readable = *seen(field, &key.readable_by_target)?;
    let says = || {
        format!(
            "{} cannot be read by the application's user",
            key.path.to_text()
        )
    };
    Ok((!is_readable).then(|| Evidence::new(85, says())))
}

/// The first of these problems in a verdict on a file in which none of the others decides.
fn verdicts<'a>(
    facts: &Facts<'a>,
    problems: &[Problem],
    others: &[Problem],
) -> Result<Vec<(&'a CertificateFile, &'a str)>, NotJudged> {
    let mut found = Vec::new();
    for file in facts.certificate_files()? {
        // Asked by `doctor` alone: a document without them is not judged.
        let verdicts = file.verdicts.as_ref().ok_or(NotJudged {
            field: "certificates.files.verdicts",
            reason: None,
        })?;
        let findings = verdicts.iter().map(|one| one.verdict.findings.iter());
        let mut first = findings.filter_map(|findings| {
            let mut fatal = findings.filter(|one| one.fatal);
            if fatal.clone().any(|one| others.contains(&one.problem)) {
                return None;
            }
            fatal.find(|one| problems.contains(&one.problem))
        });
        found.extend(first.next().map(|one| (file, one.says.as_str())));
    }
    Ok(found)
}

fn incomplete_chain(facts: &Facts<'_>) -> Judged {
    let found = verdicts(facts, &[Problem::MissingIntermediate], &[])?.into_iter();
    // Without its key no process of the container can serve it.
    let own = found.filter(|(file, _)| file.private_key.is_some());
    let evidence =
        own.map(|(file, says)| Evidence::new(86, format!("{}: {says}", file.path.to_text())));
    Ok(evidence.collect())
}

fn refused_by_runtime(facts: &Facts<'_>) -> Judged {
    // An authority that this container does not trust is known to the clients, and dates are other
    // rules' findings.
    let others = [
        Problem::UnknownIssuer,
        Problem::MissingIntermediate,
        Problem::SelfSigned,
        Problem::Expired,
        Problem::NotYetValid,
    ];
    let problems = [Problem::RefusedByRuntime, Problem::WeakSignature];
    let found = verdicts(facts, &problems, &others)?;
    let evidence = found
        .into_iter()
        .map(|(file, says)| Evidence::new(68, format!("{}: {says}", file.path.to_text())));
    Ok(evidence.collect())
}

/// Which runtimes read a variable that names a bundle.
const BUNDLE_VARIABLES: [(&str, &[Runtime]); 4] = [
    (
        "SSL_CERT_FILE",
        &[
            Runtime::Go,
            Runtime::Openssl,
            Runtime::Python,
            Runtime::Dotnet,
            Runtime::Rust,
        ],
    ),
    ("NODE_EXTRA_CA_CERTS", &[Runtime::Node]),
    ("REQUESTS_CA_BUNDLE", &[Runtime::Python]),
    ("CURL_CA_BUNDLE", &[Runtime::Openssl, Runtime::Python]),
];

fn bundle_not_read(facts: &Facts<'_>) -> Judged {
    let store = seen(
        "certificates.trust_store",
        &facts.certificates()?.trust_store,
    )?;
    if store.runtime == Runtime::Unknown {
        return Ok(Vec::new());
    }
    let is_named = |name: &str| {
        let mut places = store.places.iter();
        places.any(|place| place.variable.as_deref() == Some(name))
    };
    let set: Vec<_> = facts.variables()?.collect();
    let mut evidence = Vec::new();
    for (name, readers) in BUNDLE_VARIABLES {
        let variable = set
            .iter()
            .find(|one| one.name.as_bytes() == name.as_bytes());
        let value = variable.and_then(|one| one.value.as_ref());
        if let Some(value) = value.filter(|_| !readers.contains(&store.runtime) && !is_named(name))
        {
            let says = format!(
                "{} does not read {name} ({})",
                store.runtime.describe(),
                value.to_text()
            );
            evidence.push(Evidence::new(69, says));
        }
    }
    // Where a variable is set that is read, the others are for other programs.
    let has_read = BUNDLE_VARIABLES.iter().any(|(name, readers)| {
        readers.contains(&store.runtime)
            && set.iter().any(|one| one.name.as_bytes() == name.as_bytes())
    });
    Ok(if has_read { Vec::new() } else { evidence })
}

fn all_roots_expired(facts: &Facts<'_>) -> Judged {
    let store = seen(
        "certificates.trust_store",
        &facts.certificates()?.trust_store,
    )?;
    let roots = seen_if_there("certificates.trust_store.roots", store.roots.as_ref())?;
    let field = "certificates.trust_store.expired_roots";
    let expired = seen_if_there(field, store.expired_roots.as_ref())?;
    match (roots, expired) {
        (Some(roots), Some(expired)) if *roots > 0 && expired >= roots => {
            let says = format!("{expired} of {roots} authorities have expired");
            Ok(vec![Evidence::new(83, says)])
        }
        _ => Ok(Vec::new()),
    }
}
