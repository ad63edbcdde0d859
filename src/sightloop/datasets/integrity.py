"""What fsck asks of this room: which blobs are in use, and what does not fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.duplicates import DuplicateFinder
from sightloop.datasets.maps import Maps
from sightloop.datasets.outliers import OutlierFinder
from sightloop.datasets.schemas import Schemas
from sightloop.datasets.similarity import Similarity
from sightloop.datasets.versions import Versions
from sightloop.domain import Caller, Role
from sightloop.errors import SightloopError
from sightloop.storage import Records, Stores


class Integrity:
    """Reads everything, changes nothing."""

    def __init__(
        self,
        records: Records,
        stores: Stores,
        catalogue: Catalogue,
        schemas: Schemas,
        versions: Versions,
        similarity: Similarity,
        found: Sequence[Maps | OutlierFinder | DuplicateFinder],
    ) -> None:
        self._records = records
        self._stores = stores
        self._catalogue = catalogue
        self._schemas = schemas
        self._versions = versions
        self._similarity = similarity
        self._found = found

    def references(self, workspace: str) -> set[str]:
        """Digests of all blobs that this room uses."""
        found = (one.references(_auditor(workspace)) for one in self._found)
        return self._sample_blobs(workspace).union(self._recorded_blobs(workspace), *found)

    def check(self, workspace: str) -> list[str]:
        """One sentence for each problem."""
        caller = _auditor(workspace)
        there = set(self._stores.workspace(workspace).blobs.digests())
        problems = [f"The blob {one[:12]} is missing." for one in sorted(self.references(workspace) - there)]
        view = self._catalogue.view(caller)
        ids = [str(one) for one in view.ids]
        problems += [f"The sample {one} stands {n} times." for one, n in Counter(ids).items() if n > 1]
        try:
            self._similarity.embeddings(caller, ids)
        except SightloopError as error:
            problems.append(error.message)
        with self._records.read() as connection:
            home = tables.revisions
            labelled = connection.scalars(sa.select(home.c.sample).where(home.c.workspace_id == workspace).distinct())
            problems += [f"An annotation is about {one}, which is no sample." for one in labelled if one not in view]
        for dataset in self._schemas.datasets(caller):
            for version in self._versions.history(caller, dataset):
                problems += self._check_version(caller, version.id)
        return problems

    def _check_version(self, caller: Caller, version_id: str) -> list[str]:
        try:
            version = self._versions.resolve(caller, version_id)
            if self._versions.recomputed(caller, version) != version.hash:
                return [f"The dataset version {version_id} is not what was committed."]
        except SightloopError as error:
            return [f"The dataset version {version_id} cannot be read: {error.message}"]
        return []

    def _sample_blobs(self, workspace: str) -> set[str]:
        view = self._catalogue.view(_auditor(workspace))
        rows = view.rows(range(len(view)))
        return {row["media_digest"] for row in rows if not row["location"]} | {row["thumbnail_digest"] for row in rows}

    def _recorded_blobs(self, workspace: str) -> set[str]:
        queries = (
            sa.select(tables.quarantine.c.digest).where(tables.quarantine.c.workspace_id == workspace),
            sa.select(tables.staged.c.digest).where(tables.staged.c.workspace_id == workspace),
            sa.select(tables.dataset_versions.c.buckets).where(tables.dataset_versions.c.workspace_id == workspace),
        )
        with self._records.read() as connection:
            return {digest for query in queries for digest in connection.scalars(query) if digest}


def _auditor(workspace: str) -> Caller:
    return Caller(workspace=workspace, actor="fsck", role=Role.ADMIN)
