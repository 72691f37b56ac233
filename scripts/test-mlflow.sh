#!/usr/bin/env bash
# Tests publishing and serving with a real MLflow: takes the folder of virtual environments and the versions to test.
set -euo pipefail
cd "$(dirname "$0")/.."

environments="${1:?the folder of virtual environments}"
shift
binaries="${CARGO_TARGET_DIR:-target}"
slirec="$binaries/debug/slirec"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/data"
"$slirec" export --bundle models/demo --self-contained "$work/data/model.onnx"
# The run that the demo came from is there when `make demo` was run here.
run=()
if [ -f work/demo/run/run.json ]; then run=(--run work/demo/run); fi
for version in "$@"; do
  python="$environments/mlflow-$version/bin/python"
  echo "MLflow $version"
  "$python" tests/mlflow/test_loader.py "$work/data"
  "$python" tests/mlflow/test_registry.py --slirec "$slirec" --server "$binaries/release/slirec-server" "${run[@]}"
done
