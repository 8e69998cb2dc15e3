//! The private key beside a certificate: found by name or by its public half, compared by the
//! public half, and never shown.

use crate::model::certificate::{CertificateFile, KeyBeside, PrivateKey};
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::seen::Seen;
use crate::parse::certificate_paths::{directory, file_name, is_called_key};

/// Puts into each file with a certificate the key that belongs to its first one.
pub(super) fn pair(files: &mut [CertificateFile], gaps: &mut SectionGaps<'_>) {
    let found: Vec<Option<(usize, Attempt)>> =
        (0..files.len()).map(|index| of(files, index)).collect();
    for (index, key) in found.into_iter().enumerate() {
        let Some((at, matches)) = key else { continue };
        let Some(holder) = files.get(at).cloned() else {
            continue;
        };
        let Some(file) = files.get_mut(index) else {
            continue;
        };
        let subject = || crate::model::gap::Subject::Path(file.path.clone());
        let matches = match matches {
            Attempt::Matches(matches) => Ok(matches),
            Attempt::Encrypted => {
                Err(Refusal::of(Reason::Denied)
                    .needing("the password of the key (--password-file)"))
            }
            Attempt::Unread(reason) => Err(Refusal::of(reason).needing("a readable private key")),
        };
        let matches = gaps.seen("files.private_key.matches", subject(), matches);
        let readable_by_target = match holder.readable_by_target {
            Seen::Value(may) => Seen::Value(may),
            Seen::Unseen(unseen) => {
                let refusal = Refusal::of(unseen.reason());
                let field = "files.private_key.readable_by_target";
                Seen::Unseen(gaps.record(field, subject(), &refusal))
            }
        };
        file.private_key = Some(KeyBeside {
            readable_by_all: is_for_all(&holder.mode),
            path: holder.path,
            matches,
            readable_by_target,
        });
    }
}

/// How a key compares with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Matches(bool),
    Encrypted,
    Unread(Reason),
}

/// The file that holds the key of the first certificate of a file.
fn of(files: &[CertificateFile], index: usize) -> Option<(usize, Attempt)> {
    let file = files.get(index)?;
    let first = file.certificates.value()?.first()?;
    let pin = first.public_key.value()?.spki_pin_sha256.as_str();
    if !file.private_keys.is_empty() {
        return Some((index, compare(file, pin)));
    }
    let own = file.path.as_bytes();
    let beside = |other: &&(usize, &CertificateFile)| is_beside(file, other.1);
    let others: Vec<(usize, &CertificateFile)> = files
        .iter()
        .enumerate()
        .filter(|(at, other)| *at != index && holds_key(other))
        .collect();
    let right = |(_, other): &&(usize, &CertificateFile)| compare(other, pin) == MATCH;
    if let Some((at, _)) = others.iter().filter(beside).find(right) {
        return Some((*at, MATCH));
    }
    // What an application takes for the pair, whether it is one or not.
    let habitual = key_names(file_name(own));
    let named = |(_, other): &&(usize, &CertificateFile)| {
        let name = file_name(other.path.as_bytes());
        habitual.iter().any(|wanted| wanted.as_slice() == name)
    };
    let mut beside_it = others.iter().filter(beside);
    if let Some((at, other)) = beside_it.clone().find(named) {
        return Some((*at, compare(other, pin)));
    }
    if let Some((at, _)) = others.iter().find(right) {
        return Some((*at, MATCH));
    }
    // A single key beside a single certificate that is no authority.
    let leaves = files.iter().filter(|other| {
        let first = other.certificates.value().and_then(|all| all.first());
        directory(other.path.as_bytes()) == directory(own)
            && first.is_some_and(|first| !first.is_authority())
    });
    match (beside_it.next(), beside_it.next()) {
        (Some((at, other)), None) if !first.is_authority() && leaves.count() == 1 => {
            Some((*at, compare(other, pin)))
        }
        _ => None,
    }
}

const MATCH: Attempt = Attempt::Matches(true);

/// In the same directory, by the path or by where its links lead.
fn is_beside(file: &CertificateFile, other: &CertificateFile) -> bool {
    let places = |file: &CertificateFile| {
        let resolved = file.resolved_path.as_ref().unwrap_or(&file.path);
        [&file.path, resolved].map(|path| directory(path.as_bytes()).to_vec())
    };
    let theirs = places(other);
    places(file).iter().any(|place| theirs.contains(place))
}

/// A file with a key; or one that could not be read and is called as keys are.
fn holds_key(file: &CertificateFile) -> bool {
    let called = is_called_key(file.path.as_bytes());
    !file.private_keys.is_empty() || (called && file.certificates.value().is_none())
}

fn compare(holder: &CertificateFile, pin: &str) -> Attempt {
    if let Seen::Unseen(unseen) = &holder.certificates
        && holder.private_keys.is_empty()
    {
        return Attempt::Unread(unseen.reason());
    }
    let known = |key: &PrivateKey| key.public_key.is_some();
    let same = |key: &PrivateKey| {
        key.public_key
            .as_ref()
            .is_some_and(|key| key.spki_pin_sha256 == pin)
    };
    if holder.private_keys.iter().any(same) {
        MATCH
    } else if holder.private_keys.iter().all(known) {
        Attempt::Matches(false)
    } else if holder.private_keys.iter().any(|key| key.encrypted) {
        Attempt::Encrypted
    } else {
        Attempt::Unread(Reason::Unsupported)
    }
}

/// What the key of a certificate is called by habit.
fn key_names(name: &[u8]) -> Vec<Vec<u8>> {
    let at = name.iter().rposition(|byte| *byte == b'.');
    let stem = at.and_then(|at| name.get(..at)).unwrap_or(name);
    let mut stems = vec![stem];
    for ending in [&b".cert"[..], b"-cert", b"_cert", b".crt", b"-fullchain"] {
        stems.extend(stem.strip_suffix(ending));
    }
    let mut names = Vec::new();
    for stem in stems {
        for ending in [&b".key"[..], b"-key.pem", b".key.pem", b"_key.pem"] {
            names.push([stem, ending].concat());
        }
    }
    if matches!(stem, b"fullchain" | b"cert" | b"chain" | b"certificate") {
        names.extend([b"privkey.pem".to_vec(), b"key.pem".to_vec()]);
    }
    names
}

/// Whether every user may read a file of this mode.
fn is_for_all(mode: &str) -> bool {
    u32::from_str_radix(mode, 8).is_ok_and(|mode| mode & 0o004 != 0)
}
