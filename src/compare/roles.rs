//! Processes by what they run, and sockets by what they talk to: pids and ephemeral ports are
//! others in each container.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::own_names::OwnNames;
use super::tree::{Tree, plain, text, tree};

/// Characters of a role; a longer command line is cut.
const ROLE_CHARS: usize = 200;

/// Fields of a process that are kept, apart from its role.
const OF_PROCESS: [&str; 19] = [
    "uid",
    "gid",
    "real_uid",
    "real_gid",
    "groups",
    "exe",
    "exe_deleted",
    "cwd",
    "nice",
    "oom_score_adj",
    "zombie",
    "fd_limit",
    "signals",
    "container",
    "namespace",
    "tracer_pid",
    "tty",
    "details",
    "foreground",
];
/// Those that are added up.
const ADDED_UP: [&str; 6] = [
    "threads",
    "fd_count",
    "rss_bytes",
    "pss_bytes",
    "swap_bytes",
    "locked_bytes",
];

/// Processes by role: program and arguments.
pub(super) fn processes(list: &[Value], own: &OwnNames) -> BTreeMap<String, Tree> {
    let mut groups: BTreeMap<String, Vec<&Map<String, Value>>> = BTreeMap::new();
    for process in list.iter().filter_map(Value::as_object) {
        let role = own.replaced(&role(process));
        groups.entry(role).or_default().push(process);
    }
    let group = |(role, members): (String, Vec<_>)| (role, Tree::Fields(of_group(&members, own)));
    groups.into_iter().map(group).collect()
}

fn role(process: &Map<String, Value>) -> String {
    let arguments = process.get("args").and_then(Value::as_array);
    let words: Vec<&str> = arguments.into_iter().flatten().filter_map(text).collect();
    if words.is_empty() {
        let comm = process.get("comm").and_then(text).unwrap_or_default();
        return format!("[{comm}]");
    }
    words.join(" ").chars().take(ROLE_CHARS).collect()
}

fn of_group(members: &[&Map<String, Value>], own: &OwnNames) -> BTreeMap<String, Tree> {
    let mut fields = BTreeMap::new();
    let count = u64::try_from(members.len()).unwrap_or(u64::MAX);
    fields.insert("count".to_owned(), Tree::Leaf(count.into()));
    for name in OF_PROCESS {
        if let Some(value) = distinct(members, name, own) {
            fields.insert(name.to_owned(), value);
        }
    }
    let states: BTreeSet<&str> = members
        .iter()
        .filter_map(|process| state(process))
        .collect();
    if !states.is_empty() {
        let states: Vec<&str> = states.into_iter().collect();
        fields.insert("state".to_owned(), Tree::Leaf(states.join(", ").into()));
    }
    for name in ADDED_UP {
        let values: Vec<&Value> = members.iter().filter_map(|one| one.get(name)).collect();
        if values.is_empty() {
            continue;
        }
        let sum: Option<u64> = values.iter().map(|value| value.as_u64()).sum();
        let sum = sum.map_or(Value::Null, Value::from);
        fields.insert(name.to_owned(), Tree::Leaf(sum));
    }
    fields
}

/// The value that all have, or the different ones in a line; `null` where one was not readable.
fn distinct(members: &[&Map<String, Value>], name: &str, own: &OwnNames) -> Option<Tree> {
    let mut values: BTreeMap<String, &Value> = BTreeMap::new();
    for value in members.iter().filter_map(|process| process.get(name)) {
        if value.is_null() {
            return Some(Tree::Leaf(Value::Null));
        }
        values.insert(plain(value), value);
    }
    if values.len() > 1 {
        let words: Vec<&str> = values.keys().map(String::as_str).collect();
        return Some(Tree::Leaf(own.replaced(&words.join(", ")).into()));
    }
    values.values().next().map(|value| tree(value, own))
}

/// Running, sleeping and idle differ from one moment to the next.
fn state(process: &Map<String, Value>) -> Option<&str> {
    match process.get("state")?.as_str()? {
        "running" | "sleeping" | "idle" => Some("running or sleeping"),
        other => Some(other),
    }
}

