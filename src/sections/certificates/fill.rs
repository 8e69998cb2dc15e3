//! From places to the files of the report, with every gap on the way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;

use super::find;
use super::find::Places;
use super::leaves::Role;
use super::read::{Candidate, Outcome, Reader, Reading, Unread};
use super::search::{Bound, Search, Searched, Start, Take};
use super::{CertificatesQuery, chains, keys};
use crate::model::certificate::{
    Certificate, CertificateFile, Fault, FileForm, FoundBy, MissingFile,
};
use crate::model::gap::{Reason, Refusal, SectionGaps, Subject};
use crate::model::seen::Seen;
use crate::model::time::Timestamp;
use crate::parse::certificate_file::OtherContent;
use crate::parse::certificate_paths;
use crate::pki::{self, ParsedCertificate, Place};
use crate::rights::file_mode::FileSubject;
use crate::rights::ptrace_access::AccessCheck;
use crate::scan::Scan;
use crate::scan::target::by_its_mode;
use crate::sys::time_box::{self, TimeBudget, each_in_time};
use crate::sys::{InRoot, remote_fs};

/// What was found of the target's files.
pub(super) struct Brought {
    pub(super) files: Seen<Vec<CertificateFile>>,
    pub(super) left_out: u64,
    pub(super) missing: Vec<MissingFile>,
    /// Why each file is judged; those that are not here were only found.
    pub(super) roles: BTreeMap<Vec<u8>, Role>,
    /// Named or configured files of which something could not be read, and why.
    pub(super) unread: Vec<(Vec<u8>, NotRead)>,
    /// The certificates of each file, by its path.
    pub(super) parsed: ParsedFiles,
}

/// The certificates of each file, as they were parsed once.
pub(super) type ParsedFiles = BTreeMap<Vec<u8>, Vec<Arc<ParsedCertificate>>>;

/// Why a file could not be read, or not wholly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotRead {
    Refused(Refusal),
    /// It holds something else, or parts of it are malformed: see its `faults`.
    Faults,
}

/// Files that are read unless `--max-files` says otherwise.
pub(super) const FILES: usize = 1000;
/// Local file systems answer within microseconds; a keystore may take a while to open.
const PATIENCE: TimeBudget = TimeBudget {
    each: Duration::from_secs(2),
    all: Duration::from_secs(10),
    stuck: 4,
};

/// Finds and reads them.
pub(super) fn files(
    query: &CertificatesQuery,
    password: Option<String>,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
) -> Brought {
    let none = |files| Brought {
        files,
        left_out: 0,
        missing: Vec::new(),
        roles: BTreeMap::new(),
        unread: Vec::new(),
        parsed: BTreeMap::new(),
    };
    // Roots of their own: a thread that is stuck keeps one.
    let (search_root, read_root) = match roots(scan) {
        Ok(roots) => roots,
        Err((pid, refusal)) => {
            let unseen = gaps.record("files", pid, &refusal);
            return none(Seen::Unseen(unseen));
        }
    };
    let max_files = query.max_files.and_then(|max| usize::try_from(max).ok());
    let max_files = max_files.unwrap_or(FILES);
    let places = find::places(query, scan, gaps);
    let mut files = Assembly {
        candidates: BTreeMap::new(),
        missing: BTreeMap::new(),
        unread: Vec::new(),
    };
    files.search(places, search_root, max_files, gaps);
    let candidates = files.chosen(max_files, gaps);
    let reader = Reader::new(read_root, password, query.roots);
    let items: Vec<(usize, Candidate)> = candidates.iter().cloned().enumerate().collect();
    let outcomes = each_in_time(items, PATIENCE, move |(index, candidate)| {
        reader.read(*index, candidate)
    });
    let Some(held) = &scan.target else {
        return none(Seen::Value(Vec::new()));
    };
    let party = FileSubject::of(held.credentials(), &scan.reader.viewer);
    let mut judge = Judge {
        gaps: gaps.reborrow(),
        party: party.as_ref(),
        left_out: 0,
        roles: BTreeMap::new(),
        unread: Vec::new(),
        parsed: BTreeMap::new(),
        now: scan.clock.now,
    };
    let mut read = judge.files(candidates, outcomes, &mut files.missing);
    let Judge {
        left_out,
        roles,
        mut unread,
        parsed,
        ..
    } = judge;
    unread.extend(files.unread);
    read.sort_by(|a, b| a.path.cmp(&b.path));
    keys::pair(&mut read, gaps);
    let missing = files.missing.into_iter();
    Brought {
        files: Seen::Value(read),
        left_out,
        roles,
        unread,
        parsed,
        missing: missing
            .map(|(path, found_by)| MissingFile {
                path: path.into(),
                found_by: found_by.into_iter().collect(),
            })
            .collect(),
    }
}

