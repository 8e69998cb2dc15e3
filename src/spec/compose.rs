//! The specification as a service of Compose.

use std::collections::BTreeSet;

use super::Evidenced;
use super::command::{Piece, Word};
use super::container::ContainerSpec;
use super::tree::{Line, Tree, entry_unless_empty};
use super::volumes::{VolumeMount, VolumeSource};

/// The document.
pub(super) fn document(spec: &ContainerSpec) -> Vec<Line> {
    let name = &spec.name;
    let service = Line::entry(&name.value, Tree::Map(service(spec)), name.evidence.clone());
    let mut lines = vec![
        Line::remark(format!(
            "As seen at {}. Each comment is the evidence of its line; need beyond it leaves no trace.",
            spec.taken_at.rfc3339()
        )),
        Line::entry("services", Tree::Map(vec![service]), ""),
    ];
    let mounts = spec.volumes.mounts.entries.iter();
    let names: BTreeSet<String> = mounts
        .filter_map(|mount| volume_of_project(&mount.value, spec))
        .collect();
    let volumes = names
        .iter()
        .map(|name| Line::entry(name, Tree::Map(Vec::new()), ""));
    lines.extend(entry_unless_empty("volumes", Tree::Map(volumes.collect())));
    lines
}

fn service(spec: &ContainerSpec) -> Vec<Line> {
    let security = &spec.security;
    let image = &spec.image;
    let mut lines = vec![text("image", &literal(&image.value), &image.evidence)];
    lines.extend(spec.command.remarks.iter().map(Line::remark));
    let words: Vec<Line> = spec.command.entries.iter().map(word).collect();
    if let Some((program, arguments)) = words.split_first() {
        lines.push(Line::entry(
            "entrypoint",
            Tree::List(vec![program.clone()]),
            "",
        ));
        lines.push(Line::entry("command", Tree::List(arguments.to_vec()), ""));
    }
    lines.extend(spec.cwd_remark.iter().map(Line::remark));
    if let Some(cwd) = &spec.cwd {
        lines.push(text("working_dir", &literal(&cwd.value), &cwd.evidence));
    }
    lines.extend(entry_unless_empty(
        "environment",
        Tree::Map(environment(spec)),
    ));
    let ports = spec.ports.entries.iter().map(|port| {
        let protocol = if port.value.is_udp { "udp" } else { "tcp" };
        Line::item(
            Tree::Text(format!("{}/{protocol}", port.value.number)),
            port.evidence.clone(),
        )
    });
    let ports = ports.chain(spec.ports.remarks.iter().map(Line::remark));
    lines.extend(entry_unless_empty("expose", Tree::List(ports.collect())));
    if let (Some(user), Some(group)) = (&security.user, &security.group) {
        let ids = format!("{}:{}", user.value, group.value);
        lines.push(text("user", &ids, &user.evidence));
    }
    if let Some(groups) = &security.groups {
        let items = groups
            .value
            .iter()
            .map(|id| Line::item(Tree::Text(id.to_string()), ""));
        let says = groups.evidence.clone();
        lines.push(Line::entry("group_add", Tree::List(items.collect()), says));
    }
    lines.extend(privileges(spec));
    lines.extend(volumes(spec));
    lines.extend(resources(spec));
    lines.extend(spec.stop.remarks.iter().map(Line::remark));
    if let Some(grace) = &spec.stop.grace_seconds {
        let seconds = format!("{}s", grace.value);
        lines.push(text("stop_grace_period", &seconds, &grace.evidence));
    }
    lines
}

fn text(key: &str, value: &str, evidence: &str) -> Line {
    Line::entry(key, value.into(), evidence)
}

/// Compose replaces `$NAME` and `${NAME}`, and `$$` by `$`.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

/// The caller's variable: by a name that Compose takes whole.
fn from_caller(name: &str) -> String {
    let is_kept = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let name = name.replace(|one| !is_kept(one), "_");
    let sign = if name.starts_with(|one: char| one.is_ascii_digit()) {
        "_"
    } else {
        ""
    };
    format!("${{{sign}{name}:?}}")
}

/// A name that Compose takes for a volume.
fn volume_name(name: &str) -> String {
    let is_kept = |one: char| one.is_ascii_alphanumeric() || "_.-".contains(one);
    let name = name.replace(|one| !is_kept(one), "-");
    if name.starts_with(|one: char| one.is_ascii_alphanumeric()) {
        name
    } else {
        format!("v{name}")
    }
}

/// The volumes of the project that a mount is of: those that have a name, and those that are mounted
/// several times.
fn volume_of_project(mount: &VolumeMount, spec: &ContainerSpec) -> Option<String> {
    match &mount.source {
        VolumeSource::Claim(name) => Some(volume_name(name)),
        VolumeSource::EmptyDir {
            in_memory: false, ..
        } => {
            let mounts = spec.volumes.mounts.entries.iter();
            let several = mounts.filter(|one| one.value.name == mount.name).count() > 1;
            several.then(|| mount.name.clone())
        }
        _ => None,
    }
}

fn word(word: &Evidenced<Word>) -> Line {
    let pieces = word.value.iter().map(|piece| match piece {
        Piece::Text(text) => literal(text),
        Piece::Secret(name) => from_caller(name),
    });
    Line::item(Tree::Text(pieces.collect()), word.evidence.clone())
}

