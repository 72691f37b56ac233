"""The real service for browser tests: bundles made of models/demo or by the companion, a free port, killed at the end."""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
BINARY = pathlib.Path(os.environ.get("SLIREC_SERVER", ROOT / "target/debug/slirec-server"))
COMPANION = BINARY.parent / "slirec"


def bundle_with(change, folder):
    """A copy of models/demo whose products `change` has changed, with a manifest that fits."""
    copy = pathlib.Path(folder) / "bundle"
    shutil.copytree(ROOT / "models/demo", copy)
    catalog = json.loads((copy / "catalog.json").read_text())
    change(catalog["products"])
    content = json.dumps(catalog).encode()
    (copy / "catalog.json").write_bytes(content)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["catalog.json"] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


def bundle_of_shoppers(folder):
    """A bundle of a small model that reads a country and an age of shoppers, made by the companion."""
    folder, demo = pathlib.Path(folder), ROOT / "data/demo"

    def companion(*arguments):
        subprocess.run([COMPANION, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    walks = ["--users", "12", "--min-walks", "4", "--max-walks", "6"]
    companion("interactions", "generate", "--catalog", demo / "catalog.json", "--rules", demo / "rules.toml", *walks, "--output", "views.tsv")
    users = sorted({line.split("\t")[1] for line in (folder / "views.tsv").read_text().splitlines()})
    rows = [f"{user}\t{['DE', 'FR'][number % 2]}\t{20 + number}" for number, user in enumerate(users)]
    (folder / "users.tsv").write_text("\n".join(["user\tcountry\tage", *rows]) + "\n")
    shutil.copy(ROOT / "tests/fixtures/small_network.toml", folder / "small.toml")
    companion("prepare", "--interactions", "views.tsv", "--users", "users.tsv", "--output", "dataset")
    attributes = ["--user-feature", "country", "--user-feature", "age"]
    companion("train", "--dataset", "dataset", "--hyperparameters", "small.toml", *attributes, "--output", "run")
    companion("export", "--run", "run", "--dataset", "dataset", "--catalog", demo / "catalog.json", "--output", "bundle")
    return folder / "bundle"


class Service:
    """A running service; `port` 0 takes a free one. `bundle` makes its model in a folder, by default that of models/demo."""

    def __init__(self, change=None, port=0, bundle=None, **settings):
        self.folder = tempfile.TemporaryDirectory()
        model = bundle(self.folder.name) if bundle else bundle_with(change, self.folder.name) if change else ROOT / "models/demo"
        environment = {**os.environ, "SLIREC__SERVER__DRAIN_DELAY_SECONDS": "0", **settings}
        command = [BINARY, "--port", str(port), "--model", str(model)]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            event = json.loads(line)
            if event.get("message") == "listening":
                self.address = f"http://{event['address']}"
                self.port = int(event["address"].rsplit(":", 1)[1])
                break
        else:
            raise RuntimeError("the service did not start")
        # Its log is not read from here on: it must not fill the pipe.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
        self.drain.wait(30)
        self.process.stdout.close()
        self.folder.cleanup()
