#!/usr/bin/env bash
# Measures the service on an NVIDIA card beside the processor of the same machine, after it has tried what happens without
# the card; prints a table. Takes about four minutes. Ends with 3 where there is no card, with 1 where something is wrong.
#
# `make test-cuda` builds and fetches what it needs. For another machine carry along: this repository with models/demo,
# target/release/slirec-server (or SLIREC_SERVER=), vendor/onnxruntime-cuda and work/tools/bin/oha. The machine needs
# Python 3, the driver (580 or newer) and glibc 2.28.
set -euo pipefail
cd "$(dirname "$0")/.."

# Where that was not fetched, what the caller has.
library="$PWD/vendor/onnxruntime-cuda/libonnxruntime.so"
if [ -f "$library" ]; then
  export ORT_DYLIB_PATH="$library"
fi
exec "${PYTHON:-python3}" scripts/test_cuda.py
