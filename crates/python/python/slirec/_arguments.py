"""Arguments of calls: what a person passes enters; values in their ranges leave, or a ValueError that names them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TypeAlias

from slirec import _slirec

Time: TypeAlias = float | str | datetime
"""Unix seconds or milliseconds, ISO 8601, or a datetime; without a zone it is UTC."""

LARGEST = 2**63 - 1


def whole(name: str, value: int, least: int = 1) -> int:
    """Check a whole number."""
    if not least <= value <= LARGEST:
        raise ValueError(f"{name} is {value}: expected a whole number from {least}")
    return value


def seconds(time: Time) -> float:
    """Unix seconds of a time."""
    if isinstance(time, datetime):
        zoned = time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
        return _slirec.seconds(zoned.astimezone(timezone.utc).isoformat())
    return _slirec.seconds(str(time))
