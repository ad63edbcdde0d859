"""Versions out, as the label formats of other tools."""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from types import ModuleType
from typing import IO, Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.formats import (
    coco,
    croissant,
    cvat,
    datumaro,
    folder,
    kitti,
    label_studio,
    mot,
    parquet,
    table,
    voc,
    yolo,
)
from sightloop.datasets.formats.rows import Content, ExportItem, FormatObject, Items, Loss, Losses, pack_into
from sightloop.datasets.kitti_folder import Told
from sightloop.datasets.schemas import Schemas
from sightloop.datasets.versions import Versions
from sightloop.domain import Caller, DatasetVersion, LabelSchema
from sightloop.plugins import choose, installed

FORMATS: Final[Mapping[str, ModuleType]] = {
    "coco": coco, "yolo": yolo, "voc": voc, "cvat": cvat, "label-studio": label_studio, "datumaro": datumaro,
    "kitti": kitti, "mot": mot, "folder": folder, "csv": table, "parquet": parquet, "croissant": croissant,
}  # fmt: skip
_GROUP: Final = "sightloop.formats"
_BATCH: Final = 1000
_ORDER: Final = ("split", "name", "media_digest", "address")


@dataclass(frozen=True, slots=True)
class LabelFormat:
    """A label format that versions are exported as and labels are imported from.

    Attributes:
        name: what a command or a request calls it; title: what people call it.
        about: what files it is; keeps: what of a version comes back.
    """

    name: str
    title: str
    about: str
    keeps: str


def formats() -> list[LabelFormat]:
    """The label formats there are, those of plugins at the end."""
    known = {**installed(_GROUP)[0], **FORMATS}
    return [_told(one, known[one]) for one in [*FORMATS, *sorted(set(known) - set(FORMATS))]]


def _told(name: str, module: Any) -> LabelFormat:
    """What the module's docstring tells: its first line, and the sentence that begins with "Kept:"."""
    about, _, more = (module.__doc__ or "").strip().partition("\n")
    kept = " ".join(more.partition("Kept:")[2].split())
    return LabelFormat(name, str(getattr(module, "TITLE", name)), about, kept.rstrip("."))


def format_of(name: str) -> Any:
    """The module of the label format; raises NotFound with the known names."""
    return choose(_GROUP, FORMATS, name, "label format")


class Exports:
    """Writes versions as archives; of their objects a batch is held at a time."""

    def __init__(
        self, catalogue: Catalogue, schemas: Schemas, versions: Versions, told_on: Callable[[Caller, str], Told | None]
    ) -> None:
        self._catalogue = catalogue
        self._schemas = schemas
        self._versions = versions
        self._told_on = told_on

    def losses(self, caller: Caller, version: DatasetVersion, format: str) -> list[Loss]:
        """What an export in the format could not keep."""
        losses = Losses()
        chosen = format_of(format)
        for _, content in chosen.write(self._items(caller, version, chosen), self._schema_of(caller, version), losses):
            deque(() if isinstance(content, bytes) else content, maxlen=0)
        return losses.report()

    def export(
        self, caller: Caller, version: DatasetVersion, format: str, media: Callable[[str], bytes] | None
    ) -> IO[bytes]:
        """A zip archive in a temporary file, at its start.

        `media` gives the bytes of a sample, None leaves them out. Losses stand in losses.txt.
        """
        chosen = format_of(format)
        items = self._items(caller, version, chosen)
        losses = Losses()

        def files() -> Iterator[tuple[str, Content]]:
            yield from chosen.write(items, self._schema_of(caller, version), losses)
            if report := losses.report():
                told = (f"{one['count']} times: {one['what']}" for one in report)
                yield "losses.txt", "\n".join(told).encode()
            if media is not None:
                for item in items:
                    yield chosen.media_path(item), media(item.sample)

        archive: IO[bytes] = TemporaryFile()  # noqa: SIM115
        try:
            pack_into(archive, files())
        except BaseException:
            archive.close()
            raise
        archive.seek(0)
        return archive

    def _items(self, caller: Caller, version: DatasetVersion, chosen: Any) -> Items:
        view = self._catalogue.view(caller)
        entries = self._versions.table(caller, version, None)
        if "objects" not in entries.column_names:  # of a version from before there were objects
            entries = entries.append_column("objects", pa.array([""] * len(entries)))
        rows = view.row_numbers(entries["sample"].to_pylist())
        for field in ("name", "width", "height"):
            entries = entries.append_column(field, pa.array(view.column(field)[rows]))
        entries = entries.take(pc.sort_indices(entries, [(one, "ascending") for one in _ORDER])).combine_chunks()

        counts = pc.value_counts(entries["split"]).to_pylist()
        splits = sorted((one["values"], one["counts"]) for one in counts)
        ends = itertools.accumulate(count for _, count in splits)
        part = {split: entries.slice(end - count, count) for (split, count), end in zip(splits, ends, strict=True)}

        def make(split: str) -> Iterator[ExportItem]:
            for start in range(0, len(part[split]), _BATCH):
                for i, row in enumerate(part[split].slice(start, _BATCH).to_pylist(), start=start + 1):
                    item = _item(row, i)
                    yield self._on_images(caller, item, solid) if solid else item

        solid = _cuboids_of(entries) if getattr(chosen, "ON_IMAGES", False) else {}
        return Items(version, tuple(part), make)

    def _on_images(self, caller: Caller, item: ExportItem, solid: Mapping[str, str]) -> ExportItem:
        """An image with the cuboids of its group's sweep told on it; any other item as it is."""
        told = self._told_on(caller, item.sample)
        if told is None or told.sweep not in solid:
            return item
        cuboids = [one for one in orjson.loads(solid[told.sweep]) if one["geometry_type"] == "cuboid"]
        rest = list(item.objects)
        for one in cuboids:
            known = {**one["attributes"], **told.label(one["geometry"])}
            number = one["attributes"].get("instance")
            same = next((
                i for i, other in enumerate(rest)
                if number is not None and other.label == one["label"] and other.attributes.get("instance") == number
            ), None)  # fmt: skip
            box = told.box(one["geometry"], item.width, item.height)
            if same is not None:
                rest[same] = replace(rest[same], attributes={**rest[same].attributes, **known})
            elif box is not None:
                rest.append(FormatObject(one["label"], "box", box, known, one["id"], one["origin"]))
        return replace(item, objects=rest)

    def _schema_of(self, caller: Caller, version: DatasetVersion) -> LabelSchema:
        return self._schemas.schema(caller, self._schemas.dataset(caller, version.dataset).schema)


def _cuboids_of(entries: pa.Table) -> dict[str, str]:
    """The objects, as JSON, of the samples that have cuboids."""
    some = entries.filter(pc.match_substring(entries["objects"], '"cuboid"'))
    return dict(zip(some["sample"].to_pylist(), some["objects"].to_pylist(), strict=True))


def _item(row: Mapping[str, Any], number: int) -> ExportItem:
    objects = orjson.loads(row["objects"]) if row["objects"] else ()
    return ExportItem(
        name=row["name"],
        digest=row["media_digest"],
        split=row["split"],
        label=row["label"],
        width=row["width"],
        height=row["height"],
        metadata=json.loads(row["metadata"]),
        objects=[
            FormatObject(
                one["label"], one["geometry_type"], one["geometry"], one["attributes"], one["id"], one["origin"]
            )
            for one in objects
        ],
        number=number,
        sample=row["sample"],
        address=row["address"],
        origin=row["origin"],
    )
