"""Measures the Python package: sessions of a frame a second, on the demo catalogue, and interactions of a frame prepared
beside the command on a file of the same ones.

Enters: nothing. Leaves: a line for each measurement, the median of three with the least and the most. Needs the wheel,
PyArrow and pandas: `make bench-python`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import slirec

SESSIONS = int(os.environ.get("SESSIONS", "100000"))
VIEWS = 7
INTERACTIONS = int(os.environ.get("INTERACTIONS", "10000000"))
# Views of a user whose interactions are prepared.
EACH = 20
RUNS = 3
NOW = 1_793_620_000
CORES = len(os.sched_getaffinity(0))


def views(sessions: int, each: int, products: pa.Table) -> pa.Table:
    """Views of products that are drawn."""
    draw = np.random.default_rng(42)
    rows = sessions * each
    drawn = draw.integers(0, products.num_rows, rows)
    users = pa.array([f"session {session}" for session in range(sessions)]).take(pa.array(np.arange(rows) // each))
    times = pa.array(NOW - draw.integers(1, 500_000, rows))
    picked = products.select(["item", "category"]).take(pa.array(drawn))
    return pa.table({"user": users, "item": picked["item"], "timestamp": times, "category": picked["category"]})


def timed(work: Callable[[], object]) -> float:
    """Seconds of a call."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def said(seconds: list[float]) -> str:
    """Median, least and most."""
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def memory() -> dict[str, float]:
    """MiB of this process: now, and the most since the peak was forgotten."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")}


def grown(work: Callable[[], object]) -> float:
    """MiB that a call needs at most, beside what is there before it."""
    Path("/proc/self/clear_refs").write_text("5")
    before = memory()["VmRSS"]
    work()
    return memory()["VmHWM"] - before


def recommendations(products: pa.Table) -> None:
    """Sessions of a frame a second."""
    bundle = slirec.load("models/demo")
    table = views(SESSIONS, VIEWS, products)
    for limit in (10, 16):
        answers = []
        seconds = [
            timed(lambda limit=limit: answers.append(len(bundle.recommend_frame(table, limit=limit, now=NOW))))
            for _ in range(RUNS)
        ]
        assert answers == [SESSIONS * limit] * RUNS, answers
        rates = [SESSIONS / each for each in seconds]
        print(
            f"recommend_frame, {SESSIONS:,} sessions, {products.num_rows} products, {VIEWS} views, limit {limit}, {CORES} cores: "
            f"{statistics.median(rates):,.0f} sessions/s ({min(rates):,.0f} to {max(rates):,.0f})",
            flush=True,
        )


def prepared(products: pa.Table, folder: Path) -> None:
    """A frame beside a file of the same rows: the same dataset, how long, how much memory."""
    table = views(INTERACTIONS // EACH, EACH, products)
    file = folder / "interactions.tsv"
    labels = pa.array(np.ones(table.num_rows, np.int8))
    pa.csv.write_csv(
        pa.table([labels, *table.select(["user", "item", "timestamp", "category"]).columns], list("luitc")),
        file,
        pa.csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none"),
    )
    command = ["slirec", "prepare", "--interactions", str(file), "--output", str(folder / "of-file"), "--force"]
    of_frame, of_file = [], []
    # In turn, so that a noisy machine is noisy for both.
    for _ in range(RUNS):
        of_file.append(timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)))
        of_frame.append(timed(lambda: slirec.prepare(table, output=folder / "of-frame", replace=True, progress=False)))
    both = [json.loads((folder / name / "manifest.json").read_text()) for name in ("of-file", "of-frame")]
    assert both[0] == both[1], both
    ratio = statistics.median(of_frame) / statistics.median(of_file)
    print(f"prepare of {table.num_rows:,} interactions: a frame {said(of_frame)}, the command on a file {said(of_file)}, ratio {ratio:.2f}")

    frame = table.to_pandas()
    frames = {
        "PyArrow": table,
        "PyArrow in one piece": table.combine_chunks(),
        "pandas": frame,
        "pandas' categories": frame.astype({"item": "category", "category": "category"}),
        "pandas' objects": pd.DataFrame({name: frame[name].astype(object) for name in frame}),
    }
    for share in (10, 1):
        for name, whole in frames.items():
            rows = len(whole) // share
            part = whole.slice(0, rows) if isinstance(whole, pa.Table) else whole.head(rows)
            needed = grown(lambda part=part: slirec.prepare(part, output=folder / "of-frame", replace=True, progress=False))
            print(f"memory of preparing {rows:,} interactions, {name}: {needed:,.0f} MiB beside the frame", flush=True)


def main() -> None:
    """Measure both."""
    products = pa.table(slirec.load("models/demo").products())
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    recommendations(products)
    if INTERACTIONS:
        with tempfile.TemporaryDirectory() as folder:
            prepared(products, Path(folder))


main()
