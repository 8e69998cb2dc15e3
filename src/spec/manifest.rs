//! The specification as a container, a pod or a Deployment of Kubernetes.

use super::command::{Piece, Word};
use super::container::ContainerSpec;
use super::environment::Setting;
use super::ports::PortAnswer;
use super::tree::{Line, Tree, entry_unless_empty};
use super::volumes::{VolumeMount, VolumeSource, label, quantity};
use super::{Answering, Evidenced, Part, SpecKind};

/// The document.
pub(super) fn document(spec: &ContainerSpec, kind: SpecKind) -> Vec<Line> {
    let mut lines = head(spec);
    match kind {
        SpecKind::Pod => {
            lines.push(entry("apiVersion", "v1"));
            lines.push(entry("kind", "Pod"));
            lines.push(Line::entry("metadata", metadata(spec), ""));
            lines.push(Line::entry("spec", Tree::Map(pod(spec)), ""));
        }
        SpecKind::Deployment => {
            lines.push(entry("apiVersion", "apps/v1"));
            lines.push(entry("kind", "Deployment"));
            lines.push(Line::entry("metadata", metadata(spec), ""));
            let selector = Line::entry("matchLabels", labels(spec), "");
            let template = vec![
                Line::entry(
                    "metadata",
                    Tree::Map(vec![Line::entry("labels", labels(spec), "")]),
                    "",
                ),
                Line::entry("spec", Tree::Map(pod(spec)), ""),
            ];
            let inner = vec![
                Line::remark("not seen: replicas: how many of it there are"),
                Line::entry("replicas", Tree::Number(1), ""),
                Line::entry("selector", Tree::Map(vec![selector]), ""),
                Line::entry("template", Tree::Map(template), ""),
            ];
            lines.push(Line::entry("spec", Tree::Map(inner), ""));
        }
        SpecKind::Container | SpecKind::Compose => {
            lines.extend(of_pod_as_remarks(spec));
            lines.extend(container(spec));
        }
    }
    lines
}

fn head(spec: &ContainerSpec) -> Vec<Line> {
    vec![
        Line::remark(format!(
            "As seen at {}. Each comment is the evidence of its line; need beyond it leaves no trace.",
            spec.taken_at.rfc3339()
        )),
        Line::remark(pod_security(spec)),
    ]
}

/// The level of the Pod Security Standards that admits it, and what a tighter one has against it.
fn pod_security(spec: &ContainerSpec) -> String {
    let security = &spec.security;
    let mut of_baseline: Vec<String> = Vec::new();
    let mut of_restricted: Vec<String> = Vec::new();
    of_baseline.extend(
        security
            .host_namespaces
            .iter()
            .map(|one| one.value.to_owned()),
    );
    for mount in &spec.volumes.mounts.entries {
        if let VolumeSource::HostPath(_) = mount.value.source {
            of_baseline.push(format!("hostPath {}", mount.value.path));
        }
    }
    for add in &security.add {
        if !BASELINE_CAPABILITIES.contains(&&*add.value) {
            of_baseline.push(add.value.clone());
        } else if add.value != "NET_BIND_SERVICE" {
            of_restricted.push(add.value.clone());
        }
    }
    if security.is_non_root.as_ref().is_none_or(|one| !one.value) {
        of_restricted.push("runAsNonRoot".to_owned());
    }
    if security.may_escalate.as_ref().is_none_or(|one| one.value) {
        of_restricted.push("allowPrivilegeEscalation".to_owned());
    }
    if security.seccomp.is_none() {
        of_restricted.push("seccompProfile".to_owned());
    }
    let words = |against: &[String]| against.join(", ");
    if !of_baseline.is_empty() {
        format!("Pod Security: privileged ({})", words(&of_baseline))
    } else if !of_restricted.is_empty() {
        format!("Pod Security: baseline ({})", words(&of_restricted))
    } else {
        "Pod Security: restricted".to_owned()
    }
}

/// What may be added under baseline.
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

