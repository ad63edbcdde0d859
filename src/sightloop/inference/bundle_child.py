"""The check of a stranger's graph, inside a child: structure first, then one image through ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime as ort

from sightloop.inference.bundles import refuse_bundle
from sightloop.inference.child_loop import Answer, serve

DOMAINS: Final = {"", "ai.onnx", "ai.onnx.ml"}
FORBIDDEN_OPERATORS: Final = {
    "Loop", "If", "Scan", "SequenceMap",
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli",
}  # fmt: skip
MAX_NODES: Final = 20_000
MAX_OPSET: Final = 26
MAX_DIMENSION: Final = 1 << 24
MAX_ELEMENTS: Final = 1 << 27
TOLERANCE: Final = 1e-3


def handle(expected: dict[str, Any], payloads: list[bytes]) -> Answer:
    """An empty answer for a graph that keeps the format; raises InvalidBundle with its reason otherwise."""
    data = payloads[0]
    try:
        model = onnx.load_model_from_string(data)
    except MemoryError:
        raise
    except Exception as error:
        raise refuse_bundle("graph", "model.onnx is not an ONNX file") from error
    _check_operators(model)
    _check_tensors(model)
    _check_interface(model.graph, expected)
    try:
        onnx.checker.check_model(model, full_check=True)
    except MemoryError:
        raise
    except Exception as error:
        raise refuse_bundle("graph", "model.onnx breaks the ONNX specification") from error
    _try(data, expected)
    return {}, ()


def _check_operators(model: Any) -> None:
    domains = {entry.domain for entry in model.opset_import} | {node.domain for node in model.graph.node}
    if domains - DOMAINS:
        raise refuse_bundle("operator", f"it uses operators outside the standard: {', '.join(sorted(domains))}")
    if any(entry.version > MAX_OPSET for entry in model.opset_import):
        raise refuse_bundle("operator", f"it uses an operator set newer than {MAX_OPSET}")
    if model.functions or len(model.graph.node) > MAX_NODES:
        raise refuse_bundle("graph", f"it defines functions, or has more than {MAX_NODES} nodes")
    forbidden = {node.op_type for node in model.graph.node} & FORBIDDEN_OPERATORS
    nested = any(attribute.HasField("g") or attribute.graphs for attribute in _attributes(model.graph))
    if forbidden or nested:
        raise refuse_bundle("operator", "it holds loops, branches or chance, which a bundle may not")


def _check_tensors(model: Any) -> None:
    elements = 0
    for tensor in _tensors(model.graph):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise refuse_bundle("external_data", "it keeps tensors outside the file")
        if any(not 0 <= length <= MAX_DIMENSION for length in tensor.dims):
            raise refuse_bundle("graph", f"a tensor has a dimension over {MAX_DIMENSION}")
        elements += int(np.prod(tensor.dims, dtype=np.float64))
    if elements > MAX_ELEMENTS:
        raise refuse_bundle("graph", f"it has more than {MAX_ELEMENTS} parameters")


def _check_interface(graph: Any, expected: dict[str, Any]) -> None:
    """One input and three outputs, of the names, types and widths that the manifest promises."""
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [_signature(value) for value in graph.input if value.name not in constants]
    if inputs != [("image", onnx.TensorProto.UINT8, 4, 3)]:
        raise refuse_bundle("interface", "its one input must be `image`, uint8 (n, h, w, 3)")
    widths = {"probabilities": "classes", "logits": "classes", "embedding": "embedding"}
    promised = {(name, onnx.TensorProto.FLOAT, 2, expected[width]) for name, width in widths.items()}
    if {_signature(value) for value in graph.output} != promised or len(graph.output) != len(promised):
        raise refuse_bundle("interface", "its outputs are not the ones that the manifest promises")


def _signature(value: Any) -> tuple[str, int, int, int]:
    """Name, element type, rank and last dimension (0 where it is free)."""
    tensor = value.type.tensor_type
    dims = tensor.shape.dim
    return value.name, tensor.elem_type, len(dims), dims[-1].dim_value if dims else 0


def _try(data: bytes, expected: dict[str, Any]) -> None:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    image = np.random.default_rng(0).integers(0, 256, (1, expected["height"], expected["width"], 3), np.uint8)
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        probabilities, embedding = session.run(["probabilities", "embedding"], {"image": image})
    except MemoryError:
        raise
    except Exception as error:
        raise refuse_bundle("trial", "it does not run on an image of its own size") from error
    sound = (
        probabilities.shape == (1, expected["classes"])
        and embedding.shape == (1, expected["embedding"])
        and bool(np.isfinite(embedding).all())
        and bool((probabilities >= 0).all())
        and abs(float(probabilities.sum()) - 1) <= TOLERANCE
    )
    if not sound:
        raise refuse_bundle("trial", "what it answers to an image are not probabilities")


def _attributes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield from node.attribute


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for attribute in _attributes(graph):
        if attribute.HasField("t"):
            yield attribute.t
        if attribute.HasField("sparse_tensor"):
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)
        yield from attribute.tensors


if __name__ == "__main__":
    serve(handle)
