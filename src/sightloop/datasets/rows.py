"""Samples as rows of the table "samples", and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sightloop.datasets.merkle import canonical
from sightloop.domain import Address, Sample, SampleKind
from sightloop.errors import InvalidInput

_TYPES: Final = {
    "size_bytes": pa.int64(), "width": pa.int32(), "height": pa.int32(), "channels": pa.int32(),
    "bit_depth": pa.int32(), "brightness": pa.float64(), "contrast": pa.float64(), "blur": pa.float64(),
    "mean_colour": pa.int32(),
}  # fmt: skip
_TIMES: Final = ("captured_at", "ingested_at")
_MAPPINGS: Final = ("entities", "metadata", "reading")
SAMPLE_FIELDS: Final = tuple(field.name for field in fields(Sample))

SAMPLES: Final = pa.schema(
    [pa.field(name, _TYPES.get(name, pa.string()), nullable=name != "id") for name in SAMPLE_FIELDS]
    + [pa.field("run", pa.string()), pa.field("location", pa.string())]
)


def check_facets(facets: Mapping[str, Mapping[str, Any]]) -> None:
    """Nothing; raises InvalidInput for a facet that a filter could not tell from a field of the sample itself, or
    whose value is no JSON scalar.
    """
    for name, values in facets.items():
        for field, value in values.items():
            if field in SAMPLES.names:
                raise InvalidInput(
                    f'The metadata of "{name}" name a facet "{field}", which is a field of every sample.',
                    hint=f'Call it otherwise, for example "my_{field}".',
                    field=field,
                )
            if not isinstance(value, str | int | float | bool | None):
                raise InvalidInput(
                    f'The facet "{field}" of "{name}" is no single value.',
                    hint="Give a text, a number, true, false or null.",
                    field=field,
                )


def sample_row(sample: Sample, *, run: str, location: str) -> dict[str, Any]:
    """The row of a sample; `run` ingested it, `location` is the media's path where it was not copied, else empty."""
    row = {name: getattr(sample, name) for name in SAMPLE_FIELDS}
    row["kind"] = str(sample.kind)
    row["address"] = canonical(asdict(sample.address)) if sample.address.key() else ""
    for name in _MAPPINGS:
        row[name] = canonical(dict(row[name]))
    for name in _TIMES:
        row[name] = row[name].isoformat() if row[name] else ""
    return {**row, "run": run, "location": location}


def sample_of(row: Mapping[str, Any]) -> Sample:
    """The sample of a row."""
    values = {name: row[name] for name in SAMPLE_FIELDS if row.get(name) is not None}  # older tables lack the newest
    values["kind"] = SampleKind(row["kind"])
    values["address"] = address_of(row["address"])
    for name in _MAPPINGS:
        values[name] = json.loads(row.get(name) or "{}")
    for name in _TIMES:
        values[name] = datetime.fromisoformat(row[name]) if row[name] else None
    return Sample(**values)


def address_of(text: str) -> Address:
    """The address that a row holds as JSON; empty text is the whole medium."""
    if not text:
        return Address()
    values = json.loads(text)
    return Address(**{**values, "region": tuple(values["region"]) if values["region"] else None})


def samples_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as Arrow, in the schema of the table "samples"."""
    return pa.Table.from_pylist(list(rows), schema=SAMPLES)


def vectors_table(ids: Sequence[str], vectors: npt.NDArray[np.float16]) -> pa.Table:
    """Rows of an embeddings table: id, and the vector as float16."""
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel(), pa.float16()), vectors.shape[1])
    return pa.table({"id": pa.array(ids, pa.string()), "vector": column})
