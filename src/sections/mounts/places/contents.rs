//! What is in some volumes: the times of a service account's token, and whether there is anything.

use std::time::{Duration, SystemTime};

use nix::errno::Errno;

use super::Judge;
use crate::model::gap::{Reason, Refusal, Subject};
use crate::model::mount::Mount;
use crate::model::time::Timestamp;
use crate::model::volume::VolumeKind;
use crate::parse::token_times::{TokenTimes, token_times};
use crate::sys::InRoot;
use crate::sys::time_box::{TimeBudget, TimedOutcome, each_in_time};
use crate::sys::tree_entry::TreeEntry;

const TOKEN_BYTES: usize = 16 << 10;

/// What is asked of a volume.
enum Content {
    Token(Option<TokenTimes>),
    Empty(bool),
}

pub(super) fn fill(judge: &mut Judge<'_>, mounts: &mut [Mount], patience: TimeBudget) {
    let asked = |mount: &&mut Mount| {
        let kind = mount.volume.as_ref().map(|volume| volume.kind);
        let kinds = [
            VolumeKind::ServiceAccountToken,
            VolumeKind::Image,
            VolumeKind::ConfigMap,
            VolumeKind::Secret,
        ];
        !mount.hidden && kind.is_some_and(|kind| kinds.contains(&kind))
    };
    let mounts: Vec<&mut Mount> = mounts.iter_mut().filter(asked).collect();
    if mounts.is_empty() || !judge.held.main.is_live() {
        return;
    }
    let paths = mounts.iter().map(|mount| {
        let kind = mount.volume.as_ref().map(|volume| volume.kind);
        let is_token = kind == Some(VolumeKind::ServiceAccountToken);
        (mount.mount_point.as_bytes().to_vec(), is_token)
    });
    let paths: Vec<(Vec<u8>, bool)> = paths.collect();
    let outcomes = match InRoot::of(&judge.held.main) {
        Ok(root) => each_in_time(paths, patience, move |(path, is_token)| {
            if *is_token {
                token(&root, path)
            } else {
                is_empty(&root, path)
            }
        }),
        Err(errno) => paths
            .iter()
            .map(|_| TimedOutcome::Done(Err(errno)))
            .collect(),
    };
    for (mount, outcome) in mounts.into_iter().zip(outcomes) {
        let subject = Subject::Path(mount.mount_point.clone());
        let attempt = match outcome {
            TimedOutcome::Done(Ok(content)) => Ok(content),
            // A file, or a volume without a token.
            TimedOutcome::Done(Err(Errno::ENOTDIR | Errno::ENOENT)) => continue,
            TimedOutcome::Done(Err(errno)) => Err(judge.refused(errno)),
            _ => Err(Refusal::of(Reason::Timeout)),
        };
        match attempt {
            Ok(Content::Empty(empty)) => {
                mount.empty = Some(judge.gaps.seen("empty", subject, Ok(empty)));
            }
            Ok(Content::Token(times)) => {
                let time = |seconds| {
                    let since = Duration::from_secs(seconds);
                    SystemTime::UNIX_EPOCH.checked_add(since).map(Timestamp)
                };
                let end = times.and_then(|times| time(times.expires_at?));
                mount.token_issued_at = times.and_then(|times| time(times.issued_at?));
                mount.token_expires_at =
                    end.map(|end| judge.gaps.seen("token_expires_at", subject, Ok(end)));
            }
            Err(refusal) => {
                let kind = mount.volume.as_ref().map(|volume| volume.kind);
                if kind == Some(VolumeKind::ServiceAccountToken) {
                    let unseen = judge.gaps.seen("token_expires_at", subject, Err(refusal));
                    mount.token_expires_at = Some(unseen);
                } else {
                    mount.empty = Some(judge.gaps.seen("empty", subject, Err(refusal)));
                }
            }
        }
    }
}

/// Of the token nothing but its times is kept.
fn token(root: &InRoot, directory: &[u8]) -> Result<Content, Errno> {
    let mut bytes = Vec::new();
    root.read(&[directory, b"/token"].concat(), TOKEN_BYTES, &mut bytes)?;
    Ok(Content::Token(token_times(&bytes)))
}

fn is_empty(root: &InRoot, directory: &[u8]) -> Result<Content, Errno> {
    // The kubelet's own names, `..data` and the revision it leads to, hold none of a volume's files.
    let (names, _) = TreeEntry::at(root, directory)?.names(64)?;
    let own = names.iter().filter(|(name, _)| !name.starts_with(b".."));
    Ok(Content::Empty(own.count() == 0))
}
