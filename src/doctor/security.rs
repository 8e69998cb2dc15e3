//! What the container may do beyond what it needs. Hints: nothing of it fails.

use super::facts::{Facts, NotJudged, seen, seen_if_there};
use super::rule::{Evidence, Judged, Rule, Severity, gather};
use crate::model::capabilities::{Answer, SeccompMode};
use crate::model::mount::Mount;
use crate::model::pod_security::{PodSecurityLevel, Verdict};
use crate::model::volume::VolumeKind;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "SPY-SEC-001",
        severity: Severity::Hint,
        title: "The application runs as root",
        reads: &["capabilities", "capabilities.uids"],
        why: "Root owns every file of the image, and is root of the node where no user namespace is between.",
        remedy: "securityContext: {runAsNonRoot: true, runAsUser: 65532}",
        wrong_if: "It gives up root after its start, in another process.",
        judge: root,
    },
    Rule {
        id: "SPY-SEC-002",
        severity: Severity::Hint,
        title: "Capabilities beyond the runtime's default",
        reads: &["capabilities", "capabilities.against_defaults"],
        why: "Each added capability widens what a compromised application can do.",
        remedy: "securityContext: {capabilities: {drop: [ALL], add: [only what is needed]}}",
        wrong_if: "The application needs them.",
        judge: added_capabilities,
    },
    Rule {
        id: "SPY-SEC-003",
        severity: Severity::Hint,
        title: "The root file system is writable",
        reads: &["mounts", "mounts.writable_by_target"],
        why: "A compromised application can replace programs and configuration; what is written is lost with the container.",
        remedy: "securityContext: {readOnlyRootFilesystem: true}, with an emptyDir for what is written",
        wrong_if: "The application writes there on purpose.",
        judge: writable_root,
    },
    Rule {
        id: "SPY-SEC-004",
        severity: Severity::Hint,
        title: "No seccomp filter is active",
        reads: &["capabilities", "capabilities.seccomp"],
        why: "Every system call of the kernel can be reached.",
        remedy: "securityContext: {seccompProfile: {type: RuntimeDefault}}",
        wrong_if: "A sandbox (gVisor, Kata) is between the application and the kernel.",
        judge: no_seccomp,
    },
    Rule {
        id: "SPY-SEC-005",
        severity: Severity::Hint,
        title: "Programs may gain privileges",
        reads: &["capabilities", "capabilities.no_new_privs"],
        why: "A setuid program of the image gives its owner's rights.",
        remedy: "securityContext: {allowPrivilegeEscalation: false}",
        wrong_if: "The image has no setuid program and no file capabilities.",
        judge: no_new_privs_off,
    },
    Rule {
        id: "SPY-SEC-006",
        severity: Severity::Risk,
        title: "The socket of a container engine is mounted",
        reads: &["mounts"],
        why: "Who can write to it is root of the node.",
        remedy: "Leave it out, or put a proxy between that allows only what is needed.",
        wrong_if: "The application is an agent of the node that is trusted with it.",
        judge: engine_socket,
    },
    Rule {
        id: "SPY-SEC-007",
        severity: Severity::Hint,
        title: "Directories of the node are mounted",
        reads: &["mounts"],
        why: "What is written there stays on the node and is seen by others.",
        remedy: "Use an emptyDir or a persistent volume instead of hostPath.",
        wrong_if: "The application is an agent of the node.",
        judge: host_path,
    },
    Rule {
        id: "SPY-SEC-008",
        severity: Severity::Hint,
        title: "A service account token is mounted",
        reads: &["mounts"],
        why: "Who reads it can ask the API server as this pod.",
        remedy: "automountServiceAccountToken: false, where the application does not ask the API server",
        wrong_if: "The application asks the API server.",
        judge: token_mounted,
    },
    Rule {
        id: "SPY-SEC-009",
        severity: Severity::Hint,
        title: "Secrets are in the environment",
        reads: &["environment.variables"],
        why: "The environment is inherited by every child, and ends up in crash reports and logs.",
        remedy: "Mount them as files of a Secret.",
        wrong_if: "The values that look like secrets are none.",
        judge: secrets_in_environment,
    },
    Rule {
        id: "SPY-SEC-010",
        severity: Severity::Hint,
        title: "Pod Security baseline is not met",
        reads: &["capabilities", "capabilities.pod_security"],
        why: "A namespace that enforces baseline does not admit this pod.",
        remedy: "Change what the evidence names: spyhole capabilities lists every clause.",
        wrong_if: "The namespace is meant to be privileged.",
        judge: baseline,
    },
    Rule {
        id: "SPY-SEC-011",
        severity: Severity::Hint,
        title: "Secrets are among the arguments",
        reads: &["processes", "processes.args"],
        why: "Every user of the container and of the node sees arguments (ps), and engines keep them in logs.",
        remedy: "Give it as a file, or as a variable by valueFrom.",
        wrong_if: "The value that looks like a secret is not one.",
        judge: secrets_in_arguments,
    },
    Rule {
        id: "SPY-SEC-012",
        severity: Severity::Hint,
        title: "Namespaces of the node are shared",
        reads: &["capabilities", "capabilities.pod_security"],
        why: "The application sees and reaches processes, sockets or shared memory of the node.",
        remedy: "Leave out hostNetwork, hostPID and hostIPC (--network host, --pid host, --ipc host).",
        wrong_if: "The application is an agent of the node.",
        judge: host_namespaces,
    },
    Rule {
        id: "SPY-SEC-013",
        severity: Severity::Hint,
        title: "The program can be written by its own user",
        reads: &[
            "capabilities",
            "capabilities.uids",
            "capabilities.executable.file",
            "mounts",
        ],
        why: "A compromised application can replace itself, and what replaces it runs after a restart of the process.",
        remedy: "Let root own the program (COPY without --chown), and set readOnlyRootFilesystem: true.",
        wrong_if: "The application updates itself.",
        judge: writable_program,
    },
    Rule {
        id: "SPY-SEC-014",
        severity: Severity::Hint,
        title: "Pod Security restricted is not met",
        reads: &["capabilities", "capabilities.pod_security"],
        why: "A namespace that enforces restricted does not admit this pod.",
        remedy: "Change what the evidence names: spyhole capabilities lists every clause.",
        wrong_if: "The namespace enforces a looser level.",
        judge: restricted,
    },
];

