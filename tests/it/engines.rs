//! spyhole beside real containers of Podman: what the README tells a newcomer to type.

use std::path::Path;

use super::host::{list, only};
use super::podman::PodmanLab;

#[needs(podman)]
fn beside_a_scratch_container_as_its_user_everything_is_seen() {
    let podman = PodmanLab::get();
    let web = podman.webapp(&["--user", "1000:1000", "--env", "LOG_LEVEL=info"], &[]);
    let seen = podman.viewer(&web, &["--user", "1000:1000"], &["dump", "-o", "json"]);
    let document = seen.document();
    // Podman 4.3 makes a passwd for such an image that only root may read.
    let other = |gap: &&serde_json::Value| {
        let field = gap["field"].as_str().unwrap();
        let last = field.rsplit('.').next().unwrap();
        !["user", "group", "name"].contains(&last)
    };
    assert_eq!(
        list(&document, "gaps").iter().find(other),
        None,
        "{document:#}"
    );
    assert_eq!(document["target"]["pid"], 1);
    assert_eq!(document["target"]["container_id"], web.id.as_str());
    let variables = list(&document["environment"][0], "variables");
    assert_eq!(
        only(variables, |one| one["name"] == "LOG_LEVEL")["value"],
        "info"
    );
}

#[needs(podman)]
fn a_stranger_gets_what_is_open_and_the_reason_for_the_rest() {
    let podman = PodmanLab::get();
    let web = podman.webapp(&["--user", "1000:1000"], &[]);
    let seen = podman.viewer(&web, &["--user", "65532:65532"], &["dump", "-o", "json"]);
    let document = seen.document();
    assert!(list(&document, "processes").len() >= 3, "{document:#}");
    assert!(document["environment"][0]["variables"].is_null());
    let gap = only(list(&document, "gaps"), |gap| gap["field"] == "variables");
    assert_eq!(
        (&gap["reason"], &gap["errno"]),
        (&"uid".into(), &"EACCES".into())
    );
    assert!(
        gap["needs"].as_str().unwrap().contains("uid 1000 gid 1000"),
        "{gap:#}"
    );
}

#[needs(podman)]
fn in_a_pod_that_shares_its_processes_the_containers_are_told_apart() {
    let podman = PodmanLab::get();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pod = podman.kube_play(&manifest.join("tests/pods/share-process-namespace.yaml"));
    let (web, sidecar) = (pod.container("web"), pod.container("sidecar"));
    let flags = ["--user", "0:0", "--cap-add", "SYS_PTRACE"];

    let listed = podman
        .viewer(&web, &flags, &["containers", "-o", "json"])
        .document();
    let containers = list(&listed, "containers");
    let of = |id: &str| only(containers, |one| one["id"] == id);
    assert_eq!(of(&web.id)["runtime"], "podman");
    assert_eq!(of(&sidecar.id)["kind"], "container");
    assert_eq!(
        only(containers, |one| one["main_pid"] == 1)["kind"],
        "pause"
    );
    only(containers, |one| one["self"] == true);

    let which = podman.viewer(&web, &flags, &["ps"]).ended_with(3);
    let said = which.stderr_text();
    assert!(
        said.contains(&web.id[..12]) && said.contains(&sidecar.id[..12]),
        "{which}"
    );

    let id = &web.id[..12];
    let env = podman
        .viewer(&web, &flags, &["-c", id, "env", "-o", "json"])
        .document();
    let variables = list(&env["environment"][0], "variables");
    let password = only(variables, |one| one["name"] == "DATABASE_PASSWORD");
    assert_eq!(password["redacted"]["reason"], "name");
}
