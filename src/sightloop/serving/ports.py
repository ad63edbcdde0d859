"""What serving needs of others; `Datasets` and the hashes of governance's `Identity` fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sightloop.domain import Caller, Role, Sample
from sightloop.inference import DecodeRequest


class SampleMedia(Protocol):
    """Samples by their media, and their pixels."""

    def find_media(self, caller: Caller, digests: Iterable[str]) -> Mapping[str, str]:
        """Sample id by media digest, for those that are samples of the workspace."""
        ...

    def contents(self, caller: Caller) -> tuple[str, pa.Table]:
        """`id` and `media_digest` of every sample, and a stamp that differs where they may differ."""
        ...

    def sample(self, caller: Caller, sample_id: str) -> Sample:
        """The sample; raises NotFound."""
        ...

    def pixels(self, caller: Caller, sample_ids: Sequence[str]) -> Iterator[npt.NDArray[np.uint8]]:
        """uint8 (H, W, 3) RGB of each sample, in order."""
        ...

    def encoded(self, caller: Caller, sample_ids: Sequence[str]) -> Iterator[tuple[bytes, DecodeRequest]]:
        """The medium of each sample, in order, read as it is asked for, and how its pixels are had from it."""
        ...


class KeyHash(Protocol):
    """An API key as the serving process knows it: never the key itself."""

    @property
    def sha256(self) -> str: ...

    @property
    def workspace(self) -> str: ...

    @property
    def role(self) -> Role: ...

    @property
    def actor(self) -> str: ...

    @property
    def expires_at(self) -> datetime | None: ...

    @property
    def deployment(self) -> str: ...
