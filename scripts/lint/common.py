"""What the lints share: files of the repository, programs, and the manifests as Kustomize builds them."""

import functools
import json
import os
import pathlib
import shutil
import subprocess

import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
TOOLS = TOP / "target/tools"
MANIFESTS = TOP / "manifests"
# The minor versions of Kubernetes that are supported: the oldest and the newest.
SUPPORTED = (31, 37)


def text_of(name):
    return (TOP / name).read_text()


def run(*words, cwd=TOP, stdin=None):
    """Runs a program to its end; with its exit code and all that it says."""
    words = [str(word) for word in words]
    return subprocess.run(words, cwd=cwd, input=stdin, capture_output=True, text=True, check=False)


def output_of(*words, cwd=TOP, stdin=None):
    """What a program that must succeed writes to stdout."""
    ran = run(*words, cwd=cwd, stdin=stdin)
    assert ran.returncode == 0, f"{words}: exit code {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


@functools.cache
def metadata(*words):
    cargo = os.environ.get("CARGO", "cargo")
    said = output_of(cargo, "metadata", "--format-version", "1", "--locked", "--offline", *words)
    return json.loads(said)


def minor_of(program):
    """The minor version of a kubectl; None where it does not run."""
    try:
        ran = run(program, "version", "--client", "--output", "json")
        return int(json.loads(ran.stdout)["clientVersion"]["minor"].rstrip("+"))
    except (OSError, ValueError, KeyError):
        return None


@functools.cache
def kubectls():
    """The oldest and the newest supported kubectl: what scripts/prepare brought, or this machine's."""
    found = []
    for minor in SUPPORTED:
        programs = (TOOLS / f"kubectl-1.{minor}/kubectl", shutil.which("kubectl"))
        fitting = [program for program in programs if program and minor_of(program) == minor]
        assert fitting, f"no kubectl 1.{minor} is here: scripts/prepare installs it"
        found.append(fitting[0])
    return found


def build(folder, kubectl=None):
    """What Kustomize makes of a folder."""
    said = output_of(kubectl or kubectls()[1], "kustomize", folder)
    return [document for document in yaml.safe_load_all(said) if document]


def kustomizations(top):
    found = sorted(top.rglob("kustomization.yaml"))
    assert len(found) > 10, found
    return found


class Built:
    """A folder that Kustomize builds, such as `example/base`; a component is nothing by itself."""

    def __init__(self, path):
        self.folder = str(path.parent.relative_to(MANIFESTS))
        self.kustomization = yaml.safe_load(path.read_text())
        self.component = self.kustomization.get("kind") == "Component"
        self.documents = build(path.parent)

    def users(self):
        """The examples that use this component."""
        path = f"../../{self.folder}"
        return [one for one in built() if path in one.kustomization.get("components", [])]


@functools.cache
def built():
    """Every folder with a kustomization, built."""
    return [Built(path) for path in kustomizations(MANIFESTS)]


def folder(name):
    return next(one for one in built() if one.folder == name)


def all_of(kind):
    """The documents of this kind in all folders."""
    return [doc for one in built() for doc in one.documents if doc["kind"] == kind]


def pods(documents):
    """The pods that these would make, each with the kind and name of what makes it."""
    found = []
    for document in documents:
        if document["kind"] == "Pod":
            pod = document["spec"]
        elif document["kind"] in ("Deployment", "DaemonSet", "StatefulSet", "Job"):
            pod = document["spec"]["template"]["spec"]
        else:
            continue
        found.append((f"{document['kind']} {document['metadata']['name']}", pod))
    return found


def containers_of(pod):
    """Every container of a pod, those that run before the others included."""
    keys = ("initContainers", "containers", "ephemeralContainers")
    return [container for key in keys for container in pod.get(key) or []]


def custom():
    """The custom container files, by name."""
    paths = sorted((MANIFESTS / "ephemeral").glob("*.yaml"))
    paths = [path for path in paths if path.name != "kustomization.yaml"]
    assert len(paths) == 3, paths
    return [(path.name, yaml.safe_load(path.read_text())) for path in paths]


def pod_with(container):
    """A pod that would be admitted everywhere, with this file's container beside its own."""
    app = {
        "name": "app",
        "image": "app",
        "securityContext": {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    container = container | {"name": "spyhole", "image": "spyhole"}
    return {"containers": [app], "ephemeralContainers": [container]}
