"""What a campaign asks next: pure decisions over indices of its pool, so that a whole campaign can be simulated.

    seed -> lessons (uncertain and diverse) -> region -> audits, doubts -> accept -> done
                     ^                                        |
                     +------- hopeless: next attempt ---------+ -> rest -> done

An answer that the model or a proposed label contradicts is checked: asked again blind, and a third time where the two
differ. The state holds nothing but the answers in the order in which they were asked for, so the same answers always
lead to the same questions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from sightloop.labeling.cost import best_size, doubts_worth_asking
from sightloop.vision import RegionTest, alpha_for_attempt, diverse, uncertain

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]

UNSURE: Final = -1  # an answer without a label: the person skipped or rejected the item
AUDITORS: Final = 3  # who must agree on an audit that contradicts its proposed label; of other checks, two
T = TypeVar("T")
PRIOR: Final = 50.0


class Purpose(StrEnum):
    """Why a person is asked. Audits, checks and second opinions are blind: no suggestion is shown."""

    SEED = "seed"
    LESSON = "lesson"
    AUDIT = "audit"
    DOUBT = "doubt"
    REST = "rest"
    CHECK = "check"
    SECOND = "second"

    @property
    def blind(self) -> bool:
        return self in (Purpose.SEED, Purpose.AUDIT, Purpose.CHECK, Purpose.SECOND)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a campaign spends its questions; the defaults were chosen on ELPV (README).

    Attributes:
        eps, alpha: of the accepted labels at most eps wrong, except with probability alpha over all attempts.
        seed_count: random labels before there is a model.
        batch: lessons before the model is trained again; 0 takes a fortieth of the pool, at least 10.
        far_share: share of a batch that is chosen for diversity while fewer than twice `seed_count` answers are in;
            such a batch is of `seed_count`.
        check_below: an answer is checked where a model that did not learn from it finds it less probable than this.
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
    check_below: float = 0.05
    give_up_share: float = 0.75
    attempts: int = 3
    seed: int = 0

    def batch_of(self, size: int) -> int:
        """Lessons in a batch, for a pool of this size."""
        return self.batch or max(10, size // 40)


@dataclass(slots=True)
class Attempt:
    """A proposed region, samples and class indices fixed before its first audit, and whom people were asked about.

    `seen` holds sample and AUDIT or DOUBT in the order of the questions.
    """

    region: Ints
    labels: Ints
    seen: list[tuple[int, Purpose]] = field(default_factory=list)
    closed: bool = False


@dataclass(slots=True)
class State:
    """A pool of `size` samples (indices 0 to size - 1) and all that was answered about them."""

    size: int
    votes: dict[int, list[int]] = field(default_factory=dict)  # sample to class indices, or UNSURE, in order
    attempts: list[Attempt] = field(default_factory=list)
    accepted: set[int] = field(default_factory=set)
    context: frozenset[int] = frozenset()  # class indices that labels from outside the pool show
    last: Purpose | None = None
    lessons: list[tuple[int, int, float]] = field(default_factory=list)  # sample, suggested class, its probability

    def take(
        self,
        sample: int,
        answer: int,
        purpose: Purpose,
        suggestion: tuple[int, float] | None = None,
        attempt: Attempt | None = None,
    ) -> None:
        """Nothing; an answer about the sample. Audits and doubts are of an attempt, the newest by default."""
        self.votes.setdefault(sample, []).append(answer)
        self.last = purpose
        if purpose is Purpose.LESSON and suggestion is not None:
            self.lessons.append((sample, *suggestion))
        if purpose in (Purpose.AUDIT, Purpose.DOUBT):
            (attempt or self.attempts[-1]).seen.append((sample, purpose))

    def answer(self, sample: int) -> int:
        """What people say of the sample: a class index, or UNSURE."""
        return settled(self.votes[sample], UNSURE)

    def accept(self, samples: Sequence[int]) -> None:
        """Nothing; the newest attempt is certified, and these samples of its region keep their proposed labels."""
        self.accepted.update(samples)
        self.attempts[-1].closed = True

    def may_check(self, sample: int, needed: int = 2) -> bool:
        """Whether `needed` people who agree are still to be found, among at most 2 needed - 1."""
        votes = self.votes[sample]
        return votes[0] != UNSURE and max(Counter(votes).values()) < needed and len(votes) < 2 * needed - 1

    @property
    def unlabelled(self) -> Ints:
        """Samples that nobody answered for and no region accepted, ascending."""
        free = np.ones(self.size, np.bool_)
        free[list(self.votes)] = False
        free[list(self.accepted)] = False
        return np.flatnonzero(free)


def settled(votes: Sequence[T], unsure: T) -> T:
    """The label that most people gave; of equal counts the one that was given first."""
    counts = Counter(vote for vote in votes if vote != unsure)
    return counts.most_common(1)[0][0] if counts and votes[0] != unsure else unsure


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
    """What a model says of samples: probabilities (n, C), and for diversity embeddings (n, d) or none.

    `held_out` holds for some answered samples the probability of their label, from a model that did not learn from it.
    """

    samples: Ints
    probabilities: Floats
    embeddings: Floats | None = None
    held_out: Mapping[int, float] = field(default_factory=dict)

    def of(self, samples: Ints) -> View:
        """What it says of some of its samples; its own ascend."""
        rows = np.searchsorted(self.samples, samples)
        embeddings = None if self.embeddings is None else self.embeddings[rows]
        return View(samples, self.probabilities[rows], embeddings, self.held_out)


def next_move(state: State, schedule: Schedule, look: Callable[[Ints], View]) -> Move:
    """The next move; `look` trains on all answers and views the given samples, and is called only where needed."""
    left = state.unlabelled
    if not state.votes:
        return Ask(draw(left, schedule.seed_count, schedule.seed), Purpose.SEED) if left.size else Done()
    if state.attempts and not state.attempts[-1].closed:
        return _go_on(state, schedule, look)
    batch, tried = schedule.batch_of(state.size), len(state.attempts)
    answers = {state.answer(sample) for sample in state.votes}
    if len((answers - {UNSURE}) | set(state.context)) < 2:
        return Ask(draw(left, batch, schedule.seed + len(state.votes)), Purpose.SEED) if left.size else Done()
    view = look(left)
    contradicted = [i for i, p in sorted(view.held_out.items()) if p < schedule.check_below and state.may_check(i)]
    check = Ask(np.array(contradicted, np.int64), Purpose.CHECK)
    if not left.size:
        return check if contradicted else Done()
    if contradicted and state.last is not Purpose.CHECK:
        return check
    if state.accepted or tried >= schedule.attempts or left.size < _worth_trying(schedule, tried + 1):
        return Ask(left, Purpose.REST)
    confidence = view.probabilities.max(axis=1)
    ranked = np.argsort(-confidence, kind="stable")
    young = len(state.votes) < 2 * schedule.seed_count
    wrong, expected = _last_lessons(state, 2 * batch)
    error = (1 - confidence[ranked]) * min(1.0, wrong / expected)
    size = best_size(error, schedule.eps, alpha_for_attempt(schedule.alpha, tried + 1))
    if young or size <= left.size - batch:
        count = min(schedule.seed_count if young else batch, left.size)
        return Ask(_lessons(view, count, schedule, young), Purpose.LESSON)
    region = ranked[:size]
    return Propose(view.samples[region], view.probabilities[region].argmax(axis=1).astype(np.int64))


def _last_lessons(state: State, last: int) -> tuple[float, float]:
    """The share of so many last suggestions that was wrong, and the share that the model expected; 1 and 1 if fewer.

    Lessons are hard samples, and a model judged on them thinks worse of the others than they deserve. The newest ones
    are judged by a model that had not seen them, and lie next to those that would be proposed.
    """
    if len(state.lessons) < last:
        return 1.0, 1.0
    newest = state.lessons[-last:]
    wrong = float(np.mean([state.answer(sample) != suggestion for sample, suggestion, _ in newest]))
    return wrong, max(float(np.mean([1 - probability for _, _, probability in newest])), 1e-6)


def draw(samples: Ints, count: int, seed: int) -> Ints:
    """Up to `count` of the samples, uniformly at random without replacement, in random order."""
    return np.random.default_rng(seed).permutation(samples)[:count].astype(np.int64)


def audit_order(attempt: int, size: int, seed: int) -> Ints:
    """The random order, positions in the region, in which the attempt's samples are audited; fixed by the seed."""
    return np.random.default_rng([seed, attempt]).permutation(size).astype(np.int64)


