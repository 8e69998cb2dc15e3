//! Facts of a visit → the security contexts of the document.

use super::naming::Naming;
use super::node::NodeContext;
use super::pod_security::{Evidence, Labelled, judge};
use super::{defaults, words};
use crate::model::capabilities::{
    Answer, CapabilitySet, CapabilitySets, Privileges, SeccompMode, SecurityContext, SecurityLabel,
    SecurityModule, ThreadContext, UserNamespace,
};
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::pod_security::PodSecurity;
use crate::model::seen::{Seen, Unseen};
use crate::parse::id_map::IdMap;
use crate::parse::id_map::OVERFLOW_ID;
use crate::parse::security_label::{self, Module};
use crate::parse::status::{Ids, Status};
use crate::parse::{capabilities, capability_text};
use crate::scan::Scan;
use crate::scan::security::mapped_ids;
use crate::scan::snapshot::ProcessSnapshot;
use crate::scan::snapshot::{Namespaces, Security, Task};

/// The set of a mask.
#[must_use]
pub(super) fn capability_set(mask: u64) -> CapabilitySet {
    CapabilitySet {
        mask: format!("{mask:016x}"),
        names: names(mask),
    }
}

fn names(mask: u64) -> Vec<String> {
    capabilities::names(mask)
        .map(std::borrow::Cow::into_owned)
        .collect()
}

/// Turns facts into security contexts; records what is missing.
pub(super) struct Filler<'a> {
    pub(super) scan: &'a Scan,
    pub(super) gaps: SectionGaps<'a>,
    pub(super) around: NodeContext,
}

/// The subject of the privileges: names and maps are those of its process.
struct Subject<'a> {
    facts: &'a ProcessSnapshot,
    /// Where in the document: before each field of its gaps.
    within: &'static str,
    /// From the viewer's ids to those inside, where they differ.
    uid_map: Option<&'a IdMap>,
    gid_map: Option<&'a IdMap>,
}

impl<'a> Filler<'a> {
    pub(super) fn new(scan: &'a Scan, gaps: &'a mut SectionGaps<'_>) -> Self {
        Self {
            around: NodeContext::read(scan),
            scan,
            gaps: gaps.reborrow(),
        }
    }

