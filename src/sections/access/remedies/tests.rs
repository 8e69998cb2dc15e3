use super::*;
use crate::model::shell::word;
use crate::parse::status::Ids;

fn same(id: u32) -> Ids {
    Ids {
        real: id,
        effective: id,
        saved: id,
        filesystem: id,
    }
}

fn target(uid: u32, gid: u32, permitted: u64) -> Credentials {
    Credentials {
        uid: Some(same(uid)),
        gid: Some(same(gid)),
        cap_permitted: Some(permitted),
        ..Credentials::default()
    }
}

fn place(platform: Platform) -> Place {
    Place {
        platform,
        runtime: None,
        namespace: Some("shop".to_owned()),
        pod: Some("web-7d9f".to_owned()),
        container: Some("app".to_owned()),
        id: Some("0123456789abcdef".to_owned()),
        image: "registry.example/spyhole:7".to_owned(),
    }
}

fn because(reason: Reason) -> Vec<Blocker> {
    let evidence = String::new();
    vec![Blocker { reason, evidence }]
}

fn advice(place: &Place, target: &Credentials, reason: Reason) -> Advice {
    advice_for(&Credentials::default(), place, target, reason, None)
}

fn advice_for(
    viewer: &Credentials,
    place: &Place,
    target: &Credentials,
    reason: Reason,
    label: Option<&str>,
) -> Advice {
    let label = label.map(str::to_owned);
    advise(&Situation {
        place,
        viewer,
        target,
        inside: target
            .uid
            .zip(target.gid)
            .map(|(uid, gid)| (uid.effective, gid.effective)),
        other_user_namespace: reason == Reason::UserNamespace,
        blockers: &because(reason),
        hiding: None,
        nobody_else: false,
        labels: [&label, &None],
    })
}

fn commands(advice: &Advice) -> Vec<&str> {
    let all = advice.remedies.iter().flat_map(|remedy| &remedy.commands);
    all.map(String::as_str).collect()
}

#[test]
fn on_kubernetes_the_way_that_restricted_admits_comes_first() {
    let advice = advice(
        &place(Platform::Kubernetes),
        &target(1000, 1001, 0),
        Reason::Uid,
    );
    let levels: Vec<_> = advice
        .remedies
        .iter()
        .map(|remedy| remedy.pod_security)
        .collect();
    assert_eq!(
        levels,
        [
            Some(PodSecurityLevel::Restricted),
            Some(PodSecurityLevel::Privileged)
        ]
    );
    assert_eq!(
        commands(&advice),
        [
            "printf 'securityContext: {runAsUser: 1000, runAsGroup: 1001, runAsNonRoot: true, \
             allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, \
             seccompProfile: {type: RuntimeDefault}}' > spy.yaml",
            "kubectl debug -it -n shop web-7d9f --image=registry.example/spyhole:7 --target=app --profile=restricted --custom=spy.yaml",
            "printf 'securityContext: {runAsUser: 0, runAsGroup: 0, runAsNonRoot: false, \
             allowPrivilegeEscalation: false, \
             capabilities: {drop: [ALL], add: [SYS_PTRACE, DAC_READ_SEARCH]}}' > root.yaml",
            "kubectl debug -it -n shop web-7d9f --image=registry.example/spyhole:7 --target=app --profile=general --custom=root.yaml",
        ]
    );
}

#[test]
fn an_engine_that_is_known_gets_its_own_lines_only() {
    for (platform, program) in [(Platform::Docker, "docker"), (Platform::Podman, "podman")] {
        let advice = advice(&place(platform), &target(1000, 1000, 0), Reason::Uid);
        let shared = "run --rm -it --pid=container:0123456789ab --network=container:0123456789ab";
        assert_eq!(
            commands(&advice),
            [
                format!("{program} {shared} --user 1000:1000 registry.example/spyhole:7 access"),
                format!(
                    "{program} {shared} --user 0:0 --cap-drop ALL --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH registry.example/spyhole:7 access"
                ),
            ]
        );
        assert!(
            advice
                .remedies
                .iter()
                .all(|remedy| remedy.pod_security.is_none())
        );
    }
    let unknown = advice(
        &place(Platform::Unknown),
        &target(1000, 1000, 0),
        Reason::Uid,
    );
    let programs: Vec<&str> = commands(&unknown)
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        programs,
        ["printf", "kubectl", "docker", "printf", "kubectl", "docker"]
    );
}

