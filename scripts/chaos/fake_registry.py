"""A registry of our own in memory: what MLflow's REST interface answers to the companion and the service, and on request slow,
lying, silent or broken; it can also have something done at its n-th request, such as killing the client.

Enters: nothing; leaves: a running server with `url`, `files` and `versions`.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

MOODS = ("slow", "lying", "cut", "silent", "failing", "garbage", "broken")


class Registry:
    """The server and what it knows."""

    def __init__(self):
        self.lock = threading.RLock()
        self.mood, self.requests, self.at_request = None, 0, None
        self.experiments, self.runs, self.models, self.versions, self.files = [], {}, {}, {}, {}
        handler = type("Handler", (Handler,), {"registry": self})
        self.server = Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def shown_run(self, run):
        keys = ("run_id", "experiment_id", "run_name", "status", "artifact_uri")
        info = {key: run[key] for key in keys} | {"run_uuid": run["run_id"], "lifecycle_stage": "active"}
        return {"info": info, "data": {"tags": [{"key": key, "value": value} for key, value in run["tags"].items()]}}

    def listed(self, folder):
        entries = {}
        for path, content in self.files.items():
            if path.startswith(f"{folder}/"):
                name, *deeper = path[len(folder) + 1 :].split("/", 1)
                entries[name] = {"path": name, "is_dir": True} if deeper else {"path": name, "is_dir": False, "file_size": len(content)}
        return {"files": list(entries.values())}

    def call(self, operation, body):
        """One operation of the interface: a status and an answer."""
        known = {
            "experiments/create": self.create_experiment,
            "experiments/get-by-name": self.experiment,
            "runs/create": self.create_run,
            "runs/get": lambda body: {"run": self.shown_run(self.runs[body["run_id"]])},
            "runs/search": self.search_runs,
            "runs/update": self.update_run,
            "runs/log-batch": self.log_batch,
            "runs/log-model": lambda body: {},
            "registered-models/create": self.register,
            "registered-models/get": self.registered,
            "registered-models/alias": self.alias,
            "model-versions/create": self.create_version,
            "model-versions/get": lambda body: {"model_version": self.version(body["name"], body["version"])},
            "model-versions/search": lambda body: {"model_versions": self.versions.get(body["filter"].split("'")[1], [])},
            "model-versions/get-download-uri": lambda body: {
                "artifact_uri": self.version(body["name"], body["version"])["source"]
            },
        }
        try:
            return 200, known[operation](body)
        except (KeyError, IndexError, ValueError):
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"{operation}: not found"}
        except FileExistsError:
            return 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "already exists"}

    def create_experiment(self, body):
        if body["name"] in self.experiments:
            raise FileExistsError
        self.experiments.append(body["name"])
        return {"experiment_id": str(len(self.experiments))}

    def experiment(self, body):
        number = str(self.experiments.index(body["experiment_name"]) + 1)
        return {"experiment": {"experiment_id": number, "name": body["experiment_name"], "lifecycle_stage": "active"}}

    def create_run(self, body):
        run_id, experiment = f"{len(self.runs) + 1:032x}", body["experiment_id"]
        uri = f"mlflow-artifacts:/{experiment}/{run_id}/artifacts"
        tags = {tag["key"]: tag["value"] for tag in body.get("tags", [])}
        run = {"run_id": run_id, "experiment_id": experiment, "run_name": body.get("run_name", ""), "status": "RUNNING"}
        self.runs[run_id] = run | {"artifact_uri": uri, "tags": tags}
        return {"run": self.shown_run(self.runs[run_id])}

    def search_runs(self, body):
        wanted = [condition.split(" = ") for condition in body["filter"].split(" and ")]
        wanted = {key.split('"')[1]: value.strip("'") for key, value in wanted}
        fits = [run for run in self.runs.values() if wanted.items() <= run["tags"].items()]
        return {"runs": [self.shown_run(fits[-1])]} if fits else {}

    def update_run(self, body):
        self.runs[body["run_id"]]["status"] = body["status"]
        return {"run_info": self.shown_run(self.runs[body["run_id"]])["info"]}

    def log_batch(self, body):
        tags = {tag["key"]: tag["value"] for tag in body.get("tags", [])}
        self.runs[body["run_id"]]["tags"].update(tags)
        return {}

    def register(self, body):
        if body["name"] in self.models:
            raise FileExistsError
        self.models[body["name"]] = {}
        return {"registered_model": {"name": body["name"]}}

    def registered(self, body):
        aliases = [{"alias": alias, "version": version} for alias, version in self.models[body["name"]].items()]
        return {"registered_model": {"name": body["name"], "aliases": aliases}}

    def alias(self, body):
        aliases = self.models[body["name"]]
        if "version" in body:
            aliases[body["alias"]] = body["version"]
            return {}
        return {"model_version": self.version(body["name"], aliases[body["alias"]])}

    def create_version(self, body):
        versions = self.versions.setdefault(body["name"], [])
        number = str(len(versions) + 1)
        version = {"name": body["name"], "version": number, "creation_timestamp": 1, "last_updated_timestamp": 1}
        version |= {"source": body["source"], "run_id": body["run_id"], "status": "READY", "tags": body.get("tags", [])}
        versions.append(version)
        return {"model_version": version}

    def version(self, name, number):
        return self.versions[name][int(number) - 1]

    def bundle_of(self, version):
        """Files of a version's bundle by name."""
        folder = version["source"].removeprefix("mlflow-artifacts:/") + "/bundle/"
        return {path.removeprefix(folder): content for path, content in self.files.items() if path.startswith(folder)}