fn entry(key: &str, word: &str) -> Line {
    Line::entry(key, word.into(), "")
}

fn text(key: &str, value: &Evidenced<String>) -> Line {
    Line::entry(key, Tree::Text(value.value.clone()), value.evidence.clone())
}

fn metadata(spec: &ContainerSpec) -> Tree {
    Tree::Map(vec![
        text("name", &spec.name),
        Line::entry("labels", labels(spec), ""),
    ])
}

fn labels(spec: &ContainerSpec) -> Tree {
    Tree::Map(vec![entry("app", &spec.name.value)])
}

/// What belongs to the pod, for a container alone.
fn of_pod_as_remarks(spec: &ContainerSpec) -> Vec<Line> {
    let mut lines = Vec::new();
    let security = &spec.security;
    for one in &security.host_namespaces {
        lines.push(format!("of the pod: {}: true: {}", one.value, one.evidence));
    }
    if let Some(groups) = &security.groups {
        lines.push(format!(
            "of the pod: securityContext.supplementalGroups: {:?}: {}",
            groups.value, groups.evidence
        ));
    }
    if let Some(start) = &security.port_start {
        lines.push(format!(
            "of the pod: securityContext.sysctls: {UNPRIVILEGED_PORT} {}: {}",
            start.value, start.evidence
        ));
    }
    if let Some(grace) = &spec.stop.grace_seconds {
        lines.push(format!(
            "of the pod: terminationGracePeriodSeconds: {}: {}",
            grace.value, grace.evidence
        ));
    }
    for mount in spec.volumes.each_once() {
        lines.push(format!(
            "of the pod: volume {}: {}",
            mount.value.name,
            words(&mount.value.source)
        ));
    }
    lines.extend(spec.stop.remarks.iter().cloned());
    lines.into_iter().map(Line::remark).collect()
}

const UNPRIVILEGED_PORT: &str = "net.ipv4.ip_unprivileged_port_start";

fn words(source: &VolumeSource) -> String {
    match source {
        VolumeSource::EmptyDir {
            in_memory: false, ..
        } => "emptyDir".to_owned(),
        VolumeSource::EmptyDir {
            in_memory: true, ..
        } => "emptyDir, medium Memory".to_owned(),
        VolumeSource::ConfigMap => "configMap".to_owned(),
        VolumeSource::Secret => "secret".to_owned(),
        VolumeSource::Claim(name) => format!("persistentVolumeClaim {}", label(name)),
        VolumeSource::HostPath(path) => format!("hostPath {path}"),
    }
}

fn pod(spec: &ContainerSpec) -> Vec<Line> {
    let mut lines = Vec::new();
    if spec.volumes.is_without_token {
        lines.push(Line::entry(
            "automountServiceAccountToken",
            Tree::Truth(false),
            "no token of a service account is mounted",
        ));
    }
    for one in &spec.security.host_namespaces {
        lines.push(Line::entry(
            one.value,
            Tree::Truth(true),
            one.evidence.clone(),
        ));
    }
    lines.extend(entry_unless_empty(
        "securityContext",
        Tree::Map(pod_context(spec)),
    ));
    lines.extend(spec.stop.remarks.iter().map(Line::remark));
    if let Some(grace) = &spec.stop.grace_seconds {
        let value = Tree::Number(grace.value);
        let says = grace.evidence.clone();
        lines.push(Line::entry("terminationGracePeriodSeconds", value, says));
    }
    let containers = Tree::List(vec![Line::item(Tree::Map(container(spec)), "")]);
    lines.push(Line::entry("containers", containers, ""));
    let volumes = spec
        .volumes
        .each_once()
        .into_iter()
        .map(|mount| volume(&mount.value));
    lines.extend(entry_unless_empty("volumes", Tree::List(volumes.collect())));
    lines
}

