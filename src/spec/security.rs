//! The security context: who the container runs as, and what it was evidenced to need beyond that.

use std::collections::BTreeMap;

use super::changed_files::unseen_open_files;
use super::command::first_process;
use super::volumes::Writes;
use super::{Evidenced, not_seen, process_name};
use crate::doctor::{Facts, NotJudged, holder, local_end, seen};
use crate::model::capabilities::{Privileges, SeccompMode, SecurityContext};
use crate::model::open_files::OpenFile;
use crate::model::pod_security::Verdict;
use crate::model::process::Process;
use crate::model::seen::Seen;
use crate::model::socket::{Protocol, Socket, State};

/// Ports below it are privileged, unless `net.ipv4.ip_unprivileged_port_start` says otherwise.
const UNPRIVILEGED: u32 = 1024;

/// The greatest uid and gid in a manifest.
const GREATEST_ID: u32 = i32::MAX.unsigned_abs();

/// Capabilities that root uses without any that could be seen later.
const TRACELESS: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL"];

/// The security context of the container, and what of its pod's belongs to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Security {
    pub(super) user: Option<Evidenced<u32>>,
    pub(super) group: Option<Evidenced<u32>>,
    /// Supplementary groups; of the pod.
    pub(super) groups: Option<Evidenced<Vec<u32>>>,
    pub(super) is_non_root: Option<Evidenced<bool>>,
    pub(super) may_escalate: Option<Evidenced<bool>>,
    pub(super) read_only_root: Option<Evidenced<bool>>,
    /// Capabilities without `CAP_`.
    pub(super) add: Vec<Evidenced<String>>,
    pub(super) seccomp: Option<Evidenced<&'static str>>,
    /// `hostNetwork`, `hostPID`, `hostIPC`; of the pod.
    pub(super) host_namespaces: Vec<Evidenced<&'static str>>,
    /// The first unprivileged port, where it is lower than usual; of the pod.
    pub(super) port_start: Option<Evidenced<u16>>,
    pub(super) remarks: Vec<String>,
    pub(super) capability_remarks: Vec<String>,
}

/// What the target's processes are.
struct Ids<'a> {
    context: &'a SecurityContext,
    first: &'a Process,
    /// Each uid in the container, with a process that has it.
    users: BTreeMap<u32, &'a Process>,
    groups: BTreeMap<u32, &'a Process>,
}

/// The security context.
pub(super) fn security(facts: &Facts<'_>, writes: &Writes) -> Security {
    let mut security = Security::default();
    match Ids::of(facts) {
        Ok(ids) => {
            identify(&ids, &mut security);
            judge_privileges(&ids, facts, writes, &mut security);
        }
        Err(why) => security
            .remarks
            .push(not_seen("user and capabilities", why)),
    }
    let is_on_host = |one: &Evidenced<&str>| one.value == "hostNetwork";
    if security.host_namespaces.iter().any(is_on_host)
        && let Some(start) = security.port_start.take()
    {
        security.remarks.push(format!(
            "left out: sysctl net.ipv4.ip_unprivileged_port_start {}: it is refused with the network of \
             the host, where it has to be set: {}",
            start.value, start.evidence
        ));
    }
    security.read_only_root.clone_from(&writes.read_only_root);
    security.remarks.extend(writes.root_remarks.clone());
    security
}

impl<'a> Ids<'a> {
    fn of(facts: &Facts<'a>) -> Result<Self, NotJudged> {
        let context = facts.security_context()?;
        let first = first_process(facts)?;
        facts.all_processes()?;
        let mut ids = Self {
            context,
            first,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
        };
        for process in facts.processes()? {
            let real = process.real_uid.as_ref().and_then(Seen::value);
            let group = process.real_gid.as_ref().and_then(Seen::value);
            for uid in real.into_iter().chain([&process.uid]) {
                ids.users.entry(ids.inside_uid(*uid)).or_insert(process);
            }
            for gid in group.into_iter().chain([&process.gid]) {
                ids.groups.entry(ids.inside_gid(*gid)).or_insert(process);
            }
        }
        Ok(ids)
    }

