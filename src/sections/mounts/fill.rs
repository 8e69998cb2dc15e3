//! From the lines of mountinfo to mounts with their meaning.

use std::borrow::Cow;
use std::time::Duration;

use super::places;
use super::volume::{MountContext, is_kernel, is_mask, volume};
use crate::model::byte_string::ByteString;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::mount::{Mount, Propagation};
use crate::model::secret::Redacted;
use crate::model::seen::Seen;
use crate::model::volume::Volume;
use crate::parse::mountinfo::{self, MountEntry};
use crate::parse::reach;
use crate::redact::Redactor;
use crate::scan::Scan;
use crate::scan::container_key::Identity;
use crate::sys::Truncation;

/// What to look at beside the lines themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaceChecks {
    /// Space and access of the mount points, and the usual directories.
    pub(super) places: bool,
    /// How long one of them may take.
    pub(super) each: Duration,
}

/// The mounts of the target, in the kernel's order.
pub(super) fn mounts(
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
    wanted: PlaceChecks,
) -> Seen<Vec<Mount>> {
    let (bytes, cut) = match scan.mountinfo() {
        Ok(read) => read,
        Err(refusal) => {
            return Seen::Unseen(gaps.record("mounts", scan.main_pid(), &refusal));
        }
    };
    let mut entries = Vec::new();
    let mut malformed = 0;
    for entry in mountinfo::entries(&bytes) {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(_) => malformed += 1,
        }
    }
    let pid = scan.main_pid();
    if cut == Truncation::AtLimit {
        gaps.record("mounts", pid, &Refusal::of(Reason::Limit));
        // The last line is the one that was cut.
        malformed -= malformed.min(1);
    }
    let file = format!("/proc/{pid}/mountinfo");
    for _ in 0..malformed {
        let refusal = Refusal::of(Reason::Malformed);
        gaps.record("line", file.as_str(), &refusal);
    }
    let around = mount_context(scan, &entries);
    let hidden = reach::hidden(&entries);
    let mut mounts: Vec<Mount> = entries
        .iter()
        .zip(hidden)
        .map(|(entry, hidden)| mount(entry, hidden, &around, &scan.redactor))
        .collect();
    if wanted.places {
        places::fill(scan, gaps, &mut mounts, wanted.each);
    }
    Seen::Value(mounts)
}

/// A mount point that a path leads to, and what is mounted there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MountPoint {
    pub(crate) path: Vec<u8>,
    /// A view of the kernel, or a mask over one.
    pub(crate) kernel: bool,
    pub(crate) volume: Option<Volume>,
}

/// The visible mount points of the target, for a search of files in them.
///
/// # Errors
/// Why its mounts cannot be read.
pub(crate) fn points(scan: &Scan) -> Result<Vec<MountPoint>, Refusal> {
    let (bytes, _) = scan.mountinfo()?;
    let entries: Vec<MountEntry> = mountinfo::entries(&bytes).filter_map(Result::ok).collect();
    let around = mount_context(scan, &entries);
    let hidden = reach::hidden(&entries);
    let points = entries.iter().zip(hidden).filter(|(_, hidden)| !hidden);
    Ok(points
        .map(|(entry, _)| MountPoint {
            path: entry.mount_point.to_vec(),
            kernel: is_mask(entry) || is_kernel(&entry.fstype),
            volume: volume(entry, &around),
        })
        .collect())
}

/// A mount of the target as one meets it by a file on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeMount {
    pub(crate) mount_id: u32,
    /// Major and minor number.
    pub(crate) device: (u32, u32),
    pub(crate) fstype: Vec<u8>,
    /// What of the file system is mounted.
    pub(crate) root: Vec<u8>,
    /// Where, below the target's root.
    pub(crate) point: Vec<u8>,
    pub(crate) volume: Option<Volume>,
}

/// Every mount of the target.
///
/// # Errors
/// Why they cannot be read.
pub(crate) fn volumes(scan: &Scan) -> Result<Vec<VolumeMount>, Refusal> {
    let (bytes, _) = scan.mountinfo()?;
    let entries: Vec<MountEntry> = mountinfo::entries(&bytes).filter_map(Result::ok).collect();
    let around = mount_context(scan, &entries);
    let of = |entry: &MountEntry<'_>| VolumeMount {
        mount_id: entry.mount_id,
        device: (entry.major, entry.minor),
        fstype: entry.fstype.to_vec(),
        root: entry.root.to_vec(),
        point: entry.mount_point.to_vec(),
        volume: volume(entry, &around),
    };
    Ok(entries.iter().map(of).collect())
}