fn roots(scan: &Scan) -> Result<(InRoot, InRoot), (i32, Refusal)> {
    let Some(held) = &scan.target else {
        return Err((0, Refusal::of(Reason::Vanished)));
    };
    let root = || {
        InRoot::of(&held.main).map_err(|errno| {
            let refusal = held.refusal(errno, AccessCheck::Ptrace, &scan.reader.viewer);
            (held.main.pid(), refusal)
        })
    };
    Ok((root()?, root()?))
}

/// What is known of a path before it is read.
#[derive(Default)]
struct Lead {
    found_by: BTreeSet<FoundBy>,
    /// Whether it is shown in any case.
    promising: bool,
    /// Whether the path itself is named.
    named: bool,
    is_link: bool,
}

/// What the search brings together.
struct Assembly {
    candidates: BTreeMap<Vec<u8>, Lead>,
    missing: BTreeMap<Vec<u8>, BTreeSet<FoundBy>>,
    unread: Vec<(Vec<u8>, NotRead)>,
}

impl Assembly {
    fn search(
        &mut self,
        places: Places,
        root: InRoot,
        max_files: usize,
        gaps: &mut SectionGaps<'_>,
    ) {
        let covers = |start: &&Start| {
            start.found_by == FoundBy::UsualPlace
                && start.take == Take::UsualNames
                && start.depth > 1
        };
        let covered = places.starts.iter().filter(covers);
        let search = Search {
            root,
            kernel: places.kernel,
            covered: covered.map(|start| start.path.clone()).collect(),
            entries_each: max_files.saturating_mul(4),
            entries_left: AtomicUsize::new(max_files.saturating_mul(20)),
        };
        let starts = places.starts;
        let outcomes = each_in_time(starts.clone(), PATIENCE, move |start| search.follow(start));
        let mut told = BTreeSet::new();
        for (start, outcome) in starts.into_iter().zip(outcomes) {
            match outcome {
                time_box::TimedOutcome::Done(searched) => {
                    self.searched(&start, searched, &mut told, gaps);
                }
                late => {
                    let refusal = not_in_time(&late);
                    self.lose(&start, &refusal);
                    gaps.record("certificates", Subject::Path(start.path.into()), &refusal);
                }
            }
        }
    }

    /// Notes that a place that is named could not be looked at.
    fn lose(&mut self, start: &Start, refusal: &Refusal) {
        if start.expected {
            let why = NotRead::Refused(refusal.clone());
            self.unread.push((start.path.clone(), why));
        }
    }

    fn searched(
        &mut self,
        start: &Start,
        searched: Searched,
        told: &mut BTreeSet<Vec<u8>>,
        gaps: &mut SectionGaps<'_>,
    ) {
        if searched.is_missing && start.expected {
            let by = self.missing.entry(start.path.clone()).or_default();
            by.insert(start.found_by.clone());
        }
        for path in searched.files {
            let usual = certificate_paths::is_usual(&path);
            let named = searched.is_file;
            let is_link = searched.links.contains(&path);
            let lead = self.candidates.entry(path).or_default();
            lead.found_by.insert(start.found_by.clone());
            lead.promising |= usual || (searched.is_file && start.expected);
            lead.named |=
                named && !matches!(start.found_by, FoundBy::UsualPlace | FoundBy::OpenFile);
            lead.is_link |= is_link;
        }
        for (path, errno) in searched.refused {
            let refusal = refused(errno);
            if path == start.path {
                self.lose(start, &refusal);
            }
            if told.insert(path.clone()) {
                gaps.record("certificates", Subject::Path(path.into()), &refusal);
            }
        }
        for (path, bound) in searched.cut {
            // Where no certificates are kept by habit, nobody expects every name to be read.
            if start.depth <= 1 && start.take != Take::Everything && bound == Bound::Entries {
                continue;
            }
            let widens = match bound {
                Bound::Depth => "a greater --depth, or --dir with this path",
                Bound::Entries => "a greater --max-files, or --file",
            };
            if told.insert(path.clone()) {
                let refusal = Refusal::of(Reason::Limit).needing(widens);
                gaps.record("certificates", Subject::Path(path.into()), &refusal);
            }
        }
    }

    /// As many as are read, the strongest first.
    fn chosen(&mut self, max_files: usize, gaps: &mut SectionGaps<'_>) -> Vec<Candidate> {
        let all = std::mem::take(&mut self.candidates).into_iter();
        let mut candidates: Vec<Candidate> = all
            .map(|(path, lead)| Candidate {
                path,
                found_by: lead.found_by.into_iter().collect(),
                promising: lead.promising,
                named: lead.named,
                is_link: lead.is_link,
            })
            .collect();
        candidates
            .sort_by(|a, b| (a.found_by.first(), &a.path).cmp(&(b.found_by.first(), &b.path)));
        let cut = Refusal::of(Reason::Limit).needing("a greater --max-files, or --file");
        for candidate in candidates.iter().skip(max_files) {
            let path = Subject::Path(candidate.path.as_slice().into());
            gaps.record("certificates", path, &cut);
        }
        candidates.truncate(max_files);
        candidates
    }
}

