"""Measures the service under load and prints one table: `make bench-serve`.

Enters: a bundle, the optimised service and oha, both on this machine. Leaves: Markdown on standard output. Client and service
share the machine's cores; requests come at a constant rate with latency correction (oha), each with a history whose length
follows a power law (mean about 7, at most 50). Needs nothing but Python's standard library.

Environment: MODEL (bundle), SECONDS_EACH (of each load, 20), SOAK (seconds of the memory test, 600; 0 leaves it out), REPEAT (times
that each load is measured, 3: of closed loops the median counts, of the others the quietest), CATALOGUES (sizes, 1000,10000,100000; empty leaves them out), CLIENTS (of the
closed loops, 1,2,4,…,512; empty leaves them out), ONLY (parts to measure: load, invocations, goodput, open, catalogues, memory;
empty for all), BEFORE (another binary of the service, whose goodput is measured in turn with this one's).
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
SERVICE = TARGET / "release/slirec-server"
OHA = Path("work/tools/bin/oha")
MODEL = Path(os.environ.get("MODEL", "models/demo"))
SECONDS = int(os.environ.get("SECONDS_EACH", "20"))
SOAK = int(os.environ.get("SOAK", "600"))
REPEAT = int(os.environ.get("REPEAT", "3"))
CLIENTS = [int(count) for count in os.environ.get("CLIENTS", "1,2,4,8,16,32,64,128,256,512").split(",") if count]
ONLY = [part for part in os.environ.get("ONLY", "").split(",") if part]
BEFORE = os.environ.get("BEFORE")
CATALOGUES = [int(size) for size in os.environ.get("CATALOGUES", "1000,10000,100000").split(",") if size]
LONGEST = 50
MEAN = 7.0
TIME = 1_732_000_000
ROWS = []


def row(what, measured):
    ROWS.append((what, measured))
    print(f"{what}: {measured}", file=sys.stderr, flush=True)


def lengths():
    """Chances of the lengths 1 to 50 under the power law whose mean is MEAN."""
    low, high = 0.0, 5.0
    while high - low > 1e-6:
        exponent = (low + high) / 2
        chances = [length**-exponent for length in range(1, LONGEST + 1)]
        mean = sum(length * chance for length, chance in enumerate(chances, 1)) / sum(chances)
        low, high = (exponent, high) if mean > MEAN else (low, exponent)
    return chances


def bodies(handles, path, count=2000, length=None, mlflow=False):
    """Writes requests, one a line: of /v1/recommendations, or of /invocations."""
    chance = random.Random(42)
    chances = lengths()
    with path.open("w") as file:
        for _ in range(count):
            views = length or chance.choices(range(1, LONGEST + 1), chances)[0]
            history = [{"item": chance.choice(handles), "time": TIME + 60 * view} for view in range(views)]
            body = {"history": history, "now": TIME + 90_000}
            if mlflow:
                items, times = [view["item"] for view in history], [str(view["time"]) for view in history]
                body = {"inputs": [{"userId": "shopper", "items": items, "timestamps": times}]}
            file.write(json.dumps(body) + "\n")


class Service:
    """A running service; stops at the end of its `with`."""

    def __init__(self, model, binary=SERVICE, **settings):
        environment = {"SLIREC__LOG__LEVEL": "warn,slirec_server::server=info", "SLIREC__SERVER__DRAIN_DELAY_SECONDS": "0"}
        environment.update({f"SLIREC__{name}": str(value) for name, value in settings.items()})
        self.log = tempfile.NamedTemporaryFile("w+")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [binary, "--port", "0", "--model", model], env=os.environ | environment, stdout=self.log
        )
        self.addresses = {}
        while "listening" not in self.addresses:
            assert self.process.poll() is None, "the service did not start"
            time.sleep(0.002)
            events = [json.loads(line) for line in Path(self.log.name).read_text().splitlines() if line.endswith("}")]
            self.addresses = {event.get("message"): event.get("address") for event in events}
        with urllib.request.urlopen(f"http://{self.addresses['listening']}/ready") as answer:
            assert answer.status == 200
        self.to_ready = time.monotonic() - self.began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)

    def megabytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def processor_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def load(self, requests, seconds=SECONDS, rate=None, connections=64, corrected=True, path="/v1/recommendations"):
        """One load: oha's report."""
        command = [OHA, "--no-tui", "--stats-success-breakdown", "--output-format", "json", "-z", f"{seconds}s", "-c", str(connections)]
        if rate:
            command += ["-q", str(rate)] + ["--latency-correction"] * corrected
        command += ["-m", "POST", "-T", "application/json", "-Z", requests]
        command += [f"http://{self.addresses['listening']}{path}"]
        # Both ends need descriptors.
        report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return json.loads(report)

    def quietest(self, requests, **load):
        """The load of several whose 90 % were answered fastest: others may be at work on the machine."""
        reports = [self.load(requests, **load) for _ in range(REPEAT)]
        return min(reports, key=lambda report: report["latencyPercentiles"]["p90"] or 1e9)


