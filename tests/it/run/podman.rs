//! As the entrypoint of a real container.

use crate::patience::eventually;
use std::fs;

use tempfile::TempDir;

use crate::lab::spyhole;
use crate::podman::{PodmanLab, WEBAPP_IMAGE};

/// The sample application with spyhole as its PID 1; it has no handler for SIGTERM.
fn image(podman: &PodmanLab) -> &'static str {
    const NAME: &str = "localhost/spyhole-test-run:it";
    let context = TempDir::new().unwrap();
    fs::copy(spyhole(), context.path().join("spyhole")).unwrap();
    let text = format!(
        "FROM {WEBAPP_IMAGE}\nCOPY spyhole /spyhole\n\
         ENTRYPOINT [\"/spyhole\", \"run\", \"--\", \"/webapp\"]\n"
    );
    fs::write(context.path().join("Dockerfile"), text).unwrap();
    let path = context.path().to_str().unwrap();
    podman.must(&["build", "--isolation", "chroot", "--tag", NAME, path]);
    NAME
}

#[needs(podman)]
fn podman_stop_reaches_the_application() {
    let podman = PodmanLab::get();
    let image = image(podman);
    for (flag, code) in [("--no-zombie", 0), ("--no-sigterm-handler", 143)] {
        let words = ["run", "--detach", "--network", "none", image, flag];
        let id = podman.must(&words).stdout_text().trim().to_owned();
        eventually("the application is ready", || {
            let logs = podman.podman(&["logs", &id]);
            let ready = logs.stdout_text().contains("ready ");
            ready.then_some(()).ok_or(logs)
        });
        // After it comes SIGKILL, and 137.
        podman.must(&["stop", "--time", "120", &id]);
        let format = [
            "container",
            "inspect",
            "--format",
            "{{.State.ExitCode}}",
            &id,
        ];
        assert_eq!(podman.must(&format).stdout_text().trim(), code.to_string());
        let said = podman.podman(&["logs", &id]).stderr_text();
        assert_eq!(
            said.contains("was killed by SIGTERM"),
            code == 143,
            "{said}"
        );
        podman.must(&["rm", "--force", "--time", "0", &id]);
    }
}

#[needs(podman)]
fn a_program_that_the_image_lacks_is_explained() {
    let podman = PodmanLab::get();
    let entrypoint = "[\"/spyhole\", \"run\", \"--\", \"/bin/sh\", \"-c\", \"/webapp\"]";
    let image = image(podman);
    let own = podman.podman(&[
        "run",
        "--rm",
        "--network",
        "none",
        "--entrypoint",
        entrypoint,
        image,
    ]);
    let own = own.ended_with(127);
    assert!(
        own.stderr_text()
            .contains("the shell /bin/sh does not exist"),
        "{own}"
    );
}
