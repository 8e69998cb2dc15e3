//! The clauses of the Pod Security Standards, judged from a running process.
//!
//! <https://kubernetes.io/docs/concepts/security/pod-security-standards/>. The standards speak
//! of a manifest; a process shows what became of it. What does not show is listed as not
//! judged, never as fitting.

use std::fmt::Write;

use crate::model::pod_security::{Clause, PodSecurity, PodSecurityLevel, Verdict};
use crate::parse::capabilities::{self, bit, names};
use crate::parse::security_label::{Module, SecurityLabel};
use crate::parse::status::Ids;
use crate::rights::default_capabilities;
use crate::rights::pod_security::{
    BASELINE_CAPABILITIES, NEWEST_MINOR, RESTRICTED_CAPABILITIES, is_container_selinux_type,
};
use PodSecurityLevel::{Baseline, Restricted};
use Verdict::{Fails, Fits, NotJudged, Unseen};

/// What the clauses are judged from; `None` is what could not be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence<'a> {
    /// `CapBnd`.
    pub(super) bounding: Option<u64>,
    /// `CapPrm`.
    pub(super) permitted: Option<u64>,
    /// How many capabilities the kernel knows.
    pub(super) known_capabilities: u8,
    /// User ids in the process's own user namespace.
    pub(super) uids: Option<Ids>,
    /// `NoNewPrivs`.
    pub(super) no_new_privs: Option<bool>,
    /// `Seccomp`.
    pub(super) seccomp: Option<u8>,
    /// The label of a security module.
    pub(super) label: Labelled<'a>,
    /// The runtime, if known.
    pub(super) runtime: Option<&'a str>,
    /// Whether it is in the PID namespace of the node, if known.
    pub(super) host_pid: Option<bool>,
    /// The same of its IPC namespace.
    pub(super) host_ipc: Option<bool>,
    /// The same of its network namespace.
    pub(super) host_net: Option<bool>,
}

/// What `attr/current` said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Labelled<'a> {
    /// It could not be read.
    #[default]
    Unseen,
    /// No module labels processes.
    ByNobody,
    /// This.
    As(&'a SecurityLabel),
}

/// Every clause, judged.
#[must_use]
pub(super) fn judge(evidence: &Evidence<'_>) -> PodSecurity {
    let host = |clause: &'static str, shared, what: &str| {
        let (verdict, evidence) = match shared {
            Some(true) => (Fails, format!("it is in the {what} namespace of the node")),
            Some(false) => (
                Fits,
                format!("it is in another {what} namespace than the node"),
            ),
            None => (
                NotJudged,
                format!("whether its {what} namespace is the node's cannot be determined"),
            ),
        };
        Clause {
            level: Baseline,
            clause: clause.into(),
            verdict,
            evidence,
        }
    };
    let clause = |level, clause: &'static str, (verdict, evidence)| Clause {
        level,
        clause: clause.into(),
        verdict,
        evidence,
    };
    let silent = |level, name| {
        let why = "not visible in a running process".to_owned();
        clause(level, name, (NotJudged, why))
    };
    PodSecurity::of(vec![
        clause(Baseline, "capabilities", baseline_capabilities(evidence)),
        clause(Baseline, "privileged", privileged(evidence)),
        host("hostPID", evidence.host_pid, "PID"),
        host("hostIPC", evidence.host_ipc, "IPC"),
        host("hostNetwork", evidence.host_net, "network"),
        clause(Baseline, "AppArmor", apparmor(evidence)),
        clause(Baseline, "SELinux", selinux(evidence)),
        clause(
            Baseline,
            "seccomp not Unconfined",
            baseline_seccomp(evidence),
        ),
        silent(Baseline, "hostPath volumes"),
        silent(Baseline, "host ports"),
        silent(Baseline, "procMount"),
        silent(Baseline, "sysctls"),
        silent(Baseline, "hosts of probes and lifecycle hooks"),
        clause(Restricted, "runAsNonRoot", non_root(evidence)),
        clause(Restricted, "allowPrivilegeEscalation", escalation(evidence)),
        clause(
            Restricted,
            "capabilities drop ALL",
            restricted_capabilities(evidence),
        ),
        clause(
            Restricted,
            "seccomp RuntimeDefault or Localhost",
            restricted_seccomp(evidence),
        ),
        silent(Restricted, "volume types"),
    ])
}

type Judged = (Verdict, String);

fn unseen(what: &str) -> Judged {
    (Unseen, format!("{what} could not be read"))
}

fn baseline_capabilities(evidence: &Evidence<'_>) -> Judged {
    let Some(held) = held(evidence) else {
        return unseen("CapBnd and CapPrm");
    };
    let beyond = held & !mask(&BASELINE_CAPABILITIES);
    // A runtime gives its own default without being asked, and baseline admits that.
    let by_default = match evidence.runtime.and_then(default_capabilities::of) {
        Some(default) => beyond & default,
        None => beyond & mask(&["NET_RAW"]),
    };
    let added = beyond & !by_default;
    let mut words = match (added, held) {
        (0, 0) => "it can have none".to_owned(),
        (0, _) => "it can have no more than may be added".to_owned(),
        _ => format!("it can have {}", listed(added)),
    };
    match (added, by_default, evidence.runtime) {
        (0, 0, _) => (Fits, words),
        (0, _, Some(runtime)) => {
            let _ = write!(
                words,
                ", and {}, which {runtime} grants by default",
                listed(by_default)
            );
            (Fits, words)
        }
        (0, _, None) => {
            let names = listed(by_default);
            let why = format!(
                "it can have {names}: Docker and containerd grant this by default, adding it does \
                 not fit; the runtime is not visible"
            );
            (NotJudged, why)
        }
        _ => (Fails, words),
    }
}

