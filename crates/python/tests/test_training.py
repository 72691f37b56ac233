"""From a frame of clicks to a bundle: the same bytes as by the commands, and stopped when a person says so."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import slirec

SMALL = {"training": {"epochs": 2}}


def clicks(users: int = 120, items: int = 30) -> pl.DataFrame:
    """Shoppers who go on to a neighbour of what they viewed, nearly always."""
    draw = random.Random(7)
    rows = []
    for user in range(users):
        item = draw.randrange(items)
        for step in range(draw.randrange(5, 12)):
            at = 1_793_000_000 + user * 5_000 + step * 60
            rows.append((f"user-{user}", f"item-{item}", at, f"kind-{item % 3}"))
            item = (item + 1) % items if draw.random() < 0.9 else draw.randrange(items)
    return pl.DataFrame(rows, schema=["user", "item", "timestamp", "category"], orient="row")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> slirec.Dataset:
    return slirec.prepare(clicks(), output=tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture(scope="module")
def run(dataset: slirec.Dataset, tmp_path_factory: pytest.TempPathFactory) -> slirec.Run:
    return slirec.train(dataset, output=tmp_path_factory.mktemp("runs") / "run", hyperparameters=SMALL)


def program(*arguments: str | Path) -> str:
    said = subprocess.run(["slirec", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Do what Ctrl-C does, in a while."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_frame_becomes_the_dataset_of_the_same_file(dataset: slirec.Dataset, tmp_path: Path) -> None:
    lines = clicks().select(pl.lit(1), "user", "item", "timestamp", "category")
    lines.write_csv(tmp_path / "interactions.tsv", separator="\t", include_header=False)
    program("prepare", "--interactions", tmp_path / "interactions.tsv", "--output", tmp_path / "dataset")
    expected = json.loads((tmp_path / "dataset/manifest.json").read_text())
    assert dataset.manifest == expected
    assert repr(dataset).startswith(f"Dataset of {expected['interactions']} interactions of 120 users with 30 items")


def test_preparing_needs_memory_for_names_and_not_for_rows(tmp_path: Path) -> None:
    rows, users, items = 4_000_000, 20_000, 500
    number = np.arange(rows)
    names = pa.array([f"a name that is not short, of item {item}" for item in range(items)])
    picked = pa.DictionaryArray.from_arrays(pa.array(number * 7 % items), names)
    columns = {"user": number % users, "item": picked, "timestamp": 1_790_000_000 + number, "category": picked}
    frame = pa.table(columns)
    assert frame["item"].num_chunks == 1

    def memory(field: str) -> float:
        line = re.search(f"{field}:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
        assert line is not None
        return int(line[1]) / 1024

    # The most memory is counted from now on.
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    dataset = slirec.prepare(frame, output=tmp_path / "dataset", progress=False)
    assert dataset.manifest["interactions"] == rows
    assert memory("VmHWM") - before < 60


def test_a_run_has_the_weights_and_metrics_of_the_command(
    dataset: slirec.Dataset, run: slirec.Run, tmp_path: Path
) -> None:
    program("train", "--dataset", dataset.path, "--output", tmp_path / "run", "--epochs", "2")
    assert (run.path / "best.safetensors").read_bytes() == (tmp_path / "run/best.safetensors").read_bytes()
    metrics = run.metrics.to_polars()
    assert metrics["epoch"].to_list() == [0, 1, 2]
    assert {"loss", "ndcg@10", "hr@10", "group_auc"} <= set(metrics.columns)
    assert run.state == "finished"


def test_a_model_is_measured_beside_the_baselines_as_by_the_command(run: slirec.Run, dataset: slirec.Dataset) -> None:
    expected = json.loads(program("evaluate", "--run", run.path, "--dataset", dataset.path, "--json"))
    found = slirec.evaluate(run)
    assert found.analysis == expected
    table = found.metrics.to_polars()
    assert table["name"].to_list() == [measured["name"] for measured in expected["measured"]]
    assert table["ndcg@10"].to_list() == [measured["ranking"]["ndcg@10"] for measured in expected["measured"]]
    assert "<iframe" in run.report()._repr_html_()
    few = slirec.evaluate(run, most_rows=50, seed=3).analysis
    command = ("evaluate", "--run", run.path, "--dataset", dataset.path, "--json")
    assert few == json.loads(program(*command, "--most-rows", "50", "--seed", "3"))
    assert few["groups"] == 50
    assert slirec.evaluate(run, most_rows="all").analysis == json.loads(program(*command, "--all"))


def test_a_bundle_is_that_of_the_command_and_recommends(
    run: slirec.Run, dataset: slirec.Dataset, tmp_path: Path
) -> None:
    program(
        "export", "--run", run.path, "--dataset", dataset.path, "--output", tmp_path / "expected", "--name", "clicks"
    )
    with pytest.warns(UserWarning, match="no catalogue was given: the 30 items of the training data are served"):
        bundle = run.export(tmp_path / "bundle", name="clicks")
    assert (tmp_path / "bundle/manifest.json").read_bytes() == (tmp_path / "expected/manifest.json").read_bytes()
    answer = bundle.recommend([("item-3", 1_793_900_000), ("item-4", 1_793_900_060)], limit=3, now=1_793_900_120)
    assert answer.source == "model"
    assert "item-5" in [item.handle for item in answer.items]
    assert slirec.evaluate(tmp_path / "bundle", dataset).analysis["set"] == "test"


def test_a_catalogue_may_be_a_frame(run: slirec.Run, tmp_path: Path) -> None:
    products = pl.DataFrame(
        {
            "item": [f"item-{item}" for item in range(30)],
            "title": [f"Item {item}" for item in range(30)],
            "category": pl.Series(["Odd" if item % 2 else "Even" for item in range(30)], dtype=pl.Categorical),
            "available": [item != 5 for item in range(30)],
            "price": [float(item) for item in range(30)],
            "tags": [["new"]] * 30,
        }
    )
    bundle = run.export(tmp_path / "bundle", catalog=products)
    history = [("item-4", 1_793_900_000)]
    answer = bundle.recommend(history, limit=30, now=1_793_900_120, filter="price < 10", exclude_categories=["Even"])
    assert {item.title for item in answer.items} == {"Item 1", "Item 3", "Item 7", "Item 9"}
    served = bundle.products().to_polars()
    assert served.drop("gid").equals(products.select("item", "title", pl.col("category").cast(pl.String), "available"))
    with pytest.raises(slirec.SlirecError, match="row 2 of the catalogue: handle `item-0` is also that of product 1"):
        run.export(tmp_path / "twice", catalog=products.with_columns(item=pl.lit("item-0")))
    with pytest.raises(slirec.SlirecError, match="the frame of the catalogue has no column `item`"):
        run.export(tmp_path / "nameless", catalog=products.rename({"item": "handle"}))
    with pytest.raises(slirec.SlirecError, match="the catalogue: none of its 29 available products was in"):
        run.export(tmp_path / "foreign", catalog=products.with_columns(item="x" + pl.col("item")))


def test_ctrl_c_stops_training_after_a_step_and_the_run_goes_on_later(dataset: slirec.Dataset, tmp_path: Path) -> None:
    long = {"training": {"epochs": 1000, "early_stop_epochs": 1000}}
    with interrupted_after(2), pytest.warns(UserWarning, match="interrupted"):
        run = slirec.train(dataset, output=tmp_path / "run", hyperparameters=long)
    assert run.state == "interrupted"
    done = run.record["epochs"]
    assert 0 < done < 1000
    again = slirec.train(dataset, output=tmp_path / "run", epochs=done + 1, resume=True)
    assert (again.state, again.record["epochs"]) == ("finished", done + 1)


def test_ctrl_c_ends_an_evaluation() -> None:
    rows = range(150_000)
    views = {
        "user": [row // 6 for row in rows],
        "item": [f"item-{(row // 6 + row * row) % 250}" for row in rows],
        "timestamp": [1_793_000_000 + row for row in rows],
    }
    dataset = slirec.prepare(pl.DataFrame(views))
    run = slirec.train(dataset, hyperparameters={"training": {"epochs": 1}})
    began = time.monotonic()
    # To measure all rows beside all baselines takes far longer.
    with interrupted_after(1), pytest.raises(KeyboardInterrupt):
        slirec.evaluate(run, dataset, most_rows="all")
    assert time.monotonic() - began < 10


def test_temporary_directories_go_with_what_is_in_them() -> None:
    dataset = slirec.prepare(clicks())
    run = slirec.train(dataset, epochs=1)
    paths = [dataset.path, run.path]
    assert all(path.exists() for path in paths)
    del dataset, run
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        import gc

        gc.collect()
    assert not any(path.exists() for path in paths)


def test_what_cannot_be_trained_is_said_in_a_sentence(dataset: slirec.Dataset, tmp_path: Path) -> None:
    with pytest.raises(slirec.SlirecError, match="the frame: has the interactions of one user only"):
        slirec.prepare(clicks().with_columns(user=pl.lit("one")))
    with pytest.raises(slirec.SlirecError, match=r"`-5` is no time: .*row 1 of the frame"):
        slirec.prepare(clicks().with_columns(timestamp=-5))
    with pytest.raises(slirec.SlirecError, match="has no column `product`"):
        slirec.prepare(clicks(), item="product")
    with pytest.raises(slirec.SlirecError, match="unknown field `epoch`"):
        slirec.train(dataset, hyperparameters={"training": {"epoch": 3}})
    with pytest.raises(slirec.SlirecError, match="exists already"):
        slirec.prepare(clicks(), output=dataset.path)
    with pytest.raises(ValueError, match="the dataset is missing"):
        slirec.evaluate(tmp_path)
    with pytest.raises(ValueError, match="split is `Time`: expected last or time"):
        slirec.prepare(clicks(), split="Time")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="split_share is 90: expected a number between 0 and 1"):
        slirec.prepare(clicks(), split="time", split_share=90)
    with pytest.raises(ValueError, match="seed is -1: expected a whole number from 0"):
        slirec.train(dataset, seed=-1)
    for most_rows in [0, -1]:
        with pytest.raises(ValueError, match=f"most_rows is {most_rows}: expected a whole number from 1"):
            slirec.evaluate(tmp_path, dataset, most_rows=most_rows)
    with pytest.raises(slirec.SlirecError, match=r"run\.json"):
        slirec.Run(tmp_path, dataset)
