# To be sourced: `start_service` starts the service on free ports and sets $address, $admin and $service (its process);
# it is stopped when the script ends. Settings come from the environment; $binary is the program.
start_service() {
  local log
  log="$(mktemp)"
  "$binary" --port 0 >"$log" 2>&1 &
  service=$!
  trap 'kill -TERM "$service" 2>/dev/null; wait "$service" 2>/dev/null' EXIT
  until address="$(service_address listening "$log")" && [ -n "$address" ]; do
    if ! kill -0 "$service" 2>/dev/null; then
      cat "$log" >&2
      exit 1
    fi
    sleep 0.05
  done
  admin="$(service_address "admin listening" "$log")"
  service_log="$log"
}

service_address() {
  sed -n "s/.*\"message\":\"$1\".*\"address\":\"\([^\"]*\)\".*/\1/p" "$2"
}
