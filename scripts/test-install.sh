#!/usr/bin/env bash
# Installs the debug build into a folder of its own and runs it from there, without the clone: programs, ONNX Runtime,
# completions, manual pages, and the systemd unit, which `systemd-analyze` verifies and rates.
set -euo pipefail

binaries="$(realpath "${CARGO_TARGET_DIR:-target}/debug")"
prefix="$(mktemp -d)"
BINARIES="$binaries" PREFIX="$prefix" "$(dirname "${BASH_SOURCE[0]}")/install.sh"

(
  cd "$prefix"
  unset ORT_DYLIB_PATH
  "$prefix/bin/slirec-server" --check --model "$prefix/share/slirec/models/demo"
  echo '{"user_id": "1", "history": [{"item": "novel", "time": 1730807061}]}' |
    "$prefix/bin/slirec" recommend - --bundle "$prefix/share/slirec/models/demo" | grep --quiet '"handle"'
  bash -n "$prefix/share/bash-completion/completions/slirec"
  [ -s "$prefix/share/man/man1/slirec-train.1" ]
)
echo "make install: both programs run from their prefix"

unit="$prefix/lib/systemd/system/slirec.service"
systemd-analyze verify "$unit"
systemd-analyze security --offline=true --threshold=20 "$unit" >/dev/null
rm -rf "$prefix"
echo "systemd/slirec.service: valid and hardened"
