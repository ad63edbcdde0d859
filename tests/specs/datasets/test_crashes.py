"""An ingest that is killed between two writes and started again ends as if nothing had happened."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.crash_process import run
from tests.specs.datasets.ingest_once import ingest_once
from tests.specs.datasets.world import picture

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(130):
        (folder / f"{i:03}.png").write_bytes(picture(i, size=(32, 24)))
    (folder / "000-again.png").write_bytes(picture(0, size=(32, 24)))
    (folder / "broken.png").write_bytes(b"not an image")
    return folder


@pytest.fixture(scope="module")
def undisturbed(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return whole(tmp_path_factory.mktemp("calm"), pictures)


@pytest.mark.parametrize(
    "fault",
    [
        "ingest.after_blobs=kill",
        "ingest.after_lance=kill",
        "table.written=kill@3",
        "change.before_commit=kill@4",
        "ingest.after_sql=kill",
        "ingest.after_sql=kill@2",
        "ingest.regrouped=kill",
    ],
)
def test_a_killed_ingest_ends_the_same_after_a_restart(
    fault: str, pictures: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    code, said = run(ingest_once, tmp_path, str(pictures), fault, answer=tmp_path / "killed.json")
    assert code == -signal.SIGKILL, said
    assert whole(tmp_path, pictures) == undisturbed


def test_the_undisturbed_ingest_is_whole(undisturbed: dict[str, Any]) -> None:
    assert undisturbed["output"]["ingested"] == 130
    assert undisturbed["output"]["known"] == 1
    assert undisturbed["output"]["quarantined"] == 1
    assert len(undisturbed["groups"]) == undisturbed["output"]["groups"] == 12
    assert undisturbed["problems"] == []
    assert undisturbed["lineage"] == 130


def whole(folder: Path, pictures: Path) -> dict[str, Any]:
    """What came of an ingest that nobody killed."""
    code, said = run(ingest_once, folder, str(pictures), "", answer=folder / "whole.json")
    assert code == 0, said
    found: dict[str, Any] = said
    return found
