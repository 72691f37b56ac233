"""From interactions to a bundle: frames enter, datasets, runs and bundles leave."""

from __future__ import annotations

import html
import json
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from slirec import _slirec
from slirec._arguments import whole
from slirec._frames import ArrowStream, Frame
from slirec._progress import Progress
from slirec._runtime import library
from slirec._serving import Bundle, load

if TYPE_CHECKING:
    from typing import TypeAlias

PathLike: TypeAlias = str | os.PathLike[str]
Settings: TypeAlias = Mapping[str, Mapping[str, Any]]


class _Directory:
    """A directory that was asked for, or a temporary one that lives as long as its user."""

    def __init__(self, output: PathLike | None, name: str) -> None:
        self._temporary = None if output is not None else tempfile.TemporaryDirectory(prefix="slirec-")
        self.path = Path(self._temporary.name) / name if self._temporary is not None else Path(output or name)


class Dataset:
    """Interactions, split for training and evaluation.

    A directory of `slirec prepare`: that of a path, or a temporary one that goes with this object.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)
        manifest, self.warnings = _slirec.dataset(self.path)
        self.manifest: dict[str, Any] = json.loads(manifest)
        self._directory: _Directory | None = None

    def __repr__(self) -> str:
        counted = self.manifest
        interactions, users, items = (counted[name] for name in ("interactions", "users", "items"))
        return f"Dataset of {interactions} interactions of {users} users with {items} items"


class Report:
    """The report of a run: one page of HTML, shown inline by notebooks."""

    def __init__(self, page: str) -> None:
        self.html = page

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{html.escape(self.html)}" width="100%" height="900" style="border:0"></iframe>'

    def write(self, path: PathLike) -> None:
        """Write the page into a file."""
        Path(path).write_text(self.html, encoding="utf-8")


class Evaluation:
    """How a model fares beside the baselines: `metrics` has a row for each, `analysis` everything that was measured."""

    def __init__(self, analysis: str, metrics: _slirec.Frame) -> None:
        self.analysis: dict[str, Any] = json.loads(analysis)
        self.metrics = Frame(metrics)

    def __repr__(self) -> str:
        found = self.analysis
        return f"Evaluation on {found['groups']} of {found['rows']} {found['set']} rows"


class Run:
    """A training that is over or was stopped: a directory of `slirec train`."""

    def __init__(self, path: PathLike, dataset: Dataset | PathLike) -> None:
        self.path = Path(path)
        self.dataset = dataset if isinstance(dataset, Dataset) else Dataset(dataset)
        record, metrics = _slirec.run(self.path)
        self.record: dict[str, Any] = json.loads(record)
        self._metrics = Frame(metrics)
        self._directory: _Directory | None = None

    def __repr__(self) -> str:
        return f"Run {self.state} after {self.record['epochs']} epochs, best epoch {self.record['best_epoch']}"

    @property
    def state(self) -> str:
        """How it ended: `finished`, `interrupted` or `diverged`."""
        return str(self.record["state"])

    @property
    def metrics(self) -> Frame:
        """The metrics on the validation rows, a row for each epoch; 0 is the untrained network."""
        return self._metrics

    def report(self) -> Report:
        """Measure the run on the test rows and draw its report."""
        return Report(_slirec.report(self.path, self.dataset.path))

    def export(
        self,
        output: PathLike,
        *,
        catalog: PathLike | ArrowStream | None = None,
        name: str = "slirec",
        version: str = "1",
        replace: bool = False,
    ) -> Bundle:
        """Write the bundle that is served, and load it.

        It is written only if its graphs score like the trained network. `catalog` has the products to serve: a
        catalogue's file, or a frame with a column `item` and perhaps `gid`, `title`, `category` and `available`, whose
        other columns are attributes for filters. Without it they are the items of the training data, under their names.
        What the command warns of is a warning.
        """
        plan: _slirec.ExportPlan = {
            "run": self.path,
            "dataset": self.dataset.path,
            "catalog": Path(catalog) if isinstance(catalog, str | os.PathLike) else None,
            "products": None if isinstance(catalog, str | os.PathLike) else catalog,
            "output": Path(output),
            "name": name,
            "version": version,
            "replace": replace,
            "onnxruntime": library(),
        }
        for warning in _slirec.export(plan):
            warnings.warn(warning, stacklevel=2)
        return load(output)


def prepare(
    interactions: ArrowStream,
    *,
    output: PathLike | None = None,
    user: str = "user",
    item: str = "item",
    timestamp: str = "timestamp",
    category: str | None = None,
    split: Literal["last", "time"] = "last",
    split_share: float = 0.9,
    seed: int = 42,
    keep_order: bool = False,
    skip_bad_rows: bool = False,
    min_interactions: int = 1,
    valid_negatives: int = 4,
    test_negatives: int = 9,
    replace: bool = False,
    progress: bool | None = None,
) -> Dataset:
    """Split the interactions of a frame for training and evaluation, as `slirec prepare` does with a file.

    The frame has a row for each interaction; `category` names a column, by default `category` where there is one, and
    without one all items have the same. A dataset is a directory: `output`, or else a temporary one that goes with the
    result. Rows stream through; in memory are the names.

    >>> import polars as pl, slirec
    >>> rows = [(f"u{u}", f"i{(u + v) % 12}", 1793610900 + 60 * v) for u in range(40) for v in range(6)]
    >>> clicks = pl.DataFrame(rows, schema=["user", "item", "timestamp"], orient="row")
    >>> slirec.prepare(clicks)
    Dataset of 240 interactions of 40 users with 12 items
    """
    if split not in ("last", "time"):
        raise ValueError(f"split is `{split}`: expected last or time")
    if not 0 < split_share < 1:
        raise ValueError(f"split_share is {split_share}: expected a number between 0 and 1")
    directory = _Directory(output, "dataset")
    plan: _slirec.PreparePlan = {
        "output": directory.path,
        "columns": (user, item, timestamp, category),
        "time_share": split_share if split == "time" else None,
        "seed": whole("seed", seed, 0),
        "keep_order": keep_order,
        "skip_bad_rows": skip_bad_rows,
        "min_interactions": whole("min_interactions", min_interactions),
        "valid_negatives": whole("valid_negatives", valid_negatives),
        "test_negatives": whole("test_negatives", test_negatives),
        "replace": replace,
    }
    with Progress(progress) as shown:
        _slirec.prepare(interactions, plan, shown)
    dataset = Dataset(directory.path)
    dataset._directory = directory
    for warning in dataset.warnings:
        warnings.warn(warning, stacklevel=2)
    return dataset


def train(
    dataset: Dataset | PathLike,
    *,
    output: PathLike | None = None,
    preset: Literal["ranking", "original"] = "ranking",
    epochs: int | None = None,
    hyperparameters: Settings | None = None,
    seed: int = 42,
    replace: bool = False,
    resume: bool = False,
    progress: bool | None = None,
) -> Run:
    """Train a network, as `slirec train` does.

    `hyperparameters` are those of the command's file, such as `{"training": {"learning_rate": 0.001}}`; what is left
    out has the preset's value. Ctrl-C, or the notebook's stop, ends the training after the current step: the run keeps
    what it has learnt, its state is `interrupted`, and `resume` goes on with it. A run is a directory: `output`, or
    else a temporary one that goes with the result.
    """
    prepared = dataset if isinstance(dataset, Dataset) else Dataset(dataset)
    settings = {section: dict(values) for section, values in (hyperparameters or {}).items()}
    if epochs is not None:
        settings.setdefault("training", {})["epochs"] = epochs
    directory = _Directory(output, "run")
    plan: _slirec.TrainPlan = {
        "dataset": prepared.path,
        "output": directory.path,
        "preset": preset,
        "hyperparameters": json.dumps(settings),
        "seed": whole("seed", seed, 0),
        "replace": replace,
        "resume": resume,
    }
    with Progress(progress) as shown:
        _slirec.train(plan, shown)
    run = Run(directory.path, prepared)
    run._directory = directory
    if run.state == "interrupted":
        warnings.warn("the training was interrupted: the run keeps what it had learnt", stacklevel=2)
    return run


def evaluate(
    model: Run | PathLike,
    dataset: Dataset | PathLike | None = None,
    *,
    set: Literal["valid", "test"] = "test",
    most_rows: int | Literal["all"] | None = None,
    seed: int | None = None,
) -> Evaluation:
    """Measure a run, or a bundle directory, beside the baselines on rows that training has not seen.

    `dataset` is the run's unless it is given. Of more than `most_rows` rows a sample is measured, drawn by `seed`; by
    default 2,000, and fewer of more than 100,000 items, as by the command. `"all"` measures every row.
    """
    if dataset is None and not isinstance(model, Run):
        raise ValueError("the dataset is missing: a bundle does not hold the rows that it is measured on")
    rows = dataset if dataset is not None else model.dataset if isinstance(model, Run) else Path()
    place = rows.path if isinstance(rows, Dataset) else Path(rows)
    subject = (model.path, None) if isinstance(model, Run) else (None, Path(model))
    most = None if most_rows is None or most_rows == "all" else whole("most_rows", most_rows)
    sampling = (most, most_rows == "all", None if seed is None else whole("seed", seed, 0))
    return Evaluation(*_slirec.evaluate(subject, place, set, sampling, library()))
