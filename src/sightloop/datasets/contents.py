"""What a medium holds beside its picture: measured values, points, text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.readings import check_view
from sightloop.domain import Caller, Sample
from sightloop.errors import InvalidInput, InvalidMedia
from sightloop.inference import Decoded, DecodePool, DecodeRequest
from sightloop.storage import Stores
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
    """Opens the media of samples again, in children; `media` gives their bytes."""

    def __init__(self, stores: Stores, decoder: DecodePool, catalogue: Catalogue, media: Media) -> None:
        self._stores = stores
        self._decoder = decoder
        self._catalogue = catalogue
        self._media = media

    def thumbnails(self, caller: Caller, sample_ids: Sequence[str]) -> Sequence[bytes]:
        """A JPEG of each sample, in order, longest side at most 256 px; nothing where there is none."""
        digests = self._catalogue.thumbnails(caller, list(dict.fromkeys(sample_ids)))
        blobs = self._stores.workspace(caller.workspace).blobs
        found = {one: blobs.find(digest) or b"" for one, digest in digests.items()}
        return [found.get(one, b"") for one in sample_ids]

    def thumbnail(self, caller: Caller, sample_id: str) -> bytes:
        """A JPEG, longest side at most 256 px."""
        digest = self._sample(caller, sample_id).thumbnail_digest
        return self._stores.workspace(caller.workspace).blobs.get(digest)

    def picture(
        self, caller: Caller, sample_id: str, longest_px: int | None = None, view: Mapping[str, Any] | None = None
    ) -> bytes:
        """A picture that a browser can show: JPEG, PNG or WebP, upright in its pixels or by its EXIF orientation.

        It is the medium itself where that is one of them and no larger than asked.

        Args:
            view: of measurements: {"low", "high"} in the unit of the reading, {"palette"}: grey, iron or rainbow.
        """
        check_view(view or {})
        sample = self._sample(caller, sample_id)
        longest = max(sample.width, sample.height)
        if not sample.reading and longest <= (longest_px or longest):
            data = self._media(caller, sample_id)
            if _is_shown_as_it_is(sample.format, data):
                return data
        found = self._open(caller, sample, DecodeRequest(pixels=False, picture_px=longest_px or longest, view=view))
        assert found.picture is not None
        return found.picture

    def measure(
        self, caller: Caller, sample_id: str, kind: str = "class", geometry: Mapping[str, Any] | None = None
    ) -> Measured:
        """What was measured under a geometry on a sample, in the unit of its reading; of the whole image by default."""
        sample = self._sample(caller, sample_id)
        shape = check_geometry(kind, geometry or {}, sample.width, sample.height)
        values = self._values(caller, sample)
        chosen = values[_under(kind, shape, sample.width, sample.height)].astype(np.float64)
        known = chosen[np.isfinite(chosen)]
        some = known if known.size else np.array([np.nan])
        told = [some.min(), some.max(), some.mean(), some.std(), np.median(some)]
        numbers = [None if math.isnan(one) else float(f"{one:.7g}") for one in told]  # values are float32
        quantity, unit = (str(sample.reading.get(name, "")) for name in ("quantity", "unit"))
        return Measured(quantity, unit, known.size, chosen.size - known.size, *numbers)

    def points(self, caller: Caller, sample_id: str, most: int) -> npt.NDArray[np.float32]:
        """Points of a sweep, evenly chosen, float32 (N, 4): x, y, z in metres from its facets min_x, min_y, min_z, and
        intensity from 0 to 1.
        """
        sample = self._sample(caller, sample_id)
        found = self._open(caller, sample, DecodeRequest(pixels=False, points=most)).points
        if found is None:
            raise InvalidInput(f"{sample.id} is a {sample.kind} and has no points.", hint='Choose one of kind "sweep".')
        return found

    def text(self, caller: Caller, sample_id: str) -> str:
        """What a document says."""
        sample = self._sample(caller, sample_id)
        found = self._open(caller, sample, DecodeRequest(pixels=False, text=True)).text
        if found is None:
            raise InvalidInput(
                f"{sample.id} is a {sample.kind} and has no text.", hint='Choose one of kind "document".'
            )
        return found

    def pixels(self, caller: Caller, sample_ids: Sequence[str]) -> Iterator[npt.NDArray[np.uint8]]:
        """uint8 (H, W, 3) RGB of each sample's picture, in order, decoded as they are asked for."""
        samples = self._samples(caller, sample_ids)
        media = (self._media(caller, one.id) for one in samples)
        for found in self._decoder.map(media, [wanted_of(one, DecodeRequest()) for one in samples]):
            if isinstance(found, InvalidMedia):
                raise found
            assert found.pixels is not None
            yield found.pixels

    def encoded(self, caller: Caller, sample_ids: Sequence[str]) -> Iterator[tuple[bytes, DecodeRequest]]:
        """The medium of each sample, in order, read as it is asked for, and how its pixels are had from it."""
        for one in self._samples(caller, sample_ids):
            yield self._media(caller, one.id), wanted_of(one, DecodeRequest())

    def _samples(self, caller: Caller, sample_ids: Sequence[str]) -> Sequence[Sample]:
        view = self._catalogue.view(caller)
        return view.samples(view.row_numbers(sample_ids))

    def _sample(self, caller: Caller, sample_id: str) -> Sample:
        return self._samples(caller, [sample_id])[0]

    def _values(self, caller: Caller, sample: Sample) -> npt.NDArray[np.float32]:
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

    def _open(self, caller: Caller, sample: Sample, want: DecodeRequest) -> Decoded:
        return self._decoder.decode(self._media(caller, sample.id), wanted_of(sample, want))


def _is_shown_as_it_is(format: str, data: bytes) -> bool:
    """Whether browsers show these bytes upright: they turn a JPEG as its EXIF says, but not all turn PNG and WebP."""
    return format == "JPEG" or (format in ("PNG", "WEBP") and b"eXIf" not in data and b"EXIF" not in data)


def wanted_of(sample: Sample, want: DecodeRequest) -> DecodeRequest:
    """The request as the sample was opened when it was ingested."""
    suffix = PurePosixPath(sample.name).suffix.lower()
    declared = dict(sample.reading) or None
    return replace(want, anything=True, suffix=suffix, declared=declared, pts=sample.address.pts)


def _under(kind: str, geometry: Mapping[str, Any], width: int, height: int) -> npt.NDArray[np.bool_]:
    """bool (H, W): pixels whose centre lies in the region."""
    if kind == "class":
        return np.ones((height, width), bool)
    if kind == "mask":
        return decode_mask(str(geometry["counts"]), height, width)
    rings = geometry["rings"] if kind == "polygon" else [outline_of(kind, geometry)]
    return fill_rings(rings, height, width)
