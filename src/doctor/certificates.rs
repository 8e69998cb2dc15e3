//! Certificates on disk and as served.

use super::facts::{Facts, NotJudged, seen};
use super::rule::{Evidence, Judged, Rule, Severity, gather};
use crate::model::certificate::{
    AgainstFiles, Certificate, CertificateFile, FoundBy, ServedLeaf, ServedListener, Serves,
};
use crate::model::units::DAY_SECONDS;

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
];

/// What is said of each certificate of the application itself: no authorities, no bundles.
fn of_leaves(
    facts: &Facts<'_>,
    judge: impl Fn(&CertificateFile, &Certificate) -> Result<Option<Evidence>, NotJudged>,
) -> Judged {
    let mut found = Vec::new();
    for file in facts.certificate_files()? {
        match seen("certificates.files.certificates", &file.certificates) {
            Ok(certificates) => {
                let own = certificates.iter().filter(|one| !one.is_authority());
                found.extend(own.map(|one| judge(file, one)));
            }
            Err(why) => found.push(Err(why)),
        }
    }
    gather(found)
}

fn named(file: &CertificateFile, certificate: &Certificate) -> String {
    format!("{}: {}", file.path.to_text(), certificate.short_name())
}

const SECONDS_LEFT: &str = "certificates.files.certificates.seconds_left";
const SOON_DAYS: i64 = 14;

fn expired(facts: &Facts<'_>) -> Judged {
    of_leaves(facts, |file, certificate| {
        let left = *seen(SECONDS_LEFT, &certificate.seconds_left)?;
        Ok((left < 0).then(|| {
            let days = left.saturating_neg() / DAY_SECONDS;
            let says = format!("{} expired {days} days ago", named(file, certificate));
            // Where a key lies beside it, it is the application's own.
            let certainty = if file.private_key.is_some() { 90 } else { 75 };
            Evidence::new(certainty, says)
        }))
    })
}

fn expires_soon(facts: &Facts<'_>) -> Judged {
    of_leaves(facts, |file, certificate| {
        let left = *seen(SECONDS_LEFT, &certificate.seconds_left)?;
        let is_soon = (0..SOON_DAYS * DAY_SECONDS).contains(&left);
        Ok(is_soon.then(|| {
            let (days, hours) = (left / DAY_SECONDS, left % DAY_SECONDS / 3600);
            let name = named(file, certificate);
            Evidence::new(
                70,
                format!("{name} expires in {days} days and {hours} hours"),
            )
        }))
    })
}

fn not_yet_valid(facts: &Facts<'_>) -> Judged {
    of_leaves(facts, |file, certificate| {
        seen(
            "certificates.files.certificates.not_before",
            &certificate.not_before,
        )?;
        let is_early = certificate.is_not_yet_valid();
        let says = || format!("{} is not valid yet", named(file, certificate));
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