    pub(super) fn context(
        &mut self,
        facts: &ProcessSnapshot,
        security: &Security,
    ) -> SecurityContext {
        let inside = |map: &'_ Result<IdMap, Refusal>| {
            let same = security
                .uid_map
                .as_ref()
                .is_ok_and(|map| self.around.same_user_namespace(map));
            !same && map.is_ok()
        };
        let subject = Subject {
            facts,
            within: "",
            uid_map: security
                .uid_map
                .as_ref()
                .ok()
                .filter(|_| inside(&security.uid_map)),
            gid_map: security
                .gid_map
                .as_ref()
                .ok()
                .filter(|_| inside(&security.gid_map)),
        };
        let attempt = match &facts.status {
            Some(attempt) => attempt
                .as_ref()
                .map(|status| &**status)
                .map_err(Clone::clone),
            None => Err(Refusal::of(Reason::Io)),
        };
        let privileges = self.privileges(&subject, &attempt);
        let status = attempt.ok();
        let bounding = status.and_then(|status| status.cap_bnd);
        let permitted = status.and_then(|status| status.cap_prm);
        let runtime = facts.identity.runtime;
        SecurityContext {
            pid: facts.pid,
            comm: facts.stat.comm.as_slice().into(),
            label: self.label(facts.pid, &security.label),
            user_namespace: self.user_namespace(facts.pid, security),
            dumpable: self.dumpable(facts, security),
            executable: self.executable(facts, &security.program),
            against_defaults: bounding.map(|mask| defaults::compare(mask, runtime)),
            held: permitted.map(words::held),
            pod_security: self.pod_security(&subject, security, status),
            differing_threads: facts.task_status.as_ref().map(|attempt| match attempt {
                Ok(tasks) => Seen::Value(self.differing(&subject, status, tasks)),
                Err(refusal) => Seen::Unseen(self.gap("differing_threads", facts.pid, refusal)),
            }),
            privileges,
        }
    }

    fn privileges(
        &mut self,
        subject: &Subject<'_>,
        status: &Result<&Status, Refusal>,
    ) -> Privileges {
        let pid = subject.facts.pid;
        let known = self.around.known_capabilities;
        let text = status.clone().and_then(|status| {
            let sets = (status.cap_eff, status.cap_prm, status.cap_inh);
            match sets {
                (Some(e), Some(p), Some(i)) => Ok(capability_text::text(e, p, i, known)),
                _ => Err(Refusal::of(Reason::Unsupported)),
            }
        });
        let at = |field: &str| format!("{}{field}", subject.within);
        let mut set = |field, mask: fn(&Status) -> Option<u64>| {
            let field = at(&format!("sets.{field}"));
            self.of_status(&field, pid, status, mask)
                .map(capability_set)
        };
        let sets = CapabilitySets {
            effective: set("effective", |status| status.cap_eff),
            permitted: set("permitted", |status| status.cap_prm),
            inheritable: set("inheritable", |status| status.cap_inh),
            bounding: set("bounding", |status| status.cap_bnd),
            ambient: set("ambient", |status| status.cap_amb),
        };
        let uids = self.of_status(&at("uids"), pid, status, |status| status.uid);
        let gids = self.of_status(&at("gids"), pid, status, |status| status.gid);
        let groups = self.of_status(&at("groups"), pid, status, |status| status.groups.clone());
        let named = self.naming(
            subject,
            !matches!(&groups, Seen::Value(list) if list.is_empty()),
        );
        Privileges {
            uids: uids.map(|ids| named.users(ids)),
            gids: gids.map(|ids| named.groups(ids)),
            groups: groups.map(|ids| ids.into_iter().map(|id| named.group(id)).collect()),
            sets,
            text: self.gaps.seen(&at("text"), pid, text),
            no_new_privs: self.of_status(&at("no_new_privs"), pid, status, |status| {
                status.no_new_privs
            }),
            seccomp: self.seccomp(&at("seccomp"), pid, status),
            seccomp_filters: self.of_status(&at("seccomp_filters"), pid, status, |status| {
                status.seccomp_filters
            }),
        }
    }

    fn of_status<T>(
        &mut self,
        field: &str,
        pid: i32,
        status: &Result<&Status, Refusal>,
        line: impl FnOnce(&Status) -> Option<T>,
    ) -> Seen<T> {
        let attempt = match status {
            Ok(status) => line(status).ok_or(Refusal::of(Reason::Unsupported)),
            Err(refusal) => Err(refusal.clone()),
        };
        self.gaps.seen(field, pid, attempt)
    }

    fn seccomp(
        &mut self,
        field: &str,
        pid: i32,
        status: &Result<&Status, Refusal>,
    ) -> Seen<SeccompMode> {
        let attempt = match status {
            Ok(status) => match status.seccomp {
                Some(mode) => SeccompMode::from_number(mode).ok_or(Refusal::of(Reason::Malformed)),
                None => Err(Refusal::of(Reason::Unsupported)),
            },
            Err(refusal) => Err(refusal.clone()),
        };
        self.gaps.seen(field, pid, attempt)
    }

    /// What the target calls its ids. Only its own files say that.
    fn naming<'s>(&'s mut self, subject: &Subject<'s>, with_groups: bool) -> Naming<'s> {
        let scan = self.scan;
        let gaps = &mut self.gaps;
        let target = scan
            .target
            .as_ref()
            .filter(|target| target.identity.key == subject.facts.identity.key);
        let names = match target.map(|target| target.names(&scan.reader.viewer)) {
            None => None,
            Some(Ok(names)) => Some(Ok((&names.users, &names.groups))),
            Some(Err(refusal)) => {
                let pid = subject.facts.pid;
                let within = subject.within;
                let mut record =
                    |field: &str| gaps.record(&format!("{within}{field}.name"), pid, refusal);
                if with_groups {
                    record("groups");
                }
                for ids in ["uids", "gids"] {
                    for id in ["effective", "saved", "filesystem"] {
                        record(&format!("{ids}.{id}"));
                    }
                }
                record("gids.real");
                Some(Err(record("uids.real")))
            }
        };
        Naming {
            names,
            uid_map: subject.uid_map,
            gid_map: subject.gid_map,
        }
    }

    pub(super) fn gap(&mut self, field: &str, pid: i32, refusal: &Refusal) -> Unseen {
        self.gaps.record(field, pid, refusal)
    }

    fn label(
        &mut self,
        pid: i32,
        attempt: &Result<Option<security_label::SecurityLabel>, Refusal>,
    ) -> Option<Seen<SecurityLabel>> {
        match attempt {
            Ok(None) => None,
            Ok(Some(label)) => Some(Seen::Value(SecurityLabel {
                module: match label.module {
                    Module::AppArmor => SecurityModule::AppArmor,
                    Module::SeLinux => SecurityModule::SeLinux,
                    Module::Other => SecurityModule::Other,
                },
                label: label.label.as_slice().into(),
            })),
            Err(refusal) => Some(Seen::Unseen(self.gap("label", pid, refusal))),
        }
    }

    fn user_namespace(&mut self, pid: i32, security: &Security) -> UserNamespace {
        let (root_is_node_root, evidence) = match &security.uid_map {
            Ok(map) => self.around.root_is_node_root(map, security.namespaces.user),
            Err(_) => (Answer::Unknown, "its uid_map cannot be read".to_owned()),
        };
        let mut map = |field, map: &Result<IdMap, Refusal>| {
            let ranges = map.as_ref().map(mapped_ids);
            self.gaps.seen(field, pid, ranges.map_err(Clone::clone))
        };
        UserNamespace {
            uid_map: map("user_namespace.uid_map", &security.uid_map),
            gid_map: map("user_namespace.gid_map", &security.gid_map),
            root_is_node_root,
            evidence,
        }
    }

    /// Files of a process that is not dumpable belong to root of its user namespace.
    fn dumpable(&self, facts: &ProcessSnapshot, security: &Security) -> Answer {
        let (Some(owner), Ok(uid_map), Ok(gid_map)) =
            (security.files_owner, &security.uid_map, &security.gid_map)
        else {
            return Answer::Unknown;
        };
        let own = (facts.uid, facts.gid);
        let same = self.around.same_user_namespace(uid_map);
        let root = |map: &IdMap| if same { Some(0) } else { map.translate(0) };
        let whole = self
            .around
            .viewer_map
            .as_ref()
            .is_some_and(IdMap::is_identity);
        // Ids that the viewer's namespace does not map all look alike.
        if !whole && [own.0, own.1, owner.0, owner.1].contains(&OVERFLOW_ID) {
            Answer::Unknown
        } else if owner != own {
            Answer::No
        } else if (Some(own.0), Some(own.1)) == (root(uid_map), root(gid_map)) || own == (0, 0) {
            Answer::Unknown
        } else {
            Answer::Yes
        }
    }

    fn pod_security(
        &self,
        subject: &Subject<'_>,
        security: &Security,
        status: Option<&Status>,
    ) -> PodSecurity {
        let inside = |ids: Ids| {
            let id = |id| {
                subject
                    .uid_map
                    .map_or(Some(id), |map| map.translate_back(id))
            };
            // An id that its namespace does not map is not root there.
            let id = |outside| id(outside).unwrap_or(OVERFLOW_ID);
            Ids {
                real: id(ids.real),
                effective: id(ids.effective),
                saved: id(ids.saved),
                filesystem: id(ids.filesystem),
            }
        };
        let depth = status.and_then(|status| Some(status.ns_tgid.as_ref()?.len()));
        let namespaces: &Namespaces = &security.namespaces;
        judge(&Evidence {
            bounding: status.and_then(|status| status.cap_bnd),
            permitted: status.and_then(|status| status.cap_prm),
            known_capabilities: self.around.known_capabilities,
            uids: status.and_then(|status| status.uid).map(inside),
            no_new_privs: status.and_then(|status| status.no_new_privs),
            seccomp: status.and_then(|status| status.seccomp),
            label: match &security.label {
                Ok(Some(label)) => Labelled::As(label),
                Ok(None) => Labelled::ByNobody,
                Err(_) => Labelled::Unseen,
            },
            runtime: subject.facts.identity.runtime,
            host_pid: self.around.host_pid(depth),
            host_ipc: namespaces.is_host_ipc(),
            host_net: self.around.host_net(namespaces),
        })
    }

    fn differing(
        &mut self,
        subject: &Subject<'_>,
        leader: Option<&Status>,
        tasks: &[Task],
    ) -> Vec<ThreadContext> {
        let Some(leader) = leader else {
            return Vec::new();
        };
        let subject = &Subject {
            within: "differing_threads.",
            ..*subject
        };
        let mut found = Vec::new();
        for task in tasks {
            let differs_in = differences(leader, &task.status);
            if !differs_in.is_empty() {
                found.push(ThreadContext {
                    tid: task.tid,
                    comm: task.comm.as_deref().map(Into::into),
                    differs_in,
                    privileges: self.privileges(subject, &Ok(&task.status)),
                });
            }
        }
        found
    }
}

fn differences(leader: &Status, thread: &Status) -> Vec<String> {
    [
        ("uids", leader.uid != thread.uid),
        ("gids", leader.gid != thread.gid),
        ("groups", leader.groups != thread.groups),
        ("effective", leader.cap_eff != thread.cap_eff),
        ("permitted", leader.cap_prm != thread.cap_prm),
        ("inheritable", leader.cap_inh != thread.cap_inh),
        ("bounding", leader.cap_bnd != thread.cap_bnd),
        ("ambient", leader.cap_amb != thread.cap_amb),
        ("no_new_privs", leader.no_new_privs != thread.no_new_privs),
        ("seccomp", leader.seccomp != thread.seccomp),
        (
            "seccomp_filters",
            leader.seccomp_filters != thread.seccomp_filters,
        ),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(field, _)| field.to_owned())
    .collect()
}
