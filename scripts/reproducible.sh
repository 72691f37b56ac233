#!/usr/bin/env bash
# Builds both programs twice from nothing and compares them: the same bytes, or the sections that differ, and exit code 1.
# Cargo's folder has another path each time, so that a path in a program shows.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for turn in first second; do
  # Paths of the sources, of the registry and of the build are the same in every build.
  RUSTFLAGS="--remap-path-prefix=$PWD=/slirec --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$work/$turn=/build" \
    CARGO_TARGET_DIR="$work/$turn" cargo build --release --locked --workspace --bins
done
for program in slirec slirec-server; do
  sha256sum "$work/first/release/$program" "$work/second/release/$program" | sed "s|$work/||"
  if ! cmp --silent "$work/first/release/$program" "$work/second/release/$program"; then
    for turn in first second; do readelf --wide --sections "$work/$turn/release/$program" > "$work/$turn-$program"; done
    diff "$work/first-$program" "$work/second-$program" >&2 || true
    echo "$program differs" >&2
    exit 1
  fi
done
echo "two builds, the same bytes"
