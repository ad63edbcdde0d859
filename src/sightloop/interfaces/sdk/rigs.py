"""Calibrations of rigs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sightloop.interfaces.sdk.connection import Noun, part
from sightloop.interfaces.sdk.records import Record


class Calibrations(Noun):
    """Where the sensors of a rig stand to each other, and how its cameras draw."""

    def put(
        self,
        name: str,
        document: Mapping[str, Any] | None = None,
        *,
        kitti: str | Path | None = None,
        key: str | None = None,
    ) -> Record:
        """The calibration; other content under a known name makes its next version.

        Args:
            document: {"sensors": {"left": {"to_rig": 4 rows of 4, "fx", "fy", "cx", "cy", "distortion"}, ...}}.
            kitti: in its place, a file of calib/ as KITTI has them.
        """
        text = "" if kitti is None else Path(kitti).read_text()
        return self._connection.post(
            "/calibrations", {"name": name, "document": dict(document or {}), "kitti": text}, key=key
        )

    def list(self) -> Sequence[Record]:
        """All versions, by name and version."""
        return self._connection.items("/calibrations")

    def get(self, calibration: str) -> Record:
        """One by id; a name means its newest version."""
        return self._connection.get(f"/calibrations/{part(calibration)}")
