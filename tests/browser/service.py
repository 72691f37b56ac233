"""The real service for browser tests: bundles made of models/demo, a free port, killed at the end."""

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


class Service:
    """A running service; `port` 0 takes a free one."""

    def __init__(self, change=None, port=0, **settings):
        self.folder = tempfile.TemporaryDirectory()
        model = bundle_with(change, self.folder.name) if change else ROOT / "models/demo"
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
