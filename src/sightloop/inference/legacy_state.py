"""The one reader of pickled weights: a torch state dict in the legacy file layout, inside a child process.

Layout (torch.serialization, `_legacy_save`): four pickles (magic number, protocol, system facts, the state
dict, whose tensors refer to storages by key), a pickled list of the keys, then for each storage an int64
count and the raw little-endian values. Nothing but the four globals named here can be called.
"""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.errors import InvalidBundle
from sightloop.inference.child_loop import Answer, serve

MAGIC: Final = 0x1950A86A20F9469CFC6C
PROTOCOL: Final = 1001

State = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _Tensor:
    key: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def _tensor(key: str, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> _Tensor:
    if offset < 0 or len(shape) != len(stride) or min((*shape, *stride), default=0) < 0:
        raise pickle.UnpicklingError("a tensor has a negative shape or stride")
    return _Tensor(key, offset, tuple(shape), tuple(stride))


_GLOBALS: Final[dict[tuple[str, str], Callable[..., Any] | str]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}


class _Reader(pickle.Unpickler):
    """An unpickler that knows four names and refuses all others."""

    def __init__(self, stream: BytesIO) -> None:
        super().__init__(stream)
        self.dtypes: dict[str, str] = {}

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _GLOBALS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed") from None

    def persistent_load(self, reference: Any) -> str:
        kind, dtype, key, _location, _count, view = reference
        if kind != "storage" or view is not None or dtype not in {"<f4", "<i8"}:
            raise pickle.UnpicklingError("an unknown storage")
        self.dtypes[key] = dtype
        return str(key)


def read_state(data: bytes) -> State:
    """The tensors by name; raises InvalidBundle where the bytes are anything else."""
    try:
        stream = BytesIO(data)
        if (_Reader(stream).load(), _Reader(stream).load()) != (MAGIC, PROTOCOL):
            raise pickle.UnpicklingError("not a legacy state dict")
        _Reader(stream).load()
        reader = _Reader(stream)
        tensors = reader.load()
        storages = {}
        for key in _Reader(stream).load():
            dtype = np.dtype(reader.dtypes[key])
            (count,) = struct.unpack("<q", stream.read(8))
            storages[key] = np.frombuffer(stream.read(count * dtype.itemsize), dtype, count)
        return {name: _values(storages[tensor.key], tensor) for name, tensor in tensors.items()}
    except MemoryError:
        raise
    except Exception as error:
        raise InvalidBundle(
            f"The weights are not a plain state dict: {error}.", hint="Use the weights of the pinned package."
        ) from error


def _values(storage: npt.NDArray[Any], tensor: _Tensor) -> npt.NDArray[Any]:
    """A copy of the tensor's values; kernels converted from TensorFlow are transposed views of their storage."""
    if 0 in tensor.shape:
        return np.empty(tensor.shape, storage.dtype)
    last = tensor.offset + sum((length - 1) * step for length, step in zip(tensor.shape, tensor.stride, strict=True))
    if last >= len(storage):
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    strides = [step * storage.itemsize for step in tensor.stride]
    return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides).copy()


def _answer(_request: dict[str, Any], payloads: list[bytes]) -> Answer:
    floats = {name: values for name, values in read_state(payloads[0]).items() if values.dtype == np.float32}
    return {"shapes": {name: values.shape for name, values in floats.items()}}, list(floats.values())


if __name__ == "__main__":
    serve(_answer)