    /// The number of a user in the target's own user namespace.
    fn inside_uid(&self, id: u32) -> u32 {
        inside(self.context.user_namespace.uid_map.value(), id)
    }

    fn inside_gid(&self, id: u32) -> u32 {
        inside(self.context.user_namespace.gid_map.value(), id)
    }

    fn is_root(&self) -> bool {
        self.inside_uid(self.first.uid) == 0
    }
}

fn inside(map: Option<&Vec<crate::model::capabilities::MappedIds>>, id: u32) -> u32 {
    let mut ranges = map.into_iter().flatten();
    let inside = ranges.find_map(|range| {
        let offset = id.checked_sub(range.outside)?;
        (offset < range.length).then_some(range.inside.checked_add(offset)?)
    });
    inside.unwrap_or(id)
}

fn identify(ids: &Ids<'_>, security: &mut Security) {
    let name = process_name(ids.first);
    let uid = ids.inside_uid(ids.first.uid);
    let gid = ids.inside_gid(ids.first.gid);
    let remarks = &mut security.remarks;
    security.user = usable_id("runAsUser", uid, remarks)
        .map(|uid| Evidenced::new(uid, format!("uid of {name}")));
    security.group = usable_id("runAsGroup", gid, remarks)
        .map(|gid| Evidenced::new(gid, format!("gid of {name}")));
    if let Some(groups) = ids.context.privileges.groups.value() {
        let mut groups: Vec<u32> = groups
            .iter()
            .map(|group| group.inside_id.unwrap_or(group.id))
            .filter(|group| *group != gid)
            .filter_map(|group| usable_id("supplementalGroups", group, remarks))
            .collect();
        groups.sort_unstable();
        if !groups.is_empty() {
            security.groups = Some(Evidenced::new(groups, "Groups in its status"));
        }
    }
    security.is_non_root = Some(match ids.users.get(&0) {
        None => Evidenced::new(true, "no process has uid 0"),
        Some(root) => Evidenced::new(false, format!("{} has uid 0", process_name(root))),
    });
}

/// An id, where Kubernetes takes it.
fn usable_id(field: &str, id: u32, remarks: &mut Vec<String>) -> Option<u32> {
    if id > GREATEST_ID {
        remarks.push(format!(
            "left out: {field}: {id} is more than {GREATEST_ID}, the greatest that Kubernetes takes"
        ));
        return None;
    }
    Some(id)
}

fn judge_privileges(ids: &Ids<'_>, facts: &Facts<'_>, writes: &Writes, security: &mut Security) {
    let privileges = &ids.context.privileges;
    let mut add: BTreeMap<String, String> = BTreeMap::new();
    of_identities(ids, privileges, &mut add);
    of_sockets(ids, facts, &mut add, security);
    of_files(facts, &mut add, &mut security.capability_remarks);
    if ids.is_root() {
        let given = writes.given_away.as_ref().map(|says| ("CHOWN", says));
        let overridden = writes
            .overridden
            .as_ref()
            .map(|says| ("DAC_OVERRIDE", says));
        for (name, says) in given.into_iter().chain(overridden) {
            add.entry(name.to_owned()).or_insert_with(|| says.clone());
        }
    }
    let by_file = file_capabilities(ids.context, &mut add);
    if is_file_unseen(ids.context) {
        let says = "not seen: file capabilities of the program, and whether it is a setuid program";
        security.capability_remarks.push(says.to_owned());
    }
    security.may_escalate = Some(escalation(ids, privileges, by_file));
    remark_capabilities(ids, privileges, &add, &mut security.capability_remarks);
    let add = add.into_iter();
    security.add = add.map(|(name, says)| Evidenced::new(name, says)).collect();

    security.seccomp = Some(match privileges.seccomp.value() {
        Some(SeccompMode::Filter) => Evidenced::new(
            "RuntimeDefault",
            "a filter is active (Seccomp: 2); which one is not seen",
        ),
        Some(_) => Evidenced::new(
            "RuntimeDefault",
            "no filter is active now: whether one of the calls that it refuses is needed is not seen",
        ),
        None => Evidenced::new("RuntimeDefault", "not seen: whether a filter is active now"),
    });
    let clauses = &ids.context.pod_security.clauses;
    for name in ["hostNetwork", "hostPID", "hostIPC"] {
        let clause = clauses.iter().find(|clause| clause.clause == name);
        match clause {
            Some(clause) if clause.verdict == Verdict::Fails => {
                let says = clause.evidence.clone();
                security.host_namespaces.push(Evidenced::new(name, says));
            }
            Some(clause) if clause.verdict != Verdict::Fits => {
                let says = format!("not seen: {name}: {}", clause.evidence);
                security.remarks.push(says);
            }
            _ => {}
        }
    }
}