fn pod_context(spec: &ContainerSpec) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(groups) = &spec.security.groups {
        let numbers = groups.value.iter();
        let items = numbers.map(|group| Line::item(Tree::Number((*group).into()), ""));
        let value = Tree::List(items.collect());
        lines.push(Line::entry(
            "supplementalGroups",
            value,
            groups.evidence.clone(),
        ));
    }
    if let Some(start) = &spec.security.port_start {
        let sysctl = vec![
            Line::entry("name", UNPRIVILEGED_PORT.into(), start.evidence.clone()),
            Line::entry("value", Tree::Text(start.value.to_string()), ""),
        ];
        let value = Tree::List(vec![Line::item(Tree::Map(sysctl), "")]);
        lines.push(Line::entry("sysctls", value, ""));
    }
    lines
}

fn volume(mount: &VolumeMount) -> Line {
    let named = |key: &str, name: &str| Tree::Map(vec![entry(key, name)]);
    let (kind, value) = match &mount.source {
        VolumeSource::EmptyDir { in_memory, limit } => {
            let medium = in_memory.then(|| entry("medium", "Memory"));
            let limit = limit.map(|limit| entry("sizeLimit", &quantity(limit)));
            (
                "emptyDir",
                Tree::Map(medium.into_iter().chain(limit).collect()),
            )
        }
        VolumeSource::ConfigMap => ("configMap", named("name", &mount.name)),
        VolumeSource::Secret => ("secret", named("secretName", &mount.name)),
        VolumeSource::Claim(claim) => ("persistentVolumeClaim", named("claimName", &label(claim))),
        VolumeSource::HostPath(path) => ("hostPath", named("path", path)),
    };
    let volume = vec![entry("name", &mount.name), Line::entry(kind, value, "")];
    Line::item(Tree::Map(volume), "")
}

fn container(spec: &ContainerSpec) -> Vec<Line> {
    let mut lines = vec![text("name", &spec.name), text("image", &spec.image)];
    lines.extend(command(&spec.command));
    lines.extend(spec.cwd_remark.iter().map(Line::remark));
    lines.extend(spec.cwd.as_ref().map(|cwd| text("workingDir", cwd)));
    let secret = format!("{}-secrets", spec.name.value);
    let variable = |one: &Evidenced<Setting>| variable(one, &secret);
    lines.extend(list("env", &spec.environment, variable));
    lines.extend(list("ports", &spec.ports, |port| {
        let number = Tree::Number(port.value.number.into());
        let mut inner = vec![Line::entry("containerPort", number, port.evidence.clone())];
        inner.extend(port.value.is_udp.then(|| entry("protocol", "UDP")));
        Line::item(Tree::Map(inner), "")
    }));
    lines.extend(probes(spec));
    lines.extend(entry_unless_empty("resources", Tree::Map(resources(spec))));
    lines.extend(entry_unless_empty(
        "securityContext",
        Tree::Map(context(spec)),
    ));
    lines.extend(list("volumeMounts", &spec.volumes.mounts, volume_mount));
    let log = spec.volumes.termination_log.as_ref();
    lines.extend(log.map(|path| text("terminationMessagePath", path)));
    lines
}

/// A list with its remarks; the remarks alone where it has no entries.
fn list<T>(key: &str, part: &Part<T>, line: impl Fn(&Evidenced<T>) -> Line) -> Vec<Line> {
    let remarks = part.remarks.iter().map(Line::remark);
    let lines = part.entries.iter().map(line).chain(remarks);
    entry_unless_empty(key, Tree::List(lines.collect()))
}

fn command(command: &Part<Word>) -> Vec<Line> {
    let word = |word: &Evidenced<Word>| {
        Line::item(Tree::Text(expandable(&word.value)), word.evidence.clone())
    };
    let mut words = command.entries.iter().map(word);
    let program: Vec<Line> = words.by_ref().take(1).collect();
    let mut lines: Vec<Line> = command.remarks.iter().map(Line::remark).collect();
    lines.extend(entry_unless_empty("command", Tree::List(program)));
    lines.extend(entry_unless_empty("args", Tree::List(words.collect())));
    lines
}