/// The level of the Pod Security Standards that forbids what a rule finds.
pub(super) fn forbidden_by(id: &str) -> Option<PodSecurityLevel> {
    match id {
        "SPY-SEC-002" | "SPY-SEC-006" | "SPY-SEC-007" | "SPY-SEC-010" | "SPY-SEC-012" => {
            Some(PodSecurityLevel::Baseline)
        }
        "SPY-SEC-001" | "SPY-SEC-004" | "SPY-SEC-005" | "SPY-SEC-014" => {
            Some(PodSecurityLevel::Restricted)
        }
        _ => None,
    }
}

fn root(facts: &Facts<'_>) -> Judged {
    let context = facts.security_context()?;
    let uids = seen("capabilities.uids", &context.privileges.uids)?;
    let effective = &uids.effective;
    // Inside a user namespace root is 0 there.
    if effective.inside_id.unwrap_or(effective.id) != 0 {
        return Ok(Vec::new());
    }
    let of_node = match context.user_namespace.root_is_node_root {
        Answer::Yes => ", and that is root of the node",
        Answer::No => ", which is not root of the node",
        Answer::Unknown => "",
    };
    Ok(vec![Evidence::new(50, format!("effective uid 0{of_node}"))])
}

fn added_capabilities(facts: &Facts<'_>) -> Judged {
    let Some(against) = &facts.security_context()?.against_defaults else {
        return Ok(Vec::new());
    };
    // Where several runtimes come into question, the nearest one counts.
    let nearest = against.iter().min_by_key(|one| one.added.len());
    let Some(nearest) = nearest.filter(|one| !one.added.is_empty()) else {
        return Ok(Vec::new());
    };
    let says = format!(
        "{} beyond the default of {}",
        nearest.added.join(", "),
        nearest.runtimes.join(", ")
    );
    Ok(vec![Evidence::new(60, says)])
}

