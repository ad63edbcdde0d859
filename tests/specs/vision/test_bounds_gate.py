from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multinomial

from sightloop.vision import alpha_for_look
from sightloop.vision.comparison import paired_noninferiority


def test_the_levels_of_all_histories_of_passed_and_refused_looks_sum_to_alpha_at_most() -> None:
    levels = [2 ** (look - 1) * alpha_for_look(0.05, look) for look in range(1, 40)]
    assert sum(levels) == pytest.approx(0.05)
    assert levels[0] == pytest.approx(0.04)


@pytest.mark.parametrize("look", [6, 15, 400])
def test_a_worn_out_test_version_refuses_what_is_not_far_better(look: int) -> None:
    index = np.arange(200)
    verdict = paired_noninferiority(index >= 10, index >= 5, 0.05, alpha_for_look(0.05, look))
    assert not verdict.passed


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
