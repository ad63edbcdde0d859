"""What is older than its rule goes, in every room that has one; what is younger or still read stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sightloop.app import Installation, open_installation
from sightloop.domain import Caller, Role, now
from sightloop.events import Idempotency
from sightloop.settings import load_settings
from sightloop.storage import metadata
from tests.specs.serving.test_prediction_log import record

ADMIN = Caller("default", "tester", Role.ADMIN)
KEPT = {"predictions_days": 30, "quarantine_days": 30, "uploads_days": 30, "answers_days": 7}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    opened = open_installation(tmp_path, load_settings(tmp_path, {"retention": KEPT, "storage": {"orphan_grace_s": 0}}))
    yield opened
    opened.close()


def log(house: Installation, *ages_days: float) -> None:
    made = [(now() - timedelta(days=age)).isoformat() for age in ages_days]
    house.predictions.write_batch("default", [record(n, made_at=at) for n, at in enumerate(made)])


def on_disk(house: Installation, name: str) -> bool:
    return any(name.encode() in path.read_bytes() for path in house.folder.rglob("predictions.lance/data/*"))


def test_old_predictions_go_and_the_log_stays_whole(house: Installation) -> None:
    log(house, 50, 40, 1)
    house.predictions.outcome(ADMIN, "prd_0000", {"label": "dark"})
    assert house.retention.apply(ADMIN).retired["predictions"] == 2
    assert [one.sequence for one in house.predictions.read(ADMIN, "line", 0, 10)] == [3]
    assert house.fsck.run("default").problems == ()


def test_what_was_let_go_is_gone_from_the_disk(house: Installation) -> None:
    log(house, 50, 1)
    assert on_disk(house, "prd_0000")
    assert house.retention.apply(ADMIN).bytes_pending == ""
    assert not on_disk(house, "prd_0000")
    assert on_disk(house, "prd_0001")


def test_a_prediction_stays_while_an_armed_rule_has_not_read_it(house: Installation) -> None:
    log(house, 50, 40)
    rule = {"workspace_id": "default", "id": "rul_1", "name": "two", "deployment": "line", "label": "dark"}
    state = {"consecutive": 2, "state": "armed", "sequence": 1, "streak": [], "made_at": ""}
    with house.records.write() as connection:
        connection.execute(metadata.tables["rules"].insert().values(**rule, **state))
    assert house.retention.apply(ADMIN).retired["predictions"] == 1
    assert [one.sequence for one in house.predictions.read(ADMIN, "line", 0, 10)] == [2]


def test_new_predictions_are_numbered_on_after_a_retirement(house: Installation) -> None:
    log(house, 50)
    house.retention.apply(ADMIN)
    log(house, 50, 0.5)
    assert [one.sequence for one in house.predictions.read(ADMIN, "line", 0, 10)] == [2, 3]


def test_an_upload_that_nobody_used_goes_with_its_bytes(house: Installation) -> None:
    digest = house.datasets.upload(ADMIN, "left.png", b"nobody wants this")
    with house.records.write() as connection:
        connection.exec_driver_sql("UPDATE staged SET made_at = '2020-01-01T00:00:00+00:00'")
    assert house.retention.apply(ADMIN).retired["uploads"] == 1
    assert not house.stores.workspace("default").blobs.exists(digest)


def test_an_answer_is_kept_for_as_long_as_the_rule_says(house: Installation) -> None:
    kept = Idempotency(house.records)
    asked = Caller("default", "tester", Role.ADMIN, idempotency_key="k")
    kept.remember(asked, "POST /x", "d", 200, {})
    assert house.retention.apply(ADMIN).retired["answers"] == 0
    assert kept.retire(ADMIN, now() + timedelta(seconds=1)) == 1
    assert kept.recall(asked, "POST /x", "d") is None


def test_each_kind_that_went_stands_in_the_audit(house: Installation) -> None:
    log(house, 50)
    house.retention.apply(ADMIN)
    actions = {entry.action for entry in house.events.audit(ADMIN)}
    assert {"predictions.retire", "quarantine.retire", "media.unstage", "webhook.retire"} <= actions


def test_an_installation_keeps_predictions_and_quarantine_for_ever_unless_told(tmp_path: Path) -> None:
    kept = load_settings(tmp_path).retention
    assert (kept.predictions_days, kept.quarantine_days) == (0, 0)
