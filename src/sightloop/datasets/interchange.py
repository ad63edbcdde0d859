"""Labels in from other tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from sightloop.datasets.annotations import Annotations, NewAnnotation
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.exports import format_of
from sightloop.datasets.formats import folder
from sightloop.datasets.formats.rows import FormatObject, LabelRow, Loss, Losses
from sightloop.datasets.merkle import canonical
from sightloop.datasets.schemas import Schemas, check_attributes, read_attribute
from sightloop.domain import Annotation, Basis, Caller, LabelSchema, derived_id
from sightloop.errors import InvalidInput
from sightloop.events import Events
from sightloop.vision import check_geometry

_SAMPLES: Final = 500  # of which the standing truth is held at a time
_WRITTEN: Final = 10_000  # objects in one unit of work: others wait no longer than it takes
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

    def __init__(self, events: Events, catalogue: Catalogue, schemas: Schemas, annotations: Annotations) -> None:
        self._events = events
        self._catalogue = catalogue
        self._schemas = schemas
        self._annotations = annotations

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
        view = self._catalogue.view(caller)
        samples = sorted(known)
        numbers = view.row_numbers(samples)
        widths, heights = view.column("width")[numbers].tolist(), view.column("height")[numbers].tolist()
        sizes = dict(zip(samples, zip(widths, heights, strict=True), strict=True))
        _check_classes(to_schema, known, sizes, losses)
        written = unchanged = 0
        news: list[NewAnnotation] = []
        for start in range(0, len(samples), _SAMPLES):
            some = samples[start : start + _SAMPLES]
            standing = self._annotations.objects(caller, to_schema.id, some)
            for sample in some:
                there = {_content(one) for one in standing.get(sample, ()) if one.label}
                for item in _items(caller, sample, to_schema, known[sample], sizes[sample], losses):
                    if there and _content(item) in there:
                        unchanged += 1
                    else:
                        news.append(item)
                if len(news) >= _WRITTEN:
                    written += self._write(caller, to_schema, news)
                    news = []
        written += self._write(caller, to_schema, news)
        splits = {sample: known[sample].split for sample in samples if known[sample].split}
        return ImportReport(written, unchanged, unknown, splits, tuple(losses.report()))

    def _write(self, caller: Caller, schema: LabelSchema, news: Sequence[NewAnnotation]) -> int:
        if news:
            with self._events.change(caller, "labels.import", schema.id) as change:
                self._annotations.write(change, caller, news, checked=True)
                told = {"schema": schema.id, "written": len(news), "first": news[0].sample}
                change.emit("sightloop.labels.imported", told)
        return len(news)

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
            rows: list[LabelRow] = format_of(format).read(labels, losses)
            return rows
        return [_row(one) for one in labels]


def _check_classes(
    schema: LabelSchema, known: Mapping[str, LabelRow], sizes: Mapping[str, tuple[int, int]], losses: Losses
) -> None:
    """Nothing; raises InvalidInput for a class that the schema has not, before anything is written."""
    before = Losses(losses)
    for sample, row in known.items():
        named = {one.label for one in row.objects(*sizes[sample])} if row.objects else set()
        for label in sorted({row.label, *named} - {"", *schema.classes}):
            raise InvalidInput(
                f'"{label[:100]}" is no class of the schema "{schema.name}".',
                hint=f"Classes: {', '.join(schema.classes[:10])}.",
            )
    losses.clear()
    losses.update(before)


def _items(
    caller: Caller, sample: str, schema: LabelSchema, row: LabelRow, size: tuple[int, int], losses: Losses
) -> Iterator[NewAnnotation]:
    """What the row says of the sample, as far as it fits the schema and the image; each object once."""
    said = partial(NewAnnotation, sample=sample, schema=schema.id, basis=Basis.IMPORTED, author=caller.actor)
    if row.label and "class" in schema.geometry_types:
        yield said(label=row.label)
    elif row.label:
        losses[f'a class of an image is left out: the schema "{schema.name}" holds none'] += 1
    seen = set()
    for one in row.objects(*size) if row.objects else ():
        if not one.label:
            losses["an object without a class is left out"] += 1
            continue
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
        if 0.0 in (geometry.get("width"), geometry.get("height")):
            losses["an object that is smaller than a millionth of a pixel is left out"] += 1
            continue
        attributes = {}
        for name, told in one.attributes.items():
            value = read_attribute(schema, name, told)
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
        return {key: round(one, 6) if isinstance(one, float) else _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def _content(one: Annotation | NewAnnotation) -> tuple[str, ...]:
    """What is said, whatever the object is called."""
    told = canonical([_rounded(dict(one.geometry)), dict(one.attributes)])
    return ("object" if one.object else "", one.label, one.geometry_type, told)


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
