//! Whether the target may read a file: the kernel's check of owner, group and mode, with the
//! capabilities that pass over it. Access control lists and security modules are not considered.

use crate::inspect::standing::Credentials;
use crate::inspect::visit::Attempt;
use crate::model::gap::{Reason, Refusal};
use crate::parse::capabilities;
use crate::parse::id_map::IdMap;
use crate::sys::entry::{Entry, Kind};

/// `CAP_DAC_OVERRIDE` and `CAP_DAC_READ_SEARCH`.
const PASS_OVER: [u8; 2] = [1, 2];
/// What the kernel shows for an id that has no number in the viewer's user namespace.
const OVERFLOW: u32 = 65_534;

/// The target as the check sees it.
#[derive(Debug, Clone)]
pub struct Reader {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    /// Whether it holds a capability that passes over modes; `None` where `CapEff` is not shown.
    passes_over: Option<bool>,
    /// The ids, as the viewer sees them, over whose files that capability reaches.
    reach: Option<IdMap>,
    /// Whether every id in sight has a number of its own.
    all_ids: bool,
}

impl Reader {
    /// From the credentials of the target and of the viewer.
    ///
    /// # Errors
    /// That this kernel or sandbox does not show the target's ids.
    pub fn of(target: &Credentials, viewer: &Credentials) -> Attempt<Self> {
        let (Some(uid), Some(gid), Some(groups)) = (target.uid, target.gid, &target.groups) else {
            return Err(Refusal::of(Reason::Unsupported));
        };
        let map = |credentials: &Credentials| IdMap::parse(credentials.uid_map.as_deref()?).ok();
        let same = viewer.uid_map == target.uid_map;
        Ok(Self {
            uid: uid.filesystem,
            gid: gid.filesystem,
            groups: groups.clone(),
            passes_over: target.cap_effective.map(|mask| {
                let held = |capability: &u8| capabilities::contains(mask, *capability);
                PASS_OVER.iter().any(held)
            }),
            // In the same namespace the viewer sees the inner numbers, else its own.
            reach: map(target).map(|mut map| {
                for range in &mut map.ranges {
                    if same {
                        range.outside = range.inside;
                    }
                }
                map
            }),
            all_ids: map(viewer).is_some_and(|map| map.is_identity()),
        })
    }

    /// Whether it may read a file, or list and enter a directory.
    ///
    /// # Errors
    /// Why the ids that decide cannot be told apart.
    pub fn may_read(&self, entry: &Entry) -> Attempt<bool> {
        self.may(
            entry,
            if entry.kind == Kind::Directory {
                0o5
            } else {
                0o4
            },
        )
    }

    /// Whether it may pass through a directory.
    ///
    /// # Errors
    /// Why the ids that decide cannot be told apart.
    pub fn may_enter(&self, entry: &Entry) -> Attempt<bool> {
        self.may(entry, 0o1)
    }

    fn may(&self, entry: &Entry, asked: u32) -> Attempt<bool> {
        let allows = |shift: u32| entry.mode >> shift & asked == asked;
        // Whoever it is.
        if allows(6) && allows(3) && allows(0) {
            return Ok(true);
        }
        let hazy = |id: u32| id == OVERFLOW && !self.all_ids;
        if hazy(entry.uid) || (hazy(entry.gid) && self.uid != entry.uid) {
            return Err(Refusal::of(Reason::UserNamespace)
                .needing("a viewer in the initial user namespace, which sees every id"));
        }
        let shift = if self.uid == entry.uid {
            6
        } else if self.gid == entry.gid || self.groups.contains(&entry.gid) {
            3
        } else {
            0
        };
        if allows(shift) {
            return Ok(true);
        }
        match (self.passes_over, &self.reach) {
            (Some(true), Some(reach)) => Ok(reach.translate_back(entry.uid).is_some()),
            (Some(false), _) => Ok(false),
            _ => Err(Refusal::of(Reason::Unsupported)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::status::Ids;

    const INITIAL: &[u8] = b"0 0 4294967295\n";

    fn reader(uid: u32, groups: &[u32], capabilities: u64, map: &[u8]) -> Reader {
        let ids = Ids {
            real: uid,
            effective: uid,
            saved: uid,
            filesystem: uid,
        };
        let who = |map: &[u8]| Credentials {
            uid: Some(ids),
            gid: Some(ids),
            groups: Some(groups.to_vec()),
            cap_effective: Some(capabilities),
            uid_map: Some(map.to_vec()),
            ..Credentials::default()
        };
        Reader::of(&who(map), &who(INITIAL)).unwrap()
    }

    fn file(uid: u32, gid: u32, mode: u32) -> Entry {
        Entry {
            kind: Kind::File,
            device: 0,
            inode: 0,
            uid,
            gid,
            mode,
        }
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let app = reader(1000, &[2000], 0, INITIAL);
        for (uid, gid, mode, expected) in [
            (0, 0, 0o600, false),
            (0, 0, 0o644, true),
            (1000, 0, 0o400, true),
            (1000, 0, 0o044, false),
            (0, 2000, 0o640, true),
            (0, 2000, 0o604, false),
        ] {
            assert_eq!(
                app.may_read(&file(uid, gid, mode)),
                Ok(expected),
                "{mode:o}"
            );
        }
    }

    #[test]
    fn a_directory_is_listed_and_entered() {
        let app = reader(1000, &[], 0, INITIAL);
        let directory = |mode| Entry {
            kind: Kind::Directory,
            ..file(0, 0, mode)
        };
        assert_eq!(app.may_read(&directory(0o754)), Ok(false));
        assert_eq!(app.may_read(&directory(0o755)), Ok(true));
        assert_eq!(app.may_enter(&directory(0o711)), Ok(true));
        assert_eq!(app.may_enter(&directory(0o700)), Ok(false));
    }

    #[test]
    fn capabilities_pass_over_the_mode_within_their_user_namespace() {
        for bit in PASS_OVER {
            let root = reader(0, &[], 1 << bit, INITIAL);
            assert_eq!(root.may_read(&file(1000, 1000, 0o000)), Ok(true));
            let inner = reader(100_000, &[], 1 << bit, b"0 100000 65536\n");
            assert_eq!(inner.may_read(&file(100_500, 0, 0o600)), Ok(true));
            assert_eq!(inner.may_read(&file(0, 0, 0o600)), Ok(false));
        }
    }
}