fn writable_root(facts: &Facts<'_>) -> Judged {
    let root = facts
        .mounts()?
        .iter()
        .find(|mount| mount.mount_point.as_bytes() == b"/" && !mount.hidden);
    let Some(root) = root.filter(|root| root.writable) else {
        return Ok(Vec::new());
    };
    let says = format!("/ is {} mounted rw", root.fstype.to_text());
    Ok(vec![Evidence::new(30, says)])
}

fn no_seccomp(facts: &Facts<'_>) -> Judged {
    let privileges = &facts.security_context()?.privileges;
    match seen("capabilities.seccomp", &privileges.seccomp)? {
        SeccompMode::Off => Ok(vec![Evidence::new(40, "Seccomp: 0 in its status")]),
        SeccompMode::Strict | SeccompMode::Filter => Ok(Vec::new()),
    }
}

fn no_new_privs_off(facts: &Facts<'_>) -> Judged {
    let privileges = &facts.security_context()?.privileges;
    match seen("capabilities.no_new_privs", &privileges.no_new_privs)? {
        false => Ok(vec![Evidence::new(35, "NoNewPrivs: 0 in its status")]),
        true => Ok(Vec::new()),
    }
}

const ENGINE_SOCKETS: &[&[u8]] = &[
    b"docker.sock",
    b"containerd.sock",
    b"crio.sock",
    b"podman.sock",
];

fn engine_socket(facts: &Facts<'_>) -> Judged {
    let mounts = facts.mounts()?.iter();
    let sockets = mounts.filter(|mount| {
        let path = mount.mount_point.as_bytes();
        let name = path.rsplit(|byte| *byte == b'/').next();
        name.is_some_and(|name| ENGINE_SOCKETS.contains(&name))
    });
    let evidence = sockets
        .map(|mount| Evidence::new(80, format!("{} is a mount", mount.mount_point.to_text())));
    Ok(evidence.collect())
}

fn volumes_of(facts: &Facts<'_>, kind: VolumeKind, certainty: u8) -> Judged {
    let mounts = facts.mounts()?.iter();
    let of_kind = mounts.filter(|mount| {
        let volume = mount.volume.as_ref();
        volume.is_some_and(|volume| volume.kind == kind) && !mount.hidden
    });
    let evidence = of_kind.map(|mount| {
        let access = if mount.writable {
            "writable"
        } else {
            "read-only"
        };
        Evidence::new(
            certainty,
            format!("{}, {access}", mount.mount_point.to_text()),
        )
    });
    Ok(evidence.collect())
}

fn host_path(facts: &Facts<'_>) -> Judged {
    volumes_of(facts, VolumeKind::HostPath, 45)
}

fn token_mounted(facts: &Facts<'_>) -> Judged {
    volumes_of(facts, VolumeKind::ServiceAccountToken, 20)
}

fn secrets_in_environment(facts: &Facts<'_>) -> Judged {
    let secret = facts
        .variables()?
        .filter(|variable| variable.redacted.is_some());
    let names: Vec<String> = secret
        .map(|variable| variable.name.to_text().into_owned())
        .collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![Evidence::new(45, names.join(", "))])
}

