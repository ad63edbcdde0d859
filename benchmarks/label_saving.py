"""How many decisions does a certified campaign save? `python -m benchmarks.label_saving elpv fashion-mnist`.

Drives the product's planner (`labeling.plan`), suggester (`training.suggester`) and bound (`vision.RegionTest`) over
cached embeddings, with reviewers who err and take time, and holds decisions, minutes and the final label error against
labelling everything by hand, against random lessons and against plain uncertainty sampling. Both rivals learn from as
many labels as the campaign of the same seed did, then accept by the same bound the region that is expected to cost
least; they check contradicted audits as the campaign does (else erring reviewers let nothing pass), nothing else.

Reviewers are independent. An answer is wrong with probability `--error`, any wrong class as likely. To choose a class
takes 2 s, to verify a suggestion 2 s and, where it is not right, 2 s more for the class (design figures, after
Papadopoulos et al., CVPR 2016, who measured 1.6 to 1.9 s for verifying a box; drawing one takes 7 s, Papadopoulos et
al., ICCV 2017, to 35 s, Su et al., AAAI workshop 2012); each time is lognormal about that mean, sigma 0.4.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from benchmarks.label_data import CACHE, Data, clear_cells, fashion
from benchmarks.results import FOLDER, keep
from sightloop.datasets import Datasets
from sightloop.domain import Caller, Role
from sightloop.labeling.cost import best_size
from sightloop.labeling.plan import (
    AUDITORS,
    Accept,
    Ask,
    Attempt,
    Done,
    Ints,
    Propose,
    Purpose,
    Schedule,
    State,
    View,
    audit_order,
    draw,
    next_move,
    settled,
)  # fmt: skip
from sightloop.training.suggester import HeadSuggester
from sightloop.vision import RegionTest, alpha_for_attempt, uncertain

GOALS = {"elpv": (0.05, 0.55), "fashion-mnist": (0.02, 0.70)}  # eps, share of decisions to save
BATCH = {"elpv": 0, "fashion-mnist": 2500}  # lessons in a batch; 0 leaves it to the plan
ERROR_GOAL = 0.8  # of all-manual's
CHOOSE_S, VERIFY_S, SIGMA = 2.0, 2.0, 0.4
SHOWN = (Purpose.LESSON, Purpose.DOUBT, Purpose.REST)


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """The part of `Datasets` that the suggester reads, over features in memory; ids are positions."""

    data: Data

    @property
    def embedder_id(self) -> str:
        return str(self.data.embedding["embedder"])

    def embeddings(self, _caller: Caller, sample_ids: Sequence[str]) -> npt.NDArray[np.float16]:
        return self.data.features[[int(sample) for sample in sample_ids]]


class Model:
    """The product's suggester over a pool of positions."""

    def __init__(self, data: Data) -> None:
        self._suggester = HeadSuggester(cast(Datasets, Held(data)))
        self._classes = data.classes
        self._caller = Caller("benchmark", "benchmark", Role.ADMIN)
        self._ids = np.array([f"{i:06}" for i in range(len(data.truth))])

    def view(self, answers: dict[int, int], samples: Ints, seed: int) -> View:
        """As `Campaigns` makes one."""
        found = self._suggester.suggest(
            self._caller,
            labelled={str(self._ids[i]): self._classes[label] for i, label in answers.items()},
            candidates=self._ids[samples].tolist(),
            classes=self._classes,
            seed=seed,
        )
        held_out = {int(sample): p for sample, p in found.held_out.items()}
        return View(samples, found.probabilities, found.embeddings, held_out)


@dataclass(slots=True)
class Reviewers:
    """People who see the truth, err, take time, and are counted."""

    truth: npt.NDArray[np.int64]
    classes: int
    error: float
    seed: int
    seconds: float = 0.0
    asked: Counter[str] = field(default_factory=Counter)
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, 1])

    def answer(self, sample: int, purpose: Purpose, suggestion: int | None = None) -> int:
        said = int(self.truth[sample])
        if self._rng.random() < self.error:
            said = (said + int(self._rng.integers(1, self.classes))) % self.classes
        takes = CHOOSE_S if suggestion is None else VERIFY_S + CHOOSE_S * (said != suggestion)
        self.seconds += takes * float(self._rng.lognormal(-(SIGMA**2) / 2, SIGMA))
        self.asked[str(purpose)] += 1
        return said


