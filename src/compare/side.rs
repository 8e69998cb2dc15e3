//! One of the two documents, made ready for the comparison.

use std::collections::BTreeMap;

use serde_json::Value;

use super::own_names::{OwnNames, without_ids};
use super::roles;
use super::tree::{self, Tree};
use crate::model::Report;
use crate::model::gap::{Gap, WALK};
use crate::model::reason::Reason;
use crate::model::time::Timestamp;

/// Parts of a document that say how and when it was taken, or what follows from another part.
const NOT_COMPARED: [&str; 10] = [
    "schema",
    "version",
    "taken_at",
    "fingerprint_key_id",
    "target",
    "containers",
    "socket_sources",
    "access",
    "decoded",
    "gaps",
];
/// Options of an overlay that name the directories of one container.
const OVERLAY_DIRECTORIES: [&str; 3] = ["lowerdir=", "upperdir=", "workdir="];

/// A document and its tree.
pub(super) struct Side<'a> {
    pub(super) sections: BTreeMap<String, Tree>,
    gaps: &'a [Gap],
    pub(super) main_pid: Option<i32>,
    /// Since when the target runs, and when it was looked at.
    pub(super) started_at: Option<Timestamp>,
    pub(super) taken_at: Timestamp,
}

impl<'a> Side<'a> {
    pub(super) fn of(report: &'a Report) -> Result<Self, serde_json::Error> {
        let Value::Object(mut document) = serde_json::to_value(report)? else {
            return Ok(Self::empty(report));
        };
        document.retain(|name, _| !NOT_COMPARED.contains(&name.as_str()));
        let own = OwnNames::of(report);
        let processes = document.remove("processes");
        let sockets = document.remove("sockets");
        let mut sections = tree::fields(&document, &own);
        if let Some(mounts) = sections.get_mut("mounts") {
            without_ids_of_layers(mounts, "");
        }
        if let Some(Value::Array(list)) = processes {
            sections.insert(
                "processes".to_owned(),
                Tree::Items(roles::processes(&list, &own)),
            );
        }
        if let Some(Value::Array(list)) = sockets {
            sections.insert(
                "sockets".to_owned(),
                Tree::Items(roles::sockets(&list, &own)),
            );
        }
        Ok(Self {
            sections,
            ..Self::empty(report)
        })
    }

    fn empty(report: &'a Report) -> Self {
        let main = report.target.as_ref().map(|target| target.pid);
        let mut processes = report.processes.iter().flatten();
        let main = processes.find(|process| Some(process.pid) == main);
        Self {
            sections: BTreeMap::new(),
            gaps: &report.gaps,
            main_pid: main.map(|process| process.pid),
            started_at: main.and_then(|process| process.started_at.value().copied()),
            taken_at: report.taken_at,
        }
    }

    /// Why a field of a section was not seen.
    pub(super) fn reason(&self, section: &str, field: &str) -> Option<Reason> {
        let of_section = || self.gaps.iter().filter(|gap| gap.section == section);
        let by_name = of_section().find(|gap| gap.field.rsplit('.').next() == Some(field));
        by_name
            .or_else(|| of_section().next())
            .map(|gap| gap.reason)
    }

    /// Why a list of a section may lack entries; `None`: it is whole.
    pub(super) fn list_refusal(&self, section: &str, list: &str) -> Option<Reason> {
        let hides_entries = |gap: &&Gap| {
            let field = gap.field.rsplit('.').next().unwrap_or_default();
            gap.section == WALK
                || gap.section == section
                    && (field == list
                        || field == section
                        || section == "sockets" && field != "owners")
        };
        self.gaps.iter().find(hides_entries).map(|gap| gap.reason)
    }
}

/// Takes the ids of layers and sandboxes out of the sources of mounts.
fn without_ids_of_layers(tree: &mut Tree, name: &str) {
    match tree {
        Tree::Fields(fields) => {
            for (name, field) in fields {
                without_ids_of_layers(field, name);
            }
        }
        Tree::Items(items) => {
            for item in items.values_mut() {
                without_ids_of_layers(item, name);
            }
        }
        Tree::Leaf(Value::String(text)) if name.ends_with("options") => {
            let words = text.split(',');
            let kept = words.filter(|word| {
                !OVERLAY_DIRECTORIES
                    .iter()
                    .any(|option| word.starts_with(option))
            });
            let words: Vec<Value> = kept.map(|word| without_ids(word).into()).collect();
            *tree = Tree::Leaf(Value::Array(words));
        }
        Tree::Leaf(Value::String(text)) => *text = without_ids(text),
        Tree::Leaf(_) => {}
    }
}
