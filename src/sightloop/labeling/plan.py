"""What a campaign asks next: pure decisions over indices of its pool, so that a whole campaign can be simulated.

    seed -> lessons (uncertain and diverse) -> region -> audits, doubts -> accept -> done
                     ^                                        |
                     +------- hopeless: next attempt ---------+ -> rest -> done

The state holds nothing but the answers in the order in which they were asked for, so the same answers always lead to
the same questions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from sightloop.vision import RegionTest, alpha_for_attempt, diverse, uncertain

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]

UNSURE = -1  # an answer without a label: the person skipped or rejected the item


class Purpose(StrEnum):
    """Why a person is asked. Audits and second opinions are blind: no suggestion is shown."""

    SEED = "seed"
    LESSON = "lesson"
    AUDIT = "audit"
    DOUBT = "doubt"
    REST = "rest"
    SECOND = "second"

    @property
    def blind(self) -> bool:
        return self in (Purpose.SEED, Purpose.AUDIT, Purpose.SECOND)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a campaign spends its questions; the defaults were chosen on ELPV (README).

    Attributes:
        eps, alpha: of the accepted labels at most eps wrong, except with probability alpha over all attempts.
        seed_count: random labels before there is a model.
        batch: lessons before the model is trained again; 0 takes a fortieth of the pool, at least 10.
        far_share: share of a batch that is chosen for diversity while fewer than twice `seed_count` answers are in.
        lesson_share: share of the pool to learn from, seed included, before the first region is proposed.
        early_below: propose sooner where the model expects fewer errors in the region than this share of eps.
        region_share: share of the samples left that the region takes, the most confident ones.
        doubt_above: samples of the region whose label a retrained model finds wrong with at least this probability are
            asked about on purpose, `batch` at most between two rounds of audits.
        give_up_share: an attempt ends once it would take audits of more than this share of what is unseen, if what is
            unseen is enough for another attempt.
        attempts: regions to try before people answer for the rest.
        seed: of every random choice.
    """

    eps: float = 0.05
    alpha: float = 0.05
    seed_count: int = 30
    batch: int = 0
    far_share: float = 0.25
    lesson_share: float = 0.42
    early_below: float = 0.1
    region_share: float = 0.9
    doubt_above: float = 0.15
    give_up_share: float = 0.75
    attempts: int = 3
    seed: int = 0

    def batch_of(self, size: int) -> int:
        """Lessons in a batch, for a pool of this size."""
        return self.batch or max(10, size // 40)


@dataclass(slots=True)
class Attempt:
    """A proposed region, samples and class indices fixed before its first audit, and the answers about it, in order."""

    region: Ints
    labels: Ints
    seen: list[tuple[int, bool, Purpose]] = field(default_factory=list)  # sample, wrong, AUDIT or DOUBT
    closed: bool = False


@dataclass(slots=True)
class State:
    """A pool of `size` samples (indices 0 to size - 1) and all that was answered about them."""

    size: int
    answers: dict[int, int] = field(default_factory=dict)  # sample to class index, or UNSURE
    attempts: list[Attempt] = field(default_factory=list)
    accepted: set[int] = field(default_factory=set)
    context: frozenset[int] = frozenset()  # class indices that labels from outside the pool show

    @property
    def unlabelled(self) -> Ints:
        """Samples that nobody answered for and no region accepted, ascending."""
        taken = self.answers.keys() | self.accepted
        return np.array([i for i in range(self.size) if i not in taken], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """People are to answer for these samples, in this order."""

    samples: Ints
    purpose: Purpose


@dataclass(frozen=True, slots=True, eq=False)
class Propose:
    """These samples become the region of a new attempt, with these class indices as their labels."""

    samples: Ints
    labels: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Accept:
    """These samples of the open attempt are certified; their proposed labels stand without a person."""

    samples: Ints


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The open attempt is not worth its audits any more."""


@dataclass(frozen=True, slots=True)
class Done:
    """Every sample has a label, or a person who could not give one."""


Move = Ask | Propose | Accept | GiveUp | Done


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a model says of samples: probabilities (n, C), and for diversity embeddings (n, d) or none."""

    samples: Ints
    probabilities: Floats
    embeddings: Floats | None = None


def next_move(state: State, schedule: Schedule, look: Callable[[Ints], View]) -> Move:
    """The next move; `look` trains on all answers and views the given samples, and is called only where needed."""
    left = state.unlabelled
    if not left.size:
        return Done()
    if not state.answers:
        return Ask(draw(left, schedule.seed_count, schedule.seed), Purpose.SEED)
    if state.attempts and not state.attempts[-1].closed:
        return _go_on(state, schedule, look)
    batch, tried = schedule.batch_of(state.size), len(state.attempts)
    if len({answer for answer in state.answers.values() if answer != UNSURE} | set(state.context)) < 2:
        return Ask(draw(left, batch, schedule.seed + len(state.answers)), Purpose.SEED)
    if state.accepted or tried >= schedule.attempts or left.size < _worth_trying(schedule, tried + 1):
        return Ask(left, Purpose.REST)
    view = look(left)
    confidence = view.probabilities.max(axis=1)
    ranked = np.argsort(-confidence, kind="stable")[: round(schedule.region_share * left.size)]
    young = len(state.answers) < 2 * schedule.seed_count
    early = not young and not tried and 1 - confidence[ranked].mean() < schedule.early_below * schedule.eps
    if len(state.answers) < schedule.lesson_share * state.size * (1 + tried / 2) and not early:
        return Ask(_lessons(view, min(batch, left.size), schedule, young), Purpose.LESSON)
    return Propose(view.samples[ranked], view.probabilities[ranked].argmax(axis=1).astype(np.int64))


def draw(samples: Ints, count: int, seed: int) -> Ints:
    """Up to `count` of the samples, uniformly at random without replacement, in random order."""
    return np.random.default_rng(seed).permutation(samples)[:count].astype(np.int64)


def audit_order(attempt: int, size: int, seed: int) -> Ints:
    """The random order, positions in the region, in which the attempt's samples are audited; fixed by the seed."""
    return np.random.default_rng([seed, attempt]).permutation(size).astype(np.int64)


def test_of(attempt: Attempt, number: int, eps: float, alpha: float) -> RegionTest:
    """The test of an attempt (counted from 1) after all its answers."""
    test = RegionTest(len(attempt.region), eps, alpha_for_attempt(alpha, number))
    for _, wrong, purpose in attempt.seen:
        if purpose is Purpose.AUDIT:
            test.audit(wrong)
        else:
            test.take_out(wrong)
    return test


def _go_on(state: State, schedule: Schedule, look: Callable[[Ints], View]) -> Move:
    attempt, number = state.attempts[-1], len(state.attempts)
    test = test_of(attempt, number, schedule.eps, schedule.alpha)
    seen = {sample for sample, _, _ in attempt.seen}
    order = attempt.region[audit_order(number, len(attempt.region), schedule.seed)]
    unseen = order[~np.isin(order, list(seen))]
    if test.certified:
        return Accept(np.sort(unseen))
    if attempt.seen and attempt.seen[-1][2] is Purpose.AUDIT:
        doubts = _doubts(attempt, look(np.sort(unseen)), schedule, schedule.batch_of(state.size))
        if doubts.size:
            return Ask(doubts, Purpose.DOUBT)
    further = test.min_further()
    again = number < schedule.attempts and len(unseen) >= _worth_trying(schedule, number + 1)
    if further >= len(unseen) or (again and further > schedule.give_up_share * len(unseen)):
        return GiveUp()
    return Ask(unseen[:further], Purpose.AUDIT)


def _doubts(attempt: Attempt, view: View, schedule: Schedule, most: int) -> Ints:
    """Samples of the region whose proposed label the retrained model finds likely wrong, the likeliest first."""
    label_of = dict(zip(attempt.region.tolist(), attempt.labels.tolist(), strict=True))
    labels = np.array([label_of[int(i)] for i in view.samples])
    wrong = 1 - view.probabilities[np.arange(len(labels)), labels]
    ranked = np.argsort(-wrong, kind="stable")[:most]
    doubted: Ints = view.samples[ranked[wrong[ranked] >= schedule.doubt_above]]
    return doubted


def _lessons(view: View, count: int, schedule: Schedule, young: bool) -> Ints:
    """The samples that the model is least sure of; while it is young, some far from those and from each other."""
    far = round(schedule.far_share * count) if young and view.embeddings is not None else 0
    close = uncertain(view.probabilities, count - far)
    if not far or view.embeddings is None:
        return np.asarray(view.samples[close])
    return np.asarray(view.samples[np.concatenate([close, diverse(view.embeddings, close, far, schedule.seed)])])


def _worth_trying(schedule: Schedule, number: int) -> float:
    """The least number of samples for which an attempt could pay: twice the audits that an errorless one takes."""
    return 2 * math.log(1 / alpha_for_attempt(schedule.alpha, number)) / schedule.eps
