"""Licence notices of the crates that a program is linked from: Cargo's own view of them enters, one text leaves on standard
output. `scripts/notices.py [PACKAGE]`, by default slirec-server; needs only Python and cargo."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = re.compile(r"(licen[cs]e|copying|notice|copyright|unlicense)([-._].*)?$", re.IGNORECASE)


def linked(metadata: dict, name: str) -> list[dict]:
    """The packages behind a package's normal dependencies, but those of the workspace."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    start = next(package["id"] for package in packages.values() if package["name"] == name)
    seen, waiting = set(), [start]
    while waiting:
        identifier = waiting.pop()
        if identifier in seen:
            continue
        seen.add(identifier)
        for dependency in nodes[identifier]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    found = [packages[identifier] for identifier in seen if packages[identifier]["source"]]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def texts(package: dict) -> list[str]:
    """The licence files that the package comes with."""
    folder = Path(package["manifest_path"]).parent
    files = sorted(path for path in folder.iterdir() if path.is_file() and NAMES.match(path.name))
    return [path.read_text(encoding="utf-8", errors="replace").strip() for path in files]


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "slirec-server"
    platform = re.search(r"^host: (.*)$", subprocess.check_output(["rustc", "-vV"], text=True), re.MULTILINE)[1]
    command = ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={platform}"]
    packages = linked(json.loads(subprocess.check_output(command, cwd=ROOT)), name)
    # Most crates have the same few texts: each is shown once.
    users: dict[str, tuple[str, list[str]]] = {}
    print(f"{name} is linked from {len(packages)} packages of others.\n")
    for package in packages:
        title = f"{package['name']} {package['version']}"
        print(f"{title}: {package['license'] or 'see its text'}; {package['repository'] or 'crates.io'}")
        for text in texts(package):
            users.setdefault(" ".join(text.split()), (text, []))[1].append(title)
    for text, titles in users.values():
        print(f"\n{'-' * 80}\n{', '.join(titles)}\n\n{text}")


if __name__ == "__main__":
    main()
