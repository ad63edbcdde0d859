"""The folder lock: one holder, whose address others find."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sightloop.errors import Locked
from sightloop.storage import FolderLock

HOLD = "import sys, pathlib; from sightloop.storage import FolderLock\n" \
       "lock = FolderLock.acquire(pathlib.Path(sys.argv[1])); lock.publish('http://127.0.0.1:8780', 'token')\n" \
       "print('held', flush=True); sys.stdin.read()"  # fmt: skip


def test_a_held_folder_names_the_address_of_its_holder(tmp_path: Path) -> None:
    lock = FolderLock.acquire(tmp_path)
    lock.publish("http://127.0.0.1:8780")
    with pytest.raises(Locked) as caught:
        FolderLock.acquire(tmp_path)
    assert caught.value.facts["address"] == "http://127.0.0.1:8780"


def test_a_released_folder_can_be_taken(tmp_path: Path) -> None:
    FolderLock.acquire(tmp_path).release()
    FolderLock.acquire(tmp_path).release()


def test_a_shorter_address_leaves_no_rest_of_the_longer_one(tmp_path: Path) -> None:
    lock = FolderLock.acquire(tmp_path)
    lock.publish("http://127.0.0.1:8780", "a long token")
    lock.publish("x")
    assert FolderLock.holder(tmp_path)["address"] == "x"


def test_only_the_owner_reads_the_token(tmp_path: Path) -> None:
    FolderLock.acquire(tmp_path)
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


@pytest.mark.crash
def test_a_killed_holder_frees_the_folder(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        held_by = FolderLock.holder(tmp_path)
        with pytest.raises(Locked):
            FolderLock.acquire(tmp_path)
        holder.kill()
        holder.wait()
    FolderLock.acquire(tmp_path).release()
    assert (held_by["pid"], held_by["token"]) == (holder.pid, "token")