#[test]
fn a_way_that_cannot_work_is_left_out_and_says_why() {
    let kubernetes = place(Platform::Kubernetes);
    let set_id = Credentials {
        uid: Some(Ids {
            real: 1000,
            ..same(0)
        }),
        ..target(0, 0, 0)
    };
    for (target, reason, why) in [
        (
            target(1000, 1000, 1 << 10),
            Reason::Capability,
            "NET_BIND_SERVICE",
        ),
        (target(1000, 1000, 0), Reason::NotDumpable, "not dumpable"),
        (target(0, 0, 1 << 12), Reason::Capability, "NET_ADMIN"),
        (set_id, Reason::Uid, "ids differ"),
    ] {
        let advice = advice(&kubernetes, &target, reason);
        let [ruled_out] = advice.ruled_out.as_slice() else {
            panic!("one way: {advice:?}")
        };
        assert!(ruled_out.because.contains(why), "{ruled_out:?}");
        assert_eq!(advice.remedies.len(), 1, "{advice:?}");
        assert!(commands(&advice)[1].contains("--profile=general --custom=root.yaml"));
    }
}

#[test]
fn root_is_baseline_and_keeps_what_the_runtime_gives() {
    let kubernetes = place(Platform::Kubernetes);
    let with = advice(&kubernetes, &target(0, 0, 0xa804_25fb), Reason::Capability);
    assert_eq!(
        with.remedies[0].pod_security,
        Some(PodSecurityLevel::Baseline)
    );
    assert!(!commands(&with)[0].contains("drop"), "{with:?}");
    assert!(commands(&with)[1].contains("--profile=baseline"));
    let without = advice(&kubernetes, &target(0, 0, 0), Reason::Gid);
    assert!(commands(&without)[0].contains("runAsNonRoot: false"));
    assert!(commands(&without)[0].contains("drop: [ALL]"));
    let crio = Place {
        runtime: Some("cri-o"),
        ..kubernetes
    };
    let more = advice(&crio, &target(0, 0, 0xa804_25fb), Reason::Capability);
    assert!(more.ruled_out[0].because.contains("NET_RAW"), "{more:?}");
}

#[test]
fn podman_gives_capabilities_to_a_user_who_is_not_root() {
    let advice = advice(
        &place(Platform::Podman),
        &target(1000, 1000, 1 << 10),
        Reason::Capability,
    );
    assert!(
        commands(&advice)[0]
            .contains("--user 1000:1000 --cap-add NET_BIND_SERVICE registry.example")
    );
    assert_eq!(advice.ruled_out, []);
}

#[test]
fn a_user_namespace_is_shared_by_being_in_the_pod() {
    let unknown = advice(
        &place(Platform::Unknown),
        &target(1000, 1000, 0),
        Reason::UserNamespace,
    );
    assert!(unknown.remedies[0].title.contains("user namespace"));
    let lines = commands(&unknown);
    assert!(
        lines
            .iter()
            .any(|line| line.contains("--userns=container:0123456789ab --user 1000:1000"))
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("docker") && line.contains("--userns=host --user 0:0 "))
    );
    assert!(
        !lines
            .iter()
            .any(|line| line.starts_with("docker") && line.contains("1000:1000"))
    );
}

#[test]
fn a_security_module_is_not_answered_with_capabilities() {
    for (label, wanted) in [
        ("docker-default (enforce)", "apparmor=unconfined"),
        ("system_u:system_r:container_t:s0:c1,c2", "label=disable"),
    ] {
        let label = Some(label.to_owned());
        let advice = advise(&Situation {
            place: &place(Platform::Docker),
            viewer: &Credentials::default(),
            target: &target(1000, 1000, 0),
            inside: Some((1000, 1000)),
            other_user_namespace: false,
            blockers: &because(Reason::SecurityModule),
            hiding: None,
            nobody_else: false,
            labels: [&label, &None],
        });
        assert_eq!(advice.remedies.len(), 1);
        assert!(commands(&advice)[0].contains(wanted), "{advice:?}");
    }
}

fn root_with(capabilities: &[u8]) -> Credentials {
    let mask = capabilities.iter().fold(0, |mask, bit| mask | 1 << bit);
    Credentials {
        cap_effective: Some(mask),
        ..target(0, 0, mask)
    }
}

