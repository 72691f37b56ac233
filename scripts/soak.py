"""Keeps the service under mixed traffic for hours and judges whether memory, descriptors and latency stay level: `make soak HOURS=2`.

Enters: a bundle, the optimised service and oha (as for `bench_serve.py`). Leaves: Markdown on standard output; ends with 1 when
something grew or a request failed that was not meant to, with 2 when the run was too short to say.

Recommendations and `/invocations` come at 60 % of what the service can answer beside everything else that goes on: deliveries of a
shop, changes of products, reloads and requests that are wrong. Slopes are fitted to windows (least squares), the first tenth of
them left out; a slope holds when its 95 % interval lies below the limit.

Environment: MODEL (bundle), HOURS (2), SHARE (of the capacity, 0.6), WINDOW (seconds, 60), SLIREC_SERVER (another binary).
"""

import http.client
import json
import math
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import shop
from bench_serve import MODEL, OHA, SERVICE, Service, answered, bodies, statuses

HOURS = float(os.environ.get("HOURS") or 2)
SHARE = float(os.environ.get("SHARE") or 0.6)
WINDOW = float(os.environ.get("WINDOW") or min(60, HOURS * 3600 / 12))
BINARY = Path(os.environ.get("SLIREC_SERVER") or SERVICE)
# Parts of the traffic.
PARTS = {"/v1/recommendations": 0.7, "/invocations": 0.3}
# Of a slope for an hour: of megabytes, descriptors, and of the median's share for latency.
LIMITS = {"resident memory, MB": 1.0, "file descriptors": 1.0, "p50, share": 0.1, "p99, share": 0.2}


class Background(threading.Thread):
    """Deliveries, changes, reloads and wrong requests until it is told to stop; counts what is answered."""

    def __init__(self, service, products):
        super().__init__(daemon=True)
        self.service, self.products, self.chance = service, products, random.Random(1)
        self.done, self.counts, self.wrong = threading.Event(), Counter(), Counter()
        self.number = 0

    def run(self):
        acts = [(self.deliver, 0.2), (self.patch, 0.2), (self.reload, 5.0), *((wrong, 0.5) for wrong in self.wrong_requests())]
        due = [time.monotonic() + every * self.chance.random() for _, every in acts]
        while not self.done.is_set():
            turn = min(range(len(acts)), key=due.__getitem__)
            self.done.wait(max(0, due[turn] - time.monotonic()))
            try:
                acts[turn][0]()
            except OSError as error:
                self.wrong[f"no answer: {error}"] += 1
            due[turn] = time.monotonic() + acts[turn][1]

    def ask(self, what, expected, method, path, body=b"", headers=None, admin=False):
        address = self.service.addresses["admin listening" if admin else "listening"]
        connection = http.client.HTTPConnection(address, timeout=60)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} | (headers or {}))
            answer = connection.getresponse()
            answer.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()
        self.counts[what] += 1
        if answer.status != expected:
            self.wrong[f"{what}: {answer.status}, expected {expected}"] += 1

    def next(self):
        self.number += 1
        return self.number, self.chance.choice(self.products)

    def deliver(self):
        body, headers = shop.delivery(*self.next())
        self.ask("delivery", 200, "POST", shop.PATH, body, headers)

    def patch(self):
        number, product = self.next()
        products = [{"product": product["handle"], "attributes": {"price": number % 1000}}]
        self.ask("change", 200, "POST", "/admin/products", json.dumps({"products": products}), admin=True)

    def reload(self):
        self.ask("reload", 200, "POST", "/admin/reload", admin=True)

    def wrong_requests(self):
        requests = [
            ("no JSON", 400, "POST", "/v1/recommendations", b'{"history": ['),
            ("unknown key", 400, "POST", "/v1/recommendations", b'{"histroy": []}'),
            ("bad time", 400, "POST", "/v1/recommendations", b'{"history": [{"item": "novel", "time": "soon"}]}'),
            ("no route", 404, "GET", "/v1/nothing", b""),
            ("wrong method", 405, "GET", "/v1/recommendations", b""),
            ("unsigned delivery", 401, "POST", shop.PATH, b"{}"),
            ("large body", 413, "POST", "/v1/recommendations", bytes(17 << 20)),
        ]
        return [lambda request=request: self.ask(*request) for request in requests] + [self.half_a_request]

    def half_a_request(self):
        host, port = self.service.addresses["listening"].rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        connection.connect()
        connection.sock.sendall(b"POST /v1/recommendations HTTP/1.1\r\nHost: soak\r\nContent-Length: 100\r\n\r\n{")
        connection.close()
        self.counts["half a request"] += 1


