"""Recommends products from what a shopper has just looked at.

>>> import slirec
>>> bundle = slirec.load("models/demo")
>>> answer = bundle.recommend([("novel", "2026-11-02T09:15:00Z")], limit=3, exclude_seen=True)
>>> len(answer.items)
3
"""

from slirec._frames import Frame
from slirec._serving import Bundle, Item, Recommendations, load
from slirec._slirec import SlirecError
from slirec._training import Dataset, Evaluation, Report, Run, evaluate, prepare, train

__all__ = [
    "Bundle",
    "Dataset",
    "Evaluation",
    "Frame",
    "Item",
    "Recommendations",
    "Report",
    "Run",
    "SlirecError",
    "evaluate",
    "load",
    "prepare",
    "train",
]
