"""The notebook runs from a clean kernel, and its outputs are those that people see."""

from __future__ import annotations

import nbformat
from conftest import ROOT
from nbclient import NotebookClient

NOTEBOOK = ROOT / "examples/your_own_data.ipynb"


def test_the_notebook_runs_and_shows_what_is_committed() -> None:
    committed = nbformat.read(NOTEBOOK, as_version=4)
    executed = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(executed, timeout=600, resources={"metadata": {"path": str(ROOT)}}).execute()
    for before, after in zip(committed.cells, executed.cells, strict=True):
        # What a cell says depends on the numbers of a processor's instructions: not that, but that, it says something.
        kinds = [[output.output_type for output in cell.get("outputs", [])] for cell in (before, after)]
        assert kinds[0] == kinds[1], before.source
