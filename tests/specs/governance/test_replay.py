from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from sightloop.domain import Caller, Receipt, Role
from sightloop.errors import NotFound, Refused
from sightloop.events import Events
from sightloop.governance import Replay
from sightloop.storage import Records, Stores

ENGINEER = Caller("default", "tester", Role.ENGINEER)


class House:
    def __init__(self, folder: Path) -> None:
        self.records = Records(f"sqlite:///{folder / 'sightloop.db'}")
        self.records.migrate()
        self.stores = Stores(folder, self.records)
        self.events = Events(self.records)
        self.replay = Replay(self.events, self.stores, {"sum": lambda data: {"total": sum(orjson.loads(data))}})

    def receipt(self, outcome: dict[str, Any], kind: str = "sum") -> Receipt:
        data = self.stores.workspace("default").blobs.put(b"[1, 2, 3]")
        with self.events.change(ENGINEER, "test", "x") as tx:
            tx.emit("sightloop.test.done", {})
            return tx.receipt(
                kind, rule="r", subject="s", claim={}, evidence={}, inputs={"data": data}, outcome=outcome
            )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_the_same_decision_is_found_the_same(house: House) -> None:
    assert house.replay.replay(ENGINEER, house.receipt({"total": 6}).id)["same"]


def test_another_decision_is_found_and_both_are_shown(house: House) -> None:
    told = house.replay.replay(ENGINEER, house.receipt({"total": 7}).id)
    assert (told["same"], told["outcome"], told["recomputed"]) == (False, {"total": 7}, {"total": 6})


def test_a_kind_without_a_replay_is_refused(house: House) -> None:
    with pytest.raises(Refused):
        house.replay.replay(ENGINEER, house.receipt({}, kind="other").id)


def test_a_receipt_of_another_workspace_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        house.replay.replay(Caller("other", "x", Role.ADMIN), house.receipt({"total": 6}).id)
