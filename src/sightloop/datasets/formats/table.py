"""CSV: `labels.csv` with file, sha256, split, label and one column a metadata key, beside `media/`.

Kept: the class of the image, and the metadata.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final

from sightloop.datasets.formats.rows import Content, ExportItem, Items, LabelRow, Losses, unpack, unreadable
from sightloop.domain import LabelSchema
from sightloop.errors import InvalidInput

TITLE: Final = "CSV"
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
    ((file, text),) = unpacked.texts.items()
    rows, line = [], 0
    try:
        lines = csv.DictReader(io.StringIO(text.decode("utf-8-sig")), strict=True)
        line = 1
        columns = lines.fieldnames or ()
        if "label" not in columns or not set(_NAMES) & set(columns):
            raise InvalidInput(
                "The CSV file lacks columns.", hint=f"It needs label and one of {', '.join(_NAMES)}; separate by comma."
            )
        for row in lines:
            line = lines.line_num
            rows.append(
                LabelRow(
                    _plain(row["label"] or ""),
                    sample=row.get("sample") or "",
                    digest=row.get("sha256") or "",
                    name=row.get("file") or row.get("name") or "",
                    split=row.get("split") or "",
                )
            )
    except (csv.Error, UnicodeDecodeError) as error:
        hint = "Save it as UTF-8 with commas, fields of 131,072 characters at most."
        raise unreadable("CSV", file, hint, error, line and line + 1) from error
    return rows


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """labels.csv. Text that a spreadsheet would run as a formula is preceded by an apostrophe."""
    losses.update(f"a {one.geometry_type}: a table holds classes of images" for item in items for one in item.objects)
    keys = sorted({key for item in items for key in item.metadata} - set(COLUMNS))
    yield "labels.csv", _lines(items, keys)


def _lines(items: Items, keys: Sequence[str]) -> Iterator[bytes]:
    yield _line([*COLUMNS, *keys])
    for item in items:
        facets = [item.metadata.get(key, "") for key in keys]
        yield _line([item.file, item.digest, item.split, item.label, *facets])


def _line(values: Sequence[object]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([_inert(value) for value in values])
    return buffer.getvalue().encode()


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"media/{item.file}"


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value


def _plain(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].lstrip(" ").startswith(_FORMULA) else text
