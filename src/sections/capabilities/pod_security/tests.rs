//! The clauses against a table of processes.

use std::borrow::Cow;

use super::*;
use PodSecurityLevel::Privileged;

const DOCKER: u64 = 0xa804_25fb;

fn ids(uid: u32) -> Ids {
    Ids {
        real: uid,
        effective: uid,
        saved: uid,
        filesystem: uid,
    }
}

/// A container as `restricted` wants it.
fn hardened() -> Evidence<'static> {
    Evidence {
        bounding: Some(0),
        permitted: Some(0),
        known_capabilities: 41,
        uids: Some(ids(1000)),
        no_new_privs: Some(true),
        seccomp: Some(2),
        label: Labelled::ByNobody,
        runtime: Some("containerd"),
        host_pid: Some(false),
        host_ipc: Some(false),
        host_net: Some(false),
    }
}

/// A container as containerd makes it when nothing is asked for.
fn plain() -> Evidence<'static> {
    Evidence {
        bounding: Some(DOCKER),
        permitted: Some(DOCKER),
        uids: Some(ids(0)),
        no_new_privs: Some(false),
        seccomp: Some(0),
        ..hardened()
    }
}

fn label(text: &'static str) -> SecurityLabel {
    SecurityLabel::parse(text.as_bytes()).unwrap()
}

/// Level, and the clauses that fail or are unseen.
fn outcome(evidence: &Evidence<'_>) -> (PodSecurityLevel, Vec<Cow<'static, str>>) {
    let judged = judge(evidence);
    let against = |clause: &&Clause| matches!(clause.verdict, Fails | Unseen);
    let names = judged.clauses.iter().filter(against);
    (
        judged.fits,
        names.map(|clause| clause.clause.clone()).collect(),
    )
}

