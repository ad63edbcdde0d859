"""kill -9 at every fault point, then the same call again: nothing acknowledged is lost, nothing is twice.

Each trial does one operation in a process of its own with one point armed, sees it die by SIGKILL, opens the folder
again, waits for its recovery, checks it, repeats the call under the same idempotency key, and compares all that a
client can see with an installation that never crashed.
"""

from __future__ import annotations

import pytest

from sightloop.storage import FAULT_POINTS
from tests.journeys.crash_yard import TRIALS, Yard

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]
SOAKED = 20
RECOVERY_S = 30.0
NAMES = [f"{name}-{point}" for name, point, _ in TRIALS]


def test_there_is_a_kill_for_every_fault_point() -> None:
    assert {point for _, point, _ in TRIALS} == set(FAULT_POINTS)


@pytest.mark.parametrize(("name", "point", "nth"), TRIALS, ids=NAMES)
def test_a_kill_loses_nothing_and_doubles_nothing(name: str, point: str, nth: str, yard: Yard) -> None:
    outcome = yard.kill(name, point, int(nth or 1))
    assert outcome is not None, "the point was not passed"
    assert outcome.problems == []
    assert outcome.different == {}


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("name", "point", "nth"), TRIALS, ids=NAMES)
def test_twenty_kills_at_the_passes_of_a_point_lose_nothing(name: str, point: str, nth: str, yard: Yard) -> None:
    for at, outcome in yard.kills(name, point, int(nth or 1), SOAKED):
        assert (outcome.problems, outcome.different) == ([], {}), f"pass {at}"
        assert outcome.recovered_s <= RECOVERY_S
