//! The section `capabilities` as tables.

use super::table::{Align, Cell, Heading, Table};
use crate::model::capabilities::{
    Account, AccountIds, AgainstDefault, Answer, CapabilitySet, Executable, ExecutableFile,
    Privileges, SeccompMode, SecurityContext, SecurityModule, ThreadContext,
};
use crate::model::pod_security::{Clause, PodSecurity, Verdict};
use crate::model::seen::Seen;

/// The line of `capsh --decode`.
#[must_use]
pub(crate) fn decoded(set: &CapabilitySet) -> Table {
    let line = format!("0x{}={}", set.mask, set.names.join(","));
    card(None, vec![vec![line.into()]])
}

/// Everything about one process.
#[must_use]
pub(crate) fn tables(context: &SecurityContext) -> Vec<Table> {
    let mut tables = vec![about(context), sets(&context.privileges)];
    if let Some(Seen::Value(threads)) = &context.differing_threads {
        tables.push(differing(threads));
    }
    tables.push(standards(&context.pod_security));
    if let Some(held) = context.held.as_ref().filter(|held| !held.is_empty()) {
        let row = |held: &crate::model::capabilities::HeldCapability| {
            let risk = format!("{} risk", held.risk.as_str());
            vec![
                held.name.clone().into(),
                risk.into(),
                held.allows.clone().into(),
            ]
        };
        let title = match context.user_namespace.root_is_node_root {
            Answer::No => "What they allow, within the process's user namespace",
            Answer::Yes | Answer::Unknown => "What they allow",
        };
        tables.push(card(Some(title), held.iter().map(row).collect()));
    }
    tables
}

/// A row for each process, and the threads that differ.
#[must_use]
pub(crate) fn one_each(contexts: &[SecurityContext]) -> Vec<Table> {
    let left = |title| heading(title, Align::Left);
    let headings = vec![
        left("USER"),
        heading("PID", Align::Right),
        left("NNP"),
        left("SECCOMP"),
        left("LABEL"),
        left("POD SECURITY"),
        left("COMMAND"),
        left("CAPABILITIES"),
    ];
    let rows = contexts.iter().map(|context| {
        let privileges = &context.privileges;
        vec![
            Cell::of(Some(&privileges.uids), |ids| short(&ids.effective)),
            Cell::number(context.pid),
            Cell::of(Some(&privileges.no_new_privs), |set| yes_no(*set).into()),
            Cell::of(Some(&privileges.seccomp), |mode| seccomp(*mode).into()),
            Cell::of(context.label.as_ref(), |label| Cell::from(&label.label)),
            context.pod_security.fits.as_str().into(),
            Cell::from(&context.comm),
            Cell::of(Some(&privileges.text), |text| text.clone().into()),
        ]
    });
    let mut tables = vec![Table {
        headings,
        rows: rows.collect(),
        ..Table::default()
    }];
    for context in contexts {
        if let Some(Seen::Value(threads)) = &context.differing_threads
            && !threads.is_empty()
        {
            let mut table = differing(threads);
            table.title = Some(format!(
                "Threads of pid {} that differ from its first thread",
                context.pid
            ));
            tables.push(table);
        }
    }
    tables
}

fn about(context: &SecurityContext) -> Table {
    let privileges = &context.privileges;
    let mut rows = vec![
        fact("process", process(context)),
        fact(
            "capabilities",
            Cell::of(Some(&privileges.text), |text| text.clone().into()),
        ),
        fact("user", Cell::of(Some(&privileges.uids), ids)),
        fact("group", Cell::of(Some(&privileges.gids), ids)),
        fact(
            "groups",
            Cell::of(Some(&privileges.groups), |list| groups(list)),
        ),
        fact(
            "no_new_privs",
            Cell::of(Some(&privileges.no_new_privs), |set| yes_no(*set).into()),
        ),
        fact("seccomp", filters(privileges)),
    ];
    let label = Cell::of(context.label.as_ref(), |label| {
        let module = match label.module {
            SecurityModule::AppArmor => "AppArmor: ",
            SecurityModule::SeLinux => "SELinux: ",
            SecurityModule::Other => "",
        };
        Cell::Outside([module.as_bytes(), label.label.as_bytes()].concat().into())
    });
    rows.push(fact("label", label));
    let root = match context.user_namespace.root_is_node_root {
        Answer::Yes => "is root on the node",
        Answer::No => "is not root on the node",
        Answer::Unknown => "may be root on the node",
    };
    let evidence = &context.user_namespace.evidence;
    rows.push(fact("root here", format!("{root}: {evidence}").into()));
    let dumpable = match context.dumpable {
        Answer::Yes => "yes",
        Answer::No => "no (its files in /proc belong to root)",
        Answer::Unknown => "unknown (cannot be determined for root)",
    };
    rows.push(fact("dumpable", dumpable.into()));
    if let Some(executable) = &context.executable {
        rows.push(fact("program", program(executable)));
    }
    if let Some(default) = context.against_defaults.iter().flatten().next() {
        let bounding = context.privileges.sets.bounding.value();
        let bounding = bounding.map_or(&[][..], |set| &set.names);
        rows.push(fact("can have", beside_default(bounding, default).into()));
    }
    card(None, rows)
}

