"""Accepting labels without a person: a region of proposed labels that may shrink while it is audited.

Claim: of the labels accepted with the region, audited errors corrected, at most a share eps is wrong, except with
probability alpha; however often one looks, and whenever one stops.
Population: the K samples of the region, their labels fixed before the first audit, less those taken out. Frame: audits
are drawn from the samples not yet seen, uniformly at random without replacement.

A corrected error no longer counts against the region; and people may answer for samples chosen on purpose (those that a
model trained on the audits doubts), which leave the region. No alpha is spent on either: the test runs for every
possible number of errors W of the first region at once, so that the claim about what is left is a claim about W,
whichever samples were taken out and why. The reviewers' answers are taken as true.

The claim averages over audited and unseen labels. So that it never hides unseen labels worse than eps, a region is
certified only while the share of errors among its audits, which estimates theirs, is at most eps as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sightloop.vision.evidence import Evidence, require, require_share

# Bet f stakes that errors come f times as often as the hypothesis says; the weights share the first unit of wealth.
# Chosen on the errors that regions met with ELPV (labeling/README.md).
BETS: tuple[tuple[float, float], ...] = ((0.0, 0.4), (0.1, 0.15), (0.25, 0.2), (0.5, 0.25))


@dataclass(frozen=True, slots=True)
class RegionVerdict(Evidence):
    """What the answers about a region say.

    Attributes:
        region_size: samples of the region when it was proposed.
        taken_out, taken_errors: those that left it, and how many of them had a wrong label.
        audits, errors: random audits, and how many of them found a wrong label.
        wealth: of the bet against the least number of errors that breaks the claim.
        residual_bound: the largest share of wrong labels among those that nobody saw, if the region is certified.
    """

    region_size: int
    taken_out: int
    taken_errors: int
    audits: int
    errors: int
    eps: float
    alpha: float
    wealth: float
    certified: bool
    residual_bound: float


class RegionTest:
    """A running test of "more than eps of the labels in the region are wrong", for a region that may shrink.

    Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 2024, section 5: under
    "W labels of the first region are wrong" the next audit is wrong with probability mu = (W - errors seen) / unseen,
    and bet f multiplies the wealth against W by f on an error, by (1 - f mu) / (1 - mu) otherwise. The wealth against
    the true W reaches 1 / alpha with probability at most alpha (Ville's inequality). Samples taken out on purpose move
    no wealth: given all answers so far, the order of the others is still uniformly random. The wealth grows with W, so
    the claim about the rest is certified once the least W that breaks it is rejected.
    """

    def __init__(self, region_size: int, eps: float, alpha: float) -> None:
        require(region_size > 0, "An empty region cannot be tested.", "Propose a region of at least one sample.")
        require_share("eps", eps)
        require_share("alpha", alpha)
        self.region_size, self.eps, self.alpha = region_size, eps, alpha
        self.audits = self.errors = self.taken_out = self.taken_errors = 0
        self._bets = np.array([bet for bet, _ in BETS])[:, None]
        self._hypotheses = np.arange(region_size + 1)
        self._stakes = np.array([weight for _, weight in BETS])[:, None] * np.ones(region_size + 1)
        self._peak = np.ones(region_size + 1)

    @property
    def unseen(self) -> int:
        """How many samples of the region nobody has answered for."""
        return self.region_size - self.audits - self.taken_out

    @property
    def allowed(self) -> int:
        """The most wrong labels that may stay in the region, as it stands now, under the claim."""
        return math.floor(self.eps * (self.region_size - self.taken_out) + 1e-9)

    @property
    def certified(self) -> bool:
        """Whether the claim holds for the region as it stands now."""
        rejected = self._impossible or bool(self._peak[self._breaking] >= 1 / self.alpha)
        return rejected and self._tolerable(self.audits)

    @property
    def wealth(self) -> float:
        """The highest wealth so far against the least W that breaks the claim; infinite where no W can break it."""
        return math.inf if self._impossible else float(self._peak[self._breaking])

    @property
    def _breaking(self) -> int:
        return self.taken_errors + self.errors + self.allowed + 1

    @property
    def _impossible(self) -> bool:
        return self.allowed + 1 > self.unseen

    def _tolerable(self, audits: int) -> bool:
        return not self.unseen or self.errors <= self.eps * audits + 1e-9

    def audit(self, wrong: bool) -> None:
        """Nothing; takes the next sample of the random order into account."""
        self._need_one()
        self._stakes = _bet(self._stakes, self._bets, self._mu(self._hypotheses, self.unseen), wrong)
        self._peak = np.maximum(self._peak, self._stakes.sum(axis=0))
        self.audits += 1
        self.errors += bool(wrong)

    def take_out(self, wrong: bool) -> None:
        """Nothing; a person answered for a sample that was chosen on purpose, and it leaves the region."""
        self._need_one()
        self.taken_out += 1
        self.taken_errors += bool(wrong)

    def min_further(self) -> int:
        """How many further audits certify the region if each is right; `unseen` at most, 0 once certified."""
        if self.certified:
            return 0
        against = self._breaking
        stakes, peak = self._stakes[:, [against]], self._peak[against]
        for count in range(self.unseen):
            impossible = self.allowed + 1 > self.unseen - count
            if (impossible or peak >= 1 / self.alpha) and self._tolerable(self.audits + count):
                return count
            mu = self._mu(np.array([against]), self.unseen - count)
            stakes = _bet(stakes, self._bets, mu, wrong=False)
            peak = max(peak, float(stakes.sum()))
        return self.unseen

    def verdict(self) -> RegionVerdict:
        """The state of the test, frozen for a receipt."""
        residual = min(self.allowed / self.unseen, 1.0) if self.unseen else 0.0
        return RegionVerdict(
            self.region_size, self.taken_out, self.taken_errors, self.audits, self.errors, self.eps, self.alpha,
            min(self.wealth, 1e300), self.certified, residual,
        )  # fmt: skip

    def _mu(self, hypotheses: npt.NDArray[np.int64], unseen: int) -> npt.NDArray[np.float64]:
        return np.clip((hypotheses - self.errors - self.taken_errors) / unseen, 0.0, 1.0)

    def _need_one(self) -> None:
        require(self.unseen > 0, "Every sample of the region has been answered.", "Stop: nothing is left to ask.")


def alpha_for_attempt(alpha: float, attempt: int) -> float:
    """The level of the attempt (counted from 1): alpha (3/4) (1/4)^(attempt - 1), which sums to alpha.

    By the union bound the chance of ever certifying a bad region is at most alpha, over any number of attempts. The
    first attempt mostly decides; three quarters cost it ln(4/3) / eps = 6 audits more than all of alpha at eps = 5 %.
    """
    require_share("alpha", alpha)
    require(attempt >= 1, f"Attempt {attempt} does not exist.", "Count attempts from 1.")
    return alpha * 0.75 * 0.25 ** (attempt - 1)


def _bet(
    stakes: npt.NDArray[np.float64], bets: npt.NDArray[np.float64], mu: npt.NDArray[np.float64], wrong: bool
) -> npt.NDArray[np.float64]:
    """Stakes (bets, hypotheses) after one audit; infinite where the hypothesis cannot have led to the outcome."""
    if wrong:
        return np.where(np.isinf(stakes), np.inf, stakes) * np.where(np.isinf(stakes), 1.0, bets)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return stakes * np.where(mu < 1.0, (1.0 - bets * mu) / (1.0 - mu), np.inf)
