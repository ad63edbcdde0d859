from __future__ import annotations

from tests.specs.vision.simulations import TRIALS, alarm_on_a_calm_stream, tolerated


def test_a_calm_stream_raises_an_alarm_no_more_often_than_alpha() -> None:
    assert alarm_on_a_calm_stream("martingale") <= tolerated(0.05, TRIALS)


def test_wealth_restarted_after_losses_breaks_the_bound() -> None:
    assert alarm_on_a_calm_stream("wealth restarted") > tolerated(0.05, TRIALS)


def test_windows_compared_at_every_look_break_the_bound() -> None:
    assert alarm_on_a_calm_stream("windows compared at every look", trials=100) > tolerated(0.05, 100)
