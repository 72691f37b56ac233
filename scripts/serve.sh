#!/usr/bin/env bash
# Serves the demo bundle in the foreground and prints a request to paste once it answers.
set -euo pipefail
cd "$(dirname "$0")/.."

host="${HOST:-127.0.0.1}"
port="${PORT:-8080}"
binary="${CARGO_TARGET_DIR:-target}/release/slirec-server"

announce() {
  while ! (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null; do
    # The service has ended, with a message of its own.
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  # Another program may hold the port: then the service has ended with a message of its own by now.
  sleep 0.3
  kill -0 "$1" 2>/dev/null || return 0
  cat <<TEXT

Serving ${MODEL:-models/demo}. Products for a shopper who has just viewed a novel and an atlas:

  curl -s http://$host:$port/v1/recommendations -H 'content-type: application/json' \\
    -d '{"history": [{"item": "novel", "time": $(($(date +%s) - 90))}, {"item": "atlas", "time": $(($(date +%s) - 30))}], "limit": 16}'

The same as clients of an MLflow scoring server ask it:

  curl -s http://$host:$port/invocations -H 'content-type: application/json' \\
    -d '{"inputs": {"userId": "shopper-1", "items": ["novel", "atlas"], "timestamps": ["$(($(date +%s) - 90))", "$(($(date +%s) - 30))"]}}'

Ctrl-C stops the service.

TEXT
}

export SLIREC__LOG__FORMAT="${SLIREC__LOG__FORMAT:-text}"
announce $$ &
exec "$binary" --model "${MODEL:-models/demo}" --host "$host" --port "$port"
