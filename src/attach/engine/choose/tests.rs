use super::*;
use crate::attach::engine::container::{HardLimit, State};

const ID: &str = "5ba2b15d743993d28998e37f0caf9f3d2893ea99b0714376bd5af06a90121a54";

fn container() -> Container {
    Container {
        id: ID.to_owned(),
        name: "web".to_owned(),
        state: State {
            running: true,
            ..State::default()
        },
        image: "8272".to_owned(),
        ..Container::default()
    }
}

fn identity(uid: u32, gid: u32, permitted: Option<u64>) -> ProcessIdentity {
    ProcessIdentity {
        uid,
        gid,
        permitted,
        closed: false,
        groups: Vec::new(),
    }
}

fn identities(whos: impl IntoIterator<Item = ProcessIdentity>) -> ProcessIdentities {
    ProcessIdentities {
        whos: whos.into_iter().collect(),
        source: Source::Here,
        shares_pids: Some(false),
    }
}

fn image() -> BinarySource {
    BinarySource::Image("spyhole".to_owned())
}

fn planned(
    container: &Container,
    identities: &ProcessIdentities,
    carrier: &BinarySource,
    command: &[&str],
) -> Plan {
    let command: Vec<_> = command.iter().map(|word| (*word).to_owned()).collect();
    plan(&Situation {
        engine: Engine::Podman,
        container,
        identities,
        carrier,
        terminal: false,
        server: None,
        command: &command,
    })
}

fn line(plan: &Plan) -> String {
    plan.steps[0].line()
}

#[test]
fn podman_is_given_the_limits_that_the_target_was_granted() {
    let limited = Container {
        limits: vec![HardLimit {
            name: "nofile",
            value: "1024".to_owned(),
        }],
        ..container()
    };
    let identities = identities([identity(1000, 1000, Some(0))]);
    let said = line(&planned(&limited, &identities, &image(), &[]));
    assert!(said.contains(" --ulimit nofile=1024:1024 "), "{said}");
    let said = line(&planned(&container(), &identities, &image(), &[]));
    assert!(!said.contains("--ulimit"), "{said}");
}

#[test]
fn of_one_user_without_capabilities_it_is_that_user() {
    let plan = planned(
        &container(),
        &identities([identity(1000, 1001, Some(0))]),
        &image(),
        &["ps"],
    );
    assert_eq!(
        plan.run_as,
        RunAs::Target {
            uid: 1000,
            gid: 1001
        }
    );
    assert_eq!(
        line(&plan),
        format!(
            "podman run --rm --log-driver none --pid container:{ID} --network container:{ID} \
             --cap-drop ALL --user 1000:1001 --security-opt no-new-privileges --read-only \
             --workdir / spyhole ps"
        )
    );
}

#[test]
fn whatever_that_user_could_not_read_needs_root() {
    let net_admin = 1 << 12;
    let closed = ProcessIdentity {
        closed: true,
        ..identity(70, 70, Some(0))
    };
    let cases: [(Vec<ProcessIdentity>, &str); 6] = [
        (
            vec![identity(0, 0, Some(0)), identity(101, 101, Some(0))],
            "different users (0:0, 101:101)",
        ),
        (
            vec![identity(5, 5, Some(0)), identity(5, 6, Some(0))],
            "different users (5:5, 5:6)",
        ),
        (vec![identity(0, 0, Some(net_admin))], "(cap_net_admin)"),
        (vec![closed], "not dumpable"),
        (
            vec![identity(0, 0, None)],
            "the capabilities of its processes cannot be read",
        ),
        (vec![], "the user of its processes cannot be read"),
    ];
    for (whos, why) in cases {
        let plan = planned(&container(), &identities(whos), &image(), &[]);
        assert_eq!(plan.run_as, RunAs::RootWithPtrace, "{why}");
        assert!(plan.because[0].contains(why), "{:?}", plan.because);
        assert!(line(&plan).contains(
            " --cap-drop ALL --user 0:0 --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH "
        ));
    }
}

#[test]
fn root_without_any_capability_is_a_user_like_others() {
    let plan = planned(
        &container(),
        &identities([identity(0, 0, Some(0))]),
        &image(),
        &[],
    );
    assert_eq!(plan.run_as, RunAs::Target { uid: 0, gid: 0 });
}

#[test]
fn added_capabilities_count_where_the_processes_do_not_tell_theirs() {
    let told = identities([identity(1000, 1000, None)]);
    let usual = planned(&container(), &told, &image(), &[]);
    assert!(matches!(usual.run_as, RunAs::Target { .. }));
    let privileged = Container {
        privileged: true,
        ..container()
    };
    let plan = planned(&privileged, &told, &image(), &[]);
    assert_eq!(plan.run_as, RunAs::RootWithPtrace);
}

