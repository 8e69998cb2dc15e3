//! The places that change what may be seen: user namespaces, a /proc that hides,
//! filters, a pod; and the table that a person reads.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use spyhole::api::own_image;
use tempfile::TempDir;

use super::{
    access, assert_all_allowed, assert_as_the_kernel_says, assert_remedies_work, check, document,
    evidence, outcome, reasons,
};
use crate::host::run;
use crate::lab::{Lab, Setup, spyhole};
use crate::podman::PodmanLab;
use crate::support::fake_root::FakeRoot;

#[needs(root)]
fn another_user_namespace_is_told() {
    let web = Lab::webapp().uid(0).caps("none").start();
    let below = |viewer: Setup| viewer.uid(0).caps("all").userns();
    let seen = access(below(web.spyhole()));
    assert_as_the_kernel_says(&seen, &web, below, "below");
    assert_eq!(reasons(&seen)[0], "user_namespace", "{seen:#}");
    assert_eq!(check(&seen, "files")["reason"], "user_namespace");
    assert_eq!(seen["shared"]["user_namespace"], false);
    assert_eq!(seen["shared"]["network_namespace"], true);
    assert!(evidence(&seen).contains("\\\"0 0 1\\\""), "{seen:#}");
    let remedies = seen["remedies"].to_string();
    assert!(remedies.contains("--userns=container:NAME"), "{remedies}");
    // The lab joins the user namespace of the target, as another container of its pod does.
    assert_remedies_work(&seen, &web, "another user namespace");
}

#[needs(root)]
fn a_target_in_a_user_namespace_below_is_seen_from_beside_and_from_above() {
    let web = Lab::webapp().userns().uid(1000).start();
    assert_all_allowed(&access(web.spyhole().uid(1000)));
    // From the node: a stranger, whom the map of the target does not know.
    let pid = web.host_pid.to_string();
    let shelf = FakeRoot::new();
    let program = shelf.copy(&spyhole());
    let from_the_node = |uid: u32| {
        let mut command = Command::new(&program);
        command.args(["--pid", &pid, "access", "-o", "json"]);
        let output = run(command.uid(uid).gid(uid));
        assert_eq!(output.code, Some(0), "{output}");
        document(&output)["access"].clone()
    };
    let seen = from_the_node(65533);
    assert_eq!(reasons(&seen)[0], "user_namespace", "{seen:#}");
    assert_eq!(seen["shared"]["pid_namespace"], false, "{seen:#}");
    assert_eq!(seen["shared"]["network_namespace"], false, "{seen:#}");
    // The ids to take are those inside of its own namespace.
    assert!(
        seen["remedies"].to_string().contains("runAsUser: 1000"),
        "{seen:#}"
    );
    assert_all_allowed(&from_the_node(0));
}

#[needs(root)]
fn a_proc_that_hides_processes_is_told() {
    let web = Lab::webapp().uid(1000).start();
    for (options, word) in [
        ("hidepid=2,gid=4242", "hidepid=invisible"),
        ("hidepid=1,gid=4242", "hidepid=noaccess"),
    ] {
        let stranger = web.spyhole().uid(65532).caps("none").proc_options(options);
        let output = stranger.args(["access", "-o", "json"]).run();
        // It finds nobody but itself, which is the wrong place.
        assert_eq!(output.code, Some(3), "{output}");
        let seen = document(&output)["access"].clone();
        assert_eq!(outcome(&seen, "process_list"), "denied", "{seen:#}");
        assert_eq!(reasons(&seen), ["hidepid"], "{seen:#}");
        let told = evidence(&seen);
        assert!(
            told.contains(word) || told.contains(&options[..9]),
            "{told}"
        );
        assert!(told.contains("gid 4242"), "{told}");
        assert!(
            !seen["remedies"].to_string().contains("runAsUser: 65532"),
            "{seen:#}"
        );
    }
    let hidden = |viewer: Setup| viewer.proc_options("hidepid=2,gid=4242");
    // As a member of the group the target is there, and all that needs no ptrace.
    let member = access(hidden(web.spyhole()).uid(65532).gid(4242).caps("none"));
    assert_eq!(outcome(&member, "process_list"), "allowed", "{member:#}");
    assert_eq!(outcome(&member, "status"), "allowed");
    assert_eq!(check(&member, "files")["reason"], "uid");
    // As the target's user all of the target, though others may be hidden.
    let twin = access(hidden(web.spyhole()).uid(1000).caps("none"));
    assert_eq!(outcome(&twin, "files"), "allowed", "{twin:#}");
    assert_eq!(outcome(&twin, "process_list"), "partial", "{twin:#}");
    // With SYS_PTRACE everything.
    assert_all_allowed(&access(hidden(web.spyhole()).uid(0).caps("+sys_ptrace")));
}