def campaign(data: Data, model: Model, schedule: Schedule, error: float) -> dict[str, Any]:
    """The row of one campaign by the product's plan."""
    began = time.monotonic()
    people = Reviewers(data.truth, len(data.classes), error, schedule.seed)
    state = State(len(data.truth))
    regions = []
    while True:
        views: list[View] = []

        def look(samples: Ints, views: list[View] = views) -> View:
            if not views:
                answers = {i: state.answer(i) for i in sorted(state.votes)}
                views.append(model.view(answers, state.unlabelled, schedule.seed))
            return views[0].of(samples)

        move = next_move(state, schedule, look)
        if isinstance(move, Done):
            break
        if isinstance(move, Ask):
            shown: dict[int, tuple[int, float]] = {}
            if move.purpose in SHOWN:
                likely = look(move.samples).probabilities
                pairs = zip(likely.argmax(axis=1).tolist(), likely.max(axis=1).tolist(), strict=True)
                shown = dict(zip(move.samples.tolist(), pairs, strict=True))
            for i in move.samples.tolist():
                suggestion = shown.get(i)
                said = people.answer(i, move.purpose, None if suggestion is None else suggestion[0])
                state.take(i, said, move.purpose, suggestion)
        elif isinstance(move, Propose):
            state.attempts.append(Attempt(move.samples, move.labels))
            wrong = float((data.truth[move.samples] != move.labels).mean())
            before = {"learned_from": len(state.votes), "asked_before": sum(people.asked.values())}
            regions.append({"size": len(move.samples), "wrong": round(wrong, 4), "certified": False, **before})
        elif isinstance(move, Accept):
            state.accept(move.samples.tolist())
            regions[-1]["certified"] = True
        else:
            state.attempts[-1].closed = True
    final = np.array([state.answer(i) if i in state.votes else -1 for i in range(state.size)])
    accepted = np.array(sorted(state.accepted), np.int64)
    seen: list[int] = []
    if accepted.size:
        attempt = state.attempts[-1]
        label_of = dict(zip(attempt.region.tolist(), attempt.labels.tolist(), strict=True))
        final[accepted] = [label_of[i] for i in accepted.tolist()]
        seen = [i for i, purpose in attempt.seen if purpose is Purpose.AUDIT]
    return _row(data, people, final, accepted, seen, regions, schedule, began)


def rival(data: Data, model: Model, schedule: Schedule, error: float, lessons: int, at_random: bool) -> dict[str, Any]:
    """The row of random lessons, or of plain uncertainty sampling, with the same budget and the same bound."""
    began = time.monotonic()
    people = Reviewers(data.truth, len(data.classes), error, schedule.seed)
    answers: dict[int, int] = {}
    everyone = np.arange(len(data.truth))

    def left() -> Ints:
        return np.setdiff1d(everyone, np.fromiter(answers, np.int64))

    while len(answers) < lessons:
        count = min(schedule.batch_of(len(everyone)), lessons - len(answers))
        if not answers or at_random:
            count = lessons if at_random else min(schedule.seed_count, lessons)
            for i in draw(left(), count, schedule.seed).tolist():
                answers[i] = people.answer(i, Purpose.SEED)
            continue
        view = model.view(answers, left(), schedule.seed)
        rows = uncertain(view.probabilities, count)
        for i, suggestion in zip(view.samples[rows].tolist(), view.probabilities[rows].argmax(axis=1), strict=True):
            answers[i] = people.answer(i, Purpose.LESSON, int(suggestion))
    view = model.view(answers, left(), schedule.seed)
    confidence = view.probabilities.max(axis=1)
    ranked = np.argsort(-confidence, kind="stable")
    alpha = alpha_for_attempt(schedule.alpha, 1)
    region = ranked[: best_size(1 - confidence[ranked], schedule.eps, alpha)]
    labels = dict(zip(view.samples[region].tolist(), view.probabilities[region].argmax(axis=1).tolist(), strict=True))
    audited: list[int] = []
    regions = []
    if labels:
        test = RegionTest(len(labels), schedule.eps, alpha)
        for i in np.array(list(labels))[audit_order(1, len(labels), schedule.seed)].tolist():
            if test.certified:
                break
            votes = [people.answer(i, Purpose.AUDIT)]
            while votes[0] != labels[i] and max(Counter(votes).values()) < AUDITORS:
                votes.append(people.answer(i, Purpose.CHECK))
            answers[i] = settled(votes, -1)
            audited.append(i)
            test.audit(answers[i] != labels[i])
        wrong = float(np.mean([data.truth[i] != label for i, label in labels.items()]))
        regions.append({"size": len(labels), "wrong": round(wrong, 4), "certified": test.certified})
    shown = dict(zip(view.samples.tolist(), view.probabilities.argmax(axis=1).tolist(), strict=True))
    for i in left().tolist():
        if i not in labels:
            answers[i] = people.answer(i, Purpose.REST, shown[i])
    accepted = left()
    final = np.array([answers.get(i, labels.get(i, -1)) for i in everyone.tolist()])
    return _row(data, people, final, accepted, audited, regions, schedule, began)


