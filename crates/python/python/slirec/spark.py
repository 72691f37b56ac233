"""For data that outgrows a machine: events enter a Spark cluster, interactions, sessions and recommendations leave.

Spark does the work that parts well; `slirec` scores in each of its Python workers, which need the package too. The
bundle is broadcast from the driver, and each worker process loads it once.

Needs PySpark 4 and PyArrow, and a session that runs beside its driver (not Spark Connect). Nothing but this module
imports PySpark.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql.types import FloatType, IntegerType, StringType, StructField, StructType

from slirec import _slirec
from slirec._serving import REGISTRY, Bundle, load

ANSWER = (
    StructField("source", StringType()),
    StructField("rank", IntegerType()),
    StructField("item", StringType()),
    StructField("score", FloatType()),
)
"""What stands beside the columns of a session."""

Files = dict[str, bytes]


def interactions(events: DataFrame, catalog: DataFrame) -> DataFrame:
    """Make Snowplow's events into interactions, as `slirec interactions import snowplow` does on one machine.

    `events` has the columns of the Lake Loader, `catalog` has handle, gid and category. What leaves has user, item,
    timestamp (Unix seconds), category, weight and user_bucket. Written as Parquet, partitioned by user_bucket, it is
    what `slirec prepare --interactions DIRECTORY` reads:

        slirec.spark.interactions(events, catalog).write.partitionBy("user_bucket").parquet("interactions")
    """
    text = (resources.files("slirec") / "sql/snowplow_interactions.spark.sql").read_text(encoding="utf-8")
    body = text[text.index("WITH ") + len("WITH ") :]
    return _sql(
        "WITH events AS (SELECT * FROM {events}), catalog AS (SELECT * FROM {catalog}), ", body, events, catalog
    )


def sessions(
    interactions: DataFrame,
    *,
    user: str = "user",
    item: str = "item",
    timestamp: str = "timestamp",
    gap_seconds: float | None = None,
    longest: int | None = None,
) -> DataFrame:
    """Collect interactions into sessions: user, session, views.

    `views` is a list of item and timestamp (Unix seconds or milliseconds, as the interactions have them), oldest first;
    views of one moment stand by their items. `session` counts each user's sessions from 0: a pause longer than
    `gap_seconds` begins the next one, and without it a user has one session. `longest` keeps the newest views alone.
    """
    if longest is not None and longest < 1:
        raise ValueError(f"longest is {longest}: expected a whole number from 1")
    names = tuple(f"`{name.replace('`', '``')}`" for name in (user, item, timestamp))
    body = _SESSIONS.format(
        user=names[0],
        item=names[1],
        timestamp=names[2],
        gap="double('Infinity')" if gap_seconds is None else repr(float(gap_seconds)) + "D",
        views="views" if longest is None else f"slice(views, greatest(1, size(views) - {longest} + 1), {longest})",
    )
    return _sql("WITH interactions AS (SELECT * FROM {events}), ", body, interactions)


def recommend(
    sessions: DataFrame,
    bundle: str | os.PathLike[str],
    *,
    views: str = "views",
    user: str = "user",
    now: float | None = None,
    **options: Any,
) -> DataFrame:
    """Recommend products for every session of a table, on every core of the cluster.

    `views` names the column with a session's views, a list of item and timestamp as `sessions` makes it; all other
    columns stay, and those such as `user.country` say what is known of the shopper. `user` names the column by which a
    bundle with a table of known users looks them up, if it is there. `bundle` is a directory of the driver, or
    `models:/…`. `options` are those of `Bundle.recommend_frame`. `now` is one moment for all sessions, Unix seconds, by
    default the driver's clock.

    The answer has a row for each recommended product: the session's columns, source, rank, item, score; a session
    without views has none.
    """
    moment = time.time() if now is None else now
    return _map(sessions, bundle, (views, user), "recommend_frame", {**options, "now": moment})


def score(
    sessions: DataFrame,
    bundle: str | os.PathLike[str],
    items: Iterable[str] | None = None,
    *,
    views: str = "views",
    user: str = "user",
    now: float | None = None,
) -> DataFrame:
    """Score products for every session: as `recommend`, with the rows and `items` of `Bundle.score`."""
    wanted = None if items is None else list(items)
    moment = time.time() if now is None else now
    return _map(sessions, bundle, (views, user), "score", {"items": wanted, "now": moment})


_SESSIONS = """
timed AS (
    SELECT {user} AS owner, string({item}) AS item, double({timestamp}) AS timestamp
    FROM interactions
),

begun AS (
    SELECT *, int(timestamp - lag(timestamp) OVER (PARTITION BY owner ORDER BY timestamp, item) > {gap}) AS begins
    FROM timed
),

