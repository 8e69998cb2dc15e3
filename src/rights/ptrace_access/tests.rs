use super::*;

const DEFAULT: u64 = 0xa804_25fb;
const PTRACE: u64 = 1 << CAP_SYS_PTRACE;
const INITIAL: &[u8] = b"         0          0 4294967295\n";
const BELOW: &[u8] = b"         0     100000      65536\n";

fn same(id: u32) -> Ids {
    Ids {
        real: id,
        effective: id,
        saved: id,
        filesystem: id,
    }
}

/// A process of one uid and gid, dumpable, in the initial user namespace.
fn process(uid: u32, gid: u32, caps: u64) -> Credentials {
    Credentials {
        pid: 1,
        uid: Some(same(uid)),
        gid: Some(same(gid)),
        groups: Some(vec![]),
        cap_effective: Some(caps),
        cap_permitted: Some(caps),
        cap_bounding: Some(caps),
        no_new_privs: Some(false),
        seccomp: Some(0),
        uid_map: Some(INITIAL.to_vec()),
        files_owner: Some((uid, gid)),
        dumpable: (uid != 0).then_some(true),
    }
}

fn undumpable(target: Credentials) -> Credentials {
    Credentials {
        files_owner: Some((0, 0)),
        dumpable: Some(false),
        ..target
    }
}

fn mapped(map: &[u8], of: Credentials) -> Credentials {
    Credentials {
        uid_map: Some(map.to_vec()),
        ..of
    }
}

fn reasons(check: AccessCheck, viewer: &Credentials, target: &Credentials) -> Vec<Reason> {
    let found = blockers(check, viewer, target);
    found.into_iter().map(|blocker| blocker.reason).collect()
}

/// Viewer and target; the blockers of a link (ptrace), of environ (owner and ptrace), of
/// listing fd (owner).
type Row = (
    &'static str,
    Credentials,
    Credentials,
    &'static [Reason],
    &'static [Reason],
    &'static [Reason],
);

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_comparison_that_fails_is_told() {
    use Reason::{Capability, Gid, NotDumpable, Uid, UserNamespace};
    let app = || process(1000, 1000, 0);
    let set_id = || Credentials {
        uid: Some(Ids {
            real: 1000,
            ..same(0)
        }),
        ..app()
    };
    let trapped = |caps| Credentials {
        cap_bounding: Some(caps),
        ..process(65532, 65532, 0)
    };
    let rows: [Row; 17] = [
        ("the same user", app(), app(), &[], &[], &[]),
        (
            "another group",
            process(1000, 2000, 0),
            app(),
            &[Gid],
            &[Gid],
            &[],
        ),
        (
            "root with the default capabilities",
            process(0, 0, DEFAULT),
            app(),
            &[Uid, Gid],
            &[Uid, Gid],
            &[],
        ),
        (
            "root without any",
            process(0, 0, 0),
            process(0, 0, DEFAULT),
            &[Capability],
            &[Capability],
            &[],
        ),
        (
            "an ambient capability",
            app(),
            process(1000, 1000, 1 << 10),
            &[Capability],
            &[Capability],
            &[],
        ),
        (
            "root with SYS_PTRACE",
            process(0, 0, DEFAULT | PTRACE),
            app(),
            &[],
            &[],
            &[],
        ),
        (
            "SYS_PTRACE alone opens no file of another",
            process(0, 0, PTRACE),
            app(),
            &[],
            &[Capability],
            &[Capability],
        ),
        (
            "a stranger",
            process(65532, 65532, 0),
            app(),
            &[Uid, Gid],
            &[Uid, Gid],
            &[Uid],
        ),
        (
            "a stranger in the trap",
            trapped(DEFAULT | PTRACE),
            app(),
            &[Uid, Gid, Capability],
            &[Uid, Gid, Capability],
            &[Uid],
        ),
        (
            "the same user, not dumpable",
            app(),
            undumpable(app()),
            &[NotDumpable],
            &[NotDumpable],
            &[NotDumpable],
        ),
        (
            "SYS_PTRACE reads what is not dumpable",
            process(0, 0, DEFAULT | PTRACE),
            undumpable(app()),
            &[],
            &[],
            &[],
        ),
        (
            "everything at once",
            process(65532, 65532, 0),
            undumpable(process(1000, 1000, 1 << 10)),
            &[Uid, Gid, NotDumpable, Capability],
            &[Uid, Gid, NotDumpable, Capability],
            &[NotDumpable],
        ),
        ("a set-user-ID target", app(), set_id(), &[Uid], &[Uid], &[]),
        (
            "a viewer below the target",
            mapped(BELOW, process(0, 0, DEFAULT | PTRACE)),
            process(OVERFLOW_ID, OVERFLOW_ID, 0),
            &[UserNamespace, Uid, Gid],
            &[UserNamespace, Uid, Gid],
            &[UserNamespace],
        ),
        (
            "the same ids in another namespace",
            process(1000, 1000, 0),
            mapped(BELOW, app()),
            &[UserNamespace],
            &[UserNamespace],
            &[],
        ),
        (
            "a viewer above the target",
            process(0, 0, DEFAULT | PTRACE),
            mapped(BELOW, process(100_000, 100_000, DEFAULT)),
            &[],
            &[],
            &[],
        ),
        (
            "nothing known",
            Credentials::default(),
            Credentials::default(),
            &[],
            &[],
            &[],
        ),
    ];
    for (name, viewer, target, links, environ, listing) in rows {
        assert_eq!(
            reasons(AccessCheck::Ptrace, &viewer, &target),
            links,
            "{name}"
        );
        let both = reasons(AccessCheck::OwnerAndPtrace, &viewer, &target);
        assert_eq!(both, environ, "{name}");
        assert_eq!(
            reasons(AccessCheck::Owner, &viewer, &target),
            listing,
            "{name}"
        );
        assert_eq!(reasons(AccessCheck::Open, &viewer, &target), [], "{name}");
    }
}