def test_of(
    region_size: int, seen: Iterable[tuple[Purpose, bool]], number: int, eps: float, alpha: float
) -> RegionTest:
    """The test of an attempt (counted from 1) after all its answers: why each was asked, and if it was wrong."""
    test = RegionTest(region_size, eps, alpha_for_attempt(alpha, number))
    for purpose, wrong in seen:
        if purpose is Purpose.AUDIT:
            test.audit(wrong)
        else:
            test.take_out(wrong)
    return test


def _go_on(state: State, schedule: Schedule, look: Callable[[Ints], View]) -> Move:
    attempt, number = state.attempts[-1], len(state.attempts)
    label_of = dict(zip(attempt.region.tolist(), attempt.labels.tolist(), strict=True))
    found = [(sample, purpose, state.answer(sample) != label_of[sample]) for sample, purpose in attempt.seen]
    contested = [i for i, purpose, _ in found if purpose is Purpose.AUDIT and state.votes[i][0] != label_of[i]]
    unsettled = [i for i in contested if state.may_check(i, AUDITORS)]
    if unsettled:
        return Ask(np.array(unsettled, np.int64), Purpose.CHECK)
    test = test_of(len(attempt.region), [(why, wrong) for _, why, wrong in found], number, schedule.eps, schedule.alpha)
    order = attempt.region[audit_order(number, len(attempt.region), schedule.seed)]
    unseen = order[~np.isin(order, [i for i, _, _ in found])]
    if test.certified:
        return Accept(np.sort(unseen))
    since = next((n for n, (_, why, _) in enumerate(reversed(found)) if why is Purpose.DOUBT), len(found))
    if since >= max(1, schedule.batch_of(state.size) // 4):
        view = look(np.sort(unseen))
        labels = np.array([label_of[int(i)] for i in view.samples])
        wrong = 1 - view.probabilities[np.arange(len(labels)), labels]
        doubts = _doubts(view.samples, wrong, test, schedule.batch_of(state.size))
        if doubts.size:
            return Ask(doubts, Purpose.DOUBT)
    further = test.min_further()
    again = number < schedule.attempts and len(unseen) >= _worth_trying(schedule, number + 1)
    if further >= len(unseen) or (again and further > schedule.give_up_share * len(unseen)):
        return GiveUp()
    return Ask(unseen[:further], Purpose.AUDIT)


def _doubts(samples: Ints, wrong: Floats, test: RegionTest, most: int) -> Ints:
    """The unseen samples of a region, likeliest wrong first, for which asking on purpose saves audits.

    The model's error rate is weighed against the one that the audits found, as if it stood for PRIOR audits.
    """
    ranked = np.argsort(-wrong, kind="stable")
    expected = max(float(wrong.mean()), 1e-9)
    factor = (PRIOR * expected + test.errors) / (PRIOR + test.audits) / expected
    nats = max(math.log(1 / test.alpha) - math.log(max(test.wealth, 1.0)), 0.1)
    count = doubts_worth_asking(np.minimum(factor * wrong[ranked], 1.0), most, test.allowed + 1, test.eps, nats)
    doubted: Ints = samples[ranked[:count]]
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
