"""A real MLflow server, its own scoring server, and ours, from a push to a swap under load.

    python tests/mlflow/test_registry.py --slirec target/debug/slirec --server target/release/slirec-server

Run by the Python of an environment with MLflow. In order: a server (SQLite, local files behind it) is started; the demo is
pushed by `slirec registry push`, read by MLflow's client and loaded by pyfunc; `mlflow models serve` answers the fixtures'
accepted cases with the products that `slirec-server` answers; both are timed side by side; then the alias moves while
`slirec-server` is under load. Leaves one line for each thing that held, or the first that did not.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODEL = "slirec_shopify_model"
FIXTURES = ROOT / "tests/fixtures/mlflow"
GOLDEN = ROOT / "tests/fixtures/golden"
TOLERANCE = 1e-4
RATE = 200
BIN = Path(sys.executable).parent


def check(condition, message):
    if not condition:
        sys.exit(f"error: {message}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command, log, ready, **environment):
    """A process of its own group, from when `ready(port)` is true until the block ends."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **environment},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 120
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"error: {command[0]} did not start:\n{Path(log).read_text()[-3000:]}")
            time.sleep(0.1)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def answers(port, path):
    def ask():
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).status == 200
        return False

    return ask


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    check(done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Client:
    """One connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, body, headers=None, path="/invocations"):
        headers = headers or {"Content-Type": "application/json"}
        self.connection.request("POST", path, body=body, headers=headers)
        response = self.connection.getresponse()
        return response.status, response.read()


def body_of(request):
    generator = request.get("body_generator")
    if "body_base64" in request:
        return base64.b64decode(request["body_base64"])
    if generator is None:
        return request["body"].encode()
    template = generator["json_template"]["inputs"]
    count = generator["repeat_count"]
    repeated = {name: [value] * count for name, value in generator["repeat"].items()}
    return json.dumps({"inputs": {**template, **repeated}}).encode()


def same(theirs, ours):
    """The same products in the same order, wherever scores differ by more than the tolerance."""
    by_gid = dict(zip(ours["itemIds"], ours["preds"]))
    scores_agree = all(
        abs(by_gid[gid] - score) <= TOLERANCE for gid, score in zip(theirs["itemIds"], theirs["preds"]) if gid in by_gid
    )
    places_agree = all(
        a == b or abs(x - y) <= TOLERANCE
        for a, b, x, y in zip(theirs["itemIds"], ours["itemIds"], theirs["preds"], ours["preds"])
    )
    return len(theirs["itemIds"]) == len(ours["itemIds"]) and scores_agree and places_agree


def compare_fixtures(mlflow_port, our_port):
    compared = 0
    for path in sorted(FIXTURES.glob("*.json")):
        fixture = json.loads(path.read_text())
        request, expect = fixture["request"], fixture["expect"]
        if fixture["family"] != "accepted" or expect.get("body_kind") != "predictions":
            continue
        (their_status, theirs), (our_status, ours) = (
            Client(port).post(body_of(request), request["headers"], request["path"]) for port in (mlflow_port, our_port)
        )
        check(their_status in expect["status_any_of"], f"{path.name}: mlflow models serve answers {their_status}: {theirs[:300]}")
        check(our_status in expect["status_any_of"], f"{path.name}: slirec-server answers {our_status}")
        if (their_status, our_status) != (200, 200):
            continue
        theirs, ours = json.loads(theirs)["predictions"], json.loads(ours)["predictions"]
        check(len(theirs) == len(ours), f"{path.name}: {len(theirs)} and {len(ours)} predictions")
        check(all(map(same, theirs, ours)), f"{path.name}: other products:\n{theirs}\n{ours}")
        compared += 1
    check(compared >= 14, f"only {compared} fixtures were compared")
    print(f"fixtures: {compared} accepted cases, the same products from `mlflow models serve` and slirec-server")


def rate(port, seconds):
    """Requests a second of one client, histories of ten views."""
    products = json.loads((ROOT / "models/demo/catalog.json").read_text())["products"]
    items = [product["handle"] for product in products[: 7 * 10 : 7]]
    times = [str(1_730_807_061 + 60 * number) for number in range(len(items))]
    body = json.dumps({"inputs": [{"userId": "x", "items": items, "timestamps": times}]})
    client, count = Client(port), 0
    client.post(body)
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        status, _ = client.post(body)
        check(status == 200, f"status {status}")
        count += 1
    return count / (time.monotonic() - started)


def compare_speed(mlflow_port, our_port, seconds):
    theirs, ours = [], []
    # In turn, so that a noisy machine is noisy for both.
    for _ in range(3):
        theirs.append(rate(mlflow_port, seconds))
        ours.append(rate(our_port, seconds))
    theirs, ours = sorted(theirs)[1], sorted(ours)[1]
    products = len(json.loads((ROOT / "models/demo/catalog.json").read_text())["products"])
    print(
        f"one client, 10 views, {products} products: "
        f"mlflow models serve {theirs:.0f} requests/s, slirec-server {ours:.0f} requests/s, ratio {ours / theirs:.0f}"
    )


class Load:
    """A constant rate of requests, and what became of them."""

    def __init__(self, port):
        self.port, self.statuses, self.stop = port, {}, threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(4)]

    def run(self, number):
        client = Client(self.port)
        body = json.dumps({"history": [{"item": "novel", "time": 1_730_807_061}]})
        due = time.monotonic() + number / RATE
        while not self.stop.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            due += len(self.threads) / RATE
            try:
                status, _ = client.post(body, path="/v1/recommendations")
            except OSError as error:
                status, client = type(error).__name__, Client(self.port)
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def version(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as response:
        return json.loads(response.read())["version"]


def wait_for(what, ask):
    deadline = time.monotonic() + 60
    while not ask():
        check(time.monotonic() < deadline, f"timed out: {what}")
        time.sleep(0.05)


def check_with_python(run_directory_given):
    import mlflow

    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias(MODEL, "champion")
    check(version.status == "READY" and "slirec.bundle_sha256" in version.tags, f"the version is {version}")
    run = client.get_run(version.run_id)
    check(run.info.status == "FINISHED" and run.data.params["seed"] == "42", f"the run is {run}")
    if run_directory_given:
        epochs = [metric.step for metric in client.get_metric_history(version.run_id, "valid/auc")]
        check(epochs == list(range(len(epochs))) and len(epochs) > 1, f"epochs are {epochs}")
    loaded = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
    names = [field.name for field in loaded.metadata.signature.inputs]
    check(names == ["userId", "items", "timestamps"], f"the signature has {names}")
    example = loaded.metadata.load_input_example(mlflow.artifacts.download_artifacts(f"models:/{MODEL}@champion"))
    answer = loaded.predict(example)
    check(len(answer) == len(example) and set(answer[0]) == {"itemIds", "preds"}, f"pyfunc answers {answer}")
    print(f"MLflow {mlflow.__version__}: client, run, signature, input example and pyfunc agree with what was pushed")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slirec", type=Path, required=True)
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--run", type=Path, help="a run directory of the demo")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each timing")
    arguments = parser.parse_args()
    slirec, server = arguments.slirec.resolve(), arguments.server.resolve()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_port()
        store = f"sqlite:///{folder}/mlflow.db"
        command = [BIN / "mlflow", "server", "--backend-store-uri", store, "--host", "127.0.0.1", "--port", port]
        command += ["--artifacts-destination", folder / "artifacts", "--serve-artifacts", "--workers", "1"]
        stack.enter_context(running(command, folder / "mlflow.log", answers(port, "/health")))
        os.environ["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{port}"

        push = [slirec, "registry", "push", "--bundle", ROOT / "models/demo", "--alias", "champion"]
        push += ["--run", arguments.run] if arguments.run else []
        print(run(*push).splitlines()[0])
        check("was published already" in run(*push), "a second push published again")
        check_with_python(arguments.run is not None)
        pulled = folder / "pulled"
        run(slirec, "registry", "pull", f"models:/{MODEL}@champion", "--output", pulled)
        for file in (ROOT / "models/demo").iterdir():
            check(file.read_bytes() == (pulled / file.name).read_bytes(), f"{file.name} came back changed")
        print("pull: every file came back byte for byte")

        served, ours, admin = free_port(), free_port(), free_port()
        command = [BIN / "mlflow", "models", "serve", "--model-uri", f"models:/{MODEL}@champion", "--port", served]
        command += ["--host", "127.0.0.1", "--env-manager", "local", "--workers", "1"]
        settings = {"SLIREC__REGISTRY__CACHE": str(folder / "cache"), "SLIREC__REGISTRY__POLL_SECONDS": "1"}
        ours_command = [server, "--port", ours, "--admin-port", admin, "--model", f"models:/{MODEL}@champion"]
        stack.enter_context(running(ours_command, folder / "ours.log", answers(ours, "/ready"), **settings))
        with running(command, folder / "serve.log", answers(served, "/ping")):
            compare_fixtures(served, ours)
            compare_speed(served, ours, arguments.seconds)

        files = {"--from": "weights.safetensors", "--item-vocabulary": "item_vocab.json"}
        files |= {"--category-vocabulary": "cate_vocab.json", "--item-categories": "item_category.json"}
        files |= {"--catalog": "catalog.json"}
        other = [part for flag, name in files.items() for part in (flag, GOLDEN / name)]
        run(slirec, "export", *other, "--output", folder / "other", "--version", "golden")
        before = version(ours)
        with Load(ours) as load:
            time.sleep(1)
            run(slirec, "registry", "push", "--bundle", folder / "other", "--alias", "champion")
            wait_for("the swap", lambda: version(ours) == "golden")
            time.sleep(1)
            run(slirec, "registry", "alias", "champion", "1")
            wait_for("the way back", lambda: version(ours) == before)
            time.sleep(1)
        check(set(load.statuses) == {200} and sum(load.statuses.values()) > 3 * RATE / 2, f"statuses {load.statuses}")
        print(f"alias moved twice at {RATE} requests/s: {load.statuses[200]} requests, all of them 200")


if __name__ == "__main__":
    main()
