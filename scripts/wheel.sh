#!/usr/bin/env bash
# Builds the Python wheel into work/wheel, with the module and both programs. PROFILE=dev builds it in minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

maturin_version=1.16.0
profile="${PROFILE:-release}"
folder="$profile"
if [ "$profile" = dev ]; then folder=debug; fi

tools=work/wheel-tools
if ! "$tools/bin/maturin" --version 2>/dev/null | grep --quiet --word-regexp "$maturin_version"; then
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check "maturin==$maturin_version"
fi

cargo build --profile "$profile" --locked --workspace --bins
programs=crates/python/python/slirec/bin
mkdir -p "$programs"
for program in slirec slirec-server; do
  install --mode 755 --strip "${CARGO_TARGET_DIR:-target}/$folder/$program" "$programs/$program"
done
rm -rf work/wheel
"$tools/bin/maturin" build --profile "$profile" --locked --manifest-path crates/python/Cargo.toml --out work/wheel
ls -l work/wheel/*.whl
