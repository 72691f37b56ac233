#!/usr/bin/env bash
# Builds the image of the Dockerfile and checks it as deploy/ runs it. Needs Docker or Podman: BUILDER=docker or
# BUILDER=podman chooses, RUST_IMAGE= and DEBIAN_IMAGE= name other base images, IMAGE= names what is built.
set -euo pipefail
cd "$(dirname "$0")/.."

# A client without its daemon builds nothing.
works() { command -v "$1" >/dev/null && "$1" info >/dev/null 2>&1; }

builder="${BUILDER:-}"
if [ -n "$builder" ]; then
  works "$builder" || { echo "\`$builder info\` fails: it is not installed, its daemon does not run, or you may not use it" >&2; exit 1; }
else
  for known in docker podman; do
    if works "$known"; then builder="$known" && break; fi
  done
  [ -n "$builder" ] || { echo "no image was built: neither Docker with its daemon nor Podman is there (apt-get install podman)" >&2; exit 1; }
fi

image="${IMAGE:-slirec:test}"
arguments=()
for name in RUST_IMAGE DEBIAN_IMAGE; do
  if [ -n "${!name:-}" ]; then arguments+=(--build-arg "$name=${!name}"); fi
done
# The OCI's format, Podman's own choice, has no health checks.
case "$(basename "$builder")" in podman*) arguments+=(--format docker) ;; esac
"$builder" build "${arguments[@]}" --tag "$image" .
exec "${PYTHON:-python3}" scripts/test_image.py "$builder" "$image"
