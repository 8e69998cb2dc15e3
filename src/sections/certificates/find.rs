//! Where to look: what the target's mounts, environment, arguments and open files name, and the
//! usual directories.

use std::collections::HashSet;

use super::CertificatesQuery;
use super::search::{Start, Take, joined};
use crate::model::certificate::FoundBy;
use crate::model::gap::{Reason, Refusal, SectionGaps, Subject};
use crate::model::volume::VolumeKind;
use crate::parse::certificate_paths;
use crate::parse::certificate_paths::Named;
use crate::scan::Scan;
use crate::scan::snapshot::{ProcessSnapshot, overwritten_environ};
use crate::sections::mounts::fill::{MountPoint, points};

/// Where to look, and where not.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) starts: Vec<Start>,
    /// Mount points of views of the kernel.
    pub(super) kernel: HashSet<Vec<u8>>,
    /// Paths beyond the bound of number.
    left_out: Vec<Vec<u8>>,
}

/// Levels below a directory that is searched.
pub(super) const DEPTH: usize = 4;

/// Collects the places; what cannot be read is a gap.
pub(super) fn places(query: &CertificatesQuery, scan: &Scan, gaps: &mut SectionGaps<'_>) -> Places {
    let depth = query.depth.map_or(DEPTH, usize::from);
    let mut places = Places::default();
    let points = points(scan);
    let pid = scan.main_pid();
    match &points {
        Ok(points) => {
            let kernel = points.iter().filter(|point| point.kernel);
            places.kernel.extend(kernel.map(|point| point.path.clone()));
        }
        Err(refusal) => {
            gaps.record("mounts", pid, refusal);
        }
    }
    if query.is_narrow() {
        places.asked(query, depth);
        return places;
    }
    for point in points.iter().flatten().filter(|point| !point.kernel) {
        places.mounted(point, depth);
    }
    if let Some(refusals) = scan
        .main_process()
        .map(|facts| places.of_process(facts, depth))
    {
        for (field, refusal) in refusals {
            gaps.record(field, pid, &refusal);
        }
    }
    for path in certificate_paths::DIRECTORIES {
        places.search(path, FoundBy::UsualPlace, depth);
    }
    places.add(Start {
        path: b"/etc".to_vec(),
        found_by: FoundBy::UsualPlace,
        depth,
        take: Take::TellingDirectories,
        expected: false,
    });
    for path in std::mem::take(&mut places.left_out) {
        let limit = Refusal::of(Reason::Limit).needing("--file or --dir with this path");
        gaps.record("certificates", Subject::Path(path.into()), &limit);
    }
    places
}

impl Places {
    fn asked(&mut self, query: &CertificatesQuery, depth: usize) {
        for path in &query.file {
            self.add(Start {
                path: path.as_bytes().to_vec(),
                found_by: FoundBy::Asked,
                depth: 0,
                take: Take::UsualNames,
                expected: true,
            });
        }
        for path in &query.dir {
            self.add(Start {
                path: trimmed(path.as_bytes()),
                found_by: FoundBy::Asked,
                depth,
                take: Take::Everything,
                expected: true,
            });
        }
    }

    fn mounted(&mut self, point: &MountPoint, depth: usize) {
        let kind = point.volume.as_ref().map(|volume| volume.kind);
        let plugin = point.volume.as_ref().and_then(|it| it.plugin.as_ref());
        let is_csi = plugin.is_some_and(|plugin| plugin.as_bytes() == b"csi");
        let found_by = match kind {
            Some(
                VolumeKind::Secret
                | VolumeKind::ConfigMap
                | VolumeKind::Projected
                | VolumeKind::ServiceAccountToken
                | VolumeKind::OtherVolume,
            ) => FoundBy::Volume,
            Some(VolumeKind::PersistentVolume) if is_csi => FoundBy::Volume,
            Some(
                VolumeKind::ContainerRoot
                | VolumeKind::Hosts
                | VolumeKind::ResolvConf
                | VolumeKind::Hostname
                | VolumeKind::Devices
                | VolumeKind::Kernel
                | VolumeKind::TerminationLog,
            ) => return,
            _ => FoundBy::UsualPlace,
        };
        let deep = found_by == FoundBy::Volume;
        self.search(&point.path, found_by, if deep { depth } else { 1 });
    }

