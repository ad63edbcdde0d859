"""A backup goes from one database and one place for objects into another, and what is restored answers the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import sightloop
from sightloop.app import restore_installation
from sightloop.domain import new_id
from sightloop.errors import Refused
from sightloop.settings import load_settings
from tests import postgres_server
from tests.conformance.seaweed import Bucket
from tests.journeys.small_world import SmallWorld, small_world

pytestmark = pytest.mark.timeout(300)

Settings = Callable[[str], dict[str, Any]]


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """Settings of an installation that is not there yet, on "postgresql", on "s3", on both or on neither."""

    def made(kinds: str) -> dict[str, Any]:
        storage: dict[str, str] = {}
        if "s3" in kinds:
            storage |= Bucket(request.getfixturevalue("s3_endpoint")).as_arguments()
        if "postgresql" in kinds:
            server: postgres_server.Server = request.getfixturevalue("postgres")
            storage["records_url"] = server.new_database(new_id("backup").lower())
        return {"storage": storage}

    return made


def answers(ws: Any, world: SmallWorld) -> dict[str, Any]:
    """What anybody may ask of the small world."""
    samples = list(ws.samples.list())
    return {
        **SmallWorld(world.folder, ws).state(),
        "status": None,
        "samples": samples,
        "media": [ws.samples.media(one.id) for one in samples],
        "entries": list(ws.datasets.entries("cells@1")),
        "nearest": [hit.sample.id for hit in ws.samples.search(image=ws.samples.media(samples[0].id), k=3)],
        "ingest": [(run.id, run.state) for run in ws.runs.list(kind="ingest")],
        "audit": [entry for entry in ws.audit.list() if not entry.action.startswith(("run.", "backup."))],
    }


@pytest.fixture
def backed_up(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[Backed]:
    own = settings(request.param)
    with small_world(tmp_path, own) as world:
        home = world.folder / "backups" / world.ws.backups.create().output.id
        yield Backed(home, own, answers(world.ws, world), world)


class Backed:
    """A backup, the settings of what it was made of, and what that answered then."""

    def __init__(self, home: Path, settings: Mapping[str, Any], answers: dict[str, Any], world: SmallWorld) -> None:
        self.home, self.settings, self.answers, self.world = home, settings, answers, world


@pytest.mark.parametrize(
    ("backed_up", "into"),
    [("postgresql", "postgresql"), ("s3", "s3"), ("postgresql and s3", "a folder"), ("a folder", "postgresql and s3")],
    indirect=["backed_up"],
)
def test_a_restored_installation_answers_the_same(
    backed_up: Backed, into: str, settings: Settings, tmp_path: Path
) -> None:
    folder, target = tmp_path / "restored", settings(into)
    backed_up.world.ws.close()
    restore_installation(backed_up.home, folder, load_settings(folder, target))
    with sightloop.connect(folder, settings=target) as ws:
        assert answers(ws, backed_up.world) == backed_up.answers
        assert (list(ws.fsck(deep=True).problems), ws.audit.verify().ok) == ([], True)
        run = ws.ingest(tmp_path / "images")
        assert (run.output.known, run.output.ingested) == (8, 0)


@pytest.mark.parametrize("backed_up", ["s3"], indirect=True)
def test_a_bucket_that_an_installation_lives_in_takes_no_backup(backed_up: Backed, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="another installation"):
        restore_installation(backed_up.home, tmp_path / "again", load_settings(tmp_path / "again", backed_up.settings))
    assert list(backed_up.world.ws.fsck(deep=True).problems) == []
