"""A server that is killed at any moment while four clients work: what they were told is done stays done, once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.journeys.crash_random import random_kills
from tests.journeys.crash_yard import Yard

pytestmark = [pytest.mark.crash, pytest.mark.soak, pytest.mark.timeout(7200)]
KILLS = int(os.environ.get("SIGHTLOOP_SOAK_KILLS", "50"))


def test_random_kills_under_four_clients_lose_nothing_acknowledged(yard: Yard, tmp_path: Path) -> None:
    found = random_kills(yard, tmp_path, KILLS)
    assert found.client_codes == [0] * len(found.acknowledged)
    assert found.lost == []
    assert all(found.acknowledged.values())
