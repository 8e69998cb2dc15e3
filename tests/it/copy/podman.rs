//! `spyhole podman NAME cp` and the archive of a scratch container.

use super::*;
use crate::podman::PodmanLab;

#[needs(podman)]
fn a_file_comes_out_of_a_scratch_container() {
    let podman = PodmanLab::get();
    let data = FakeRoot::new();
    data.write("conf/a", "one\n");
    data.write("conf/sub/b", vec![7; 1 << 20]);
    let volume = format!("{}:/data:ro", text(data.top()));
    let web = podman.webapp(&["--user", "1000:1000", "--volume", &volume], &[]);
    let desk = tempfile::tempdir().unwrap();
    podman.program_in(desk.path());
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(
        std::iter::once(desk.path().to_owned()).chain(std::env::split_paths(&path)),
    );
    let path = path.unwrap();
    let out = FakeRoot::new();
    let copy = |remote: &str, local: &Path| {
        let mut command = Command::new(lab::spyhole());
        command.args(["podman", &web.id, "cp", remote, text(local)]);
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
