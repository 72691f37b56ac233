"""The notebooks run from a clean kernel, and show what people see: to the letter, but for what training has made."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

NOTEBOOKS = ["notebook.ipynb", "your_own_data.ipynb"]


def shown(cell: Any, is_trained: bool) -> list[tuple[str, str | None]]:
    """List outputs: their kinds and texts; those of results only before the training."""

    def text(output: Any) -> str | None:
        return output.get("text") or (None if is_trained else output.get("data", {}).get("text/plain"))

    return [(output.output_type, text(output)) for output in cell.get("outputs", [])]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_and_shows_what_is_committed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # An editor starts a kernel by its path: the programs of its environment are then on no PATH.
    others = [place for place in os.environ["PATH"].split(os.pathsep) if Path(place) != Path(sys.executable).parent]
    monkeypatch.setenv("PATH", os.pathsep.join(others))
    committed = nbformat.read(ROOT / "examples" / name, as_version=4)
    executed = nbformat.read(ROOT / "examples" / name, as_version=4)
    NotebookClient(executed, timeout=600, resources={"metadata": {"path": str(ROOT)}}).execute()
    is_trained = False
    for before, after in zip(committed.cells, executed.cells, strict=True):
        # Weights, and so scores, depend on the instructions of a processor.
        is_trained = is_trained or "slirec.train(" in before.source
        assert shown(before, is_trained) == shown(after, is_trained), before.source
    assert is_trained