numbered AS (
    SELECT owner, item, timestamp,
        sum(coalesce(begins, 0)) OVER (
            PARTITION BY owner ORDER BY timestamp, item ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS session
    FROM begun
),

collected AS (
    SELECT owner, session, array_sort(collect_list(struct(timestamp, item))) AS ordered
    FROM numbered
    GROUP BY owner, session
),

listed AS (
    SELECT owner, session, transform(ordered, view -> struct(view.item AS item, view.timestamp AS timestamp)) AS views
    FROM collected
)

SELECT owner AS {user}, session, {views} AS views FROM listed
"""


def _sql(head: str, body: str, events: DataFrame, catalog: DataFrame | None = None) -> DataFrame:
    """Run a query over frames, which have names only while it is analysed."""
    spark = events.sparkSession
    frames = {"events": events, **({} if catalog is None else {"catalog": catalog})}
    names = {name: f"slirec_{name}_{uuid.uuid4().hex}" for name in frames}
    try:
        for name, frame in frames.items():
            frame.createTempView(names[name])
        return spark.sql(head.format(**names) + body)
    finally:
        for name in names.values():
            spark.catalog.dropTempView(name)


def _map(
    sessions: DataFrame,
    bundle: str | os.PathLike[str],
    names: tuple[str, str],
    method: str,
    options: dict[str, Any],
) -> DataFrame:
    views, user = names
    if views not in sessions.columns:
        raise ValueError(f"the sessions have no column `{views}`: expected a list of item and timestamp")
    kept = [column for column in sessions.schema if column.name != views]
    taken = {column.name for column in ANSWER} & {column.name for column in kept}
    if taken:
        raise ValueError(f"the sessions have the columns {', '.join(sorted(taken))}, as the answers do: rename them")
    sha256, files = _read(bundle)
    work = _Work(sessions.sparkSession.sparkContext.broadcast(files), sha256, views, user, method, options)
    return sessions.mapInArrow(work, StructType([*kept, *ANSWER]))


def _read(bundle: str | os.PathLike[str]) -> tuple[str, Files]:
    """Read the files of a bundle, and verify it: what is wrong with it is said by the driver."""
    with tempfile.TemporaryDirectory(prefix="slirec-") as folder:
        directory = Path(bundle)
        if isinstance(bundle, str) and bundle.startswith(REGISTRY):
            directory = Path(folder) / "bundle"
            _slirec.pull(bundle, directory)
        sha256 = load(directory, workers=1).sha256
        return sha256, {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file()}


_loaded: dict[str, Bundle] = {}
"""Of a worker process: the bundle that it answers with, by the hash of its manifest."""


def _bundle(sha256: str, files: Broadcast[Files]) -> Bundle:
    if sha256 not in _loaded:
        _loaded.clear()
        with tempfile.TemporaryDirectory(prefix="slirec-") as folder:
            for name, content in files.value.items():
                (Path(folder) / name).write_bytes(content)
            # A worker process has one core: Spark starts as many as there are.
            _loaded[sha256] = load(folder, workers=1)
    return _loaded[sha256]


@dataclass(frozen=True)
class _Work:
    """What a worker does with its part of the sessions: batches of Arrow enter and leave."""

    files: Broadcast[Files] = field(repr=False)
    sha256: str
    views: str
    user: str
    method: str
    options: dict[str, Any]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        bundle = _bundle(self.sha256, self.files)
        for batch in batches:
            lists = batch.column(self.views)
            views = lists.flatten()
            # A session is known by its place in the batch; its other columns may say what is known of the shopper.
            sessions = lists.value_parent_indices()
            told = [name for name in batch.schema.names if name.startswith("user.")]
            told_by = [batch.column(name).take(sessions) for name in told]
            known = batch.column(self.user) if self.user in batch.schema.names else pa.nulls(len(batch), pa.string())
            columns = [sessions, views.field("item"), views.field("timestamp"), known.take(sessions), *told_by]
            table = pa.table(columns, [*VIEWS, *told])
            answers = getattr(bundle, self.method)(table, user_id="user_id", **self.options).to_arrow()
            places = answers.column("user").combine_chunks()
            kept = [batch.column(name).take(places) for name in batch.schema.names if name != self.views]
            names = [name for name in batch.schema.names if name != self.views]
            found = [answers.column(name).combine_chunks() for name in ("source", "rank", "item", "score")]
            found = [column.cast(kind) for column, kind in zip(found, KINDS, strict=True)]
            yield pa.RecordBatch.from_arrays([*kept, *found], [*names, "source", "rank", "item", "score"])


VIEWS = ["user", "item", "timestamp", "user_id"]
KINDS = [pa.string(), pa.int32(), pa.string(), pa.float32()]