/// A word in which the kubelet replaces `$(NAME)`, and `$$` by `$`.
fn expandable(word: &Word) -> String {
    let mut expandable = String::new();
    let mut pieces = word.iter().peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Text(text) => {
                expandable.push_str(&literal(text));
                // It would make the reference behind it literal.
                if text.ends_with('$') && matches!(pieces.peek(), Some(Piece::Secret(_))) {
                    expandable.push('$');
                }
            }
            Piece::Secret(name) => expandable.push_str(&reference(name)),
        }
    }
    expandable
}

fn reference(name: &str) -> String {
    format!("$({name})")
}

fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        literal.push(character);
        if character == '$'
            && characters
                .peek()
                .is_some_and(|next| matches!(next, '$' | '('))
        {
            literal.push('$');
        }
    }
    literal
}

fn variable(setting: &Evidenced<Setting>, secret: &str) -> Line {
    let name = &setting.value.name;
    let mut inner = vec![Line::entry(
        "name",
        Tree::Text(name.clone()),
        setting.evidence.clone(),
    )];
    inner.push(if let Some(value) = &setting.value.value {
        Line::entry("value", Tree::Text(literal(value)), "")
    } else {
        let key = vec![entry("name", secret), entry("key", name)];
        let reference = vec![Line::entry("secretKeyRef", Tree::Map(key), "")];
        Line::entry("valueFrom", Tree::Map(reference), "")
    });
    Line::item(Tree::Map(inner), "")
}

fn volume_mount(mount: &Evidenced<VolumeMount>) -> Line {
    let VolumeMount {
        name,
        path,
        sub_path,
        is_read_only,
        ..
    } = &mount.value;
    let mut inner = vec![
        Line::entry("name", Tree::Text(name.clone()), mount.evidence.clone()),
        entry("mountPath", path),
    ];
    inner.extend(sub_path.as_ref().map(|path| entry("subPath", path)));
    inner.extend(is_read_only.then(|| Line::entry("readOnly", Tree::Truth(true), "")));
    Line::item(Tree::Map(inner), "")
}

fn resources(spec: &ContainerSpec) -> Vec<Line> {
    let found = &spec.resources;
    let both = |cpu: &Option<Evidenced<String>>, memory: &Option<Evidenced<String>>| {
        let cpu = cpu.as_ref().map(|value| text("cpu", value));
        let memory = memory.as_ref().map(|value| text("memory", value));
        Tree::Map(cpu.into_iter().chain(memory).collect())
    };
    let mut lines: Vec<Line> = found.remarks.iter().map(Line::remark).collect();
    lines.extend(entry_unless_empty(
        "requests",
        both(&found.request_cpu, &found.request_memory),
    ));
    lines.extend(entry_unless_empty(
        "limits",
        both(&found.limit_cpu, &found.limit_memory),
    ));
    lines
}

fn context(spec: &ContainerSpec) -> Vec<Line> {
    let security = &spec.security;
    let mut lines: Vec<Line> = security.remarks.iter().map(Line::remark).collect();
    let number = |key: &str, value: &Option<Evidenced<u32>>| {
        let value = value.as_ref()?;
        Some(Line::entry(
            key,
            Tree::Number(value.value.into()),
            value.evidence.clone(),
        ))
    };
    let truth = |key: &str, value: &Option<Evidenced<bool>>| {
        let value = value.as_ref()?;
        Some(Line::entry(
            key,
            Tree::Truth(value.value),
            value.evidence.clone(),
        ))
    };
    lines.extend(number("runAsUser", &security.user));
    lines.extend(number("runAsGroup", &security.group));
    lines.extend(truth("runAsNonRoot", &security.is_non_root));
    lines.extend(truth("readOnlyRootFilesystem", &security.read_only_root));
    lines.extend(truth("allowPrivilegeEscalation", &security.may_escalate));
    // Seen together with the capabilities.
    if security.is_non_root.is_some() {
        lines.push(Line::entry("capabilities", capabilities(spec), ""));
    }
    if let Some(seccomp) = &security.seccomp {
        let kind = Line::entry("type", seccomp.value.into(), seccomp.evidence.clone());
        lines.push(Line::entry("seccompProfile", Tree::Map(vec![kind]), ""));
    }
    lines
}

