"""The ELPV data set as it comes in its package: 2,624 electroluminescence images with expert labels.

Data: CC-BY-NC-SA-4.0, Deitsch et al., Solar Energy 185 (2019). It is installed as an optional package, never shipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

CLASSES = ("ok", "defect")


@dataclass(frozen=True, slots=True)
class Cell:
    """One image: file name, cell type and the experts' defect probability (0, .33, .67 or 1)."""

    name: str
    cell_type: str
    probability: float

    @property
    def clear(self) -> bool:
        """Whether the experts were sure. The loop runs on the clear cells; all are ingested."""
        return self.probability in (0.0, 1.0)

    @property
    def label(self) -> str:
        return CLASSES[int(self.probability > 0.5)]


def image_folder() -> Path:
    """Where the installed package keeps its images."""
    spec = find_spec("elpv_dataset")
    if spec is None or spec.origin is None:
        raise SystemExit('The data set is not installed. Run: pip install "sightloop[demo]"')
    return Path(spec.origin).parent / "data" / "images"


def read_cells(limit: int | None = None) -> list[Cell]:
    """Every cell in the order of the package's table."""
    rows = (image_folder().parent / "labels.csv").read_text().split("\n")
    parts = [row.split() for row in rows if row.strip()]
    return [Cell(Path(path).name, kind, float(probability)) for path, probability, kind in parts[:limit]]


def metadata_of(cells: list[Cell]) -> Mapping[str, Mapping[str, object]]:
    """What ingest is told about each file: its cell type and whether the experts were sure. Never the label."""
    return {cell.name: {"cell_type": cell.cell_type, "clear": cell.clear} for cell in cells}
