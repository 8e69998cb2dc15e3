"""What a release says is linked into it: its SBOM and the licences, against Cargo.lock and what Cargo resolves."""

import functools
import importlib.util
import json
import pathlib
import re
import tomllib
import unittest

import jsonschema
import referencing

from common import TOP, output_of, text_of

TARGETS = tomllib.loads(text_of("deny.toml"))["graph"]["targets"]


@functools.cache
def said(command, *targets):
    return output_of(TOP / "scripts/linked", command, *(targets or TARGETS))


def sbom():
    return json.loads(said("sbom"))


def schema():
    """The schema of CycloneDX 1.6 with those that it refers to."""
    place = pathlib.Path(importlib.util.find_spec("cyclonedx").origin).parent / "schema/_res"
    own = json.loads((place / "bom-1.6.SNAPSHOT.schema.json").read_text())
    registry = referencing.Registry()
    for name in ("spdx", "jsf-0.82", "cryptography-defs"):
        contents = json.loads((place / f"{name}.SNAPSHOT.schema.json").read_text())
        resource = referencing.Resource.from_contents(contents, referencing.jsonschema.DRAFT7)
        registry = registry.with_resource(contents["$id"], resource)
    return jsonschema.Draft7Validator(own, registry=registry)


def locked():
    """Each package of Cargo.lock by name and version."""
    packages = tomllib.loads(text_of("Cargo.lock"))["package"]
    return {(one["name"], one["version"]): one for one in packages}


def resolved(target):
    """What `cargo tree` shows below spyhole for a target, without macros and what only these need."""
    flags = ("--package=spyhole", "--edges=normal", "--prefix=depth", "--no-dedupe", f"--target={target}")
    found, left_out = set(), None
    for line in output_of("cargo", "tree", "--locked", *flags).splitlines():
        depth, name, version, macro = re.fullmatch(r"(\d+)(\S+) v(\S+)( \(proc-macro\))?( \(/.*\))?", line).groups()[:4]
        if left_out is not None and int(depth) > left_out:
            continue
        left_out = int(depth) if macro else None
        if not macro and int(depth) > 0:
            found.add((name, version))
    return found


class Linked(unittest.TestCase):
    def test_the_sbom_is_one_that_cyclonedx_describes(self):
        validator, document = schema(), sbom()
        self.assertEqual([error.message for error in validator.iter_errors(document)], [])
        document["components"][0]["hashes"][0]["alg"] = "SHA-0"
        self.assertNotEqual(list(validator.iter_errors(document)), [])

    def test_the_sbom_has_what_cargo_resolves_as_cargo_lock_has_it(self):
        document, lock = sbom(), locked()
        components = {(one["name"], one["version"]): one for one in document["components"]}
        self.assertEqual(len(components), len(document["components"]), "one is there twice")
        self.assertEqual(set(components), set().union(*map(resolved, TARGETS)))
        self.assertGreater(len(components), 100)
        for key, component in components.items():
            (checksum,) = component["hashes"]
            self.assertEqual(checksum, {"alg": "SHA-256", "content": lock[key]["checksum"]}, key)
            self.assertEqual(component["purl"], f"pkg:cargo/{key[0]}@{key[1]}")
        own = document["metadata"]["component"]
        self.assertIn((own["name"], own["version"]), lock)

    def test_what_needs_what_is_in_cargo_lock_too(self):
        document, lock = sbom(), locked()
        references = {one["bom-ref"]: (one["name"], one["version"]) for one in document["components"]}
        own = document["metadata"]["component"]
        references[own["bom-ref"]] = (own["name"], own["version"])
        reached = set()
        for one in document["dependencies"]:
            # A name, with its version where there are several.
            names = {needed.split()[0] for needed in lock[references[one["ref"]]]["dependencies"]} \
                if one["dependsOn"] else set()
            for needed in one["dependsOn"]:
                self.assertIn(references[needed][0], names, one["ref"])
                reached.add(needed)
        self.assertEqual(reached, set(references) - {own["bom-ref"]}, "nothing needs the others")

    def test_both_architectures_have_the_same_crates(self):
        """So that one list is for both archives; scripts/dist takes this for granted."""
        one, other = (target for target in TARGETS if target.endswith("-musl"))
        self.assertEqual(said("crates", one), said("crates", other))

    def test_the_licences_name_each_crate_and_hold_its_text(self):
        text = said("licences")
        listed, texts = text.split("\nThe texts of these licences")
        rows = dict(re.findall(r"^(\S+ \S+): (.*);", listed, re.MULTILINE))
        headed = {tuple(line.split()[:2]) for line in texts.splitlines() if re.fullmatch(r"\S+ \d\S+ \(.*\)", line)}
        for component in sbom()["components"]:
            name, version = component["name"], component["version"]
            self.assertEqual(rows[f"{name} {version}"], component["licenses"][0]["expression"])
            self.assertIn((name, version), headed, "has no text")
        for notice in (
            # ring, in a folder of its own; Rust's standard library; the C library of a release.
            "Copyright 2015-2020 the fiat-crypto authors",
            "library/core/src/unicode/unicode_data.rs: Unicode-3.0",
            "Copyright: 2005-2020 Rich Felker",
        ):
            self.assertTrue(notice in text, notice)
