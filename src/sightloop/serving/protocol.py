"""The Open Inference Protocol, version 2, as JSON over HTTP: requests parsed, answers presented.

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md (no binary tensor extension yet).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from sightloop.errors import InvalidInput, TooLarge, not_found
from sightloop.serving.batching import Engine
from sightloop.serving.live import Live

MAX_IMAGES: Final = 64
OUTPUTS: Final = ("probabilities", "label", "prediction_id")
INPUT_HINT: Final = 'Send one input: "images", UINT8, [N, H, W, 3]; or "image", BYTES, [N], base64 of encoded images.'


@dataclass(frozen=True, slots=True, eq=False)
class InferRequest:
    """Either decoded `images`, uint8 (H, W, 3) each, or encoded `media`; `outputs` in the order asked for."""

    id: str
    images: Sequence[npt.NDArray[np.uint8]]
    media: Sequence[bytes]
    outputs: Sequence[str]


def parse_infer(body: bytes) -> InferRequest:
    """The request in a JSON body; raises InvalidInput, or TooLarge beyond 64 images."""
    try:
        request = orjson.loads(body)
        (given,) = request["inputs"]
        name, datatype, shape, data = (given[key] for key in ("name", "datatype", "shape", "data"))
        outputs = [output["name"] for output in request.get("outputs", [])] or list(OUTPUTS)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput("The body is not an inference request with one input.", hint=INPUT_HINT) from error
    for output in outputs:
        if output not in OUTPUTS:
            raise not_found("output", str(output), OUTPUTS)
    if not isinstance(shape, list) or not shape or not all(isinstance(side, int) and side > 0 for side in shape):
        raise InvalidInput(f"The shape {shape} is none.", hint=INPUT_HINT)
    if shape[0] > MAX_IMAGES:
        raise TooLarge(f"The request has {shape[0]} images; the limit is {MAX_IMAGES}.", hint="Send them in parts.")
    request_id = str(request.get("id", ""))
    if (name, datatype) == ("images", "UINT8"):
        return InferRequest(request_id, _tensor(shape, data), (), outputs)
    if (name, datatype) == ("image", "BYTES"):
        return InferRequest(request_id, (), _media(shape, data), outputs)
    raise InvalidInput(f'The input "{name}" of type {datatype} is not taken.', hint=INPUT_HINT)


def present_infer(request: InferRequest, live: Live, answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The answers as output tensors; the version is that of the last one (a switch may fall in between)."""
    n = len(answers)
    rows = [list(answer["probabilities"].values()) for answer in answers]
    tensors = {
        "probabilities": ("FP32", [n, len(rows[0])], [value for row in rows for value in row]),
        "label": ("BYTES", [n], [answer["label"] for answer in answers]),
        "prediction_id": ("BYTES", [n], [answer["prediction_id"] for answer in answers]),
    }
    return {
        "model_name": live.wanted.name,
        "model_version": answers[-1]["model_version"],
        "id": request.id,
        "outputs": [
            dict(zip(("name", "datatype", "shape", "data"), (name, *tensors[name]), strict=True))
            for name in request.outputs
        ],
    }


def model_metadata(live: Live) -> dict[str, Any]:
    """The model's metadata, with `state`, the version wanted and the error of a version that cannot be loaded."""
    engine: Engine | None = live.batcher.engine if live.batcher else None
    classes = list(engine.session.manifest.classes) if engine else []
    return {
        "name": live.wanted.name,
        "versions": [engine.model_version] if engine else [],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": "images", "datatype": "UINT8", "shape": [-1, -1, -1, 3]},
            {"name": "image", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, len(classes) or -1]},
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "prediction_id", "datatype": "BYTES", "shape": [-1]},
        ],
        "classes": classes,
        "state": live.state,
        "model": live.wanted.model,
        "alias": live.wanted.alias,
        "model_version": engine.model_version if engine else "",
        "wanted_version": live.wanted.model_version,
        "switched_at": live.switched_at.isoformat() if live.switched_at else None,
        "error": dict(live.problem) or None,
    }


def _tensor(shape: Sequence[int], data: Any) -> list[npt.NDArray[np.uint8]]:
    if len(shape) != 4 or shape[3] != 3:
        raise InvalidInput(f"The shape {list(shape)} is not [N, H, W, 3].", hint=INPUT_HINT)
    try:
        values = np.asarray(data)
        if values.dtype.kind not in "iu" or values.size == 0 or values.min() < 0 or values.max() > 255:
            raise ValueError("not bytes")
        return list(values.astype(np.uint8).reshape(shape))
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(f"The data is not {list(shape)} numbers from 0 to 255.", hint=INPUT_HINT) from error


def _media(shape: Sequence[int], data: Any) -> list[bytes]:
    if len(shape) != 1 or not isinstance(data, list) or len(data) != shape[0]:
        raise InvalidInput(f"The data does not have the shape {list(shape)}.", hint=INPUT_HINT)
    try:
        return [b64decode(text, validate=True) for text in data]
    except (binascii.Error, TypeError, ValueError) as error:
        raise InvalidInput("An image is not base64.", hint=INPUT_HINT) from error