/// What was just done to no avail is not advised again; the cause is shown instead.
#[test]
fn a_remedy_that_was_followed_is_not_printed_again() {
    let kubernetes = place(Platform::Kubernetes);
    let app = target(1000, 1000, 0);
    let root = root_with(&[CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH]);
    let twin = Credentials {
        cap_effective: Some(0),
        ..app.clone()
    };
    let is_root = |line: &&str| line.contains("runAsUser: 0,");
    let is_twin = |line: &&str| line.contains("runAsUser: 1000,");
    for (viewer, offers_root, offers_twin) in [
        (&root, false, true),
        (&twin, true, false),
        // Neither opens what belongs to another user.
        (&root_with(&[CAP_SYS_PTRACE]), true, true),
        (&root_with(&[CAP_DAC_OVERRIDE]), true, true),
    ] {
        let advice = advice_for(viewer, &kubernetes, &app, Reason::Denied, None);
        let lines = commands(&advice);
        assert_eq!(lines.iter().any(is_root), offers_root, "{advice:?}");
        assert_eq!(lines.iter().any(is_twin), offers_twin, "{advice:?}");
        let told = advice.ruled_out.iter().map(|one| one.because.as_str());
        let told: Vec<_> = told.collect();
        let followed = usize::from(!offers_root) + usize::from(!offers_twin);
        assert_eq!(told.len(), followed, "{advice:?}");
        for because in told {
            assert!(
                because.starts_with("it already runs that way; access is denied by "),
                "{because}"
            );
        }
    }
    // In another user namespace neither is what it would be beside the target.
    let apart = advice_for(&root, &kubernetes, &app, Reason::UserNamespace, None);
    assert!(commands(&apart).iter().any(is_root), "{apart:?}");
}

#[test]
fn unconfined_root_is_advised_once() {
    let app = target(1000, 1000, 0);
    let root = root_with(&[CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH]);
    let kubernetes = place(Platform::Kubernetes);
    let advised = |viewer: &Credentials, label: &str| {
        advice_for(
            viewer,
            &kubernetes,
            &app,
            Reason::SecurityModule,
            Some(label),
        )
    };
    let confined = advised(&root, "cri-containerd.apparmor.d (enforce)");
    let lines = commands(&confined);
    assert!(
        lines[0].contains("DAC_READ_SEARCH]}, appArmorProfile: {type: Unconfined}}'"),
        "{confined:?}"
    );
    assert!(
        lines[1].ends_with("--profile=general --custom=root.yaml"),
        "{confined:?}"
    );
    for label in ["unconfined", "system_u:system_r:spc_t:s0"] {
        let again = advised(&root, label);
        assert_eq!(again.remedies, [], "{again:?}");
        assert_eq!(again.ruled_out.len(), 2, "{again:?}");
        let weaker = advised(&target(1000, 1000, 0), label);
        assert_eq!(weaker.remedies.len(), 1, "{weaker:?}");
    }
}

#[test]
fn hidden_processes_are_answered_with_the_group_that_is_spared() {
    let mount = ProcMount {
        mount_point: b"/my proc".to_vec(),
        hidepid: Some("invisible".to_owned()),
        gid: Some(77),
    };
    let advice = advise(&Situation {
        place: &place(Platform::Docker),
        viewer: &Credentials::default(),
        target: &target(65532, 65532, 0),
        inside: Some((65532, 65532)),
        other_user_namespace: false,
        blockers: &because(Reason::Hidepid),
        hiding: Some(&mount),
        nobody_else: true,
        labels: [&None, &None],
    });
    let lines = commands(&advice);
    assert!(lines[0].contains("--group-add 77"), "{lines:?}");
    assert!(
        lines[1].contains("--user UID:GID"),
        "spyhole's own uid is not the target's"
    );
    assert_eq!(lines.last(), Some(&"mount -o remount,hidepid=0 '/my proc'"));
}

#[test]
fn nothing_refused_needs_no_remedy() {
    let advice = advise(&Situation {
        place: &place(Platform::Unknown),
        viewer: &Credentials::default(),
        target: &target(1000, 1000, 0),
        inside: Some((1000, 1000)),
        other_user_namespace: false,
        blockers: &[],
        hiding: None,
        nobody_else: false,
        labels: [&None, &None],
    });
    assert_eq!(advice, Advice::default());
}

#[test]
fn a_name_from_outside_stays_one_word() {
    for (name, wanted) in [
        ("web-7d9f.ns", "web-7d9f.ns"),
        ("a;rm -rf ~", "'a;rm -rf ~'"),
        ("$(id)", "'$(id)'"),
        ("it's", r"'it'\''s'"),
        ("a\nb", "'a\nb'"),
        ("käse", "'käse'"),
        ("--as=root", "POD"),
        ("", "POD"),
    ] {
        assert_eq!(word(Some(name), "POD"), wanted);
        let place = Place {
            pod: Some(name.to_owned()),
            ..place(Platform::Kubernetes)
        };
        let advice = advice(&place, &target(1, 1, 0), Reason::Uid);
        let start = format!("kubectl debug -it -n shop {wanted} --image=");
        assert!(commands(&advice)[1].starts_with(&start), "{advice:?}");
    }
    assert_eq!(word(None, "POD"), "POD");
}
