"""Label schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sightloop.interfaces.sdk.connection import Noun, part
from sightloop.interfaces.sdk.records import Record


class Schemas(Noun):
    """Label schemas."""

    def create(
        self,
        name: str,
        classes: Sequence[str],
        *,
        geometry_types: Sequence[str] = ("class",),
        colours: Mapping[str, str] | None = None,
        skeleton: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Mapping[str, Any]] | None = None,
        key: str | None = None,
    ) -> Record:
        """The label schema; anything but other colours under a known name makes its next version."""
        body = {
            "name": name,
            "classes": list(classes),
            "geometry_types": list(geometry_types),
            "colours": colours,
            "skeleton": skeleton,
            "attributes": attributes,
        }
        return self._connection.post("/schemas", body, key=key)

    def list(self) -> Sequence[Record]:
        """The newest version of every schema, by name."""
        return self._connection.items("/schemas")

    def get(self, name: str) -> Record:
        return self._connection.get(f"/schemas/{part(name)}")
