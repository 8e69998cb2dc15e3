"""Licences, sources and bans of all crates, by cargo-deny and deny.toml. Advisories are asked for by `make advisories`:
they are not here, and change by the day."""

import contextlib
import json
import pathlib
import tempfile
import tomllib
import unittest

from common import TOOLS, metadata, run, text_of

TARGETS = tomllib.loads(text_of("deny.toml"))["graph"]["targets"]


@contextlib.contextmanager
def graph(target):
    """The crates for a target, as a file. Left to itself cargo-deny wants those of every system."""
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place) / "metadata.json"
        path.write_text(json.dumps(metadata("--filter-platform", target)))
        yield path


def deny(target, config="deny.toml"):
    with graph(target) as crates:
        flags = ("--offline", "--color=never", f"--target={target}", f"--metadata-path={crates}")
        return run(TOOLS / "bin/cargo-deny", *flags, f"--config={config}", "check", "bans", "licenses", "sources")


class Deny(unittest.TestCase):
    def test_each_crate_is_one_that_deny_toml_admits(self):
        self.assertEqual(len(TARGETS), 4)
        for target in TARGETS:
            said = deny(target)
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertIn("bans ok, licenses ok, sources ok", said.stdout + said.stderr, target)

    def test_what_it_does_not_admit_is_seen(self):
        registry = 'unknown-registry = "deny"\nallow-registry = []'
        for right, wrong, says in (
            ('    "ISC",\n', "", "error[rejected]: failed to satisfy license requirements"),
            ('    "ISC",\n', '    "ISC",\n    "GPL-3.0-only",\n', "error[license-not-encountered]"),
            ('name = "native-tls"', 'name = "rustls"', "error[banned]: crate 'rustls"),
            ("skip = [", "skip = []\n# [", "error[duplicate]: found 2 duplicate entries for crate 'syn'"),
            ('unknown-registry = "deny"', registry, "error[source-not-allowed]"),
        ):
            text = text_of("deny.toml")
            self.assertIn(right, text)
            with self.subTest(wrong), tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
                config.write(text.replace(right, wrong))
                config.flush()
                said = deny(TARGETS[0], config.name)
                self.assertNotEqual(said.returncode, 0)
                self.assertIn(says, said.stderr)
