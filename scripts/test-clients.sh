#!/usr/bin/env bash
# Asks the real service with clients that people have: KServe's and Triton's (from PyPI), a TypeScript client that is
# generated from the OpenAPI document (from npm), curl, Node's fetch, Prometheus' parser. The service runs twice: open,
# and with a key and an origin.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/running-service.sh

python=work/client-tests
requirements=scripts/test-clients.requirements.txt
if ! cmp --silent "$requirements" "$python/installed"; then
  "${PYTHON:-python3}" -m venv --clear "$python"
  "$python/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$python/installed"
fi
typescript=work/typescript-client
mkdir -p "$typescript"
cp tests/clients/typescript/* "$typescript"
(cd "$typescript" && npm ci --silent --no-audit --no-fund)

binary="${CARGO_TARGET_DIR:-target}/debug/slirec-server"
export SLIREC__LOG__LEVEL=warn,slirec_server::server=info SLIREC__SERVER__READ_TIMEOUT_SECONDS=5

generated_client() {
  curl --silent --fail "http://$address/openapi.json" >"$typescript/openapi.json"
  (
    cd "$typescript"
    npx openapi-typescript openapi.json --output api.d.ts
    npx tsc --project .
    node sample.js "http://$1"
  )
}

(
  start_service
  export CLIENTS_OPEN="$address"
  generated_client "$address"
  (
    export CLIENTS_KEY=client-tests-key-0123456789
    export SLIREC__AUTH__KEYS="$CLIENTS_KEY" SLIREC__CORS__ORIGINS=https://shop.example
    start_service
    export CLIENTS_GUARDED="$address" CLIENTS_ADMIN="$admin"
    "$python/bin/python" tests/clients/test_clients.py
  )
)
