"""Sensor series from CSV or Parquet: one time column, and what was measured, drawn as lines."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from sightloop.inference.modalities.opened import Opened, Scalar
from sightloop.inference.reasons import refuse

MAX_ROWS: Final = 50_000_000
WIDTH, HEIGHT, SHOWN = 512, 384, 6
TIME_NAMES: Final = frozenset({"time", "timestamp", "ts", "date", "datetime", "t", "time_s", "zeit"})
UNIT: Final = re.compile(r"\s*[\[(]([^\])]{1,20})[\])]\s*$")
INK, GRID = 235, 70


def open_parquet(data: bytes, _suffix: str) -> Opened:
    """A Parquet file of one asset."""
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(BytesIO(data))
    if file.metadata.num_rows > MAX_ROWS:
        raise refuse("too_large", f"It claims {file.metadata.num_rows} rows.")
    return _opened("PARQUET", file.read(use_threads=False))


def open_csv(data: bytes, suffix: str) -> Opened:
    """A CSV or TSV file with a header line."""
    import pyarrow.csv as csv

    table = csv.read_csv(
        BytesIO(data),
        read_options=csv.ReadOptions(use_threads=False),
        parse_options=csv.ParseOptions(delimiter="\t" if suffix == ".tsv" else ","),
    )
    return _opened("CSV", table)


def _opened(format: str, table: Any) -> Opened:
    import pyarrow as pa

    names = list(table.column_names)
    times = [name for name in names if pa.types.is_temporal(table.schema.field(name).type)]
    times += [name for name in names if UNIT.sub("", name).strip().lower() in TIME_NAMES and name not in times]
    measured = [
        name for name in names
        if name not in times
        and (pa.types.is_floating(kind := table.schema.field(name).type) or pa.types.is_integer(kind))
    ]  # fmt: skip
    if not times or not measured or not table.num_rows:
        raise refuse("not_a_series")
    columns = [np.asarray(table[name].cast(pa.float64()).to_numpy(), np.float64) for name in measured]
    begin, end, seconds = _span(table[times[0]])
    facts: dict[str, Scalar] = {
        "rows": table.num_rows,
        "measured": ", ".join(UNIT.sub("", name).strip() for name in measured)[:500],
        "units": ", ".join(found[1] if (found := UNIT.search(name)) else "" for name in measured)[:500],
        **({"duration_s": round(seconds, 6)} if seconds is not None else {}),
        **({"ends_at": end} if end else {}),
    }
    return Opened(format, _drawn(columns[:SHOWN]), "series", len(measured), 64, begin or None, facts)


def _span(column: Any) -> tuple[str, str, float | None]:
    """First and last moment as ISO 8601, empty where the column holds plain numbers, and the seconds between them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = pc.min_max(column).as_py()
    first, last = ends["min"], ends["max"]
    if pa.types.is_timestamp(column.type):
        return first.isoformat(), last.isoformat(), (last - first).total_seconds()
    return ("", "", float(last - first)) if isinstance(first, int | float) else ("", "", None)


def _drawn(columns: list[Any]) -> Image.Image:
    """One strip a column, each from its lowest to its highest value; many rows of one pixel become its extremes."""
    image = Image.new("L", (WIDTH, HEIGHT), 16)
    pen = ImageDraw.Draw(image)
    strip = HEIGHT / len(columns)
    for number, column in enumerate(columns):
        top = number * strip
        pen.line([(0, top), (WIDTH, top)], fill=GRID)
        known = np.isfinite(column)
        if not known.any():
            continue
        low, high = column[known].min(), column[known].max()
        level = (column - low) / (high - low) if high > low else np.full(len(column), 0.5)
        y = top + 4 + (1 - level) * (strip - 8)
        parts = np.array_split(y, min(WIDTH, len(y)))
        step = WIDTH / len(parts)
        line: list[tuple[float, float]] = []
        for place, part in enumerate(parts):
            inside = part[np.isfinite(part)]
            if inside.size:
                x = (place + 0.5) * step
                line += [(x, float(inside.min())), (x, float(inside.max()))]
        pen.line(line, fill=INK)
    return image
