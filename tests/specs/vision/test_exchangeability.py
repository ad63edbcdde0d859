from __future__ import annotations

import json

import numpy as np
import pytest

from sightloop.errors import Corrupt, InvalidInput
from sightloop.vision import DriftMartingale, backtest, decorrelation_time, fit_whitening, knn_score
from sightloop.vision.exchangeability import StepResult, conformal_p

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
    del state["monitors"]["score"]["log_wealth"]
    with pytest.raises(Corrupt):
        DriftMartingale.from_dict(state)


def test_a_missing_monitor_is_named() -> None:
    with pytest.raises(InvalidInput) as refusal:
        DriftMartingale(reference(), 0.01).step({"score": 0.0}, {"score": 0.5})
    assert "embedding" in refusal.value.hint


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


def test_a_backtest_grants_the_guarantee_on_an_exchangeable_reference() -> None:
    assert backtest(np.random.default_rng(3).normal(size=240), 0.05, seed=1, runs=60).guarantee


def test_a_backtest_denies_the_guarantee_where_day_and_night_alternate() -> None:
    hours = np.arange(300)
    scores = 3 * np.sin(hours / 300 * 2 * np.pi * 3) + np.random.default_rng(4).normal(size=300)
    result = backtest(scores, 0.05, seed=1, runs=60)
    assert not result.guarantee
    assert result.rate > 0.2
