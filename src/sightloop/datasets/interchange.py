"""Labels in from other tools, versions out to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, Final, cast

from sightloop.datasets.annotations import Annotations, NewAnnotation
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.entries import objects_of
from sightloop.datasets.formats import coco, folder, label_studio, table, voc, yolo
from sightloop.datasets.formats.rows import ExportItem, FormatObject, LabelRow, Loss, Losses, pack
from sightloop.datasets.merkle import canonical
from sightloop.datasets.schemas import Schemas, check_attributes
from sightloop.datasets.versions import Versions
from sightloop.domain import Annotation, Basis, Caller, DatasetVersion, LabelSchema, derived_id
from sightloop.errors import InvalidInput
from sightloop.events import Events
from sightloop.plugins import choose
from sightloop.vision import check_geometry

FORMATS: Final[Mapping[str, ModuleType]] = {
    "folder": folder, "csv": table, "coco": coco, "yolo": yolo, "voc": voc, "label-studio": label_studio,
}  # fmt: skip
_COLUMNS: Final = {"label", "sample", "digest", "name", "split", "objects"}
_OBJECTS: Final = 'Write "objects": [{"label", "geometry_type", "geometry"}], all else as text.'


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        written, unchanged: classes of images and objects.
        unknown: files without a sample; splits: as stated, by sample.
        losses: what could not be taken: {"what", "count"} of each.
    """

    written: int
    unchanged: int
    unknown: tuple[str, ...]
    splits: Mapping[str, str]
    losses: tuple[Loss, ...] = ()


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
        losses = Losses()
        rows = self._read(caller, labels, format, losses)
        to_schema = self._schemas.schema(caller, schema)
        find = self._catalogue.finder(caller)
        placed = [(find(row.sample, row.digest, row.name), row) for row in rows]
        known = {sample: row for sample, row in placed if sample}
        unknown = tuple(row.name or row.digest or row.sample for sample, row in placed if not sample)
        standing = self._annotations.objects(caller, to_schema.id, list(known))
        view = self._catalogue.view(caller)
        news, unchanged = [], 0
        for sample, row in sorted(known.items()):
            number = view.row_numbers([sample])[0]
            size = int(view.column("width")[number]), int(view.column("height")[number])
            there = {_content(one) for one in standing.get(sample, ()) if one.label}
            for item in _items(caller, sample, to_schema, row, size, losses):
                if _content(item) in there:
                    unchanged += 1
                else:
                    news.append(item)
        if news:
            with self._events.change(caller, "labels.import", to_schema.id) as change:
                self._annotations.write(change, caller, news)
                change.emit("sightloop.labels.imported", {"schema": to_schema.id, "written": len(news)})
        splits = {sample: row.split for sample, row in sorted(known.items()) if row.split}
        return ImportReport(len(news), unchanged, unknown, splits, tuple(losses.report()))

    def losses(self, caller: Caller, version: DatasetVersion, format: str) -> list[Loss]:
        """What an export in the format could not keep."""
        losses = Losses()
        for _ in _format(format).write(self._items(caller, version), self._schema_of(caller, version), losses):
            pass
        return losses.report()

    def export(
        self, caller: Caller, version: DatasetVersion, format: str, media: Callable[[str], bytes] | None
    ) -> bytes:
        """A zip archive; `media` gives the bytes of a sample, None leaves them out. Losses stand in losses.txt."""
        chosen = _format(format)
        items = self._items(caller, version)
        samples = [row["sample"] for row in self._versions.rows(caller, version)]
        losses = Losses()

        def files() -> Iterator[tuple[str, bytes]]:
            yield from chosen.write(items, self._schema_of(caller, version), losses)
            if report := losses.report():
                told = (f"{one['count']} times: {one['what']}" for one in report)
                yield "losses.txt", "\n".join(told).encode()
            if media is not None:
                for sample, item in zip(samples, items, strict=True):
                    yield chosen.media_path(item), media(sample)

        return pack(files())

    def _items(self, caller: Caller, version: DatasetVersion) -> list[ExportItem]:
        rows = self._versions.rows(caller, version)
        view = self._catalogue.view(caller)
        samples = view.samples(view.row_numbers(row["sample"] for row in rows))
        return [
            ExportItem(
                name=sample.name,
                digest=row["media_digest"],
                split=row["split"],
                label=row["label"],
                width=sample.width,
                height=sample.height,
                metadata=json.loads(row["metadata"]),
                objects=[
                    FormatObject(one["label"], one["geometry_type"], one["geometry"], one["attributes"])
                    for one in objects_of(row)
                ],
            )
            for row, sample in zip(rows, samples, strict=True)
        ]

    def _schema_of(self, caller: Caller, version: DatasetVersion) -> LabelSchema:
        return self._schemas.schema(caller, self._schemas.dataset(caller, version.dataset).schema)

    def _read(
        self, caller: Caller, labels: bytes | Sequence[Mapping[str, Any]] | None, format: str, losses: Losses
    ) -> Sequence[LabelRow]:
        if labels is None:
            if format != "folder":
                raise InvalidInput("There are no labels to import.", hint='Give a file, or the format "folder".')
            view = self._catalogue.view(caller)
            found = (folder.row_of(str(name), str(digest)) for name, digest in zip(
                view.column("name"), view.column("media_digest"), strict=True))  # fmt: skip
            return [row for row in found if row is not None]
        if isinstance(labels, bytes):
            rows: list[LabelRow] = _format(format).read(labels, losses)
            return rows
        return [_row(one) for one in labels]


