"""An ingest of a folder under a fixed key, in a process that may be killed, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sightloop.datasets import Datasets
from sightloop.domain import Caller, Role
from sightloop.events import Events
from sightloop.inference import DecodePool
from sightloop.runs import Runs
from sightloop.storage import Records, Stores, configure_faults
from tests.specs.datasets.world import TinyEmbedder


def ingest_once(folder: Path, pictures: str, faults: str) -> dict[str, Any]:
    records = Records(f"sqlite:///{folder}/sightloop.db")
    records.migrate()
    stores = Stores(folder, records)
    events = Events(records)
    runs = Runs(records, events, folder / "runs.db")
    caller = Caller("default", "tester", Role.ADMIN)
    with DecodePool(workers=1) as decoder:
        datasets = Datasets(records, stores, events, runs, decoder, TinyEmbedder())
        runs.launch()
        configure_faults(faults)
        group = {"slots": {"left": "*0.png", "right": "*1.png"}, "anchor": "left"}
        run = datasets.ingest(caller.keyed("once"), {"kind": "folder", "path": pictures, "group": group})
        output = dict(runs.wait(caller, run.id).output)
        datasets.create_schema(caller, "states", ["ok"])
        datasets.create(caller, "cells", "states")
        told = {
            "output": {key: value for key, value in output.items() if key != "seconds"},
            "samples": [one.media_digest for one in datasets.samples(caller, limit=1000).items],
            "groups": [[one.sample for one in group.members] for group in datasets.groups(caller).items],
            "vectors": datasets.embeddings(caller, datasets.sample_ids(caller)).sum().item(),
            "hash": datasets.commit(caller, "cells", where={}, splits={"a": 0.5, "b": 0.5}).hash,
            "problems": list(datasets.check("default")),
            "lineage": len(runs.links(caller, run=run.id)),
            "events": sum(one["type"] == "sightloop.samples.ingested" for one in events.since("default", 0)),
        }
        runs.close()
    return told
