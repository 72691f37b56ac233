"""Finds ONNX Runtime's library inside the package `onnxruntime`, which is never imported."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from slirec._slirec import SlirecError

VARIABLE = "ORT_DYLIB_PATH"


def library() -> Path:
    """Where the library lies: what ORT_DYLIB_PATH names, or else the one in the package."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    package = importlib.util.find_spec("onnxruntime")
    if package is not None and package.origin is not None:
        found = sorted((Path(package.origin).parent / "capi").glob("libonnxruntime.so*"))
        if found:
            return found[-1]
    raise SlirecError(f"ONNX Runtime is missing: pip install onnxruntime, or name its library in {VARIABLE}")
