"""A workshop: pictures of dark and bright parts, a small real embedder, and the services that train on them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnx import TensorProto, helper
from PIL import Image

from sightloop.datasets import Datasets
from sightloop.domain import Caller, DatasetVersion, Run
from sightloop.registry import Registry
from sightloop.runs import Runs
from sightloop.training import LabelErrors, Training

CLASSES = ("bright", "dark")
SIDE = 32


class QuarterColours:
    """Forty-eight features: the mean of each channel in each sixteenth of the image, by a real ONNX graph."""

    id = "quarters@1"
    dimensions = 48
    size = SIDE

    def __init__(self) -> None:
        nodes = [
            helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
            helper.make_node("AveragePool", ["planes"], ["means"], kernel_shape=[8, 8], strides=[8, 8]),
            helper.make_node("Div", ["means", "top"], ["scaled"]),
            helper.make_node("Flatten", ["scaled"], ["features"]),
        ]
        top = helper.make_tensor("top", TensorProto.FLOAT, [1], [255.0])
        image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
        features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", self.dimensions])
        graph = helper.make_graph(nodes, "quarters", [image], [features], [top])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        self.graph = bytes(model.SerializeToString(deterministic=True))
        self._session = ort.InferenceSession(self.graph)

    def embed(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        return np.asarray(self._session.run(["features"], {"image": np.stack(images)})[0])


@dataclass(frozen=True)
class Workshop:
    """The services over one installation, and a caller in one workspace of it."""

    training: Training
    label_errors: LabelErrors
    datasets: Datasets
    registry: Registry
    runs: Runs
    caller: Caller
    folder: Path

    def elsewhere(self, caller: Caller, folder: Path) -> Workshop:
        return replace(self, caller=caller, folder=folder)

    def with_parts(self, count: int) -> Workshop:
        """Labelled parts, half of them dark, a third of line "b", as the dataset "parts": 70 % train, 30 % test."""
        facets = {f"{i:04}.png": {"line": "b" if i % 3 == 0 else "a"} for i in range(count)}
        for i in range(count):
            (self.folder / f"{i:04}.png").write_bytes(part(i))
        self.ingest(facets)
        self.datasets.create_schema(self.caller, "parts", CLASSES)
        self.datasets.create(self.caller, "parts", "parts")
        rows = [{"name": name, "label": CLASSES[int(name[:4]) % 2]} for name in facets]
        self.datasets.import_labels(self.caller, "parts", rows)
        self.datasets.commit(self.caller, "parts", where={}, splits={"train": 0.7, "test": 0.3})
        return self

    def ingest(self, facets: Mapping[str, Mapping[str, Any]]) -> None:
        source = {"kind": "folder", "path": str(self.folder)}
        run = self.datasets.ingest(self.caller, source, metadata=facets)
        self.runs.wait(self.caller, run.id)

    def apart(self, name: str, *samples: str) -> DatasetVersion:
        """A version of a test set of its own that holds these samples."""
        self.datasets.create(self.caller, name, "parts")
        return self.datasets.commit(self.caller, name, add=dict.fromkeys(samples, "test"))

    def split(self, name: str) -> list[str]:
        return [entry.sample for entry in self.datasets.entries(self.caller, "parts@1", split=name)]

    def train(self, key: str = "train", test: str = "parts@1", **recipe: Any) -> Run:
        run = self.training.train(
            self.caller.keyed(key), recipe, model="parts", dataset_version="parts@1", test_version=test
        )
        return self.runs.wait(self.caller, run.id)


def part(number: int) -> bytes:
    """An even number is a bright part, an odd one a dark part; each looks a little different."""
    noise = np.random.default_rng(number)
    level = (150.0 if number % 2 == 0 else 105.0) + noise.normal(0, 20)
    patches = np.clip(noise.normal(level, 25, (8, 8, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(patches).resize((SIDE, SIDE), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()