def statuses(report):
    counts = dict(report["statusCodeDistribution"])
    counts.update({reason: count for reason, count in report["errorDistribution"].items() if "deadline" not in reason})
    return counts


def milliseconds(report, name, part="latencyPercentiles"):
    value = report[part][name]
    return "–" if value is None else f"{value * 1000:.2f} ms"


def spread(report, part="latencyPercentiles"):
    return ", ".join(f"{name} {milliseconds(report, name, part)}" for name in ("p50", "p90", "p99"))


def measure_load(requests):
    times = []
    for _ in range(5):
        with Service(MODEL) as service:
            times.append(service.to_ready)
    row("start to ready, quickest of 5", f"{min(times) * 1000:.0f} ms (slowest {max(times) * 1000:.0f} ms)")
    with Service(MODEL) as service:
        service.load(requests, seconds=3, rate=200)
        unloaded = service.quietest(requests, rate=50, connections=8)
        row("50 requests a second", f"{spread(unloaded)}; {statuses(unloaded)}")
        steady = service.quietest(requests, rate=1000)
        row("1,000 requests a second", f"{spread(steady)}; {statuses(steady)}")
        full = max((service.load(requests, connections=4) for _ in range(REPEAT)), key=answered)
        row("saturation, 4 connections", f"{answered(full):.0f} answers a second; {spread(full)}; {statuses(full)}")


