"""MLflow's way into a slirec model: rows of handles and times enter, GIDs with their scores leave.

MLflow imports this file because `MLmodel` names it as the loader module, and calls `_load_pyfunc` with the model's `data`
folder. The folder holds `model.onnx`, which does all the work in ONNX Runtime; nothing is unpickled and nothing else runs.

A row has `userId` (not used), `items` (handles in order of arrival) and `timestamps` (Unix seconds or milliseconds, as
text), and what is known of the shopper where the model reads it, such as `user.country`. Rows come as a pandas DataFrame, or as a dict of columns. The answer has one dict for each row.
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
        of_users = [graph_input for graph_input in self._session.get_overridable_initializers() if graph_input.name.startswith("user.")]
        self._attributes = {one.name: _reader(one) for one in of_users}

    def predict(self, data, params=None):
        """Answers every row, in order. `params` is MLflow's and not used."""
        columns = [list(data[name]) for name in ("items", "timestamps")]
        users = {name: list(data[name]) for name in self._attributes if name in data}
        rows = enumerate(zip(*columns, strict=True))
        return [self._answer(number, *row, {name: of[number] for name, of in users.items()}) for number, row in rows]

    def _answer(self, number, items, timestamps, user):
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
        feed |= {name: self._attributes[name](value) for name, value in user.items() if not _is_missing(value)}
        item_ids, scores = self._session.run(["itemIds", "preds"], feed)
        return {"itemIds": item_ids.tolist(), "preds": scores.astype(float).tolist()}


def _strings(texts):
    return numpy.array(texts, dtype=object)


def _reader(graph_input):
    if graph_input.type == "tensor(double)":
        return _number
    # One text, or a list of any length.
    return _text if graph_input.shape == [1] else _list


def _list(values):
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise ValueError(f"{values!r}: expected a list of strings")
    return _strings([str(value) for value in values])


def _text(value):
    return _strings([str(value)])


def _number(value):
    return numpy.array([value], dtype=numpy.float64)


def _is_missing(value):
    return value is None or (isinstance(value, float) and math.isnan(value))


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
