"""Labels in from other tools, versions out to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any, Final

from sightloop.datasets.annotations import Annotations, NewAnnotation
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.formats import coco, folder, table
from sightloop.datasets.formats.rows import ExportItem, LabelRow, pack
from sightloop.datasets.schemas import Schemas
from sightloop.datasets.versions import Versions
from sightloop.domain import Basis, Caller, DatasetVersion
from sightloop.errors import InvalidInput
from sightloop.events import Events
from sightloop.plugins import choose

FORMATS: Final[Mapping[str, ModuleType]] = {"folder": folder, "csv": table, "coco": coco}
_COLUMNS: Final = {"label", "sample", "digest", "name", "split", "geometry_type", "geometry"}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: labels written, labels left as they were, files without a sample, stated split by sample."""

    written: int
    unchanged: int
    unknown: tuple[str, ...]
    splits: Mapping[str, str]


class Interchange:
    """Reads and writes label formats against the workspace's samples."""

    def __init__(
        self, events: Events, catalogue: Catalogue, schemas: Schemas, annotations: Annotations, versions: Versions
    ) -> None:
        self._events = events
        self._catalogue = catalogue
        self._schemas = schemas
        self._annotations = annotations
        self._versions = versions

    def import_labels(
        self, caller: Caller, schema: str, labels: bytes | Sequence[Mapping[str, Any]] | None, format: str
    ) -> ImportReport:
        rows = self._read(caller, labels, format)
        to_schema = self._schemas.schema(caller, schema)
        find = self._finder(caller)
        placed = [(find(row), row) for row in rows]
        known = {sample: row for sample, row in placed if sample}
        unknown = tuple(row.name or row.digest or row.sample for sample, row in placed if not sample)
        heads = self._annotations.heads(caller, to_schema.id, list(known))
        items = [
            NewAnnotation(
                sample=sample,
                schema=to_schema.id,
                label=row.label,
                basis=Basis.IMPORTED,
                author=caller.actor,
                geometry_type=row.geometry_type,
                geometry=row.geometry,
            )
            for sample, row in sorted(known.items())
            if row.label
        ]
        news = [
            item
            for item in items
            if item.sample not in heads
            or heads[item.sample].label != item.label
            or dict(heads[item.sample].geometry) != dict(item.geometry)
        ]
        if news:
            with self._events.change(caller, "labels.import", to_schema.id) as change:
                self._annotations.write(change, caller, news)
                change.emit("sightloop.labels.imported", {"schema": to_schema.id, "written": len(news)})
        splits = {sample: row.split for sample, row in sorted(known.items()) if row.split}
        return ImportReport(len(news), len(items) - len(news), unknown, splits)

    def export(
        self, caller: Caller, version: DatasetVersion, format: str, media: Callable[[str], bytes] | None
    ) -> bytes:
        """A zip archive; `media` gives the bytes of a sample, None leaves them out."""
        chosen = _format(format)
        rows = self._versions.rows(caller, version)
        view = self._catalogue.view(caller)
        samples = view.samples(view.row_numbers(row["sample"] for row in rows))
        items = []
        for row, sample in zip(rows, samples, strict=True):
            truth = json.loads(row["truth"]) if row["truth"] else {}
            items.append(
                ExportItem(
                    name=sample.name,
                    digest=row["media_digest"],
                    split=row["split"],
                    label=row["label"],
                    width=sample.width,
                    height=sample.height,
                    metadata=json.loads(row["metadata"]),
                    geometry_type=truth.get("type", "class"),
                    geometry=truth.get("geometry", {}),
                )
            )
        classes = self._schemas.schema(caller, self._schemas.dataset(caller, version.dataset).schema).classes

        def files() -> Iterator[tuple[str, bytes]]:
            yield from chosen.write(items, classes)
            if media is not None:
                for sample, item in zip(samples, items, strict=True):
                    yield chosen.media_path(item), media(sample.id)

        return pack(files())

    def _read(
        self, caller: Caller, labels: bytes | Sequence[Mapping[str, Any]] | None, format: str
    ) -> Sequence[LabelRow]:
        if labels is None:
            if format != "folder":
                raise InvalidInput("There are no labels to import.", hint='Give a file, or the format "folder".')
            view = self._catalogue.view(caller)
            found = (folder.row_of(str(name), str(digest)) for name, digest in zip(
                view.column("name"), view.column("media_digest"), strict=True))  # fmt: skip
            return [row for row in found if row is not None]
        if isinstance(labels, bytes):
            rows: list[LabelRow] = _format(format).read(labels)
            return rows
        return [_row(one) for one in labels]

    def _finder(self, caller: Caller) -> Callable[[LabelRow], str]:
        """A function from a row to its sample, empty where there is none or where the name fits several."""
        view = self._catalogue.view(caller)
        by_digest = dict(zip(view.column("media_digest"), view.ids, strict=True))
        by_name: dict[str, str] = {}
        for name, sample in zip(view.column("name"), view.ids, strict=True):
            for one in {name, PurePosixPath(name).name}:
                by_name[one] = "" if one in by_name else str(sample)

        def find(row: LabelRow) -> str:
            if row.sample:
                return row.sample if row.sample in view else ""
            if row.digest:
                return str(by_digest.get(row.digest, ""))
            return by_name.get(row.name, "")

        return find


def _format(name: str) -> Any:
    return choose("sightloop.formats", FORMATS, name, "label format")


def _row(values: Mapping[str, Any]) -> LabelRow:
    unknown = sorted(set(values) - _COLUMNS)
    if unknown or not isinstance(values.get("label"), str):
        raise InvalidInput(
            f'A label row has the unknown field "{unknown[0]}".' if unknown else "A label row has no label.",
            hint='Write {"name": "a.png", "label": "ok"}; instead of name: sample or digest.',
        )
    return LabelRow(**values)