fn environment(spec: &ContainerSpec) -> Vec<Line> {
    let settings = spec.environment.entries.iter().filter_map(|one| {
        let name = &one.value.name;
        let line = |value: String| Line::entry(name, Tree::Text(value), one.evidence.clone());
        match &one.value.value {
            Some(value) => Some(line(literal(value))),
            // Only the argument needs it.
            None if one.value.is_of_argument => None,
            None => Some(Line::entry(
                name,
                Tree::Text(from_caller(name)),
                "a secret, not shown: set it where Compose is called",
            )),
        }
    });
    settings
        .chain(spec.environment.remarks.iter().map(Line::remark))
        .collect()
}

fn privileges(spec: &ContainerSpec) -> Vec<Line> {
    let security = &spec.security;
    let mut lines: Vec<Line> = security.remarks.iter().map(Line::remark).collect();
    if let Some(read_only) = &security.read_only_root {
        let value = Tree::Truth(read_only.value);
        lines.push(Line::entry("read_only", value, read_only.evidence.clone()));
    }
    if let Some(escalation) = security.may_escalate.as_ref().filter(|one| !one.value) {
        let option = Line::item("no-new-privileges:true".into(), escalation.evidence.clone());
        lines.push(Line::entry("security_opt", Tree::List(vec![option]), ""));
    }
    // Seen together with the capabilities.
    if security.is_non_root.is_some() {
        lines.extend(security.capability_remarks.iter().map(Line::remark));
        let all = Line::item("ALL".into(), "each that was evidenced is added again");
        lines.push(Line::entry("cap_drop", Tree::List(vec![all]), ""));
        let add = security.add.iter();
        let add = add.map(|one| Line::item(Tree::Text(one.value.clone()), one.evidence.clone()));
        lines.extend(entry_unless_empty("cap_add", Tree::List(add.collect())));
    }
    for one in &security.host_namespaces {
        let key = match one.value {
            "hostNetwork" => "network_mode",
            "hostPID" => "pid",
            _ => "ipc",
        };
        lines.push(text(key, "host", &one.evidence));
    }
    if let Some(start) = &security.port_start {
        let key = "net.ipv4.ip_unprivileged_port_start";
        let value = text(key, &start.value.to_string(), &start.evidence);
        lines.push(Line::entry("sysctls", Tree::Map(vec![value]), ""));
    }
    lines
}

fn volumes(spec: &ContainerSpec) -> Vec<Line> {
    let mounts = spec.volumes.mounts.entries.iter().map(|mount| {
        let one = &mount.value;
        let (kind, source) = match &one.source {
            VolumeSource::EmptyDir {
                in_memory: true, ..
            } => ("tmpfs", None),
            VolumeSource::EmptyDir {
                in_memory: false, ..
            }
            | VolumeSource::Claim(_) => ("volume", volume_of_project(one, spec)),
            VolumeSource::ConfigMap | VolumeSource::Secret => {
                let file = one.sub_path.as_deref().unwrap_or_default();
                let path = format!("./{}/{file}", one.name);
                ("bind", Some(literal(path.trim_end_matches('/'))))
            }
            VolumeSource::HostPath(path) => ("bind", Some(literal(path))),
        };
        let mut inner = vec![text("type", kind, &mount.evidence)];
        inner.extend(source.map(|source| text("source", &source, "")));
        inner.push(text("target", &literal(&one.path), ""));
        inner.extend(
            one.is_read_only
                .then(|| Line::entry("read_only", Tree::Truth(true), "")),
        );
        Line::item(Tree::Map(inner), "")
    });
    let remarks = spec.volumes.mounts.remarks.iter().map(Line::remark);
    entry_unless_empty("volumes", Tree::List(mounts.chain(remarks).collect()))
}

fn resources(spec: &ContainerSpec) -> Vec<Line> {
    let found = &spec.resources;
    let mut lines: Vec<Line> = found.remarks.iter().map(Line::remark).collect();
    let entries = [
        ("mem_reservation", &found.request_memory),
        ("mem_limit", &found.limit_memory),
        ("cpus", &found.limit_cpu),
    ];
    for (key, value) in entries {
        if let Some(value) = value {
            // Mi is m here, and thousandths of a core are written out.
            let quantity = match value.value.strip_suffix("Mi") {
                Some(mebibytes) => format!("{mebibytes}m"),
                None => cores(&value.value),
            };
            lines.push(text(key, &quantity, &value.evidence));
        }
    }
    lines
}

fn cores(millicores: &str) -> String {
    let number: u64 = millicores.trim_end_matches('m').parse().unwrap_or(0);
    format!("{}.{:03}", number / 1000, number % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_compose_takes() {
        for (name, variable) in [
            ("KEY", "${KEY:?}"),
            ("MY-KEY.x", "${MY_KEY_x:?}"),
            ("1A", "${_1A:?}"),
        ] {
            assert_eq!(from_caller(name), variable);
        }
        for (name, volume) in [("my_data", "my_data"), ("a b$", "a-b-"), ("", "v")] {
            assert_eq!(volume_name(name), volume);
        }
    }
}
