"""Calm streams that are correlated, seasonal or looked at in many ways: alarms with the measures, and without them."""

from __future__ import annotations

import pytest

from benchmarks.bounds.trials import most_expected
from tests.specs.vision.families import TRIALS as FAMILY_TRIALS
from tests.specs.vision.families import anything_raised
from tests.specs.vision.seasons import TRIALS, told_and_broken


def test_frames_that_resemble_their_neighbours_keep_the_level_once_thinned() -> None:
    alarms, claims = told_and_broken("alike", "thinned, by regime", claimed_only=True)
    assert alarms * TRIALS <= most_expected(0.05, TRIALS)
    assert claims > 0.7


def test_day_and_night_keep_the_level_within_declared_regimes() -> None:
    alarms, claims = told_and_broken("seasonal", "thinned, by regime", claimed_only=True)
    assert alarms * TRIALS <= most_expected(0.05, TRIALS)
    assert claims > 0.7


@pytest.mark.parametrize("stream", ["alike", "seasonal"])
def test_without_the_measures_the_level_breaks_and_no_guarantee_is_claimed(stream: str) -> None:
    alarms, claims = told_and_broken(stream, "none", claimed_only=False, trials=60)  # type: ignore[arg-type]
    assert alarms * 60 > most_expected(0.05, 60)
    assert claims == 0


def test_many_scores_and_slices_share_one_alpha() -> None:
    shared, _ = anything_raised()
    assert shared * FAMILY_TRIALS <= most_expected(0.1, FAMILY_TRIALS)


def test_each_score_and_slice_at_the_full_alpha_breaks_it() -> None:
    _, broken = anything_raised()
    assert broken * FAMILY_TRIALS > most_expected(0.1, FAMILY_TRIALS)