class Server(ThreadingHTTPServer):
    """Silent about clients that are killed."""

    daemon_threads = True

    def handle_error(self, *_):
        pass


class Handler(BaseHTTPRequestHandler):
    """One request: what the mood makes of it."""

    registry: Registry
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_request(self):
        registry = self.registry
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with registry.lock:
            registry.requests += 1
            act = registry.at_request and registry.at_request(registry.requests)
            mood = registry.mood
        if act == "before":
            return self.drop()
        if mood == "silent":
            time.sleep(20)
            return self.drop()
        if mood == "broken":
            return self.drop()
        if mood == "failing":
            return self.answer(500, b"<h1>Internal Server Error</h1>")
        with registry.lock:
            status, content = self.content(body)
        if act == "after":
            return self.drop()
        if mood == "garbage":
            content = b"\x80\x04\x95garbage" * 40
        is_file = "/artifacts/" in self.path and self.command == "GET"
        if mood == "lying" and is_file and len(content) > 100:
            content = content[:50] + bytes([content[50] ^ 1]) + content[51:]
        self.answer(status, content, cut=mood == "cut" and is_file, slow=mood == "slow" and is_file)

    do_GET = do_POST = do_PUT = do_DELETE = handle_request

    def content(self, body):
        registry, url = self.registry, urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        files = "/api/2.0/mlflow-artifacts/artifacts"
        if url.path == files:
            return 200, json.dumps(registry.listed(query["path"])).encode()
        if url.path.startswith(f"{files}/"):
            path = unquote(url.path[len(files) + 1 :])
            if self.command == "PUT":
                registry.files[path] = body
                return 200, b"{}"
            if path not in registry.files:
                return 404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such file"}'
            return 200, registry.files[path]
        operation = url.path.removeprefix("/api/2.0/mlflow/")
        status, answer = registry.call(operation, json.loads(body) if body else query)
        return status, json.dumps(answer).encode()

    def answer(self, status, content, cut=False, slow=False):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            if cut:
                self.wfile.write(content[: len(content) // 2])
                return self.drop()
            piece = 1 << 15 if slow else len(content) or 1
            for start in range(0, len(content), piece):
                self.wfile.write(content[start : start + piece])
                if slow:
                    time.sleep(0.01)
        except OSError:
            self.drop()

    def drop(self):
        self.close_connection = True
        self.connection.close()
