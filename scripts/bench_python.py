"""Measures the Python package: sessions of a frame a second, on the demo catalogue, and interactions of a frame prepared.

Enters: nothing. Leaves: a line for each measurement. Needs the wheel and PyArrow: `make bench-python`.
"""

import os
import random
import resource
import time

import pyarrow as pa
import slirec

SESSIONS = int(os.environ.get("SESSIONS", "100000"))
VIEWS = 7
INTERACTIONS = int(os.environ.get("INTERACTIONS", "10000000"))
NOW = 1_793_620_000


def views(sessions, each, handles, draw):
    """A table of views; names are shared, as a warehouse's are."""
    rows = sessions * each
    return pa.table(
        {
            "user": [f"session {row // each}" for row in range(rows)],
            "item": draw.choices(handles, k=rows),
            "timestamp": [NOW - draw.randrange(1, 500_000) for _ in range(rows)],
        }
    )


def main():
    draw = random.Random(42)
    bundle = slirec.load("models/demo")
    handles = pa.table(bundle.products())["item"].to_pylist()
    table = views(SESSIONS, VIEWS, handles, draw)
    for limit in (10, 16):
        began = time.monotonic()
        answers = bundle.recommend_frame(table, limit=limit, now=NOW)
        elapsed = time.monotonic() - began
        print(
            f"recommend_frame, {len(handles)} products, {VIEWS} views, limit {limit}, {len(os.sched_getaffinity(0))} cores: "
            f"{SESSIONS / elapsed:,.0f} sessions/s ({len(answers):,} rows in {elapsed:.1f} s)"
        )
    if INTERACTIONS:
        table = views(INTERACTIONS // 20, 20, handles, draw)
        began = time.monotonic()
        dataset = slirec.prepare(table, progress=False)
        elapsed = time.monotonic() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"prepare of {table.num_rows:,} interactions: {elapsed:.1f} s; peak {peak:,.0f} MiB with the frame of "
            f"{table.nbytes / 2**20:,.0f} MiB; {dataset}"
        )


main()
