"""Completes a CycloneDX list of a program's crates: `scripts/sbom.py SOURCE TARGET [NAME=VALUE ...]`.

Enters: the list that cargo-cyclonedx wrote; `libraries=FILE`, pinned requirements of PyPI whose libraries are used, and
`debian=FILE`, the packages of an image as dpkg keeps them (`/var/lib/dpkg/status`). Leaves: the list with all of these, in
which crates of the workspace are named by their place in it, not on this machine.
"""

import json
import re
import sys
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import quote


def library(line):
    """The component of a pinned requirement; none of another line."""
    found = re.match(r"([a-z0-9-]+)==([0-9.]+)", line)
    if not found:
        return None
    name, version = found.groups()
    reference = f"pkg:pypi/{name}@{version}"
    # NVIDIA's have a licence agreement of their own.
    licence = {"license": {"id": "MIT"}} if name.startswith("onnxruntime") else {"license": {"name": "see the package"}}
    return {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference, "licenses": [licence]}


def package(stanza):
    """The component of a package of Debian; none when it is not installed."""
    fields = HeaderParser().parsestr(stanza)
    if fields["Status"] != "install ok installed":
        return None
    name, version = fields["Package"], fields["Version"]
    reference = f"pkg:deb/debian/{quote(name, safe='')}@{quote(version, safe='')}?arch={fields['Architecture']}"
    return {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}


def components(kind, path):
    text = Path(path).read_text()
    if kind == "libraries":
        found = [library(line) for line in text.splitlines()]
    elif kind == "debian":
        found = [package(stanza) for stanza in text.split("\n\n") if stanza.strip()]
    else:
        sys.exit(f"error: {kind}={path}: expected libraries=FILE or debian=FILE")
    found = [component for component in found if component]
    if not found:
        sys.exit(f"error: {path} names nothing that is installed")
    return found


def main():
    source, target, *others = sys.argv[1:]
    sbom = json.loads(Path(source).read_text().replace(f"path+file://{Path.cwd()}", "path+file://."))
    for kind, _, path in (other.partition("=") for other in others):
        sbom["components"] += components(kind, path)
    Path(target).write_text(json.dumps(sbom, indent=2) + "\n")
    print(f"{target}: {len(sbom['components'])} components")


main()
