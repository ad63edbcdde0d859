"""Cameras, assets, persons and work orders over REST."""

from __future__ import annotations

from collections.abc import Sequence

from sightloop.interfaces.sdk.connection import Noun
from sightloop.interfaces.sdk.records import Record


class Entities(Noun):
    """What samples are of; `ws.lineage.show(id)` tells what stands on one."""

    def list(self, kind: str | None = None) -> Sequence[Record]:
        """The most frequent first, each with all its names."""
        return self._connection.items("/entities", kind=kind)

    def rules(self) -> Sequence[Record]:
        """Which field names entities of which kind."""
        return self._connection.items("/entity-rules")

    def set_rule(self, field: str, kind: str, *, key: str | None = None) -> Record:
        """The rules after a field was given a kind: camera, asset, person, work_order; "" takes it away."""
        return self._connection.post("/entity-rules", {"field": field, "kind": kind}, key=key)

    def merge(self, kind: str, name: str, into: str, *, key: str | None = None) -> Record:
        """The entity that both names mean from now on."""
        return self._connection.post("/entities/merges", {"kind": kind, "name": name, "into": into}, key=key)

    def split(self, kind: str, name: str, *, key: str | None = None) -> Record:
        """The entities of the kind after the merge of a name was taken back."""
        return self._connection.post("/entities/splits", {"kind": kind, "name": name}, key=key)
