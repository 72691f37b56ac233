"""Bundles that answer: histories and frames of sessions enter, recommendations leave."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, SupportsFloat, cast

from slirec import _slirec
from slirec._arguments import Time, seconds, whole
from slirec._frames import ArrowStream, Frame
from slirec._runtime import library

if TYPE_CHECKING:
    from typing import TypeAlias

View: TypeAlias = tuple[str, Time] | Mapping[str, Any]
"""A viewed product: its handle (or GID) and when, as a pair or as the service's `{"item", "time", "event"}`."""

Attribute: TypeAlias = str | float | bool | Iterable[str]
"""A value of an attribute of a shopper."""

FIELDS = frozenset({"item", "time", "event"})
"""Of a view: without a time it is just now; the event is view, cart or purchase."""

REGISTRY = "models:/"


@dataclass(frozen=True)
class Item:
    """A recommended product."""

    handle: str
    gid: str
    title: str
    category: str
    score: float


@dataclass(frozen=True)
class Recommendations:
    """The best products after a history, best first.

    `source` is `model`, or `popular` where the model knows none of the views; `unknown_items` is how many of the last
    views it does not know.
    """

    source: Literal["model", "popular"]
    items: list[Item]
    unknown_items: int


class Bundle:
    """A model in service, as `slirec-server` has it: the same answers to the same questions.

    Its methods may be called from several threads at once; scoring uses all cores and releases the interpreter's lock.
    """

    def __init__(self, native: _slirec.Bundle) -> None:
        self._native = native
        self.manifest: dict[str, Any] = json.loads(native.manifest())

    def __repr__(self) -> str:
        return f"Bundle {self.manifest['name']} {self.manifest['version']}"

    @property
    def sha256(self) -> str:
        """SHA-256 of the manifest, which fixes every other file."""
        return self._native.sha256

    @property
    def kernels(self) -> str:
        """Which code computes: `fused`, or `stock` for ONNX Runtime."""
        return self._native.kernels

    def products(self) -> Frame:
        """List the products of the catalogue: item, gid, title, category, available."""
        return Frame(self._native.products())

    def recommend(
        self,
        history: Iterable[View],
        *,
        limit: int = 16,
        offset: int = 0,
        now: Time | None = None,
        exclude_seen: bool = False,
        exclude_purchased: bool = False,
        min_score: float | None = None,
        exclude: Iterable[str] = (),
        include_only: Iterable[str] | None = None,
        categories: Iterable[str] | None = None,
        exclude_categories: Iterable[str] = (),
        per_category: int | None = None,
        filter: str | None = None,
        per: Mapping[str, int] | None = None,
        diversity: float | None = None,
        user_id: str | int | None = None,
        user: Mapping[str, Attribute | None] | None = None,
    ) -> Recommendations:
        """Recommend products after one history.

        Arguments are the fields of the service's `/v1/recommendations`. The views may stand in any order: their times
        decide; one without a time is just now. `exclude_purchased` leaves out what has the event `purchase`. `now` is
        the time of the prediction, by default the clock's. `user` is what is known of the shopper, such as
        `{"country": "DE", "age": 31}`, of the attributes that the model reads; `user_id` names one of whom a bundle
        with a table of known users knows it.

        >>> import slirec
        >>> bundle = slirec.load("models/demo")
        >>> history = [("atlas", 1793610900), {"item": "novel", "time": "2026-11-02T09:16:30Z"}]
        >>> answer = bundle.recommend(history, limit=2, now="2026-11-02T09:20:00Z")
        >>> answer.source, answer.unknown_items, len(answer.items)
        ('model', 0, 2)
        >>> bundle.recommend([], limit=1).source
        'popular'
        """
        options = _options(
            limit, offset, now, exclude_seen, exclude_purchased, min_score, exclude, include_only,
            categories, exclude_categories, per_category, filter, per, diversity,
        )  # fmt: skip
        shopper = (None if user_id is None else str(user_id), _said(user or {}))
        source, unknown, items = self._native.recommend([_view(view) for view in history], shopper, options)
        return Recommendations(cast("Literal['model', 'popular']", source), [Item(*item) for item in items], unknown)

    def recommend_frame(
        self,
        sessions: ArrowStream,
        *,
        user: str = "user",
        item: str = "item",
        timestamp: str = "timestamp",
        user_id: str | None = None,
        limit: int = 16,
        offset: int = 0,
        now: Time | None = None,
        exclude_seen: bool = False,
        exclude_purchased: bool = False,
        min_score: float | None = None,
        exclude: Iterable[str] = (),
        include_only: Iterable[str] | None = None,
        categories: Iterable[str] | None = None,
        exclude_categories: Iterable[str] = (),
        per_category: int | None = None,
        filter: str | None = None,
        per: Mapping[str, int] | None = None,
        diversity: float | None = None,
    ) -> Frame:
        """Recommend products for every session of a frame.

        The frame has a row for each view, in any order; `user`, `item` and `timestamp` name its columns, of which the
        first tells whose view it is; `exclude_purchased` needs a column `event`, which says view, cart or purchase.
        Columns such as `user.country` say what is known of the shopper, of the attributes that the model reads, where
        they are not missing; of several rows of a session the last counts. A bundle with a table of known users looks
        them up by `user`, or by the column that `user_id` names.

        The answer has a row for each recommended product: user, source, rank, item, score. Sessions stand in the order
        in which they first appear.

        >>> import polars as pl, slirec
        >>> views = pl.DataFrame({
        ...     "user": [7, 8, 7],
        ...     "item": ["novel", "atlas", "atlas"],
        ...     "timestamp": [1793610900, 1793610950, 1793611000],
        ... })
        >>> answers = slirec.load("models/demo").recommend_frame(views, limit=2, now=1793611200)
        >>> answers.to_polars().select("user", "rank").rows()
        [(7, 1), (7, 2), (8, 1), (8, 2)]
        """
        options = _options(
            limit, offset, now, exclude_seen, exclude_purchased, min_score, exclude, include_only,
            categories, exclude_categories, per_category, filter, per, diversity,
        )  # fmt: skip
        return Frame(self._native.recommend_frame(sessions, (user, item, timestamp, user_id), options))

    def score(
        self,
        sessions: ArrowStream,
        items: Iterable[str] | None = None,
        *,
        user: str = "user",
        item: str = "item",
        timestamp: str = "timestamp",
        user_id: str | None = None,
        now: Time | None = None,
    ) -> Frame:
        """Score products for every session of a frame, to rank them elsewhere.

        `items` are handles, by default of all available products. What leaves has a row for each session and product
        in their order: user, source, rank, item, score. The rank is among these products; a product that is not
        available has no score. Columns such as `user.country` and `user_id` are those of `recommend_frame`.

        >>> import polars as pl, slirec
        >>> views = pl.DataFrame({"user": ["u"], "item": ["novel"], "timestamp": [1793610900]})
        >>> scores = slirec.load("models/demo").score(views, ["novel", "atlas"], now=1793611200).to_polars()
        >>> scores["item"].to_list(), sorted(scores["rank"])
        (['novel', 'atlas'], [1, 2])
        """
        options = _options(1, 0, now, False, False, None, (), None, None, (), None, None, None, None)
        wanted = None if items is None else list(items)
        return Frame(self._native.score(sessions, (user, item, timestamp, user_id), wanted, options))


