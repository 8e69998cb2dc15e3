//! Paths as the runtimes make them, one a row of what is known.

use super::*;
use crate::parse::{mountinfo, mutate};
use proptest::prelude::*;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OUTER: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const UID: &str = "3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94";
const UID_SYSTEMD: &str = "3c1f7a5e_9f0b_4d52_8a53_0d2f6e1b7c94";
const STATIC_UID: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";

/// `ID`, `OUTER`, `UID`, `UID_SYSTEMD` and `STATIC` in a path stand for themselves.
fn fill(path: &str) -> String {
    path.replace("OUTER", OUTER)
        .replace("UID_SYSTEMD", UID_SYSTEMD)
        .replace("STATIC", STATIC_UID)
        .replace("UID", UID)
        .replace("ID", ID)
}

fn found(path: &str) -> Option<(Option<&'static str>, Option<String>, Option<&'static str>)> {
    let found = from_cgroup(fill(path).as_bytes())?;
    assert_eq!(found.id, ID, "{path}");
    let runtime = found.runtime.map(Runtime::as_str);
    Some((runtime, found.pod_uid, found.qos.map(qos_word)))
}

/// As in the names of cgroups.
fn qos_word(qos: Qos) -> &'static str {
    match qos {
        Qos::Guaranteed => "guaranteed",
        Qos::Burstable => "burstable",
        Qos::BestEffort => "besteffort",
    }
}

#[test]
fn containers_outside_of_pods() {
    for (path, runtime) in [
        ("/system.slice/docker-ID.scope", Some("docker")),
        ("/docker/ID", Some("docker")),
        ("/docker/ID/system.slice/ssh.service", Some("docker")),
        ("/machine.slice/libpod-ID.scope", Some("podman")),
        ("/machine.slice/libpod-ID.scope/container", Some("podman")),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope",
            Some("podman"),
        ),
        (
            "/system.slice/app.service/libpod-payload-ID",
            Some("podman"),
        ),
        ("/libpod_parent/libpod-ID", Some("podman")),
        ("/libpod_parent/OUTER/libpod-ID", Some("podman")),
        ("/../libpod-ID.scope", Some("podman")),
        ("/../ID", None),
        ("/system.slice/nerdctl-ID.scope", Some("containerd")),
        ("/default/ID", None),
        ("/../cri-containerd-ID.scope (deleted)", Some("containerd")),
    ] {
        assert_eq!(found(path), Some((runtime, None, None)), "{path}");
    }
}

#[test]
fn containers_of_runtimes_without_ids() {
    let found = |path: &str| {
        let found = from_cgroup(fill(path).as_bytes())?;
        Some((found.id, found.runtime.map(Runtime::as_str)))
    };
    for (path, id, runtime) in [
        ("/lxc.payload.web-1", "web-1", Some("lxc")),
        (
            "/lxc.payload.web-1/system.slice/nginx.service",
            "web-1",
            Some("lxc"),
        ),
        ("/lxc/web/init.scope", "web", Some("lxc")),
        ("/lxc.payload/web", "web", Some("lxc")),
        (
            "/machine.slice/machine-deb.scope/payload/init.scope",
            "deb",
            Some("systemd-nspawn"),
        ),
        (
            "/machine.slice/machine-my\\x2ddeb.scope",
            "my-deb",
            Some("systemd-nspawn"),
        ),
        (
            "/machine.slice/machine-a\\x5fb\\x2ec.scope/payload",
            "a_b.c",
            Some("systemd-nspawn"),
        ),
        (
            "/system.slice/buildkit-k3jc4kw1vmz3n1w4lk0ppvqdx.scope",
            "k3jc4kw1vmz3n1w4lk0ppvqdx",
            Some("buildkit"),
        ),
        (
            "/machine.slice/systemd-nspawn@deb.service/payload",
            "deb",
            Some("systemd-nspawn"),
        ),
        ("/garden/UID", UID, Some("garden")),
        (
            "/system.slice/garden.service/garden/good/UID",
            UID,
            Some("garden"),
        ),
        (
            "/docker/ID/buildkit/k3jc4kw1vmz3n1w4lk0ppvqdx",
            "k3jc4kw1vmz3n1w4lk0ppvqdx",
            Some("buildkit"),
        ),
        ("/default/redis", "redis", Some("containerd")),
        (
            "/ecs/STATIC/STATIC-1234567890",
            "0a1b2c3d4e5f60718293a4b5c6d7e8f9-1234567890",
            None,
        ),
        ("/lxc.payload.web/docker/ID", ID, Some("docker")),
    ] {
        assert_eq!(found(path), Some((id.to_owned(), runtime)), "{path}");
    }
    for path in [
        "/lxc.monitor.web-1",
        "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
        "/machine.slice/systemd-nspawn@deb.service/supervisor",
        "/machine.slice/machine-deb.scope/supervisor",
        "/system.slice/machine-deb.scope",
        "/system.slice/garden.service",
        "/garden/good",
        "/system.slice/default/redis",
        "/default",
        "/ecs/STATIC",
        "/lxc/",
        "/lxc/-x",
        "/buildkit-x.scope",
        "/machine.slice/machine-a\\x2fb.scope",
    ] {
        assert_eq!(found(path), None, "{path}");
    }
}

