"""Campaign planning, simulated: no store, no images, a noisy model that learns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from sightloop.errors import Corrupt
from sightloop.labeling.acceptance import canonical, decide, replay_acceptance
from sightloop.labeling.plan import (
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
)


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

    def run(self) -> Simulation:
        rng = np.random.default_rng(self.seed)
        truth = rng.integers(0, 2, self.size)
        doubt = rng.random(self.size)
        wrong = rng.random(self.size) < self.hard * doubt
        claim = np.where(wrong, 1 - truth, truth)
        sure = np.maximum(1 - self.hard * doubt, 0.5)
        probabilities = np.where(claim[:, None] == np.arange(2), sure[:, None], 1 - sure[:, None])
        state = State(self.size)

        def look(samples: Ints) -> View:
            return View(samples, probabilities[samples])

        for _ in range(10_000):
            move = next_move(state, self.schedule, look)
            if isinstance(move, Done):
                return self
            self._apply(move, state, truth)
        raise AssertionError("The campaign does not end.")

    def _apply(self, move: object, state: State, truth: Ints) -> None:
        if isinstance(move, Ask):
            self.asked.append((move.purpose, tuple(move.samples.tolist())))
            for i in move.samples.tolist():
                state.answers[i] = UNSURE if i in self.unsure else int(truth[i])
                if move.purpose in (Purpose.AUDIT, Purpose.DOUBT):
                    attempt = state.attempts[-1]
                    label = int(attempt.labels[attempt.region.tolist().index(i)])
                    attempt.seen.append((i, state.answers[i] != label, move.purpose))
        elif isinstance(move, Propose):
            state.attempts.append(Attempt(move.samples, move.labels))
        elif isinstance(move, Accept):
            attempt = state.attempts[-1]
            labels = dict(zip(attempt.region.tolist(), attempt.labels.tolist(), strict=True))
            self.accepted |= {i: labels[i] for i in move.samples.tolist()}
            state.accepted |= set(move.samples.tolist())
            attempt.closed = True
        else:
            assert isinstance(move, GiveUp)
            self.give_ups += 1
            state.attempts[-1].closed = True

    @property
    def people(self) -> list[int]:
        return [i for _, samples in self.asked for i in samples]


def test_every_sample_is_decided_once() -> None:
    simulation = Simulation(500, hard=0.05).run()
    assert sorted([*simulation.people, *simulation.accepted]) == list(range(500))


def test_an_easy_pool_needs_few_people() -> None:
    simulation = Simulation(2000, hard=0.01).run()
    assert len(simulation.people) < 0.5 * 2000


def test_a_hopeless_pool_is_left_to_people_after_the_attempts() -> None:
    simulation = Simulation(600, hard=0.9).run()
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
