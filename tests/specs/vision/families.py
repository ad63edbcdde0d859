"""Several scores, each of all images and by slice, on a calm stream: how often anything at all is raised."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sightloop.vision import DriftMartingale

KINDS = ("embedding", "score", "label", "quality", "latency")
CAMERAS = ("a", "b", "c")
TRIALS = 300


@lru_cache
def anything_raised(
    *, trials: int = TRIALS, seed: int = 5, alpha: float = 0.1, reference: int = 100, images: int = 100
) -> tuple[float, float]:
    """The share of trials with an alarm under one alpha, and with each line at the full alpha (broken).

    Scores of an image resemble each other, levels differ by camera and by day and night, "label" has ties; day and
    night are declared regimes, cameras are slices.
    """
    rng = np.random.default_rng(seed)
    lines = [*KINDS, *(f"{kind} by camera" for kind in KINDS)]
    shared = broken = 0
    for _ in range(trials):
        count = reference + images
        night = (np.arange(count) // 40) % 2
        cameras = rng.integers(0, len(CAMERAS), count)
        common = rng.normal(size=count)
        scores = {kind: 0.7 * common + rng.normal(size=count) + 2 * night + cameras for kind in KINDS}
        scores["label"] = np.round(scores["label"])
        cells = {
            line: [(CAMERAS[c] if " by " in line else "", str(n)) for c, n in zip(cameras, night, strict=True)]
            for line in lines
        }
        values = {line: scores[line.split(" by ")[0]] for line in lines}
        martingale = DriftMartingale(
            {line: values[line][:reference] for line in lines}, alpha, {line: cells[line][:reference] for line in lines}
        )
        highest = 0.0
        for i in range(reference, count):
            draws = dict(zip(lines, rng.random(len(lines)).tolist(), strict=True))
            now = {line: float(values[line][i]) for line in lines}
            step = martingale.step(now, draws, {line: cells[line][i] for line in lines})
            highest = max(highest, *(max(parts.values()) for parts in step.slices.values()))
        shared += martingale.alarmed
        broken += highest >= -np.log(alpha)
    return shared / trials, broken / trials
