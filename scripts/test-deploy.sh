#!/usr/bin/env bash
# Checks what lies in deploy/ as far as that can be done without a cluster: the Prometheus rules and their unit tests
# (promtool, in Debian's package `prometheus`), a scrape by Prometheus itself, the metrics that rules and dashboard
# name, the Kubernetes and compose files (against their schemas), the Dockerfile (hadolint), and what `make install`
# puts where (systemd-analyze, in Debian's package `systemd`).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/running-service.sh

command -v systemd-analyze >/dev/null || { echo "systemd-analyze is missing: apt-get install systemd" >&2; exit 1; }
command -v promtool >/dev/null || { echo "promtool is missing: apt-get install prometheus" >&2; exit 1; }
environment=work/deploy-tests
requirements=scripts/test-deploy.requirements.txt
if ! cmp --silent "$requirements" "$environment/installed"; then
  "${PYTHON:-python3}" -m venv --clear "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$environment/installed"
fi

# Debian keeps no old versions of packages: the base image is what pins them.
"$environment/bin/hadolint" --ignore DL3008 Dockerfile
echo "Dockerfile: hadolint has nothing to say"

. scripts/test-install.sh

(cd deploy/prometheus && promtool check config prometheus.yml && promtool check rules rules.yml && promtool test rules rules.test.yml)

binary="${CARGO_TARGET_DIR:-target}/debug/slirec-server"
start_service
"$environment/bin/python" scripts/test_scrape.py "$address" "$admin"
metrics="$(mktemp)"
# One answer of each kind, so that every series is there.
curl --silent --fail --output /dev/null "http://$address/v1/recommendations" --data '{"history": [{"item": "novel", "time": 1730807061}]}'
curl --silent --fail "http://$admin/metrics" >"$metrics"
promtool check metrics <"$metrics"
"$environment/bin/python" scripts/test_deploy.py "$metrics"
