//! Podman gives every container limits of its own choice, which a machine with lower ones refuses:
//! spyhole asks for those that the target was granted.

use super::Desk;
use crate::host::{list, only};
use crate::podman::PodmanLab;

#[needs(podman)]
fn spyhole_has_the_hard_limits_of_the_target() {
    let desk = Desk::with_podman();
    let limits = ["--ulimit", "nofile=256:512", "--ulimit", "nproc=200:300"];
    let web = PodmanLab::get().webapp(&[&["--user", "1000:1000"], &limits[..]].concat(), &[]);
    let id = &web.id[..12];
    let words = ["podman", id, "--", "--self", "resources", "-o", "json"];
    let seen = desk.spyhole(&words).document();
    let rows = list(&seen["resources"], "limits");
    for (name, value) in [("open_files", 512), ("processes", 300)] {
        let row = only(rows, |row| row["resource"] == name);
        assert_eq!(
            (&row["soft"], &row["hard"]),
            (&value.into(), &value.into()),
            "{row}"
        );
    }
}
