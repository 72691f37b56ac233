"""Reads a directory of event files with the real `tensorboard` package and prints what it found as JSON."""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
events.Reload()
tags = events.Tags()
found = {
    "scalars": {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
    "histograms": {
        tag: [
            {
                "step": e.step,
                "min": e.histogram_value.min,
                "max": e.histogram_value.max,
                "num": e.histogram_value.num,
                "sum": e.histogram_value.sum,
                "buckets": sum(e.histogram_value.bucket),
            }
            for e in events.Histograms(tag)
        ]
        for tag in tags["histograms"]
    },
    "hyperparameters": {},
}
try:
    contents = events.PluginTagToContent("hparams").values()
except KeyError:
    contents = []
for content in contents:
    data = plugin_data_pb2.HParamsPluginData.FromString(content)
    for name, value in data.session_start_info.hparams.items():
        found["hyperparameters"][name] = getattr(value, value.WhichOneof("kind"))
json.dump(found, sys.stdout)