/// Turns what was read into files and gaps.
struct Judge<'a> {
    gaps: SectionGaps<'a>,
    party: Result<&'a FileSubject, &'a Refusal>,
    left_out: u64,
    roles: BTreeMap<Vec<u8>, Role>,
    unread: Vec<(Vec<u8>, NotRead)>,
    parsed: ParsedFiles,
    now: SystemTime,
}

impl Judge<'_> {
    fn files(
        &mut self,
        candidates: Vec<Candidate>,
        outcomes: Vec<time_box::TimedOutcome<Outcome>>,
        missing: &mut BTreeMap<Vec<u8>, BTreeSet<FoundBy>>,
    ) -> Vec<CertificateFile> {
        let mut files: Vec<CertificateFile> = Vec::new();
        let mut by_candidate: HashMap<usize, usize> = HashMap::new();
        for (index, (candidate, outcome)) in candidates.into_iter().zip(outcomes).enumerate() {
            let outcome = match outcome {
                time_box::TimedOutcome::Done(outcome) => outcome,
                late => {
                    self.lose(&candidate, &not_in_time(&late));
                    continue;
                }
            };
            match outcome {
                Outcome::SameAs(earlier) => {
                    let known = by_candidate.get(&earlier).copied();
                    if let Some(file) = known.and_then(|at| files.get_mut(at)) {
                        let path = file.path.as_bytes().to_vec();
                        let role = self.roles.entry(path).or_default();
                        *role = candidate.role().max(*role);
                        file.found_by.extend(candidate.found_by);
                        file.found_by.sort();
                        file.found_by.dedup();
                    }
                }
                // A link without a goal, beside others that have theirs.
                Outcome::Missing => {
                    let by = missing.entry(candidate.path).or_default();
                    by.extend(candidate.found_by);
                }
                Outcome::LeftOut => self.left_out += 1,
                Outcome::Refused(errno) => self.lose(&candidate, &refused(errno)),
                Outcome::Special => self.lose(&candidate, &refused(Errno::EINVAL)),
                Outcome::Read(reading) => {
                    if matches!(reading.contents, Ok(Err(_))) && !candidate.promising {
                        continue;
                    }
                    by_candidate.insert(index, files.len());
                    files.push(self.file(candidate, *reading));
                }
            }
        }
        files
    }

    /// The certificates for the document; as they were parsed they are kept beside it.
    fn reported(&mut self, path: &[u8], parsed: Vec<Arc<ParsedCertificate>>) -> Vec<Certificate> {
        let place = Place {
            field: "files.certificates",
            subject: Subject::Path(path.into()),
        };
        let report =
            |one: &Arc<ParsedCertificate>| pki::reported(one, self.now, &place, &mut self.gaps);
        let mut certificates: Vec<Certificate> = parsed.iter().map(report).collect();
        chains::place(&mut certificates, &parsed);
        self.parsed.insert(path.to_vec(), parsed);
        certificates
    }

    /// Records that a file could not be looked at.
    fn lose(&mut self, candidate: &Candidate, refusal: &Refusal) {
        let path = Subject::Path(candidate.path.as_slice().into());
        self.gaps.record("certificates", path, refusal);
        if candidate.role() > Role::Found {
            let why = NotRead::Refused(refusal.clone());
            self.unread.push((candidate.path.clone(), why));
        }
    }

    #[expect(clippy::too_many_lines, reason = "a field after the other")]
    fn file(&mut self, candidate: Candidate, reading: Reading) -> CertificateFile {
        let role = candidate.role();
        let path = candidate.path;
        let is_key = certificate_paths::is_called_key(&path);
        // A key that is not read hides no certificate.
        let hides = |refusal: &Refusal| match role {
            Role::Found => false,
            Role::Configured => !is_key || refusal.reason == Reason::Malformed,
            Role::Asked => true,
        };
        let subject = || Subject::Path(path.as_slice().into());
        let readable = match self.party {
            Ok(party) => party.may_read(reading.ownership),
            Err(refusal) => Err(refusal.clone()),
        };
        let readable_by_target = self
            .gaps
            .seen("files.readable_by_target", subject(), readable);
        let (mut form, mut private_keys, mut faults) = (None, Vec::new(), Vec::new());
        let mut revocation_lists = Vec::new();
        let mut has_lost_parts = false;
        let malformed = || {
            Refusal::of(Reason::Malformed)
                .needing("a file of certificates in PEM, DER, PKCS#7, PKCS#12 or JKS")
        };
        let certificates: Result<Vec<_>, Refusal> = match reading.contents {
            Ok(Ok(contents)) => {
                has_lost_parts = contents.has_lost_parts();
                form = Some(contents.form.into());
                private_keys = contents.private_keys.into_iter().map(Into::into).collect();
                faults = contents.faults.into_iter().map(Into::into).collect();
                let lists = contents.revocation_lists.into_iter();
                revocation_lists = lists
                    .map(|one| pki::revocation_list(one, self.now))
                    .collect();
                let locked = Refusal::of(Reason::Denied).needing("its password (--password-file)");
                let store = matches!(form, Some(FileForm::Pkcs12 | FileForm::Jks));
                if contents.needs_password && store && contents.certificates.is_empty() {
                    Err(locked)
                } else if has_lost_parts
                    && contents.certificates.is_empty()
                    && private_keys.is_empty()
                {
                    Err(malformed())
                } else {
                    if contents.needs_password {
                        self.gaps.record("files.private_keys", subject(), &locked);
                        if role > Role::Found {
                            let why = NotRead::Refused(locked);
                            self.unread.push((path.clone(), why));
                        }
                    }
                    Ok(contents.certificates)
                }
            }
            Ok(Err(other)) => {
                faults.push(Fault {
                    line: None,
                    says: other.to_string(),
                });
                // Other things are kept in files of these names too.
                if role < Role::Asked && (is_key || other == OtherContent::OtherPem) {
                    Ok(Vec::new())
                } else {
                    Err(malformed())
                }
            }
            Err(unread) => Err(unread.refusal()),
        };
        match &certificates {
            Err(refusal) if hides(refusal) => {
                let why = if refusal.reason == Reason::Malformed {
                    NotRead::Faults
                } else {
                    NotRead::Refused(refusal.clone())
                };
                self.unread.push((path.clone(), why));
            }
            Ok(_) if has_lost_parts => {
                self.gaps
                    .record("files.faults", subject(), &Refusal::of(Reason::Malformed));
                if role > Role::Found {
                    self.unread.push((path.clone(), NotRead::Faults));
                }
            }
            _ => {}
        }
        self.roles.insert(path.clone(), role);
        let certificates = self
            .gaps
            .seen("files.certificates", subject(), certificates);
        let certificates = certificates.map(|parsed| self.reported(&path, parsed));
        CertificateFile {
            resolved_path: reading.resolved_path.map(Into::into),
            found_by: candidate.found_by,
            form,
            size_bytes: reading.size_bytes,
            modified_at: Timestamp(reading.modified),
            uid: reading.ownership.uid,
            gid: reading.ownership.gid,
            mode: format!("{:04o}", reading.ownership.mode),
            readable_by_target,
            certificates,
            revocation_lists,
            private_keys,
            private_key: None,
            verdicts: None,
            faults,
            path: path.into(),
        }
    }
}

