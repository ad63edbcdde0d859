"""The SDK: a folder, a server or the memory becomes a workspace."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from sightloop.domain import Caller, Role
from sightloop.errors import InvalidInput, Locked, NotFound, Refused
from sightloop.interfaces.sdk import Record, connect
from sightloop.storage import FolderLock
from tests.specs.interfaces.house import House, picture, write_pictures

HOLD = (
    "import sys, pathlib; from sightloop.storage import FolderLock;"
    "lock = FolderLock.acquire(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
)


def test_a_record_shows_its_fields_and_is_frozen() -> None:
    record = Record({"id": "x", "output": {"ingested": 3}, "rows": [{"a": 1}]})
    assert (record.output.ingested, record["rows"][0].a, record.as_dict()["output"]) == (3, 1, {"ingested": 3})
    with pytest.raises(AttributeError, match="frozen"):
        record.id = "y"
    with pytest.raises(AttributeError, match="Fields: id, output, rows"):
        _ = record.nothing


def test_errors_come_back_as_the_class_that_was_raised(house: House) -> None:
    with pytest.raises(NotFound) as found:
        house.workspace().schemas.get("nothing")
    assert found.value.facts["name"] == "nothing"


def test_pictures_become_samples_and_broken_ones_are_quarantined(house: House, tmp_path: Path) -> None:
    ws = house.workspace()
    paths = write_pictures(tmp_path / "in", 4)
    (tmp_path / "in" / "broken.png").write_bytes(b"not a picture")
    seen: list[Record] = []
    run = ws.ingest(tmp_path / "in", metadata={paths[0].name: {"line": "a"}}, progress=seen.append)
    assert (run.output.ingested, run.output.quarantined) == (4, 1)
    assert seen[-1].state == "succeeded"
    [sample] = ws.samples.list(where={"line": "a"})
    assert ws.samples.media(sample) == paths[0].read_bytes()
    assert ws.samples.thumbnail(sample.id)[:2] == b"\xff\xd8"
    nearest = ws.samples.search(image=paths[0].read_bytes(), k=2)
    assert nearest[0].sample.id == sample.id
    assert [entry.name for entry in ws.quarantine.list()] == ["broken.png"]
    assert len(list(ws.samples.list(limit=3))) == 3
    assert ws.samples.count() == 4


def test_a_run_is_cancelled_and_whoever_waits_for_it_is_told(house: House) -> None:
    ws, runs, go_on = house.workspace(), house.installation.runs, threading.Event()
    runs.register("wait", lambda _context, _params: {"told": go_on.wait(20.0)})
    run = runs.start(Caller("default", "usr_ada", Role.ADMIN), "wait", {})
    cancelled = ws.runs.cancel(run.id)
    with pytest.raises(Refused, match="cancelled"):
        ws.runs.wait(run.id)
    go_on.set()
    assert (cancelled.state, list(ws.fsck().problems)) == ("cancelled", [])


def test_files_of_a_remote_client_travel_as_uploads(house: House, tmp_path: Path) -> None:
    ws = house.workspace()
    run = ws.ingest(write_pictures(tmp_path, 2, seed=7))
    assert run.output.ingested == 2


def test_a_dataset_is_committed_labelled_and_compared(house: House, tmp_path: Path) -> None:
    ws = house.workspace()
    ws.ingest(write_pictures(tmp_path, 6, seed=3), metadata={f"3-{n:03d}.png": {"shift": "late"} for n in range(6)})
    ws.schemas.create("grades", ["good", "bad"])
    dataset = ws.datasets.create("parts", schema="grades")
    first = dataset.commit(where={"shift": "late"}, splits={"train": 0.5, "test": 0.5})
    samples = [entry.sample for entry in ws.datasets.entries(first)]
    ws.labels.import_("grades", dict.fromkeys(samples, "good"))
    second = dataset.commit(note="labelled")
    assert set(ws.labels.heads("grades")) == set(samples)
    assert len(ws.datasets.diff(first, second).relabelled) == 6
    assert [version.number for version in dataset.versions()] == [1, 2]
    exported = ws.datasets.export("parts@latest", "csv", tmp_path / "parts.zip")
    assert exported.read_bytes()[:2] == b"PK"


def test_workspaces_do_not_see_one_another(house: House, tmp_path: Path) -> None:
    house.workspace().workspaces.create("elsewhere")
    other = house.workspace("elsewhere")
    path = tmp_path / "one.png"
    path.write_bytes(picture(np.random.default_rng(11)))
    house.workspace().ingest([path])
    [mine] = house.workspace().samples.list(where={"name": "one.png"})
    assert other.samples.count() == 0
    with pytest.raises(NotFound):
        other.samples.get(mine)


def test_events_can_be_read_up_to_now(house: House) -> None:
    ws = house.workspace()
    ws.schemas.create("evented", ["a", "b"])
    sequences = [event.sequence for event in ws.events(after=0, wait=False)]
    assert sequences == list(range(1, len(sequences) + 1))


def test_a_folder_is_opened_once_in_a_process_and_shared(house: House) -> None:
    with pytest.raises(Locked):
        connect(house.folder)


def test_a_folder_held_by_a_process_that_serves_nobody_is_locked(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        with pytest.raises(Locked):
            connect(tmp_path)
    finally:
        holder.communicate("")


def test_a_script_that_fails_without_closing_ends_and_leaves_the_folder_free(tmp_path: Path) -> None:
    script = "import sys; from sightloop import connect; ws = connect(sys.argv[1]); raise ValueError('mine')"
    failed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert failed.returncode == 1
    assert failed.stderr.strip().endswith("ValueError: mine")
    FolderLock.acquire(tmp_path).release()


@pytest.mark.parametrize("place", ["ftp://x", "https://sightloop.example"])
def test_a_place_that_cannot_be_connected_to_is_named(place: str) -> None:
    with pytest.raises(InvalidInput):
        connect(place)
