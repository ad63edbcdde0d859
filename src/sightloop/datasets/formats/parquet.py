"""Parquet: `samples.parquet`, a row an entry, and `objects.parquet`, a row an object, beside `media/`.

Both are flat, and nothing is lost: `COLUMNS` says what each column holds, and stands in the files' own metadata too
(key "sightloop"). An object belongs to the sample of the same `file`. DuckDB, Polars and pandas read them as they are.
Kept: everything that a version says of its samples.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from tempfile import TemporaryFile
from typing import IO, Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from sightloop.datasets.formats.rows import (
    Content,
    Drawn,
    ExportItem,
    FormatObject,
    Items,
    LabelRow,
    Losses,
    by_file,
    pieces,
    unpack,
    unreadable,
)
from sightloop.domain import LabelSchema
from sightloop.errors import TooLarge
from sightloop.vision import bounds_of

TITLE: Final = "Parquet"
COLUMNS: Final[Mapping[str, Mapping[str, tuple[pa.DataType, str]]]] = {
    "samples": {
        "file": (pa.string(), "name of the medium in media/, unique in the version"),
        "sample": (pa.string(), "id of the sample in its workspace"),
        "name": (pa.string(), "name under which it was ingested"),
        "sha256": (pa.string(), "SHA-256 of the medium's bytes, hexadecimal"),
        "address": (pa.string(), "which part of the medium it is; empty for the whole"),
        "split": (pa.string(), "split of the version"),
        "label": (pa.string(), "class of the whole image; empty for none"),
        "origin": (pa.string(), "how the class came to be: drawn, accepted, corrected, auto_accepted or imported"),
        "width": (pa.int32(), "pixels"),
        "height": (pa.int32(), "pixels"),
        "metadata": (pa.string(), "facets, a JSON object"),
    },
    "objects": {
        "file": (pa.string(), "file of the sample"),
        "object": (pa.string(), "id of the object, unique on its sample"),
        "label": (pa.string(), "class"),
        "geometry_type": (pa.string(), "class, box, rotated_box, polygon, polyline, mask, keypoints or cuboid"),
        "x": (pa.float64(), "left of the bounds, pixels from the left edge of the image"),
        "y": (pa.float64(), "top of the bounds, pixels from the top edge"),
        "width": (pa.float64(), "of the bounds, pixels"),
        "height": (pa.float64(), "of the bounds, pixels"),
        "geometry": (pa.string(), "the whole geometry, a JSON object in pixels"),
        "attributes": (pa.string(), "a JSON object"),
        "origin": (pa.string(), "how the object came to be, as for samples"),
    },
}
_HINT: Final = (
    "It needs label and one of sample, sha256, file, name in samples.parquet; in objects.parquet file, label, "
    "and geometry_type with geometry, or x, y, width and height."
)
_NAMES: Final = ("sample", "sha256", "file", "name")
_BATCH: Final = 16_384
_MAX_ROWS: Final = 50_000_000
_MAX_GROUP: Final = 1 << 30


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """A row for each row of samples.parquet, or of the one bare file, with its objects."""
    unpacked = unpack(data, ".parquet")
    texts = {name.rpartition("/")[2]: text for name, text in unpacked.texts.items()}
    name = next((one for one in ("samples.parquet", "") if one in texts), "")
    try:
        samples = _table(texts[name], ("label", "split", *_NAMES))
        if "label" not in samples.column_names or not set(_NAMES) & set(samples.column_names):
            raise ValueError("no label, or no name")
        held = None
        if "objects.parquet" in texts:
            name = "objects.parquet"
            held = _Objects(_table(texts[name], tuple(COLUMNS["objects"])))
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise unreadable("Parquet", name, _HINT, error) from error
    digests = by_file(unpacked.digests)
    rows = []
    for batch in samples.to_batches(_BATCH):
        for one in batch.to_pylist():
            file = one.get("file") or ""
            objects = held.drawn(file, losses) if held is not None and file else None
            digest = one.get("sha256") or digests.get(file, "")
            sample = "" if digest else one.get("sample") or ""
            told = file or one.get("name") or ""
            rows.append(LabelRow(one.get("label") or "", sample, digest, told, one.get("split") or "", objects))
    return rows


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """Two tables; nothing is lost."""
    yield "samples.parquet", pieces(_written("samples", ([_sample(item)] for item in items)))
    yield "objects.parquet", pieces(_written("objects", (map(_row(item), item.objects) for item in items)))


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"media/{item.file}"


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(value), option=orjson.OPT_SORT_KEYS).decode()


def _sample(item: ExportItem) -> tuple[Any, ...]:
    return (item.file, item.sample, item.name, item.digest, item.address, item.split, item.label, item.origin,
            item.width, item.height, _json(item.metadata))  # fmt: skip


def _row(item: ExportItem) -> Any:
    def row(one: FormatObject) -> tuple[Any, ...]:
        bounds = bounds_of(one.geometry_type, one.geometry)
        said = _json(one.geometry), _json(one.attributes)
        return (item.file, one.id, one.label, one.geometry_type, *bounds, *said, one.origin)

    return row


def _written(table: str, rows: Iterator[Any]) -> IO[bytes]:
    """A temporary file with the table; a batch of rows at a time is held."""
    columns = COLUMNS[table]
    told = {"sightloop": json.dumps({name: what for name, (_, what) in columns.items()})}
    schema = pa.schema([(name, kind) for name, (kind, _) in columns.items()], metadata=told)
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115
    held: list[tuple[Any, ...]] = []
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:

        def flush() -> None:
            arrays = [
                pa.array(values, kind) for values, kind in zip(zip(*held, strict=True), schema.types, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            held.clear()

        for some in rows:
            held += some
            if len(held) >= _BATCH:
                flush()
        if held:
            flush()
    return file


def _table(data: bytes, wanted: Sequence[str]) -> pa.Table:
    """The columns that are wanted and there, texts as text; raises TooLarge, or what Arrow raises."""
    file = pq.ParquetFile(io.BytesIO(data), thrift_string_size_limit=1 << 24, thrift_container_size_limit=1 << 22)
    told = file.metadata
    sizes = [told.row_group(i).total_byte_size for i in range(told.num_row_groups)]
    if told.num_rows > _MAX_ROWS or any(not 0 <= size <= _MAX_GROUP for size in sizes):
        raise TooLarge("The Parquet file unpacks to more than is allowed.", hint="Split it, with smaller row groups.")
    table = file.read([name for name in wanted if name in file.schema_arrow.names], use_threads=False)
    for i, column in enumerate(table.schema):
        numeric = COLUMNS["objects"].get(column.name, (pa.string(),))[0] == pa.float64()
        table = table.set_column(i, column.name, table.column(i).cast(pa.float64() if numeric else pa.string()))
    table.validate(full=True)
    return table


class _Objects:
    """The rows of a table of objects, by file."""

    def __init__(self, table: pa.Table) -> None:
        if not {"file", "label"} <= set(table.column_names) or not (
            {"geometry_type", "geometry"} <= set(table.column_names)
            or {"x", "y", "width", "height"} <= set(table.column_names)
        ):
            raise ValueError("columns are missing")
        coded = table.column("file").combine_chunks().dictionary_encode()
        number = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        self._place = {name: i for i, name in enumerate(coded.dictionary.to_pylist())}
        self._table = table.take(pa.array(np.argsort(number, kind="stable")))
        self._bounds = np.searchsorted(np.sort(number), range(len(self._place) + 1))

    def drawn(self, file: str, losses: Losses) -> Drawn | None:
        place = self._place.get(file)
        if place is None:
            return None
        first, last = int(self._bounds[place]), int(self._bounds[place + 1])

        def draw(width: int, height: int) -> Iterator[FormatObject]:
            for one in self._table.slice(first, last - first).to_pylist():
                try:
                    yield _object(one)
                except (ValueError, TypeError, KeyError, RecursionError):
                    losses["an object that cannot be read is left out"] += 1

        return draw


def _object(one: Mapping[str, Any]) -> FormatObject:
    kind = one.get("geometry_type") or "box"
    told = one.get("geometry")
    geometry = json.loads(told) if told else {name: one[name] for name in ("x", "y", "width", "height")}
    attributes = json.loads(one.get("attributes") or "{}")
    if not isinstance(geometry, dict) or not isinstance(attributes, dict) or not one["label"]:
        raise ValueError("no object")
    return FormatObject(one["label"], kind, geometry, attributes)