def load(path: str | os.PathLike[str], *, workers: int | None = None) -> Bundle:
    """Load and verify a bundle.

    It is a directory of `slirec export`, or `models:/NAME@ALIAS` or `models:/NAME/VERSION` of an MLflow registry, whose
    address and credentials stand in MLflow's own variables. `workers` is the number of threads that score, by default
    one for each core.
    """
    threads = whole("workers", workers) if workers is not None else len(os.sched_getaffinity(0))
    if not (isinstance(path, str) and path.startswith(REGISTRY)):
        return Bundle(_slirec.Bundle.load(path, library(), threads))
    with tempfile.TemporaryDirectory(prefix="slirec-") as folder:
        directory = Path(folder) / "bundle"
        _slirec.pull(path, directory)
        return Bundle(_slirec.Bundle.load(directory, library(), threads))


def _options(
    limit: int,
    offset: int,
    now: Time | None,
    exclude_seen: bool,
    exclude_purchased: bool,
    min_score: float | None,
    exclude: Iterable[str],
    include_only: Iterable[str] | None,
    categories: Iterable[str] | None,
    exclude_categories: Iterable[str],
    per_category: int | None,
    filter_text: str | None,
    per: Mapping[str, int] | None,
    diversity: float | None,
) -> _slirec.Options:
    return {
        "limit": whole("limit", limit),
        "offset": whole("offset", offset, 0),
        "exclude_seen": exclude_seen,
        "exclude_purchased": exclude_purchased,
        "min_score": min_score,
        "exclude": list(exclude),
        "include_only": None if include_only is None else list(include_only),
        "categories": None if categories is None else list(categories),
        "exclude_categories": list(exclude_categories),
        "per_category": None if per_category is None else whole("per_category", per_category),
        "filter": filter_text,
        "per": None if per is None else [(name, whole("per", most)) for name, most in per.items()],
        "diversity": diversity,
        "now": None if now is None else seconds(now),
    }


def _view(view: View) -> tuple[str, float | None, str | None]:
    if not isinstance(view, Mapping):
        return str(view[0]), seconds(view[1]), None
    if "item" not in view or not FIELDS.issuperset(view):
        raise ValueError(f"a view has the fields {', '.join(view)}: expected item, and perhaps time and event")
    time, event = view.get("time"), view.get("event")
    return str(view["item"]), None if time is None else seconds(time), event


def _said(user: Mapping[str, Attribute | None]) -> list[tuple[str, float | str | list[str]]]:
    return [(name, _value(name, value)) for name, value in user.items() if value is not None]


def _value(name: str, value: object) -> float | str | list[str]:
    if isinstance(value, bool):
        # As in JSON.
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, SupportsFloat):
        return float(value)
    if isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping)):
        return [str(entry) for entry in value]
    raise TypeError(f"user[{name!r}] is {value!r}: expected a text, a number or a list of texts")
