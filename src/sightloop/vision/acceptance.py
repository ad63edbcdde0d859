"""Accepting labels without a person, under a bound on the share that is wrong.

Claim: a region of K samples, fixed before its first audit, is certified with probability at most alpha when
more than eps * K of its proposed labels are wrong; however often one looks, and whenever one stops.
Population: the K samples of the region. Frame: audits drawn from it uniformly at random without replacement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from sightloop.errors import NotEnoughData, Refused
from sightloop.vision.evidence import Evidence, require, require_share

Floats = npt.NDArray[np.float64]

MIXTURE_COST = 1.1  # measured: regions of 200 to 1000 with shares of errors of 0 to 2 %, eps 5 %
DEFAULT_REGION = 0.6  # where nothing is known of the errors; ELPV's accuracy supports it (design figures)

# A bet f stakes that errors come f times as often as the hypothesis says: f = 0 stakes everything on no error at all.
# The weights share the first unit of wealth. Seven mixtures differed by at most a tenth in audits on regions of 200 to
# 1000 with up to 2.5 % of errors; this one was near the best everywhere.
BETS: tuple[tuple[float, float], ...] = ((0.0, 0.5), (0.1, 0.2), (0.25, 0.2), (0.5, 0.1))


@dataclass(frozen=True, slots=True)
class AuditVerdict(Evidence):
    """What the audits of one region say; `residual_bound` is a share of the labels that nobody looked at."""

    region_size: int
    eps: float
    alpha: float
    audits: int
    errors: int
    wealth: float
    certified: bool
    hopeless: bool
    residual_bound: float


class AuditTest:
    """A running test of "more than eps * K of the K labels are wrong", updated after each audit.

    Betting on a mean without replacement: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
    betting", JRSS-B 2024, section 5; rejection at wealth 1 / alpha by Ville's inequality. With m = floor(eps K) + 1,
    the least number of errors that breaks the claim, the next audit is wrong with probability at least
    mu = (m - errors) / (K - audits); bet f multiplies wealth by f on an error and by (1 - f mu) / (1 - mu) otherwise,
    which is 1 + lambda (mu - wrong) with lambda = (1 - f) / (1 - mu). The wealth is a mixture over fixed bets.
    """

    def __init__(self, region_size: int, eps: float, alpha: float) -> None:
        require(region_size > 0, "The region is empty.", "Propose a region of at least one sample.")
        require_share("eps", eps)
        require_share("alpha", alpha)
        self.region_size, self.eps, self.alpha = region_size, eps, alpha
        self.audits = 0
        self.errors = 0
        self._fractions = np.array([f for f, _ in BETS])
        self._counts = np.arange(1, self.allowed + 2)
        self._stakes = np.tile([w for _, w in BETS], (self.allowed + 1, 1))
        self._refuted = np.zeros(self.allowed + 1, bool)

    @property
    def allowed(self) -> int:
        """The most errors that the region may hold under the claim: floor(eps K)."""
        return math.floor(self.eps * self.region_size + 1e-9)

    @property
    def wealth(self) -> float:
        """The wealth now; infinite once too few samples are left to break the claim."""
        decided = self.errors + self.region_size - self.audits <= self.allowed
        return math.inf if decided else float(self._stakes[-1].sum())

    @property
    def certified(self) -> bool:
        """Whether the claim was ever certified; further audits do not take it back (Ville's inequality)."""
        return bool(self._refuted[-1])

    @property
    def hopeless(self) -> bool:
        """Whether to give up: too many errors, or three quarters of the region would have to be audited.

        Stopping early costs no confidence: the bound holds at every stopping time.
        """
        if self.certified:
            return False
        return self.errors > self.allowed or self.audits + self.min_further() > max(0.75 * self.region_size, 1)

    def update(self, wrong: bool) -> None:
        """Nothing; takes the next audit of the random order into account."""
        remaining = self.region_size - self.audits
        require(remaining > 0, "Every sample of the region is audited.", "Stop: nothing is left to audit.")
        missing = self._counts - self.errors
        self.audits += 1
        self.errors += bool(wrong)
        open_ = (missing > 0) & (missing < remaining)
        mu = missing[open_, None] / remaining
        self._stakes[open_] *= self._fractions if wrong else (1 - self._fractions * mu) / (1 - mu)
        impossible = self._counts > self.errors + remaining - 1
        self._refuted |= (self._stakes.sum(axis=1) >= 1 / self.alpha) | impossible

    def min_further(self) -> int:
        """How many further audits certify the region if every one of them is right; 0 once certified.

        Raises Refused where no number of audits can: more errors were seen than the claim allows.
        """
        if self.certified:
            return 0
        missing = self.allowed + 1 - self.errors
        if missing <= 0:
            raise Refused(
                f"{self.errors} errors in the audits exceed the {self.allowed} that the region may hold.",
                hint="Retrain with the audited labels and propose a smaller region.",
            )
        remaining = self.region_size - self.audits
        last = remaining - missing + 1  # after so many right audits the errors that break the claim no longer fit
        start, stakes = 0, self._stakes[-1]
        while start < last - 1:
            mu = missing / (remaining - np.arange(start, min(start + 512, last - 1)))
            growth = np.cumprod((1 - self._fractions[:, None] * mu) / (1 - mu), axis=1) * stakes[:, None]
            enough = np.flatnonzero(growth.sum(axis=0) >= 1 / self.alpha)
            if enough.size:
                return start + int(enough[0]) + 1
            start, stakes = start + mu.size, growth[:, -1]
        return last

    def residual_bound(self) -> float:
        """The largest wrong share among the labels of the region that nobody audited; 1 until the region is certified.

        The same bets run against "at least m wrong labels" for every m up to floor(eps K) + 1; whichever m is refuted
        stays so. Only the true m can be refuted wrongly, so the bound holds at all times together with probability
        1 - alpha, and a caller may go on until it is small enough. It can exceed eps when the region is certified:
        audits take right labels out of the count.
        """
        left = self.region_size - self.audits
        if not left or not self.certified:
            return 0.0 if not left else 1.0
        most = int(self._counts[self._refuted][0]) - 1
        return max(most - self.errors, 0) / left

    def verdict(self) -> AuditVerdict:
        """The state of the test, frozen for a receipt."""
        return AuditVerdict(
            self.region_size, self.eps, self.alpha, self.audits, self.errors,
            min(self.wealth, 1e300), self.certified, self.hopeless, self.residual_bound(),
        )  # fmt: skip


def replay_audits(region_size: int, eps: float, alpha: float, outcomes: Sequence[bool]) -> AuditVerdict:
    """The verdict that these audits lead to, in the order in which they were drawn (True: the label was wrong)."""
    test = AuditTest(region_size, eps, alpha)
    for wrong in outcomes:
        test.update(wrong)
    return test.verdict()


def alpha_for_attempt(alpha: float, attempt: int) -> float:
    """The level of the attempt (counted from 1): alpha (3/4) (1/4)^(attempt - 1), which sums to alpha.

    By the union bound the chance of ever certifying a bad region is at most alpha, over any number of attempts. The
    first attempt mostly decides; three quarters cost it ln(4/3) / eps = 6 audits more than all of alpha at eps = 5 %.
    """
    require_share("alpha", alpha)
    require(attempt >= 1, f"Attempt {attempt} does not exist.", "Count attempts from 1.")
    return alpha * 0.75 * 0.25 ** (attempt - 1)


def effective_claim(region_size: int, eps: float, alpha: float, reviewer_error: float = 0.0) -> tuple[float, float]:
    """The eps and alpha to audit with, so that (eps, alpha) holds though the reviewer overlooks a share of the errors.

    With m = floor(eps K) + 1 wrong labels, the number that the reviewer would see is binomial (m, 1 - reviewer_error),
    each label being overlooked independently. Testing "more than a seen errors" at alpha - P(binomial <= a) keeps
    alpha by the union bound; a is the one that needs the fewest audits. Right labels called wrong tighten the test.
    Raises NotEnoughData where the region is too small for such a reviewer.
    """
    require_share("eps", eps)
    require_share("alpha", alpha)
    require(0 <= reviewer_error < 1, f"The reviewer error is {reviewer_error}.", "Give a share from 0 to below 1.")
    if reviewer_error == 0:
        return eps, alpha
    allowed = math.floor(eps * region_size + 1e-9)
    seen = np.arange(allowed + 1)
    left = alpha - binom.cdf(seen, allowed + 1, 1 - reviewer_error)
    if not (left > 0).any():
        raise NotEnoughData(
            f"A region of {region_size} is too small for a reviewer who overlooks {reviewer_error:.0%} of the errors.",
            hint="Propose a larger region, or have each audit reviewed twice.",
        )
    cost = np.log(1 / np.where(left > 0, left, 1e-300)) / -np.log1p(-(seen + 1) / (region_size + 1))
    best = int(cost.argmin())
    return (best + 0.5) / region_size, float(left[best])


def propose_region(confidence: Floats, expected_error: Floats | None, eps: float) -> npt.NDArray[np.int64]:
    """Indices of the samples to certify together, most confident first; empty where the region would not pay.

    Where `expected_error` is given (the chance that each label is wrong, from cross-fitted calibration), the region is
    the prefix that leaves the most labels unaudited by `expected_audits`; otherwise it is the top 60 %. The choice only
    moves the cost: the bound holds for any region that is fixed before its audits.
    """
    require_share("eps", eps)
    ranked = np.argsort(-np.asarray(confidence, np.float64), kind="stable")
    if expected_error is None:
        return ranked[: round(DEFAULT_REGION * len(ranked))]
    require(len(expected_error) == len(ranked), "One expected error per sample is needed.", "Give equal lengths.")
    errors = np.cumsum(np.asarray(expected_error, np.float64)[ranked])
    sizes = np.arange(1, len(ranked) + 1)
    saved = sizes - expected_audits(sizes, errors / sizes, eps)
    best = int(saved.argmax()) if saved.size else 0
    return ranked[: best + 1] if saved.size and saved[best] > 0 else ranked[:0]


def expected_audits(sizes: npt.NDArray[np.int64], error_rates: Floats, eps: float, alpha: float = 0.05) -> Floats:
    """About how many audits certify regions of these sizes that hold these shares of errors; infinite above eps.

    Wald's approximation log(1 / alpha) / KL(rate || eps), the relative entropy being the fastest growth of wealth
    (Kelly, BSTJ 1956), a tenth more for the mixture of bets; without replacement n shrinks to n / (1 + n / size).
    """
    rate, size = np.clip(np.asarray(error_rates, np.float64), 1e-9, 1.0), np.asarray(sizes, np.float64)
    growth = rate * np.log(rate / eps) + (1 - rate) * np.log((1 - rate).clip(1e-9) / (1 - eps))
    audits = MIXTURE_COST * math.log(1 / alpha) / np.maximum(growth, 1e-12)
    return np.where(rate < eps, audits / (1 + audits / size), np.inf)
