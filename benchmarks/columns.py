"""How long a page waits for the samples as columns: `python -m benchmarks.columns FOLDER`.

The folder comes from `benchmarks.large_workspace`. Measured through the API in this process, without a network: the
first answer after opening (nothing in memory), answers of a warm process, whole, filtered, of four fields, of a dataset
version, after one more label, and unchanged (304); and 256 thumbnails. Medians of five, in milliseconds, and the load
of the machine beside them.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from benchmarks.results import keep
from sightloop.app import open_installation
from sightloop.interfaces.api import build_api
from sightloop.interfaces.sdk.transport import PortalTransport
from sightloop.settings import load_settings

ROUNDS = 5
COLUMNS = "/api/v1/samples/columns"


def main(folder: Path) -> None:
    """Keeps the figures under "columns"."""
    installation = open_installation(folder, load_settings(folder, {}))
    transport = PortalTransport(build_api(installation))
    headers = {"Authorization": f"Bearer {installation.owner_token}"}
    client = httpx.Client(transport=transport, base_url="http://localhost", headers=headers, timeout=600)
    try:
        keep("columns", measured(client))
    finally:
        transport.close()
        installation.close()


def measured(client: httpx.Client) -> dict[str, object]:
    """Milliseconds by question, and the size of the whole answer."""
    first, whole = _timed(lambda: client.get(COLUMNS))
    seal = whole.headers["etag"]
    count = int(client.get("/api/v1/samples/count").json()["count"])
    ids = [one["id"] for one in client.get("/api/v1/samples", params={"limit": 256}).json()["items"]]
    asked: dict[str, Callable[[], httpx.Response]] = {
        "whole": lambda: client.get(COLUMNS),
        "compressed": lambda: client.get(COLUMNS, headers={"Accept-Encoding": "zstd"}),
        "filtered": lambda: client.get(COLUMNS, params={"where": '{"cell_type": "mono", "blur": {">=": 100}}'}),
        "four_fields": lambda: client.get(COLUMNS, params={"fields": "label,score,colour"}),
        "version": lambda: client.get(COLUMNS, params={"version": "cells@latest"}),
        "unchanged": lambda: client.get(COLUMNS, headers={"If-None-Match": seal}),
        "thumbnails_256": lambda: client.post("/api/v1/media/thumbs", json={"samples": ids}),
    }
    medians = {}
    for name, ask in asked.items():
        medians[name] = round(statistics.median(_timed(ask)[0] for _ in range(ROUNDS)), 1)
    relabelled = []
    for number in range(ROUNDS):
        row = {"sample": ids[0], "label": ("ok", "crack")[number % 2]}
        client.post("/api/v1/imports", json={"schema": "cell-states", "rows": [row]}).raise_for_status()
        relabelled.append(_timed(lambda: client.get(COLUMNS))[0])
    medians["after_a_label"] = round(statistics.median(relabelled), 1)
    return {
        "samples": count, "first_ms": round(first, 1), "median_ms": medians, "whole_bytes": len(whole.content),
        "load_average": os.getloadavg()[0],
    }  # fmt: skip


def _timed(ask: Callable[[], httpx.Response]) -> tuple[float, httpx.Response]:
    began = time.perf_counter()
    response = ask()
    assert response.status_code in (200, 304), response.text[:200]
    return (time.perf_counter() - began) * 1000, response


if __name__ == "__main__":
    main(Path(sys.argv[1]))
