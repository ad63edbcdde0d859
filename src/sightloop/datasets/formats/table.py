"""CSV: `labels.csv` with file, sha256, split, label and one column a metadata key, beside `media/`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final

from sightloop.datasets.formats.rows import ExportItem, LabelRow, Losses, unpack
from sightloop.domain import LabelSchema
from sightloop.errors import InvalidInput

COLUMNS: Final = ("file", "sha256", "split", "label")
_NAMES: Final = ("sample", "sha256", "file", "name")
# OWASP, "CSV Injection"; an apostrophe is on the list so that a label that begins with one comes back as it was.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'")


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """The rows of a CSV file, or of labels.csv in an archive. Needs `label` and one of sample, sha256, file, name."""
    unpacked = unpack(data, ".csv")
    if len(unpacked.texts) != 1:
        raise InvalidInput(
            f"The archive holds {len(unpacked.texts)} CSV files.", hint="Put one labels.csv beside the media."
        )
    try:
        lines = csv.DictReader(io.StringIO(next(iter(unpacked.texts.values())).decode("utf-8-sig")), strict=True)
        columns = lines.fieldnames or ()
        if "label" not in columns or not set(_NAMES) & set(columns):
            raise InvalidInput(
                "The CSV file lacks columns.", hint=f"It needs label and one of {', '.join(_NAMES)}; separate by comma."
            )
        rows = list(lines)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidInput("The CSV file cannot be read.", hint="Save it as UTF-8 with commas.") from error
    return [
        LabelRow(
            _plain(row["label"] or ""),
            sample=row.get("sample") or "",
            digest=row.get("sha256") or "",
            name=row.get("file") or row.get("name") or "",
            split=row.get("split") or "",
        )
        for row in rows
    ]


def write(items: Sequence[ExportItem], schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, bytes]]:
    """labels.csv. Text that a spreadsheet would run as a formula is preceded by an apostrophe."""
    losses.update(f"a {one.geometry_type}: a table holds classes of images" for item in items for one in item.objects)
    keys = sorted({key for item in items for key in item.metadata} - set(COLUMNS))
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\n")
    lines.writerow([*COLUMNS, *(_inert(key) for key in keys)])
    for item in items:
        facets = [item.metadata.get(key, "") for key in keys]
        lines.writerow([_inert(value) for value in (item.file, item.digest, item.split, item.label, *facets)])
    yield "labels.csv", buffer.getvalue().encode()


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"media/{item.file}"


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value


def _plain(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].lstrip(" ").startswith(_FORMULA) else text