def _items(
    caller: Caller, sample: str, schema: LabelSchema, row: LabelRow, size: tuple[int, int], losses: Losses
) -> Iterator[NewAnnotation]:
    """What the row says of the sample, as far as it fits the schema and the image; each object once."""
    said = partial(NewAnnotation, sample=sample, schema=schema.id, basis=Basis.IMPORTED, author=caller.actor)
    if row.label:
        yield said(label=row.label)
    seen = set()
    for one in row.objects(*size) if row.objects else ():
        if one.geometry_type not in schema.geometry_types:
            losses[f'a {one.geometry_type} is left out: the schema "{schema.name}" holds none'] += 1
            continue
        try:
            geometry = _rounded(
                check_geometry(one.geometry_type, one.geometry, *size, len(schema.skeleton.get("points", ())))
            )
        except InvalidInput as error:
            losses[error.message] += 1
            continue
        attributes = {}
        for name, value in one.attributes.items():
            try:
                check_attributes(schema, {name: value})
            except InvalidInput as error:
                losses[error.message] += 1
            else:
                attributes[name] = value
        content = canonical([one.label, one.geometry_type, geometry])
        if content not in seen:
            seen.add(content)
            yield said(
                label=one.label, geometry_type=one.geometry_type, geometry=geometry, attributes=attributes,
                object=derived_id("obj", caller.workspace, sample, schema.id, content),
            )  # fmt: skip


def _rounded(value: Any) -> Any:
    """The geometry to a millionth of a pixel: shares of the image lose more than that in a text."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def _content(one: Annotation | NewAnnotation) -> tuple[str, ...]:
    """What is said, whatever the object is called."""
    told = canonical([_rounded(dict(one.geometry)), dict(one.attributes)])
    return ("object" if one.object else "", one.label, one.geometry_type, told)


def _format(name: str) -> Any:
    return choose("sightloop.formats", FORMATS, name, "label format")


def _row(values: Mapping[str, Any]) -> LabelRow:
    unknown = sorted(set(values) - _COLUMNS)
    if unknown or not isinstance(values.get("label", "" if "objects" in values else None), str):
        raise InvalidInput(
            f'A label row has the unknown field "{unknown[0]}".' if unknown else "A label row has no label.",
            hint='Write {"name": "a.png", "label": "ok"}; instead of name: sample or digest.',
        )
    given = {name: values[name] for name in _COLUMNS - {"objects"} if name in values}
    objects = values.get("objects") or []
    if not isinstance(objects, list) or not all(isinstance(one, Mapping) for one in objects):
        raise InvalidInput("The objects of a label row are no list.", hint=_OBJECTS)
    if not all(isinstance(value, str) for value in given.values()):
        raise InvalidInput("A field of a label row is no text.", hint=_OBJECTS)
    return LabelRow(**{"label": "", **given}, objects=lambda width, height: map(_object, objects))


def _object(values: Mapping[str, Any]) -> FormatObject:
    label, kind = values.get("label"), values.get("geometry_type")
    geometry, attributes = values.get("geometry"), values.get("attributes") or {}
    good = isinstance(label, str) and isinstance(kind, str) and isinstance(geometry, Mapping)
    if not good or not isinstance(attributes, Mapping):
        raise InvalidInput("An object of a label row cannot be read.", hint=_OBJECTS)
    return FormatObject(str(label), str(kind), cast(Mapping[str, Any], geometry), attributes)