fn secrets_in_arguments(facts: &Facts<'_>) -> Judged {
    gather(facts.processes()?.iter().map(|process| {
        let arguments = seen_if_there("processes.args", process.args.as_ref())?;
        let arguments = arguments.into_iter().flatten();
        let secret: Vec<String> = arguments
            .filter(|argument| !argument.redacted.is_empty())
            .map(|argument| argument.text.to_text().into_owned())
            .collect();
        let says = || {
            let (comm, pid) = (process.comm.to_text(), process.pid);
            format!("{comm} ({pid}): {}", secret.join(" "))
        };
        Ok((!secret.is_empty()).then(|| Evidence::new(44, says())))
    }))
}

fn host_namespaces(facts: &Facts<'_>) -> Judged {
    let clauses = &facts.security_context()?.pod_security.clauses;
    let names = ["hostPID", "hostIPC", "hostNetwork"];
    let shared = clauses
        .iter()
        .filter(|clause| names.contains(&&*clause.clause));
    gather(shared.map(|clause| match clause.verdict {
        Verdict::Fails => {
            let says = format!("{}: {}", clause.clause, clause.evidence);
            Ok(Some(Evidence::new(56, says)))
        }
        Verdict::Unseen | Verdict::NotJudged => Err(unseen_clause(facts)),
        Verdict::Fits => Ok(None),
    }))
}

fn unseen_clause(facts: &Facts<'_>) -> NotJudged {
    NotJudged {
        field: "capabilities.pod_security",
        reason: facts.first_reason("capabilities"),
    }
}

fn writable_program(facts: &Facts<'_>) -> Judged {
    let context = facts.security_context()?;
    let Some(executable) = &context.executable else {
        return Ok(Vec::new());
    };
    let file = seen("capabilities.executable.file", &executable.file)?;
    let uids = seen("capabilities.uids", &context.privileges.uids)?;
    let gids = seen("capabilities.uids", &context.privileges.gids)?;
    let (uid, gid) = (uids.effective.id, gids.effective.id);
    let mode = u32::from_str_radix(&file.mode, 8).unwrap_or(0);
    let bit = if file.owner_uid == uid {
        0o200
    } else if file.owner_gid == gid {
        0o020
    } else {
        0o002
    };
    // Root writes anything, which other rules say.
    if uid == 0 || mode & bit == 0 {
        return Ok(Vec::new());
    }
    let path = executable.path.value().map(|path| path.to_text());
    let path = path.unwrap_or_default();
    let holds = |mount: &&Mount| !mount.hidden && is_below(&path, &mount.mount_point.to_text());
    let mounts = facts.mounts()?.iter().filter(holds);
    let on = mounts.max_by_key(|mount| mount.mount_point.as_bytes().len());
    if on.is_none_or(|mount| !mount.writable) {
        return Ok(Vec::new());
    }
    let says = format!("{path} has mode {} and owner {}", file.mode, file.owner_uid);
    Ok(vec![Evidence::new(42, says)])
}

fn is_below(path: &str, mount_point: &str) -> bool {
    let rest = path.strip_prefix(mount_point.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.starts_with('/') || rest.is_empty())
}

fn baseline(facts: &Facts<'_>) -> Judged {
    first_failing(facts, PodSecurityLevel::Baseline, 18)
}

fn restricted(facts: &Facts<'_>) -> Judged {
    first_failing(facts, PodSecurityLevel::Restricted, 12)
}

/// What fails in general stands behind what fails in particular.
fn first_failing(facts: &Facts<'_>, level: PodSecurityLevel, certainty: u8) -> Judged {
    let clauses = &facts.security_context()?.pod_security;
    let of_level = |verdict| {
        let having = clauses.having(verdict);
        having.filter(|clause| clause.level == level)
    };
    if let Some(first) = of_level(Verdict::Fails).next() {
        let says = format!("{}: {}", first.clause, first.evidence);
        return Ok(vec![Evidence::new(certainty, says)]);
    }
    // A clause that was not seen may fail as well.
    match of_level(Verdict::Unseen).next() {
        Some(_) => Err(unseen_clause(facts)),
        None => Ok(Vec::new()),
    }
}
