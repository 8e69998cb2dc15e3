"""Each document against the published schemas of Kubernetes, offline, and what is used of the
Prometheus Operator, of which there is no schema here."""

import copy
import functools
import json
import unittest

from kubernetes_validate import utils

from common import all_of, built, custom, folder, pod_with

# See test_a_pod_monitor_says_what_the_operator_knows, and the rules under promtool.
OF_THE_OPERATOR = {"PodMonitor", "PrometheusRule"}
# The first that knows volumes of type image, by its minor version.
IMAGE_VOLUMES = 31

# Otherwise the definitions of a version are read anew for each document.
utils.schema_contents = functools.lru_cache(maxsize=None)(utils.schema_contents)


def versions():
    """The minor versions from 1.29 on that there are schemas of."""
    known = {int(version.split(".")[1]) for version in utils.all_versions()}
    return sorted(minor for minor in known if minor >= 29)


def refusal(document, minor):
    """Why a document is not valid in that version; None where it is."""
    try:
        utils.validate(document, f"1.{minor}", strict=True)
    except utils.ValidationError as why:
        return why.message
    except utils.SchemaNotFoundError as why:
        return why.message
    return None


class Schemas(unittest.TestCase):
    def test_each_document_is_valid_from_kubernetes_1_29_to_the_newest(self):
        subjects = [
            (f"{one.folder} {document['kind']}", document)
            for one in built()
            for document in one.documents
            if document["kind"] not in OF_THE_OPERATOR
        ]
        for file, container in custom():
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}}
            pod["spec"] = pod_with(container)
            subjects.append((f"ephemeral {file}", pod))
            misspelt = copy.deepcopy(pod)
            misspelt["spec"]["containers"][0]["securityContext"]["runAsnonRoot"] = True
            subjects.append((f"misspelt {file}", misspelt))
        self.assertGreater(len(subjects), 15)
        self.assertEqual(versions()[0], 29)
        self.assertGreaterEqual(versions()[-1], 37)

        found, expected = [], []
        for minor in versions():
            if minor < IMAGE_VOLUMES:
                expected.append((minor, "example/with-image-volume Deployment"))
            expected += [(minor, f"misspelt {file}") for file, _ in custom()]
            for name, document in subjects:
                why = refusal(document, minor)
                if why is not None:
                    found.append((minor, name))
                    key = "runAsnonRoot" if name.startswith("misspelt") else "image"
                    self.assertIn(f"'{key}' was unexpected", why, name)
        self.assertEqual(found, expected)

    def only(self, value, *known):
        """The object has no keys but these."""
        self.assertEqual(value.keys() - set(known), set())

    def test_a_pod_monitor_says_what_the_operator_knows(self):
        """https://prometheus-operator.dev/docs/api-reference/api/: what is used of it, written down."""
        (monitor,) = all_of("PodMonitor")
        self.assertEqual(monitor["apiVersion"], "monitoring.coreos.com/v1")
        spec = monitor["spec"]
        self.only(spec, "selector", "podMetricsEndpoints")
        self.only(spec["selector"], "matchLabels")
        known = ("port", "path", "interval", "scrapeTimeout", "scheme", "authorization", "relabelings")
        for endpoint in spec["podMetricsEndpoints"]:
            self.only(endpoint, *known)
            self.assertEqual(endpoint["path"], "/metrics")
            self.assertIn(endpoint["scheme"], ("http", "https"))
            self.only(endpoint["authorization"], "type", "credentials")
            self.only(endpoint["authorization"]["credentials"], "name", "key")
            for relabeling in endpoint["relabelings"]:
                self.only(relabeling, "action", "regex")

        # It chooses what the sidecar and the DaemonSet call themselves, at a port that they have.
        chosen = spec["selector"]["matchLabels"]
        port = spec["podMetricsEndpoints"][0]["port"]
        token = spec["podMetricsEndpoints"][0]["authorization"]["credentials"]
        for name in ("example/with-sidecar-http", "node"):
            workloads = [doc for doc in folder(name).documents if doc["kind"] in ("Deployment", "DaemonSet")]
            template = workloads[0]["spec"]["template"]
            labels = template["metadata"]["labels"]
            self.assertEqual(labels | chosen, labels, name)
            text = json.dumps(template, sort_keys=True, separators=(",", ":"))
            self.assertIn(f'"containerPort":7794,"name":"{port}"', text)
            self.assertIn(f'"secretName":"{token["name"]}"', text)
            self.assertIn(f"--token-file=/etc/spyhole/{token['key']}", text)
        policies = all_of("NetworkPolicy")
        self.assertEqual(len(policies), 2)
        for policy in policies:
            self.assertEqual(policy["spec"]["podSelector"]["matchLabels"], chosen)