#[test]
fn a_member_of_a_pod_is_looked_at_from_within_the_pod() {
    let member = Container {
        pod: "760c".to_owned(),
        userns: "private".to_owned(),
        ..container()
    };
    let said = line(&planned(
        &member,
        &identities([identity(1, 1, Some(0))]),
        &image(),
        &[],
    ));
    assert!(
        said.contains(" --pod 760c ") && !said.contains("--network") && !said.contains("--userns")
    );
}

#[test]
fn a_user_namespace_of_its_own_is_joined() {
    for (mode, flag) in [
        ("private", format!(" --userns container:{ID} ")),
        ("keep-id", format!(" --userns container:{ID} ")),
        ("host", " --userns host ".to_owned()),
    ] {
        let own = Container {
            userns: mode.to_owned(),
            ..container()
        };
        let said = line(&planned(
            &own,
            &identities([identity(1, 1, Some(0))]),
            &image(),
            &[],
        ));
        assert!(said.contains(&flag), "{said}");
    }
}

#[test]
fn among_others_the_target_is_named_unless_the_words_do_so() {
    let among = ProcessIdentities {
        shares_pids: Some(true),
        ..identities([identity(1, 1, Some(0))])
    };
    let of = |command: &[&str]| line(&planned(&container(), &among, &image(), command));
    assert!(of(&["ps"]).ends_with(" spyhole --container 5ba2b15d7439 ps"));
    assert!(of(&[]).ends_with(" spyhole --container 5ba2b15d7439"));
    for words in [
        &["-c", "x", "ps"][..],
        &["ps", "--pid=1"],
        &["--self", "ps"],
        &["-cx"],
    ] {
        assert!(!of(words).contains("--container 5ba2"), "{words:?}");
    }
    let host = Container {
        pid_mode: "host".to_owned(),
        ..container()
    };
    let unknown = ProcessIdentities {
        shares_pids: None,
        ..identities([identity(1, 1, Some(0))])
    };
    assert!(line(&planned(&host, &unknown, &image(), &[])).ends_with("--container 5ba2b15d7439"));
    assert!(line(&planned(&container(), &unknown, &image(), &[])).ends_with(" spyhole"));
}

#[test]
fn the_own_file_comes_with_nothing_of_what_the_image_does_by_itself() {
    let file = BinarySource::File {
        path: "/opt/a,b/spyhole".to_owned(),
        instead_of: "spyhole".to_owned(),
    };
    let plan = planned(
        &container(),
        &identities([identity(1, 1, Some(0))]),
        &file,
        &["access"],
    );
    let words = &plan.steps[0].words;
    let mount = r#"type=bind,"source=/opt/a,b/spyhole",target=/.spyhole,readonly"#;
    assert!(words.iter().any(|word| word == mount), "{words:?}");
    let line = line(&plan);
    assert!(
        line.ends_with(
            " --entrypoint /.spyhole --no-healthcheck --pull never --image-volume ignore 8272 access"
        ),
        "{line}"
    );
    assert!(
        plan.because[1].contains("image spyhole not found"),
        "{:?}",
        plan.because
    );
}

#[test]
fn what_a_security_module_would_refuse_is_lifted_and_told() {
    let labelled = Container {
        process_label: "system_u:system_r:container_t:s0:c1,c2".to_owned(),
        apparmor: "unconfined".to_owned(),
        ..container()
    };
    let plan = planned(
        &labelled,
        &identities([identity(1, 1, Some(0))]),
        &image(),
        &[],
    );
    let said = line(&plan);
    assert!(
        said.contains(" --security-opt label=disable --security-opt apparmor=unconfined "),
        "{said}"
    );
    assert_eq!(plan.limits.len(), 2);
    let usual = Container {
        apparmor: "docker-default".to_owned(),
        ..container()
    };
    let plan = planned(
        &usual,
        &identities([identity(1, 1, Some(0))]),
        &image(),
        &[],
    );
    assert!(plan.limits.is_empty() && !line(&plan).contains("apparmor"));
}

#[test]
fn further_groups_of_the_user_go_with_it() {
    let member = ProcessIdentity {
        groups: vec![20, 30],
        ..identity(1, 1, Some(0))
    };
    let said = line(&planned(&container(), &identities([member]), &image(), &[]));
    assert!(said.contains(" --user 1:1 --group-add 20 --group-add 30 "));
}
