//! What the target may do with a file: the kernel's check of owner, group and mode, with
//! `CAP_DAC_OVERRIDE` and `CAP_DAC_READ_SEARCH`. Access control lists, security modules and the
//! directories on the way are not considered.

use super::ptrace_access::Credentials;
use crate::model::gap::{Reason, Refusal};
use crate::model::mount::Because;
use crate::parse::capabilities::{self, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH};
use crate::parse::id_map::{IdMap, OVERFLOW_ID};
use crate::sys::opened_file::OpenedFile;
use crate::sys::place::Place;

/// The target as the check sees it.
#[derive(Debug, Clone)]
pub(crate) struct FileSubject {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    /// `CapEff`; `None` where it is not shown.
    capabilities: Option<u64>,
    /// The ids, as the viewer sees them, over whose files its capabilities reach.
    reach: Option<IdMap>,
    /// Whether every visible id has a number of its own.
    all_ids: bool,
}

/// The owner and mode of a file, and its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ownership {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

impl Ownership {
    /// Of a file or directory that is held.
    #[must_use]
    pub(crate) fn of(found: &OpenedFile) -> Self {
        let (uid, gid) = found.owner();
        Self {
            uid,
            gid,
            mode: found.mode(),
        }
    }

    fn allows(self, shift: u32, asked: u32) -> bool {
        self.mode >> shift & asked == asked
    }
}

impl FileSubject {
    /// From the credentials of the target and of the viewer.
    ///
    /// # Errors
    /// That this kernel or sandbox does not show the target's ids.
    pub(crate) fn of(target: &Credentials, viewer: &Credentials) -> Result<Self, Refusal> {
        let (Some(uid), Some(gid), Some(groups)) = (target.uid, target.gid, &target.groups) else {
            return Err(Refusal::of(Reason::Unsupported));
        };
        let map = |credentials: &Credentials| IdMap::parse(credentials.uid_map.as_deref()?).ok();
        let (own, of_target) = (map(viewer), map(target));
        let same = viewer.uid_map == target.uid_map;
        Ok(Self {
            uid: uid.filesystem,
            gid: gid.filesystem,
            groups: groups.clone(),
            capabilities: target.cap_effective,
            // In the same namespace the viewer sees the inner numbers, else its own.
            reach: of_target.map(|mut map| {
                for range in &mut map.ranges {
                    if same {
                        range.outside = range.inside;
                    }
                }
                map
            }),
            all_ids: own.is_some_and(|map| map.is_identity()),
        })
    }

    /// Whether it may write at a place that is on a writable mount.
    ///
    /// # Errors
    /// Why the ids that decide cannot be distinguished.
    pub(crate) fn may_write(&self, place: &Place) -> Result<(bool, Because), Refusal> {
        if place.directory && place.removed {
            // The kernel makes no file in it for anyone: ENOENT.
            return Ok((false, Because::Removed));
        }
        let file = Ownership {
            uid: place.uid,
            gid: place.gid,
            mode: place.mode,
        };
        // To make a file in a directory takes the right to write it and to enter it.
        let asked = if place.directory { 0o3 } else { 0o2 };
        self.may(file, asked, &[CAP_DAC_OVERRIDE])
    }

    /// Whether it may read a file.
    ///
    /// # Errors
    /// Why the ids that decide cannot be distinguished.
    pub(crate) fn may_read(&self, file: Ownership) -> Result<bool, Refusal> {
        self.may_look(file, 0o4)
    }

    /// Whether it may list a directory and reach what is in it.
    ///
    /// # Errors
    /// Why the ids that decide cannot be distinguished.
    pub(crate) fn may_list(&self, directory: Ownership) -> Result<bool, Refusal> {
        self.may_look(directory, 0o5)
    }

    /// Whether it may pass through a directory.
    ///
    /// # Errors
    /// Why the ids that decide cannot be distinguished.
    pub(crate) fn may_enter(&self, directory: Ownership) -> Result<bool, Refusal> {
        self.may_look(directory, 0o1)
    }

