from __future__ import annotations

import numpy as np
from scipy.stats import multinomial

from sightloop.vision.comparison import paired_noninferiority
from tests.specs.vision.simulations import TRIALS, promote_a_worse_challenger, tolerated


def test_a_challenger_worse_by_the_margin_on_one_slice_passes_no_more_often_than_alpha() -> None:
    assert promote_a_worse_challenger("every slice") <= tolerated(0.05, TRIALS)


def test_passing_on_any_slice_instead_of_every_slice_breaks_the_bound() -> None:
    assert promote_a_worse_challenger("any slice") > tolerated(0.05, TRIALS)


def test_a_doubled_margin_breaks_the_bound() -> None:
    assert promote_a_worse_challenger("margin doubled", trials=100) > tolerated(0.05, 100)


def test_the_exact_level_stays_below_alpha_whatever_the_disagreement() -> None:
    n, margin, alpha = 60, 0.1, 0.05
    index = np.arange(n)
    passing = [
        (gains, losses, n - gains - losses)
        for gains in range(25)
        for losses in range(gains + 3)
        if paired_noninferiority(index >= gains, (index < gains) | (index >= gains + losses), margin, alpha).passed
    ]
    levels = [
        multinomial.pmf(passing, n, [q - margin, q, 1 - 2 * q + margin]).sum() for q in np.linspace(0.101, 0.3, 30)
    ]
    assert 0.02 < max(levels) <= alpha