def measure_goodput(requests, path):
    """Clients in a closed loop, each with a connection of its own, that ask again as soon as they are answered or refused.

    The counts of clients take turns, so that a machine whose speed changes is no reason for a difference.
    """
    binaries = {"this": SERVICE} | ({"before": BEFORE} if BEFORE else {})
    measured = {(clients, name): [] for clients in CLIENTS for name in binaries}
    for turn in range(REPEAT):
        for (clients, name), reports in measured.items():
            with Service(MODEL, binaries[name]) as service:
                service.load(requests, seconds=1, connections=clients, path=path)
                began = service.processor_seconds()
                report = service.load(requests, connections=clients, path=path)
                worked = service.processor_seconds() - began
            efficiency = answered(report) * report["summary"]["total"] / max(worked, 0.01)
            reports.append((report, answered(report), efficiency))
            print(path, turn, clients, name, f"{answered(report):.0f}", statuses(report), file=sys.stderr, flush=True)
    of = lambda reports, part: [report[part] for report in reports]
    best = {name: max(median(of(measured[clients, name], 1)) for clients in CLIENTS) for name in binaries}
    for (clients, name), reports in measured.items():
        goodput = of(reports, 1)
        refused = median(report["statusCodeDistribution"].get("503", 0) / report["summary"]["total"] for report, *_ in reports)
        middle = sorted(reports, key=lambda report: report[1])[len(reports) // 2][0]
        text = f"{median(goodput):.0f} answers a second ({median(goodput) / best[name]:.0%} of the best; {min(goodput):.0f} to "
        text += f"{max(goodput):.0f}), {refused:.0f} refusals; {median(of(reports, 2)):.0f} answers for a second of the service's "
        text += f"processor time; answered {spread(middle, 'latencyPercentilesSuccessful')}"
        row(f"{path}, {clients} clients{'' if name == 'this' else ', ' + name}", text)


def measure_open_loop(requests):
    """Requests at a constant rate over many connections, below and above what the service answers, and what comes after."""
    with Service(MODEL) as service:
        service.load(requests, seconds=3, rate=200)
        unloaded = service.quietest(requests, rate=50, connections=8)
        row("unloaded", spread(unloaded))
        capacity = median(answered(service.load(requests, connections=64)) for _ in range(REPEAT))
        row("capacity, 64 connections", f"{capacity:.0f} answers a second")
        for times in (0.5, 1, 1.5, 3):
            # The client shares the cores and falls behind above capacity: its own delay is not the service's.
            report = service.quietest(requests, rate=int(times * capacity), connections=512, corrected=False)
            text = f"{answered(report):.0f} answers a second ({answered(report) / capacity:.0%}); {statuses(report)}; "
            text += f"answered {spread(report, 'latencyPercentilesSuccessful')}; "
            text += f"refused {spread(report, 'latencyPercentilesNotSuccessful')}"
            row(f"{times} times capacity, 512 connections", text)
        service.load(requests, seconds=10, rate=int(3 * capacity), connections=512, corrected=False)
        calm = [service.load(requests, seconds=1, rate=int(0.7 * capacity)) for _ in range(5)]
        refusals = [report["statusCodeDistribution"].get("503", 0) for report in calm]
        row("70 % of capacity after 10 s of three times", f"refused in each second: {refusals}")


def answered(report):
    return report["statusCodeDistribution"].get("200", 0) / report["summary"]["total"]


def measure_invocations(requests):
    with Service(MODEL) as service:
        full = max((service.load(requests, connections=4, path="/invocations") for _ in range(REPEAT)), key=answered)
        row("saturation of /invocations", f"{answered(full):.0f} answers a second; {spread(full)}; {statuses(full)}")


def measure_memory(requests):
    with Service(MODEL) as service:
        service.load(requests, seconds=5, rate=500)
        load = subprocess.Popen(
            [OHA, "--no-tui", "--output-format", "quiet", "-z", f"{SOAK}s", "-c", "64", "-q", "700", "-m", "POST", "-T",
             "application/json", "-Z", requests, f"http://{service.addresses['listening']}/v1/recommendations"]
        )
        samples = []
        while load.poll() is None:
            time.sleep(min(10, max(SOAK / 20, 0.5)))
            samples.append(service.megabytes())
        early = samples[: len(samples) // 3]
        late = samples[-len(samples) // 3 :]
        text = f"{max(early):.0f} MB in the first third, {max(late):.0f} MB in the last, {max(samples):.0f} MB at most"
        row(f"memory over {SOAK} s at 700 requests a second", text)


def generated(size, folder):
    """The bundle with a catalogue of `size` products: those of the model, and invented ones of the same categories."""
    shutil.copytree(MODEL, folder)
    catalogue = json.loads((folder / "catalog.json").read_text())
    products = catalogue["products"]
    own = list(products)
    for number in range(size - sum(product.get("available", True) for product in own)):
        like = own[number % len(own)]
        invented = {"handle": f"invented-{number}", "gid": f"gid://invented/{number}", "title": "Invented"}
        products.append(invented | {"category": like["category"]})
    text = json.dumps(catalogue).encode()
    (folder / "catalog.json").write_bytes(text)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["catalog.json"] = {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def measure_catalogues(handles, scratch):
    requests = scratch / "seven"
    bodies(handles, requests, count=200, length=7)
    for size in CATALOGUES:
        model = generated(size, scratch / f"bundle-{size}")
        for workers in (1, 2):
            with Service(model, ENGINE__WORKERS=workers) as service:
                service.load(requests, seconds=2, connections=1)
                alone = service.quietest(requests, connections=1)
                full = max((service.load(requests, connections=4) for _ in range(REPEAT)), key=answered)
                name = f"{size:,} products, {workers} worker{'s' if workers > 1 else ''}"
                many = service.load(requests, connections=8)
                text = f"{spread(alone)} alone; {answered(full):.1f} answers a second; {service.megabytes():.0f} MB; "
                text += f"8 clients: {answered(many):.1f} a second, {statuses(many)}"
                row(name, text)


def main():
    for needed in (SERVICE, OHA, MODEL / "manifest.json"):
        if not needed.exists():
            sys.exit(f"error: {needed} is missing")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        products = json.loads((MODEL / "catalog.json").read_text())["products"]
        handles = [product["handle"] for product in products]
        requests, invocations = scratch / "requests", scratch / "invocations"
        bodies(handles, requests)
        bodies(handles, invocations, mlflow=True)
        wanted = lambda part: not ONLY or part in ONLY
        if wanted("load"):
            measure_load(requests)
        if wanted("invocations"):
            measure_invocations(invocations)
        if wanted("goodput"):
            measure_goodput(requests, "/v1/recommendations")
            measure_goodput(invocations, "/invocations")
        if wanted("open"):
            measure_open_loop(requests)
        if wanted("catalogues") and CATALOGUES:
            measure_catalogues(handles, scratch)
        if wanted("memory") and SOAK:
            measure_memory(requests)
    print(f"\n{len(os.sched_getaffinity(0))} cores; each load {SECONDS} s, the quietest of {REPEAT}\n")
    print("| what | measured |\n|---|---|")
    for what, measured in ROWS:
        print(f"| {what} | {measured} |")


if __name__ == "__main__":
    main()
