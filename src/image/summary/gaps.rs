//! What was not seen, or is not listed.

use super::{LISTED, Lists, Parts};
use crate::image::judge_start::Start;
use crate::image::kept::{BUNDLES, Kept};
use crate::image::layers::KeptAt;
use crate::image::report::AuditGap;
use crate::model::reason::Reason;

impl Parts<'_> {
    pub(super) fn gaps(
        &self,
        lists: &Lists,
        more_secrets: u64,
        start: Option<&Start>,
    ) -> Vec<AuditGap> {
        let mut gaps = Vec::new();
        let mut add = |what: String, reason, count| {
            if count > 0 {
                gaps.push(AuditGap {
                    what,
                    reason,
                    count,
                });
            }
        };
        let tree = &self.collected.tree;
        let beyond = tree.oddities.beyond_limit;
        add("paths".to_owned(), Reason::Limit, beyond);
        let others = u64::from(!self.collected.is_whole() && beyond == 0);
        add("files that were not held".to_owned(), Reason::Limit, others);
        add("secrets".to_owned(), Reason::Limit, more_secrets);
        let beyond = |count: usize| count.saturating_sub(LISTED) as u64;
        let history = beyond(self.history().len());
        let mut cut = vec![
            ("files with setuid or setgid", lists.more_setuid),
            ("files that everyone can write", lists.more_writable),
            ("programs of Go and Rust", self.collected.more_built),
            ("lines of the history", history),
        ];
        if let Some(chosen) = self.chosen {
            let config = &chosen.config.config;
            cut.extend([
                ("tags", beyond(chosen.tags.len())),
                ("variables", beyond(config.env.len())),
                ("labels", beyond(config.labels.len())),
                ("ports", beyond(config.exposed_ports.len())),
                ("volumes", beyond(config.volumes.len())),
            ]);
        }
        for (what, count) in cut {
            add(what.to_owned(), Reason::Limit, count);
        }
        if let Some(what) = start.and_then(|start| start.unknown) {
            add(what.to_owned(), Reason::Limit, 1);
        }
        let needed = [&b"etc/passwd"[..], b"etc/group"];
        let unkept = needed.iter().chain(BUNDLES);
        let unkept =
            unkept.filter(|path| matches!(self.collected.kept_at(path), KeptAt::File(None, _)));
        let what = "accounts or authorities, where a link leads to a file of another name";
        add(what.to_owned(), Reason::Limit, unkept.count() as u64);
        let links = tree.oddities.broken_hard_links;
        add(
            "hard links to what is not there".to_owned(),
            Reason::Malformed,
            links,
        );
        let too_long = |kept: &&Kept| matches!(kept, Kept::TooLong);
        let too_long = self.collected.kept.values().filter(too_long).count();
        add(
            "files of packages, accounts or authorities".to_owned(),
            Reason::Limit,
            too_long as u64,
        );
        for (reason, (count, first)) in &self.unread.0 {
            let first = String::from_utf8_lossy(first);
            let what = match reason {
                Reason::RemoteFs => "other file systems, ",
                _ => "",
            };
            add(format!("{what}/{first} and others"), *reason, *count);
        }
        gaps
    }
}
