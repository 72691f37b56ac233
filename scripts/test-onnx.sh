#!/usr/bin/env bash
# Exports the original's weights as one ONNX file and has it checked in Python, by stock ONNX Runtime and onnx.checker.
# Takes the virtual environment that holds them.
set -euo pipefail
cd "$(dirname "$0")/.."

python="${1:?the virtual environment}/bin/python"
golden=tests/fixtures/golden
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${CARGO_TARGET_DIR:-target}/debug/slirec" export --from "$golden/weights.safetensors" \
  --item-vocabulary "$golden/item_vocab.json" --category-vocabulary "$golden/cate_vocab.json" \
  --item-categories "$golden/item_category.json" --catalog "$golden/catalog.json" --output "$work/bundle" \
  --self-contained "$work/model.onnx" --limit 1000
"$python" tests/python/check_model_onnx.py "$work/model.onnx" "$golden/requests.json.gz"