#[test]
fn containers_of_pods() {
    for (path, runtime, uid, qos) in [
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID_SYSTEMD.slice/cri-containerd-ID.scope",
            Some("containerd"),
            UID,
            Some("burstable"),
        ),
        (
            "/kubepods.slice/kubepods-podUID_SYSTEMD.slice/cri-containerd-ID.scope",
            Some("containerd"),
            UID,
            Some("guaranteed"),
        ),
        (
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podUID_SYSTEMD.slice/crio-ID.scope/container",
            Some("cri-o"),
            UID,
            Some("besteffort"),
        ),
        (
            "/kubepods/besteffort/podUID/crio-ID",
            Some("cri-o"),
            UID,
            Some("besteffort"),
        ),
        (
            "/kubepods/burstable/podUID/ID",
            None,
            UID,
            Some("burstable"),
        ),
        ("/kubepods/podUID/ID", None, UID, Some("guaranteed")),
        (
            "/kubepods/burstable/podSTATIC/ID",
            None,
            STATIC_UID,
            Some("burstable"),
        ),
        ("/../../podUID/ID", None, UID, None),
        (
            "/system.slice/containerd.service/kubepods-burstable-podUID_SYSTEMD.slice:cri-containerd:ID",
            Some("containerd"),
            UID,
            Some("burstable"),
        ),
        (
            "/docker/OUTER/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podUID_SYSTEMD.slice/cri-containerd-ID.scope",
            Some("containerd"),
            UID,
            Some("guaranteed"),
        ),
    ] {
        assert_eq!(
            found(path),
            Some((runtime, Some(uid.to_owned()), qos)),
            "{path}"
        );
    }
}

#[test]
fn the_innermost_container_counts_and_the_pod_around_it() {
    assert_eq!(
        found("/kubepods/burstable/podUID/OUTER/docker/ID"),
        Some((Some("docker"), Some(UID.to_owned()), Some("burstable")))
    );
    assert_eq!(
        found("/docker/OUTER/libpod_parent/libpod-ID"),
        Some((Some("podman"), None, None))
    );
    // A monitor of an inner container runs in the outer one.
    assert_eq!(
        found("/docker/ID/libpod-conmon-OUTER.scope"),
        Some((Some("docker"), None, None))
    );
}

#[test]
fn what_is_no_container() {
    for path in [
        "/",
        "",
        "/..",
        "/user.slice/user-1000.slice/session-2.scope",
        "/machine.slice/libpod-conmon-ID.scope",
        "/kubepods.slice/kubepods-podUID_SYSTEMD.slice/crio-conmon-ID.scope",
        "/kubepods/burstable/podUID",
        "/libpod_parent/conmon",
        "/docker/IDx",
        "/docker/0123456789ab",
        "/system.slice/docker-0123.scope",
        "/cri-containerd-ID-x.scope",
    ] {
        assert_eq!(from_cgroup(fill(path).as_bytes()), None, "{path}");
    }
    assert_eq!(from_cgroup(ID.to_uppercase().as_bytes()), None);
}

#[test]
fn v2_is_asked_first_and_v1_if_it_is_silent() {
    let file = fill("5:memory:/docker/OUTER\n1:name=systemd:/docker/ID\n0::/docker/ID\n");
    let both = CgroupPaths::parse(file.as_bytes()).unwrap();
    assert_eq!(from_cgroups(&both).unwrap().id, ID);
    let file = fill("5:memory:/docker/ID\n0::/\n");
    let hybrid = CgroupPaths::parse(file.as_bytes()).unwrap();
    assert_eq!(from_cgroups(&hybrid).unwrap().id, ID);
}

fn from_mounts(roots: &[&str]) -> ContainerFromMounts {
    let roots: Vec<String> = roots.iter().map(|root| fill(root)).collect();
    from_mount_roots(roots.iter().map(String::as_bytes))
}