fn verdict(evidence: &Evidence<'_>, clause: &str) -> Verdict {
    let judged = judge(evidence);
    let found = judged.clauses.iter().find(|one| one.clause == clause);
    found.unwrap().verdict
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn levels_by_what_runs() {
    let unconfined = label("unconfined");
    let profile = label("cri-containerd.apparmor.d (enforce)");
    let spc = label("system_u:system_r:spc_t:s0");
    let container = label("system_u:system_r:container_t:s0:c1,c2");
    let net_bind = 1 << 10;
    let table: Vec<(&str, Evidence<'_>, PodSecurityLevel, &[&str])> = vec![
        ("hardened", hardened(), Restricted, &[]),
        (
            "plain",
            plain(),
            Baseline,
            &[
                "runAsNonRoot",
                "allowPrivilegeEscalation",
                "capabilities drop ALL",
                "seccomp RuntimeDefault or Localhost",
            ],
        ),
        (
            "the one that may be added",
            Evidence {
                bounding: Some(net_bind),
                permitted: Some(net_bind),
                ..hardened()
            },
            Restricted,
            &[],
        ),
        (
            "bounding set left",
            Evidence {
                bounding: Some(DOCKER),
                ..hardened()
            },
            Baseline,
            &["capabilities drop ALL"],
        ),
        (
            "kubectl debug --profile=general",
            Evidence {
                bounding: Some(DOCKER | 1 << 19),
                ..hardened()
            },
            Privileged,
            &["capabilities", "capabilities drop ALL"],
        ),
        (
            "permitted beyond the bounding set",
            Evidence {
                permitted: Some(1 << 21),
                ..hardened()
            },
            Privileged,
            &["capabilities", "capabilities drop ALL"],
        ),
        (
            "privileged",
            Evidence {
                bounding: Some((1 << 41) - 1),
                ..hardened()
            },
            Privileged,
            &["capabilities", "privileged", "capabilities drop ALL"],
        ),
        (
            "root at heart",
            Evidence {
                uids: Some(Ids {
                    saved: 0,
                    ..ids(1000)
                }),
                ..hardened()
            },
            Baseline,
            &["runAsNonRoot"],
        ),
        (
            "no seccomp",
            Evidence {
                seccomp: Some(0),
                ..hardened()
            },
            Baseline,
            &["seccomp RuntimeDefault or Localhost"],
        ),
        (
            "strict seccomp",
            Evidence {
                seccomp: Some(1),
                ..hardened()
            },
            Baseline,
            &["seccomp RuntimeDefault or Localhost"],
        ),
        (
            "escalation",
            Evidence {
                no_new_privs: Some(false),
                ..hardened()
            },
            Baseline,
            &["allowPrivilegeEscalation"],
        ),
        (
            "node's PIDs",
            Evidence {
                host_pid: Some(true),
                ..hardened()
            },
            Privileged,
            &["hostPID"],
        ),
        (
            "node's IPC",
            Evidence {
                host_ipc: Some(true),
                ..hardened()
            },
            Privileged,
            &["hostIPC"],
        ),
        (
            "node's network",
            Evidence {
                host_net: Some(true),
                ..hardened()
            },
            Privileged,
            &["hostNetwork"],
        ),
        (
            "unconfined",
            Evidence {
                label: Labelled::As(&unconfined),
                ..hardened()
            },
            Privileged,
            &["AppArmor"],
        ),
        (
            "confined",
            Evidence {
                label: Labelled::As(&profile),
                ..hardened()
            },
            Restricted,
            &[],
        ),
        (
            "another SELinux type",
            Evidence {
                label: Labelled::As(&spc),
                ..hardened()
            },
            Privileged,
            &["SELinux"],
        ),
        (
            "the SELinux type",
            Evidence {
                label: Labelled::As(&container),
                ..hardened()
            },
            Restricted,
            &[],
        ),
        // gVisor prints no NoNewPrivs.
        (
            "unseen",
            Evidence {
                no_new_privs: None,
                ..hardened()
            },
            Baseline,
            &["allowPrivilegeEscalation"],
        ),
    ];
    for (name, evidence, level, against) in table {
        let (fits, failing) = outcome(&evidence);
        assert_eq!(fits, level, "{name}");
        assert_eq!(failing, against.to_vec(), "{name}");
    }
}

#[test]
fn what_nobody_could_read_is_never_a_fit() {
    let (level, against) = outcome(&Evidence::default());
    assert_eq!(level, Privileged);
    assert_eq!(against.len(), 9, "{against:?}");
}

#[test]
fn what_does_not_show_is_listed() {
    let judged = judge(&hardened());
    let open: Vec<_> = judged
        .having(NotJudged)
        .map(|clause| &*clause.clause)
        .collect();
    assert_eq!(
        open,
        [
            "privileged",
            "hostPath volumes",
            "host ports",
            "procMount",
            "sysctls",
            "hosts of probes and lifecycle hooks",
            "volume types",
        ]
    );
    let blind = Evidence {
        host_pid: None,
        host_ipc: None,
        host_net: None,
        ..hardened()
    };
    for clause in ["hostPID", "hostIPC", "hostNetwork"] {
        assert_eq!(verdict(&blind, clause), NotJudged);
    }
    assert_eq!(verdict(&plain(), "seccomp not Unconfined"), NotJudged);
}

#[test]
fn a_default_of_the_runtime_was_not_added() {
    let with = |runtime| Evidence { runtime, ..plain() };
    for (runtime, wanted) in [
        (Some("containerd"), Fits),
        (Some("docker"), Fits),
        (Some("cri-o"), Fails),
        (Some("podman"), Fails),
        (None, NotJudged),
    ] {
        assert_eq!(
            verdict(&with(runtime), "capabilities"),
            wanted,
            "{runtime:?}"
        );
    }
}

#[test]
fn an_older_kernel_has_fewer_that_a_privileged_container_can_hold() {
    let all = Evidence {
        bounding: Some((1 << 38) - 1),
        known_capabilities: 38,
        ..hardened()
    };
    assert_eq!(verdict(&all, "privileged"), Fails);
    assert_eq!(
        verdict(
            &Evidence {
                known_capabilities: 41,
                ..all
            },
            "privileged"
        ),
        NotJudged
    );
}