/// Several users: something changes its identity.
fn of_identities(ids: &Ids<'_>, privileges: &Privileges, add: &mut BTreeMap<String, String>) {
    if !ids.is_root() {
        return;
    }
    let mut of = |name: &str, what: &str, several: &BTreeMap<u32, &Process>| {
        let other = several.iter().find(|(id, _)| **id != 0);
        if let Some((id, process)) = other {
            let says = format!(
                "{} has {what} {id}, though the container is started as root",
                process_name(process)
            );
            add.insert(name.to_owned(), says);
        }
    };
    of("SETUID", "uid", &ids.users);
    of("SETGID", "gid", &ids.groups);
    // Of a process that has kept a way back.
    if let Some(uids) = privileges.uids.value()
        && uids.saved.id != uids.effective.id
    {
        let says = format!(
            "uid {} is saved beside {}",
            uids.saved.id, uids.effective.id
        );
        add.entry("SETUID".to_owned()).or_insert(says);
    }
}

fn of_sockets(
    ids: &Ids<'_>,
    facts: &Facts<'_>,
    add: &mut BTreeMap<String, String>,
    security: &mut Security,
) {
    let sockets = match facts.own_sockets() {
        Ok(sockets) => sockets,
        Err(why) => return security.capability_remarks.push(not_seen("sockets", why)),
    };
    let mut unseen = None;
    for socket in sockets {
        match socket {
            Ok(socket) => of_socket(socket, ids, add, security),
            Err(why) => unseen = Some(why),
        }
    }
    let unseen = unseen.map(|why| not_seen("other sockets", why));
    security.capability_remarks.extend(unseen);
}

fn of_socket(
    socket: &Socket,
    ids: &Ids<'_>,
    add: &mut BTreeMap<String, String>,
    security: &mut Security,
) {
    let is_bound = matches!(
        (socket.protocol, socket.state),
        (Protocol::Tcp, State::Listen) | (Protocol::Udp, State::Unconnected)
    );
    match socket.protocol {
        Protocol::Raw | Protocol::Packet => {
            let kind = if socket.protocol == Protocol::Raw {
                "raw"
            } else {
                "packet"
            };
            let says = format!("{} holds a {kind} socket", holder(socket));
            add.entry("NET_RAW".to_owned()).or_insert(says);
        }
        Protocol::Tcp | Protocol::Udp if is_bound => {
            let port = socket.local_port.unwrap_or(0);
            if !(1..UNPRIVILEGED).contains(&port) {
                return;
            }
            let says = format!("{} listens on {}", holder(socket), local_end(socket));
            // Kubernetes makes capabilities effective for root alone, and for programs whose file
            // has them.
            if !ids.is_root() && !has_file_capabilities(ids.context) {
                security.port_start = Some(Evidenced::new(0, says.clone() + ", not as root"));
            }
            add.entry("NET_BIND_SERVICE".to_owned()).or_insert(says);
        }
        _ => {}
    }
}

fn has_file_capabilities(context: &SecurityContext) -> bool {
    let executable = context.executable.as_ref();
    let file = executable.and_then(|executable| executable.file.value());
    file.is_some_and(|file| file.capabilities.is_some())
}

