"""The programs of the wheel: each becomes the compiled one, which is told where ONNX Runtime lies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from slirec._runtime import VARIABLE, library
from slirec._slirec import SlirecError


def companion() -> NoReturn:
    """Become `slirec`."""
    _become("slirec")


def server() -> NoReturn:
    """Become `slirec-server`."""
    _become("slirec-server")


def _become(name: str) -> NoReturn:
    program = Path(__file__).parent / "bin" / name
    if not program.exists():
        sys.exit(f"{program} is missing: the package was built without its programs")
    try:
        os.environ[VARIABLE] = str(library())
    except SlirecError:
        # Verbs that score nothing need none, and the program says it to those that do.
        os.environ.pop(VARIABLE, None)
    os.execv(program, [name, *sys.argv[1:]])
