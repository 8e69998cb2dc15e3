//! `spyhole podman|docker NAME cp` and the archive of a scratch container.

use super::*;
use crate::podman::PodmanLab;
use crate::support::docker::DockerLab;

/// What the container has at /data.
fn data() -> FakeRoot {
    let data = FakeRoot::new();
    data.write("conf/a", "one\n");
    data.write("conf/sub/b", vec![7; 1 << 20]);
    data
}

/// Copies out of this container by the engine whose program stands in `desk`.
fn files_come_out(engine: &str, id: &str, desk: &Path) {
    let path = std::env::var_os("PATH").unwrap();
    let directories = std::iter::once(desk.to_owned()).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(directories).unwrap();
    let out = FakeRoot::new();
    let copy = |remote: &str, local: &Path| {
        let mut command = Command::new(lab::spyhole());
        command.args([engine, id, "cp", remote, text(local)]);
        run(command.env("PATH", &path).env_remove("SPYHOLE_IMAGE"))
    };
    copy("/data/conf", out.top()).ended_with(0);
    assert_eq!(fs::read(out.path("conf/a")).unwrap(), b"one\n");
    assert_eq!(fs::read(out.path("conf/sub/b")).unwrap(), vec![7; 1 << 20]);
    // The program of the container itself.
    copy("/webapp", &out.path("app")).ended_with(0);
    let original = fs::read(lab::example("webapp")).unwrap();
    assert!(fs::read(out.path("app")).unwrap() == original);
    let missing = copy("/none", out.top()).ended_with(4);
    assert!(
        missing.stderr_text().contains("/none: not found"),
        "{missing}"
    );
    let refused = copy("/webapp", Path::new("/none/x")).ended_with(2);
    assert!(
        refused.stderr_text().contains("does not exist"),
        "{refused}"
    );
}

#[needs(podman)]
fn a_file_comes_out_of_a_scratch_container_by_podman() {
    let podman = PodmanLab::get();
    let data = data();
    let volume = format!("{}:/data:ro", text(data.top()));
    let web = podman.webapp(&["--user", "1000:1000", "--volume", &volume], &[]);
    let desk = tempfile::tempdir().unwrap();
    podman.program_in(desk.path());
    files_come_out("podman", &web.id, desk.path());
}

#[needs(docker)]
fn a_file_comes_out_of_a_scratch_container_by_docker() {
    let docker = DockerLab::get();
    let data = data();
    let volume = format!("{}:/data:ro", text(data.top()));
    let web = docker.webapp(&["--user", "1000:1000", "--volume", &volume], &[]);
    let desk = tempfile::tempdir().unwrap();
    docker.program_in(desk.path());
    files_come_out("docker", &web.id, desk.path());
}