def descriptors(service):
    return len(os.listdir(f"/proc/{service.process.pid}/fd"))


def window(service, requests, rate):
    """One window of traffic; its figures."""
    with ThreadPoolExecutor(len(PARTS)) as pool:
        loads = {
            path: pool.submit(service.load, requests[path], seconds=WINDOW, rate=max(1, int(rate * part)), connections=16, path=path)
            for path, part in PARTS.items()
        }
        reports = {path: load.result() for path, load in loads.items()}
    main = reports["/v1/recommendations"]["latencyPercentiles"]
    return {
        "resident memory, MB": service.megabytes(),
        "file descriptors": descriptors(service),
        "p50": main["p50"],
        "p99": main["p99"],
        "answers": sum(report["statusCodeDistribution"].get("200", 0) for report in reports.values()),
        "failed": sum((Counter(statuses(report)) for report in reports.values()), Counter()) - Counter({"200": 1 << 60}),
    }


def slope(times, values):
    """Least squares: the slope for an hour and half of its 95 % interval."""
    count = len(times)
    mean_time, mean = sum(times) / count, sum(values) / count
    spread = sum((moment - mean_time) ** 2 for moment in times)
    fitted = sum((moment - mean_time) * (value - mean) for moment, value in zip(times, values)) / spread
    rest = sum((value - mean - fitted * (moment - mean_time)) ** 2 for moment, value in zip(times, values))
    error = math.sqrt(rest / max(1, count - 2) / spread)
    # Student's factor; 2 from 60 windows on.
    return fitted, error * (2 + 10 / max(1, count - 2))


def judge(windows):
    """A line for each slope, and the worst verdict: 0 holds, 2 too short to say, 1 grows."""
    kept = windows[max(1, len(windows) // 10) :]
    times = [window["hours"] for window in kept]
    verdicts = []
    print("| for an hour | slope | 95 % interval | limit | verdict |\n|---|---|---|---|---|")
    for name, limit in LIMITS.items():
        values = [window[name.removesuffix(", share")] for window in kept]
        if name.endswith("share"):
            middle = sorted(values)[len(values) // 2]
            values = [value / middle for value in values]
        fitted, half = slope(times, values)
        verdict = 0 if fitted + half < limit else 1 if fitted - half > limit else 2
        verdicts.append(verdict)
        words = ("holds", "GROWS", "too short to say")[verdict]
        print(f"| {name} | {fitted:+.3f} | {fitted - half:+.3f} to {fitted + half:+.3f} | {limit} | {words} |")
    return 1 if 1 in verdicts else max(verdicts)


def main():
    for needed in (BINARY, OHA, MODEL / "manifest.json"):
        if not needed.exists():
            sys.exit(f"error: {needed} is missing")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        products = json.loads((MODEL / "catalog.json").read_text())["products"]
        requests = {path: scratch / path.rsplit("/", 1)[1] for path in PARTS}
        for path, file in requests.items():
            bodies([product["handle"] for product in products], file, mlflow=path == "/invocations")
        changes = {"WEBHOOKS__SECRET": shop.SECRET, "WEBHOOKS__CHANGES": scratch / "changes", "ADMIN__PRODUCTS": scratch / "products"}
        with Service(MODEL, BINARY, **changes) as service:
            sys.exit(soak(service, requests, products))


def soak(service, requests, products):
    background = Background(service, products)
    background.start()
    capacity = answered(service.load(requests["/v1/recommendations"], seconds=max(5, WINDOW / 3), connections=16))
    rate = SHARE * capacity
    print(f"capacity beside the rest: {capacity:.0f} answers a second; {rate:.0f} are asked for", file=sys.stderr, flush=True)
    background.wrong.clear()
    windows, began = [], time.monotonic()
    while time.monotonic() - began < HOURS * 3600 or len(windows) < 5:
        measured = window(service, requests, rate)
        windows.append(measured | {"hours": (time.monotonic() - began) / 3600})
        shown = {name: value for name, value in windows[-1].items() if name != "failed"}
        print({name: round(value, 5) for name, value in shown.items()}, dict(measured["failed"]), file=sys.stderr, flush=True)
    background.done.set()
    background.join(60)
    failed = sum((measured["failed"] for measured in windows), Counter()) + background.wrong
    print(f"{windows[-1]['hours']:.2f} h, {rate:.0f} requests a second ({SHARE:.0%} of {capacity:.0f}); "
          f"{sum(measured['answers'] for measured in windows)} answers; {dict(background.counts)}\n")
    verdict = judge(windows)
    print(f"\nrequests that failed: {dict(failed) or 'none'}")
    return 1 if failed else verdict


if __name__ == "__main__":
    main()
