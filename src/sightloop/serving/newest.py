"""The newest prediction of each sample, held in memory and brought up to date from the log's new rows only."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

from sightloop.domain import PROBE, Caller
from sightloop.serving.ports import SampleMedia
from sightloop.serving.tables import PREDICTIONS
from sightloop.storage import Stores

BLOCK = 200_000  # sequence numbers read at once
_READ = ("sequence", "sample", "media_digest", "label", "score")


@dataclass(slots=True)
class _Held:
    """By sample id: label and score; of the log after `retired` up to `read`, for the samples at one stamp."""

    samples: str = ""
    retired: int = 0
    read: int = 0
    label: dict[str, str] = field(default_factory=dict)
    score: dict[str, float] = field(default_factory=dict)
    table: pa.Table | None = None


class Newest:
    """What the log says last of each sample; what it says of other media takes no room here."""

    def __init__(self, stores: Stores, media: SampleMedia) -> None:
        self._stores = stores
        self._media = media
        self._held: dict[str, _Held] = defaultdict(_Held)
        self._locks: dict[str, Lock] = defaultdict(Lock)

    def read(self, caller: Caller, version: int | None, retired: int, head: int) -> tuple[str, pa.Table]:
        """A stamp that moves with the log, and `id`, `predicted` and `score` of each sample with a prediction.

        Probes are left out.

        Args:
            version: of the log's table, which holds what comes after `retired` up to `head`.
        """
        samples, contents = self._media.contents(caller)
        with self._locks[caller.workspace]:
            held = self._held[caller.workspace]
            if (held.samples, held.retired) != (samples, retired):
                held = self._held[caller.workspace] = _Held(samples, retired, retired)
            while version is not None and held.read < head:
                upto = min(head, held.read + BLOCK)
                self._take(caller.workspace, held, version, upto, contents)
                held.read, held.table = upto, None
            if held.table is None:
                held.table = pa.table(
                    {
                        "id": pa.array(held.label.keys(), pa.string()),
                        "predicted": pa.array(held.label.values(), pa.string()).dictionary_encode(),
                        "score": pa.array(held.score.values(), pa.float32()),
                    }
                )
            return f"{samples}.{retired}.{head}", held.table

    def _take(self, workspace: str, held: _Held, version: int, upto: int, contents: pa.Table) -> None:
        where = f"sequence > {held.read} AND sequence <= {upto} AND purpose != '{PROBE}'"
        tables = self._stores.workspace(workspace).tables
        rows = tables.read(PREDICTIONS, version, _READ, where).sort_by("sequence")
        ids = contents["id"].combine_chunks()
        by_media = ids.take(pc.index_in(rows["media_digest"], contents["media_digest"].combine_chunks()))
        named = pc.is_in(rows["sample"], ids)
        known = rows.append_column("id", pc.if_else(named, rows["sample"], by_media))
        known = known.filter(pc.is_valid(known["id"]))
        found = known["id"].to_pylist()
        held.label.update(zip(found, known["label"].to_pylist(), strict=True))
        held.score.update(zip(found, known["score"].to_pylist(), strict=True))