#[needs(root)]
fn a_filter_that_refuses_openat2_changes_nothing() {
    let web = Lab::webapp().uid(1000).start();
    for profile in ["deny-openat2", "no-openat2", "default-like"] {
        let seen = access(web.spyhole().uid(1000).caps("none").seccomp(profile));
        assert_all_allowed(&seen);
        assert_eq!(seen["viewer"]["seccomp"], "filter");
        let stranger = access(web.spyhole().uid(1000).gid(7).caps("none").seccomp(profile));
        assert_eq!(reasons(&stranger), ["gid"], "{profile}: {stranger:#}");
    }
}

#[needs(root)]
fn the_table_has_the_answer_the_evidence_and_the_next_command() {
    let web = Lab::webapp().uid(1000).start();
    let all = web.spyhole().uid(1000).caps("none").arg("access").run();
    let text = all.stdout_text();
    assert_eq!(text.lines().count(), 4, "{all}");
    assert!(text.contains("uid 1000  gid 1000"), "{all}");
    assert!(
        text.contains("\nEverything of the target can be read"),
        "{all}"
    );
    let denied = web.spyhole().uid(0).arg("access").run();
    let text = denied.stdout_text();
    let place = |words: &str| {
        text.find(words)
            .unwrap_or_else(|| panic!("{words}? {denied}"))
    };
    let order = [
        "target  pid 1  webapp  uid 1000",
        "viewer  uid 0  gid 0  14 capabilities, without cap_sys_ptrace  same PID, network",
        "WHAT",
        "process list            yes",
        "environment             denied  not the same user: viewer uid 0, target uid 1000",
        "files of the target     denied  same",
        "also: not the same group: viewer gid 0, target gid 1000",
        "(Pod Security \"restricted\" admits this):\n  printf 'securityContext: {runAsUser: 1000,",
        &format!(
            "  kubectl debug -it -n NAMESPACE POD --image={} --target=CONTAINER --profile=restricted",
            own_image::DEFAULT
        ),
        "(needs \"privileged\" admission):\n  printf 'securityContext: {runAsUser: 0,",
        "add: [SYS_PTRACE, DAC_READ_SEARCH]}}' > root.yaml\n  kubectl debug -it -n NAMESPACE POD ",
        " --profile=general --custom=root.yaml",
    ];
    let places: Vec<usize> = order.iter().map(|words| place(words)).collect();
    assert!(places.is_sorted(), "{denied}");
    let bare = web.spyhole().uid(0).args(["access", "--no-headers"]).run();
    assert_eq!(
        bare.stdout_text().lines().count(),
        18,
        "a row for each check: {bare}"
    );
    let wide = web.spyhole().uid(0).args(["access", "-o", "wide"]).run();
    assert!(
        wide.stdout_text().contains("EACCES  /proc/1/environ"),
        "{wide}"
    );
}

/// Where a service account leaves the name of the namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

fn namespace_file(directory: &TempDir, text: &str) -> PathBuf {
    let path = directory.path().join("namespace");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    path
}

