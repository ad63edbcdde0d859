"""A real bundle that is small: it tells dark images from bright ones by their mean colour."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from PIL import Image

from sightloop.inference import Bundle, BundleFacts, LinearHead, assemble_bundle

SIDE = 16


class MeanColour:
    """Three features: the mean of each channel, 0 to 1."""

    id = "mean-colour@1"
    dimensions = 3
    size = SIDE

    @property
    def graph(self) -> bytes:
        nodes = [
            helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
            helper.make_node("Div", ["means", "top"], ["features"]),
        ]
        constants = [
            helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
            helper.make_tensor("top", TensorProto.FLOAT, [1], [255.0]),
        ]
        graph = helper.make_graph(
            nodes,
            "mean_colour",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 3])],
            constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        return bytes(model.SerializeToString(deterministic=True))

    def embed(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        return np.stack([image.mean(axis=(0, 1)) / 255 for image in images]).astype(np.float32)


def small_bundle(sharpness: float = 10.0) -> Bundle:
    """Classes dark and bright, divided at half brightness."""
    head = LinearHead(
        weights=np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]) * sharpness,
        bias=np.zeros(2),
        mean=np.full(3, 0.5),
        projection=np.eye(3),
    )
    facts = BundleFacts(
        training_run="run_1",
        dataset_version="dsv_1",
        label_schema="sch_1",
        code_version="0.1.0",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return assemble_bundle(MeanColour(), head, temperature=1.0, classes=("dark", "bright"), facts=facts)


def png(level: int, *, side: int = SIDE, mark: int = 0) -> bytes:
    """A grey PNG of this brightness; `mark` makes its bytes differ."""
    pixels = np.full((side, side), level, np.uint8)
    pixels[0, 0] = mark
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
