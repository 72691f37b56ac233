"""What tests share: the demo bundle, and the service that answers with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import slirec

ROOT = Path(__file__).parents[3]
NOW = 1_793_620_000


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="session")
def bundle() -> slirec.Bundle:
    return slirec.load(ROOT / "models/demo")


class Service:
    """The service of the wheel."""

    def __init__(self) -> None:
        environment = {**os.environ, "SLIREC__SERVER__DRAIN_DELAY_SECONDS": "0"}
        command = ["slirec-server", "--port", "0", "--model", "models/demo"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = ""
        for line in self.process.stdout:
            event = json.loads(line)
            if event.get("message") == "listening":
                self.address = f"http://{event['address']}"
                break
        assert self.address, "the service did not start"

    def recommend(self, body: dict[str, Any]) -> dict[str, Any]:
        """Ask for recommendations."""
        request = urllib.request.Request(
            f"{self.address}/v1/recommendations", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return cast("dict[str, Any]", json.load(answer))

    def stop(self) -> None:
        """End it, as an operator does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.stop()
