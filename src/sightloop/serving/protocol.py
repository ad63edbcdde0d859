"""The Open Inference Protocol, version 2, over HTTP: requests parsed, answers presented.

Sources: kserve/open-inference-protocol, specification/protocol/inference_rest.md and extension_binary_tensor_data.md:
JSON first, `Inference-Header-Content-Length` bytes of it, then the raw tensors in the order of the JSON.
"""

from __future__ import annotations

import binascii
import struct
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from sightloop.errors import InvalidInput, Malformed, TooLarge, not_found
from sightloop.serving.batching import Engine
from sightloop.serving.live import Live

MAX_IMAGES: Final = 64
OUTPUTS: Final = ("probabilities", "label", "prediction_id")
EXTENSIONS: Final = ("binary_tensor_data",)
LENGTH: Final = struct.Struct("<I")
INPUT_HINT: Final = (
    'Send one input: "images", UINT8, [N, H, W, 3]; or "image", BYTES, [N]: encoded images, base64 in JSON.'
)
FRAME_HINT: Final = "Send Inference-Header-Content-Length bytes of JSON, then binary_data_size bytes for the input."
NOT_TAKEN: Final = ("shared_memory_region", "classification")


@dataclass(frozen=True, slots=True, eq=False)
class InferRequest:
    """Either decoded `images`, uint8 (H, W, 3) each, or encoded `media`; `outputs` in the order asked for.

    Attributes:
        binary: the outputs that are to come as raw bytes behind the JSON.
        timeout_ms: what the caller gives the request, 0 where it does not say.
    """

    id: str
    images: Sequence[npt.NDArray[np.uint8]]
    media: Sequence[bytes]
    outputs: Sequence[str]
    binary: frozenset[str]
    timeout_ms: float


def parse_infer(body: bytes, json_bytes: str = "") -> InferRequest:
    """The request in a body of which the first `json_bytes` are JSON, or all where that is empty.

    Raises:
        Malformed: the lengths do not fit the body.
        InvalidInput: it is not one input that is taken, or an output that is given.
        TooLarge: beyond 64 images.
    """
    head, raw = _divided(body, json_bytes)
    try:
        request = orjson.loads(head)
        (given,) = request["inputs"]
        name, datatype, shape = (given[key] for key in ("name", "datatype", "shape"))
        asked = [(str(output["name"]), _parameters(output)) for output in request.get("outputs", [])]
        wanted, sent = _parameters(request), _parameters(given)
        timeout_ms = float(wanted.get("timeout", 0)) / 1000
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput("The body is not an inference request with one input.", hint=INPUT_HINT) from error
    for parameters in (sent, *(each for _, each in asked)):
        for unknown in NOT_TAKEN:
            if parameters.get(unknown):
                raise InvalidInput(f'The parameter "{unknown}" is not served.', hint="Send and ask for tensors.")
    all_binary = wanted.get("binary_data_output") is True
    outputs = asked or [(name, {}) for name in OUTPUTS]
    for output, _ in outputs:
        if output not in OUTPUTS:
            raise not_found("output", output, OUTPUTS)
    if not isinstance(shape, list) or not shape or not all(type(side) is int and side > 0 for side in shape):
        raise InvalidInput(f"The shape {shape} is none.", hint=INPUT_HINT)
    if shape[0] > MAX_IMAGES:
        raise TooLarge(f"The request has {shape[0]} images; the limit is {MAX_IMAGES}.", hint="Send them in parts.")
    size = sent.get("binary_data_size")
    if size != (len(raw) or None) and not (size == 0 and not raw):
        raise Malformed(
            f"{len(raw)} bytes follow the JSON, and its one input has a binary_data_size of {size}.", hint=FRAME_HINT
        )
    images: Sequence[npt.NDArray[np.uint8]] = ()
    media: Sequence[bytes] = ()
    if (name, datatype) == ("images", "UINT8"):
        images = _raw_tensor(shape, raw) if size is not None else _tensor(shape, given.get("data"))
    elif (name, datatype) == ("image", "BYTES"):
        media = _raw_media(shape, raw) if size is not None else _media(shape, given.get("data"))
    else:
        raise InvalidInput(f'The input "{name}" of type {datatype} is not taken.', hint=INPUT_HINT)
    binary = frozenset(output for output, own in outputs if own.get("binary_data", all_binary) is True)
    return InferRequest(
        str(request.get("id", "")), images, media, [output for output, _ in outputs], binary, timeout_ms
    )


