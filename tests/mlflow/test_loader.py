"""Tests of the loader module that MLflow imports from a pushed model, without MLflow: it needs onnxruntime only.

    python tests/mlflow/test_loader.py data-folder

The folder holds the `model.onnx` of the demo bundle.
"""

import sys
import unittest
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parents[2] / "crates/connect/src/mlflow"))

import slirec_mlflow  # noqa: E402

ROWS = {
    "userId": ["first", "second"],
    "items": [["novel", "sticky-notes"], ["unknown-product"]],
    "timestamps": [["1730807061", "1730808119"], ["1730807061000"]],
}


class Loader(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = slirec_mlflow._load_pyfunc(cls.folder)

    def refuses(self, expected, **columns):
        with self.assertRaises(ValueError) as refused:
            self.model.predict({**ROWS, **columns})
        self.assertIn(expected, str(refused.exception))

    def test_each_row_gets_its_own_answer_in_order(self):
        both = self.model.predict(ROWS)
        alone = [self.model.predict({name: values[at : at + 1] for name, values in ROWS.items()})[0] for at in (0, 1)]
        self.assertEqual([answer["itemIds"] for answer in both], [answer["itemIds"] for answer in alone])
        for answer in both:
            self.assertEqual(set(answer), {"itemIds", "preds"})
            self.assertEqual(len(set(answer["itemIds"])), 16)
            self.assertEqual(answer["preds"], sorted(answer["preds"], reverse=True))
            self.assertTrue(all(type(score) is float for score in answer["preds"]))

    def test_unknown_and_empty_histories_get_the_popular_products(self):
        unknown = self.model.predict(ROWS)[1]
        empty = self.model.predict({"userId": ["x"], "items": [[]], "timestamps": [[]]})[0]
        self.assertEqual(unknown, empty)

    def test_milliseconds_and_seconds_mean_the_same(self):
        seconds, milliseconds = (
            self.model.predict({"userId": ["x"], "items": [["novel"]], "timestamps": [[text]]})[0]["itemIds"]
            for text in ("1730807061", "1730807061000")
        )
        self.assertEqual(seconds, milliseconds)

    def test_arrays_as_mlflow_makes_them_are_lists(self):
        arrays = {name: [numpy.array(value, dtype=object) for value in ROWS[name]] for name in ("items", "timestamps")}
        answers = self.model.predict({**ROWS, **arrays})
        self.assertEqual(answers[0]["itemIds"], self.model.predict(ROWS)[0]["itemIds"])

    def test_bad_rows_are_refused_by_row_column_and_place(self):
        self.refuses("row 1: 1 items and 2 timestamps", timestamps=[["1", "2"], ["1", "2"]])
        self.refuses("row 0: timestamps[1] is 'soon'", timestamps=[["1", "soon"], ["1"]])
        for time in ("-1", "nan", "1e400", "99999999999999999"):
            self.refuses("row 1: timestamps[0]", timestamps=[["1", "2"], [time]])
        self.refuses("row 0: items: expected a list", items=["novel", ["x"]])
        self.refuses("row 0: items: expected a list", items=[None, ["x"]])


if __name__ == "__main__":
    Loader.folder = sys.argv.pop(1)
    unittest.main()
