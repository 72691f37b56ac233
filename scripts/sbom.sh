#!/usr/bin/env bash
# Writes a CycloneDX list of what each program is built from into work/sbom: the crates of Cargo.lock that this machine's
# build uses, and ONNX Runtime as it is pinned (CUDA=1: with NVIDIA's libraries). TOOL is the folder of cargo-cyclonedx.
# With DEBIAN, the packages of an image (its /var/lib/dpkg/status), they are part of the service's list.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="${TOOL:-$PWD/work/tools/bin}:$PATH"

folder=work/sbom
libraries="scripts/onnxruntime${CUDA:+-cuda}.requirements.txt"
rm -rf "$folder"
mkdir -p "$folder"
# The tool writes beside each manifest.
written() { find . -name '*.cdx.json' -not -path './target/*' -not -path './work/*' "$@"; }
trap 'written -delete' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --no-build-deps
for program in slirec-server slirec; do
  image=()
  if [ "$program" = slirec-server ] && [ -n "${DEBIAN:-}" ]; then image=("debian=$DEBIAN"); fi
  python3 scripts/sbom.py "$(written -name "${program}_bin.cdx.json")" "$folder/$program.cdx.json" \
    "libraries=$libraries" "${image[@]}"
done
