//! Files of the target, as `ls`, `stat`, `find` and `du` tell of them.

use serde::Serialize;

use super::byte_string::ByteString;
use super::time::Timestamp;

/// One file, not followed where it is a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileEntry {
    /// As it was found: the path that was asked for, and the names below it.
    pub path: ByteString,
    /// What it is.
    pub kind: FileEntryKind,
    /// Permissions in octal (`0644`), with setuid, setgid and sticky.
    pub mode: String,
    /// Owner.
    pub uid: u32,
    /// Its name in the target's `/etc/passwd`, where that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<ByteString>,
    /// Group.
    pub gid: u32,
    /// Its name in the target's `/etc/group`, where that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<ByteString>,
    /// Length; of a link that of its text.
    pub size_bytes: u64,
    /// Space that it takes.
    pub allocated_bytes: u64,
    /// Hard links.
    pub links: u64,
    /// Inode number.
    pub inode: u64,
    /// Major and minor number of the device that it is on.
    pub device: String,
    /// Major and minor number of the device that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub special_device: Option<String>,
    /// Last change of the content.
    pub modified_at: Timestamp,
    /// Last access.
    pub accessed_at: Timestamp,
    /// Last change of the content, the owner or the mode.
    pub changed_at: Timestamp,
    /// Creation, where the file system keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub born_at: Option<Timestamp>,
    /// Where a link leads, as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<ByteString>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileEntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// None of those that Linux documents.
    Unknown,
}

/// The space that a tree takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpaceUsed {
    /// The directory or file.
    pub path: ByteString,
    /// The length of all that is in it, each file once.
    pub apparent_bytes: u64,
    /// The space that it takes.
    pub allocated_bytes: u64,
}
