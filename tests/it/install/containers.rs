//! Put into a volume by one container, run in another that holds nothing but its application.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{assert_whole, names};
use crate::host::run;
use crate::lab::{Lab, Output};
use crate::podman::{PodmanLab, SPYHOLE_IMAGE};

/// Fails unless it is the list of processes of the application's own container.
fn assert_sees_the_application(seen: Output) {
    let seen = seen.ended_with(0);
    let text = seen.stdout_text();
    assert!(text.contains("/webapp --api-key=‹redacted"), "{seen}");
    // Whoever looks is left out.
    assert!(!text.contains("/spy/"), "{seen}");
}

#[needs(root)]
fn a_container_without_a_shell_runs_what_another_put_into_its_volume() {
    // As the kubelet makes an emptyDir.
    let volume = tempfile::tempdir().unwrap();
    fs::set_permissions(volume.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let init = Lab::bare()
        .uid(65532)
        .caps("none")
        .no_new_privs()
        .read_only();
    let init = init.bind(volume.path(), "/spy");
    let done = init
        .args(["install", "/spy", "--link", "ps"])
        .run()
        .ended_with(0);
    assert!(
        done.stderr_text()
            .ends_with("in the application's container: /spy/spyhole ps\n"),
        "{done}"
    );
    assert_whole(&volume.path().join("spyhole"));
    let every = tempfile::tempdir().unwrap();
    fs::set_permissions(every.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let alone = Lab::bare().uid(65532).bind(every.path(), "/spy");
    let done = alone
        .args(["install", "/spy", "--link", "all"])
        .run()
        .ended_with(0);
    assert!(done.stderr_text().contains(", ls, cat, "), "{done}");
    assert_eq!(names(volume.path()), ["ps", "spyhole"]);
    let app = Lab::webapp().uid(1000).caps("none").read_only();
    let app = app
        .bind_read_only(volume.path(), "/spy")
        .arg("--api-key=s3cret")
        .start();
    let inside = |words: &[&str]| {
        run(Command::new("nsenter")
            .args([
                "--target",
                &app.host_pid.to_string(),
                "--mount",
                "--pid",
                "--net",
                "--root",
            ])
            .args(["--setuid", "1000", "--setgid", "1000", "--"])
            .args(words))
    };
    assert_ne!(inside(&["/bin/sh", "-c", "true"]).code, Some(0), "no shell");
    assert_sees_the_application(inside(&["/spy/spyhole", "ps"]));
    assert_sees_the_application(inside(&["/spy/ps"]));
}

#[needs(podman)]
fn a_volume_of_podman_brings_it_into_a_scratch_container() {
    let podman = PodmanLab::get();
    let hard = ["--network", "none", "--read-only", "--cap-drop", "all"];
    let put = ["run", "--rm", "--volume", "spyhole-install:/spy"];
    let put = [&put[..], &hard, &[SPYHOLE_IMAGE, "install", "/spy"]].concat();
    let done = podman.must(&put);
    assert!(
        done.stderr_text().starts_with("installed: /spy/spyhole"),
        "{done}"
    );
    let again = podman.must(&put);
    assert!(
        again.stderr_text().starts_with("already there: "),
        "{again}"
    );
    let flags = ["--user", "1000:1000", "--volume", "spyhole-install:/spy:ro"];
    let app = podman.webapp(&flags, &["--api-key=s3cret"]);
    assert_ne!(podman.podman(&["exec", &app.id, "/bin/sh"]).code, Some(0));
    assert_sees_the_application(podman.podman(&["exec", &app.id, "/spy/spyhole", "ps"]));
    let seen = podman.podman(&["exec", &app.id, "/spy/spyhole", "access"]);
    assert_eq!(seen.code, Some(0), "{seen}");
}

#[needs(podman)]
fn a_pod_of_a_manifest_has_it_from_its_init_container() {
    let podman = PodmanLab::get();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pods/init-volume.yaml");
    let pod = podman.kube_play(&manifest);
    let app = pod.container("app");
    assert_sees_the_application(podman.podman(&["exec", &app.id, "/spy/spyhole", "ps"]));
    let seen = podman.podman(&["exec", &app.id, "/spy/ss", "-tln"]);
    assert_eq!(seen.code, Some(0), "{seen}");
    assert!(seen.stdout_text().contains(":8080"), "{seen}");
}
