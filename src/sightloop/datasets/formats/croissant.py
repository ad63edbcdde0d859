"""Croissant: `croissant.json`, JSON-LD after version 1.1 of the specification, over the tables of `parquet` beside it.

The card says what the dataset is; its distribution is the two tables and the media, its record sets are the tables'
columns, objects referring to samples by `file`. Kept: everything, as the tables keep it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pyarrow as pa

from sightloop.datasets.formats import parquet
from sightloop.datasets.formats.rows import Content, ExportItem, Items, LabelRow, Losses, unpack, unreadable
from sightloop.domain import LabelSchema

TITLE: Final = "Croissant"
_HINT: Final = "It needs a croissant.json whose record sets name samples.parquet, and the tables, in one archive."
_KINDS: Final = {pa.string(): "sc:Text", pa.int32(): "sc:Integer", pa.float64(): "sc:Float"}
_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract", "field": "cr:field", "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet", "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath", "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/", "recordSet": "cr:recordSet", "references": "cr:references",
    "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace", "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """The rows of the tables that croissant.json names."""
    unpacked = unpack(data, ".json", ".parquet")
    name = next((one for one in unpacked.texts if one.rpartition("/")[2] == "croissant.json"), "")
    try:
        card = json.loads(unpacked.texts[name].decode("utf-8-sig"))
        if "samples.parquet" not in [one.get("contentUrl") for one in card["distribution"]]:
            raise ValueError("no table of samples")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise unreadable("Croissant", name, _HINT, error) from error
    return parquet.read(data, losses)


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """The tables, then the card, which names their digests."""
    digests = {}
    for name, content in parquet.write(items, schema, losses):
        digests[name] = hashlib.sha256()
        yield name, _hashed(content, digests[name])
    yield (
        "croissant.json",
        json.dumps(_card(items, {one: it.hexdigest() for one, it in digests.items()}), indent=2).encode(),
    )


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return parquet.media_path(item)


def _hashed(content: Content, digest: Any) -> Iterable[bytes]:
    for piece in (content,) if isinstance(content, bytes) else content:
        digest.update(piece)
        yield piece


def _card(items: Items, digests: dict[str, str]) -> dict[str, Any]:
    version = items.version
    tables: list[dict[str, Any]] = [
        {
            "@type": "cr:FileObject", "@id": name, "name": name, "contentUrl": name, "sha256": digest,
            "encodingFormat": "application/x-parquet",
        }
        for name, digest in digests.items()
    ]  # fmt: skip
    media = {
        "@type": "cr:FileSet", "@id": "media", "name": "media", "includes": "media/*",
        "encodingFormat": "application/octet-stream",
    }  # fmt: skip
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": version.dataset,
        "description": version.note or f"Version {version.number} of the dataset {version.dataset}.",
        "version": f"{version.number}.0.0",
        "identifier": version.hash,
        "datePublished": version.made_at.date().isoformat(),
        "distribution": [*tables, media],
        "recordSet": [_record_set(name) for name in parquet.COLUMNS],
    }


def _record_set(table: str) -> dict[str, Any]:
    fields = []
    for name, (kind, what) in parquet.COLUMNS[table].items():
        source = {"fileObject": {"@id": f"{table}.parquet"}, "extract": {"column": name}}
        one: dict[str, Any] = {
            "@type": "cr:Field", "@id": f"{table}/{name}", "name": name, "description": what,
            "dataType": _KINDS[kind], "source": source,
        }  # fmt: skip
        if (table, name) == ("objects", "file"):
            one["references"] = {"field": {"@id": "samples/file"}}
        fields.append(one)
    found: dict[str, Any] = {"@type": "cr:RecordSet", "@id": table, "name": table, "field": fields}
    return found | ({"key": {"@id": "samples/file"}} if table == "samples" else {})