impl Unread {
    fn refusal(self) -> Refusal {
        match self {
            Self::Errno(errno) => refused(errno),
            Self::TooLong(super::read::ASKED_LIMIT) => {
                Refusal::of(Reason::Limit).needing("a file of at most 16 MiB")
            }
            Self::TooLong(_) => Refusal::of(Reason::Limit)
                .needing("--file with this path, which reads up to 16 MiB"),
            Self::TooMuch => Refusal::of(Reason::Limit)
                .needing("--file with this path (the limit on the total size was reached)"),
        }
    }
}

fn not_in_time<T>(outcome: &time_box::TimedOutcome<T>) -> Refusal {
    match outcome {
        time_box::TimedOutcome::NoThread => {
            Refusal::of(Reason::Limit).needing("a higher pids limit for spyhole's container")
        }
        time_box::TimedOutcome::NotBegun => Refusal::of(Reason::Timeout)
            .needing("--file or --dir with this path (the time limit was reached)"),
        _ => Refusal::of(Reason::Timeout).needing(
            "the file system to respond (the read timed \
            out)",
        ),
    }
}

fn refused(errno: Errno) -> Refusal {
    if let Some(refusal) = remote_fs::refusal(errno) {
        return refusal;
    }
    let with = |reason| Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(reason)
    };
    match errno {
        Errno::EACCES | Errno::EPERM => by_its_mode(errno),
        Errno::EINVAL => {
            Refusal::of(Reason::Unsupported).needing("a regular file (other types are not opened)")
        }
        Errno::ELOOP => with(Reason::Io).needing("a path without a symlink loop"),
        Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE => with(Reason::Vanished),
        _ => with(Reason::Io),
    }
}
