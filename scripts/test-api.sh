#!/usr/bin/env bash
# Tests the real service against its own OpenAPI document, with schemathesis in a virtual environment of its own: first
# open, then with API keys. EXAMPLES= sets the number of generated requests for each operation and phase.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/running-service.sh

environment=work/api-tests
requirements=scripts/test-api.requirements.txt
if ! cmp --silent "$requirements" "$environment/installed"; then
  "${PYTHON:-python3}" -m venv --clear "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$environment/installed"
fi

binary="${CARGO_TARGET_DIR:-target}/debug/slirec-server"
export PYTHONPATH=scripts SCHEMATHESIS_HOOKS=test_api_hooks
export SLIREC__LOG__LEVEL=warn,slirec_server::server=info

scenarios="$(mktemp)"
printf '[cart]\nlimit = 4\n[home]\nsources = ["popular"]\n' >"$scenarios"
export SLIREC__SCENARIOS__FILE="$scenarios"

test_service() {
  start_service
  "$environment/bin/schemathesis" run "http://$address/openapi.json" --checks all --max-examples "${EXAMPLES:-200}" \
    --seed 42 --continue-on-failure "$@"
}

(test_service)
key=schemathesis-key-0123456789
export SLIREC__AUTH__KEYS="$key"
(EXAMPLES=20 test_service --header "x-api-key: $key")
