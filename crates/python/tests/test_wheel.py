"""The wheel alone: a new virtual environment without anything else serves and recommends, within a minute."""

from __future__ import annotations

import os
import subprocess
import time
import venv
from pathlib import Path

from conftest import ROOT

RECOMMENDS = """
import slirec
answer = slirec.load("models/demo").recommend([("novel", "2026-11-02T09:15:00Z")], limit=3)
print(*[item.handle for item in answer.items])
"""


def test_the_wheel_is_all_that_is_needed(tmp_path: Path) -> None:
    venv.create(tmp_path, with_pip=True)
    programs = tmp_path / "bin"
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    def run(*command: str) -> str:
        said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
        return said.stdout

    run(str(programs / "pip"), "install", "--quiet", os.environ["WHEEL"])
    # Only then: how long the network takes says nothing of the wheel.
    began = time.monotonic()
    assert len(run(str(programs / "python"), "-c", RECOMMENDS).split()) == 3
    assert run(str(programs / "slirec"), "--version").startswith("slirec ")
    assert run(str(programs / "slirec-server"), "--version").startswith("slirec-server ")
    elapsed = time.monotonic() - began
    print(f"from the installed wheel to the first recommendation: {elapsed:.0f} s")
    assert elapsed < 60, elapsed
