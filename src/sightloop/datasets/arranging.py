"""The last steps of an ingest: what lies beside the media of a layout, and which samples are of one moment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import numpy as np

from sightloop.datasets.catalogue import SAMPLES_TABLE, Catalogue, View
from sightloop.datasets.groups import regrouped
from sightloop.datasets.indexing import Indexing
from sightloop.datasets.kitti_folder import GROUP, place_of
from sightloop.datasets.listing import Listing
from sightloop.datasets.rigs import Rigs, read_beside
from sightloop.datasets.rows import samples_table
from sightloop.events import Events
from sightloop.runs import RunContext
from sightloop.storage import Records, Stores, faultpoint, move_pointer

CHANGED: Final = 4096  # rows that one write changes


class Arranger:
    """Changes fields of a source's samples that only all of them together tell."""

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        catalogue: Catalogue,
        indexing: Indexing,
        listing: Listing,
        rigs: Rigs,
    ) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._catalogue = catalogue
        self._indexing = indexing
        self._listing = listing
        self._rigs = rigs

    def arrange(self, context: RunContext, source: Mapping[str, Any]) -> dict[str, Any]:
        """What came of a source that declares a layout or a grouping; nothing of any other."""
        told: dict[str, Any] = {}
        if source.get("layout"):
            told |= context.step("layout", partial(self._lay_out, context, source))
        if source.get("group") or source.get("layout"):
            told |= context.step("groups", partial(self._regroup, context, source))
        return told

    def _lay_out(self, context: RunContext, source: Mapping[str, Any]) -> dict[str, Any]:
        """What came of the calibrations and labels that lie beside the media."""
        caller, name = context.caller, source["name"]
        reader = self._listing.sources.reader(caller, source)
        files = read_beside(self._listing.walk(caller, source, ""), reader)
        found = self._rigs.calibrated(caller, name, files)
        with self._records.alone(f"{caller.workspace}.{SAMPLES_TABLE}"):
            view = self._catalogue.view(caller)
            changes = {}
            for row in np.flatnonzero(view.column("source") == name).tolist():
                id = found.by_place.get(place_of(str(view.column("name")[row]))[1], "")
                if id and view.column("calibration")[row] != id:
                    changes[row] = {"calibration": id}
            self._change(context, view, changes)
        labels = self._rigs.label(caller, name, files, found)
        return {"calibrated": len(found.by_place), "calibrations_unread": found.unread, **labels}

    def _regroup(self, context: RunContext, source: Mapping[str, Any]) -> dict[str, Any]:
        """How many groups the source's samples form now, and how many samples are alone, by slot.

        All its samples are looked at: what comes late may be nearer than what stood there before.
        """
        caller = context.caller
        with self._records.alone(f"{caller.workspace}.{SAMPLES_TABLE}"):
            view = self._catalogue.view(caller)
            found = regrouped(view.table, source["name"], source.get("group") or GROUP)
            placed = {row: dict(zip(("group", "slot"), told, strict=True)) for row, told in found.changed.items()}
            self._change(context, view, placed)
        return {"groups": found.groups, "alone": found.alone}

    def _change(self, context: RunContext, view: View, changes: Mapping[int, Mapping[str, str]]) -> None:
        """Other values of some fields, by row of the view, which is the newest; the caller keeps other writers out."""
        caller = context.caller
        store = self._stores.workspace(caller.workspace).tables
        numbers = sorted(changes)
        for at in range(0, len(numbers), CHANGED):
            part = numbers[at : at + CHANGED]
            rows = [{**row, **changes[i]} for i, row in zip(part, view.rows(part), strict=True)]
            self._indexing.take_back(caller, store, SAMPLES_TABLE)
            version = store.upsert(SAMPLES_TABLE, samples_table(rows), "id")
            faultpoint("ingest.regrouped")
            with self._events.change(caller, "samples.group", context.run_id) as change:
                move_pointer(change.connection, caller.workspace, SAMPLES_TABLE, version)
                change.emit("sightloop.samples.grouped", {"run": context.run_id, "changed": len(part)})
