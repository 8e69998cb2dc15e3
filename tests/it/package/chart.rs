//! The Helm chart of a release. What helm makes of it is held against Kustomize by `scripts/lint-packaging`.

use std::process::Command;

use tempfile::TempDir;

use super::{VERSION, release, top};
use crate::host::run;

#[test]
fn the_chart_is_that_of_the_repository_with_files_in_place_of_links() {
    let archive = release().join(format!("spyhole-{VERSION}.tgz"));
    let into = TempDir::new().unwrap();
    let mut tar = Command::new("tar");
    let listing = run(tar.arg("-xvvzf").arg(&archive).arg("-C").arg(into.path())).ended_with(0);
    let listing = listing.stdout_text();
    assert!(listing.lines().count() > 20, "{listing}");
    assert!(
        listing.lines().all(|line| line.starts_with(['-', 'd'])),
        "{listing}"
    );
    // diff follows the links of the repository.
    let mut diff = Command::new("diff");
    diff.arg("--recursive")
        .arg(top().join("charts/spyhole"))
        .arg(into.path().join("spyhole"));
    run(&mut diff).ended_with(0);
}
