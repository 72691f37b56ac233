#!/usr/bin/env python3
"""Sends bodies that are made to take much memory, one alone and sixteen at once, to a service of its own.

Enter: the service's binary (SLIREC_SERVER, by default target/debug/slirec-server) and names of attacks (none: all). Leaves: for
each attack the bytes that the service held for each byte sent, its peak with sixteen at once, the answers and the slowest answer
of /live meanwhile. Ends with 1 when the service ended, used more than LIMIT bytes, held more than HELD bytes for a byte, or
answered /live later than a second.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVER = Path(os.environ.get("SLIREC_SERVER", ROOT / "target/debug/slirec-server"))
# What deploy/ gives the service.
LIMIT = 512 << 20
HELD = 8
SIZE = 15_700_000
CLIENTS = 16
LATEST = 1.0
ANSWERS = {200, 400, 413, 503, 504}


def filled(beginning, part, end):
    """A body of SIZE bytes: as many parts as fit."""
    count = (SIZE - len(beginning) - len(end)) // len(part)
    return (beginning + part * count + end)[: SIZE + len(end)].encode()


def columns(beginning, item, middle, moment, end):
    """A body of SIZE bytes with as many items as moments."""
    count = (SIZE - len(beginning) - len(middle) - len(end)) // (len(item) + len(moment))
    return (beginning + (item * count)[:-1] + middle + (moment * count)[:-1] + end).encode()


def binary():
    """Two tensors behind the JSON: empty texts, and times in four bytes."""
    count = 490_000
    sizes = {"items": 4 * count, "timestamps": 4 * count}
    types = {"items": "BYTES", "timestamps": "INT32"}
    inputs = [
        {"name": name, "shape": [count], "datatype": types[name], "parameters": {"binary_data_size": size}}
        for name, size in sizes.items()
    ]
    head = json.dumps({"inputs": inputs}).encode()
    return head + bytes(8 * count), {"Inference-Header-Content-Length": str(len(head))}


PAGE, AGAIN, COMPLEMENTS = "/v1/recommendations:page", "/v1/buy-again", "/v1/complements"
V1, BATCH, RANK = "/v1/recommendations", "/v1/recommendations:batch", "/v1/rank"
MLFLOW, INFER = "/invocations", "/v2/models/slirec/infer"


def attacks():
    """Name, path, body and further headers."""
    view = '{"item":"a","time":1},'
    names = '"exclude":[' + ",".join(f'"{name:x}"' for name in range(1_000)) + "]"
    session = '{"history":[],' + ",".join(names.replace("exclude", field) for field in ("exclude", "categories")) + "},"
    tensor = '{"name":"items","shape":[1],"datatype":"BYTES","data":["a"]},'
    tensors = '{"inputs":[{"name":"items","shape":[%d],"datatype":"BYTES","data":['
    times = ']},{"name":"timestamps","shape":[%d],"datatype":"INT64","data":['
    few = '["%s"]' % "".join(r'\"\",' for _ in range(490_000))[:-1]
    yield "v1 views", V1, filled('{"history":[', view, view[:-1] + "]}")
    yield "v1 escaped views", V1, filled('{"history":[', view.replace("a", r"\ud800"), view[:-1] + "]}")
    yield "v1 unknown key", V1, filled('{"', "k", '":1}')
    yield "v1 unknown value", V1, filled('{"history":"', "k", '"}')
    yield "v1 deep lists", V1, filled('{"history":', "[", "]")
    yield "v1 wide lists", V1, filled('{"history":[', "[],", "[]]}")
    yield "batch empty sessions", BATCH, filled('{"sessions":[', '{"history":[]},', '{"history":[]}]}')
    yield "batch lists of names", BATCH, ('{"sessions":[' + (session * 100)[:-1] + "]}").encode()
    yield "batch views", BATCH, filled('{"sessions":[{"history":[', view, view[:-1] + "]}]}")
    yield "rank candidates", RANK, filled('{"history":[],"candidates":[', '"a",', '"a"]}')
    bought = '{"item":"novel","time":1,"event":"purchase"},'
    rails = ",".join(['{"exclude_seen":true}'] * 20)
    yield "page of rails", PAGE, ('{"rails":[%s],"history":[%s]}' % (rails, (view * 490_000)[:-1])).encode()
    yield "buy again", AGAIN, ('{"history":[%s]}' % (bought * 330_000)[:-1]).encode()
    yield "complements", COMPLEMENTS, filled('{"items":[', '"a",', '"a"]}')
    row = '{"userId":0,"items":[%s],"timestamps":[%s]}'
    yield "invocations row", MLFLOW, columns('{"dataframe_records":[{"userId":0,"items":[', '"",', '],"timestamps":[', "1,", "]}]}")
    yield "invocations rows", MLFLOW, filled('{"inputs":[', row % ("", "") + ",", row % ("", "") + "]}")
    yield "invocations NaN", MLFLOW, filled('{"inputs":{"userId":[', "NaN,", '1],"items":[],"timestamps":[]}}')
    yield "invocations deep lists", MLFLOW, filled('{"inputs":', "[", "]")
    yield "invocations wide lists", MLFLOW, filled('{"inputs":[', "[],", "[]]}")
    yield "invocations columns", MLFLOW, filled('{"dataframe_split":{"data":[],"columns":[', '"",', '""]}}')
    yield "invocations key", MLFLOW, filled('{"dataframe_split":{"', "k", '":1}}')
    count = (SIZE - 300) // 5
    yield "v2 json", INFER, columns(tensors % count, '"",', times % count, "1,", "]}]}")
    few_count = 490_000
    yield "v2 json in limits", INFER, (
        tensors % few_count + ('"",' * few_count)[:-1] + times % few_count + ("1," * few_count)[:-1] + "]}]}"
    ).encode()
    yield "v2 pd_json", INFER, (
        '{"inputs":[{"name":"items","shape":[1],"datatype":"BYTES","parameters":{"content_type":"pd_json"},"data":["[%s]"]},'
        '{"name":"timestamps","shape":[1],"datatype":"BYTES","parameters":{"content_type":"pd_json"},"data":["[%s]"]}]}'
        % (few[2:-2], ("1," * few_count)[:-1])
    ).encode()
    yield "v2 tensors", INFER, filled('{"inputs":[', tensor, tensor[:-1] + "]}")
    yield "v2 deep lists", INFER, filled('{"inputs":', "[", "]")
    yield "v2 shape", INFER, filled('{"inputs":[{"name":"items","shape":[', "1,", '1],"datatype":"BYTES"}]}')
    yield ("v2 binary", INFER, *binary())


class Service:
    """A service under attack."""

    def __init__(self):
        self.port = free_port()
        environment = os.environ | {"SLIREC__LOG__LEVEL": "error", "SLIREC__SERVER__PORT": str(self.port)}
        environment["SLIREC__ADMIN__PORT"] = str(free_port())
        self.process = subprocess.Popen([SERVER], cwd=ROOT, env=environment)
        for _ in range(600):
            try:
                if self.ask("GET", "/ready", b"", {}) == 200:
                    break
            except OSError:
                time.sleep(0.05)
        else:
            sys.exit("the service does not start")
        # Warm, so that what every request needs once is not counted.
        body = json.dumps({"history": [{"item": "novel", "time": 1_730_807_061}]}).encode()
        for _ in range(20):
            self.ask("POST", V1, body, {})

    def ask(self, method, path, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} | headers)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    def memory(self, field):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.split(f"{field}:")[1].split()[0])

    def forget_peak(self):
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def stop(self):
        self.process.kill()
        self.process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def attack(path, body, headers):
    """Bytes held for each byte of one body, the peak with many at once, their answers, the slowest answer of /live."""
    service = Service()
    try:
        service.forget_peak()
        before = service.memory("VmRSS")
        one = service.ask("POST", path, body, headers)
        held = (service.memory("VmHWM") - before) / len(body)
        answers, slowest, done = Counter(), [0.0], threading.Event()

        def send():
            try:
                answers[service.ask("POST", path, body, headers)] += 1
            except OSError as error:
                answers[type(error).__name__] += 1

        def look():
            while not done.is_set():
                started = time.monotonic()
                try:
                    service.ask("GET", "/live", b"", {})
                    slowest[0] = max(slowest[0], time.monotonic() - started)
                except OSError:
                    slowest[0] = float("inf")
                time.sleep(0.05)

        clients = [threading.Thread(target=send) for _ in range(CLIENTS)]
        watch = threading.Thread(target=look)
        for thread in [watch, *clients]:
            thread.start()
        for client in clients:
            client.join()
        done.set()
        watch.join()
        alive = service.process.poll() is None
        return one, held, service.memory("VmHWM") if alive else LIMIT + 1, answers, slowest[0]
    finally:
        service.stop()


def main():
    failed = False
    print(f"{'attack':24}{'bytes':>11}{'held':>7}{'peak MiB':>10}{'/live ms':>10}  answers (one; {CLIENTS} at once)")
    for name, path, body, *headers in attacks():
        if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
            continue
        one, held, peak, answers, slowest = attack(path, body, *headers or [{}])
        # The answer may come before everything was sent.
        wrong = set(answers) - ANSWERS - {"BrokenPipeError", "ConnectionResetError"}
        bad = held > HELD or peak > LIMIT or slowest > LATEST or wrong
        failed |= bool(bad)
        told = " ".join(f"{answer}×{count}" for answer, count in sorted(answers.items(), key=str))
        mark = "  FAILED" if bad else ""
        print(f"{name:24}{len(body):11}{held:7.2f}{peak / 2**20:10.0f}{1000 * slowest:10.0f}  {one}; {told}{mark}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
