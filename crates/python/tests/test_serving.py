"""Answers of a bundle: those of the service, for single histories and for frames of any library."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import slirec
from conftest import NOW, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Service
    from slirec._frames import ArrowStream


def handles(bundle: slirec.Bundle) -> list[str]:
    return bundle.products().to_polars()["item"].to_list()


def views(bundle: slirec.Bundle, sessions: int, each: int = 7) -> pl.DataFrame:
    """Sessions whose views stand in any order, as a warehouse gives them."""
    draw = random.Random(42)
    known = handles(bundle)
    rows = [
        (f"user {session}", draw.choice(known), NOW - draw.randrange(1, 500_000))
        for session in range(sessions)
        for _ in range(each)
    ]
    draw.shuffle(rows)
    return pl.DataFrame(rows, schema=["user", "item", "timestamp"], orient="row")


def as_numbers(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read scores as what they are, numbers of 32 bits: JSON has them in as few digits as say it."""
    return [{**item, "score": np.float32(item["score"])} for item in items]


def answered(found: slirec.Recommendations) -> list[dict[str, Any]]:
    return as_numbers([vars(item) for item in found.items])


QUESTIONS: list[dict[str, Any]] = [
    {},
    {"limit": 100},
    {"exclude_seen": True, "limit": 5, "offset": 3},
    {"per_category": 1, "min_score": 0.001},
    {"exclude": ["novel", "gid://shopify/Product/1"], "exclude_categories": ["Books"]},
    {"include_only": ["atlas", "novel", "no such product"]},
    {"filter": 'category != "Books"', "per": {"category": 2}},
    {"diversity": 0.5},
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_bundle_answers_as_the_service_does(
    bundle: slirec.Bundle, service: Service, question: dict[str, Any]
) -> None:
    frame = views(bundle, 20)
    answers = bundle.recommend_frame(frame, now=NOW, **question).to_polars()
    for (user,), rows in frame.group_by("user", maintain_order=True):
        history = [{"item": item, "time": at} for _, item, at in rows.iter_rows()]
        expected = service.recommend({"history": history, "now": NOW, **question})
        found = bundle.recommend(history, now=NOW, **question)
        assert answered(found) == as_numbers(expected["items"])
        assert (found.source, found.unknown_items) == (expected["source"], expected["unknown_items"])
        of_frame = answers.filter(pl.col("user") == user)
        assert of_frame["item"].to_list() == [item.handle for item in found.items]
        assert of_frame["score"].to_list() == [item.score for item in found.items]
        assert of_frame["rank"].to_list() == [question.get("offset", 0) + rank for rank in range(1, len(of_frame) + 1)]


def test_products_may_be_named_by_gid_and_number(bundle: slirec.Bundle, service: Service) -> None:
    product = bundle.products().to_polars().row(3, named=True)
    for name in [product["item"], product["gid"], product["gid"].rsplit("/", 1)[1], "no such product"]:
        history = [{"item": name, "time": NOW - 60}]
        expected = service.recommend({"history": history, "now": NOW})
        found = bundle.recommend(history, now=NOW)
        assert answered(found) == as_numbers(expected["items"]), name
        assert found.unknown_items == expected["unknown_items"], name


def test_what_was_bought_is_left_out_as_by_the_service(bundle: slirec.Bundle, service: Service) -> None:
    product = bundle.products().to_polars().filter(pl.col("item") == "novel").row(0, named=True)
    # By another name than the handle, too, and without a time, which is just now.
    for name in ["novel", product["gid"]]:
        history: list[dict[str, Any]] = [
            {"item": "atlas", "time": NOW - 90, "event": "view"},
            {"item": "no such product", "time": NOW - 80},
            {"item": name, "time": NOW - 60, "event": "purchase"},
            {"item": "pencil"},
        ]
        question = {"exclude_purchased": True, "limit": 100}
        found = bundle.recommend(history, now=NOW, limit=100, exclude_purchased=True)
        assert answered(found) == as_numbers(
            service.recommend({"history": history, "now": NOW, **question})["items"]
        ), name
        handles = [item.handle for item in found.items]
        assert "atlas" in handles
        assert "novel" not in handles
        frame = pl.DataFrame([{"user": 7, "time": NOW, **view} for view in history])
        of_frame = bundle.recommend_frame(
            frame, timestamp="time", now=NOW, limit=100, exclude_purchased=True
        ).to_polars()
        assert of_frame["item"].to_list() == handles, name
        assert "novel" in [item.handle for item in bundle.recommend(history, now=NOW, limit=100).items]
    with pytest.raises(slirec.SlirecError, match="the frame: has no column `event`: exclude_purchased needs to know"):
        bundle.recommend_frame(frame.drop("event"), timestamp="time", exclude_purchased=True)


def test_many_names_of_products_mean_what_few_do(bundle: slirec.Bundle) -> None:
    frame = views(bundle, 20)
    known = handles(bundle)
    question: dict[str, Any] = {"filter": 'category != "Books"', "exclude_seen": True, "limit": 10**12, "now": NOW}
    all_of_them = bundle.recommend_frame(frame, **question).to_polars()
    for names in [known[:5], known[:150], known]:
        some = bundle.recommend_frame(frame, include_only=[*names, "no such product"], **question).to_polars()
        columns = ["user", "item", "score"]
        expected = all_of_them.filter(pl.col("item").is_in(names))
        assert some.select(columns).equals(expected.select(columns)), len(names)


def test_frames_of_all_libraries_mean_the_same(bundle: slirec.Bundle) -> None:
    frame = views(bundle, 50)
    expected = bundle.recommend_frame(frame, now=NOW).to_polars()
    arrow = frame.to_arrow()
    times = pd.to_datetime(frame["timestamp"].to_list(), unit="s", utc=True)
    text = [datetime.fromtimestamp(at, timezone.utc).isoformat() for at in frame["timestamp"]]
    frames: dict[str, ArrowStream] = {
        "PyArrow": arrow,
        "a reader of batches": arrow.to_reader(max_chunksize=7),
        "categories": frame.with_columns(pl.col("user", "item").cast(pl.Categorical)),
        "pandas": arrow.to_pandas(),
        "pandas' times": arrow.to_pandas().assign(timestamp=times),
        "pandas' categories": arrow.to_pandas().astype({"item": "category"}),
        "ISO 8601": frame.with_columns(timestamp=pl.Series(text)),
        "milliseconds": frame.with_columns(pl.col("timestamp") * 1000),
        "further columns": frame.with_columns(page=pl.lit("product"), seen=pl.lit([1, 2])),
        "DuckDB": duckdb.from_arrow(arrow),
    }
    for name, same in frames.items():
        assert bundle.recommend_frame(same, now=NOW).to_polars().equals(expected), name


def test_users_and_columns_keep_their_types_and_names(bundle: slirec.Bundle) -> None:
    frame = pl.DataFrame({"session": [12, 3], "product": ["novel", "atlas"], "at": [NOW - 5, NOW - 6]})

    def of(frame: pl.DataFrame) -> slirec.Frame:
        return bundle.recommend_frame(frame, user="session", item="product", timestamp="at", limit=1, now=NOW)

    answers = of(frame).to_polars()
    assert answers.columns == ["session", "source", "rank", "product", "score"]
    assert answers["session"].to_list() == [12, 3]
    assert isinstance(of(frame).to_pandas(), pd.DataFrame)
    assert isinstance(of(frame).to_arrow(), pa.Table)
    assert len(of(frame.clear())) == 0


def test_scores_are_those_of_the_recommendations(bundle: slirec.Bundle) -> None:
    frame = views(bundle, 30)
    everything = bundle.score(frame, now=NOW).to_polars()
    available = bundle.products().to_polars().filter(pl.col("available"))["item"]
    assert everything.height == 30 * len(available)
    assert everything["item"].head(len(available)).to_list() == available.to_list()
    best = everything.filter(pl.col("rank") <= 16).sort("user", "rank")
    columns = ["user", "source", "rank", "item", "score"]
    assert best.select(columns).equals(
        bundle.recommend_frame(frame, now=NOW).to_polars().sort("user", "rank").select(columns)
    )
    few = bundle.score(frame, ["novel", "atlas"], now=NOW).to_polars()
    assert few["item"].to_list() == ["novel", "atlas"] * 30
    with pytest.raises(ValueError, match="`nvel` is no product of the catalogue"):
        bundle.score(frame, ["nvel"])


def test_what_cannot_be_used_is_said_in_a_sentence(bundle: slirec.Bundle) -> None:
    frame = views(bundle, 1)
    with pytest.raises(slirec.SlirecError, match="the frame: has no column `item`: expected user, item, timestamp"):
        bundle.recommend_frame(frame.rename({"item": "handle"}))
    with pytest.raises(slirec.SlirecError, match="row 1 of the frame: item is empty: expected a name"):
        bundle.recommend_frame(frame.with_columns(item=pl.lit(None, pl.String)))
    with pytest.raises(slirec.SlirecError, match=r"row 1 of the frame: timestamp: .*`-1` is no time"):
        bundle.recommend_frame(frame.with_columns(timestamp=-1))
    with pytest.raises(TypeError, match="a frame is expected that hands out Arrow"):
        bundle.recommend_frame([("novel", NOW)])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit is 0: expected a whole number from 1"):
        bundle.recommend([], limit=0)
    with pytest.raises(ValueError, match="filter: "):
        bundle.recommend([], filter="categry == 1")
    with pytest.raises(ValueError, match="`yesterday` is not a Unix time"):
        bundle.recommend([("novel", "yesterday")])
    with pytest.raises(ValueError, match="workers is 0"):
        slirec.load("models/demo", workers=0)
    with pytest.raises(ValueError, match="offset is -1: expected a whole number from 0"):
        bundle.recommend([], offset=-1)
    with pytest.raises(ValueError, match="limit is 1000000000000000000000: expected"):
        bundle.recommend([], limit=10**21)
    for year in [1900, 9000]:
        with pytest.raises(ValueError, match="is not a usable Unix time"):
            bundle.recommend([("novel", datetime(year, 1, 1))])
    with pytest.raises(ValueError, match="a view has the fields item, at: expected item, and perhaps time and event"):
        bundle.recommend([{"item": "novel", "at": NOW}])
    with pytest.raises(ValueError, match="event is `bought`: expected view, cart or purchase"):
        bundle.recommend([{"item": "novel", "event": "bought"}])


def test_errors_have_the_sentences_of_the_programs(tmp_path: Path) -> None:
    command = ["slirec", "recommend", "--bundle", str(tmp_path), "/dev/null"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    with pytest.raises(slirec.SlirecError) as error:
        slirec.load(str(tmp_path))
    assert said.returncode != 0
    assert str(error.value) in said.stderr


def test_other_threads_go_on_while_a_frame_is_answered(bundle: slirec.Bundle) -> None:
    frame = views(bundle, 20_000)
    done = threading.Event()
    ticks = 0

    def answer() -> None:
        bundle.recommend_frame(frame, now=NOW)
        done.set()

    worker = threading.Thread(target=answer)
    worker.start()
    while not done.wait(0.005):
        ticks += 1
    worker.join()
    assert ticks > 10, ticks


def test_ctrl_c_ends_a_long_call(bundle: slirec.Bundle) -> None:
    few = views(bundle, 1_000)
    frame = pl.concat([few.with_columns(pl.col("user") + f" of {part}") for part in range(500)])
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            bundle.recommend_frame(frame, now=NOW, limit=100)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 15
