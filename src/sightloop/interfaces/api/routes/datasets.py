"""Schemas, datasets, versions, imports and annotations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from anyio.to_thread import run_sync
from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from sightloop.datasets import Branch, Dataset, ImportReport, LabelFormat, Loss, VersionDiff
from sightloop.domain import Annotation, DatasetVersion, LabelSchema, Permission, VersionEntry
from sightloop.interfaces.api.parsing import AllOrLimit, Body, Cursor, Listed, Name, Seed, items_of, page_of
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("datasets")
_PIECE: Final = 1 << 20


class NewSchema(Body):
    name: Name
    classes: list[str]
    geometry_types: tuple[str, ...] = ("class",)
    colours: dict[str, str] | None = None
    skeleton: dict[str, Any] | None = None
    attributes: dict[str, dict[str, Any]] | None = None


class NewDataset(Body):
    name: Name
    label_schema: str = Field(alias="schema")


class Commit(Body):
    where: dict[str, Any] | None = None
    splits: dict[str, float] | None = None
    strata: tuple[str, ...] = ()
    add: dict[str, str] | None = None
    drop: tuple[str, ...] = ()
    seed: Seed = 0
    note: str = ""
    accept_leaks: str = ""
    branch: str = "main"


class NewBranch(Body):
    name: Name
    at: str = Field("", description='A version, such as "3"; the newest of main by default.')


class Rollback(Body):
    to: str
    branch: str = "main"


class Merge(Body):
    source: str
    into: str = "main"
    prefer: Literal["ours", "theirs"] | None = None


class Import(Body):
    label_schema: str = Field(alias="schema")
    rows: list[dict[str, Any]]


class Heads(Body):
    label_schema: str = Field(alias="schema")
    samples: list[str] | None = None
    limit: int | None = Field(None, ge=1, le=1000)
    cursor: str = ""


@routes.post("/schemas", permission=Permission.DATASET_WRITE)
def create_schema(ask: Ask, body: NewSchema) -> LabelSchema:
    """The label schema; anything but other colours under a known name makes its next version."""
    return ask.installation.datasets.create_schema(ask.caller, **body.model_dump())


@routes.get("/schemas", permission=Permission.READ)
def list_schemas(ask: Ask) -> Listed[LabelSchema]:
    """Every label schema, the newest version of each."""
    return items_of(ask.installation.datasets.schemas(ask.caller))


@routes.get("/schemas/{name}", permission=Permission.READ)
def show_schema(ask: Ask, name: str) -> LabelSchema:
    """A label schema by name (the newest version) or id."""
    return ask.installation.datasets.schema(ask.caller, name)


@routes.post("/datasets", permission=Permission.DATASET_WRITE)
def create_dataset(ask: Ask, body: NewDataset) -> Dataset:
    """An empty dataset."""
    return ask.installation.datasets.create(ask.caller, body.name, body.label_schema)


@routes.get("/datasets", permission=Permission.READ)
def list_datasets(ask: Ask) -> Listed[Dataset]:
    """All datasets."""
    return items_of(ask.installation.datasets.list(ask.caller))


@routes.get("/datasets/{name}", permission=Permission.READ)
def show_dataset(ask: Ask, name: str) -> Dataset:
    """One dataset."""
    return ask.installation.datasets.get(ask.caller, name)


@routes.post("/datasets/{name}/versions", permission=Permission.DATASET_WRITE)
def commit_dataset_version(ask: Ask, name: str, body: Commit) -> DatasetVersion:
    """A new version: what the newest holds, what the filter finds, split, and what is added by id."""
    return ask.installation.datasets.commit(ask.caller, name, **body.model_dump())


@routes.get("/datasets/{name}/versions", permission=Permission.READ)
def list_dataset_versions(ask: Ask, name: str, branch: str | None = None) -> Listed[DatasetVersion]:
    """The versions of a dataset, oldest first; those that were committed on one branch, or all."""
    return items_of(ask.installation.datasets.versions(ask.caller, name, branch))


@routes.post("/datasets/{name}/branches", permission=Permission.DATASET_WRITE)
def create_branch(ask: Ask, name: str, body: NewBranch) -> Branch:
    """A named line of versions that begins at a version; `NAME@BRANCH` is its newest."""
    return ask.installation.datasets.branches.create(ask.caller, name, body.name, body.at)


@routes.get("/datasets/{name}/branches", permission=Permission.READ)
def list_branches(ask: Ask, name: str) -> Listed[Branch]:
    """The branches of a dataset, main first."""
    return items_of(ask.installation.datasets.branches.listed(ask.caller, name))


@routes.post("/datasets/{name}/merges", permission=Permission.DATASET_WRITE)
def merge_branch(ask: Ask, name: str, body: Merge) -> DatasetVersion:
    """The version of `into` that has taken in what the source changed; samples that both placed differently are named.

    `prefer` says whose places count then: "ours" is `into`, "theirs" the source.
    """
    return ask.installation.datasets.branches.merge(ask.caller, name, body.source, body.into, body.prefer)


@routes.post("/datasets/{name}/rollback", permission=Permission.DATASET_WRITE)
def roll_back_dataset(ask: Ask, name: str, body: Rollback) -> DatasetVersion:
    """A new version on the branch that holds what an older one does."""
    return ask.installation.datasets.branches.rollback(ask.caller, name, body.to, body.branch)


@routes.get("/dataset-versions/{version}", permission=Permission.READ)
def show_dataset_version(ask: Ask, version: str) -> DatasetVersion:
    """A version by id, or as "cells@3" or "cells@latest"."""
    return ask.installation.datasets.version(ask.caller, version)


@routes.get("/dataset-versions/{version}/entries", permission=Permission.READ)
def list_entries(
    ask: Ask,
    version: str,
    split: str | None = None,
    labelled: bool = False,
    limit: AllOrLimit = None,
    cursor: Cursor = "",
) -> Listed[VersionEntry]:
    """What the version holds about each sample, by sample id."""
    found = ask.installation.datasets.entries(ask.caller, version, split, labelled, limit, cursor)
    return page_of(found, limit, lambda last: last.sample)


@routes.get("/dataset-versions/{a}/diff/{b}", permission=Permission.READ)
def diff_dataset_versions(ask: Ask, a: str, b: str) -> VersionDiff:
    """What changed from one version to another."""
    return ask.installation.datasets.diff(ask.caller, a, b)


@routes.get("/dataset-versions/{version}/export", permission=Permission.MEDIA_READ, gives="application/zip")
def export_dataset_version(ask: Ask, version: str, format: str) -> Response:
    """An archive of the version in one of the label formats; losses.txt says what is not kept."""
    archive = ask.installation.datasets.export(ask.caller, version, format)
    size = archive.seek(0, 2)
    archive.seek(0)

    def pieces() -> Iterator[bytes]:
        with archive:
            while piece := archive.read(_PIECE):
                yield piece

    return StreamingResponse(pieces(), media_type="application/zip", headers={"Content-Length": str(size)})


@routes.get("/label-formats", permission=Permission.READ)
def list_label_formats(ask: Ask) -> Listed[LabelFormat]:
    """The label formats that versions are exported as and labels are imported from, plugins included."""
    return items_of(ask.installation.datasets.formats())


@routes.get("/dataset-versions/{version}/losses", permission=Permission.READ)
def list_losses(ask: Ask, version: str, format: str) -> Listed[Loss]:
    """What an export of the version in the format would not keep."""
    return items_of(ask.installation.datasets.losses(ask.caller, version, format))


@routes.post("/imports", permission=Permission.DATASET_WRITE)
def import_labels(ask: Ask, body: Import) -> ImportReport:
    """What was written of rows that name a sample by `sample`, `digest` or `name`, and its `label` or `objects`."""
    return ask.installation.datasets.import_labels(ask.caller, body.label_schema, body.rows)


@routes.post("/imports/file", permission=Permission.DATASET_WRITE, takes="application/octet-stream")
async def import_file(ask: Ask, schema: str, format: str) -> ImportReport:
    """What was written of a file or archive in one of the label formats, and what was lost."""
    data = await ask.request.body()
    write = ask.installation.datasets.import_labels
    return await run_sync(lambda: write(ask.caller, schema, data, format=format))


@routes.post("/annotations/heads", permission=Permission.READ, kept=False)
def show_annotation_heads(ask: Ask, body: Heads) -> Mapping[str, Annotation] | Listed[Annotation]:
    """The newest annotation of each labelled sample, by sample id; with a `limit`, a page of them as items."""
    if body.limit is not None:
        found = ask.installation.datasets.annotations.page(ask.caller, body.label_schema, body.limit, body.cursor)
        return page_of(found, body.limit, lambda last: last.sample)
    return ask.installation.datasets.annotations.heads(ask.caller, body.label_schema, body.samples)
