"""ONNX graphs in ONNX Runtime: images in, arrays out, on a device that is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sightloop.errors import InvalidBundle, InvalidInput, Unavailable

Pixels = npt.NDArray[np.uint8]

PROVIDERS: Final[Mapping[str, str]] = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}
BATCH: Final = 4
BATCH_PIXELS: Final = 1 << 22
MAX_IMAGE_PIXELS: Final = 1 << 24
LARGE_PIXELS: Final = 1 << 21  # a run of so many takes some 100 MB, which ONNX Runtime keeps until told otherwise


class GraphSession:
    """A loaded graph with one input, uint8 (N, H, W, 3); safe to use from many threads."""

    def __init__(self, onnx: bytes, *, threads: int = 1, device: str = "auto") -> None:
        import onnxruntime as ort

        self.device = _choose_device(device)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = [PROVIDERS[name] for name in dict.fromkeys((self.device, "cpu"))]
        try:
            self._session = ort.InferenceSession(onnx, options, providers=providers)
        except Exception as error:  # ONNX Runtime has no common error class
            raise InvalidBundle(
                "ONNX Runtime cannot load the model.", hint="Check it: validate_bundle names what is wrong."
            ) from error
        self._input = self._session.get_inputs()[0].name
        self._shrink = ort.RunOptions()
        if self.device == "cpu":
            self._shrink.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._stretched = False

    def run(self, images: Sequence[Pixels], outputs: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        """Each output for all images, in their order. Images of one size run together, a few at once.

        Raises:
            InvalidInput: an image is not uint8 (H, W, 3), or has over 16 megapixels (the graph holds them as float32).
        """
        _check_images(images)
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            by_shape.setdefault(image.shape, []).append(index)
        order: list[int] = []
        results: list[list[npt.NDArray[np.float32]]] = []
        for (height, width, _), indices in by_shape.items():
            step = max(1, min(BATCH, BATCH_PIXELS // (height * width)))
            for start in range(0, len(indices), step):
                batch = indices[start : start + step]
                results.append(self._run(np.stack([images[index] for index in batch]), outputs))
                order += batch
        back = np.argsort(order)
        return [np.concatenate(parts)[back] for parts in zip(*results, strict=True)]

    def _run(self, batch: Pixels, outputs: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        """Gives memory back in the first small run after a large one: in every large one it would cost a third more."""
        large = batch.shape[0] * batch.shape[1] * batch.shape[2] > LARGE_PIXELS
        shrink, self._stretched = self._stretched and not large, large
        try:
            return list(self._session.run(list(outputs), {self._input: batch}, self._shrink if shrink else None))
        except Exception as error:
            raise Unavailable(
                f"The model failed on {len(batch)} images of {batch.shape[2]} x {batch.shape[1]} px.",
                hint="Check that the machine has memory to spare, or send smaller images.",
            ) from error


def _choose_device(device: str) -> str:
    import onnxruntime as ort

    available = [name for name, provider in PROVIDERS.items() if provider in ort.get_available_providers()]
    if device == "auto":
        return available[0]
    if device not in PROVIDERS:
        raise InvalidInput(f'There is no device "{device}".', hint=f"Devices: auto, {', '.join(PROVIDERS)}.")
    if device not in available:
        raise Unavailable(f'The device "{device}" is not available here.', hint=f"Available: {', '.join(available)}.")
    return device


def _check_images(images: Sequence[Pixels]) -> None:
    if not images:
        raise InvalidInput("There are no images to predict.", hint="Give at least one.")
    for image in images:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise InvalidInput(
                f"An image is {image.dtype} {image.shape}.", hint="Images are uint8 (H, W, 3), RGB: decode them first."
            )
        if image.shape[0] * image.shape[1] > MAX_IMAGE_PIXELS:
            raise InvalidInput(
                f"An image has {image.shape[1]} x {image.shape[0]} pixels, more than a graph takes.",
                hint="Let the decode pool reduce it to the model's own size: DecodeRequest(size=...).",
            )
