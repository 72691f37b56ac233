#!/usr/bin/env bash
# Makes models/demo from data/demo: the same bytes for the same SEED and SOURCE_DATE_EPOCH.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${SEED:?the seed of every step}" "${SOURCE_DATE_EPOCH:?the creation time that the files carry}"
export SOURCE_DATE_EPOCH
slirec="${CARGO_TARGET_DIR:-target}/release/slirec"
catalog=data/demo/catalog.json
work=work/demo
mkdir -p "$work"

step() {
  echo "+ slirec $*" >&2
  "$slirec" "$@"
}

step interactions generate --catalog "$catalog" --rules data/demo/rules.toml --seed "$SEED" \
  --output "$work/interactions.tsv" --force
step prepare --interactions "$work/interactions.tsv" --output "$work/dataset" --seed "$SEED" --force
step train --dataset "$work/dataset" --output "$work/run" --seed "$SEED" \
  --force
step evaluate --run "$work/run" --dataset "$work/dataset" --set test
step export --run "$work/run" --dataset "$work/dataset" --catalog "$catalog" --name slirec-demo --version 1 \
  --output models/demo --force
