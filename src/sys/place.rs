//! What is at a path of the target: owner, mode, mount, and the space of its file system.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat, major, minor};
use nix::sys::statvfs::fstatvfs;

use super::in_root::InRoot;
use super::target_file::mount_id;
use crate::model::mount::Counts;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The id of the mount that the path leads to, as in mountinfo; `None` where this kernel or
    /// sandbox does not tell.
    pub mount_id: Option<u32>,
    /// Device number of the file system, first half. That of a btrfs subvolume or of a file in
    /// an overlay is not the one in mountinfo.
    pub major: u64,
    /// The second half.
    pub minor: u64,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// Whether it is a directory.
    pub directory: bool,
    /// Whether it was removed while it was mounted or held: it has no name any more.
    pub removed: bool,
    /// What statvfs(3) says of its file system.
    pub counts: Result<Counts, Errno>,
}

/// Looks at a path of the target. Nothing is opened, no automount is triggered at the path's
/// end. It may take for ever where the path leads to a file system that does not answer.
///
/// # Errors
/// The errno of resolving the path, or of fstat(2).
pub(crate) fn look_at(root: &InRoot, path: &[u8]) -> Result<Place, Errno> {
    root.locate(path)?.on(look)?
}

fn look(found: &OwnedFd) -> Result<Place, Errno> {
    let stat = fstat(found)?;
    let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
    Ok(Place {
        mount_id: mount_id(found.as_fd()),
        major: major(stat.st_dev),
        minor: minor(stat.st_dev),
        uid: stat.st_uid,
        gid: stat.st_gid,
        mode: stat.st_mode & 0o7777,
        directory: kind == SFlag::S_IFDIR,
        removed: stat.st_nlink == 0,
        counts: counts(found),
    })
}

fn counts(found: impl AsFd) -> Result<Counts, Errno> {
    let told = fstatvfs(found)?;
    let block = match told.fragment_size() {
        0 => told.block_size(),
        fragment => fragment,
    };
    Ok(Counts {
        block_bytes: block,
        blocks: told.blocks(),
        blocks_free: told.blocks_free(),
        blocks_available: told.blocks_available(),
        inodes: told.files(),
        inodes_free: told.files_free(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_shows_owner_mode_mount_and_space() {
        let house = tempfile::tempdir().unwrap();
        fs::create_dir(house.path().join("in")).unwrap();
        fs::set_permissions(house.path().join("in"), fs::Permissions::from_mode(0o1770)).unwrap();
        let place = look_at(&InRoot::at(house.path()).unwrap(), b"/in").unwrap();
        assert_eq!((place.mode, place.directory), (0o1770, true));
        assert_eq!(place.uid, nix::unistd::geteuid().as_raw());
        let counts = place.counts.unwrap();
        assert!(counts.blocks > 0 && counts.block_bytes > 0);
        let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let id = place.mount_id.unwrap().to_string();
        assert!(
            mountinfo
                .lines()
                .any(|line| line.split(' ').next() == Some(&id)),
            "{id} in {mountinfo}"
        );
    }

    #[test]
    fn what_is_not_there_says_so() {
        let house = tempfile::tempdir().unwrap();
        let root = InRoot::at(house.path()).unwrap();
        assert_eq!(look_at(&root, b"/none"), Err(Errno::ENOENT));
    }
}
