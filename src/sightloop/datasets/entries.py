"""What a dataset version holds of a sample: how its truth is copied, hashed and compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sightloop.datasets import merkle
from sightloop.domain import Annotation, VersionEntry

Row = dict[str, Any]
_SAID: Final = ("label", "geometry_type", "geometry", "attributes", "origin")


@dataclass(frozen=True, slots=True)
class ObjectDiff:
    """Ids of objects on one sample by what happened to them between two versions."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def entry_of(row: Row) -> VersionEntry:
    """The entry that a stored row holds."""
    return VersionEntry(
        sample=row["sample"],
        media_digest=row["media_digest"],
        split=row["split"],
        annotation=row["annotation"],
        revision=row["revision"],
        label=row["label"],
        origin=row["origin"],
        receipt=row["receipt"],
        metadata=json.loads(row["metadata"]),
        objects=tuple(objects_of(row)),
    )


def objects_of(row: Row) -> list[dict[str, Any]]:
    """The objects that a stored row holds, by id."""
    held = row.get("objects")
    found: list[dict[str, Any]] = json.loads(held) if held else []
    return found


def object_diff(old: Row, new: Row) -> ObjectDiff:
    a = {one["id"]: one for one in objects_of(old)}
    b = {one["id"]: one for one in objects_of(new)}
    return ObjectDiff(
        added=tuple(one for one in b if one not in a),
        removed=tuple(one for one in a if one not in b),
        changed=tuple(one for one in b if one in a and said_of([a[one]]) != said_of([b[one]])),
    )


def said_of(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is said of the objects, without their ids and revisions, in an order of its own."""
    return sorted(merkle.canonical([one[name] for name in _SAID]) for one in objects)


def truth_of(heads: Sequence[Annotation]) -> Row:
    """What the newest revisions of a sample say: of the whole image, and of its objects."""
    objects = [
        {
            "id": one.object, "revision": one.revision, "label": one.label, "geometry_type": one.geometry_type,
            "geometry": dict(one.geometry), "attributes": dict(one.attributes), "origin": str(one.basis),
            "annotation": one.id,
        }
        for one in sorted(heads, key=lambda one: one.object) if one.object and one.label
    ]  # fmt: skip
    whole = next((one for one in heads if not one.object and one.label), None)
    return {**_class_of(whole), "objects": merkle.canonical(objects) if objects else ""}


def _class_of(head: Annotation | None) -> Row:
    if head is None:
        return {"annotation": "", "revision": 0, "label": "", "origin": "", "receipt": "", "truth": ""}
    plain = head.geometry_type == "class" and not head.geometry and not head.attributes
    truth = {"type": head.geometry_type, "geometry": dict(head.geometry), "attributes": dict(head.attributes)}
    return {
        "annotation": head.id,
        "revision": head.revision,
        "label": head.label,
        "origin": str(head.basis),
        "receipt": head.receipt,
        "truth": "" if plain else merkle.canonical(truth),
    }


def leaf_of(row: Row) -> str:
    """The leaf of an entry; one without objects has the leaf that it had before there were any."""
    said = said_of(objects_of(row))
    truth = merkle.canonical([row["truth"], said]) if said else row["truth"]
    return merkle.leaf_of(
        row["media_digest"],
        row["address"],
        row["split"],
        row["label"],
        row["origin"],
        truth,
        json.loads(row["metadata"]),
    )