/// Gives processes of the same program that run with other arguments one name in both documents.
pub(super) fn pair(before: &mut BTreeMap<String, Tree>, after: &mut BTreeMap<String, Tree>) {
    let gone = alone(before, after);
    let new = alone(after, before);
    for (program, roles) in &gone {
        let partners = new.get(program).map(Vec::as_slice);
        if let ([role], Some([new_role])) = (roles.as_slice(), partners) {
            rename(before, role, program);
            rename(after, new_role, program);
        }
    }
}

/// The roles that the other document lacks, by program.
fn alone(
    one: &BTreeMap<String, Tree>,
    other: &BTreeMap<String, Tree>,
) -> BTreeMap<String, Vec<String>> {
    let mut by_program: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (role, process) in one.iter().filter(|(role, _)| !other.contains_key(*role)) {
        if let Tree::Fields(fields) = process
            && let Some(Tree::Leaf(Value::String(program))) = fields.get("exe")
        {
            let roles = by_program.entry(program.clone()).or_default();
            roles.push(role.clone());
        }
    }
    by_program
}

fn rename(processes: &mut BTreeMap<String, Tree>, role: &str, program: &str) {
    if processes.contains_key(program) {
        return;
    }
    if let Some(Tree::Fields(mut fields)) = processes.remove(role) {
        fields.insert("args".to_owned(), Tree::Leaf(role.into()));
        processes.insert(program.to_owned(), Tree::Fields(fields));
    }
}

/// Listeners by port, connections by peer, and of the rest those with a name.
pub(super) fn sockets(list: &[Value], own: &OwnNames) -> BTreeMap<String, Tree> {
    let sockets = || list.iter().filter_map(Value::as_object);
    let port = |socket: &Map<String, Value>, name| socket.get(name).and_then(Value::as_u64);
    let word = |socket: &Map<String, Value>, name| socket.get(name).map(plain).unwrap_or_default();
    let listening: BTreeSet<(String, u64)> = sockets()
        .filter(|socket| word(socket, "state") == "listen")
        .filter_map(|socket| Some((word(socket, "protocol"), port(socket, "local_port")?)))
        .collect();
    let mut groups: BTreeMap<String, BTreeMap<String, Tree>> = BTreeMap::new();
    for socket in sockets() {
        let (protocol, state) = (word(socket, "protocol"), word(socket, "state"));
        let local = port(socket, "local_port");
        let name = ["path", "abstract_name"]
            .iter()
            .find_map(|key| text(socket.get(*key)?));
        if state == "listen" {
            let known_by = match (local, name) {
                (Some(port), _) => format!("{protocol} port {port}"),
                (None, Some(path)) => format!("{protocol} {path}"),
                (None, None) => continue,
            };
            let group = groups.entry(own.replaced(&known_by)).or_default();
            listener(group, socket, own);
        } else if let Some(peer) = port(socket, "peer_port").filter(|port| *port > 0) {
            // A closed connection holds nothing any more.
            if state == "time_wait" {
                continue;
            }
            let inbound = local.filter(|port| listening.contains(&(protocol.clone(), *port)));
            let (known_by, field) = if let Some(port) = inbound {
                (format!("{protocol} port {port}"), "inbound".to_owned())
            } else {
                let address = word(socket, "peer_address");
                (format!("{protocol} to {}", endpoint(&address, peer)), state)
            };
            let group = groups.entry(own.replaced(&known_by)).or_default();
            count(group, &field);
        }
    }
    let group = |(known_by, fields)| (known_by, Tree::Fields(fields));
    groups.into_iter().map(group).collect()
}

fn endpoint(address: &str, port: u64) -> String {
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

fn listener(group: &mut BTreeMap<String, Tree>, socket: &Map<String, Value>, own: &OwnNames) {
    if let Some(address) = socket.get("local_address") {
        join(group, "local_addresses", &own.replaced(&plain(address)));
    }
    for owner in socket
        .get("owners")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if let Some(name) = owner.get("name").and_then(text) {
            join(group, "held_by", name);
        }
    }
    for name in ["accept_queue", "accept_queue_limit", "loopback_only", "uid"] {
        if let Some(value) = socket.get(name) {
            group
                .entry(name.to_owned())
                .or_insert_with(|| Tree::Leaf(value.clone()));
        }
    }
}

