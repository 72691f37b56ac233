#!/usr/bin/env bash
# Fetches ONNX Runtime's shared library into vendor/onnxruntime, from PyPI's wheels, by pinned hashes. With CUDA=1 it is
# the one for NVIDIA's cards, with the libraries of CUDA and cuDNN that it needs, in vendor/onnxruntime-cuda (2 GB).
# Does nothing when all files are there and have the right hashes. Needs Python 3; any version will do.
set -euo pipefail
cd "$(dirname "$0")/.."

machine="${1:-$(uname -m)}"
name="onnxruntime${CUDA:+-cuda}"
folder="vendor/$name"
requirements="scripts/$name.requirements.txt"
version="$(sed -n 's/^onnxruntime[a-z-]*==\([0-9.]*\).*/\1/p' "$requirements")"
# The files, with their hashes.
sums="$PWD/scripts/$name-$machine.sha256"
if [ "$(uname -s)" != Linux ] || [ ! -f "$sums" ]; then
  echo "no pinned $name for $(uname -s) on $machine: install $version and set ORT_DYLIB_PATH" >&2
  exit 1
fi

verified() { (cd "$1" && sha256sum --check --status "$sums" 2>/dev/null); }

link() { ln -sfn "libonnxruntime.so.$version" "$folder/libonnxruntime.so"; }

# What the libraries of a folder need and neither it nor the system has.
absent() {
  for library in "$1"/*.so*; do
    LD_LIBRARY_PATH="$1" ldd "$library"
  done | sed -n 's/^[[:space:]]*\(.*\) => not found$/\1/p' | sort -u
}

# Says what is there; all but the driver must be.
describe() {
  local missing
  missing="$(absent "$folder")"
  if grep --quiet --invert-match --line-regexp 'libcuda\.so\.1' <<<"${missing:-libcuda.so.1}"; then
    echo "$folder lacks ${missing//$'\n'/ }" >&2
    exit 1
  fi
  echo "$folder: ONNX Runtime $version for CUDA, $(grep --count . "$sums") libraries with all that they need" >&2
  if [ -n "$missing" ]; then
    echo "but for $missing, which comes with NVIDIA's driver (580 or newer for CUDA 13) and is not on this machine" >&2
  fi
}

if [ -d "$folder" ] && verified "$folder"; then
  link
  if [ -n "${CUDA:-}" ]; then describe; fi
  exit 0
fi

# Downloading installs nothing, so an "externally managed" Python does it too; one without pip gets it in a
# virtual environment of our own.
python="${PYTHON:-python3}"
if ! "$python" -m pip --version >/dev/null 2>&1; then
  "$python" -m venv work/python
  python=work/python/bin/python3
fi

mkdir -p "$folder"
partial="$(mktemp -d "$folder/fetch.partial.XXXXXX")"
trap 'rm -rf "$partial"' EXIT

echo "fetching $name $version for $machine" >&2
# Known wheels, whichever Python runs: the libraries inside do not depend on it.
platforms=()
for platform in manylinux_2_28 manylinux_2_27 manylinux2014; do platforms+=(--platform "${platform}_$machine"); done
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
  "${platforms[@]}" --python-version 3.11 --implementation cp --abi cp311 \
  --dest "$partial" --requirement "$requirements"

"$python" - "$partial" "$sums" <<'PYTHON'
import pathlib, shutil, sys, zipfile

folder, sums = map(pathlib.Path, sys.argv[1:])
wanted = {line.split()[1] for line in sums.read_text().splitlines()}
for wheel in folder.glob("*.whl"):
    package = wheel.name.split("-")[0]
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            name = member.rsplit("/", 1)[-1]
            if member in ("onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt") or name in wanted:
                target = folder / name
            elif name == "License.txt":
                target = folder / f"LICENSE-{package}.txt"
            else:
                continue
            with archive.open(member) as source, open(target, "wb") as copy:
                shutil.copyfileobj(source, copy)
    wheel.unlink()
PYTHON

if ! verified "$partial"; then
  echo "what was fetched differs from $sums:" >&2
  (cd "$partial" && sha256sum --check --quiet "$sums") >&2 || exit 1
fi
mv "$partial"/* "$folder/"
link
if [ -n "${CUDA:-}" ]; then describe; else echo "$folder/libonnxruntime.so.$version" >&2; fi