def _row(
    data: Data, people: Reviewers, final: Ints, accepted: Ints, audited: list[int], regions: list[dict[str, Any]],
    schedule: Schedule, began: float,
) -> dict[str, Any]:  # fmt: skip
    size, decisions = len(data.truth), sum(people.asked.values())
    wrong = final != data.truth
    with_audits = np.concatenate([accepted, np.array(audited, np.int64)])
    claimed = float(wrong[with_audits].mean()) if len(accepted) else 0.0
    return {
        "seed": schedule.seed, "decisions": decisions, "saved": round(1 - decisions / size, 4),
        "minutes": round(people.seconds / 60, 1), "label_error": round(float(wrong.mean()), 4),
        "accepted": len(accepted), "accepted_error": round(float(wrong[accepted].mean()), 4) if len(accepted) else 0.0,
        "claimed_error": round(claimed, 4), "violation": claimed > schedule.eps, "asked": dict(people.asked),
        "regions": regions, "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


def by_hand(data: Data, seed: int, error: float) -> dict[str, Any]:
    """The row of one choice of a class for every sample."""
    people = Reviewers(data.truth, len(data.classes), error, seed)
    final = np.array([people.answer(i, Purpose.REST) for i in range(len(data.truth))])
    return {
        "seed": seed, "decisions": len(final), "saved": 0.0, "minutes": round(people.seconds / 60, 1),
        "label_error": round(float((final != data.truth).mean()), 4),
    }  # fmt: skip


def compared(data: Data, seeds: Sequence[int], error: float) -> Iterator[dict[str, Any]]:
    """After each seed: rows by method, and their summary so far."""
    eps, goal = GOALS[data.name]
    model = Model(data)
    rows: dict[str, list[dict[str, Any]]] = {"sightloop": [], "all_manual": [], "random": [], "uncertainty": []}
    for done, seed in enumerate(seeds, start=1):
        schedule = Schedule(eps=eps, seed=seed, batch=BATCH[data.name])
        ours = campaign(data, model, schedule, error)
        budget = ours["regions"][0]["learned_from"] if ours["regions"] else len(data.truth) // 2
        rows["sightloop"].append(ours)
        rows["all_manual"].append(by_hand(data, seed, error))
        rows["random"].append(rival(data, model, schedule, error, budget, at_random=True))
        rows["uncertainty"].append(rival(data, model, schedule, error, budget, at_random=False))
        saved = {name: found[-1]["saved"] for name, found in rows.items()}
        print(f"{data.name} seed {seed}: saved {saved}", file=sys.stderr, flush=True)
        yield {
            "size": len(data.truth), "seeds": done, "eps": eps, "goal_saved": goal, "reviewer_error": error,
            "goal_error": ERROR_GOAL, "embedding": data.embedding, "rows": rows,
            "summary": {name: summary(found) for name, found in rows.items()},
        }  # fmt: skip


def joined(before: dict[str, list[dict[str, Any]]], found: dict[str, Any]) -> dict[str, Any]:
    """The figures with the rows of seeds that were measured before; a seed that was measured again counts once."""
    rows = {
        name: sorted({row["seed"]: row for row in [*before.get(name, []), *more]}.values(), key=lambda row: row["seed"])
        for name, more in found["rows"].items()
    }
    summaries = {name: summary(more) for name, more in rows.items()}
    return {**found, "rows": rows, "seeds": len(rows["sightloop"]), "summary": summaries}


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean, least and most of each figure over seeds, and how often the claim did not hold."""
    figures = ("decisions", "saved", "minutes", "label_error", "accepted_error", "claimed_error")
    told: dict[str, Any] = {
        name: {"mean": round(float(np.mean(found)), 4), "min": min(found), "max": max(found)}
        for name in figures
        if (found := [row[name] for row in rows if name in row])
    }
    if any("violation" in row for row in rows):
        told["violations"] = sum(row.get("violation", False) for row in rows)
    return told


def main() -> int:
    """Exit status: 0 once the figures are printed and kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", default=list(GOALS), help="elpv, fashion-mnist; both if none is given.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=200, help="The first seed; designs were compared on those below.")
    parser.add_argument("--error", type=float, default=0.05, help="How often a reviewer errs.")
    parser.add_argument("--cache", type=Path, default=CACHE, help="Where embeddings are kept.")
    given = parser.parse_args()
    at = FOLDER / "label_saving.json"
    figures = json.loads(at.read_text()).get("data", {}) if at.exists() else {}
    for name in given.data:
        data = clear_cells(given.cache) if name == "elpv" else fashion(given.cache)
        before = figures.get(name, {}).get("rows", {})
        for found in compared(data, range(given.first, given.first + given.seeds), given.error):
            figures[name] = joined(before, found)
            keep("label_saving", {"data": figures})
        print(json.dumps(figures[name]["summary"], indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
