"""How far work is: a bar of tqdm where it is installed, in a notebook or on a terminal, or nothing."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Any


class Progress:
    """Called by the native half with what happens, a number and more; shows it."""

    def __init__(self, wanted: bool | None) -> None:
        self._bar: Any = None
        self._tqdm: Any = None
        if wanted is None:
            wanted = sys.stderr.isatty() or "ipykernel" in sys.modules
        if wanted:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self._tqdm = tqdm

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __call__(self, what: str, number: int, more: str) -> None:
        """Hear of something."""
        if self._tqdm is None:
            return
        if what == "epoch":
            self._close()
            self._bar = self._tqdm(total=number, desc=more, unit=" examples", leave=False)
        elif what == "reading":
            if self._bar is None:
                self._bar = self._tqdm(desc="reading", unit=" interactions", leave=False)
            self._bar.update(number - self._bar.n)
        elif what == "step" and self._bar is not None:
            self._bar.set_postfix_str(more, refresh=False)
            self._bar.update(number - self._bar.n)
        elif what == "evaluated":
            self._close()
            self._tqdm.write(_line(json.loads(more)))

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _line(metrics: dict[str, Any]) -> str:
    figures = metrics.get("ranking") or metrics["valid"]
    loss = metrics.get("loss")
    values = [f"{name} {value:.4f}" for name, value in figures.items() if isinstance(value, float)]
    return f"epoch {metrics['epoch']:>3} {'' if loss is None else f'loss {loss:.4f} '}valid {' '.join(values)}"
