"""Measures `slirec recommend` over Parquet, and kills it on the way: what goes on must give the same rows.

Enters: nothing. Leaves: sessions a second, peak memory, and what the kills left; ends with an error where a row is
doubled, lost or another. Needs the wheel and PyArrow: `make bench-recommend` (SESSIONS=, FILES=, KILLS=, SEED=).
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import slirec

SESSIONS = int(os.environ.get("SESSIONS", "1000000"))
FILES = int(os.environ.get("FILES", "20"))
KILLS = int(os.environ.get("KILLS", "3"))
SEED = int(os.environ.get("SEED", "42"))
RUNS = 3
VIEWS = 7
LIMIT = 10
NOW = 1_793_620_000


def make_sessions(folder: Path) -> None:
    """Sessions in partitions, a row a view, each session's rows together."""
    draw = np.random.default_rng(SEED)
    handles = pa.table(slirec.load("models/demo").products())["item"]
    for part, numbers in enumerate(np.array_split(np.arange(SESSIONS), FILES)):
        rows = len(numbers) * VIEWS
        users = pa.array([f"session {number}" for number in numbers])
        table = pa.table(
            {
                "user": users.take(pa.array(np.arange(rows) // VIEWS)),
                "item": handles.take(pa.array(draw.integers(0, len(handles), rows))),
                "timestamp": pa.array(NOW - draw.integers(1, 500_000, rows)),
            }
        )
        directory = folder / f"part={part:02}"
        directory.mkdir(parents=True)
        pq.write_table(table, directory / "sessions.parquet")


def command(sessions: Path, output: Path) -> list[str]:
    """Recommends for all of them."""
    options = {"--bundle": "models/demo", "--limit": str(LIMIT), "--now": str(NOW), "--output": str(output)}
    return ["slirec", "recommend", str(sessions), *(part for option in options.items() for part in option)]


def whole(sessions: Path, output: Path) -> tuple[float, float, float]:
    """Runs to the end: seconds, seconds of processors, MiB at most."""
    began = time.monotonic()
    process = subprocess.Popen(command(sessions, output), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def killed(sessions: Path, output: Path, after: float) -> list[str]:
    """Runs until it is killed; names of the files that are complete."""
    with subprocess.Popen(command(sessions, output), stdout=subprocess.DEVNULL) as process:
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, f"it ended with {process.returncode} before it was killed"
    return sorted(str(path.relative_to(output)) for path in output.rglob("*.parquet"))


def check_rows(sessions: Path, directory: Path, expected: Path) -> int:
    """Compares file by file and row by row with a run that was not ended; every session must be there once."""
    names = sorted(path.relative_to(sessions) for path in sessions.rglob("*.parquet"))
    total = 0
    for name in names:
        found = pq.ParquetFile(directory / name).read()
        assert found.equals(pq.ParquetFile(expected / name).read()), f"{name}: other rows"
        asked = pc.unique(pq.ParquetFile(sessions / name).read(["user"])["user"].combine_chunks())
        counts = {(row["values"], row["counts"]) for row in found["user"].value_counts().to_pylist()}
        assert counts == {(user, LIMIT) for user in asked.to_pylist()}, f"{name}: sessions are doubled or lost"
        total += found.num_rows
    left = sorted(path.relative_to(directory) for path in directory.rglob("*") if path.is_file())
    left = [name for name in left if not name.name.startswith("_recommendations.")]
    assert left == names, f"{directory} holds {left}"
    return total


def main() -> None:
    """Measure, then kill."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sessions, expected, output = (folder / name for name in ("sessions", "expected", "output"))
        make_sessions(sessions)
        size = sum(path.stat().st_size for path in sessions.rglob("*.parquet"))
        measured = []
        for run in range(RUNS):
            target = expected if run == 0 else folder / f"run-{run}"
            measured.append(whole(sessions, target))
        rates = [SESSIONS / elapsed for elapsed, _, _ in measured]
        peaks = [peak for _, _, peak in measured]
        cores = len(os.sched_getaffinity(0))
        print(
            f"recommend, {SESSIONS:,} sessions of {VIEWS} views in {FILES} files ({size / 2**20:,.0f} MiB), "
            f"limit {LIMIT}, {cores} cores: {statistics.median(rates):,.0f} sessions/s ({min(rates):,.0f} to {max(rates):,.0f}), "
            f"processors {statistics.median(used / elapsed for elapsed, used, _ in measured):.2f}, "
            f"peak memory {max(peaks):,.0f} MiB",
            flush=True,
        )
        draw = random.Random(SEED)
        complete: list[str] = []
        for _ in range(KILLS):
            # Each leaves time enough for the next.
            after = draw.uniform(0.05, 0.9) * measured[0][0] / KILLS
            kept = {name: (output / name).stat().st_mtime_ns for name in complete}
            complete = killed(sessions, output, after)
            assert all((output / name).stat().st_mtime_ns == written for name, written in kept.items()), "written again"
            print(f"killed after {after:.1f} s: {len(complete)} of {FILES} files are complete", flush=True)
        whole(sessions, output)
        print(f"went on to the end: {check_rows(sessions, output, expected):,} rows, as those of a run without a kill")


main()
