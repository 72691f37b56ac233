"""Lets a real Prometheus scrape a fresh service, and asks it whether it saw the first errors.

Enters: the addresses of the clients and of the metrics (`host:port`). Leaves: one line, or what Prometheus did not see.
"""

import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

LATE = 20
ROUTE = "/v1/recommendations:batch"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def query(port, expression):
    address = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(address, timeout=10) as response:
        return [float(sample["value"][1]) for sample in json.load(response)["data"]["result"]]


def wait_for(what, ask, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if ask():
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.5)
    sys.exit(f"error: Prometheus has not seen {what} after {seconds} s")


def late_request(address):
    """Asks for more than can be answered in a millisecond; the status."""
    session = {"history": [{"item": "novel", "time": 1730807061}] * 50}
    body = json.dumps({"sessions": [session] * 100}).encode()
    request = urllib.request.Request(f"http://{address}{ROUTE}", data=body, headers={"x-request-timeout-ms": "1"})
    try:
        return urllib.request.urlopen(request, timeout=60).status
    except urllib.error.HTTPError as error:
        return error.code


def main():
    clients, metrics = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        folder, port = pathlib.Path(folder), free_port()
        targets = f"[{{targets: ['{metrics}']}}]"
        job = f"{{job_name: slirec, scrape_interval: 1s, scrape_timeout: 1s, static_configs: {targets}}}"
        (folder / "prometheus.yml").write_text(f"scrape_configs: [{job}]\n")
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        prometheus = subprocess.Popen(command + [f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
        try:
            wait_for("the service", lambda: query(port, "count_over_time(slirec_deadline_exceeded_total[1m]) >= 2"))
            statuses = {late_request(clients) for _ in range(LATE)}
            if statuses != {504}:
                sys.exit(f"error: late requests were answered with {sorted(statuses)}")
            errors = f'increase(slirec_requests_total{{route="{ROUTE}",status="504"}}[1m])'
            wait_for("the first errors", lambda: max(query(port, errors), default=0.0) > LATE / 2)
        finally:
            prometheus.terminate()
            prometheus.wait(30)
    print(f"Prometheus: {LATE} first errors are an increase of slirec_requests_total")


if __name__ == "__main__":
    main()
