"""Measures the service on an NVIDIA card beside the processor and prints one table: `make test-cuda`.

Enters: the service, ONNX Runtime for CUDA (ORT_DYLIB_PATH), oha, a bundle. Leaves: Markdown on standard output; exit code 0, 3
where there is no card, 1 where something is wrong. In this order: what the service does while the card is hidden, the golden
requests on both, catalogues of several sizes on both, a reload under load.

Environment: SLIREC_SERVER (the service), MODEL (bundle), SIZES (of catalogues, 252,100000,1000000), SECONDS_EACH (of each load, 4).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bench_serve as bench

BINARY = Path(os.environ.get("SLIREC_SERVER", bench.SERVICE)).absolute()
SIZES = [int(size) for size in os.environ.get("SIZES", "252,100000,1000000").split(",")]
SECONDS = int(os.environ.get("SECONDS_EACH", "4"))
NO_CARD = 3
# Scores of both may differ by so much, as those of the service and of training may.
TOLERANCE = 1e-4
# Most of the clients that ask at once for saturation: a card is busy with more of them.
CLIENTS = 64
CARD = {"ENGINE__EXECUTION_PROVIDERS": "cuda", "ENGINE__WORKERS": 2, "MODEL__MAX_BYTES": 8 << 30}
PROCESSOR = {"ENGINE__EXECUTION_PROVIDERS": "cpu", "MODEL__MAX_BYTES": 8 << 30}
TEMPERED = {"ENGINE__REQUIRE_PROVIDER": "false"}


def check(condition, message):
    if not condition:
        sys.exit(f"error: {message}")


def checked(**variables):
    """Exit code and last line of `slirec-server --check` on the card."""
    environment = os.environ | {f"SLIREC__{name}": str(value) for name, value in CARD.items()} | variables
    done = subprocess.run([BINARY, "--check", "--model", bench.MODEL], env=environment, capture_output=True, text=True)
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


def service(model, settings):
    return bench.Service(model, BINARY, **settings)


def asked(address, path, body=None):
    request = urllib.request.Request(f"http://{address}{path}", json.dumps(body).encode() if body is not None else None)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def state(running):
    return asked(running.addresses["listening"], "/v1/status")["model"]


def hide_card():
    """Without the card: an error, or, as it was allowed, the processor."""
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    try:
        code, message = checked()
        check(code == 1 and "execution provider `cuda` cannot be used: " in message, f"hidden card: {code}, {message}")
        bench.row("card hidden", f"does not start: {message}")
        with service(bench.MODEL, CARD | TEMPERED) as running:
            provider = state(running)["execution_provider"]
        check(provider == "cpu", f"hidden card, not required: runs on {provider}")
        bench.row("card hidden, engine.require_provider = false", "serves on the processor")
    finally:
        del os.environ["CUDA_VISIBLE_DEVICES"]
        if before is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def scores(running, golden):
    """Scores of the products of an answer to a golden request, by handle."""
    history = [{"item": item, "time": time} for item, time in zip(golden["items"], golden["timestamps"])]
    body = {"history": history, "history_order": "oldest_first", "now": golden["now"], "limit": 100}
    answer = asked(running.addresses["listening"], "/v1/recommendations", body)
    return {product["handle"]: product["score"] for product in answer["items"]}


def compare_golden():
    requests = json.loads((bench.MODEL / "manifest.json").read_text())["golden_requests"]
    with service(bench.MODEL, CARD) as card, service(bench.MODEL, PROCESSOR) as processor:
        device = state(card)
        check(device["execution_provider"] == "cuda", f"runs on {device['execution_provider']}")
        bench.row("card", f"{device.get('device')}, {device.get('device_memory_bytes', 0) / 2**30:.0f} GiB")
        greatest = 0
        for golden in requests:
            found, expected = scores(card, golden), scores(processor, golden)
            # Where two scores are nearly the same, another product may be the last of the page.
            common = found.keys() & expected.keys()
            check(len(common) >= len(expected) - 1, f"other products: {sorted(found.keys() ^ expected.keys())}")
            greatest = max(greatest, *(abs(found[handle] - expected[handle]) for handle in common))
    check(greatest <= TOLERANCE, f"scores differ by {greatest:.2g}: expected at most {TOLERANCE}")
    bench.row(f"{len(requests)} golden requests", f"scores differ by {greatest:.2g} at most")


def card_megabytes():
    """Memory of the card that is in use, by whomever."""
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    return int(subprocess.run(query, check=True, capture_output=True, text=True).stdout.split()[0])


def measure(size, handles, scratch):
    requests = scratch / "requests"
    bench.bodies(handles, requests, count=200, length=7)
    model = bench.generated(size, scratch / f"bundle-{size}")
    for name, settings in (("card", CARD), ("processor", PROCESSOR)):
        before = card_megabytes()
        with service(model, settings) as running:
            running.load(requests, seconds=1, connections=1)
            alone = running.load(requests, seconds=SECONDS, connections=1)
            full = running.load(requests, seconds=SECONDS, connections=CLIENTS)
            memory = f"{running.megabytes():.0f} MB, of the card {card_megabytes() - before} MB"
        text = f"{bench.spread(alone)} alone; {bench.answered(full):.1f} answers a second ({bench.statuses(full)}); "
        bench.row(f"{size:,} products, {name}", f"{text}{memory}; ready after {running.to_ready:.1f} s")


def reload_under_load(handles, scratch):
    requests = scratch / "requests"
    bench.bodies(handles, requests)
    with service(bench.MODEL, CARD) as running, ThreadPoolExecutor() as threads:
        load = threads.submit(running.load, requests, seconds=6, connections=4)
        for _ in range(3):
            time.sleep(1.5)
            asked(running.addresses["admin listening"], "/admin/reload", {})
        report = load.result()
    check(set(bench.statuses(report)) == {"200"}, f"reload under load: {bench.statuses(report)}")
    bench.row("three reloads under load", f"{bench.statuses(report)}; {bench.spread(report)}")


def main():
    check(BINARY.exists(), f"{BINARY} is missing: make test-cuda builds it")
    hide_card()
    code, message = checked()
    if code:
        print(f"no card: nothing was measured; {message}", file=sys.stderr)
        sys.exit(NO_CARD)
    check(bench.OHA.exists(), f"{bench.OHA} is missing: make test-cuda builds it")
    compare_golden()
    handles = [product["handle"] for product in json.loads((bench.MODEL / "catalog.json").read_text())["products"]]
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            measure(size, handles, Path(folder))
        reload_under_load(handles, Path(folder))
    print(f"\n{len(os.sched_getaffinity(0))} cores; each load {SECONDS} s; histories of 7 views\n")
    print("| what | measured |\n|---|---|")
    for what, measured in bench.ROWS:
        print(f"| {what} | {measured} |")


if __name__ == "__main__":
    main()
