"""A plant small enough for a test: real solar cells, a reviewer who knows their labels, one folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.solar_cells import elpv


@dataclass(frozen=True)
class SmallPlant:
    """Images on disk with what the experts said of them, by file name."""

    images: Path
    labels: Mapping[str, str]
    types: Mapping[str, str]

    def metadata(self) -> dict[str, dict[str, Any]]:
        return {name: {"cell_type": kind} for name, kind in self.types.items()}

    def image(self, name: str) -> bytes:
        return (self.images / name).read_bytes()


def make_plant(folder: Path, *, mono: int, poly: int = 0, skip: int = 0) -> SmallPlant:
    """A folder of clear cells, half of them defective, from the ELPV package; `skip` leaves so many out."""
    images = folder / "images"
    images.mkdir(parents=True)
    chosen: list[elpv.Cell] = []
    clear = [cell for cell in elpv.read_cells() if cell.clear]
    for kind, count in (("mono", mono), ("poly", poly)):
        for label in elpv.CLASSES:
            of_kind = [cell for cell in clear if cell.cell_type == kind and cell.label == label]
            chosen += of_kind[skip // 2 : (skip + count) // 2]
    for cell in chosen:
        (images / cell.name).write_bytes((elpv.image_folder() / cell.name).read_bytes())
    return SmallPlant(images, {c.name: c.label for c in chosen}, {c.name: c.cell_type for c in chosen})