#[needs(root)]
fn on_kubernetes_the_pod_and_its_namespace_are_named() {
    let directory = TempDir::new().unwrap();
    let in_pod = |viewer: Setup| viewer.uid(0).env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    let command = |viewer: Setup| {
        let seen = access(viewer);
        assert!(!seen["remedies"].to_string().contains("docker"), "{seen:#}");
        seen["remedies"][0]["commands"][1]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let image = own_image::DEFAULT;
    for (hostname, word) in [
        ("web-7d9f", "web-7d9f"),
        ("a;reboot $(x)", "'a;reboot $(x)'"),
    ] {
        let web = Lab::webapp().uid(1000).hostname(hostname).start();
        let line = |namespace: &str, pod: &str| {
            format!("kubectl debug -it -n {namespace} {pod} --image={image} --target=CONTAINER ")
        };
        let said = command(in_pod(web.spyhole()));
        assert!(said.starts_with(&line("NAMESPACE", word)), "{said}");
        // A sidecar has the file; what is in it is a name or nothing.
        for (text, namespace) in [("shop", "shop"), ("$(x)", "NAMESPACE"), ("", "NAMESPACE")] {
            let file = namespace_file(&directory, text);
            let said = command(in_pod(web.spyhole()).copy(&file, NAMESPACE_FILE));
            assert!(said.starts_with(&line(namespace, word)), "{said}");
        }
        // What spyhole's own pod is called is not what another is called.
        let file = namespace_file(&directory, "spyhole");
        let apart = in_pod(web.spyhole())
            .share_net(false)
            .copy(&file, NAMESPACE_FILE);
        let said = command(apart);
        assert!(said.starts_with(&line("NAMESPACE", "POD")), "{said}");
    }
    // The file of the target itself counts wherever spyhole stands.
    let file = namespace_file(&directory, "shop");
    let web = Lab::webapp().uid(1000).copy(&file, NAMESPACE_FILE).start();
    let said = {
        let apart = in_pod(web.spyhole()).caps("=sys_ptrace").share_net(false);
        let seen = access(apart);
        assert_eq!(outcome(&seen, "files"), "allowed", "{seen:#}");
        seen["remedies"][0]["commands"][1]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(said.starts_with("kubectl debug -it -n shop POD "), "{said}");
}

#[needs(root)]
fn alone_in_a_pod_it_names_the_pod_that_it_is_in() {
    let directory = TempDir::new().unwrap();
    let file = namespace_file(&directory, "shop");
    let alone = || Lab::bare().hostname("web-7d9f").arg("ps");
    let image = own_image::DEFAULT;
    let somewhere = alone().run().ended_with(3).stderr_text();
    let line = format!("kubectl debug -it -n NAMESPACE POD --image={image} --target=CONTAINER\n");
    assert!(somewhere.contains(&line), "{somewhere}");
    assert!(
        somewhere.contains(&format!("--network=container:NAME {image}\n")),
        "{somewhere}"
    );
    let in_pod = alone().env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    let in_pod = in_pod.copy(&file, NAMESPACE_FILE).run().ended_with(3);
    let in_pod = in_pod.stderr_text();
    let line = format!("kubectl debug -it -n shop web-7d9f --image={image} --target=CONTAINER\n");
    assert!(in_pod.contains(&line), "{in_pod}");
    assert!(!in_pod.contains("docker"), "{in_pod}");
    // As an image says that was pushed under another name.
    let named = alone().env("SPYHOLE_IMAGE", "registry.example/team tools/spyhole:7");
    let named = named.run().stderr_text();
    assert!(
        named.contains(&line.replace("shop web-7d9f", "NAMESPACE POD")),
        "{named}"
    );
    let named = alone().env("SPYHOLE_IMAGE", "registry.example/$x:7").run();
    let named = named.stderr_text();
    assert!(
        named.contains(" --image='registry.example/$x:7' "),
        "{named}"
    );
}

#[needs(podman)]
fn with_podman_each_command_works_as_it_stands() {
    let podman = PodmanLab::get();
    let capable = ["--user", "1000:1000", "--cap-add", "NET_BIND_SERVICE"];
    let image = own_image::DEFAULT;
    for (target, first) in [
        (&capable[..2], format!("--user 1000:1000 {image} ")),
        (
            &capable[..],
            format!("--user 1000:1000 --cap-add NET_BIND_SERVICE {image} "),
        ),
    ] {
        let web = podman.webapp(target, &[]);
        let look = |flags: &[&str]| {
            let output = podman.viewer(&web, flags, &["access", "-o", "json"]);
            assert_eq!(output.code, Some(0), "{output}");
            document(&output)["access"].clone()
        };
        let seen = look(&["--user", "65532:65532"]);
        let remedies = seen["remedies"].as_array().unwrap();
        assert_eq!(remedies.len(), 2, "{seen:#}");
        for (remedy, wanted) in remedies.iter().zip([
            &*first,
            "--user 0:0 --cap-drop ALL --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH",
        ]) {
            let command = remedy["commands"][0].as_str().unwrap();
            assert!(command.starts_with("podman run "), "{command}");
            assert!(command.contains(wanted), "{command}");
            let words = command.split(' ').skip(2);
            // Network and terminal are the harness's own matter.
            let words = words.filter(|word| !["--rm", "-it", image, "access"].contains(word));
            let words: Vec<&str> = words
                .filter(|word| !word.starts_with("--network=") && !word.starts_with("--pid="))
                .collect();
            let allowed = look(&words);
            assert_eq!(reasons(&allowed), [] as [&str; 0], "{command}: {allowed:#}");
        }
    }
}