fn process(context: &SecurityContext) -> Cell {
    let pid = format!("{} ", context.pid).into_bytes();
    Cell::Outside([pid.as_slice(), context.comm.as_bytes()].concat().into())
}

fn filters(privileges: &Privileges) -> Cell {
    Cell::of(Some(&privileges.seccomp), |mode| {
        match (mode, privileges.seccomp_filters.value()) {
            (SeccompMode::Filter, Some(1)) => "filter (1 active)".into(),
            (SeccompMode::Filter, Some(count)) => format!("filter ({count} active)").into(),
            (mode, _) => seccomp(*mode).into(),
        }
    })
}

fn program(executable: &Executable) -> Cell {
    if let (Seen::Unseen(_), Seen::Unseen(_)) = (&executable.path, &executable.file) {
        return Cell::Unseen;
    }
    let path = match &executable.path {
        Seen::Value(path) => path.as_bytes(),
        Seen::Unseen(_) => b"?",
    };
    let gives = match &executable.file {
        Seen::Value(file) => gives(file),
        Seen::Unseen(_) => "?".to_owned(),
    };
    Cell::Outside([path, b": ", gives.as_bytes()].concat().into())
}

fn gives(file: &ExecutableFile) -> String {
    let mut words = Vec::new();
    match &file.capabilities {
        None => {}
        Some(Seen::Unseen(_)) => words.push("file capabilities ?".to_owned()),
        Some(Seen::Value(sets)) => {
            let root = sets.root_uid.map(|uid| format!(" below root uid {uid}"));
            words.push(format!(
                "file capabilities {}{}",
                sets.text,
                root.unwrap_or_default()
            ));
        }
    }
    if file.setuid {
        words.push(format!("set-user-ID to {}", file.owner_uid));
    }
    if file.setgid {
        words.push(format!("set-group-ID to {}", file.owner_gid));
    }
    match (words.is_empty(), file.nosuid) {
        (true, _) => "no file capabilities, no set-id bits".to_owned(),
        (false, Some(true)) => format!("{}; without effect (nosuid mount)", words.join(", ")),
        (false, _) => words.join(", "),
    }
}

/// Beside the default of the runtime where most of that is there, else as it is: what drops all
/// and adds one is no variant of any default.
fn beside_default(bounding: &[String], default: &AgainstDefault) -> String {
    if bounding.is_empty() {
        return "nothing: every capability is dropped".to_owned();
    }
    let kept = bounding.len().saturating_sub(default.added.len());
    if default.dropped.len() > kept {
        return format!("{}, all others are dropped", bounding.join(","));
    }
    let whose = default.runtimes.join(" and ");
    let list = |what: &str, names: &[String]| {
        (!names.is_empty()).then(|| format!("{what} {}", names.join(",")))
    };
    let parts = [
        list("plus", &default.added),
        list("without", &default.dropped),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        format!("the default of {whose}")
    } else {
        format!("the default of {whose}, {}", parts.join(", "))
    }
}

fn sets(privileges: &Privileges) -> Table {
    let sets = &privileges.sets;
    let effective = sets.effective.value();
    let rows = [
        ("effective", &sets.effective),
        ("permitted", &sets.permitted),
        ("inheritable", &sets.inheritable),
        ("bounding", &sets.bounding),
        ("ambient", &sets.ambient),
    ]
    .map(|(name, set)| {
        vec![
            name.into(),
            Cell::of(Some(set), |set| set.mask.clone().into()),
            Cell::of(Some(set), |set| match set.names.as_slice() {
                [] => Cell::Absent,
                [_, _, ..] if name != "effective" && effective == Some(set) => {
                    "same as effective".into()
                }
                names => names.join(",").into(),
            }),
        ]
    });
    card(Some("Sets"), rows.into())
}

fn standards(found: &PodSecurity) -> Table {
    let row = |word: &'static str, clause: &Clause| {
        vec![
            word.into(),
            clause.level.as_str().into(),
            clause.clause.clone().into_owned().into(),
            Cell::Outside(clause.evidence.as_str().into()),
        ]
    };
    let fails = found
        .having(Verdict::Fails)
        .map(|clause| row("fails", clause));
    let unseen = found
        .having(Verdict::Unseen)
        .map(|clause| row("unseen", clause));
    let mut rows: Vec<_> = fails.chain(unseen).collect();
    // What has the same evidence is one line.
    let mut open: Vec<(&Clause, Vec<&str>)> = Vec::new();
    for clause in found.having(Verdict::NotJudged) {
        let same = open
            .iter_mut()
            .find(|(one, _)| one.evidence == clause.evidence && one.level == clause.level);
        match same {
            Some((_, names)) => names.push(&*clause.clause),
            None => open.push((clause, vec![&*clause.clause])),
        }
    }
    let (single, several): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|(_, names)| names.len() == 1);
    rows.extend(single.iter().map(|(clause, _)| row("not checked", clause)));
    let notes = several.iter().map(|(clause, names)| {
        let (level, names) = (clause.level.as_str(), names.join(", "));
        format!("not checked for {level}: {names}: {}", clause.evidence)
    });
    let notes = notes.collect();
    let title = format!(
        "Pod Security: fits {}, judging by the running processes",
        found.fits.as_str()
    );
    Table {
        notes,
        ..card(Some(&title), rows)
    }
}

