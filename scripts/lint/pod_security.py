"""The Pod Security Standards as the API server applies them to a manifest, against the levels that
the READMEs claim.

https://kubernetes.io/docs/concepts/security/pod-security-standards/, and
`pod-security-admission/policy` of Kubernetes where the two differ (volumes of type image)."""

import copy
import unittest

from common import MANIFESTS, built, containers_of, custom, pod_with, pods

# What may be added under baseline.
BASELINE = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
    "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}
SELINUX_TYPES = {
    "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t",
}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
}
# What a volume may be under restricted; image since Kubernetes 1.33.
VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
    "projected", "secret",
}


def at(value, *keys):
    """The value below these keys; None where one is missing."""
    for key in keys:
        value = (value or {}).get(key)
    return value


def judge(pod):
    """The tightest level that admits the pod, and what the tighter ones have against it."""
    against = {"baseline": [], "restricted": []}
    for key in ("hostPID", "hostIPC", "hostNetwork"):
        if at(pod, key) is True:
            against["baseline"].append(key)
    for volume in at(pod, "volumes") or []:
        for kind in volume.keys() - {"name"}:
            if kind == "hostPath":
                against["baseline"].append("hostPath volumes")
            elif kind not in VOLUMES:
                against["restricted"].append("volume types")
    own = at(pod, "securityContext")
    judge_context(own, against)
    for sysctl in at(own, "sysctls") or []:
        if sysctl["name"] not in SYSCTLS:
            against["baseline"].append("sysctls")
    for container in containers_of(pod):
        judge_container(container, own, against)
    if against["baseline"]:
        level = "privileged"
    elif against["restricted"]:
        level = "baseline"
    else:
        level = "restricted"
    return level, against


def judge_context(context, against):
    """What a pod and a container may say alike."""
    if at(context, "windowsOptions", "hostProcess") is True:
        against["baseline"].append("HostProcess")
    for profile in ("seccompProfile", "appArmorProfile"):
        if at(context, profile, "type") == "Unconfined":
            against["baseline"].append(f"{profile} not Unconfined")
    selinux = at(context, "seLinuxOptions") or {}
    if selinux.get("type", "") not in SELINUX_TYPES or selinux.keys() & {"user", "role"}:
        against["baseline"].append("SELinux")
    # False is 0 in Python, and no user.
    if at(context, "runAsUser") == 0 and at(context, "runAsUser") is not False:
        against["restricted"].append("runAsUser")


def judge_container(container, pod_context, against):
    context = at(container, "securityContext")
    judge_context(context, against)
    if at(context, "privileged") is True:
        against["baseline"].append("privileged")
    if (at(context, "procMount") or "Default") != "Default":
        against["baseline"].append("procMount")
    if any(port.get("hostPort") for port in at(container, "ports") or []):
        against["baseline"].append("host ports")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        for how in ("httpGet", "tcpSocket"):
            if at(container, probe, how, "host") is not None:
                against["baseline"].append("hosts of probes")
    for added in at(context, "capabilities", "add") or []:
        if added not in BASELINE:
            against["baseline"].append(f"capabilities: {added}")
        if added != "NET_BIND_SERVICE":
            against["restricted"].append(f"capabilities: {added}")
    if "ALL" not in (at(context, "capabilities", "drop") or []):
        against["restricted"].append("capabilities drop ALL")
    if at(context, "allowPrivilegeEscalation") is not False:
        against["restricted"].append("allowPrivilegeEscalation")

    def given(key):
        own = at(context, key)
        return at(pod_context, key) if own is None else own

    if given("runAsNonRoot") is not True:
        against["restricted"].append("runAsNonRoot")
    if at(given("seccompProfile"), "type") not in ("RuntimeDefault", "Localhost"):
        against["restricted"].append("seccomp RuntimeDefault or Localhost")


def claims(folder):
    """What a README claims: the level, and the file that it is claimed for, if any."""
    readme = MANIFESTS / folder.split("/")[0] / "README.md"
    claimed = []
    for line in readme.read_text().splitlines():
        line = line.strip().removeprefix("- ")
        if line.startswith("Pod Security: "):
            level, _, file = line.removeprefix("Pod Security: ").partition(" (")
            claimed.append((level, file.rstrip(")") or None))
    assert claimed, f"{folder} claims no level"
    return claimed