    /// What the main process names; and what of it could not be read.
    fn of_process(
        &mut self,
        facts: &ProcessSnapshot,
        depth: usize,
    ) -> Vec<(&'static str, Refusal)> {
        let mut refused = Vec::new();
        let cwd = match &facts.cwd {
            Some(Ok(Some(path))) => Some(path.as_slice()),
            Some(Err(refusal)) => {
                refused.push(("working_directory", refusal.clone()));
                None
            }
            _ => None,
        };
        match facts.environ() {
            Some(Ok(environ)) => {
                if environ.overwritten {
                    refused.push(("environment", overwritten_environ()));
                }
                for entry in environ.entries {
                    let value = entry.value.unwrap_or_default();
                    let found_by = FoundBy::Environment(entry.name.as_slice().into());
                    for named in certificate_paths::in_variable(&entry.name, &value) {
                        self.named(named, cwd, &found_by, depth);
                    }
                }
            }
            Some(Err(refusal)) => refused.push(("environment", refusal)),
            None => {}
        }
        match &facts.args {
            Some(Ok(args)) => {
                for named in certificate_paths::in_arguments(args) {
                    self.named(named, cwd, &FoundBy::Argument, depth);
                }
            }
            Some(Err(refusal)) => refused.push(("arguments", refusal.clone())),
            None => {}
        }
        match &facts.open_files {
            Some(Ok(Some(paths))) => refused.extend(self.open_files(paths)),
            Some(Err(refusal)) => refused.push(("open_files", refusal.clone())),
            _ => {}
        }
        if let Some(cwd) = cwd {
            self.search(cwd, FoundBy::UsualPlace, 1);
        }
        match &facts.exe {
            Some(Ok(Some(path))) => {
                self.search(certificate_paths::directory(path), FoundBy::UsualPlace, 1);
            }
            Some(Err(refusal)) => refused.push(("executable", refusal.clone())),
            _ => {}
        }
        refused
    }

    fn named(&mut self, named: Named, cwd: Option<&[u8]>, found_by: &FoundBy, depth: usize) {
        let path = match cwd {
            _ if named.path.starts_with(b"/") => named.path,
            Some(cwd) => joined(cwd, &named.path),
            None => return,
        };
        self.add(Start {
            path: trimmed(&path),
            found_by: found_by.clone(),
            depth,
            take: Take::UsualNames,
            expected: named.surely,
        });
    }

    fn open_files(&mut self, paths: &[Vec<u8>]) -> Option<(&'static str, Refusal)> {
        let mut removed = false;
        for path in paths
            .iter()
            .filter(|path| certificate_paths::is_usual(path))
        {
            if path.ends_with(certificate_paths::DELETED) {
                removed = true;
                continue;
            }
            self.add(Start {
                path: path.clone(),
                found_by: FoundBy::OpenFile,
                depth: 0,
                take: Take::UsualNames,
                expected: false,
            });
        }
        let gone = Refusal::of(Reason::Vanished)
            .needing("a file that still exists (this one was deleted while open)");
        removed.then_some(("open_files", gone))
    }

    fn search(&mut self, path: &[u8], found_by: FoundBy, depth: usize) {
        self.add(Start {
            path: trimmed(path),
            found_by,
            depth,
            take: Take::UsualNames,
            expected: false,
        });
    }

    /// Adds a start, unless the same is there and leads as deep.
    fn add(&mut self, start: Start) {
        let same = |known: &Start| {
            known.path == start.path && known.found_by == start.found_by && known.take == start.take
        };
        let at = self.starts.iter().position(same);
        if let Some(known) = at.and_then(|at| self.starts.get_mut(at)) {
            known.depth = known.depth.max(start.depth);
            known.expected |= start.expected;
        } else if self.starts.len() < STARTS {
            self.starts.push(start);
        } else {
            self.left_out.push(start.path);
        }
    }
}

/// A process that names more files than this has them from a list of its own.
const STARTS: usize = 2000;

/// Without slashes at the end and doubled ones.
fn trimmed(path: &[u8]) -> Vec<u8> {
    let mut trimmed = Vec::with_capacity(path.len());
    for byte in path {
        if *byte != b'/' || !trimmed.ends_with(b"/") {
            trimmed.push(*byte);
        }
    }
    if trimmed.len() > 1 && trimmed.ends_with(b"/") {
        trimmed.pop();
    }
    trimmed
}
