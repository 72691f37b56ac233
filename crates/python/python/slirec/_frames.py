"""Tables that leave: Arrow, which every library of data frames takes without a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from slirec import _slirec


class ArrowStream(Protocol):
    """Anything that hands out Arrow: frames of pandas, Polars, PyArrow, DuckDB and `Frame`."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Hand out the rows."""


class Frame:
    """A table of answers.

    It is made into the frame of any library by that library (`polars.DataFrame(frame)`, `pyarrow.table(frame)`) or by
    a method here.

    >>> import slirec
    >>> products = slirec.load("models/demo").products()
    >>> products.columns
    ['item', 'gid', 'title', 'category', 'available']
    >>> products.to_polars().height == len(products)
    True
    """

    def __init__(self, native: _slirec.Frame) -> None:
        self._native = native

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._native.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return len(self._native)

    def __repr__(self) -> str:
        return f"Frame of {len(self)} rows: {', '.join(self.columns)}"

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self._native.columns

    def to_pandas(self) -> pd.DataFrame:
        """Make a data frame of pandas; needs PyArrow, as all of Arrow in pandas does."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """Make a data frame of Polars."""
        import polars as pl

        return pl.DataFrame(self)

    def to_arrow(self) -> pa.Table:
        """Make a table of PyArrow."""
        import pyarrow as pa

        return pa.table(self)