#[test]
fn evidence_holds_the_values() {
    let viewer = Credentials {
        cap_bounding: Some(DEFAULT | PTRACE),
        no_new_privs: Some(true),
        ..process(65532, 65533, 0)
    };
    let target = undumpable(process(1000, 1001, 1 << 10));
    let found = blockers(AccessCheck::Ptrace, &viewer, &target);
    let told: Vec<&str> = found
        .iter()
        .map(|blocker| blocker.evidence.as_str())
        .collect();
    for (evidence, wanted) in told.iter().zip([
        "viewer uid 65532, target uid 1000",
        "viewer gid 65533, target gid 1001",
        "belong to 0:0, it runs as uid 1000",
        "lacks: cap_net_bind_service",
        "SYS_PTRACE was granted but is not effective: a non-root user gets no capability \
         from securityContext.capabilities.add on Kubernetes and Docker (viewer uid 65532, \
         CapBnd 00000000a80c25fb, CapEff 0000000000000000, and NoNewPrivs",
    ]) {
        assert!(evidence.contains(wanted), "{wanted:?} in {evidence:?}");
    }
    assert_eq!(told.len(), 5);
}

#[test]
fn nobody_is_told_of_a_grant_that_never_was() {
    let everything = (1 << 41) - 1;
    let user_of_the_node = Credentials {
        cap_bounding: Some(everything),
        ..process(65532, 65532, 0)
    };
    let found = blockers(
        AccessCheck::Ptrace,
        &user_of_the_node,
        &process(1000, 1000, 0),
    );
    assert!(
        found
            .iter()
            .all(|blocker| !blocker.evidence.contains("granted"))
    );
    assert_eq!(found.len(), 3);
}

