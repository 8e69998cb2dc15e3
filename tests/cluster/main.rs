//! What only a real cluster shows: `make cluster-test`, against the cluster of `KUBECONFIG`.
//!
//! Each case has namespaces of its own, which go when it ends. A case holds, fails, or is not judged on
//! this cluster, with the reason; the exit code is 1 where one fails and 2 where there is no cluster.
//!
//! - `KUBECONFIG`: the configuration of an account that may do everything; never the default one, so
//!   that no cluster is met by accident.
//! - `CLUSTER_LOAD`: a command that brings an image onto the nodes; it gets the path of an archive (as
//!   of `docker save`) as its last argument: `kind load image-archive --name NAME`, `minikube image
//!   load`, `ctr -n k8s.io images import`.
//! - `CLUSTER_KEEP=1`: leave the namespaces there.
//! - Words of the command line: only the cases whose names hold one of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, at the line that says why"
)]

mod accounts;
mod admission;
mod attach;
mod cluster;
mod documents;
mod files;
mod http;
mod image;
mod manifests;
#[path = "../it/support/patience.rs"]
mod patience;
mod pods;
mod refusals;
mod server;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use cluster::Cluster;

/// What a case says of a cluster.
pub(crate) enum Verdict {
    /// It is as documented; with what was measured, where that is of interest.
    Holds(String),
    /// The cluster cannot show it; why.
    NotJudged(String),
}

type Case = (&'static str, fn(&Cluster) -> Verdict);

/// The longest first.
const CASES: [Case; 33] = [
    (
        "manifests: a Secret is rotated",
        manifests::secret_is_rotated,
    ),
    ("server: a target that restarts", server::target_restarts),
    ("manifests: base", manifests::base),
    ("manifests: with-sidecar", manifests::with_sidecar),
    ("manifests: with-init-volume", manifests::with_init_volume),
    ("manifests: with-image-volume", manifests::with_image_volume),
    ("manifests: node", manifests::node),
    ("manifests: monitoring", manifests::monitoring),
    ("attach: user and group known", attach::user_and_group_known),
    (
        "attach: capabilities that a file may use",
        attach::capabilities_of_a_file,
    ),
    ("attach: user known, group not", attach::group_not_known),
    ("attach: root", attach::root),
    ("attach: root in restricted", attach::root_in_restricted),
    ("attach: user of the image", attach::user_of_the_image),
    ("attach: a namespace without a label", attach::no_label),
    ("attach: not dumpable", attach::not_dumpable),
    (
        "attach: --as-root where it is not admitted",
        attach::as_root_is_refused,
    ),
    ("attach: files of manifests/ephemeral", attach::custom_files),
    ("attach: install and run", attach::install_and_run),
    ("attach: a terminal", attach::terminal),
    ("attach: ports", files::ports),
    ("pods: hostPID", pods::host_pid),
    ("pods: shared PID namespace", pods::shared_processes),
    ("pods: user namespace", pods::user_namespace),
    ("pods: static pod", pods::static_pod),
    ("pods: without a node", pods::without_a_node),
    ("admission: recorded pods", admission::recorded_pods),
    ("accounts: five roles", accounts::five_roles),
    (
        "refusals: ValidatingAdmissionPolicy",
        refusals::admission_policy,
    ),
    ("refusals: a webhook that fails", refusals::failing_webhook),
    ("documents: 4 MB", documents::four_megabytes),
    ("documents: four at once", documents::four_at_once),
    (
        "server: --serve, reuse and the interrupt",
        server::serve_and_reuse,
    ),
];

/// At once: each case mostly waits for the cluster.
const WORKERS: usize = 3;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let chosen: Vec<Case> = CASES
        .into_iter()
        .filter(|(name, _)| words.is_empty() || words.iter().any(|word| name.contains(word)))
        .collect();
    let cluster = match Cluster::connect() {
        Ok(cluster) => cluster,
        Err(why) => {
            eprintln!("\nNO CLUSTER, so nothing was tested: {why}\n");
            return ExitCode::from(2);
        }
    };
    println!("{cluster}");
    let failed = run(&cluster, chosen);
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\n{} failed: {}", failed.len(), failed.join("; "));
    ExitCode::FAILURE
}

/// Runs the cases and says what came of each; the names of those that failed.
fn run(cluster: &Cluster, cases: Vec<Case>) -> Vec<&'static str> {
    let left = Mutex::new(cases.into_iter());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((name, case)) = next(&left) {
                    let begun = Instant::now();
                    let ended = catch_unwind(AssertUnwindSafe(|| case(cluster)));
                    let seconds = begun.elapsed().as_secs();
                    match ended {
                        Ok(Verdict::Holds(more)) if more.is_empty() => {
                            println!("ok          {name} ({seconds} s)");
                        }
                        Ok(Verdict::Holds(more)) => {
                            println!("ok          {name} ({seconds} s): {more}");
                        }
                        Ok(Verdict::NotJudged(why)) => {
                            println!("not judged  {name} ({seconds} s), because {why}");
                        }
                        // The panic has printed its words already.
                        Err(_) => {
                            println!("FAILED      {name} ({seconds} s)");
                            failed.lock().unwrap().push(name);
                        }
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}

fn next(left: &Mutex<impl Iterator<Item = Case>>) -> Option<Case> {
    left.lock().unwrap().next()
}

/// Nothing but that it holds.
pub(crate) fn holds() -> Verdict {
    Verdict::Holds(String::new())
}
