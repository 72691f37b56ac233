#!/usr/bin/env bash
# Fetches ONNX Runtime's shared library into vendor/onnxruntime, from PyPI's wheel, by pinned hashes.
# Does nothing when the library is there and has the right hash. Needs Python 3; any version will do.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.32.0
machine="${1:-$(uname -m)}"
case "$(uname -s)-$machine" in
  Linux-x86_64) sha256=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f ;;
  Linux-aarch64) sha256=49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a ;;
  *)
    echo "no pinned ONNX Runtime for $(uname -s) on $machine: install $version and set ORT_DYLIB_PATH" >&2
    exit 1
    ;;
esac

folder=vendor/onnxruntime
library="libonnxruntime.so.$version"

verified() { echo "$sha256  $1" | sha256sum --check --status 2>/dev/null; }

link() { ln -sfn "$library" "$folder/libonnxruntime.so"; }

if [ -f "$folder/$library" ] && verified "$folder/$library"; then
  link
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

echo "fetching ONNX Runtime $version for $machine" >&2
# One known wheel, whichever Python runs: the library inside does not depend on it.
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
  --platform "manylinux_2_28_$machine" --python-version 3.11 --implementation cp --abi cp311 \
  --dest "$partial" --requirement scripts/onnxruntime.requirements.txt

"$python" - "$partial" "$library" <<'PYTHON'
import pathlib, shutil, sys, zipfile

folder, library = pathlib.Path(sys.argv[1]), sys.argv[2]
(wheel,) = folder.glob("onnxruntime-*.whl")
members = {f"onnxruntime/capi/{library}": library}
members.update({f"onnxruntime/{name}": name for name in ("LICENSE", "ThirdPartyNotices.txt")})
with zipfile.ZipFile(wheel) as archive:
    for member, name in members.items():
        with archive.open(member) as source, open(folder / name, "wb") as target:
            shutil.copyfileobj(source, target)
PYTHON

if ! verified "$partial/$library"; then
  echo "$library has SHA-256 $(sha256sum "$partial/$library" | cut -d' ' -f1): expected $sha256" >&2
  exit 1
fi
mv "$partial/LICENSE" "$partial/ThirdPartyNotices.txt" "$partial/$library" "$folder/"
link
echo "$folder/$library" >&2
