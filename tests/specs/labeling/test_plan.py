"""Campaign planning, simulated: no store, no images, a noisy model that learns."""

from __future__ import annotations

from dataclasses import dataclass, field
from unittest.mock import patch

import numpy as np
import pytest
from scipy.stats import binom

from sightloop.errors import Corrupt
from sightloop.labeling.acceptance import canonical, decide, replay_acceptance
from sightloop.labeling.cost import audits_needed, best_size
from sightloop.labeling.plan import (
    AUDITORS,
    UNSURE,
    Accept,
    Ask,
    Attempt,
    Done,
    GiveUp,
    Ints,
    Propose,
    Purpose,
    Schedule,
    State,
    View,
    audit_order,
    next_move,
    settled,
)
from sightloop.vision import RegionTest


@dataclass
class Simulation:
    """A pool with a truth, a model that is wrong on `hard` of it, and everything that was asked."""

    size: int
    hard: float
    seed: int = 0
    unsure: frozenset[int] = frozenset()
    schedule: Schedule = field(default_factory=Schedule)
    asked: list[tuple[Purpose, tuple[int, ...]]] = field(default_factory=list)
    accepted: dict[int, int] = field(default_factory=dict)
    give_ups: int = 0
    boasts: bool = False  # whether the model claims to be sure of all
    slips: float = 0.0  # how often a reviewer errs
    final: list[int] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.people_rng = np.random.default_rng([self.seed, 1])

    def run(self) -> Simulation:
        rng = np.random.default_rng(self.seed)
        truth = rng.integers(0, 2, self.size)
        doubt = rng.random(self.size)
        wrong = rng.random(self.size) < self.hard * doubt
        claim = np.where(wrong, 1 - truth, truth)
        sure = np.full(self.size, 0.999) if self.boasts else np.maximum(1 - self.hard * doubt, 0.5)
        probabilities = np.where(claim[:, None] == np.arange(2), sure[:, None], 1 - sure[:, None])
        state = State(self.size)

        def look(samples: Ints) -> View:
            held_out = {i: float(probabilities[i, votes[0]]) for i, votes in state.votes.items() if votes[0] != UNSURE}
            return View(samples, probabilities[samples], held_out=held_out)

        for _ in range(10_000):
            move = next_move(state, self.schedule, look)
            if isinstance(move, Done):
                self.truth = truth.tolist()
                self.final = [state.answer(i) if i in state.votes else self.accepted[i] for i in range(self.size)]
                return self
            self._apply(move, state, truth)
        raise AssertionError("The campaign does not end.")

    def _apply(self, move: object, state: State, truth: Ints) -> None:
        if isinstance(move, Ask):
            self.asked.append((move.purpose, tuple(move.samples.tolist())))
            for i in move.samples.tolist():
                state.take(i, UNSURE if i in self.unsure else self._said(int(truth[i])), move.purpose)
        elif isinstance(move, Propose):
            state.attempts.append(Attempt(move.samples, move.labels))
        elif isinstance(move, Accept):
            attempt = state.attempts[-1]
            labels = dict(zip(attempt.region.tolist(), attempt.labels.tolist(), strict=True))
            self.accepted |= {i: labels[i] for i in move.samples.tolist()}
            state.accept(move.samples.tolist())
        else:
            assert isinstance(move, GiveUp)
            self.give_ups += 1
            state.attempts[-1].closed = True

    def _said(self, truth: int) -> int:
        return 1 - truth if self.people_rng.random() < self.slips else truth

    @property
    def checks(self) -> int:
        return sum(len(samples) for purpose, samples in self.asked if purpose is Purpose.CHECK)

    @property
    def label_error(self) -> float:
        return float(np.mean(np.array(self.final) != self.truth))

    @property
    def people(self) -> list[int]:
        return [i for purpose, samples in self.asked if purpose is not Purpose.CHECK for i in samples]


def test_every_sample_is_decided_once() -> None:
    simulation = Simulation(500, hard=0.05).run()
    assert sorted([*simulation.people, *simulation.accepted]) == list(range(500))


def test_an_easy_pool_needs_few_people() -> None:
    simulation = Simulation(2000, hard=0.01).run()
    assert len(simulation.people) < 0.5 * 2000


def test_a_hopeless_pool_is_left_to_people() -> None:
    assert len(Simulation(600, hard=0.9).run().people) == 600


def test_a_model_that_boasts_is_found_out_by_the_audits_and_given_up() -> None:
    simulation = Simulation(600, hard=0.9, boasts=True).run()
    assert simulation.give_ups >= 1
    assert len(simulation.people) == 600


def test_the_same_answers_lead_to_the_same_questions() -> None:
    assert Simulation(400, hard=0.1).run().asked == Simulation(400, hard=0.1).run().asked


def test_samples_that_nobody_can_label_do_not_hold_the_campaign_up() -> None:
    simulation = Simulation(400, hard=0.05, unsure=frozenset(range(0, 400, 40))).run()
    assert len(simulation.people) + len(simulation.accepted) == 400


def test_audits_follow_the_random_order_that_the_seed_fixed() -> None:
    simulation = Simulation(800, hard=0.02).run()
    audited = [i for purpose, samples in simulation.asked if purpose is Purpose.AUDIT for i in samples]
    assert len(audited) > 40
    assert audited != sorted(audited)


