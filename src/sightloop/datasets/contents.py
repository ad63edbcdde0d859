"""What a medium holds beside its picture: measured values, points, text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from sightloop.domain import Caller, Sample
from sightloop.errors import InvalidInput, InvalidMedia
from sightloop.inference import Decoded, DecodePool, DecodeRequest
from sightloop.vision import check_geometry, decode_mask, fill_rings, outline_of

Media = Callable[[Caller, str], bytes]


@dataclass(frozen=True, slots=True)
class Measured:
    """Values of a region, in the unit of the reading; `pixels` that were measured, `outside` that were not.

    Attributes:
        lowest, highest, mean, deviation, median: None where nothing was measured.
    """

    quantity: str
    unit: str
    pixels: int
    outside: int
    lowest: float | None
    highest: float | None
    mean: float | None
    deviation: float | None
    median: float | None


class Contents:
    """Opens media again, in children, for more than their picture."""

    def __init__(self, decoder: DecodePool, media: Media) -> None:
        self._decoder = decoder
        self._media = media

    def picture(self, caller: Caller, sample: Sample, longest_px: int, view: Mapping[str, Any] | None) -> bytes:
        """The picture, PNG or WebP; `view` {"low", "high", "palette"} is how measurements are to be shown."""
        found = self._open(caller, sample, DecodeRequest(pixels=False, picture_px=longest_px, view=view))
        assert found.picture is not None
        return found.picture

    def measure(self, caller: Caller, sample: Sample, kind: str, geometry: Mapping[str, Any]) -> Measured:
        """The values under a geometry; "class" with {} is the whole image."""
        shape = check_geometry(kind, geometry, sample.width, sample.height)
        values = self.values(caller, sample)
        chosen = values[_under(kind, shape, sample.width, sample.height)].astype(np.float64)
        known = chosen[np.isfinite(chosen)]
        some = known if known.size else np.array([np.nan])
        told = [some.min(), some.max(), some.mean(), some.std(), np.median(some)]
        numbers = [None if math.isnan(one) else float(f"{one:.7g}") for one in told]  # values are float32
        quantity, unit = (str(sample.reading.get(name, "")) for name in ("quantity", "unit"))
        return Measured(quantity, unit, known.size, chosen.size - known.size, *numbers)

    def values(self, caller: Caller, sample: Sample) -> npt.NDArray[np.float32]:
        """float32 (H, W) in the unit of the sample's reading, NaN where nothing was measured."""
        found = None
        if sample.reading:
            found = self._open(caller, sample, DecodeRequest(pixels=False, values=True)).values
        if found is None:
            raise InvalidInput(
                f"The pixels of {sample.id} are no measurements.",
                hint='Ingest its source with a reading: {"quantity", "unit", "scale", "offset"}.',
            )
        return found

    def points(self, caller: Caller, sample: Sample, most: int) -> npt.NDArray[np.float32]:
        """float32 (N, 4), evenly chosen: x, y, z in metres from min_x, min_y, min_z of its metadata, and intensity."""
        found = self._open(caller, sample, DecodeRequest(pixels=False, points=most)).points
        if found is None:
            raise InvalidInput(f"{sample.id} is a {sample.kind} and has no points.", hint='Choose one of kind "sweep".')
        return found

    def text(self, caller: Caller, sample: Sample) -> str:
        """What a document says."""
        found = self._open(caller, sample, DecodeRequest(pixels=False, text=True)).text
        if found is None:
            raise InvalidInput(
                f"{sample.id} is a {sample.kind} and has no text.", hint='Choose one of kind "document".'
            )
        return found

    def pixels(self, caller: Caller, samples: Sequence[Sample]) -> Iterator[npt.NDArray[np.uint8]]:
        """uint8 (H, W, 3) RGB of each sample's picture, in order, decoded as they are asked for."""
        media = (self._media(caller, one.id) for one in samples)
        for found in self._decoder.map(media, [wanted_of(one, DecodeRequest()) for one in samples]):
            if isinstance(found, InvalidMedia):
                raise found
            assert found.pixels is not None
            yield found.pixels

    def _open(self, caller: Caller, sample: Sample, want: DecodeRequest) -> Decoded:
        return self._decoder.decode(self._media(caller, sample.id), wanted_of(sample, want))


def wanted_of(sample: Sample, want: DecodeRequest) -> DecodeRequest:
    """The request as the sample was opened when it was ingested."""
    return replace(
        want, anything=True, suffix=PurePosixPath(sample.name).suffix.lower(), declared=dict(sample.reading) or None
    )


def _under(kind: str, geometry: Mapping[str, Any], width: int, height: int) -> npt.NDArray[np.bool_]:
    """bool (H, W): pixels whose centre lies in the region."""
    if kind == "class":
        return np.ones((height, width), bool)
    if kind == "mask":
        return decode_mask(str(geometry["counts"]), height, width)
    rings = geometry["rings"] if kind == "polygon" else [outline_of(kind, geometry)]
    return fill_rings(rings, height, width)
