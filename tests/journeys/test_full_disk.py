"""A disk that is full, for real: a clear 507, reads and deletes go on, and with room again the same call ends well."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import sightloop
from sightloop.errors import SightloopError
from tests.journeys.crash_operations import OPERATIONS, Place, opened, state
from tests.journeys.crash_process import run
from tests.journeys.crash_yard import Yard

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]
on_a_disk = pytest.mark.skipif(os.geteuid() != 0 and not os.environ.get("CI"), reason="only root can mount a disk")
ROOM_FOR_SQL = 2 << 20  # a bundle takes 14 MB


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 96 MB at the folder."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(ballast: Path, leave: int) -> None:
    """Returns once no more than so many bytes are left on the disk."""
    with open(ballast, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"0" * size):
                    pass
            except OSError:
                continue
        os.ftruncate(file.fileno(), file.tell() - leave)


def do_on_a_full_disk(place: Place, name: str, leave: int) -> dict[str, Any]:
    """What the operation and reads said while the disk was full; all that is there after the same call with room."""
    with opened(place) as ws:
        before = state(ws)
        ballast = place.folder.parent / "ballast"
        fill(ballast, leave)
        code = tried(lambda: OPERATIONS[name].act(ws, place))
        health = ws._connection.http.get("http://localhost/healthz").json()["storage"]
        during = state(ws)
        ballast.unlink()
        if not leave:
            OPERATIONS[name].act(ws, place)
        problems = list(ws.fsck(deep=True).problems)
        return {
            "code": code,
            "health": health,
            "before": before,
            "during": during,
            "after": state(ws),
            "problems": problems,
            "healed": ws._connection.http.get("http://localhost/healthz").json()["storage"],
        }


def tried(act: Callable[[], object]) -> str:
    """The code of the error that was raised, or "done"."""
    try:
        act()
    except SightloopError as error:
        return error.code
    return "done"


@on_a_disk
@pytest.mark.parametrize("name", ["ingest", "label", "commit", "train", "promote", "predict", "look"])
def test_what_a_full_disk_refuses_leaves_nothing_and_is_done_when_there_is_room(
    name: str, yard: Yard, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as disk, yard.trial(name, disk) as (place, _):
        code, said = run(do_on_a_full_disk, place, name, 0, answer=tmp_path / "answer")
    assert code == 0, said
    assert (said["code"], said["health"], said["healed"]) == ("storage_full", "full", "ok")
    assert said["during"] == said["before"]
    assert said["problems"] == []
    assert {**said["after"], "received": []} == yard.expected(name)


@on_a_disk
def test_a_training_run_without_room_for_its_bundle_fails_and_registers_nothing(yard: Yard, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, yard.trial("train", disk) as (place, _):
        code, said = run(do_on_a_full_disk, place, "train", ROOM_FOR_SQL, answer=tmp_path / "answer")
    assert code == 0, said
    assert said["code"] == "storage_full"
    assert said["during"]["models"] == said["before"]["models"]
    assert ["train", "failed"] in said["after"]["runs"]
    assert said["problems"] == []


def do_below_the_floor(place: Place) -> dict[str, Any]:
    """What writes, reads and a delete said below the floor of free bytes."""
    with opened(place) as ws:
        hook = ws.webhooks.create("https://example.com/events", events=["sightloop.nothing"])
    with sightloop.connect(place.folder, settings={"storage": {"free_bytes_floor": 1 << 60}}) as ws:
        return {
            "ingest": tried(lambda: ws.ingest(place.images / "new")),
            "read": tried(lambda: ws.samples.media(next(iter(ws.samples.list())).id)),
            "delete": tried(lambda: ws.webhooks.delete(hook.id)),
            "hooks": len(ws.webhooks.list()),
        }


def test_below_the_floor_of_free_bytes_reads_and_deletes_go_on(yard: Yard, tmp_path: Path) -> None:
    with yard.trial("ingest") as (place, _):
        code, said = run(do_below_the_floor, place, answer=tmp_path / "answer")
    assert code == 0, said
    assert said == {"ingest": "storage_full", "read": "done", "delete": "done", "hooks": 0}


def do_on_a_read_only_disk(place: Place) -> dict[str, Any]:
    """What an open installation says after its workspaces and its log have become read-only."""
    with opened(place) as ws:
        ws.deployments.predict("line-1", place.image("mono", 0))
        for part in ("workspaces", "serving"):
            subprocess.run(["mount", "--bind", place.folder / part, place.folder / part], check=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", place.folder / part], check=True)
        try:
            return {
                "ingest": tried(lambda: ws.ingest(place.images / "new")),
                "commit": tried(lambda: OPERATIONS["commit"].act(ws, place)),
                "read": tried(lambda: ws.samples.media(next(iter(ws.samples.list())).id)),
                "predict": tried(lambda: ws.deployments.predict("line-1", place.image("mono", 1))),
                "problems": list(ws.fsck().problems),
            }
        finally:
            for part in ("workspaces", "serving"):
                subprocess.run(["umount", "--lazy", place.folder / part], check=True)


@on_a_disk
def test_on_a_read_only_disk_writes_say_so_and_reads_and_serving_go_on(yard: Yard, tmp_path: Path) -> None:
    with yard.trial("deploy") as (place, _):
        code, said = run(do_on_a_read_only_disk, place, answer=tmp_path / "answer")
    assert code == 0, said
    assert said == {"ingest": "unavailable", "commit": "unavailable", "read": "done", "predict": "done", "problems": []}
