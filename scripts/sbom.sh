#!/usr/bin/env bash
# Writes a CycloneDX list of what each program is built from into work/sbom: the crates of Cargo.lock that this machine's
# build uses, and ONNX Runtime as it is pinned. TOOL is the folder of cargo-cyclonedx.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="${TOOL:-$PWD/work/tools/bin}:$PATH"

folder=work/sbom
rm -rf "$folder"
mkdir -p "$folder"
# The tool writes beside each manifest.
written() { find . -name '*.cdx.json' -not -path './target/*' -not -path './work/*' "$@"; }
trap 'written -delete' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --no-build-deps
for program in slirec-server slirec; do
  found="$(written -name "${program}_bin.cdx.json")"
  python3 - "$found" "$folder/$program.cdx.json" <<'PYTHON'
import json
import re
import sys
from pathlib import Path

source, target = sys.argv[1:]
# Crates of the workspace are named by their place in it, not on this machine.
sbom = json.loads(Path(source).read_text().replace(f"path+file://{Path.cwd()}", "path+file://."))
version = re.search(r"^onnxruntime==([0-9.]+)", Path("scripts/onnxruntime.requirements.txt").read_text(), re.MULTILINE)[1]
reference = f"pkg:pypi/onnxruntime@{version}"
sbom["components"].append({"type": "library", "bom-ref": reference, "name": "onnxruntime", "version": version,
                           "purl": reference, "licenses": [{"license": {"id": "MIT"}}]})
Path(target).write_text(json.dumps(sbom, indent=2) + "\n")
print(f"{target}: {len(sbom['components'])} components")
PYTHON
done
