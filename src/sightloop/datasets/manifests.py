"""What a source says of its media: a manifest beside them, and defaults for all of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sightloop.datasets.rows import check_facets
from sightloop.domain import Sample
from sightloop.errors import InvalidInput

NAMES: Final = ("manifest.csv", "manifest.json")
GIVEN: Final = ("captured_at", "licence", "consent", "subject", "purpose", "group", "slot", "calibration")
MOST_BYTES: Final = 64 << 20

Metadata = Mapping[str, Mapping[str, Any]]


def check_metadata(metadata: Metadata) -> None:
    """Nothing; raises InvalidInput for a facet or a given field whose value is none."""
    check_facets({name: facets_of(values) for name, values in metadata.items()})
    for name, values in metadata.items():
        for field in GIVEN:
            value = values.get(field)
            if value is not None and not isinstance(value, str):
                raise InvalidInput(
                    f'The field "{field}" of "{name}" is no text.', hint="Write it in quotes.", field=field
                )
        if values.get("captured_at"):
            _moment(name, values["captured_at"])


def read_manifest(name: str, data: bytes) -> dict[str, dict[str, Any]]:
    """What a manifest says by file name: GIVEN fields and facets. Raises InvalidInput where it is none.

    CSV has a header with a column "name"; JSON is {"name": {...}} or [{"name": ..., ...}].
    """
    try:
        text = data.decode("utf-8-sig")
        if name.endswith(".csv"):
            rows: list[Any] = list(csv.DictReader(io.StringIO(text), strict=True))
        else:
            found = json.loads(text)
            rows = [{"name": key, **value} for key, value in found.items()] if isinstance(found, dict) else list(found)
    except (UnicodeDecodeError, csv.Error, ValueError, TypeError) as error:
        raise _wrong(name, "cannot be read") from error
    said: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not row["name"] or None in row:
            raise _wrong(name, f"says nothing in its entry {number} of which file it means")
        said[row["name"]] = {key: one for key, one in row.items() if key != "name" and one not in ("", None)}
    check_metadata(said)
    return said


def facets_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is no field of the sample itself."""
    return {name: value for name, value in values.items() if name not in GIVEN}


def fields_of(name: str, values: Mapping[str, Any], sample: Sample) -> dict[str, Any]:
    """The fields of a sample that were given; what its medium says of the time stands where nothing else is said."""
    given = {field: values.get(field) or getattr(sample, field) for field in GIVEN}
    if values.get("captured_at"):
        given["captured_at"] = _moment(name, values["captured_at"])
    return {**given, "metadata": {**sample.metadata, **facets_of(values)}}


def _moment(name: str, text: str) -> datetime:
    """The moment; one without a zone is taken as UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(
            f'The field "captured_at" of "{name}" is no moment.', hint='Write "2026-11-22T14:03:05+01:00" (ISO 8601).'
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _wrong(name: str, why: str) -> InvalidInput:
    return InvalidInput(
        f'The manifest "{name}" {why}.', hint='Write a CSV with a column "name", or JSON {"a.png": {"licence": ...}}.'
    )