#[test]
fn the_kubelets_files_tell_pod_and_name_but_no_id() {
    let pod = ContainerFromMounts {
        pod_uid: Some(UID.to_owned()),
        container_name: Some("web-1".to_owned()),
        ..ContainerFromMounts::default()
    };
    let sandbox = "/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/ID/resolv.conf";
    assert_eq!(
        from_mounts(&[
            "/",
            sandbox,
            "/var/lib/kubelet/pods/UID/etc-hosts",
            "/var/lib/kubelet/pods/UID/containers/web-1/1a2b3c4d"
        ]),
        ContainerFromMounts {
            runtime: Some(Runtime::Containerd),
            ..pod.clone()
        }
    );
    let crio = "/run/containers/storage/overlay-containers/ID/userdata/hostname";
    let dockershim = "/var/lib/docker/containers/ID/resolv.conf";
    let log = "/pods/UID/containers/web-1/1a2b3c4d//deleted";
    assert_eq!(from_mounts(&[crio, log]).runtime, Some(Runtime::CriO));
    assert_eq!(
        from_mounts(&[dockershim, log]).runtime,
        Some(Runtime::Docker)
    );
    assert_eq!(from_mounts(&[crio, dockershim, log]), pod, "they disagree");
    // Without a kubelet the sandbox is still one of containerd's: `crictl run`.
    let alone = from_mounts(&[sandbox]);
    assert_eq!((alone.runtime, alone.id), (Some(Runtime::Containerd), None));
}

#[test]
fn volumes_tell_the_pod_if_nothing_better_does() {
    let volume =
        |uid: &str| format!("/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~empty-dir/tmp");
    let other = volume("00000000-0000-0000-0000-000000000000");
    let nested = format!("{}/sub/dir", volume("UID"));
    assert_eq!(from_mounts(&[&nested]).pod_uid.as_deref(), Some(UID));
    assert_eq!(
        from_mounts(&[&other, &volume("UID")]).pod_uid,
        None,
        "they disagree"
    );
    let hosts = "/var/lib/kubelet/pods/UID/etc-hosts";
    assert_eq!(from_mounts(&[&other, hosts]).pod_uid.as_deref(), Some(UID));
}

#[test]
fn podman_and_docker_files_tell_the_id() {
    let podman = from_mounts(&[
        "/run/containers/storage/overlay-containers/ID/userdata/.containerenv",
        "/run/containers/storage/overlay-containers/OUTER/userdata/hosts",
    ]);
    assert_eq!(podman.runtime, Some(Runtime::Podman));
    assert_eq!(podman.id.as_deref(), Some(ID));
    assert_eq!(podman.network_owner_id.as_deref(), Some(OUTER));

    let docker = from_mounts(&[
        "/var/lib/docker/containers/ID/hostname",
        "/var/lib/docker/containers/ID/hosts",
    ]);
    assert_eq!(docker.runtime, Some(Runtime::Docker));
    assert_eq!(
        (docker.id, docker.network_owner_id.as_deref()),
        (None, Some(ID))
    );
}

#[test]
fn what_disagrees_or_merely_resembles_tells_nothing() {
    for roots in [
        &["/"][..],
        &[
            "/var/lib/docker/containers/ID/hosts",
            "/overlay-containers/OUTER/userdata/hosts",
        ],
        &["/var/lib/docker/containers/0123/hosts"],
        &[
            "/pods/UID/containers/Web/1a2b3c4d",
            "/pods/UID/containers/web/1a2b3c4",
        ],
        &["/pods/not-a-uid/etc-hosts", "/pods/UID/plugins/x"],
        &["/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/0123/hostname"],
    ] {
        assert_eq!(
            from_mounts(roots),
            ContainerFromMounts::default(),
            "{roots:?}"
        );
    }
}

#[test]
fn a_captured_podman_container() {
    let file = include_bytes!("../../../tests/fixtures/proc/mountinfo.podman");
    let entries: Vec<_> = mountinfo::entries(file).map(Result::unwrap).collect();
    let found = from_mount_roots(entries.iter().map(|entry| &*entry.root));
    assert_eq!(found.runtime, Some(Runtime::Podman));
    assert_eq!(
        found.id.as_deref(),
        Some("635df930a432e2a6bff89200ee0d5593199f8d6ac63c11118ac473a9c10c48fd")
    );
    assert_eq!(found.network_owner_id, found.id);
}

#[test]
fn survives_damage() {
    let path = fill("/kubepods/burstable/podUID/crio-ID");
    mutate::survives(path.as_bytes(), |bytes| {
        let _ = from_cgroup(bytes);
    });
    let root = fill("/pods/UID/containers/web/1a2b3c4d");
    mutate::survives(root.as_bytes(), |bytes| {
        let _ = from_mount_roots([bytes]);
    });
}

proptest! {
    #[test]
    fn never_panics(bytes in any::<Vec<u8>>()) {
        let _ = from_cgroup(&bytes);
        let _ = from_mount_roots([&bytes[..]]);
    }

    #[test]
    fn paths_of_likely_parts_are_safe(
        parts in proptest::collection::vec(
            "\\.\\.|docker|pods?|kubepods-pod|\\.slice:|crio-|libpod-|[0-9a-f]{64}|[0-9a-f]{8}|containers|userdata|-pod\\.slice",
            0..8,
        ),
    ) {
        let path = parts.join("/");
        let _ = from_cgroup(path.as_bytes());
        let _ = from_mount_roots([path.as_bytes()]);
    }
}
