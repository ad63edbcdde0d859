"""Samples, schemas, datasets and labels of a workspace."""

from __future__ import annotations

import base64
import itertools
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sightloop.errors import not_found
from sightloop.interfaces.sdk.connection import Handle, Noun, items_of, part, reference, references, where_text
from sightloop.interfaces.sdk.records import Record

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow

Where = Mapping[str, Any]
Reference = str | Mapping[str, Any]
_THUMBS: Final = 256  # what one request may name


class Samples(Noun):
    """What was ingested."""

    def list(self, *, where: Where | None = None, limit: int | None = None) -> Iterator[Record]:
        """The samples that match, by id, page after page."""
        return self._connection.pages("/samples", limit=limit, where=where_text(where))

    def get(self, sample: Reference) -> Record:
        return self._connection.get(f"/samples/{part(sample)}")

    def count(self, *, where: Where | None = None) -> int:
        return int(self._connection.get("/samples/count", where=where_text(where)).count)

    def columns(
        self, *, where: Where | None = None, version: Reference | None = None, fields: Sequence[str] = ()
    ) -> pyarrow.Table:
        """What is known of the samples, as an Arrow table by id: of those that match, of a version's, or of all."""
        from pyarrow import ipc  # the command line starts without it

        data = self._connection.read(
            "/samples/columns",
            where=where_text(where),
            version=None if version is None else reference(version),
            fields=",".join(fields) or None,
        )
        return ipc.open_stream(data).read_all()

    def image(
        self,
        sample: Reference,
        *,
        longest_px: int | None = None,
        low: float | None = None,
        high: float | None = None,
        palette: str | None = None,
    ) -> bytes:
        """A picture that a browser can show, reduced to at most `longest_px` a side.

        Args:
            low, high, palette: how measurements are shown: a range in their unit; grey, iron or rainbow.
        """
        return self._connection.read(
            f"/samples/{part(sample)}/image", longest_px=longest_px, low=low, high=high, palette=palette
        )

    def measure(
        self, sample: Reference, geometry_type: str = "class", geometry: Mapping[str, Any] | None = None
    ) -> Record:
        """What was measured under a geometry, in the unit of the sample's reading; of the whole image by default."""
        body = {"geometry_type": geometry_type, "geometry": geometry}
        return self._connection.post(f"/samples/{part(sample)}/measure", body)

    def points(self, sample: Reference, *, most: int = 200_000) -> npt.NDArray[np.float32]:
        """Points of a sweep, float32 (N, 4): x, y, z in metres from its min_x, min_y and min_z, and intensity."""
        import numpy as np  # the command line starts without it

        return np.frombuffer(self._connection.read(f"/samples/{part(sample)}/points", most=most), "<f4").reshape(-1, 4)

    def calibration(self, sample: Reference) -> Record:
        """Where the sensors of the sample's group stand to each other."""
        return self._connection.get(f"/samples/{part(sample)}/calibration")

    def projection(self, sample: Reference, *, most: int = 50_000) -> npt.NDArray[np.float32]:
        """Points of the group's sweep on an image, float32 (N, 4): x, y in pixels, depth in metres, intensity."""
        import numpy as np  # the command line starts without it

        found = self._connection.read(f"/samples/{part(sample)}/projection", most=most)
        return np.frombuffer(found, "<f4").reshape(-1, 4)

    def text(self, sample: Reference) -> str:
        """What a document says."""
        return str(self._connection.get(f"/samples/{part(sample)}/text").text)

    def thumbnails(self, samples: Sequence[Reference]) -> Sequence[bytes]:
        """The thumbnail of each sample, in order; empty where there is none."""
        found: list[bytes] = []
        for at in range(0, len(samples), _THUMBS):
            asked = references(samples[at : at + _THUMBS])
            data = self._connection.post_for_bytes("/media/thumbs", {"samples": asked})
            sizes = struct.unpack_from(f"<{len(asked)}I", data, 4)
            ends = itertools.accumulate(sizes, initial=4 + 4 * len(asked))
            found += [data[start:end] for start, end in itertools.pairwise(ends)]
        return found

    def media(self, sample: Reference) -> bytes:
        """The bytes as they were ingested."""
        return self._connection.read(f"/samples/{part(sample)}/media")

    def thumbnail(self, sample: Reference) -> bytes:
        return self._connection.read(f"/samples/{part(sample)}/thumbnail")

    def annotations(self, sample: Reference) -> Sequence[Record]:
        """Every revision of every annotation of the sample, oldest first."""
        return self._connection.items(f"/samples/{part(sample)}/annotations")

    def objects(self, sample: Reference, schema: Reference) -> Record:
        """What stands on the sample under the schema: `objects`, `rejected` suggestions, the newest `revision`."""
        return self._connection.get(f"/samples/{part(sample)}/objects", schema=reference(schema))

    def write_objects(
        self,
        sample: Reference,
        schema: Reference,
        operations: Iterable[Mapping[str, Any]],
        *,
        key: str | None = None,
    ) -> Record:
        """What was written, and the conflicts with what others had written meanwhile.

        An operation is {"op": "put", "object", "expected_revision", "label", "geometry_type", "geometry"} or {"op":
        "remove", "object", "expected_revision"}; the object "" is the class of the whole image.
        """
        body = {"schema": reference(schema), "operations": list(operations)}
        return self._connection.post(f"/samples/{part(sample)}/objects", body, key=key)

    def suggestions(self, sample: Reference, schema: Reference) -> Sequence[Record]:
        """What the newest prediction, or a newer import, suggests for the sample."""
        return self._connection.items(f"/samples/{part(sample)}/suggestions", schema=reference(schema))

    def suggest(
        self, schema: Reference, rows: Iterable[Mapping[str, Any]], *, model_version: str, key: str | None = None
    ) -> Record:
        """What was taken over of a model's predictions, made here or elsewhere, to be reviewed.

        A row is {"sample" or "digest" or "name", "objects": [{"label", "score", "geometry_type", "geometry"}]}.
        """
        body = {"schema": reference(schema), "model_version": model_version, "rows": list(rows)}
        return self._connection.post("/samples/suggestions", body, key=key)

    def groups(self, *, where: Where | None = None, limit: int | None = None) -> Iterator[Record]:
        """Samples of one moment: all of each group of which any sample matches, page after page."""
        return self._connection.pages("/groups", limit=limit, where=where_text(where))

    def group(self, sample: Reference) -> Record:
        """The samples of one moment with this one, the main one first; this one alone where there is no other."""
        return self._connection.get(f"/samples/{part(sample)}/group")

    def near_duplicates(self, *, where: Where | None = None) -> Record:
        """The groups of samples that look the same.

        Of more than 5,000 samples it is what `find_near_duplicates` found last; raises NotFound before it did.
        """
        found = self._connection.get("/samples/near-duplicates", where=where_text(where))
        if found["made_at"] is None:
            hint = "Look first: find_near_duplicates()"
            raise not_found("answer about near-duplicates", f"{found['size']:,} samples", hint=hint)
        return found

    def find_near_duplicates(self, *, where: Where | None = None, key: str | None = None) -> Record:
        """The run that looks for near-duplicates; the same one as long as the samples are the same."""
        return self._connection.post("/near-duplicates", {"where": where}, key=key)

    def embed(self, *, key: str | None = None) -> Record:
        """The run that embeds the samples that have no vector of the present embedder."""
        return self._connection.post("/embeddings", {}, key=key)

    def outliers(self, *, where: Where | None = None, limit: int = 100) -> Sequence[Record]:
        """The samples farthest from their nearest neighbours, with their mean cosine distance, farthest first.

        Of more than 5,000 samples it is what `find_outliers` found last; raises NotFound before it did.
        """
        found = self._connection.get("/samples/outliers", where=where_text(where), limit=limit)
        if found["made_at"] is None:
            raise not_found("answer about outliers", f"{found['size']:,} samples", hint="Look first: find_outliers()")
        return items_of(found)

    def find_outliers(self, *, where: Where | None = None, key: str | None = None) -> Record:
        """The run that looks for outliers; the same one as long as the samples are the same."""
        return self._connection.post("/outliers", {"where": where}, key=key)

    def make_map(
        self, *, where: Where | None = None, version: Reference | None = None, key: str | None = None
    ) -> Record:
        """The run that lays embeddings out in the plane; its id becomes the map's."""
        body = {"where": where, "version": None if version is None else reference(version)}
        return self._connection.post("/maps", body, key=key)

    def maps(self) -> Sequence[Record]:
        """The maps, newest first, each with the method that made it."""
        return self._connection.items("/maps")

    def map_columns(self, map: Reference) -> pyarrow.Table:
        """Where each sample of a map lies: `id`, `x`, `y`."""
        from pyarrow import ipc  # the command line starts without it

        return ipc.open_stream(self._connection.read(f"/maps/{part(map)}/columns")).read_all()

    def search(
        self,
        *,
        sample: Reference | None = None,
        image: bytes | None = None,
        text: str = "",
        k: int = 20,
        where: Where | None = None,
    ) -> Sequence[Record]:
        """The samples that fit best: that match, hold all words of the text, and look most like a sample or an image.

        Each has its `cosine` with what it looks like, and its `relevance` to the words; None where it was not asked.
        """
        body = {
            "sample": None if sample is None else reference(sample),
            "image": None if image is None else base64.b64encode(image).decode(),
            "text": text,
            "k": k,
            "where": where,
        }
        return items_of(self._connection.post("/samples/search", body))

    def index(self, *, key: str | None = None) -> Record:
        """The run that makes the indexes which searches use, or brings them up to date; ingests do the second."""
        return self._connection.post("/search-index", {}, key=key)