#[test]
fn the_errno_alone_is_never_the_reason() {
    let root = || process(0, 0, DEFAULT | PTRACE);
    let app = || process(1000, 1000, 0);
    let filtered = || Credentials {
        seccomp: Some(2),
        ..app()
    };
    for (errno, check, viewer, reason) in [
        (
            Errno::EACCES,
            AccessCheck::Ptrace,
            root(),
            Reason::SecurityModule,
        ),
        (Errno::EACCES, AccessCheck::Open, root(), Reason::Denied),
        (Errno::EACCES, AccessCheck::Ptrace, app(), Reason::Denied),
        (
            Errno::EPERM,
            AccessCheck::Ptrace,
            filtered(),
            Reason::Seccomp,
        ),
        (
            Errno::EACCES,
            AccessCheck::Ptrace,
            filtered(),
            Reason::Denied,
        ),
        (
            Errno::EACCES,
            AccessCheck::Owner,
            process(7, 7, 0),
            Reason::Uid,
        ),
        (Errno::ESRCH, AccessCheck::Ptrace, app(), Reason::Vanished),
        (Errno::ENOENT, AccessCheck::Open, app(), Reason::Unsupported),
        (Errno::EIO, AccessCheck::Open, app(), Reason::Io),
    ] {
        let refusal = refusal(errno, check, &viewer, app);
        assert_eq!(refusal.reason, reason, "{errno} {check:?}");
    }
}

#[test]
fn what_would_help_is_never_what_cannot() {
    let stranger = process(65532, 65532, 0);
    let needs = |target: &Credentials| needs(&stranger, target);
    assert_eq!(
        needs(&process(1000, 1001, 0)),
        "run as uid 1000 gid 1001, or as root with CAP_SYS_PTRACE"
    );
    assert_eq!(
        needs(&process(0, 0, DEFAULT)),
        "run as uid 0 gid 0 with the target's capabilities, or as root with CAP_SYS_PTRACE"
    );
    for target in [
        process(1000, 1000, 1 << 10),
        undumpable(process(1000, 1000, 0)),
    ] {
        assert_eq!(needs(&target), "run as root with CAP_SYS_PTRACE");
    }
    assert_eq!(
        needs(&mapped(BELOW, process(1000, 1000, 0))),
        "run as root with CAP_SYS_PTRACE in the target's user namespace"
    );
}

#[test]
fn dumpability_shows_in_who_owns_the_files() {
    let of = |uid, owner, map: &[u8]| {
        let credentials = Credentials {
            files_owner: Some(owner),
            ..mapped(map, process(uid, uid, 0))
        };
        credentials.find_dumpable()
    };
    assert_eq!(of(1000, (1000, 1000), INITIAL), Some(true));
    assert_eq!(of(1000, (0, 0), INITIAL), Some(false));
    assert_eq!(of(0, (0, 0), INITIAL), None, "root owns them either way");
    assert_eq!(of(100_000, (100_000, 100_000), BELOW), None, "root there");
    assert_eq!(of(101_000, (100_000, 100_000), BELOW), Some(false));
}

#[test]
fn an_id_without_a_number_is_the_user_namespace_and_no_policy() {
    let here = |of: Credentials| mapped(BELOW, of);
    let all = PTRACE | 1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH;
    let stranger = here(process(OVERFLOW_ID, OVERFLOW_ID, 0));
    // As root of the namespace, and as a user who has that very number in it.
    for viewer in [process(0, 0, all), process(OVERFLOW_ID, OVERFLOW_ID, 0)] {
        let viewer = here(viewer);
        let found = reasons(AccessCheck::Owner, &viewer, &stranger);
        assert_eq!(found, [Reason::UserNamespace]);
    }
    let same_number = here(process(OVERFLOW_ID, OVERFLOW_ID, 0));
    let found = reasons(AccessCheck::Ptrace, &same_number, &stranger);
    assert_eq!(found, [Reason::UserNamespace]);
    // On the machine itself it is the user nobody.
    let nobody = process(OVERFLOW_ID, OVERFLOW_ID, 0);
    assert_eq!(reasons(AccessCheck::Ptrace, &nobody, &nobody), []);
    assert_eq!(reasons(AccessCheck::Owner, &nobody, &nobody), []);
}