fn mount_context(scan: &Scan, entries: &[MountEntry<'_>]) -> MountContext {
    let held = scan.target.as_ref();
    MountContext::of(
        entries,
        held.is_some_and(|held| is_container(&held.identity)),
    )
}

fn is_container(identity: &Identity) -> bool {
    identity.id().is_some() || identity.name.is_some() || identity.pod_uid.is_some()
}

fn mount(
    entry: &MountEntry<'_>,
    hidden: bool,
    around: &MountContext,
    redactor: &Redactor,
) -> Mount {
    let masked = is_mask(entry);
    let mut redacted = Vec::new();
    let source = source(&entry.source, redactor, &mut redacted);
    let super_options = options(&entry.super_options, redactor, &mut redacted);
    Mount {
        mount_point: (*entry.mount_point).into(),
        source: (*source).into(),
        fstype: (*entry.fstype).into(),
        root: (*entry.root).into(),
        mount_options: (*entry.mount_options).into(),
        super_options: (*super_options).into(),
        redacted,
        mount_id: entry.mount_id,
        parent_id: entry.parent_id,
        major: entry.major,
        minor: entry.minor,
        propagation: match (entry.unbindable, entry.shared, entry.master) {
            (true, ..) => Propagation::Unbindable,
            (false, Some(_), Some(_)) => Propagation::SharedSlave,
            (false, Some(_), None) => Propagation::Shared,
            (false, None, Some(_)) => Propagation::Slave,
            (false, None, None) => Propagation::Private,
        },
        peer_group: entry.shared,
        master_group: entry.master,
        writable: !entry.is_read_only(),
        noexec: entry.has_option("noexec"),
        nosuid: entry.has_option("nosuid"),
        nodev: entry.has_option("nodev"),
        hidden,
        stale: entry.root.ends_with(b"//deleted"),
        masked,
        volume: if masked { None } else { volume(entry, around) },
        space: None,
        writable_by_target: None,
        writable_because: None,
        usual_directories: Vec::new(),
        token_issued_at: None,
        token_expires_at: None,
        empty: None,
    }
}

/// The same mounts with the secrets in their paths replaced.
pub(super) fn with_redacted_paths(mut mounts: Vec<Mount>, redactor: &Redactor) -> Vec<Mount> {
    let redact = |path: &mut ByteString| {
        if let Cow::Owned(shown) = redactor.text(path.as_bytes()) {
            *path = shown.into();
        }
    };
    for mount in &mut mounts {
        redact(&mut mount.mount_point);
        redact(&mut mount.root);
        for directory in &mut mount.usual_directories {
            redact(&mut directory.path);
        }
    }
    mounts
}

/// Options whose values are long paths of the runtime's own making, and no secrets.
const PATHS: [&[u8]; 4] = [b"lowerdir", b"upperdir", b"workdir", b"subvol"];

/// The options with the values left out that are taken for secrets.
fn options<'a>(
    options: &'a [u8],
    redactor: &Redactor,
    redacted: &mut Vec<Redacted>,
) -> Cow<'a, [u8]> {
    let mut words: Vec<Cow<'a, [u8]>> = Vec::new();
    let mut changed = false;
    for word in options.split(|byte| *byte == b',') {
        let at = word.iter().position(|byte| *byte == b'=');
        let halves = at.and_then(|at| Some((word.get(..at)?, word.get(at + 1..)?)));
        let secret = halves
            .filter(|(name, _)| !PATHS.contains(name))
            .and_then(|(name, value)| Some((name, redactor.variable(name, value)?)));
        match secret {
            Some((name, secret)) => {
                let shown = format!("=‹redacted {}›", secret.length_bytes);
                words.push([name, shown.as_bytes()].concat().into());
                redacted.push(secret);
                changed = true;
            }
            None => words.push(word.into()),
        }
    }
    if changed {
        words.join(&b',').into()
    } else {
        options.into()
    }
}

/// The source; where it is a URL or names a user, not the password in it.
fn source<'a>(
    source: &'a [u8],
    redactor: &Redactor,
    redacted: &mut Vec<Redacted>,
) -> Cow<'a, [u8]> {
    if !source.contains(&b'@') && !source.windows(3).any(|window| window == b"://") {
        return redactor.text(source);
    }
    match redactor.bare(source) {
        Some(secret) => {
            let shown = format!("‹redacted {}›", secret.length_bytes);
            redacted.push(secret);
            shown.into_bytes().into()
        }
        None => redactor.text(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_options_and_sources_are_kept_back() {
        let redactor = Redactor::new(&[7; 32]);
        let mut redacted = Vec::new();
        let pass = concat!("hunter", "2hunter2");
        let text = format!("rw,username=app,password={pass},vers=3.1");
        let shown = options(text.as_bytes(), &redactor, &mut redacted);
        let shown = String::from_utf8_lossy(&shown).into_owned();
        assert_eq!(shown, "rw,username=app,password=‹redacted 14›,vers=3.1");
        let url = format!("https://app:{pass}@files.example/dav");
        let shown = source(url.as_bytes(), &redactor, &mut redacted);
        assert!(!String::from_utf8_lossy(&shown).contains(pass));
        assert_eq!(redacted.len(), 2);
    }

    #[test]
    fn usual_options_and_sources_stay_whole() {
        let redactor = Redactor::new(&[7; 32]);
        let mut redacted = Vec::new();
        for text in [
            "rw,lowerdir=/var/lib/containers/storage/overlay/l/N6V2LCSXXW6ZB53XGVN4N3GEG5,upperdir=/var/lib/containers/storage/overlay/f83ba6f36a7c83a99ff34086d88b1ac652851611f3a82b3007674d0a43519cec/diff,uuid=on",
            "rw,context=\"system_u:object_r:container_file_t:s0:c12,c34\",size=65536k",
            "rw,vers=4.1,rsize=1048576,addr=10.0.0.7,clientaddr=10.0.0.8,local_lock=none",
            "rw,discard,resv_strict,subvolid=256,subvol=/@",
            "rw,trans=virtio,name=systemd,fd=44,pgrp=1,pipe_ino=12345",
        ] {
            let shown = options(text.as_bytes(), &redactor, &mut redacted);
            assert_eq!(shown, text.as_bytes(), "{redacted:?}");
        }
        for text in [
            "/dev/mapper/luks-3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94",
            "//files/share",
            "fs-0a1b.efs.example:/",
            "user@host:/dir",
        ] {
            assert_eq!(
                source(text.as_bytes(), &redactor, &mut redacted),
                text.as_bytes()
            );
        }
        assert!(redacted.is_empty());
    }
}
