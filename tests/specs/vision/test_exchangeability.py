from __future__ import annotations

import json

import numpy as np
import pytest

from sightloop.errors import Corrupt, InvalidInput
from sightloop.vision import DriftMartingale, backtest, fit_whitening, knn_score, thinning
from sightloop.vision.backtesting import decorrelation_time
from sightloop.vision.exchangeability import SimpleJumper, StepResult, conformal_p, wealth_path

RNG_SEED = 5


def stream(n: int, shift: float = 0.0) -> list[tuple[dict[str, float], dict[str, float]]]:
    rng = np.random.default_rng(RNG_SEED)
    return [
        (
            {"embedding": float(rng.normal(shift)), "score": float(rng.normal())},
            {"embedding": float(a), "score": float(b)},
        )
        for a, b in rng.random((n, 2))
    ]


def reference() -> dict[str, list[float]]:
    rng = np.random.default_rng(RNG_SEED + 1)
    return {"embedding": rng.normal(size=200).tolist(), "score": rng.normal(size=200).tolist()}


def watched(alpha: float, images: list[tuple[dict[str, float], dict[str, float]]]) -> list[StepResult]:
    monitor = DriftMartingale(reference(), alpha)
    return [monitor.step(scores, u) for scores, u in images]


def test_p_values_rank_a_score_among_the_earlier_ones_with_ties_smoothed() -> None:
    assert conformal_p(2.0, [1.0, 2.0, 2.0, 3.0], u=0.5) == (1 + 0.5 * 3) / 5


def test_a_shift_raises_an_alarm_and_the_moved_monitor_carries_the_evidence() -> None:
    last = watched(0.01, stream(80, shift=2.0))[-1]
    assert last.alarm
    assert last.log_wealth["embedding"] > last.log_wealth["score"] + 3


def test_a_resumed_monitor_goes_on_exactly_where_it_stopped() -> None:
    whole = watched(0.01, stream(60, shift=1.0))
    monitor = DriftMartingale(reference(), 0.01)
    for scores, u in stream(60, shift=1.0)[:25]:
        monitor.step(scores, u)
    resumed = DriftMartingale.from_dict(json.loads(json.dumps(monitor.as_dict())))
    assert [resumed.step(scores, u) for scores, u in stream(60, shift=1.0)[25:]] == whole[25:]


def test_an_alarm_survives_a_restart() -> None:
    monitor = DriftMartingale(reference(), 0.01)
    for scores, u in stream(80, shift=2.0):
        monitor.step(scores, u)
    assert DriftMartingale.from_dict(monitor.as_dict()).alarmed


def test_a_damaged_state_is_refused_instead_of_started_anew() -> None:
    state = DriftMartingale(reference(), 0.01).as_dict()
    del state["monitors"]["score"]["slices"][""]["log_active"]
    with pytest.raises(Corrupt):
        DriftMartingale.from_dict(state)


def test_a_monitor_that_is_not_there_is_refused_and_the_others_named() -> None:
    with pytest.raises(InvalidInput) as refusal:
        DriftMartingale(reference(), 0.01).step({"sound": 0.0}, {"sound": 0.5})
    assert "embedding" in refusal.value.hint


def test_a_monitor_that_does_not_look_keeps_its_wealth() -> None:
    monitor = DriftMartingale(reference(), 0.01)
    step = monitor.step({"score": 0.0}, {"score": 0.5})
    assert step.log_wealth["embedding"] == 0.0
    assert step.p.keys() == {"score"}


def test_many_streams_at_once_have_the_wealth_of_each_alone() -> None:
    p = np.random.default_rng(9).random((2, 80)) ** 2
    for path, row in zip(wealth_path(p), p, strict=True):
        jumper = SimpleJumper()
        np.testing.assert_allclose([jumper.step(float(one)) for one in row], path)


def test_a_change_after_a_long_calm_is_seen_as_soon_as_one_at_the_start() -> None:
    def delay(calm: int) -> int:
        rng = np.random.default_rng(11)
        path = wealth_path(np.concatenate([rng.random((1, calm)), rng.random((1, 200)) / 20], axis=1))[0]
        return int(np.argmax(path[calm:] >= np.log(100)))

    assert delay(4000) <= delay(0) + 5


def test_a_tenth_of_strange_traffic_is_seen() -> None:
    rng = np.random.default_rng(12)
    p = rng.random((1, 300))
    p[0, ::10] = 0.002
    assert wealth_path(p).max() >= np.log(100)


