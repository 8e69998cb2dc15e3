//! Reads the files that were found. Runs in a time box, as the search does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use nix::errno::Errno;

use super::leaves::Role;
use crate::model::certificate::FoundBy;
use crate::parse::certificate_file::{OtherContent, other_content};
use crate::parse::certificate_paths;
use crate::pki::{self, Contents, ParsedCertificate};
use crate::rights::file_mode::Ownership;
use crate::sys::file_limits;
use crate::sys::opened_file::{FileKind, OpenedFile};
use crate::sys::{InRoot, Truncation};

/// A path to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) path: Vec<u8>,
    /// What led to it, the strongest first.
    pub(super) found_by: Vec<FoundBy>,
    /// Whether it is shown though nothing in it is known: its name or its place promises more.
    pub(super) promising: bool,
    /// Whether the very path is named, and not a directory above it.
    pub(super) named: bool,
    /// Whether it is known to be a link.
    pub(super) is_link: bool,
}

impl Candidate {
    pub(super) fn role(&self) -> Role {
        match self.found_by.contains(&FoundBy::Asked) {
            _ if !self.named => Role::Found,
            true => Role::Asked,
            false => Role::Configured,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The same file as an earlier candidate, by its place among them.
    SameAs(usize),
    Missing,
    /// Neither read nor looked at.
    Refused(Errno),
    /// No regular file.
    Special,
    /// Nothing but authorities of a trust store.
    LeftOut,
    Read(Box<Reading>),
}

/// A file as it was read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Where links lead, where that is another path.
    pub(super) resolved_path: Option<Vec<u8>>,
    pub(super) size_bytes: u64,
    pub(super) modified: SystemTime,
    pub(super) ownership: Ownership,
    /// What is in it; or in place of certificates and keys.
    pub(super) contents: Result<Result<Contents, OtherContent>, Unread>,
}

/// Why a file was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    Errno(Errno),
    /// It is longer than this many bytes.
    TooLong(u64),
    /// All files together are.
    TooMuch,
}

/// Usual certificates take 2 KiB, whole chains 20.
const LIMIT: u64 = 1 << 20;
/// What was asked for by name.
pub(super) const ASKED_LIMIT: u64 = file_limits::CERTIFICATES as u64;
/// All of them together.
const TOTAL_LIMIT: u64 = 64 << 20;
/// More certificates than a chain has: a bundle.
const BUNDLE: usize = 16;

/// What all readings share.
pub(super) struct Reader {
    root: InRoot,
    password: Option<String>,
    /// Whether files that hold only authorities of the trust store are read too.
    roots: bool,
    bytes_left: AtomicU64,
    met: Mutex<HashMap<(u64, u64), usize>>,
}

impl Reader {
    pub(super) fn new(root: InRoot, password: Option<String>, roots: bool) -> Self {
        Self {
            root,
            password,
            roots,
            bytes_left: AtomicU64::new(TOTAL_LIMIT),
            met: Mutex::default(),
        }
    }

    /// Reads one candidate; `index` is its place among them.
    pub(super) fn read(&self, index: usize, candidate: &Candidate) -> Outcome {
        let found = match OpenedFile::at(&self.root, &candidate.path) {
            Ok(found) => found,
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Outcome::Missing,
            Err(errno) => return Outcome::Refused(errno),
        };
        if found.kind() != FileKind::File {
            return Outcome::Special;
        }
        if let Ok(mut met) = self.met.lock() {
            match met.get(&found.identity()) {
                Some(earlier) => return Outcome::SameAs(*earlier),
                None => met.insert(found.identity(), index),
            };
        }
        let vouched_for = candidate.named || candidate.found_by.contains(&FoundBy::Volume);
        // Of these there may be hundreds: where they lead makes no difference.
        let known = certificate_paths::is_bundle(&candidate.path) || candidate.is_link;
        if known && !vouched_for && self.is_habitual(candidate, None) {
            return Outcome::LeftOut;
        }
        let resolved_path = found.path(&self.root);
        let resolved_path = resolved_path.filter(|path| *path != candidate.path);
        let by_habit = self.is_habitual(candidate, resolved_path.as_deref());
        let known = known || resolved_path.is_some();
        if by_habit && known && !vouched_for {
            return Outcome::LeftOut;
        }
        let contents = self.contents(candidate, &found);
        if let Ok(Ok(contents)) = &contents
            && by_habit
            && holds_only_authorities(contents)
            && (!vouched_for || contents.certificates.len() > BUNDLE)
        {
            return Outcome::LeftOut;
        }
        Outcome::Read(Box::new(Reading {
            resolved_path,
            size_bytes: found.size_bytes(),
            modified: found.modified(),
            ownership: Ownership::of(&found),
            contents,
        }))
    }

    /// Whether it lies where trust stores lie, and those were not asked for.
    fn is_habitual(&self, candidate: &Candidate, resolved: Option<&[u8]>) -> bool {
        let asked = self.roots || candidate.found_by.contains(&FoundBy::Asked);
        let place = certificate_paths::is_trust_place(&candidate.path)
            || resolved.is_some_and(certificate_paths::is_trust_place);
        place && !asked
    }

    fn contents(
        &self,
        candidate: &Candidate,
        found: &OpenedFile,
    ) -> Result<Result<Contents, OtherContent>, Unread> {
        let limit = limit(candidate);
        if found.size_bytes() > limit {
            return Err(Unread::TooLong(limit));
        }
        let take = |left: u64| left.checked_sub(found.size_bytes());
        let taken = self
            .bytes_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        if taken.is_err() {
            return Err(Unread::TooMuch);
        }
        let mut bytes = Vec::new();
        match found.read(usize::try_from(limit).unwrap_or(usize::MAX), &mut bytes) {
            Ok(Truncation::Whole) => {}
            Ok(Truncation::AtLimit) => return Err(Unread::TooLong(limit)),
            Err(errno) => return Err(Unread::Errno(errno)),
        }
        let password = self.password.as_deref();
        let contents = pki::contents(&bytes, password);
        Ok(contents.ok_or_else(|| other_content(&bytes)))
    }
}

fn limit(candidate: &Candidate) -> u64 {
    let name = certificate_paths::file_name(&candidate.path).to_ascii_lowercase();
    let stores: [&[u8]; 6] = [
        b".jks",
        b".p12",
        b".pfx",
        b".keystore",
        b".truststore",
        b"cacerts",
    ];
    if candidate.found_by.contains(&FoundBy::Asked) {
        ASKED_LIMIT
    } else if certificate_paths::is_trust_place(&candidate.path)
        || stores.iter().any(|ending| name.ends_with(ending))
        || name.windows(6).any(|word| word == b"bundle")
    {
        file_limits::AUTHORITIES as u64
    } else {
        LIMIT
    }
}

fn holds_only_authorities(contents: &Contents) -> bool {
    let authority = |certificate: &Arc<ParsedCertificate>| {
        // The oldest ones are of version 1 and do not say what they are.
        certificate.is_ca || (certificate.version == 1 && certificate.self_signed)
    };
    contents.private_keys.is_empty()
        && !contents.certificates.is_empty()
        && contents.certificates.iter().all(authority)
}