fn differing(threads: &[ThreadContext]) -> Table {
    let row = |thread: &ThreadContext| {
        let privileges = &thread.privileges;
        vec![
            Cell::number(thread.tid),
            thread.comm.as_ref().map_or(Cell::Absent, Cell::from),
            thread.differs_in.join(",").into(),
            Cell::of(Some(&privileges.uids), |ids| short(&ids.effective)),
            Cell::of(Some(&privileges.text), |text| text.clone().into()),
        ]
    };
    let title = match threads {
        [] => "Threads: none differs from the first thread",
        _ => "Threads that differ from the first thread",
    };
    card(Some(title), threads.iter().map(row).collect())
}

fn ids(ids: &AccountIds) -> Cell {
    let mut text = account(&ids.effective);
    for (name, other) in [
        ("real", &ids.real),
        ("saved", &ids.saved),
        ("filesystem", &ids.filesystem),
    ] {
        if other.id != ids.effective.id {
            text.extend(format!(", {name} ").bytes());
            text.extend(account(other));
        }
    }
    Cell::Outside(text.into())
}

fn groups(list: &[Account]) -> Cell {
    if list.is_empty() {
        return "none".into();
    }
    let words: Vec<Vec<u8>> = list.iter().map(account).collect();
    Cell::Outside(words.join(&b", "[..]).into())
}

/// `1000 (app)`, `101000 (1000 inside, app)`, `1000 (?)`.
fn account(account: &Account) -> Vec<u8> {
    let inside = account
        .inside_id
        .map(|id| format!("{id} inside").into_bytes());
    let name = match &account.name {
        None => None,
        Some(Seen::Unseen(_)) => Some(b"?".to_vec()),
        Some(Seen::Value(name)) => Some(name.as_bytes().to_vec()),
    };
    let id = account.id.to_string().into_bytes();
    match (inside, name) {
        (None, None) => id,
        (Some(word), None) | (None, Some(word)) => [&id[..], b" (", &word, b")"].concat(),
        (Some(inside), Some(name)) => [&id[..], b" (", &inside, b", ", &name, b")"].concat(),
    }
}

fn short(account: &Account) -> Cell {
    match &account.name {
        Some(Seen::Value(name)) => Cell::from(name),
        _ => Cell::number(account.id),
    }
}

fn seccomp(mode: SeccompMode) -> &'static str {
    match mode {
        SeccompMode::Off => "off",
        SeccompMode::Strict => "strict",
        SeccompMode::Filter => "filter",
    }
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn fact(name: &'static str, value: Cell) -> Vec<Cell> {
    vec![name.into(), value]
}

/// Rows without headings, to be read whole.
fn card(title: Option<&str>, rows: Vec<Vec<Cell>>) -> Table {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let blank = || heading("", Align::Left);
    Table {
        title: title.map(str::to_owned),
        headings: std::iter::repeat_with(blank).take(columns).collect(),
        rows,
        ..Table::default()
    }
}

fn heading(title: &'static str, align: Align) -> Heading {
    Heading { title, align }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn can_have(bounding: &[&str], added: &[&str], dropped: &[&str]) -> String {
        let words = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let default = AgainstDefault {
            runtimes: words(&["docker", "containerd"]),
            default_mask: String::new(),
            added: words(added),
            dropped: words(dropped),
        };
        beside_default(&words(bounding), &default)
    }

    #[test]
    fn what_drops_all_is_no_variant_of_a_default() {
        let most = ["cap_chown", "cap_kill", "cap_setuid"];
        assert_eq!(
            can_have(&[], &[], &most),
            "nothing: every capability is dropped"
        );
        assert_eq!(
            can_have(&["cap_net_bind_service"], &[], &most),
            "cap_net_bind_service, all others are dropped"
        );
        assert_eq!(
            can_have(&["cap_sys_ptrace"], &["cap_sys_ptrace"], &most),
            "cap_sys_ptrace, all others are dropped"
        );
        assert_eq!(
            can_have(&most, &[], &["cap_net_raw"]),
            "the default of docker and containerd, without cap_net_raw"
        );
        assert_eq!(
            can_have(&most, &[], &[]),
            "the default of docker and containerd"
        );
    }
}