fn capabilities(spec: &ContainerSpec) -> Tree {
    let security = &spec.security;
    let says = "each that was evidenced is added again";
    let drop = Tree::List(vec![Line::item("ALL".into(), says)]);
    let mut lines: Vec<Line> = security
        .capability_remarks
        .iter()
        .map(Line::remark)
        .collect();
    lines.push(Line::entry("drop", drop, ""));
    let add = security.add.iter();
    let add = add.map(|one| Line::item(Tree::Text(one.value.clone()), one.evidence.clone()));
    lines.extend(entry_unless_empty("add", Tree::List(add.collect())));
    Tree::Map(lines)
}

/// The first port that answers over HTTP or gRPC is the one to be ready, else the first that accepts
/// connections.
fn probes(spec: &ContainerSpec) -> Vec<Line> {
    let Some(answers) = &spec.answers else {
        let says = "left out: probes: no port was asked; --connect asks them";
        return vec![Line::remark(says)];
    };
    let mut lines = Vec::new();
    for silent in answers.iter().filter(|one| one.answer.is_none()) {
        lines.push(Line::remark(format!(
            "port {}: {}",
            silent.port, silent.says
        )));
    }
    if spec.unasked_ports > 0 {
        lines.push(Line::remark(format!(
            "not seen: what {} other ports answer: only {} are asked",
            spec.unasked_ports,
            answers.len()
        )));
    }
    let speaks =
        |one: &&Answering| matches!(one.answer, Some(PortAnswer::Http { .. } | PortAnswer::Grpc));
    let first = answers.iter().find(speaks);
    let first = first.or_else(|| answers.iter().find(|one| one.answer.is_some()));
    let Some(first) = first else {
        let is_unseen = |remark: &String| remark.starts_with("not seen");
        let why = if !answers.is_empty() {
            "none of the ports could be reached from here"
        } else if spec.ports.remarks.iter().any(is_unseen) {
            "which ports are listened on is not seen"
        } else {
            "no TCP port is listened on that others reach"
        };
        lines.push(Line::remark(format!("left out: probes: {why}")));
        return lines;
    };
    let accepts = "the same port; a restart is no remedy for what a slow answer means";
    let live = Line::entry("tcpSocket", Tree::Map(vec![port(first)]), accepts);
    lines.push(Line::entry(
        "readinessProbe",
        Tree::Map(vec![action(first)]),
        "",
    ));
    lines.push(Line::entry("livenessProbe", Tree::Map(vec![live]), ""));
    lines
}

fn port(answering: &Answering) -> Line {
    Line::entry("port", Tree::Number(answering.port.into()), "")
}

fn action(answering: &Answering) -> Line {
    let mut inner = vec![port(answering)];
    let kind = match &answering.answer {
        Some(PortAnswer::Http { path, is_tls }) => {
            inner.push(entry("path", path));
            inner.extend(is_tls.then(|| entry("scheme", "HTTPS")));
            "httpGet"
        }
        Some(PortAnswer::Grpc) => "grpc",
        Some(PortAnswer::Tcp) | None => "tcpSocket",
    };
    Line::entry(kind, Tree::Map(inner), answering.says.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_stay_what_they_are() {
        for (text, escaped) in [
            ("a$b$", "a$b$"),
            ("$(A)", "$$(A)"),
            ("$$(A)", "$$$$(A)"),
            ("$$", "$$$"),
        ] {
            assert_eq!(literal(text), escaped);
        }
        for (text, escaped) in [("a$", "a$$$(S)"), ("$$", "$$$$$(S)"), ("a", "a$(S)")] {
            let word = vec![Piece::Text(text.to_owned()), Piece::Secret("S".to_owned())];
            assert_eq!(expandable(&word), escaped);
        }
    }
}