    fn may_look(&self, file: Ownership, asked: u32) -> Result<bool, Refusal> {
        // For any user.
        if [6, 3, 0].iter().all(|shift| file.allows(*shift, asked)) {
            return Ok(true);
        }
        let verdict = self.may(file, asked, &[CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH]);
        verdict.map(|(may, _)| may)
    }

    fn may(&self, file: Ownership, asked: u32, passing: &[u8]) -> Result<(bool, Because), Refusal> {
        let hazy = |id: u32| id == OVERFLOW_ID && !self.all_ids;
        if hazy(file.uid) || (hazy(file.gid) && self.uid != file.uid) {
            return Err(Refusal::of(Reason::UserNamespace)
                .needing("a viewer in the initial user namespace, which sees every id"));
        }
        let (because, shift) = if self.uid == file.uid {
            (Because::Owner, 6)
        } else if self.gid == file.gid || self.groups.contains(&file.gid) {
            (Because::Group, 3)
        } else {
            (Because::Others, 0)
        };
        if file.allows(shift, asked) {
            return Ok((true, because));
        }
        let capable = self.capabilities.map(|mask| {
            let has = |capability: &u8| capabilities::contains(mask, *capability);
            passing.iter().any(has)
        });
        match (capable, &self.reach) {
            (Some(true), Some(reach)) if reach.translate_back(file.uid).is_some() => {
                Ok((true, Because::DacOverride))
            }
            (Some(false), _) | (Some(true), Some(_)) => Ok((false, because)),
            _ => Err(Refusal::of(Reason::Unsupported)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mount::Counts;
    use crate::parse::status::Ids;

    const INITIAL: &[u8] = b"0 0 4294967295\n";

    fn ids(id: u32) -> Ids {
        Ids {
            real: id,
            effective: id,
            saved: id,
            filesystem: id,
        }
    }

    fn who(uid: u32, gid: u32, groups: &[u32], capabilities: u64, map: &[u8]) -> Credentials {
        Credentials {
            uid: Some(ids(uid)),
            gid: Some(ids(gid)),
            groups: Some(groups.to_vec()),
            cap_effective: Some(capabilities),
            uid_map: Some(map.to_vec()),
            ..Credentials::default()
        }
    }

    fn directory(uid: u32, gid: u32, mode: u32) -> Place {
        Place {
            mount_id: None,
            major: 0,
            minor: 0,
            uid,
            gid,
            mode,
            directory: true,
            removed: false,
            counts: Ok(Counts::default()),
        }
    }

    fn verdict(target: &Credentials, place: &Place) -> Option<(bool, Because)> {
        let viewer = who(0, 0, &[], 0, INITIAL);
        FileSubject::of(target, &viewer)
            .unwrap()
            .may_write(place)
            .ok()
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let app = who(1000, 1000, &[2000], 0, INITIAL);
        for (uid, gid, mode, expected) in [
            (1000, 0, 0o700, (true, Because::Owner)),
            (1000, 1000, 0o077, (false, Because::Owner)),
            (0, 1000, 0o770, (true, Because::Group)),
            (0, 2000, 0o2775, (true, Because::Group)),
            (0, 2000, 0o707, (false, Because::Group)),
            (0, 0, 0o1777, (true, Because::Others)),
            (0, 0, 0o755, (false, Because::Others)),
            // Writing without entering makes no file.
            (0, 0, 0o772, (false, Because::Others)),
        ] {
            assert_eq!(verdict(&app, &directory(uid, gid, mode)), Some(expected));
        }
    }

    #[test]
    fn in_a_directory_that_was_removed_no_file_is_made() {
        let root = who(0, 0, &[], u64::MAX, INITIAL);
        let removed = Place {
            removed: true,
            ..directory(0, 0, 0o777)
        };
        assert_eq!(verdict(&root, &removed), Some((false, Because::Removed)));
        // A file that has no name any more is written as any other.
        let file = Place {
            directory: false,
            ..removed
        };
        assert_eq!(verdict(&root, &file), Some((true, Because::Owner)));
    }

    #[test]
    fn a_file_needs_only_the_right_to_write() {
        let app = who(1000, 1000, &[], 0, INITIAL);
        let file = Place {
            directory: false,
            ..directory(1000, 0, 0o600)
        };
        assert_eq!(verdict(&app, &file), Some((true, Because::Owner)));
    }

    #[test]
    fn the_capability_passes_over_the_mode() {
        let root = who(0, 0, &[], 1 << 1, INITIAL);
        assert_eq!(
            verdict(&root, &directory(1000, 1000, 0o700)),
            Some((true, Because::DacOverride))
        );
        let dropped = who(0, 0, &[], 0, INITIAL);
        assert_eq!(
            verdict(&dropped, &directory(1000, 1000, 0o700)),
            Some((false, Because::Others))
        );
    }

    #[test]
    fn the_capability_ends_at_the_user_namespace() {
        let root = who(100_000, 100_000, &[], 1 << 1, b"0 100000 65536\n");
        assert_eq!(
            verdict(&root, &directory(100_500, 0, 0o700)),
            Some((true, Because::DacOverride))
        );
        assert_eq!(
            verdict(&root, &directory(0, 0, 0o755)),
            Some((false, Because::Others))
        );
    }

    #[test]
    fn reading_asks_for_one_bit_or_either_capability() {
        let viewer = who(0, 0, &[], 0, INITIAL);
        let reads = |target: &Credentials, uid, gid, mode| {
            let party = FileSubject::of(target, &viewer).unwrap();
            party.may_read(Ownership { uid, gid, mode }).unwrap()
        };
        let app = who(1000, 1000, &[2000], 0, INITIAL);
        assert!(reads(&app, 1000, 0, 0o400));
        assert!(!reads(&app, 1000, 0, 0o077));
        assert!(reads(&app, 0, 2000, 0o640));
        assert!(!reads(&app, 0, 0, 0o640));
        assert!(reads(&app, 0, 0, 0o644));
        for capability in [1, 2] {
            let capable = who(1000, 1000, &[], 1 << capability, INITIAL);
            assert!(reads(&capable, 0, 0, 0o600), "{capability}");
        }
        // The one that reads everything writes nothing.
        let reader = who(1000, 1000, &[], 1 << 2, INITIAL);
        assert_eq!(
            verdict(&reader, &directory(0, 0, 0o700)),
            Some((false, Because::Others))
        );
    }

    #[test]
    fn a_directory_is_listed_and_entered() {
        let viewer = who(0, 0, &[], 0, INITIAL);
        let owned = |uid, mode| Ownership { uid, gid: 0, mode };
        let app = FileSubject::of(&who(1000, 1000, &[], 0, INITIAL), &viewer).unwrap();
        assert_eq!(app.may_list(owned(0, 0o754)), Ok(false));
        assert_eq!(app.may_list(owned(0, 0o755)), Ok(true));
        assert_eq!(app.may_enter(owned(0, 0o711)), Ok(true));
        assert_eq!(app.may_enter(owned(0, 0o700)), Ok(false));
        for capability in [1, 2] {
            let map = b"0 100000 65536\n";
            let inner = who(100_000, 100_000, &[], 1 << capability, map);
            let inner = FileSubject::of(&inner, &viewer).unwrap();
            assert_eq!(inner.may_list(owned(100_500, 0o700)), Ok(true));
            assert_eq!(inner.may_list(owned(0, 0o700)), Ok(false));
        }
    }

    #[test]
    fn ids_without_a_number_are_not_compared() {
        let viewer = who(0, 0, &[], 0, b"0 100000 65536\n");
        let nobody = who(65_534, 65_534, &[], 0, b"0 100000 65536\n");
        let party = FileSubject::of(&nobody, &viewer).unwrap();
        let refused = party.may_write(&directory(65_534, 0, 0o700)).unwrap_err();
        assert_eq!(refused.reason, Reason::UserNamespace);
        let reads = |mode| {
            let (uid, gid) = (65_534, 0);
            party.may_read(Ownership { uid, gid, mode }).ok()
        };
        assert_eq!((reads(0o640), reads(0o644)), (None, Some(true)));
        assert!(FileSubject::of(&Credentials::default(), &viewer).is_err());
    }
}
