"""What is known of shoppers: said by arguments and columns, looked up by names, refused if the model cannot read it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import slirec
from conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

VIEWS = [("easel", 1_790_900_000)]
NOW = 1_790_900_300


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> slirec.Bundle:
    """Train a small model that reads a country and an age, in a bundle that knows `7` from France."""
    folder: Path = tmp_path_factory.mktemp("shoppers")
    demo = ROOT / "data/demo"

    def companion(*arguments: str) -> None:
        subprocess.run(["slirec", *arguments], cwd=folder, check=True, capture_output=True)

    few = ["--users", "12", "--min-walks", "4", "--max-walks", "6"]
    source = ["--catalog", str(demo / "catalog.json"), "--rules", str(demo / "rules.toml")]
    companion("interactions", "generate", *source, *few, "--output", "views.tsv")
    users = sorted({line.split("\t")[1] for line in (folder / "views.tsv").read_text().splitlines()})
    rows = [f"{user}\t{['DE', 'FR'][number % 2]}\t{20 + number}" for number, user in enumerate(users)]
    (folder / "users.tsv").write_text("\n".join(["user\tcountry\tage", *rows]) + "\n")
    (folder / "known.tsv").write_text("user\tcountry\tage\n7\tFR\t25\n")
    shutil.copy(ROOT / "tests/fixtures/small_network.toml", folder / "small.toml")
    companion("prepare", "--interactions", "views.tsv", "--users", "users.tsv", "--output", "dataset")
    attributes = ["--user-feature", "country", "--user-feature", "age"]
    companion("train", "--dataset", "dataset", "--hyperparameters", "small.toml", *attributes, "--output", "run")
    into = ["--catalog", str(demo / "catalog.json"), "--users", "known.tsv", "--output", "bundle"]
    companion("export", "--run", "run", "--dataset", "dataset", *into)
    return slirec.load(folder / "bundle")


def scores(found: slirec.Recommendations) -> list[tuple[str, float]]:
    return [(item.handle, item.score) for item in found.items]


def test_arguments_tell_what_is_known_and_go_before_the_table(told: slirec.Bundle) -> None:
    def ask(**options: Any) -> list[tuple[str, float]]:
        return scores(told.recommend(VIEWS, limit=50, now=NOW, **options))

    nothing = ask()
    french = ask(user={"country": "FR", "age": 25})
    assert french != nothing
    assert ask(user={"country": None}) == ask(user_id="nobody") == nothing
    assert ask(user_id=7) == ask(user_id="7") == french
    assert ask(user_id="7", user={"country": "DE"}) == ask(user={"country": "DE", "age": 25.0})
    assert ask(user={"country": "ES"}) == nothing


def test_columns_of_a_frame_tell_it_too(told: slirec.Bundle) -> None:
    frame = pl.DataFrame(
        {
            "user": ["a", "b", "7", "b"],
            "item": ["easel"] * 4,
            "timestamp": [NOW - 300] * 4,
            "user.country": pl.Series([None, "DE", None, "FR"], dtype=pl.Categorical),
            "user.age": [None, 25, None, None],
        }
    )
    options: dict[str, Any] = {"limit": 50, "now": NOW}

    def of(rows: pl.DataFrame, user: str) -> list[tuple[str, float]]:
        return rows.filter(pl.col("user") == user).select("item", "score").rows()

    answers = told.recommend_frame(frame, **options).to_polars()
    known: dict[str, str | float] = {"country": "FR", "age": 25}
    assert of(answers, "a") == scores(told.recommend(VIEWS, **options))
    assert of(answers, "b") == scores(told.recommend(VIEWS * 2, user=known, **options))
    assert of(answers, "7") == scores(told.recommend(VIEWS, user=known, **options))
    # Another column has the names that the table knows.
    named = pl.DataFrame({"user": ["7", "s"], "item": ["easel"] * 2, "timestamp": [NOW - 300] * 2, "who": [None, 7]})
    answers = told.recommend_frame(named, user_id="who", **options).to_polars()
    assert of(answers, "7") == scores(told.recommend(VIEWS, **options))
    assert of(answers, "s") == scores(told.recommend(VIEWS, user=known, **options))
    ranked = told.score(frame.filter(pl.col("user") == "7"), ["novel"], now=NOW).to_polars()
    plain = told.score(frame.filter(pl.col("user") == "a"), ["novel"], now=NOW).to_polars()
    assert ranked["score"].to_list() != plain["score"].to_list()


def test_what_the_model_cannot_read_is_refused(told: slirec.Bundle, bundle: slirec.Bundle) -> None:
    with pytest.raises(ValueError, match="no user attribute `city`: expected `country`, `age`"):
        told.recommend(VIEWS, user={"city": "Rome"})
    with pytest.raises(ValueError, match="user attribute `age` is a text: expected a number"):
        told.recommend(VIEWS, user={"age": "old"})
    with pytest.raises(ValueError, match="user attribute `country` is a list: expected a text"):
        told.recommend(VIEWS, user={"country": ["FR"]})
    with pytest.raises(TypeError, match="expected a text, a number or a list of texts"):
        told.recommend(VIEWS, user={"country": {"FR": 1}})
    with pytest.raises(ValueError, match="expected none at all"):
        bundle.recommend([("novel", NOW)], user={"country": "FR"})
    frame = pl.DataFrame({"user": ["a"], "item": ["easel"], "timestamp": [NOW - 300], "user.city": ["Rome"]})
    with pytest.raises(slirec.SlirecError, match=r"column `user\.city`: the model has no such attribute"):
        told.recommend_frame(frame)
    # A model that reads nothing of shoppers ignores such columns.
    assert len(bundle.recommend_frame(frame, limit=2)) == 2
    wrong = frame.select("user", "item", "timestamp", pl.lit("old").alias("user.age"))
    with pytest.raises(slirec.SlirecError, match="the views of `a`: user attribute `age` is a text: expected a number"):
        told.recommend_frame(wrong)
