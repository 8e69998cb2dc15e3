"""`manifests/`: each folder builds, says what it is, and fits what it is added to."""

import contextlib
import json
import pathlib
import re
import shutil
import tempfile
import unittest

import yaml

from common import (
    MANIFESTS, TOP, all_of, build, built, containers_of, folder, kubectls, kustomizations, output_of,
    pods,
)
from pod_security import judge

FOLDERS = (
    "ephemeral", "example", "image-volume", "init-volume", "monitoring", "node", "rbac", "sidecar",
)


@contextlib.contextmanager
def copy():
    """A copy that a lint may change."""
    with tempfile.TemporaryDirectory() as place:
        yield pathlib.Path(shutil.copytree(MANIFESTS, pathlib.Path(place) / "manifests"))


def images(value):
    """Each image that is named in a document."""
    if isinstance(value, list):
        for one in value:
            yield from images(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in ("image", "reference") and isinstance(one, str):
                yield one
            else:
                yield from images(one)


def names(pod, key):
    return [one["name"] for one in pod[key]]


class Manifests(unittest.TestCase):
    def test_the_oldest_and_the_newest_kubectl_build_the_same(self):
        oldest, newest = kubectls()
        self.assertNotEqual(oldest, newest)
        for one in built():
            by_oldest = build(MANIFESTS / one.folder, oldest)
            self.assertEqual(by_oldest, one.documents, one.folder)

    def test_each_folder_builds_and_says_what_it_is(self):
        for name in FOLDERS:
            readme = (MANIFESTS / name / "README.md").read_text()
            first = readme.splitlines()[0]
            self.assertTrue(len(first) > 40 and not first.startswith("#"), f"{name}: {first}")
            # How to apply it: the folder itself, or the example that uses the component.
            applied = readme.split("kubectl apply -k manifests/")[1:]
            self.assertTrue(applied, f"{name} does not say how to apply it")
            for rest in applied:
                one = folder(rest.replace("`", " ").split()[0])
                self.assertTrue(not one.component and one.documents, one.folder)
        for one in built():
            if one.component:
                self.assertEqual(one.documents, [], one.folder)
                self.assertTrue(one.users(), f"no example uses {one.folder}")

    def test_one_place_names_the_registry_of_every_image(self):
        changed = 0
        with copy() as top:
            for path in kustomizations(top):
                rest, found, block = path.read_text().partition("\n# images:\n")
                if not found:
                    continue
                block = block.replace("# ", "").replace("#", "")
                path.write_text(f"{rest}\nimages:\n{block}")
                changed += 1
                named = list(images(build(path.parent)))
                self.assertTrue(named, path)
                for image in named:
                    self.assertRegex(image, r"\Aregistry\.example/spyhole.*:0\.1\.0\Z", path)
        self.assertEqual(changed, 5)

    def test_the_components_fit_any_kind_of_workload_and_leave_what_it_has(self):
        own = {"name": "other", "image": "i", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
        pod = {
            "volumes": [{"name": "data", "emptyDir": {}}],
            "initContainers": [own],
            "containers": [own],
        }
        kinds = (
            ("apps/v1", "StatefulSet"),
            ("apps/v1", "DaemonSet"),
            ("apps/v1", "Deployment"),
            ("batch/v1", "Job"),
        )
        workloads = [
            {
                "apiVersion": version,
                "kind": kind,
                "metadata": {"name": "any"},
                "spec": {"template": {"spec": pod}},
            }
            for version, kind in kinds
        ]
        for volume in ("init-volume", "image-volume"):
            with copy() as top:
                place = top / "example/any"
                place.mkdir()
                (place / "any.yaml").write_text("\n---\n".join(map(json.dumps, workloads)))
                components = ["../../sidecar", "../../sidecar/http", f"../../{volume}"]
                kustomization = {"resources": ["any.yaml"], "components": components}
                (place / "kustomization.yaml").write_text(json.dumps(kustomization))
                found = pods(build(place))
            self.assertEqual(len(found), len(kinds))
            for kind, pod_of in found:
                with self.subTest(f"{volume} {kind}"):
                    self.assert_fits(pod_of, volume)

    def assert_fits(self, pod, volume):
        self.assertEqual(names(pod, "containers"), ["other"])
        installs = ["spyhole-install"] if volume == "init-volume" else []
        self.assertEqual(sorted(names(pod, "initContainers")), ["other", "spyhole", *installs])
        both = [
            {"name": "data", "mountPath": "/data"},
            {"name": "spyhole", "mountPath": "/spy", "readOnly": True},
        ]
        self.assertEqual(pod["containers"][0]["volumeMounts"], both)
        # Whatever the pod says of itself, or leaves unsaid.
        for own in containers_of(pod):
            if own["image"] == "spyhole":
                level, against = judge({"containers": [own]})
                self.assertEqual(level, "restricted", against)
        self.assertEqual(sorted(names(pod, "volumes")), ["data", "spyhole", "spyhole-token"])

    def test_the_volume_has_room_for_two_programs_of_the_largest_size(self):
        budget = re.search(r"^budget=\$\(\((\d+) \* 1024 \* 1024\)\)", (TOP / "scripts/check-binary").read_text(), re.M)
        limits = [
            volume["emptyDir"]["sizeLimit"]
            for one in built()
            for _, pod in pods(one.documents)
            for volume in pod.get("volumes", [])
            if volume["name"] == "spyhole" and "emptyDir" in volume
        ]
        self.assertTrue(limits)
        for limit in limits:
            self.assertGreaterEqual(int(limit.removesuffix("Mi")), 2 * int(budget[1]))

    def test_each_container_asks_for_what_was_measured_and_holds_nothing_of_the_api(self):
        seen = 0
        for name, pod in (pair for one in built() for pair in pods(one.documents)):
            self.assertIs(pod["automountServiceAccountToken"], False, name)
            for container in containers_of(pod):
                resources = container["resources"]
                self.assertIsInstance(resources["requests"]["cpu"], str, name)
                self.assertEqual(resources["requests"]["memory"], "16Mi", name)
                self.assertIn(resources["limits"]["memory"], ("64Mi", "128Mi"), name)
                seen += 1
        self.assertGreaterEqual(seen, 9)

    def test_a_sidecar_neither_holds_the_application_back_nor_takes_it_out_of_service(self):
        for name in ("example/with-sidecar", "example/with-sidecar-http"):
            _, pod = pods(folder(name).documents)[0]
            sidecar = pod["initContainers"][0]
            self.assertEqual(sidecar["restartPolicy"], "Always", name)
            self.assertIs(pod["shareProcessNamespace"], True, name)
            self.assertNotIn("readinessProbe", sidecar, name)
            self.assertNotIn("startupProbe", sidecar, name)
            probe = sidecar["livenessProbe"]
            self.assertGreaterEqual(probe["periodSeconds"] * probe["failureThreshold"], 300, name)
            by_http = name.endswith("http")
            self.assertEqual(("httpGet" in probe, "exec" in probe), (by_http, not by_http), name)

    def test_promtool_takes_the_rules_and_they_alert_when_they_shall(self):
        (built_rule,) = all_of("PrometheusRule")
        self.assertEqual(built_rule["apiVersion"], "monitoring.coreos.com/v1")
        alerts = (TOP / "scripts/lint/alerts.yaml").read_text()
        written = yaml.safe_load((MANIFESTS / "monitoring/prometheus-rule.yaml").read_text())
        for group in written["spec"]["groups"]:
            for rule in group["rules"]:
                self.assertIn(f"alertname: {rule['alert']}\n", alerts, "is not tried")
        with tempfile.TemporaryDirectory() as place:
            # JSON is YAML.
            (pathlib.Path(place) / "rules.yaml").write_text(json.dumps(built_rule["spec"]))
            (pathlib.Path(place) / "alerts.yaml").write_text(alerts)
            output_of("promtool", "check", "rules", "rules.yaml", cwd=place)
            output_of("promtool", "test", "rules", "alerts.yaml", cwd=place)
