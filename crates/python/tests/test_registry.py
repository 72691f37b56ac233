"""Bundles of a registry: those that a server in the form of MLflow's hands out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
import slirec
from conftest import ROOT

VERSION = {"model_version": {"name": "shop", "version": "3", "status": "READY", "run_id": "run", "tags": []}}


class Answers(BaseHTTPRequestHandler):
    """The model `shop`, whose version 3 is called champion and is the demo bundle."""

    def do_GET(self) -> None:
        """Answer what bringing a version asks."""
        address = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        known = asked.get("name") == "shop" and asked.get("alias", "champion") == "champion"
        body = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "there is none"}).encode()
        if known and address.path.endswith(("registered-models/alias", "model-versions/get")):
            body = json.dumps(VERSION).encode()
        elif known and address.path.endswith("model-versions/get-download-uri"):
            body = json.dumps({"artifact_uri": "file:///elsewhere"}).encode()
        elif known and address.path.endswith("get-artifact"):
            body = (ROOT / "models/demo" / asked["path"].removeprefix("bundle/")).read_bytes()
        else:
            known = False
        self.send_response(200 if known else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of it."""


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()


def test_a_version_is_loaded_by_its_alias_or_number(bundle: slirec.Bundle) -> None:
    for reference in ["models:/shop@champion", "models:/shop/3"]:
        assert slirec.load(reference).sha256 == bundle.sha256


def test_what_the_registry_does_not_have_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(slirec.SlirecError, match="there is none"):
        slirec.load("models:/shop@challenger")
    with pytest.raises(ValueError, match="models:/"):
        slirec.load("models:/shop")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(slirec.SlirecError, match="MLFLOW_TRACKING_URI"):
        slirec.load("models:/shop@champion")