class Dataset(Handle):
    """A named dataset; its versions are immutable."""

    __slots__ = ()

    def commit(
        self,
        *,
        where: Where | None = None,
        splits: Mapping[str, float] | None = None,
        strata: Sequence[str] = (),
        add: Mapping[str, str] | None = None,
        drop: Sequence[Reference] = (),
        seed: int = 0,
        note: str = "",
        branch: str = "main",
        accept_leaks: str = "",
        key: str | None = None,
    ) -> Record:
        """A new version; see `Datasets.commit`."""
        return Datasets(self._connection).commit(
            self.name, where=where, splits=splits, strata=strata, add=add, drop=drop, seed=seed, note=note,
            branch=branch, accept_leaks=accept_leaks, key=key,
        )  # fmt: skip

    def versions(self, branch: str | None = None) -> Sequence[Record]:
        """Its versions, oldest first, of one branch or all."""
        return Datasets(self._connection).versions(self.name, branch)

    def branch(self, name: str, at: str = "", *, key: str | None = None) -> Record:
        """A line of versions that begins at a version, by default main's newest; "cells@NAME" is its last."""
        return self._connection.post(f"/datasets/{part(self.name)}/branches", {"name": name, "at": at}, key=key)

    def branches(self) -> Sequence[Record]:
        """Its branches, main first, each with its newest version."""
        return self._connection.items(f"/datasets/{part(self.name)}/branches")

    def merge(self, source: str, *, into: str = "main", prefer: str | None = None, key: str | None = None) -> Record:
        """The version of `into` that has taken in what the branch changed; Conflict names what both placed differently.

        Args:
            prefer: "ours" keeps the places of `into`, "theirs" takes those of the branch.
        """
        body = {"source": source, "into": into, "prefer": prefer}
        return self._connection.post(f"/datasets/{part(self.name)}/merges", body, key=key)

    def rollback(self, to: str, *, branch: str = "main", key: str | None = None) -> Record:
        """A new version that holds what an older one does, such as "3"."""
        return self._connection.post(f"/datasets/{part(self.name)}/rollback", {"to": to, "branch": branch}, key=key)


