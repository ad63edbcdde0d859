"""AUROC with its uncertainty, alone or against another model on the same samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when first used

from sightloop.vision.evidence import Evidence, require, require_share
from sightloop.vision.metrics import Interval, two_classes

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankingDifference(Evidence):
    """Challenger minus champion AUROC on the same samples, with its limits and two-sided p-value."""

    champion: float
    challenger: float
    difference: float
    lower: float
    upper: float
    confidence: float
    p_value: float


def delong_ci(scores: npt.ArrayLike, labels: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """The AUROC with normal limits on the logit scale, so that they stay within 0 and 1.

    Variance: DeLong, DeLong and Clarke-Pearson, Biometrics 1988, by the midranks of Sun and Xu, IEEE SPL 2014; logit
    limits: Pepe, "The Statistical Evaluation of Medical Tests", 2003, section 5.2. At an AUROC of 0 or 1 the variance
    is nought and the far limit is the rule of three on the smaller class (Hanley and Lippman-Hand, JAMA 1983).
    """
    require_share("confidence", confidence)
    s, y = two_classes(scores, labels)
    (value,), covariance = _delong(s[None], y)
    fewer = int(min(y.sum(), (~y).sum()))
    if not 0 < value < 1 or covariance[0, 0] <= 0:
        room = min(1.0, 3 / fewer)
        return Interval(value, max(0.0, value - room), min(1.0, value + room), confidence, len(y))
    logit = np.log(value / (1 - value))
    reach = scipy.stats.norm.ppf((1 + confidence) / 2) * np.sqrt(covariance[0, 0]) / (value * (1 - value))
    lower, upper = (float(1 / (1 + np.exp(-(logit + side * reach)))) for side in (-1, 1))
    return Interval(value, lower, upper, confidence, len(y))


def paired_auroc_difference(
    champion_scores: npt.ArrayLike, challenger_scores: npt.ArrayLike, labels: npt.ArrayLike, confidence: float = 0.95
) -> RankingDifference:
    """Challenger minus champion AUROC, with DeLong's paired variance (Biometrics 1988) and normal limits."""
    require_share("confidence", confidence)
    old, y = two_classes(champion_scores, labels)
    new, _ = two_classes(challenger_scores, labels)
    require(old.shape == new.shape, "The models were not run on the same samples.", "Pair them.")
    (first, second), covariance = _delong(np.stack([old, new]), y)
    difference = second - first
    deviation = float(np.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0)))
    reach = float(scipy.stats.norm.ppf((1 + confidence) / 2)) * deviation
    p_value = float(2 * scipy.stats.norm.sf(abs(difference) / deviation)) if deviation > 0 else float(difference == 0)
    return RankingDifference(first, second, difference, difference - reach, difference + reach, confidence, p_value)


def _delong(scores: Floats, positive: npt.NDArray[np.bool_]) -> tuple[list[float], Floats]:
    """AUROCs and their covariance (k, k) for scores (k, n)."""
    x, z = scores[:, positive], scores[:, ~positive]
    m, n = x.shape[1], z.shape[1]
    joint = np.stack([scipy.stats.rankdata(row) for row in np.concatenate([x, z], axis=1)])
    own_x, own_z = (np.stack([scipy.stats.rankdata(row) for row in part]) for part in (x, z))
    above = (joint[:, :m] - own_x) / n
    below = 1 - (joint[:, m:] - own_z) / m
    covariance = np.zeros((len(scores), len(scores)))
    if m > 1:
        covariance += np.atleast_2d(np.cov(above)) / m
    if n > 1:
        covariance += np.atleast_2d(np.cov(below)) / n
    return [float(a) for a in above.mean(axis=1)], covariance
