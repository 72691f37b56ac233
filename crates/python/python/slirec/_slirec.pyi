"""The native half of the package: see `crates/python/src`."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TypedDict

from slirec._frames import ArrowStream

class SlirecError(Exception):
    """What could not be done, and why."""

Names = tuple[str, str, str, str | None]

class Frame:
    @property
    def columns(self) -> list[str]: ...
    def __len__(self) -> int: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class Options(TypedDict):
    limit: int
    offset: int
    exclude_seen: bool
    exclude_purchased: bool
    min_score: float | None
    exclude: list[str]
    include_only: list[str] | None
    categories: list[str] | None
    exclude_categories: list[str]
    per_category: int | None
    filter: str | None
    per: list[tuple[str, int]] | None
    diversity: float | None
    now: float | None

class Bundle:
    @staticmethod
    def load(path: str | PathLike[str], onnxruntime: str | PathLike[str] | None, workers: int) -> Bundle: ...
    def manifest(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def kernels(self) -> str: ...
    def products(self) -> Frame: ...
    def recommend(
        self,
        history: list[tuple[str, float | None, str | None]],
        shopper: tuple[str | None, list[tuple[str, float | str | list[str]]]],
        options: Options,
    ) -> tuple[str, int, list[tuple[str, str, str, str, float]]]: ...
    def recommend_frame(self, sessions: ArrowStream, names: Names, options: Options) -> Frame: ...
    def score(self, sessions: ArrowStream, names: Names, items: list[str] | None, options: Options) -> Frame: ...

class PreparePlan(TypedDict):
    output: Path
    columns: tuple[str, str, str, str | None]
    time_share: float | None
    seed: int
    keep_order: bool
    skip_bad_rows: bool
    min_interactions: int
    valid_negatives: int
    test_negatives: int
    replace: bool

class TrainPlan(TypedDict):
    dataset: Path
    output: Path
    preset: str
    hyperparameters: str
    seed: int
    replace: bool
    resume: bool

class ExportPlan(TypedDict):
    run: Path
    dataset: Path
    catalog: Path | None
    products: ArrowStream | None
    output: Path
    name: str
    version: str
    replace: bool
    onnxruntime: Path

def prepare(frame: ArrowStream, plan: PreparePlan, tell: Callable[[str, int, str], None]) -> None: ...
def dataset(path: Path) -> tuple[str, list[str]]: ...
def train(plan: TrainPlan, tell: Callable[[str, int, str], None]) -> None: ...
def run(path: Path) -> tuple[str, Frame]: ...
def evaluate(
    model: tuple[Path | None, Path | None],
    dataset: Path,
    set: str,
    sampling: tuple[int | None, bool, int | None],
    onnxruntime: Path,
) -> tuple[str, Frame]: ...
def report(run: Path, dataset: Path) -> str: ...
def export(plan: ExportPlan) -> list[str]: ...
def pull(reference: str, directory: str | PathLike[str]) -> None: ...
def seconds(text: str) -> float: ...
