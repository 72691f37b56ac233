"""What all parts of the chaos test use: programs that are killed at chosen operations on files, trees of files that are
compared, counts and failures.

Enter: a folder to work in and a seed. Leaves: a table of kills, and the faults that were found.
"""

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
SLIREC = Path(os.environ.get("COMPANION", TARGET / "debug/slirec"))
SERVER = Path(os.environ.get("SLIREC_SERVER", TARGET / "debug/slirec-server"))
KILLED = -9
# Longer than anything here takes on a slow machine.
LONGEST = 300


class Fault(Exception):
    """An invariant that does not hold."""


class Chaos:
    """A folder, a seed and what was counted so far."""

    def __init__(self, folder, seed, scale):
        self.folder, self.scale = Path(folder), scale
        self.seed, self.chance = seed, random.Random(seed)
        self.kills, self.others, self.faults = Counter(), Counter(), []
        self.shim = self.folder / "kill.so"
        compiler = ["cc", "-shared", "-fPIC", "-O1", "-o", self.shim, Path(__file__).with_name("kill.c"), "-ldl"]
        subprocess.run(compiler, check=True)

    def variables(self, kill_at=None, torn=False, full=None, report=None):
        """The environment of a program whose operations on files are counted."""
        names = {"CHAOS_KILL_AT": kill_at, "CHAOS_FULL": full, "CHAOS_REPORT": report, "CHAOS_TORN": torn or None}
        given = {name: str(value) for name, value in names.items() if value is not None}
        return os.environ | given | {"LD_PRELOAD": str(self.shim)}

    def run(self, arguments, cwd, environment=None, **chaos):
        """Runs the companion to its end: its exit code, -9 when it was killed, and what it said."""
        variables = self.variables(**chaos) | (environment or {})
        done = subprocess.run(
            [SLIREC, *map(str, arguments)], cwd=cwd, env=variables, capture_output=True, text=True, timeout=LONGEST, check=False
        )
        return done.returncode, done.stderr + done.stdout

    def succeed(self, arguments, cwd, environment=None):
        code, said = self.run(arguments, cwd, environment)
        if code != 0:
            raise Fault(f"`slirec {' '.join(map(str, arguments))}` ended with {code}: {said.strip()}")
        return said

    def operations(self, arguments, cwd, environment=None):
        """Operations on files of a whole run."""
        report = self.folder / "operations"
        code, said = self.run(arguments, cwd, environment, report=report)
        if code != 0:
            raise Fault(f"`slirec {' '.join(map(str, arguments))}` ended with {code}: {said.strip()}")
        return int(report.read_text())

    def points(self, total, count):
        """Operations to kill at, as many as asked for: each of them before any comes again."""
        count, points = max(1, round(count * self.scale)), []
        while count > len(points):
            points += self.chance.sample(range(1, total + 1), min(total, count - len(points)))
        return points

    def check(self, writer, what, body):
        """Runs a part; what it finds is written down, and the test goes on."""
        try:
            body()
        except (Fault, subprocess.TimeoutExpired, OSError) as fault:
            self.faults.append(f"{writer}, {what}: {fault}")
            print(f"FAULT {self.faults[-1]}", file=sys.stderr, flush=True)

    def killed(self, writer):
        self.kills[writer] += 1
        if self.kills.total() % 25 == 0:
            print(f"{self.kills.total()} kills, {len(self.faults)} faults", file=sys.stderr, flush=True)


def new_folder(chaos):
    return Path(tempfile.mkdtemp(dir=chaos.folder))


def tree(path, without=()):
    """Hashes of all files below a path by their names; the hash of a file; None when nothing is there."""
    path = Path(path)
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    if not path.exists():
        return None
    files = (file for file in sorted(path.rglob("*")) if file.is_file() and file.name not in without)
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def remove(path):
    path = Path(path)
    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def leftovers(folder):
    """What a command that ended well must have cleared away."""
    return sorted(path.name for path in Path(folder).iterdir() if path.name.endswith((".partial", ".replaced")))


def expect(holds, message):
    if not holds:
        raise Fault(message)


def wait_until(what, holds, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return found
        time.sleep(0.01)
    raise Fault(f"timed out: {what}")
