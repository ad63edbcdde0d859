"""Labels accepted without a person: regions with a few wrong labels too many, audited until they are accepted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import permutations
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import hypergeom

from benchmarks.bounds.trials import Bound, Trial
from sightloop.vision import RegionTest, alpha_for_attempt

ALPHA = 0.05
ATTEMPTS = 3
DOUBTS_EVERY = 10
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """Proposed labels of which `wrong` are wrong, and the people who answer for samples of it.

    Attributes:
        before, doubts: samples chosen on purpose that leave the region before the first audit, and after every tenth.
        chosen: which samples those are, as far as there are any.
        skipped: share of the wrong labels for which a person who is asked gives no answer.
        audits: how the audited samples are drawn.
        test: what judges them.
        repeated: a test for a fixed number of audits takes its place, looked at after each audit.
    """

    size: int
    eps: float
    wrong: int
    before: int = 0
    doubts: int = 0
    chosen: Literal["wrong", "right"] = "wrong"
    skipped: float = 0.0
    skips: Literal["count as wrong", "are left out"] = "count as wrong"
    audits: Literal["at random", "from the top", "with replacement"] = "at random"
    test: Callable[[int, float, float], RegionTest] = RegionTest
    repeated: bool = False

    def trial(self, rng: np.random.Generator, alpha: float = ALPHA) -> bool:
        """Whether the region is ever certified while more labels that nobody saw are wrong than the receipt says."""
        wrong = np.arange(self.size) < self.wrong
        hard = rng.random(self.size) < self.skipped
        return certified_too_bad(self, wrong, hard, _order(self, wrong, rng), alpha)


def certified_too_bad(region: Region, wrong: Bools, hard: Bools, order: Ints, alpha: float) -> bool:
    """Whether, with audits in this order, there is a look at which the region is certified and the claim is false."""
    test = region.test(region.size, region.eps, alpha)
    seen = np.zeros(region.size, bool)
    _take_out(test, wrong, seen, region.before, region.chosen)
    for i in order:
        if region.audits != "with replacement" and seen[i]:
            continue
        seen[i] = True
        if wrong[i] and hard[i] and region.skips == "are left out":
            test.take_out(wrong=False)
        else:
            test.audit(bool(wrong[i]))
        if test.audits % DOUBTS_EVERY == 0:
            _take_out(test, wrong, seen, region.doubts, region.chosen)
        claim_holds = int(wrong[~seen].sum()) <= region.eps * (region.size - test.taken_out) + 1e-9
        if not test.unseen or (claim_holds and (region.chosen == "wrong" or not region.doubts)):
            return False
        if not claim_holds and _accepted(test, region):
            return True
    return False


def _order(region: Region, wrong: Bools, rng: np.random.Generator) -> Ints:
    if region.audits == "with replacement":
        return rng.integers(0, region.size, region.size)
    order = rng.permutation(region.size)
    if region.audits == "from the top":
        order = order[np.argsort(wrong[order] + 0.5 * rng.random(region.size), kind="stable")]
    return order


def _take_out(test: RegionTest, wrong: Bools, seen: Bools, count: int, chosen: str) -> None:
    if not count:
        return
    unseen = np.flatnonzero(~seen)
    ranked = unseen[np.argsort(wrong[unseen] != (chosen == "wrong"), kind="stable")]
    for i in ranked[: min(count, test.unseen - 1)]:
        seen[i] = True
        test.take_out(bool(wrong[i]))


def _accepted(test: RegionTest, region: Region) -> bool:
    if not region.repeated:
        return test.certified
    least = test.errors + test.allowed + 1
    return _fixed_sample_p(test.errors, test.region_size, least, test.audits) <= test.alpha


@lru_cache(maxsize=4096)
def _fixed_sample_p(errors: int, size: int, wrong: int, audits: int) -> float:
    """The chance of so few errors in a sample without replacement whose size was fixed beforehand."""
    return float(hypergeom.cdf(errors, size, wrong, audits))


def mean_wealth(make: Callable[[int, float, float], RegionTest], size: int, wrong: int, steps: int) -> float:
    """The wealth bet against the true number of wrong labels after so many steps, over all orders of the audits.

    The second step takes out a wrong label on purpose, if one is left; the others are audits. A fair bet gives 1.
    """
    total, orders = 0.0, list(permutations(range(size)))
    for order in orders:
        test, left = make(size, 0.1, ALPHA), list(order)
        for step in range(steps):
            if step == 1:
                chosen = min(left)
                left.remove(chosen)
                test.take_out(chosen < wrong)
            else:
                test.audit(left.pop(0) < wrong)
        total += float(test._stakes[:, wrong].sum())
    return total / len(orders)


class TakenErrorsForgotten(RegionTest):
    """The chance of an error still counts the wrong labels that were taken out."""

    def _mu(self, hypotheses: Ints, unseen: int) -> npt.NDArray[np.float64]:
        return np.clip((hypotheses - self.errors) / unseen, 0.0, 1.0)


class AuditedErrorsForgotten(RegionTest):
    """The chance of an error still counts the wrong labels that audits found and corrected."""

    def _mu(self, hypotheses: Ints, unseen: int) -> npt.NDArray[np.float64]:
        return np.clip((hypotheses - self.taken_errors) / unseen, 0.0, 1.0)


class CorrectedErrorsCountAsRight(RegionTest):
    """An error that an audit found counts as a right label, because it was corrected."""

    def audit(self, wrong: bool) -> None:
        super().audit(wrong=False)


class TakenOutStillAllowFor(RegionTest):
    """The samples taken out still count in the number of labels of which a share eps may be wrong."""

    @property
    def allowed(self) -> int:
        return math.floor(self.eps * self.region_size + 1e-9)


class WithReplacement(RegionTest):
    """The formula for audits drawn with replacement: the chance of an error stays what it was at first.

    Used on audits without replacement it is no violation: such a bet wins no more there (Hoeffding 1963, section 6). It
    costs audits.
    """

    def _mu(self, hypotheses: Ints, unseen: int) -> npt.NDArray[np.float64]:
        return hypotheses / self.region_size


def over_attempts(region: Region, attempts: int, alpha_of: Callable[[float, int], float]) -> Trial:
    """A campaign that tries one bad region after another until one is accepted, each at its own alpha."""

    def trial(rng: np.random.Generator) -> bool:
        return any(region.trial(rng, alpha_of(ALPHA, number)) for number in range(1, attempts + 1))

    return trial


LARGE = Region(1000, 0.1, 112)
USUAL = Region(600, 0.05, 33)
SMALL = Region(100, 0.03, 6)
WRONG_OUT = Region(200, 0.1, 58, before=36)
RIGHT_OUT = Region(300, 0.1, 17, before=150, chosen="right")
DOUBTED = Region(120, 0.2, 30, doubts=2)
DOUBTED_RIGHT = Region(120, 0.2, 27, doubts=2, chosen="right")
TRIED = Region(400, 0.2, 86)
SKIPPED = Region(300, 0.1, 36, skipped=0.6)
CLAIM = "of the labels accepted with a region, audited errors corrected, more than eps are wrong"

BOUNDS = (
    Bound(
        "a region of 1,000 at eps 10 %",
        CLAIM,
        ALPHA,
        LARGE.trial,
        {
            "audits from the top": replace(LARGE, audits="from the top").trial,
            "fixed-sample test at every look": replace(LARGE, repeated=True).trial,
            "corrected errors count as right": replace(LARGE, test=CorrectedErrorsCountAsRight).trial,
        },
    ),
    Bound("a region of 600 at eps 5 %", CLAIM, ALPHA, USUAL.trial),
    Bound(
        "a region of 100 at eps 3 %, mostly audited",
        CLAIM,
        ALPHA,
        SMALL.trial,
        {
            "drawn with replacement, taken as without": replace(SMALL, audits="with replacement").trial,
        },
    ),
    Bound(
        "a region from which people took wrong labels",
        CLAIM,
        ALPHA,
        WRONG_OUT.trial,
        {"errors taken out forgotten": replace(WRONG_OUT, test=TakenErrorsForgotten).trial},
    ),
    Bound(
        "a region from which people took right labels",
        CLAIM,
        ALPHA,
        RIGHT_OUT.trial,
        {"samples taken out still allow for errors": replace(RIGHT_OUT, test=TakenOutStillAllowFor).trial},
    ),
    Bound(
        "a region that shrinks between audits",
        CLAIM,
        ALPHA,
        DOUBTED.trial,
    ),
    Bound("a region that loses right labels between audits", CLAIM, ALPHA, DOUBTED_RIGHT.trial),
    Bound(
        "a region of which people skip wrong labels",
        CLAIM,
        ALPHA,
        SKIPPED.trial,
        {"skipped audits left out": replace(SKIPPED, skips="are left out").trial},
    ),
    Bound(
        "three regions tried in turn",
        "a region that is accepted in any attempt of a campaign is worse than eps",
        ALPHA,
        over_attempts(TRIED, ATTEMPTS, alpha_for_attempt),
        {"all of alpha at every attempt": over_attempts(TRIED, ATTEMPTS, lambda alpha, number: alpha)},
    ),
)  # fmt: skip
