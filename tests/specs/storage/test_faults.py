"""Fault points: silent unless armed; and the writing order that they show to be right."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import sightloop.errors
from docs.generate import points_in
from sightloop.errors import InvalidInput, Unavailable
from sightloop.storage import FAULT_POINTS, Records, Stores, configure_faults, faultpoint, move_pointer, pointer

WRITE = """
import sys, pathlib, pyarrow as pa
from sightloop.storage import Records, Stores, configure_faults, faultpoint, move_pointer
folder = pathlib.Path(sys.argv[1])
records = Records(f"sqlite:///{folder}/sightloop.db"); records.migrate()
store = Stores(folder, records).workspace("default")
configure_faults(sys.argv[2])
digest = store.blobs.put(b"medium")
version = store.tables.upsert("samples", pa.table({"id": ["a"], "digest": [digest]}), "id")
with records.write() as connection:
    move_pointer(connection, "default", "samples", version)
    faultpoint("change.before_commit")
faultpoint("change.committed")
print("acknowledged", flush=True)
"""


def write(folder: Path, faults: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", WRITE, str(folder), faults], capture_output=True, text=True)


def test_an_unarmed_point_does_nothing() -> None:
    faultpoint("blob.written")


def test_an_armed_point_raises_on_its_nth_pass() -> None:
    configure_faults("blob.written=raise@2")
    faultpoint("blob.written")
    with pytest.raises(Unavailable):
        faultpoint("blob.written")


def test_every_point_in_the_code_is_registered_and_every_registered_one_is_in_the_code() -> None:
    source = Path(sightloop.errors.__file__).parent
    assert sorted(name for name, _, _ in points_in(source)) == sorted(FAULT_POINTS)


def test_a_rule_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InvalidInput):
        configure_faults("blob.written=explode")


def test_the_light_half_of_the_door_imports_no_database() -> None:
    code = "import sys; from sightloop.storage import faultpoint; print({'sqlalchemy', 'lance'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


@pytest.mark.crash
@pytest.mark.parametrize(
    ("point", "points_at_it"),
    [("blob.written", False), ("table.written", False), ("change.before_commit", False), ("change.committed", True)],
)
def test_killed_between_two_writes_nothing_acknowledged_is_lost_and_nothing_is_there_twice(
    tmp_path: Path, point: str, points_at_it: bool
) -> None:
    killed = write(tmp_path, f"{point}=kill")
    records = Records(f"sqlite:///{tmp_path}/sightloop.db")
    with records.read() as connection:
        after_kill = pointer(connection, "default", "samples") is not None
    again = write(tmp_path, "")
    store = Stores(tmp_path, records).workspace("default")
    with records.read() as connection:
        version = pointer(connection, "default", "samples")
    assert version is not None
    found = store.tables.read("samples", version).to_pydict()
    records.close()
    assert (killed.returncode, after_kill, again.stdout) == (-signal.SIGKILL, points_at_it, "acknowledged\n")
    assert (found["id"], [store.blobs.get(digest) for digest in found["digest"]]) == (["a"], [b"medium"])


@pytest.mark.crash
def test_an_unfinished_blob_is_swept_at_the_next_start(tmp_path: Path) -> None:
    write(tmp_path, "")
    leftover = tmp_path / "workspaces/default/blobs/incoming/put_1"
    leftover.write_bytes(b"half")
    records = Records(f"sqlite:///{tmp_path}/sightloop.db")
    Stores(tmp_path, records).workspace("default")
    records.close()
    assert not leftover.exists()


def test_rows_of_a_lost_append_are_not_seen_through_the_pointer(tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path}/sightloop.db")
    records.migrate()
    tables = Stores(tmp_path, records).workspace("default").tables
    with records.write() as connection:
        move_pointer(connection, "default", "samples", tables.append("samples", pa.table({"id": ["a"]})))
    tables.append("samples", pa.table({"id": ["lost"]}))
    with records.read() as connection:
        version = pointer(connection, "default", "samples")
    records.close()
    assert version is not None
    assert tables.read("samples", version).to_pydict() == {"id": ["a"]}