def cells(count: int) -> tuple[list[float], list[tuple[str, str]]]:
    """Scores around 0 by day and around 5 by night, of two cameras in turn."""
    rng = np.random.default_rng(RNG_SEED)
    places = [("left" if i % 2 else "right", "night" if i % 3 == 0 else "day") for i in range(count)]
    return [float(rng.normal(5 * (regime == "night"))) for _, regime in places], places


def test_a_score_is_ranked_within_its_regime() -> None:
    scores, places = cells(120)
    monitor = DriftMartingale({"score": scores}, 0.01, {"score": places})
    assert monitor.step({"score": 5.0}, {"score": 0.5}, {"score": ("left", "night")}).p["score"] > 0.2
    assert monitor.step({"score": 5.0}, {"score": 0.5}, {"score": ("left", "day")}).p["score"] < 0.05


def test_a_regime_that_the_reference_lacks_is_refused() -> None:
    scores, places = cells(60)
    monitor = DriftMartingale({"score": scores}, 0.01, {"score": places})
    assert not monitor.knows("score", ("left", "dusk"))
    with pytest.raises(InvalidInput, match="no reference"):
        monitor.step({"score": 0.0}, {"score": 0.5}, {"score": ("left", "dusk")})


def test_the_evidence_of_a_sliced_monitor_is_the_mean_over_its_slices() -> None:
    scores, places = cells(120)
    monitor = DriftMartingale({"score": scores}, 0.01, {"score": places})
    for _ in range(12):
        step = monitor.step({"score": 9.0}, {"score": 0.5}, {"score": ("left", "day")})
    wealth = step.slices["score"]
    assert wealth["right"] == 0.0
    assert np.exp(step.log_wealth["score"]) == pytest.approx((np.exp(wealth["left"]) + 1) / 2)


def test_a_sliced_monitor_resumes_where_it_stopped() -> None:
    scores, places = cells(120)
    looks = [(score + 1, place) for score, place in zip(scores, places, strict=True)]
    whole = DriftMartingale({"score": scores}, 0.01, {"score": places})
    halves = DriftMartingale({"score": scores}, 0.01, {"score": places})
    for i, (score, place) in enumerate(looks):
        if i == 50:
            halves = DriftMartingale.from_dict(json.loads(json.dumps(halves.as_dict())))
        step = whole.step({"score": score}, {"score": 0.5}, {"score": place})
        assert halves.step({"score": score}, {"score": 0.5}, {"score": place}) == step


def test_whitened_reference_has_unit_covariance() -> None:
    x = np.random.default_rng(0).normal(size=(300, 6)) @ np.random.default_rng(1).normal(size=(6, 10))
    white = fit_whitening(x, dims=8).apply(x)
    assert white.shape == (300, 6)
    np.testing.assert_allclose(np.cov(white.T), np.eye(6), atol=1e-8)


def test_the_score_is_the_mean_distance_to_the_nearest_neighbours() -> None:
    grid = np.arange(10.0)[:, None]
    assert knn_score(grid, np.array([[-1.0]]), k=3)[0] == pytest.approx((1 + 2 + 3) / 3)


def test_independent_scores_decorrelate_at_once_and_smooth_ones_do_not() -> None:
    noise = np.random.default_rng(2).normal(size=4000)
    smooth = np.zeros(4000)
    for t in range(1, 4000):
        smooth[t] = 0.9 * smooth[t - 1] + noise[t]
    assert decorrelation_time(noise) < 1.5
    assert 12 < decorrelation_time(smooth) < 28  # (1 + 0.9) / (1 - 0.9) = 19 for this process


def test_day_and_night_need_no_thinning_where_they_are_told_apart() -> None:
    night = (np.arange(400) // 50) % 2
    scores = np.random.default_rng(6).normal(size=400) + 4 * night
    assert thinning(scores) > 10
    assert thinning(scores, night.tolist()) == 1


def test_a_backtest_within_regimes_grants_the_guarantee_where_day_and_night_alternate() -> None:
    night = (np.arange(400) // 50) % 2
    scores = np.random.default_rng(6).normal(size=400) + 4 * night
    assert not backtest(scores, 0.05, seed=1, runs=60).guarantee
    assert backtest(scores, 0.05, seed=1, runs=60, cells=night.tolist()).guarantee


def test_a_backtest_grants_the_guarantee_on_an_exchangeable_reference() -> None:
    assert backtest(np.random.default_rng(3).normal(size=240), 0.05, seed=1, runs=60).guarantee


def test_a_backtest_denies_the_guarantee_where_day_and_night_alternate() -> None:
    hours = np.arange(300)
    scores = 3 * np.sin(hours / 300 * 2 * np.pi * 3) + np.random.default_rng(4).normal(size=300)
    result = backtest(scores, 0.05, seed=1, runs=60)
    assert not result.guarantee
    assert result.rate > 0.2
