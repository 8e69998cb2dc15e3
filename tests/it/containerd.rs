//! containerd without Docker and without Kubernetes: on the machine itself no engine is asked, and
//! spyhole says of its containers what `ctr` says.

use serde_json::Value;

use super::host::{list, only, spyhole};
use super::support::containerd::ContainerdLab;

const POD: &str = "3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94";

fn containers() -> Value {
    spyhole(["containers", "-o", "json"]).document()
}

#[needs(containerd, root)]
fn a_container_of_ctr_is_found_by_its_id_in_any_namespace_and_cgroup() {
    let lab = ContainerdLab::get();
    let by_cgroup = lab.webapp("default", "sp1", &[]);
    let elsewhere = lab.webapp("shop", "spyhole-db", &[]);
    let own_cgroup = lab.webapp("shop", "spyhole-job", &["--cgroup", "/spyhole-it/own"]);
    let seen = containers();
    for (container, id) in [
        (&by_cgroup, "sp1"),
        (&elsewhere, "spyhole-db"),
        (&own_cgroup, "spyhole-job"),
    ] {
        let one = only(list(&seen, "containers"), |one| one["id"] == id);
        assert_eq!(one["main_pid"], container.pid, "{one:#}");
        assert_eq!(one["runtime"], "containerd", "{one:#}");
        assert_eq!((one.get("pod"), one.get("name")), (None, None));
        let document = spyhole(["-c", id, "ps", "-o", "json"]).document();
        assert_eq!(document["target"]["pid"], container.pid);
        assert_eq!(document["target"]["exe"], "/webapp");
    }
}

#[needs(containerd, root)]
fn equal_ids_in_two_namespaces_are_two_containers() {
    let lab = ContainerdLab::get();
    let one = lab.webapp("default", "spyhole-same", &[]);
    let other = lab.webapp("shop", "spyhole-same", &[]);
    let seen = containers();
    let same = list(&seen, "containers")
        .iter()
        .filter(|one| one["id"] == "spyhole-same");
    let mut pids: Vec<_> = same.map(|one| one["main_pid"].as_i64().unwrap()).collect();
    pids.sort_unstable();
    let mut expected = [one.pid, other.pid];
    expected.sort_unstable();
    assert_eq!(pids, expected);
    let ambiguous = spyhole(["-c", "spyhole-same", "ps"]).ended_with(3);
    let said = ambiguous.stderr_text();
    for pid in expected {
        assert!(
            said.contains(&format!("--container pid-{pid} ")),
            "{ambiguous}"
        );
    }
}

/// The annotations are those that the CRI of containerd writes for a container that the kubelet or
/// `crictl` starts, and nerdctl for its own.
#[needs(containerd, root)]
fn the_names_in_a_bundle_are_those_of_crictl_and_nerdctl() {
    let lab = ContainerdLab::get();
    let of_pod = [
        "io.kubernetes.cri.container-type=container".to_owned(),
        "io.kubernetes.cri.container-name=spyhole-app".to_owned(),
        "io.kubernetes.cri.sandbox-name=web-1".to_owned(),
        "io.kubernetes.cri.sandbox-namespace=shop".to_owned(),
        format!("io.kubernetes.cri.sandbox-uid={POD}"),
    ];
    let of_pod = of_pod
        .iter()
        .flat_map(|one| ["--annotation", one])
        .collect::<Vec<_>>();
    let id = format!("{:064x}", 0x5eed);
    let in_pod = lab.webapp("shop", &id, &of_pod);
    let other_id = format!("{:064x}", 0x5eee);
    let nerdctl = ["--annotation", "nerdctl/name=spyhole-cache"];
    let by_nerdctl = lab.webapp("default", &other_id, &nerdctl);
    let sandbox = ["--annotation", "io.kubernetes.cri.container-type=sandbox"];
    let sandbox_id = format!("{:064x}", 0x5eef);
    let _sandbox = lab.webapp("shop", &sandbox_id, &sandbox);

    let seen = containers();
    let one = only(list(&seen, "containers"), |one| one["id"] == id.as_str());
    assert_eq!(one["name"], "spyhole-app", "{one:#}");
    assert_eq!(
        (&one["pod"], &one["namespace"]),
        (&"web-1".into(), &"shop".into())
    );
    assert_eq!(one["pod_uid"], POD);
    assert_eq!(one["runtime"], "containerd");
    let one = only(list(&seen, "containers"), |one| {
        one["id"] == other_id.as_str()
    });
    assert_eq!(
        (&one["name"], one.get("pod")),
        (&"spyhole-cache".into(), None)
    );
    let one = only(list(&seen, "containers"), |one| {
        one["id"] == sandbox_id.as_str()
    });
    assert_eq!(one["kind"], "pause", "{one:#}");

    for (words, pid) in [
        (&["-c", "spyhole-app"][..], in_pod.pid),
        (&["-c", "shop/web-1/spyhole-app"], in_pod.pid),
        (&["--pod", "shop/web-1"], in_pod.pid),
        (&["-c", "spyhole-cache"], by_nerdctl.pid),
    ] {
        let document = spyhole([words, &["ps", "-o", "json"]].concat()).document();
        assert_eq!(document["target"]["pid"], pid, "{words:?}");
    }
}