fn of_files(facts: &Facts<'_>, add: &mut BTreeMap<String, String>, remarks: &mut Vec<String>) {
    let is_tunnel = |file: &&OpenFile| {
        let path = file.path.as_ref();
        path.is_some_and(|path| path.as_bytes() == b"/dev/net/tun")
    };
    let open = facts.open_files().ok();
    let files = open.and_then(|open| open.files.as_ref());
    if let Some(file) = files.into_iter().flatten().find(is_tunnel) {
        let says = format!("process {} has /dev/net/tun open", file.pid);
        add.entry("NET_ADMIN".to_owned()).or_insert(says);
    } else if let Some(why) = unseen_open_files(facts) {
        remarks.push(format!("not seen: whether /dev/net/tun is open: {why}"));
    }
}

/// Capabilities of the program's file: without them its exec fails, or it has not what it is to
/// have. Whether there are any.
fn file_capabilities(
    context: &SecurityContext,
    add: &mut BTreeMap<String, String>,
) -> Option<String> {
    let executable = context.executable.as_ref()?;
    let file = executable.file.value()?;
    let sets = file.capabilities.as_ref()?.value()?;
    let path = executable.path.value()?.to_text();
    let says = format!("{path} has the file capabilities {}", sets.text);
    for name in &sets.permitted.names {
        let name = bare(name);
        add.entry(name).or_insert_with(|| says.clone());
    }
    Some(says)
}

/// Whether what executing the program grants was not seen.
fn is_file_unseen(context: &SecurityContext) -> bool {
    let executable = context.executable.as_ref();
    executable
        .and_then(|executable| executable.file.value())
        .is_none_or(|file| matches!(file.capabilities, Some(Seen::Unseen(_))))
}

/// A capability as Kubernetes writes it.
fn bare(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

fn escalation(ids: &Ids<'_>, privileges: &Privileges, by_file: Option<String>) -> Evidenced<bool> {
    if privileges.no_new_privs.value() == Some(&true) {
        return Evidenced::new(false, "no_new_privs is set already");
    }
    if let Some(says) = by_file {
        return Evidenced::new(true, format!("{says}, which no_new_privs would disable"));
    }
    let executable = ids.context.executable.as_ref();
    let file = executable.and_then(|executable| executable.file.value());
    if file.is_some_and(|file| file.setuid) {
        return Evidenced::new(true, "the program's file is setuid");
    }
    let uid = ids.inside_uid(ids.first.uid);
    let other = ids.users.iter().find(|(id, _)| uid != 0 && **id != uid);
    if let Some((id, process)) = other {
        let says = format!(
            "{} has uid {id}, though the container is started as {uid}: perhaps a setuid program",
            process_name(process)
        );
        return Evidenced::new(true, says);
    }
    let says = if is_file_unseen(ids.context) {
        "no process has changed its uid; what the program's file grants is not seen"
    } else {
        "no sign of a setuid program"
    };
    Evidenced::new(false, says)
}

fn remark_capabilities(
    ids: &Ids<'_>,
    privileges: &Privileges,
    add: &BTreeMap<String, String>,
    remarks: &mut Vec<String>,
) {
    match seen("capabilities.effective", &privileges.sets.effective) {
        Err(why) => remarks.push(not_seen("which capabilities it holds", why)),
        Ok(effective) => {
            let names = effective.names.iter().map(|name| bare(name));
            let idle: Vec<String> = names.filter(|name| !add.contains_key(name)).collect();
            if !idle.is_empty() {
                remarks.push(format!(
                    "held without evidence of need: {}",
                    idle.join(", ")
                ));
            }
        }
    }
    if ids.is_root() {
        let names = TRACELESS.iter().filter(|name| !add.contains_key(**name));
        let names: Vec<&str> = names.copied().collect();
        let names = names.join(", ");
        remarks.push(format!(
            "not seen: whether it needs {names}: most uses leave no trace"
        ));
    }
}