/// Adds a word to those of a field, once.
fn join(group: &mut BTreeMap<String, Tree>, name: &str, word: &str) {
    let field = group
        .entry(name.to_owned())
        .or_insert_with(|| Tree::Leaf(Value::Array(Vec::new())));
    if let Tree::Leaf(Value::Array(words)) = field {
        let place = words.binary_search_by(|known| known.as_str().cmp(&Some(word)));
        if let Err(place) = place {
            words.insert(place, word.into());
        }
    }
}

fn count(group: &mut BTreeMap<String, Tree>, name: &str) {
    let field = group
        .entry(name.to_owned())
        .or_insert_with(|| Tree::Leaf(0.into()));
    if let Tree::Leaf(value) = field {
        *value = (value.as_u64().unwrap_or(0) + 1).into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(list: &Value) -> BTreeMap<String, Tree> {
        processes(list.as_array().unwrap(), &OwnNames::default())
    }

    #[test]
    fn workers_are_one_entry_and_their_amounts_are_added_up() {
        let worker = json!({"pid": 7, "args": ["nginx: worker"], "threads": 2, "uid": 33});
        let other = json!({"pid": 9, "args": ["nginx: worker"], "threads": 1, "uid": 33});
        let groups = of(&json!([worker, other]));
        let Some(Tree::Fields(fields)) = groups.get("nginx: worker") else {
            panic!("{groups:?}")
        };
        assert_eq!(fields.get("count"), Some(&Tree::Leaf(2.into())));
        assert_eq!(fields.get("threads"), Some(&Tree::Leaf(3.into())));
        assert_eq!(fields.get("uid"), Some(&Tree::Leaf(33.into())));
    }

    #[test]
    fn many_of_one_name_take_no_longer_than_many_names() {
        let own = OwnNames::default();
        let list: Vec<Value> = (0..200_000).map(|_| json!({"name": "A"})).collect();
        let Tree::Items(items) = tree(&Value::Array(list), &own) else {
            panic!("a list of entries");
        };
        assert_eq!(items.len(), 200_000);
        assert!(items.contains_key("A") && items.contains_key("A #200000"));
    }

    #[test]
    fn a_program_with_other_arguments_is_the_same_one() {
        let mut before = of(&json!([{"args": ["/app", "--workers=2"], "exe": "/app"}]));
        let mut after = of(&json!([{"args": ["/app", "--workers=4"], "exe": "/app"}]));
        pair(&mut before, &mut after);
        for (list, args) in [(&before, "/app --workers=2"), (&after, "/app --workers=4")] {
            let Some(Tree::Fields(fields)) = list.get("/app") else {
                panic!("{list:?}")
            };
            assert_eq!(fields.get("args"), Some(&Tree::Leaf(args.into())));
        }
    }

    #[test]
    fn a_connection_is_known_by_its_peer_or_by_the_port_that_it_came_to() {
        let list = json!([
            {"protocol": "tcp", "state": "listen", "local_address": "0.0.0.0", "local_port": 80},
            {"protocol": "tcp", "state": "established", "local_port": 80, "peer_address": "10.0.0.9", "peer_port": 40000},
            {"protocol": "tcp", "state": "established", "local_port": 50000, "peer_address": "10.0.0.5", "peer_port": 5432},
            {"protocol": "tcp", "state": "time_wait", "local_port": 50001, "peer_address": "10.0.0.6", "peer_port": 443},
        ]);
        let groups = sockets(list.as_array().unwrap(), &OwnNames::default());
        let known: Vec<&str> = groups.keys().map(String::as_str).collect();
        assert_eq!(known, ["tcp port 80", "tcp to 10.0.0.5:5432"]);
    }
}