def present_infer(request: InferRequest, live: Live, answers: Sequence[Mapping[str, Any]]) -> tuple[bytes, int]:
    """The answer's body, and how much of it is JSON (0: all, as no output was asked for as raw bytes).

    The version is that of the last image (a switch may fall in between).
    """
    n = len(answers)
    rows = [list(answer["probabilities"].values()) for answer in answers]
    outputs: list[dict[str, Any]] = []
    raws: list[bytes] = []
    for name in request.outputs:
        output: dict[str, Any] = {"name": name, "datatype": "BYTES", "shape": [n]}
        if name == "probabilities":
            output |= {"datatype": "FP32", "shape": [n, len(rows[0])]}
            values: list[Any] = [value for row in rows for value in row]
        else:
            values = [answer[name] for answer in answers]
        if name in request.binary:
            raw = np.array(values, "<f4").tobytes() if name == "probabilities" else _strings(values)
            output["parameters"] = {"binary_data_size": len(raw)}
            raws.append(raw)
        else:
            output["data"] = values
        outputs.append(output)
    head = orjson.dumps(
        {
            "model_name": live.wanted.name,
            "model_version": answers[-1]["model_version"],
            "id": request.id,
            "outputs": outputs,
        }
    )
    return b"".join((head, *raws)), len(head) if raws else 0


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


def _divided(body: bytes, json_bytes: str) -> tuple[memoryview, memoryview]:
    """The JSON and what follows it."""
    view = memoryview(body)
    if not json_bytes:
        return view, view[len(body) :]
    if not json_bytes.isascii() or not json_bytes.isdigit() or len(json_bytes) > 10 or int(json_bytes) > len(body):
        raise Malformed(
            f"The Inference-Header-Content-Length does not fit a body of {len(body)} bytes.", hint=FRAME_HINT
        )
    return view[: int(json_bytes)], view[int(json_bytes) :]


def _parameters(part: Mapping[str, Any]) -> dict[str, Any]:
    return dict(part.get("parameters") or {})


def _tensor(shape: Sequence[int], data: Any) -> list[npt.NDArray[np.uint8]]:
    _check_pixel_shape(shape)
    try:
        values = np.asarray(data)
        if values.dtype.kind not in "iu" or values.size == 0 or values.min() < 0 or values.max() > 255:
            raise ValueError("not bytes")
        return list(values.astype(np.uint8).reshape(shape))
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(f"The data is not {list(shape)} numbers from 0 to 255.", hint=INPUT_HINT) from error


def _raw_tensor(shape: Sequence[int], raw: memoryview) -> list[npt.NDArray[np.uint8]]:
    """Views on the body: nothing is copied."""
    _check_pixel_shape(shape)
    try:
        return list(np.frombuffer(raw, np.uint8).reshape(shape))
    except (ValueError, OverflowError) as error:
        raise Malformed(f"{len(raw)} bytes are not a UINT8 tensor of shape {list(shape)}.", hint=INPUT_HINT) from error


def _check_pixel_shape(shape: Sequence[int]) -> None:
    if len(shape) != 4 or shape[3] != 3:
        raise InvalidInput(f"The shape {list(shape)} is not [N, H, W, 3].", hint=INPUT_HINT)


def _media(shape: Sequence[int], data: Any) -> list[bytes]:
    if len(shape) != 1 or not isinstance(data, list) or len(data) != shape[0]:
        raise InvalidInput(f"The data does not have the shape {list(shape)}.", hint=INPUT_HINT)
    try:
        return [b64decode(text, validate=True) for text in data]
    except (binascii.Error, TypeError, ValueError) as error:
        raise InvalidInput("An image is not base64.", hint=INPUT_HINT) from error


def _raw_media(shape: Sequence[int], raw: memoryview) -> list[bytes]:
    """Each element is its length, uint32 little-endian, and its bytes."""
    media = []
    at = 0
    while at + LENGTH.size <= len(raw):
        end = at + LENGTH.size + LENGTH.unpack_from(raw, at)[0]
        media.append(bytes(raw[at + LENGTH.size : end]))
        at = end
    if at != len(raw) or list(shape) != [len(media)]:
        raise Malformed(f"The bytes are not a BYTES tensor of shape {list(shape)}.", hint=FRAME_HINT)
    return media


def _strings(values: Sequence[str]) -> bytes:
    encoded = [value.encode() for value in values]
    return b"".join(part for value in encoded for part in (LENGTH.pack(len(value)), value))
