//! Ids → accounts: what the target calls them, and what they are inside.

use crate::model::ByteString;
use crate::model::capabilities::{Account, AccountIds};
use crate::model::seen::{Seen, Unseen};
use crate::parse::accounts::Accounts;
use crate::parse::id_map::IdMap;
use crate::parse::status::Ids;

/// From numbers to accounts.
pub(super) struct Naming<'a> {
    /// `None`: nobody's files say what this process calls its ids.
    pub(super) names: Option<Result<(&'a Accounts, &'a Accounts), Unseen>>,
    /// From the viewer's ids to those inside, where they differ.
    pub(super) uid_map: Option<&'a IdMap>,
    /// The same for groups.
    pub(super) gid_map: Option<&'a IdMap>,
}

impl Naming<'_> {
    pub(super) fn users(&self, ids: Ids) -> AccountIds {
        let names = self.names.map(|names| names.map(|(users, _)| users));
        of_ids(ids, self.uid_map, names)
    }

    pub(super) fn groups(&self, ids: Ids) -> AccountIds {
        of_ids(ids, self.gid_map, self.group_names())
    }

    pub(super) fn group(&self, id: u32) -> Account {
        account(id, self.gid_map, self.group_names())
    }

    fn group_names(&self) -> Option<Result<&Accounts, Unseen>> {
        self.names.map(|names| names.map(|(_, groups)| groups))
    }
}

fn of_ids(ids: Ids, map: Option<&IdMap>, names: Option<Result<&Accounts, Unseen>>) -> AccountIds {
    AccountIds {
        real: account(ids.real, map, names),
        effective: account(ids.effective, map, names),
        saved: account(ids.saved, map, names),
        filesystem: account(ids.filesystem, map, names),
    }
}

fn account(id: u32, map: Option<&IdMap>, names: Option<Result<&Accounts, Unseen>>) -> Account {
    let inside_id = map.and_then(|map| map.translate_back(id));
    // An id that is not mapped has no number inside, and so no name either.
    let own_id = if map.is_some() { inside_id } else { Some(id) };
    let name = match names {
        None => None,
        Some(Err(unseen)) => Some(Seen::Unseen(unseen)),
        Some(Ok(accounts)) => own_id
            .and_then(|id| accounts.name(id))
            .map(|name| Seen::Value(ByteString::from(name))),
    };
    Account {
        id,
        inside_id,
        name,
    }
}
