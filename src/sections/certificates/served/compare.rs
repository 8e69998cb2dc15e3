//! A served certificate against the files: the same, or one that was rotated and not reloaded.

use crate::model::certificate::{AgainstFiles, Certificate, CertificateFile};

/// How it compares, and with which certificate of which file.
pub(super) fn compare<'a>(
    leaf: &Certificate,
    files: &'a [CertificateFile],
) -> (AgainstFiles, Option<(&'a CertificateFile, &'a Certificate)>) {
    let all = || {
        files.iter().flat_map(|file| {
            let certificates = file.certificates.value().into_iter().flatten();
            certificates.map(move |certificate| (file, certificate))
        })
    };
    let same = |(_, known): &(_, &Certificate)| known.fingerprint_sha256 == leaf.fingerprint_sha256;
    if let Some(found) = all().find(same) {
        return (AgainstFiles::Same, Some(found));
    }
    let period = |one: &Certificate| {
        let (begin, end) = (one.not_before.value(), one.not_after.value());
        (begin.copied(), end.copied())
    };
    // Of several the one that is in use: with its key, and the latest.
    let rank = |(file, certificate): &(&CertificateFile, &Certificate)| {
        let key = file.private_key.as_ref();
        let has_key = key.is_some_and(|key| key.matches.value() == Some(&true));
        (has_key, period(certificate))
    };
    let successor = all()
        .filter(|(_, certificate)| is_for_the_same(leaf, certificate))
        .max_by_key(rank);
    let Some((file, certificate)) = successor else {
        return (AgainstFiles::NotOnDisk, None);
    };
    let against = match period(leaf).cmp(&period(certificate)) {
        std::cmp::Ordering::Less => AgainstFiles::OlderThanFile,
        std::cmp::Ordering::Greater => AgainstFiles::NewerThanFile,
        std::cmp::Ordering::Equal => return (AgainstFiles::NotOnDisk, None),
    };
    (against, Some((file, certificate)))
}

/// Whether a certificate may stand in another's place: for one of the same names, or, where
/// there are none, for the same subject.
fn is_for_the_same(leaf: &Certificate, other: &Certificate) -> bool {
    if other.is_authority() && !leaf.is_authority() {
        return false;
    }
    let (own, others) = (
        &leaf.subject_alternative_names,
        &other.subject_alternative_names,
    );
    if own.is_empty() && others.is_empty() {
        let (own, others) = (leaf.subject.value(), other.subject.value());
        return own.is_some_and(|own| !own.is_empty()) && own == others;
    }
    own.iter().any(|name| {
        let same = |other: &String| other.eq_ignore_ascii_case(name);
        others.iter().any(same)
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use time::{Duration, OffsetDateTime};

    use super::*;
    use crate::model::certificate::KeyBeside;
    use crate::model::gap::Gaps;
    use crate::model::seen::Seen;
    use crate::model::time::Timestamp;
    use crate::pki::{self, ParsedCertificate};

    fn certificate(name: &str, day: i64) -> Certificate {
        let names = (!name.is_empty()).then(|| name.to_owned());
        let mut params = CertificateParams::new(names.into_iter().collect::<Vec<_>>()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "leaf");
        params.not_before = OffsetDateTime::UNIX_EPOCH + Duration::days(day);
        params.not_after = params.not_before + Duration::days(90);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        reported(made.der())
    }

    fn reported(der: &[u8]) -> Certificate {
        let parsed = ParsedCertificate::read(der).unwrap();
        let place = pki::Place {
            field: "files.certificates",
            subject: "x".into(),
        };
        let mut gaps = Gaps::default();
        let gaps = &mut gaps.section("certificates");
        pki::reported(&parsed, SystemTime::UNIX_EPOCH, &place, gaps)
    }

    fn file(path: &str, certificate: Certificate, with_key: bool) -> CertificateFile {
        CertificateFile {
            path: path.into(),
            resolved_path: None,
            found_by: Vec::new(),
            form: None,
            size_bytes: 0,
            modified_at: Timestamp(SystemTime::UNIX_EPOCH),
            uid: 0,
            gid: 0,
            mode: "0644".into(),
            readable_by_target: Seen::Value(true),
            certificates: Seen::Value(vec![certificate]),
            private_keys: Vec::new(),
            private_key: with_key.then(|| KeyBeside {
                path: path.into(),
                matches: Seen::Value(true),
                readable_by_target: Seen::Value(true),
                readable_by_all: false,
            }),
            faults: Vec::new(),
            revocation_lists: Vec::new(),
            verdicts: None,
        }
    }

    fn against(leaf: &Certificate, files: &[CertificateFile]) -> (AgainstFiles, Option<String>) {
        let (against, found) = compare(leaf, files);
        (
            against,
            found.map(|(file, _)| file.path.to_text().into_owned()),
        )
    }

    #[test]
    fn the_same_certificate_is_found_in_whichever_file() {
        let leaf = certificate("api", 100);
        let files = [
            file("/new", certificate("api", 190), true),
            file("/old", leaf.clone(), false),
        ];
        assert_eq!(
            against(&leaf, &files),
            (AgainstFiles::Same, Some("/old".into()))
        );
    }

    #[test]
    fn a_rotation_that_was_never_reloaded_is_older_than_the_file() {
        let files = [
            file("/backup", certificate("api", 10), false),
            file("/tls.crt", certificate("API", 190), true),
            file("/other", certificate("web", 300), true),
        ];
        let leaf = certificate("api", 100);
        let older = (AgainstFiles::OlderThanFile, Some("/tls.crt".into()));
        assert_eq!(against(&leaf, &files), older);
        let newer = (AgainstFiles::NewerThanFile, Some("/tls.crt".into()));
        assert_eq!(against(&certificate("api", 200), &files), newer);
    }

    #[test]
    fn names_that_no_file_has_are_not_on_disk() {
        let files = [file("/web", certificate("web", 190), true)];
        let leaf = certificate("api", 100);
        assert_eq!(against(&leaf, &files), (AgainstFiles::NotOnDisk, None));
        // The authority of that name is no successor.
        let authority = Certificate {
            is_ca: Seen::Value(true),
            ..certificate("api", 300)
        };
        let files = [file("/ca", authority, false)];
        assert_eq!(against(&leaf, &files), (AgainstFiles::NotOnDisk, None));
    }

    #[test]
    fn without_names_the_subject_decides() {
        let named = |subject: &str, day| Certificate {
            subject: Seen::Value(subject.into()),
            subject_alternative_names: Vec::new(),
            ..certificate("", day)
        };
        let files = [file("/a", named("CN=a", 190), true)];
        assert_eq!(
            against(&named("CN=a", 1), &files).0,
            AgainstFiles::OlderThanFile
        );
        assert_eq!(
            against(&named("CN=b", 1), &files).0,
            AgainstFiles::NotOnDisk
        );
        let nameless = [file("/a", named("", 190), true)];
        assert_eq!(against(&named("", 1), &nameless).0, AgainstFiles::NotOnDisk);
    }
}
