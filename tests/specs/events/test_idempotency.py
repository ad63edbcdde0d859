"""Idempotency keys: the same request is answered from memory, another one is a conflict."""

from __future__ import annotations

import pytest

from sightloop.errors import Conflict
from sightloop.events import Idempotency
from sightloop.storage import Records
from tests.specs.events.conftest import ADMIN, STRANGER

KEYED = ADMIN.keyed("k")


@pytest.fixture
def memory(records: Records) -> Idempotency:
    kept = Idempotency(records)
    kept.remember(KEYED, "POST /datasets", "digest", 201, {"id": "dst_1"})
    return kept


def test_the_same_request_gets_the_same_answer(memory: Idempotency) -> None:
    assert memory.recall(KEYED, "POST /datasets", "digest") == (201, {"id": "dst_1"})


def test_the_first_answer_stays(memory: Idempotency) -> None:
    memory.remember(KEYED, "POST /datasets", "digest", 500, {})
    assert memory.recall(KEYED, "POST /datasets", "digest") == (201, {"id": "dst_1"})


def test_another_request_under_the_key_is_a_conflict(memory: Idempotency) -> None:
    with pytest.raises(Conflict):
        memory.recall(KEYED, "POST /datasets", "another digest")


def test_without_a_key_nothing_is_kept(memory: Idempotency) -> None:
    memory.remember(ADMIN, "POST /datasets", "digest", 201, {})
    assert memory.recall(ADMIN, "POST /datasets", "digest") is None


def test_the_key_of_another_workspace_or_route_is_another_key(memory: Idempotency) -> None:
    assert memory.recall(STRANGER.keyed("k"), "POST /datasets", "digest") is None
    assert memory.recall(KEYED, "POST /runs", "digest") is None