fn restricted_capabilities(evidence: &Evidence<'_>) -> Judged {
    let Some(held) = held(evidence) else {
        return unseen("CapBnd and CapPrm");
    };
    match (held & !mask(&RESTRICTED_CAPABILITIES), held) {
        (0, 0) => (Fits, "it can have none".to_owned()),
        (0, _) => (Fits, format!("it can have {} only", listed(held))),
        (beyond, _) => (Fails, format!("it can have {}", listed(beyond))),
    }
}

/// What the process holds or could come to hold.
fn held(evidence: &Evidence<'_>) -> Option<u64> {
    Some(evidence.bounding? | evidence.permitted?)
}

fn privileged(evidence: &Evidence<'_>) -> Judged {
    let Some(bounding) = evidence.bounding else {
        return unseen("CapBnd");
    };
    let all = capabilities::all(evidence.known_capabilities);
    if all != 0 && bounding & all == all {
        let why = "its bounding set contains every capability of this kernel";
        return (Fails, why.to_owned());
    }
    let missing = (all & !bounding).count_ones();
    let why = format!(
        "its bounding set lacks {missing} of {}, which a privileged container has only where \
         its engine lacks them too",
        evidence.known_capabilities
    );
    (NotJudged, why)
}

fn apparmor(evidence: &Evidence<'_>) -> Judged {
    match evidence.label {
        Labelled::Unseen => unseen("its label"),
        Labelled::As(label) if label.is_unconfined() => (
            Fails,
            "AppArmor runs on the node, and this process is unconfined".to_owned(),
        ),
        Labelled::As(label) if label.module == Module::AppArmor => {
            let profile = String::from_utf8_lossy(&label.label);
            (Fits, format!("its profile is {profile}"))
        }
        _ => (Fits, "AppArmor labels no process here".to_owned()),
    }
}

fn selinux(evidence: &Evidence<'_>) -> Judged {
    match evidence.label {
        Labelled::Unseen => unseen("its label"),
        Labelled::As(label) if label.module == Module::SeLinux => {
            let found = label.selinux_type().unwrap_or_default();
            let words = format!("its type is {}", String::from_utf8_lossy(found));
            let allowed = std::str::from_utf8(found)
                .is_ok_and(|name| is_container_selinux_type(name, NEWEST_MINOR));
            let verdict = if allowed { Fits } else { Fails };
            (verdict, words)
        }
        _ => (Fits, "SELinux labels no process here".to_owned()),
    }
}

fn baseline_seccomp(evidence: &Evidence<'_>) -> Judged {
    match evidence.seccomp {
        None => unseen("Seccomp"),
        Some(0) => (
            NotJudged,
            "no filter is active: baseline allows an unset profile, but not Unconfined".to_owned(),
        ),
        Some(_) => (Fits, "a filter is active".to_owned()),
    }
}

fn restricted_seccomp(evidence: &Evidence<'_>) -> Judged {
    match evidence.seccomp {
        None => unseen("Seccomp"),
        Some(0) => (Fails, "no filter is active".to_owned()),
        Some(1) => (
            Fails,
            "strict mode is active, which a process sets itself and only without a filter"
                .to_owned(),
        ),
        Some(_) => (
            Fits,
            "a filter is active; its profile cannot be determined".to_owned(),
        ),
    }
}

fn non_root(evidence: &Evidence<'_>) -> Judged {
    let Some(uids) = evidence.uids else {
        return unseen("Uid");
    };
    let root: Vec<&str> = [
        ("real", uids.real),
        ("effective", uids.effective),
        ("saved", uids.saved),
    ]
    .into_iter()
    .filter(|(_, uid)| *uid == 0)
    .map(|(which, _)| which)
    .collect();
    match root.len() {
        0 => (Fits, format!("it runs as uid {}", uids.effective)),
        3 => (Fails, "it runs as uid 0".to_owned()),
        _ => (Fails, format!("its {} uid is 0", root.join(" and "))),
    }
}

fn escalation(evidence: &Evidence<'_>) -> Judged {
    match evidence.no_new_privs {
        None => unseen("NoNewPrivs"),
        Some(true) => (Fits, "no_new_privs is set".to_owned()),
        Some(false) => (Fails, "no_new_privs is not set".to_owned()),
    }
}

fn mask(names: &[&str]) -> u64 {
    names
        .iter()
        .filter_map(|name| bit(name))
        .fold(0, |mask, bit| mask | 1 << bit)
}

fn listed(mask: u64) -> String {
    let missing = capabilities::all(41) & !mask;
    let joined = |mask| names(mask).collect::<Vec<_>>().join(", ");
    match missing.count_ones() {
        0 => "every capability".to_owned(),
        1..=8 => format!("all but {}", joined(missing)),
        _ => joined(mask),
    }
}

#[cfg(test)]
mod tests;