class Datasets(Noun):
    """Datasets and their versions; a version is named by id or as "cells@3" or "cells@latest"."""

    def create(self, name: str, *, schema: Reference, key: str | None = None) -> Dataset:
        created = self._connection.post("/datasets", {"name": name, "schema": reference(schema)}, key=key)
        return Dataset(created, self._connection)

    def list(self) -> Sequence[Record]:
        return self._connection.items("/datasets")

    def get(self, name: str) -> Dataset:
        return Dataset(self._connection.get(f"/datasets/{part(name)}"), self._connection)

    def commit(
        self,
        dataset: str,
        *,
        where: Where | None = None,
        splits: Mapping[str, float] | None = None,
        strata: Sequence[str] = (),
        add: Mapping[str, str] | None = None,
        drop: Sequence[Reference] = (),
        seed: int = 0,
        note: str = "",
        branch: str = "main",
        accept_leaks: str = "",
        key: str | None = None,
    ) -> Record:
        """A new version: what the newest holds, what matches dealt to `splits`, and `add` (split by sample id).

        Args:
            accept_leaks: why near-duplicates, or samples of one medium, group, subject or entity, may stand in "train"
                and in another split; refused where it is not said.
        """
        body = {
            "where": where,
            "splits": splits,
            "strata": list(strata),
            "add": add,
            "drop": references(drop),
            "seed": seed,
            "note": note,
            "branch": branch,
            "accept_leaks": accept_leaks,
        }
        return self._connection.post(f"/datasets/{part(dataset)}/versions", body, key=key)

    def versions(self, dataset: str, branch: str | None = None) -> Sequence[Record]:
        """The versions of a dataset, oldest first, of one branch or all."""
        return self._connection.items(f"/datasets/{part(dataset)}/versions", branch=branch)

    def version(self, version: Reference) -> Record:
        return self._connection.get(f"/dataset-versions/{part(version)}")

    def entries(self, version: Reference, *, split: str | None = None, labelled: bool = False) -> Sequence[Record]:
        """The entries of a version (of one split, if named), by sample id."""
        path = f"/dataset-versions/{part(version)}/entries"
        return self._connection.items(path, split=split, labelled=labelled or None)

    def diff(self, a: Reference, b: Reference) -> Record:
        """What changed from version `a` to version `b`: added, removed, relabelled, moved."""
        return self._connection.get(f"/dataset-versions/{part(a)}/diff/{part(b)}")

    def export(self, version: Reference, format: str, path: str | Path) -> Path:
        """The file written: an archive of the version in one of the label formats."""
        return self._connection.save(f"/dataset-versions/{part(version)}/export", path, format=format)

    def formats(self) -> Sequence[Record]:
        """The label formats of export and import: name, title, and what each is and keeps."""
        return self._connection.items("/label-formats")

    def losses(self, version: Reference, format: str) -> Sequence[Record]:
        """What an export in the format would not keep, each with its count."""
        return self._connection.items(f"/dataset-versions/{part(version)}/losses", format=format)


class Labels(Noun):
    """The truth about samples."""

    def import_(
        self,
        schema: Reference,
        labels: Mapping[str, str] | Iterable[Mapping[str, Any]] | bytes,
        *,
        format: str = "csv",
        key: str | None = None,
    ) -> Record:
        """What was written of {sample id: label}, of rows, or of a file's bytes, and what was lost.

        Rows name their sample by `sample`, `digest` or `name`, and its `label` or `objects`. The formats are those of
        `ws.datasets.formats()`.
        """
        if isinstance(labels, bytes):
            return self._connection.post_bytes(
                "/imports/file", labels, key=key, schema=reference(schema), format=format
            )
        rows: list[Any] = (
            [{"sample": sample, "label": label} for sample, label in labels.items()]
            if isinstance(labels, Mapping)
            else list(labels)
        )
        return self._connection.post("/imports", {"schema": reference(schema), "rows": rows}, key=key)

    def heads(self, schema: Reference, samples: Sequence[Reference] | None = None) -> dict[str, Record]:
        """The newest annotation of each labelled sample, by sample id."""
        body = {"schema": reference(schema), "samples": None if samples is None else references(samples)}
        return dict(self._connection.post("/annotations/heads", body))