CONTEXT = ("securityContext",)
OWN = ("ephemeralContainers", 0, "securityContext")
# What loosens a restricted pod to which level.
BREACHES = [
    ("privileged", ("hostPID",), True),
    ("privileged", ("hostNetwork",), True),
    ("privileged", ("hostIPC",), True),
    ("privileged", CONTEXT, {"windowsOptions": {"hostProcess": True}}),
    ("privileged", CONTEXT, {"seccompProfile": {"type": "Unconfined"}}),
    ("privileged", CONTEXT, {"appArmorProfile": {"type": "Unconfined"}}),
    ("privileged", CONTEXT, {"seLinuxOptions": {"user": "u"}}),
    ("privileged", CONTEXT, {"sysctls": [{"name": "kernel.msgmax"}]}),
    ("baseline", CONTEXT, {"runAsUser": 0}),
    ("privileged", ("volumes",), [{"name": "v", "hostPath": {}}]),
    ("baseline", ("volumes",), [{"name": "v", "nfs": {}}]),
    ("restricted", ("volumes",), [{"name": "v", "image": {}}]),
    ("privileged", ("containers", 0, "ports"), [{"hostPort": 80}]),
    ("privileged", ("containers", 0, "livenessProbe"), {"httpGet": {"host": "h"}}),
    ("privileged", (*OWN, "privileged"), True),
    ("privileged", (*OWN, "procMount"), "Unmasked"),
    ("privileged", (*OWN, "capabilities", "add"), ["SYS_PTRACE"]),
    ("baseline", (*OWN, "capabilities", "add"), ["CHOWN"]),
    ("baseline", (*OWN, "capabilities", "drop"), ["NET_RAW"]),
    ("baseline", (*OWN, "allowPrivilegeEscalation"), None),
    ("baseline", (*OWN, "runAsNonRoot"), None),
    ("baseline", (*OWN, "runAsUser"), 0),
    ("baseline", (*OWN, "seccompProfile"), None),
    ("privileged", (*OWN, "seccompProfile", "type"), "Unconfined"),
]


class PodSecurity(unittest.TestCase):
    def test_each_pod_is_at_the_level_that_its_readme_claims(self):
        judged = 0
        for one in built():
            claimed = claims(one.folder)
            # A component is what the examples make of it.
            documents = [doc for user in one.users() for doc in user.documents] + one.documents
            if not pods(documents):
                for level, file in claimed:
                    none = level == "no pods" or (one.folder == "ephemeral" and file is not None)
                    self.assertTrue(none, f"{one.folder}: {claimed}")
            for name, pod in pods(documents):
                level, against = judge(pod)
                self.assertEqual(claimed, [(level, None)], f"{one.folder}: {name}: {against}")
                judged += 1
            for namespace in documents:
                if namespace["kind"] == "Namespace":
                    labels = namespace["metadata"]["labels"]
                    enforced = labels["pod-security.kubernetes.io/enforce"]
                    self.assertEqual(enforced, claimed[0][0], one.folder)
        self.assertGreaterEqual(judged, 9)

    def test_each_custom_container_is_at_the_level_that_the_readme_claims(self):
        claimed = claims("ephemeral")
        for name, container in custom():
            level, against = judge(pod_with(container))
            self.assertIn((level, name), claimed, against)
        self.assertEqual(len(claimed), 3)

    def test_each_clause_is_seen(self):
        context = {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
            "seccompProfile": {"type": "Localhost", "localhostProfile": "p"},
        }
        good = pod_with({"securityContext": context})
        self.assertEqual(judge(good)[0], "restricted", judge(good))
        for level, (*parents, key), value in BREACHES:
            pod = copy.deepcopy(good)
            place = pod
            for parent in parents:
                place = place[parent]
            place[key] = value
            found, against = judge(pod)
            self.assertEqual(found, level, f"{parents} {key}: {against}")
        self.assertEqual(len(BREACHES), 24)