def test_an_audit_that_a_slip_contradicts_is_asked_about_again_and_stands() -> None:
    simulation = Simulation(2000, hard=0.01, slips=0.05).run()
    assert len(simulation.accepted) > 1000
    assert simulation.checks > 0


def test_without_checks_erring_reviewers_let_no_region_pass() -> None:
    with patch("sightloop.labeling.plan.AUDITORS", 1):
        simulation = Simulation(2000, hard=0.01, slips=0.08, schedule=Schedule(check_below=0.0)).run()
    assert not simulation.accepted


def test_checked_labels_are_better_than_the_reviewers() -> None:
    errors = [Simulation(600, hard=0.05, seed=seed, slips=0.05).run().label_error for seed in range(5)]
    assert np.mean(errors) < 0.8 * 0.05


def test_reviewers_who_do_not_err_are_hardly_checked() -> None:
    simulation = Simulation(600, hard=0.05).run()
    assert simulation.checks <= 0.02 * 600


@pytest.mark.parametrize(
    ("votes", "label"),
    [((0, 1), 0), ((0, 1, 1), 1), ((2, 1, 0), 2), ((0, UNSURE, 1), 0), ((0, UNSURE), 0), ((UNSURE, 1), UNSURE)],
)
def test_the_label_is_what_most_people_said_and_the_first_where_they_are_as_many(
    votes: tuple[int, ...], label: int
) -> None:
    assert settled(votes, UNSURE) == label


def test_the_region_that_costs_least_is_all_of_a_pool_without_errors() -> None:
    assert best_size(np.full(1000, 1e-4), 0.05, 0.05) == 1000


def test_hardly_a_region_is_worth_its_audits_where_every_label_is_wrong_twice_as_often_as_eps() -> None:
    assert best_size(np.full(1000, 0.11), 0.05, 0.05) <= 60


def test_the_region_leaves_out_labels_that_would_cost_more_audits_than_answers() -> None:
    assert 700 <= best_size(np.r_[np.full(800, 0.005), np.full(200, 0.4)], 0.05, 0.05) <= 860


@pytest.mark.parametrize(("rate", "low", "high"), [(0.0, 50, 90), (0.02, 100, 330), (0.03, 200, 700)])
def test_the_audits_expected_are_about_those_that_the_test_takes(rate: float, low: float, high: float) -> None:
    expected = audits_needed(np.array([rate * 1400]), np.array([1400]), np.array([71.0]), np.log(1 / 0.0375))
    taken = [_audits_taken(1400, rate, seed) for seed in range(40)]
    assert low <= expected[0] <= high
    assert 0.5 <= expected[0] / np.mean(taken) <= 2.0


def _audits_taken(size: int, rate: float, seed: int) -> int:
    wrong = np.random.default_rng(seed).permutation(np.arange(size) < rate * size)
    test = RegionTest(size, 0.05, 0.0375)
    for outcome in wrong.tolist():
        if test.certified:
            break
        test.audit(outcome)
    return test.audits


TRIALS = 150


def _bad_regions_accepted(first_friend_acquits: bool) -> int:
    """Of TRIALS regions of 400 with 27 wrong labels, over eps = 5 %, those that erring reviewers let pass."""
    accepted = 0
    for seed in range(TRIALS):
        rng = np.random.default_rng(seed)
        order = rng.permutation(np.arange(400) < 27)
        test, left = RegionTest(400, 0.05, 0.05), 27
        for label_is_wrong in order.tolist():
            if test.certified:
                accepted += left > 0.05 * 400
                break
            votes = [bool(label_is_wrong) != (rng.random() < 0.2)]
            while votes[0] and max(sum(votes), len(votes) - sum(votes)) < AUDITORS:
                if first_friend_acquits and not votes[-1]:
                    break
                votes.append(bool(label_is_wrong) != (rng.random() < 0.2))
            verdict = all(votes) if first_friend_acquits else 2 * sum(votes) > len(votes)
            test.audit(verdict)
            left -= verdict and bool(label_is_wrong)
    return accepted


def test_a_majority_of_erring_reviewers_keeps_the_bound() -> None:
    assert _bad_regions_accepted(first_friend_acquits=False) <= binom.ppf(0.999, TRIALS, 0.05)


def test_a_check_that_ends_at_the_first_friendly_answer_breaks_it() -> None:
    assert _bad_regions_accepted(first_friend_acquits=True) > binom.ppf(0.999, TRIALS, 0.05)


def evidence(audits: int) -> dict[str, object]:
    region = [f"smp_{i}" for i in range(200)]
    order = audit_order(1, 200, 7)
    seen = [[region[i], "ok", "audit"] for i in order[:audits]]
    return {"attempt": 1, "eps": 0.05, "alpha": 0.05, "seed": 7, "region": region, "labels": ["ok"] * 200, "seen": seen}


def test_a_decision_is_recomputed_from_its_evidence() -> None:
    outcome = replay_acceptance(canonical(evidence(70)))
    assert outcome["certified"]
    assert outcome["accepted"] == 130


def test_too_few_audits_certify_nothing() -> None:
    assert decide(evidence(20))["accepted"] == 0


def test_audits_that_were_picked_are_found_out() -> None:
    picked = evidence(70)
    picked["seen"] = [[f"smp_{i}", "ok", "audit"] for i in range(70)]
    with pytest.raises(Corrupt, match="random order"):
        decide(picked)
