#!/usr/bin/env python3
"""Kills the programs in the midst of what they write, and fills their disk: `make test-chaos`.

Enter: both programs (COMPANION, SLIREC_SERVER; by default the debug build), SEED (printed; by default of the clock), SCALE (1: at
least 500 kills; 0.1: a tenth), ONLY (parts, with commas: companion, push, pull, changes, registry). Leaves: a table of kills; ends
with 1 when an invariant did not hold, and says which.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

import companion
import registries
import services
from harness import Chaos

PARTS = {
    "push": registries.attack_push,
    "pull": registries.attack_pull,
    "changes": services.attack_changes,
    "registry": services.attack_registry,
}


def main():
    seed = int(os.environ.get("SEED") or time.time())
    scale = float(os.environ.get("SCALE") or 1)
    only = [part for part in os.environ.get("ONLY", "").split(",") if part] or ["companion", *PARTS]
    began = time.monotonic()
    print(f"SEED={seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="slirec-chaos-") as folder:
        chaos = Chaos(folder, seed, scale)
        try:
            attack(chaos, only)
        except KeyboardInterrupt:
            chaos.faults.append("the test was stopped before its end")
    report(chaos, time.monotonic() - began)
    sys.exit(1 if chaos.faults else 0)


def attack(chaos, only):
    if "companion" in only:
        road = companion.attack_all(chaos)
    else:
        road = companion.road(chaos)
        for writer in companion.writers():
            chaos.succeed(writer.arguments, road)
    for name in only:
        if name in PARTS:
            PARTS[name](chaos, road)


def report(chaos, seconds):
    print("| killed in the midst of | kills |\n|---|---|")
    for writer, count in chaos.kills.items():
        print(f"| {writer} | {count} |")
    print(f"| all | {chaos.kills.total()} |")
    print("\n| what else happened | times |\n|---|---|")
    for what, count in sorted(chaos.others.items()):
        print(f"| {what} | {count} |")
    print(f"\n{len(chaos.faults)} faults, {seconds:.0f} s, SEED={chaos.seed}")
    for fault in chaos.faults:
        print(f"- {fault}")


if __name__ == "__main__":
    main()
