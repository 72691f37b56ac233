"""MLflow's way into a slirec model: rows of handles and times enter, GIDs with their scores leave.

MLflow imports this file because `MLmodel` names it as the loader module, and calls `_load_pyfunc` with the model's `data`
folder. The folder holds `model.onnx`, which does all the work in ONNX Runtime; nothing is unpickled and nothing else runs.

A row has `userId` (not used), `items` (handles in order of arrival) and `timestamps` (Unix seconds or milliseconds, as
text). Rows come as a pandas DataFrame, or as a dict of columns. The answer has one dict for each row.
"""

import math
import os
import time

import numpy
import onnxruntime

# Later times are milliseconds; and no time is beyond this many seconds (the year 5138).
MILLISECONDS_FROM = 100_000_000_000
# As slirec-server: the model uses the newest views, and the time of the first.
LONGEST_HISTORY = 500_000


class Model:
    """A loaded model; `predict` may be called from several threads."""

    def __init__(self, graph):
        options = onnxruntime.SessionOptions()
        # Errors only: that `now` has a default is meant so.
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def predict(self, data, params=None):
        """Answers every row, in order. `params` is MLflow's and not used."""
        columns = [list(data[name]) for name in ("items", "timestamps")]
        return [self._answer(number, *row) for number, row in enumerate(zip(*columns, strict=True))]

    def _answer(self, number, items, timestamps):
        items, timestamps = _texts(number, "items", items), _texts(number, "timestamps", timestamps)
        if len(items) != len(timestamps):
            raise ValueError(f"row {number}: {len(items)} items and {len(timestamps)} timestamps: expected as many")
        if len(items) > LONGEST_HISTORY:
            raise ValueError(f"row {number}: {len(items)} items: expected at most {LONGEST_HISTORY}")
        for place, text in enumerate(timestamps):
            _check_time(number, place, text)
        feed = {
            "userId": _strings([""]),
            "items": _strings(items),
            "timestamps": _strings(timestamps),
            "now": numpy.array([time.time()], dtype=numpy.float64),
        }
        item_ids, scores = self._session.run(["itemIds", "preds"], feed)
        return {"itemIds": item_ids.tolist(), "preds": scores.astype(float).tolist()}


def _strings(texts):
    return numpy.array(texts, dtype=object)


def _texts(number, column, values):
    if values is None or isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise ValueError(f"row {number}: {column}: expected a list of strings")
    return [str(value) for value in values]


def _check_time(number, place, text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < MILLISECONDS_FROM * 1000:
        raise ValueError(f"row {number}: timestamps[{place}] is {text!r}: expected Unix seconds or milliseconds")


def _load_pyfunc(data_path):
    """Called by MLflow."""
    return Model(os.path.join(data_path, "model.onnx"))
