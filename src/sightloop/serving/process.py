"""The serving process: reads the deployment file and bundles, needs no database, goes on when control is down."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import uvicorn

from sightloop.errors import Locked
from sightloop.inference import DecodePool
from sightloop.logs import configure_logs
from sightloop.serving.deployment_file import ServingFolder
from sightloop.serving.door import PredictionDoor
from sightloop.serving.listening import LockedDown, listening_options
from sightloop.serving.live import LiveDeployments
from sightloop.serving.refusals import Refusals
from sightloop.serving.segments import SegmentWriter
from sightloop.serving.spool import MediaSpool
from sightloop.serving.web import ServingApp
from sightloop.settings import Settings, load_settings
from sightloop.storage import configure_faults

SYNC_S: Final = 1.0
DRAIN_S: Final = 10
BACKLOG: Final = 2048


def serve_deployments(folder: Path, host: str, port: int, settings: Settings) -> None:
    """Returns when the process was asked to end (SIGTERM, SIGINT) and every admitted request is answered.

    Raises Locked where another process serves this folder. Half of `serving.log_bytes_limit` is for predictions,
    half for the media that they saw.
    """
    configure_logs()
    configure_faults(settings.faults)
    place = ServingFolder(folder)
    half = settings.serving.log_bytes_limit // 2
    with _only_one(place, port):
        segments = SegmentWriter(place.segments, bytes_limit=half)
        spool = MediaSpool(place.media, bytes_limit=half)
        refusals = Refusals(place.refusals)
        decode = settings.decode
        with DecodePool(decode.workers, decode.memory_bytes, decode.wall_s) as pool, _synced(segments, refusals):
            pool.start_one()
            live = LiveDeployments(place, settings.serving)
            try:
                door = PredictionDoor(pool, segments, spool)
                app = ServingApp(live, door, segments, spool, refusals, settings)
                config = uvicorn.Config(
                    LockedDown(app.asgi),
                    host=host,
                    port=port,
                    loop="asyncio",
                    proxy_headers=False,
                    backlog=BACKLOG,
                    timeout_graceful_shutdown=DRAIN_S,
                    **listening_options(settings.api),
                )
                uvicorn.Server(config).run()
            finally:
                live.close()


@contextmanager
def _only_one(place: ServingFolder, port: int) -> Iterator[None]:
    """A block that holds the folder's lock. The lock file says who does, so that control can end it and no other."""
    descriptor = os.open(place.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps({"pid": os.getpid(), "port": port}).encode())
        yield
    except BlockingIOError as error:
        raise Locked("Another process serves this folder.", hint="End it first, or ask it.") from error
    finally:
        os.close(descriptor)


@contextmanager
def _synced(segments: SegmentWriter, refusals: Refusals) -> Iterator[None]:
    """A block in which the log and the counts reach the disk each second, and at the end."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(SYNC_S):
            for sync in (segments.sync, refusals.sync):
                with suppress(OSError):  # the next second tries again; appends say StorageFull themselves
                    sync()

    thread = threading.Thread(target=run, name="segment-sync", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        segments.close()
        with suppress(OSError):
            refusals.sync()


def main() -> None:
    """Serve as the command line says; control starts this process so."""
    parser = argparse.ArgumentParser(description="Serve the deployments of an installation folder.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--settings", type=json.loads, default={}, help="overrides, JSON")
    given = parser.parse_args()
    serve_deployments(given.folder, given.host, given.port, load_settings(given.folder, given.settings))


if __name__ == "__main__":
    main()
