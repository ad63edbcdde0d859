"""Comparing a challenger with a champion on the same frozen samples.

Claim of the gate: a challenger that is less accurate than the champion by `margin` or more, overall or on any gated
slice, passes with probability at most alpha; over all looks at the same samples, if each is given `alpha_for_look`.
Population: what the frozen samples, seen by both models, were drawn from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when first used

from sightloop.vision.evidence import Evidence, require, require_share

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Berger and Boos, "P values maximized over a confidence set for the nuisance parameter", JASA 1994: the nuisance is
# searched in a confidence set that misses it with this share of alpha, and that risk is added to the p-value.
NUISANCE_SHARE = 0.02
NUISANCE_POINTS = 32
NEGLIGIBLE = 1e-12
TARGET_POWER = 0.8
OVERALL = "overall"
FIRST_LOOK = 0.8
NEXT_LOOK = 0.1
SMALLEST = 1e-99  # no test passes there; smaller levels are no numbers for the quantiles


@dataclass(frozen=True, slots=True)
class PairedVerdict(Evidence):
    """A non-inferiority test on one set of samples; `power` is that of equal models at the disagreement seen.

    `n01` counts samples that only the challenger gets right, `n10` those that only the champion does; `difference` is
    challenger minus champion accuracy with its score interval of confidence 1 - 2 alpha; `further_needed` is about how
    many more labels would let equal models pass with probability 0.8, 0 if passed.
    """

    n: int
    n01: int
    n10: int
    difference: float
    lower: float
    upper: float
    p_value: float
    passed: bool
    power: float
    further_needed: int


@dataclass(frozen=True, slots=True)
class GateVerdict(Evidence):
    """All tests of a gate: every slice must be not inferior and, where superiority is asked, some slice superior."""

    passed: bool
    margin: float
    alpha: float
    slices: dict[str, PairedVerdict]
    superiority_p: dict[str, float] = field(default_factory=dict)
    superior: tuple[str, ...] = ()
    refused_by: tuple[str, ...] = ()
    further_needed: int = 0


def alpha_for_look(alpha: float, look: int) -> float:
    """The level of the look (counted from 1) at one frozen test version: alpha (4/5) (1/10)^(look - 1).

    A look adds one answer, passed or refused, so that before look k there are 2^(k-1) possible histories, each of which
    may lead to another challenger. Over all of them 2^(k-1) alpha_k sums to alpha: by the union bound the chance that
    any challenger worse by the margin ever passes is at most alpha, also where each was chosen knowing what had passed
    before (the tree of Blum and Hardt, "The Ladder", ICML 2015). The first look keeps four fifths, because most test
    versions are looked at once.
    """
    require_share("alpha", alpha)
    require(look >= 1, f"Look {look} does not exist.", "Count looks from 1.")
    return max(alpha * FIRST_LOOK * NEXT_LOOK ** (look - 1), SMALLEST)


def score_z(gains: npt.ArrayLike, losses: npt.ArrayLike, n: int, margin: float) -> Floats:
    """Tango's score statistic of "challenger minus champion is -margin" for each count of gains and losses.

    Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample design",
    Statistics in Medicine 1998, equations 5 to 7. Large values speak for non-inferiority.
    """
    b, c, delta = np.asarray(gains, np.float64), np.asarray(losses, np.float64), -margin
    linear = -b - c + (2 * n - b + c) * delta
    q = (np.sqrt(np.maximum(linear**2 + 8 * n * c * delta * (1 - delta), 0.0)) - linear) / (4 * n)
    variance = n * (2 * q + delta * (1 - delta))
    shift = b - c - n * delta
    return np.where(variance > 1e-12, shift / np.sqrt(np.maximum(variance, 1e-12)), np.sign(shift) * 1e6)


def paired_noninferiority(
    champion_correct: npt.ArrayLike, challenger_correct: npt.ArrayLike, margin: float, alpha: float
) -> PairedVerdict:
    """Whether the challenger is less accurate than the champion by less than `margin`, at level alpha.

    Exact unconditional p-value ordered by the score statistic (Sidik, "Exact unconditional tests for testing
    non-inferiority in matched-pairs design", Statistics in Medicine 2003), maximised over a Berger-Boos set.
    """
    old, new = np.asarray(champion_correct).astype(bool), np.asarray(challenger_correct).astype(bool)
    require(old.shape == new.shape and old.ndim == 1, "The models were not run on the same samples.", "Pair them.")
    require(0 < margin < 0.5, f"The margin is {margin}.", "Give a share of accuracy below 0.5, for example 0.05.")
    require_share("alpha", alpha)
    n, gains, losses = len(old), int((new & ~old).sum()), int((old & ~new).sum())
    return _noninferiority(n, gains, losses, margin, alpha)


@lru_cache(maxsize=4096)
def _noninferiority(n: int, gains: int, losses: int, margin: float, alpha: float) -> PairedVerdict:
    disagreement = (gains + losses + 1) / (n + 2)
    z_sum = float(scipy.stats.norm.isf(alpha) + scipy.stats.norm.ppf(TARGET_POWER))
    wanted = math.ceil(disagreement * (z_sum / margin) ** 2)
    if n == 0:
        return PairedVerdict(0, 0, 0, 0.0, -1.0, 1.0, 1.0, False, 0.0, wanted)
    risk = NUISANCE_SHARE * alpha
    low, high = _nuisance_range(n, losses, risk)
    z = float(score_z(gains, losses, n, margin))
    p_value = _p_value(z, n, margin, low, high, risk)
    passed = p_value <= alpha
    lower, upper = score_interval(n, gains, losses, 1 - 2 * alpha)
    power = _power(n, margin, alpha, disagreement)
    further = 0 if passed else max(wanted - n, math.ceil(0.1 * n))
    return PairedVerdict(n, gains, losses, (gains - losses) / n, lower, upper, p_value, passed, power, further)


def score_interval(n: int, gains: int, losses: int, confidence: float) -> tuple[float, float]:
    """The limits of challenger minus champion accuracy: the differences that the score test does not reject."""
    z_limit = float(scipy.stats.norm.ppf((1 + confidence) / 2))

    def z(difference: float) -> float:
        return float(score_z(gains, losses, n, -difference))

    centre, edge = (gains - losses) / n, 1 - 1e-9
    lower = float(scipy.optimize.brentq(lambda d: z(d) - z_limit, -edge, centre)) if z(-edge) > z_limit else -1.0
    upper = float(scipy.optimize.brentq(lambda d: z(d) + z_limit, centre, edge)) if z(edge) < -z_limit else 1.0
    return lower, upper


def _nuisance_range(n: int, losses: int, risk: float) -> tuple[float, float]:
    """Clopper-Pearson limits, of this risk, for the chance that only the champion is right."""
    lower = float(scipy.stats.beta.ppf(risk / 2, losses, n - losses + 1)) if losses else 0.0
    upper = float(scipy.stats.beta.isf(risk / 2, losses + 1, n - losses)) if losses < n else 1.0
    return lower, upper


def _critical_losses(z: float, n: int, margin: float) -> Floats:
    """For each count of gains from 0 to n, the most losses whose statistic is at least z; -1 where there is none."""
    gains = np.arange(n + 1)
    low, high = np.full(n + 1, -1), n - gains
    while (low < high).any():
        middle = (low + high + 1) // 2
        enough = score_z(gains, np.maximum(middle, 0), n, margin) >= z - 1e-9
        low, high = np.where(enough, middle, low), np.where(enough, high, middle - 1)
        high = np.maximum(low, high)
    return low.astype(np.float64)


def _tail(critical: Floats, n: int, gain: Floats, loss: Floats) -> Floats:
    """P(losses <= critical[gains]) where gains and losses are trinomial, for each pair of chances."""
    counts = np.arange(min(n, int(scipy.stats.binom.isf(NEGLIGIBLE, n, gain.max())) + 1) + 1)
    counts = counts[critical[counts] >= 0]
    special, log_gain = scipy.special, scipy.special.xlogy(counts, gain[:, None])
    ways = special.gammaln(n + 1) - special.gammaln(counts + 1) - special.gammaln(n - counts + 1)
    head = np.exp(ways + log_gain + special.xlog1py(n - counts, -gain[:, None]))
    rest = special.bdtr(critical[counts], n - counts, (loss / (1 - gain))[:, None])
    return np.asarray((head * rest).sum(axis=1))


def _p_value(z: float, n: int, margin: float, low: float, high: float, risk: float) -> float:
    """The largest chance, over the nuisance, of a statistic of at least z when the challenger is worse by margin."""
    loss = np.linspace(
        min(max(low, margin), (1 + margin) / 2), min(max(high, margin), (1 + margin) / 2), NUISANCE_POINTS
    )
    tail = _tail(_critical_losses(z, n, margin), n, loss - margin, np.minimum(loss, 1.0))
    return min(1.0, float(tail.max()) + NEGLIGIBLE + risk)


@lru_cache(maxsize=1024)
def _power(n: int, margin: float, alpha: float, disagreement: float) -> float:
    """The chance that equal models that disagree so often pass, with the nuisance at its expected place."""
    half = min(disagreement / 2, 0.5)
    risk = NUISANCE_SHARE * alpha
    low, high = _nuisance_range(n, round(n * half), risk)
    below, above = 0.0, 6.0
    for _ in range(10):
        middle = (below + above) / 2
        if _p_value(middle, n, margin, low, high, risk) <= alpha:
            above = middle
        else:
            below = middle
    return float(_tail(_critical_losses(above, n, margin), n, np.array([half]), np.array([half]))[0])


def superiority_p(champion_correct: npt.ArrayLike, challenger_correct: npt.ArrayLike) -> float:
    """The one-sided exact McNemar p-value of "the challenger is no better" (binomial on the disagreements)."""
    old, new = np.asarray(champion_correct).astype(bool), np.asarray(challenger_correct).astype(bool)
    gains, losses = int((new & ~old).sum()), int((old & ~new).sum())
    return float(scipy.stats.binomtest(gains, gains + losses, 0.5, "greater").pvalue) if gains + losses else 1.0


def holm(p_values: Mapping[str, float], alpha: float) -> tuple[str, ...]:
    """The names rejected by Holm's step-down procedure (Scandinavian Journal of Statistics 1979), smallest p first."""
    rejected: list[str] = []
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        if p > alpha / (len(p_values) - rank):
            break
        rejected.append(name)
    return tuple(rejected)


def gate(
    champion_correct: npt.ArrayLike,
    challenger_correct: npt.ArrayLike,
    slices: Mapping[str, npt.ArrayLike],
    margin: float,
    alpha: float,
    superiority: Sequence[str] = (),
) -> GateVerdict:
    """Whether the challenger may replace the champion.

    Every slice, and "overall", must be not inferior at level alpha: the intersection-union rule needs no correction
    (Berger, Technometrics 1982). If `superiority` names slices (or "overall"), at least one of them must be superior by
    exact McNemar after Holm. Slices are boolean masks (N,). A refusal states about how many more labels would decide.
    """
    old, new = np.asarray(champion_correct).astype(bool), np.asarray(challenger_correct).astype(bool)
    masks: dict[str, Bools] = {OVERALL: np.ones(len(old), bool)}
    for name, mask in slices.items():
        masks[name] = np.asarray(mask).astype(bool)
        require(len(masks[name]) == len(old), f'Slice "{name}" has another length.', "Give one flag per sample.")
    for name in superiority:
        require(name in masks, f'Superiority asks for the unknown slice "{name}".', f"Known: {', '.join(masks)}.")
    verdicts = {name: paired_noninferiority(old[m], new[m], margin, alpha) for name, m in masks.items()}
    p_values = {name: superiority_p(old[masks[name]], new[masks[name]]) for name in superiority}
    superior = holm(p_values, alpha)
    refused = tuple(name for name, verdict in verdicts.items() if not verdict.passed)
    passed = not refused and (not superiority or bool(superior))
    further = max(verdict.further_needed for verdict in verdicts.values())
    return GateVerdict(passed, margin, alpha, verdicts, p_values, superior, refused, further)
