"""Validates documents against the schemas of each Kubernetes from 1.29 on.

Reads a list of {"name", "document"} from stdin; writes the versions and a list of
{"version", "name", "says"} for what is not valid.
"""

import functools
import json
import sys

from kubernetes_validate import utils

# Otherwise the definitions of a version are read anew for each document.
utils.schema_contents = functools.lru_cache(maxsize=None)(utils.schema_contents)

versions = sorted(
    {utils.major_minor(version) for version in utils.all_versions()},
    key=lambda version: int(version.split(".")[1]),
)
versions = [version for version in versions if int(version.split(".")[1]) >= 29]
refused = []
subjects = json.load(sys.stdin)
for version in versions:
    for subject in subjects:
        try:
            utils.validate(subject["document"], version, strict=True)
        except utils.ValidationError as why:
            place = "/".join(str(step) for step in why.absolute_path)
            says = f"{place}: {why.message}"
        except utils.SchemaNotFoundError as why:
            says = why.message
        else:
            continue
        refused.append({"version": version, "name": subject["name"], "says": says})
json.dump({"versions": versions, "refused": refused}, sys.stdout)
